//! Resident memory of running processes.

/// The largest resident set of one of these processes since its start, in bytes; 0 when none runs.
pub(crate) fn peak(processes: &[u32]) -> u64 {
    largest(processes, "VmHWM:")
}

/// The largest resident set of one of these processes now, in bytes; 0 when none runs.
pub(crate) fn resident(processes: &[u32]) -> u64 {
    largest(processes, "VmRSS:")
}

fn largest(processes: &[u32], line: &str) -> u64 {
    let read = |process: &u32| std::fs::read_to_string(format!("/proc/{process}/status")).ok();
    let statuses = processes.iter().filter_map(read);
    statuses
        .filter_map(|status| kibibytes(&status, line))
        .max()
        .unwrap_or(0)
        * 1024
}

fn kibibytes(status: &str, line: &str) -> Option<u64> {
    let found = status.lines().find_map(|text| text.strip_prefix(line))?;
    found.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_of_a_process_status_is_read_in_kibibytes() {
        let status = "Name:\tx\nVmHWM:\t    6144 kB\nVmRSS:\t    5120 kB\n";
        assert_eq!(super::kibibytes(status, "VmRSS:"), Some(5120));
        assert_eq!(super::kibibytes(status, "VmHWM:"), Some(6144));
        assert_eq!(super::kibibytes("", "VmRSS:"), None);
    }

    #[test]
    fn this_process_has_memory_and_one_that_never_was_has_none() {
        assert!(super::resident(&[std::process::id()]) > 0);
        assert!(super::peak(&[std::process::id()]) > 0);
        assert_eq!(super::resident(&[u32::MAX]), 0);
    }
}

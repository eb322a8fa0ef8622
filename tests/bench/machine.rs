//! What the figures were measured on. No names of people or hosts, no paths.

use std::process::Command;

/// Processor, cores, kernel and compiler, each with its name; without what this machine does not tell.
pub(crate) fn describe() -> Vec<(String, String)> {
    let read = |path| std::fs::read_to_string(path).ok();
    let processor = read("/proc/cpuinfo").and_then(|text| processor(&text));
    let cores = std::thread::available_parallelism().ok();
    let kernel = read("/proc/sys/kernel/osrelease").map(|text| kernel(&text));
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let all = [
        ("processor", processor),
        ("cores", cores.map(|cores| cores.to_string())),
        ("architecture", Some(std::env::consts::ARCH.to_owned())),
        ("kernel", kernel),
        ("compiler", rustc),
    ];
    let known = all
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.filter(|v| !v.is_empty())?)));
    known.collect()
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    let (_, model) = line.split_once(':')?;
    Some(model.trim().to_owned())
}

/// The version alone: what follows it may be a name that somebody gave.
fn kernel(release: &str) -> String {
    let version = release.trim().split(['-', '+']).next().unwrap_or_default();
    format!("Linux {version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_described_without_anybodys_names() {
        assert_eq!(kernel("6.8.0-45-acme+\n"), "Linux 6.8.0");
        let cpuinfo = "processor\t: 0\nmodel name\t: Acme 9000 @ 2 GHz\nmodel name\t: Other\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("Acme 9000 @ 2 GHz"));
        assert_eq!(processor(""), None);
        let names: Vec<String> = describe().into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&"cores".to_owned()) && names.contains(&"compiler".to_owned()));
    }
}

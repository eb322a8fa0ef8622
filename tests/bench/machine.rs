//! The machine of the benchmark.

use std::fs;

use crate::programs;

/// Machine and versions, each with its name. Unknown ones are left out.
pub(crate) fn described() -> Vec<(String, String)> {
    let cores = std::thread::available_parallelism();
    let of_linux = [
        ("Processor", processor()),
        ("Cores", cores.ok().map(|cores| cores.to_string())),
        ("Linux", read("/proc/sys/kernel/osrelease")),
    ];
    let of_linux = of_linux
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    of_linux.chain(programs::versions()).collect()
}

fn processor() -> Option<String> {
    let processors = read("/proc/cpuinfo")?;
    let line = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name"))?;
    Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
}

fn read(file: &str) -> Option<String> {
    Some(fs::read_to_string(file).ok()?.trim().to_owned())
}

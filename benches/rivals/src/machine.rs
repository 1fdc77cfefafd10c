//! On what and when it was measured.

use std::fs;

/// One line.
pub fn described() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or("?", |(_, value)| value.trim())
    };
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{}, {cores} × {} (family {}, model {}), Linux {}, {}",
        jiff::Zoned::now().date(),
        field("model name"),
        field("cpu family"),
        field("model\t"),
        kernel.trim(),
        env!("COMPILED_BY"),
    )
}

/// How busy the machine was with other things.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

//! What a decision costs in each store, beside the least that the same machine, server and client could do for it.
//!
//! `cargo bench --bench stores` runs all sections, `cargo bench --bench stores -- memory` those that are named. A section
//! measures ours and the bare one in turns in one run, and prints their ratio. Servers are started for it; where one is not
//! installed, its section says so.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark is a command, measures real time, and stops at the first surprise"
)]

mod lease;
mod memory;
mod outage;
mod redis;
mod sql;
mod sqlite;

use std::{env, fs, process::ExitCode};

/// A name, and what it runs.
type Section = (&'static str, fn());

const SECTIONS: &[Section] = &[
    ("memory", memory::run),
    ("sqlite", sqlite::run),
    ("redis", redis::run),
    ("sql", sql::run),
    ("lease", lease::run),
    ("outage", outage::run),
];

fn main() -> ExitCode {
    // Cargo adds options of its own.
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = wanted.iter().find(|name| SECTIONS.iter().all(|(known, _)| known != name)) {
        let known: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        eprintln!("no section is called `{unknown}`; there are: {}", known.join(", "));
        return ExitCode::FAILURE;
    }
    for (name, run) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("\n== {name} (load {})", load());
            run();
        }
    }
    ExitCode::SUCCESS
}

/// How busy the machine is.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

//! How many instructions the main paths take, counted by Valgrind: a gate that no busy machine can disturb.
//!
//! `cargo bench --bench instructions` compares each path with `baseline.txt` and fails where one takes more than a tenth
//! more. With `-- --update` it writes that file. Each path runs twice in a process of its own, a few times and three
//! times as often: the difference is what the operations took, whatever preparing them did.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and prints what it counted"
)]

mod paths;
mod texts;

use std::{
    collections::BTreeMap,
    env, fs,
    path::PathBuf,
    process::{Command, ExitCode},
};

use paths::{PATHS, Path};

/// The most that a path may take, as a share of what it took when the baseline was written.
const MOST: f64 = 1.10;

/// Below this share of it the baseline should be written anew, so that what was won is kept.
const LEAST: f64 = 0.90;

/// The option by which this program runs one path under Valgrind.
const RUN: &str = "--run";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [RUN, name, times] => {
            let path = PATHS.iter().find(|path| path.name == *name).expect("a path of that name");
            let mut operation = (path.prepare)();
            (0..times.parse().unwrap()).for_each(|_| operation());
            ExitCode::SUCCESS
        }
        [] if !valgrind_is_there() => {
            println!("instruction counts: SKIPPED, valgrind is not installed");
            if env::var_os("CI").is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        [] => compare(&read_baseline()),
        ["--update"] => update(),
        other => panic!("unknown arguments: {other:?}"),
    }
}

fn valgrind_is_there() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// What one operation of a path takes.
fn count(path: &Path) -> u64 {
    (collected(path, path.times * 3) - collected(path, path.times)) / (path.times * 2)
}

/// What a process takes that does so many operations.
fn collected(path: &Path, times: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().unwrap())
        .args([RUN, path.name, &times.to_string()])
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", path.name);
    let total = said.lines().find_map(|line| line.split_once("Collected : ")).expect("a total");
    total.1.trim().parse().expect("a number")
}

fn compare(baseline: &BTreeMap<String, u64>) -> ExitCode {
    let (mut slower, mut faster) = (0, 0);
    println!("| instructions an operation | counted | baseline | |\n|---|---:|---:|---:|");
    for path in PATHS {
        let Some(wanted) = baseline.get(path.name) else {
            println!("| {} | {} | none | **no baseline** |", path.name, count(path));
            slower += 1;
            continue;
        };
        let counted = count(path);
        let share = counted as f64 / *wanted as f64;
        let verdict = if share > MOST {
            slower += 1;
            "**slower**"
        } else if share < LEAST {
            faster += 1;
            "faster"
        } else {
            ""
        };
        println!("| {} | {counted} | {wanted} | {:+.1} % {verdict} |", path.name, (share - 1.0) * 100.0);
    }
    let update = "cargo bench --bench instructions -- --update";
    if slower > 0 {
        println!("\n{slower} paths take over a tenth more than the baseline. If that is meant: {update}");
        return ExitCode::FAILURE;
    }
    if faster > 0 {
        println!("\n{faster} paths take a tenth less than the baseline. Keep what was won: {update}");
    }
    ExitCode::SUCCESS
}

fn update() -> ExitCode {
    let mut text =
        String::from("# Instructions an operation, by `cargo bench --bench instructions -- --update`.\n");
    for path in PATHS {
        let line = format!("{:>12}  {}\n", count(path), path.name);
        print!("{line}");
        text.push_str(&line);
    }
    fs::write(baseline(), text).unwrap();
    ExitCode::SUCCESS
}

fn baseline() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/baseline.txt")
}

fn read_baseline() -> BTreeMap<String, u64> {
    let text = fs::read_to_string(baseline()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (count, name) = line.trim().split_once("  ").expect("a count and a name");
            (name.to_owned(), count.parse().expect("a number"))
        })
        .collect()
}

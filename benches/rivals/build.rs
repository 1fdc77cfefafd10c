//! Writes the rules of the policies as Rust, one function for each number of rules: what a programmer would have written
//! by hand, and the compiler optimised. (For a thousand that takes the compiler minutes, and an index is faster.) Tells
//! the program which compiler that was.

#[path = "src/random.rs"]
mod random;
#[path = "src/rules.rs"]
#[expect(dead_code, reason = "of the program")]
mod rules;

use std::{env, fmt::Write as _, fs, path::Path, process::Command};

use rules::{Rule, Test, Text};

fn main() {
    println!("cargo::rerun-if-changed=src/random.rs");
    println!("cargo::rerun-if-changed=src/rules.rs");
    let mut text = String::new();
    for count in [1, 10, 100] {
        write!(text, "pub fn of_{count}(a: &crate::rules::Attributes) -> u32 {{\nlet mut best = u32::MAX;\n")
            .unwrap();
        for rule in rules::rules(count) {
            writeln!(text, "if {} {{ best = best.min({}); }}", condition(&rule), rule.limit).unwrap();
        }
        text.push_str("best\n}\n");
    }
    let out = env::var("OUT_DIR").unwrap();
    fs::write(Path::new(&out).join("straight.rs"), text).unwrap();
    let version = Command::new(env::var("RUSTC").unwrap()).arg("--version").output().unwrap();
    println!("cargo::rustc-env=COMPILED_BY={}", String::from_utf8_lossy(&version.stdout).trim());
}

fn condition(rule: &Rule) -> String {
    let mut text = format!("a.path.starts_with({:?})", rule.prefix);
    for test in &rule.tests {
        match test {
            Test::OneOf(attribute, values) => {
                let name = match attribute {
                    Text::Plan => "plan",
                    Text::Method => "method",
                    Text::Region => "region",
                    Text::Country => "country",
                    Text::Org => "org",
                };
                let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
                write!(text, " && matches!(a.{name}.as_str(), {})", values.join(" | ")).unwrap();
            }
            Test::Hours(from, to) => write!(text, " && ({from}..{to}).contains(&a.hour)").unwrap(),
            Test::CostAtLeast(least) => write!(text, " && a.cost >= {least}").unwrap(),
        }
    }
    text
}

//! LimitRate beside other engines, in one run: prints the figures, and the ratios with their goals, as Markdown.
//!
//! `cargo run --release --manifest-path benches/rivals/Cargo.toml`, from the root of the repository. With `--quick`, in
//! shorter samples; with names of sections (`keyed`, `limits`, `deciding`, `growing`, `loading`, `memory`), only these.

mod footprint;
mod goals;
mod machine;
mod memory;
mod policies;
mod random;
mod report;
mod rules;
mod sample;

use std::{env, time::Duration};

use sample::Effort;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [option, name] = arguments.as_slice()
        && option == footprint::OPTION
    {
        return footprint::print(name);
    }
    let (options, names): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(String::as_str).partition(|argument| argument.starts_with("--"));
    assert!(options.iter().all(|option| *option == "--quick"), "unknown options: {options:?}");
    let quick = !options.is_empty();
    let effort = if quick {
        Effort { samples: 5, sample: Duration::from_millis(5), warm_up: 1 }
    } else {
        Effort { samples: 15, sample: Duration::from_millis(30), warm_up: 1 }
    };
    let unknown = names.iter().find(|name| !goals::SECTIONS.contains(name));
    assert_eq!(unknown, None, "the sections are {:?}", goals::SECTIONS);

    println!("Measured {}.", machine::described());
    println!("Medians of {} samples, taken in turns. Load before: {}.\n", effort.samples, machine::load());
    let mut rows = Vec::new();
    for name in goals::SECTIONS.into_iter().filter(|name| names.is_empty() || names.contains(name)) {
        let (section, goals) = goals::measured(name, effort);
        if let Some(section) = section {
            println!("{}", section.markdown());
        }
        rows.extend(goals);
    }
    println!("### Ratios\n\n{}", report::ratios(&rows));
    println!("Load after: {}.", machine::load());
}

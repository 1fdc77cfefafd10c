//! The rules as Rust, written by the build script and optimised by the compiler: the bound for few rules.

use crate::rules::Attributes;

mod written {
    include!(concat!(env!("OUT_DIR"), "/straight.rs"));
}

/// The function for so many rules, if it was written.
pub fn of(rules: usize) -> Option<fn(&Attributes) -> u32> {
    match rules {
        1 => Some(written::of_1),
        10 => Some(written::of_10),
        100 => Some(written::of_100),
        _ => None,
    }
}

//! The rules as Rust, written by the build script and optimised by the compiler: the bound for few rules.

use crate::rules::Attributes;

mod written {
    include!(concat!(env!("OUT_DIR"), "/straight.rs"));
}

/// The function for so many rules.
pub fn of(rules: usize) -> fn(&Attributes) -> u32 {
    match rules {
        1 => written::of_1,
        10 => written::of_10,
        100 => written::of_100,
        1_000 => written::of_1000,
        _ => panic!("no function was written for {rules} rules"),
    }
}

//! The standard library of the policy language: `.rl` texts, and the list that embeds them.

/// A module that policies may `use`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// Its name in `use`, such as `std.http`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! modules {
    ($($name:literal)*) => {
        /// Every module, by name.
        pub const MODULES: &[Module] =
            &[$(Module { name: concat!("std.", $name), text: include_str!(concat!("../std/", $name, ".rl")) }),*];
    };
}

modules! { "ai" "geo" "http" "net" "patterns" "time" "units" }

//! The standard library of the policy language: `.rl` texts, and the list that embeds them.

/// A module that policies may `use`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// Its name in `use`, such as `std.http`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Every module, by name.
pub const MODULES: &[Module] = &[Module { name: "std.http", text: include_str!("../std/http.rl") }];

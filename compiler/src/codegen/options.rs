//! What the code generator is told, beside what every policy needs.

/// How code is generated. Whatever is said here, it computes the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether the code generator checks what it was given: where debug assertions are on, unless said otherwise.
    pub verify: bool,
    /// Whether the code generator checks where it put values. A failure is a panic of its own.
    pub regalloc_checker: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { verify: cfg!(debug_assertions), regalloc_checker: false }
    }
}

impl Options {
    /// As by default, with every check that the code generator has of its own work.
    #[must_use]
    pub fn paranoid() -> Self {
        Self { verify: true, regalloc_checker: true }
    }
}

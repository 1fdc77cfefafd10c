//! What the code generator may be told: defaults to serve with, the rest to test the generator by.

/// Settings of the code generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How much it optimises.
    pub opt_level: OptLevel,
    /// How it assigns registers.
    pub regalloc: Regalloc,
    /// Whether it verifies its own representation at each stage. Slow: for tests.
    pub verify: bool,
    /// Whether it proves the assignment of registers of each function. Slower still.
    pub regalloc_checker: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            opt_level: OptLevel::Speed,
            regalloc: Regalloc::Backtracking,
            verify: cfg!(debug_assertions),
            regalloc_checker: false,
        }
    }
}

impl Options {
    /// As by default, with every check that the code generator has of its own work.
    #[must_use]
    pub fn paranoid() -> Self {
        Self { verify: true, regalloc_checker: true, ..Self::default() }
    }
}

/// How much code is optimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptLevel {
    /// As little as possible.
    None,
    /// For speed.
    Speed,
    /// For speed and size.
    SpeedAndSize,
}

impl OptLevel {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::None, Self::Speed, Self::SpeedAndSize];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Speed => "speed",
            Self::SpeedAndSize => "speed_and_size",
        }
    }
}

/// How registers are assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regalloc {
    /// The better code.
    Backtracking,
    /// Compiles faster.
    SinglePass,
}

impl Regalloc {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Backtracking, Self::SinglePass];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Backtracking => "backtracking",
            Self::SinglePass => "single_pass",
        }
    }
}

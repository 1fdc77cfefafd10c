//! What a decision function gives back: which stratum decided, and the sites that apply.

#[cfg(any(feature = "jit", test))]
pub(crate) mod judge;

/// One site that applies, as the decision function writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct RawCharge {
    /// The position in [`crate::ir::Program::denies`], `exempts` or `charges`, by the outcome.
    pub site: i64,
    /// The ceiling of a charge, in base units.
    pub ceiling: i64,
    /// The cost of a charge, in base units.
    pub cost: i64,
}

/// The stratum that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawOutcome {
    /// At least one `deny` applies.
    Deny,
    /// At least one `exempt` applies, and no `deny`.
    Exempt,
    /// The charges that apply; perhaps none.
    Charges,
}

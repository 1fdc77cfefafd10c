//! Why a store gave no answer.

#[cfg(feature = "redis")]
mod again;

use std::{error::Error, time::Duration};

/// What went wrong beneath, as the driver says it.
pub type Cause = Box<dyn Error + Send + Sync + 'static>;

/// Why a store gave no answer; what becomes of the decision then is each limit's `fail` clause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No answer within this deadline: the charges may or may not have been applied.
    #[error("the store gave no answer within {0:?}")]
    Timeout(Duration),
    /// The connection was refused, or lost before the charges were sent: nothing was applied.
    #[error("the store cannot be reached")]
    Unreachable(#[source] Cause),
    /// The connection was lost after the charges were sent: they may or may not have been applied.
    #[error("the connection to the store was lost before it answered")]
    Lost(#[source] Cause),
    /// The store answered that it cannot do it now: it is loading, full, read-only or locked. Nothing was applied.
    #[error("the store cannot take charges now: {what}")]
    Unavailable {
        /// What keeps it from it, in words.
        what: String,
        /// What the driver said.
        #[source]
        cause: Cause,
    },
    /// The store does not let us in, or forbids what we ask for. Nothing was applied; only other credentials help.
    #[error("the store refuses access: {what}")]
    Denied {
        /// What it refuses, in words, without any secret.
        what: String,
    },
    /// What the store holds under one of our names is not what we put there, or its file is damaged. Nothing was applied.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// What was found, and where.
        what: String,
    },
    /// The store was laid out by a newer version. Nothing was read or changed.
    #[error(
        "the store has layout {found}, and this version knows no layout after {known}: update LimitRate, or use another store"
    )]
    NewerLayout {
        /// The layout found.
        found: u32,
        /// The newest layout that this version knows.
        known: u32,
    },
    /// The address of the store cannot be used.
    #[error("the store's address is wrong: {what}")]
    Address {
        /// What is wrong with it, without any secret.
        what: String,
    },
    /// The store did not answer before, and is not asked for a while. Nothing was applied.
    #[error("the store is away, and not asked until a probe finds it well")]
    Skipped,
    /// The store was closed: this process is ending.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the charges may have been applied although no answer came. Only then would asking again count them twice.
    #[must_use]
    pub const fn may_have_applied(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Lost(_) => true,
            Self::Unreachable(_)
            | Self::Unavailable { .. }
            | Self::Denied { .. }
            | Self::Corrupt { .. }
            | Self::NewerLayout { .. }
            | Self::Address { .. }
            | Self::Skipped
            | Self::Closed => false,
        }
    }

    /// One word for it, as metrics and logs have it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Lost(_) => "lost",
            Self::Unavailable { .. } => "unavailable",
            Self::Denied { .. } => "denied",
            Self::Corrupt { .. } => "corrupt",
            Self::NewerLayout { .. } => "newer_layout",
            Self::Address { .. } => "address",
            Self::Skipped => "skipped",
            Self::Closed => "closed",
        }
    }
}

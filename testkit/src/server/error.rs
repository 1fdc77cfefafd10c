//! Why a server does not run.

use std::{io, sync::Arc};

use super::Missing;

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// It is not installed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The system refused something that it needs.
    #[error("cannot {what}")]
    Refused {
        /// What was asked of the system.
        what: String,
        /// What it said.
        #[source]
        cause: io::Error,
    },
    /// It ended, or was not ready in time.
    #[error("{what}; it said:\n{log}")]
    Failed {
        /// What was waited for.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// It did not run when another test started it.
    #[error(transparent)]
    Before(Arc<ServerError>),
}

impl ServerError {
    /// Names what was asked of the system when it refused.
    pub(super) fn refused(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Refused { what, cause }
    }
}

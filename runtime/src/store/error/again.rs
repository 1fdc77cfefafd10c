//! One error for several callers, whose calls were made in one.

use std::{error::Error, fmt, mem, sync::Arc};

use super::{Cause, StoreError};

/// A cause that several callers are told.
#[derive(Debug, Clone)]
struct Shared(Arc<dyn Error + Send + Sync>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl StoreError {
    /// The same for one more caller.
    pub(in crate::store) fn again(&mut self) -> Self {
        match self {
            Self::Timeout(deadline) => Self::Timeout(*deadline),
            Self::Unreachable(cause) => Self::Unreachable(share(cause)),
            Self::Lost(cause) => Self::Lost(share(cause)),
            Self::Unavailable { what, cause } => {
                Self::Unavailable { what: what.clone(), cause: share(cause) }
            }
            Self::Denied { what } => Self::Denied { what: what.clone() },
            Self::Corrupt { what } => Self::Corrupt { what: what.clone() },
            Self::NewerLayout { found, known } => Self::NewerLayout { found: *found, known: *known },
            Self::Address { what } => Self::Address { what: what.clone() },
            Self::Skipped => Self::Skipped,
            Self::Closed => Self::Closed,
        }
    }
}

/// One more of a cause, which others hold as well from then on.
fn share(cause: &mut Cause) -> Cause {
    let shared = match mem::replace(cause, "told already".into()).downcast::<Shared>() {
        Ok(shared) => *shared,
        Err(cause) => Shared(Arc::from(cause)),
    };
    *cause = Box::new(shared.clone());
    Box::new(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_callers_are_told_the_same() {
        let mut first = StoreError::Lost(std::io::Error::other("the cable is out").into());
        let second = first.again();
        let third = first.again();
        for error in [first, second, third] {
            assert_eq!(error.word(), "lost");
            assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("the cable is out"));
        }
    }
}

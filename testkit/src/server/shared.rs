//! Servers that are started once and used by all tests of a process.

use std::sync::{Arc, OnceLock};

use super::ServerError;

/// A server for everybody.
pub(super) struct Shared<T>(OnceLock<Result<T, Arc<ServerError>>>);

impl<T> Shared<T> {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The server; the first who asks starts it.
    pub(super) fn get(
        &'static self,
        start: impl FnOnce() -> Result<T, ServerError>,
    ) -> Result<&'static T, ServerError> {
        let started = self.0.get_or_init(|| start().map_err(Arc::new));
        started.as_ref().map_err(|error| match &**error {
            ServerError::Missing(missing) => ServerError::Missing(*missing),
            ServerError::Refused { .. } | ServerError::Failed { .. } | ServerError::Before(_) => {
                ServerError::Before(Arc::clone(error))
            }
        })
    }
}

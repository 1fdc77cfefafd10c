//! A probe, from when it is due until it is recorded.
//!
//! It goes with the task that makes it. A runtime that ends drops that task, maybe before it has begun: then another call
//! probes.

use std::{mem, sync::Arc};

use super::{
    Guard,
    places::{Recording, ToRecord},
};
use crate::store::StoreError;

/// See the [module](self). Dropped, it says that nobody probes.
pub(super) struct Probing {
    guard: Arc<Guard>,
    asked: ToRecord,
}

impl Probing {
    /// Takes over what is to be recorded.
    pub(super) fn new(guard: Arc<Guard>, recording: Recording<'_>) -> Self {
        Self { guard, asked: recording.into_asked() }
    }

    /// Says what came of it.
    pub(super) fn record(mut self, error: Option<&StoreError>) {
        let asked = mem::take(&mut self.asked);
        Recording::again(&self.guard.places, asked).record(&*self.guard.store, error);
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        drop(Recording::again(&self.guard.places, mem::take(&mut self.asked)));
    }
}

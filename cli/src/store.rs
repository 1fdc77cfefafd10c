//! `--store URL`: where counters are kept, for commands that wait for each answer.

use std::{
    error::Error,
    fmt::{self, Write as _},
    sync::Arc,
};

use limitrate_runtime::store::{LocalStore, Store, StoreError, open::open};
use limitrate_testkit::Blocking;

use crate::{exit::Exit, ui::Ui};

/// The store of a command.
#[derive(Debug)]
pub(crate) enum Opened {
    /// In this process, a new one.
    Memory,
    /// One that lasts, or that others use too.
    Shared(Arc<Blocking<Arc<dyn Store>>>),
}

impl Opened {
    /// Opens the store at an address; says why it cannot be.
    pub(crate) fn open(url: &str, ui: &mut Ui) -> Result<Self, Exit> {
        if url == "memory" {
            return Ok(Self::Memory);
        }
        match Blocking::connect(open(url)) {
            Ok(store) => Ok(Self::Shared(Arc::new(store))),
            Err(error) => {
                ui.error(format_args!("--store: {}", Whole(&error)));
                Err(exit_of(&error))
            }
        }
    }

    /// The store, if it is not memory.
    pub(crate) fn shared(&self) -> Option<Arc<dyn LocalStore>> {
        match self {
            Self::Memory => None,
            Self::Shared(store) => Some(store.clone()),
        }
    }

    /// Says that the store failed while it was used, if it did: what was decided since is worth nothing.
    pub(crate) fn failed(&self, ui: &mut Ui) -> Option<Exit> {
        let Self::Shared(store) = self else { return None };
        let error = store.error()?;
        ui.error(format_args!("the store failed: {}; the rest was not replayed", Whole(error)));
        Some(exit_of(error))
    }
}

fn exit_of(error: &StoreError) -> Exit {
    if let StoreError::Address { .. } = error { Exit::Usage } else { Exit::Environment }
}

/// An error with what caused it.
struct Whole<'e>(&'e StoreError);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let (mut said, mut cause) = (self.0.to_string(), self.0.source());
        while let Some(error) = cause {
            let text = error.to_string();
            // Drivers repeat their causes.
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                write!(said, ": {text}")?;
            }
            cause = error.source();
        }
        Ok(())
    }
}

//! The end of a thread that owns a file: it is waited for, but never by a thread that drives tasks.

use std::thread::JoinHandle;

use tokio::runtime::Handle;

/// A thread that ends by itself once nobody asks it for anything any more. Dropping this waits for that; on a runtime, a thread
/// that may wait does, and the runtime does not end before.
#[derive(Debug)]
pub(super) struct Ending(Option<Waiting>);

impl Ending {
    /// The thread.
    pub(super) const fn new(thread: JoinHandle<()>) -> Self {
        Self(Some(Waiting(Some(thread))))
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(waiting) = self.0.take() else { return };
        match Handle::try_current() {
            // A runtime that is ending drops it where it was to be waited for.
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(waiting))),
            Err(_) => drop(waiting),
        }
    }
}

/// Waits when it is dropped.
#[derive(Debug)]
struct Waiting(Option<JoinHandle<()>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a SQLite store has panicked");
        }
    }
}

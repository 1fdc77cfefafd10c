//! The thread that owns a file, and its end: that is waited for, but never by a thread that drives tasks.

use std::{
    io,
    thread::{Builder, JoinHandle},
};

use tokio::{runtime::Handle, sync::oneshot};

/// A thread that ends by itself once nobody asks it for anything any more. Dropping this waits for that; on a runtime, a task
/// does, which needs no other thread, and the runtime does not end before.
#[derive(Debug)]
pub(super) struct Ending(Option<Waiting>);

impl Ending {
    /// Starts the thread.
    pub(super) fn start(work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (running, ended) = oneshot::channel();
        let thread = Builder::new().name("limitrate-sqlite".into()).spawn(move || {
            work();
            drop(running);
        })?;
        Ok(Self(Some(Waiting { thread: Some(thread), ended })))
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(waiting) = self.0.take() else { return };
        match Handle::try_current() {
            // A runtime that is ending drops it where it was to be waited for.
            Ok(runtime) => drop(runtime.spawn(waiting.wait())),
            Err(_) => drop(waiting),
        }
    }
}

/// Waits when it is dropped.
#[derive(Debug)]
struct Waiting {
    thread: Option<JoinHandle<()>>,
    /// Answers when the thread has done its work, or has panicked.
    ended: oneshot::Receiver<()>,
}

impl Waiting {
    /// Waits without a thread of its own; what is left to wait for then is short.
    async fn wait(mut self) {
        // Nothing is sent: its end is.
        let _ = (&mut self.ended).await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a SQLite store has panicked");
        }
    }
}

//! A thread that generates the machine code of one policy while the interpreter serves it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Builder, JoinHandle},
};

use limitrate_compiler::Policy;

/// Owns the thread. When it is dropped before the work has begun, the code is given up. Nobody waits: a thread that is at
/// it ends when the code of that one policy is there.
#[derive(Debug)]
pub struct Warming {
    given_up: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Generates machine code for a policy of [`Engine::Tiered`](limitrate_compiler::Engine::Tiered) on a thread of its own.
/// What became of it is [`Policy::interpreted`].
///
/// # Errors
///
/// If the system gives no thread. The policy stays interpreted, and its code can be asked for again.
pub fn warm(policy: Arc<Policy>) -> io::Result<Warming> {
    let given_up = Arc::new(AtomicBool::new(false));
    let seen = given_up.clone();
    let work = move || policy.generate_if(|| !seen.load(Ordering::Relaxed));
    let thread = Builder::new().name("limitrate-warm".to_owned()).spawn(work)?;
    Ok(Warming { given_up, thread: Some(thread) })
}

impl Warming {
    /// Whether the code is there, or will not be.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the code.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // The code generator's panics are caught where it is called, and nothing else is done here.
            let _ = thread.join();
        }
    }
}

impl Drop for Warming {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

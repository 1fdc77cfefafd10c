//! What threads share a store through: the atomics of its slots, the locks of its shards, and waiting for either.
//!
//! Built with `--cfg shuttle` all three are those of a scheduler that tries out orders of the threads' steps.

#[cfg(not(shuttle))]
pub(super) use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

#[cfg(not(shuttle))]
pub(super) use parking_lot::{Mutex, MutexGuard};

#[cfg(shuttle)]
pub(super) use self::explored::{AtomicI64, AtomicU64, Mutex, MutexGuard, Ordering};

/// How often to look again before the processor is left to others, and how often before it is left for a while.
#[cfg(not(shuttle))]
const SPINS: u32 = 64;
#[cfg(not(shuttle))]
const YIELDS: u32 = 64;
#[cfg(not(shuttle))]
const NAP: std::time::Duration = std::time::Duration::from_micros(50);

/// Waits for what another thread will have done in a few instructions.
///
/// That thread may have been interrupted. So who waits long gives way to it, and at last whatever their priorities are.
#[derive(Debug, Default)]
pub(super) struct Spin(u32);

impl Spin {
    #[cfg(not(shuttle))]
    #[expect(
        clippy::disallowed_methods,
        reason = "yielding gives way to no thread of a lower real-time class"
    )]
    pub(super) fn wait(&mut self) {
        self.0 = self.0.saturating_add(1);
        if self.0 <= SPINS {
            std::hint::spin_loop();
        } else if self.0 <= SPINS + YIELDS {
            std::thread::yield_now();
        } else {
            std::thread::sleep(NAP);
        }
    }

    #[cfg(shuttle)]
    pub(super) fn wait(&mut self) {
        self.0 = self.0.saturating_add(1);
        shuttle::thread::yield_now();
    }
}

#[cfg(shuttle)]
mod explored {
    use std::sync::PoisonError;

    pub(in super::super) use shuttle::sync::{
        MutexGuard,
        atomic::{AtomicI64, AtomicU64, Ordering},
    };

    /// A lock without poison, as the one that it stands for.
    #[derive(Debug)]
    pub(in super::super) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(in super::super) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(in super::super) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

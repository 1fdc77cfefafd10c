//! What threads share a store through: the atomics of its slots, the locks of its shards, and waiting for either.

pub(super) use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

pub(super) use parking_lot::{Mutex, MutexGuard};

/// How often to look again before the processor is left to others.
const SPINS: u32 = 64;

/// Waits for what another thread will have done in a few instructions.
#[derive(Debug, Default)]
pub(super) struct Spin(u32);

impl Spin {
    pub(super) fn wait(&mut self) {
        if self.0 < SPINS {
            self.0 += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

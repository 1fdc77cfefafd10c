//! Whose turn it is: calls of this process that take several trips on one counter of a server take them one after the other.

use limitrate_core::key::CounterKey;
use tokio::sync::{Mutex, MutexGuard};

/// How many calls may be in the middle of it at once, if each is on a counter of its own.
const LANES: usize = 256;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Lanes(Box<[Mutex<()>; LANES]>);

impl Lanes {
    pub(super) fn new() -> Self {
        Self(Box::new([const { Mutex::const_new(()) }; LANES]))
    }

    /// Waits until the counter is nobody else's. Some counters share a lane: the lowest bits of a key are as good as any.
    pub(super) async fn turn(&self, key: CounterKey) -> MutexGuard<'_, ()> {
        let [lowest, ..] = key.0.to_le_bytes();
        let [first, ..] = &*self.0;
        self.0.get(usize::from(lowest)).unwrap_or(first).lock().await
    }
}

//! A clock that a thread ticks once in a millisecond, as those of LimitRate and governor's upkeep are.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// Its thread ends when it is gone.
#[derive(Debug)]
pub struct Ticked(Arc<AtomicI64>);

impl Ticked {
    pub fn start() -> Self {
        let noon = 1_767_614_400_000_000_000;
        let clock = Arc::new(AtomicI64::new(noon));
        let ticked: Weak<AtomicI64> = Arc::downgrade(&clock);
        thread::spawn(move || {
            let start = Instant::now();
            while let Some(clock) = ticked.upgrade() {
                clock.store(noon + start.elapsed().as_nanos() as i64, Relaxed);
                drop(clock);
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self(clock)
    }

    pub fn read(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

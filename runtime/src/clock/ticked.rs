//! The system's clock, read once a millisecond for everybody.
//!
//! One thread of the process ticks for all who hold its [`Ticks`], and ends with the last of them. What it published is
//! the past: ticks never run ahead of the system's clock, and when the thread is not scheduled they fall behind. Limits
//! are then stricter than written, never laxer; see `limiter/instants.rs` for how a limiter makes up for it.

use std::{
    io, process,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use limitrate_core::{
    clock::{Clock, Ticks},
    time::{Nanos, Timestamp},
};
use parking_lot::Mutex;

use super::SystemClock;

/// How long the ticking thread waits from tick to tick.
const TICK: Duration = Duration::from_millis(1);

/// The ticks of this process, while somebody holds them.
static TICKING: Mutex<Ticking> = Mutex::new(Ticking { process: 0, ticks: Weak::new() });

/// Who ticks for whom.
struct Ticking {
    /// A forked process has the ticks of its parent, but not the thread.
    process: u32,
    ticks: Weak<Ticks>,
}

/// The system's clock with ticks that all limiters of the process share: exact by [`now`](Clock::now), up to
/// [`RESOLUTION`](Self::RESOLUTION) late by its [`ticks`](Clock::ticks).
///
/// A thread ticks from the first limiter that decides by it until the last one is dropped, and wakes up a thousand times
/// a second. Where no thread can be had there are no ticks, and every instant is exact.
#[derive(Debug, Clone, Copy, Default)]
pub struct TickedClock;

impl TickedClock {
    /// How late the ticks may be: a tick, and as much again until the thread is scheduled.
    pub const RESOLUTION: Nanos = Nanos(2_000_000);
}

impl Clock for TickedClock {
    #[inline]
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn resolution(&self) -> Nanos {
        Self::RESOLUTION
    }

    fn ticks(&self) -> Option<Arc<Ticks>> {
        let mut ticking = TICKING.lock();
        let process = process::id();
        if ticking.process == process
            && let Some(ticks) = ticking.ticks.upgrade()
        {
            return Some(ticks);
        }
        let ticks = Arc::new(Ticks::new(SystemClock.now()));
        start(Arc::downgrade(&ticks)).ok()?;
        *ticking = Ticking { process, ticks: Arc::downgrade(&ticks) };
        Some(ticks)
    }
}

/// Starts a thread that ticks until nobody holds the ticks.
fn start(ticks: Weak<Ticks>) -> io::Result<()> {
    let run = move || {
        while tick(&ticks, &SystemClock) {
            thread::park_timeout(TICK);
        }
    };
    thread::Builder::new().name("limitrate-clock".to_owned()).spawn(run).map(drop)
}

/// Publishes the instant. False when nobody holds the ticks any more.
fn tick(ticks: &Weak<Ticks>, clock: &impl Clock) -> bool {
    // Held only while nothing can wait: the last holder must be another's, or the thread would keep itself alive.
    ticks.upgrade().is_some_and(|ticks| {
        ticks.set(clock.now());
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that stands.
    #[derive(Debug)]
    struct Standing(Timestamp);

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    #[test]
    fn a_tick_follows_the_clock_both_ways_for_as_long_as_somebody_holds_the_ticks() {
        let ticks = Arc::new(Ticks::new(Timestamp(5)));
        let weak = Arc::downgrade(&ticks);
        assert!(tick(&weak, &Standing(Timestamp(9))));
        assert_eq!(ticks.now(), Timestamp(9));
        assert!(tick(&weak, &Standing(Timestamp(2))));
        assert_eq!(ticks.now(), Timestamp(2));
        drop(ticks);
        assert!(!tick(&weak, &Standing(Timestamp(3))));
    }

    #[test]
    fn all_share_the_ticks_of_one_thread_which_ends_with_the_last_of_them() {
        let first = TickedClock.ticks().unwrap();
        let second = TickedClock.ticks().unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        let weak = Arc::downgrade(&first);
        let before = first.now();
        while first.now() == before {
            thread::yield_now(); // it is another thread that moves them
        }
        drop((first, second));
        while weak.strong_count() > 0 {
            thread::yield_now(); // another thread may hold them for the length of one tick
        }
        assert!(TickedClock.ticks().is_some()); // and another begins
    }

    #[test]
    fn ticks_have_their_cache_lines_for_themselves() {
        assert_eq!((size_of::<Ticks>(), align_of::<Ticks>()), (128, 128));
    }
}

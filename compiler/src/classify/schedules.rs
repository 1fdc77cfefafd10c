//! Schedules as bits, looked up in the calendar only where the last answer is no longer good.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering, fence};

use limitrate_core::{
    schedule::{Active, Schedule},
    time::Timestamp,
};

/// The last answer of a schedule. Read without a lock: an answer that is being replaced is not used.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Odd while the answer is being replaced; 0 where there was none yet.
    version: AtomicU64,
    from: AtomicI64,
    until: AtomicI64,
    holds: AtomicBool,
}

impl Kept {
    /// Whether a schedule holds.
    #[inline]
    pub(super) fn holds(&self, schedule: &Schedule, now: Timestamp) -> bool {
        if let Some(active) = self.get()
            && active.from <= now
            && now < active.until
        {
            return active.holds;
        }
        let active = schedule.at(now);
        self.set(active);
        active.holds
    }

    #[inline]
    fn get(&self) -> Option<Active> {
        let version = self.version.load(Ordering::Acquire);
        let active = Active {
            holds: self.holds.load(Ordering::Relaxed),
            from: Timestamp(self.from.load(Ordering::Relaxed)),
            until: Timestamp(self.until.load(Ordering::Relaxed)),
        };
        fence(Ordering::Acquire);
        let unchanged = self.version.load(Ordering::Relaxed) == version;
        (unchanged && version != 0 && version.is_multiple_of(2)).then_some(active)
    }

    /// Keeps an answer, unless another thread is keeping one.
    fn set(&self, active: Active) {
        let version = self.version.load(Ordering::Relaxed);
        if !version.is_multiple_of(2) {
            return;
        }
        let taken = self.version.compare_exchange(version, version + 1, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_err() {
            return;
        }
        // What is stored below is not seen before the odd version.
        fence(Ordering::Release);
        self.holds.store(active.holds, Ordering::Relaxed);
        self.from.store(active.from.0, Ordering::Relaxed);
        self.until.store(active.until.0, Ordering::Relaxed);
        self.version.store(version + 2, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::{schedule::WeekSpan, time::Nanos, window::Zone};
    use proptest::prelude::*;

    use super::*;

    fn schedule() -> Schedule {
        let hours = |hours: i64| Nanos::from_secs(hours * 3_600);
        let span = WeekSpan { first_day: 0, last_day: 4, from: hours(22), until: hours(3) };
        Schedule { spans: vec![span], zone: Zone::UTC, except: vec![3] }
    }

    proptest! {
        #[test]
        fn an_answer_is_used_while_it_is_good_whichever_way_the_clock_jumps(
            hours in prop::collection::vec(-400..400_i64, 1..40),
        ) {
            let (schedule, kept) = (schedule(), Kept::default());
            for hour in hours {
                for now in [hour * 3_600, hour * 3_600 - 1].map(|seconds| Timestamp(seconds * 1_000_000_000)) {
                    prop_assert_eq!(kept.holds(&schedule, now), schedule.at(now).holds);
                }
            }
        }
    }

    #[test]
    fn the_ends_of_time_have_an_answer() {
        let (schedule, kept) = (schedule(), Kept::default());
        for now in [Timestamp::MIN, Timestamp::MAX, Timestamp(0), Timestamp::MAX, Timestamp::MIN] {
            assert_eq!(kept.holds(&schedule, now), schedule.at(now).holds);
        }
    }

    #[test]
    fn an_answer_that_is_being_replaced_is_not_used() {
        let (schedule, kept) = (schedule(), Kept::default());
        assert_eq!(kept.get(), None);
        let answer = schedule.at(Timestamp(0));
        kept.set(answer);
        assert_eq!(kept.get(), Some(answer));
        kept.version.store(3, Ordering::Relaxed);
        assert_eq!(kept.get(), None);
        kept.set(Active { holds: !answer.holds, ..answer });
        assert_eq!(
            (kept.version.load(Ordering::Relaxed), kept.holds(&schedule, Timestamp(0))),
            (3, answer.holds)
        );
    }

    #[test]
    fn threads_never_see_half_an_answer() {
        let (schedule, kept) = (schedule(), Kept::default());
        std::thread::scope(|scope| {
            for offset in 0..4_i64 {
                let (schedule, kept) = (&schedule, &kept);
                scope.spawn(move || {
                    for n in 0..2_000_i64 {
                        let now = Timestamp((n * 7 + offset) % 300 * 3_600_000_000_000);
                        assert_eq!(kept.holds(schedule, now), schedule.at(now).holds);
                    }
                });
            }
        });
    }
}

//! The instants of a limiter's decisions: its clock, or the ticks of that clock.

use std::sync::{Arc, OnceLock};

use limitrate_core::{
    clock::{Clock, Ticks},
    time::{Nanos, Timestamp},
};

/// Where a limiter's instants come from.
#[derive(Debug)]
pub(super) struct Instants {
    clock: Arc<dyn Clock>,
    /// By how much waits are longer, so that they suffice by a clock that may be late.
    slack: Nanos,
    /// Asked for with the first instant: a limiter that is always told the instant needs none.
    ticks: OnceLock<Option<Arc<Ticks>>>,
}

impl Instants {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { slack: clock.resolution(), clock, ticks: OnceLock::new() }
    }

    /// The instant of a decision that is made now.
    #[inline]
    pub(super) fn now(&self) -> Timestamp {
        match self.ticks.get_or_init(|| self.clock.ticks()) {
            Some(ticks) => ticks.now(),
            None => self.clock.now(),
        }
    }

    /// By how much the waits of such a decision are to be longer.
    #[inline]
    pub(super) const fn slack(&self) -> Nanos {
        self.slack
    }

    /// Sets ticks right that parted from their clock, because nobody was scheduled to move them: asked for after a
    /// rejection, so that no request is refused twice for want of a tick.
    #[cold]
    pub(super) fn catch_up(&self) {
        if let Some(Some(ticks)) = self.ticks.get() {
            let (now, ticked) = (self.clock.now(), ticks.now());
            if now.since(ticked).max(ticked.since(now)) > self.slack {
                ticks.set(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock whose ticks nobody moves.
    #[derive(Debug)]
    struct Stalled {
        exact: Ticks,
        ticks: Option<Arc<Ticks>>,
    }

    impl Stalled {
        fn new(has_ticks: bool) -> Arc<Self> {
            let ticks = has_ticks.then(|| Arc::new(Ticks::new(Timestamp(0))));
            Arc::new(Self { exact: Ticks::new(Timestamp(0)), ticks })
        }
    }

    impl Clock for Stalled {
        fn now(&self) -> Timestamp {
            self.exact.now()
        }

        fn resolution(&self) -> Nanos {
            Nanos(10)
        }

        fn ticks(&self) -> Option<Arc<Ticks>> {
            self.ticks.clone()
        }
    }

    #[test]
    fn ticks_that_fell_behind_are_brought_up_to_date_by_a_rejection() {
        let clock = Stalled::new(true);
        let instants = Instants::new(clock.clone());
        clock.exact.set(Timestamp(10));
        assert_eq!(instants.now(), Timestamp(0));
        instants.catch_up();
        assert_eq!(instants.now(), Timestamp(0)); // as late as they may be
        clock.exact.set(Timestamp(11));
        instants.catch_up();
        assert_eq!(instants.now(), Timestamp(11));
    }

    #[test]
    fn ticks_follow_a_clock_that_stepped_back() {
        let clock = Stalled::new(true);
        let instants = Instants::new(clock.clone());
        assert_eq!(instants.now(), Timestamp(0));
        clock.exact.set(Timestamp(-1_000));
        instants.catch_up();
        assert_eq!(instants.now(), Timestamp(-1_000));
    }

    #[test]
    fn without_ticks_every_instant_is_the_clocks() {
        let clock = Stalled::new(false);
        let instants = Instants::new(clock.clone());
        clock.exact.set(Timestamp(3));
        assert_eq!(instants.now(), Timestamp(3));
        instants.catch_up();
        assert_eq!((instants.now(), instants.slack()), (Timestamp(3), Nanos(10)));
    }
}

//! The breaker between a limiter and its store: after a few failures in a row the store is not asked any more, until a probe
//! finds it well again.
//!
//! A machine of pure steps. Instants are lengths of time since its beginning, by a clock that does not step back.

use std::time::Duration;

/// When the breaker opens and how it closes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// How many failures in a row open it. At least 1.
    pub failures: u32,
    /// How long after it opened the store is probed first; after each failed probe twice as long.
    pub probe_after: Duration,
    /// The longest time between two probes.
    pub probe_at_most: Duration,
    /// How many calls are let through at once when a probe has found the store well. Each success doubles them, up to
    /// `recovered_at`; then the breaker is closed. So a store that comes back is not run over by all who waited.
    pub begin_with: u32,
    /// With so many calls let through at once, the store has recovered.
    pub recovered_at: u32,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            failures: 5,
            probe_after: Duration::from_millis(500),
            probe_at_most: Duration::from_secs(10),
            begin_with: 4,
            recovered_at: 256,
        }
    }
}

/// What the breaker makes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// The store is to be asked. What came of it is to be recorded.
    Ask(Asked),
    /// The store is not to be asked now.
    Skip,
    /// The same; and it is time for a probe, which whoever gets this must make and record.
    SkipAndProbe(Asked),
}

/// Which state of the breaker a call belongs to: what is recorded late changes no later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked(u64);

/// Whether the breaker lets calls through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Closed,
    /// It does not.
    Open,
    /// Some of them.
    Recovering,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Breaker {
    options: BreakerOptions,
    phase: Phase,
    /// Counts the phases.
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed { failures: u32 },
    Open { probe_at: Duration, wait: Duration, is_probing: bool },
    Recovering { allowed: u32, running: u32, wait: Duration },
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub const fn new(options: BreakerOptions) -> Self {
        Self { options, phase: Phase::Closed { failures: 0 }, epoch: 0 }
    }

    /// Whether it lets calls through.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::Recovering { .. } => State::Recovering,
        }
    }

    /// When the store is probed next, if it is not asked.
    #[must_use]
    pub const fn next_probe(&self) -> Option<Duration> {
        match self.phase {
            Phase::Open { probe_at, .. } => Some(probe_at),
            Phase::Closed { .. } | Phase::Recovering { .. } => None,
        }
    }

    /// Asks for a call.
    pub fn permit(&mut self, now: Duration) -> Permit {
        let asked = Asked(self.epoch);
        match &mut self.phase {
            Phase::Closed { .. } => Permit::Ask(asked),
            Phase::Open { probe_at, is_probing, .. } => {
                if *is_probing || now < *probe_at {
                    return Permit::Skip;
                }
                *is_probing = true;
                Permit::SkipAndProbe(asked)
            }
            Phase::Recovering { allowed, running, .. } => {
                if *running >= *allowed {
                    return Permit::Skip;
                }
                *running += 1;
                Permit::Ask(asked)
            }
        }
    }

    /// Records that the store answered.
    pub fn succeeded(&mut self, asked: Asked) {
        if asked.0 != self.epoch {
            return;
        }
        let Self { options, phase, .. } = self;
        match phase {
            Phase::Closed { failures } => *failures = 0,
            Phase::Open { wait, .. } => {
                let recovering =
                    Phase::Recovering { allowed: options.begin_with.max(1), running: 0, wait: *wait };
                self.enter(recovering);
            }
            Phase::Recovering { allowed, running, .. } => {
                *running = running.saturating_sub(1);
                *allowed = allowed.saturating_mul(2);
                if *allowed >= options.recovered_at {
                    self.enter(Phase::Closed { failures: 0 });
                }
            }
        }
    }

    /// Records that the store did not answer. `jitter`, below 1 000, spreads the probes of several instances: up to a fifth of
    /// the wait.
    pub fn failed(&mut self, asked: Asked, now: Duration, jitter: u32) {
        if asked.0 != self.epoch {
            return;
        }
        let options = self.options;
        let spread = |wait: Duration| now + wait + wait / 5 * jitter.min(1_000) / 1_000;
        let open = |wait: Duration| Phase::Open { probe_at: spread(wait), wait, is_probing: false };
        match &mut self.phase {
            Phase::Closed { failures } => {
                *failures += 1;
                if *failures >= options.failures.max(1) {
                    self.enter(open(options.probe_after));
                }
            }
            Phase::Open { wait, .. } | Phase::Recovering { wait, .. } => {
                let longer = (*wait * 2).min(options.probe_at_most).max(options.probe_after);
                self.enter(open(longer));
            }
        }
    }

    /// Records that a call ended without a word on the store: its caller gave up.
    pub fn abandoned(&mut self, asked: Asked) {
        if asked.0 != self.epoch {
            return;
        }
        match &mut self.phase {
            Phase::Closed { .. } => {}
            Phase::Open { is_probing, .. } => *is_probing = false,
            Phase::Recovering { running, .. } => *running = running.saturating_sub(1),
        }
    }

    /// Forgets all that was recorded. What is recorded later of calls that were asked for before changes nothing.
    pub const fn reset(&mut self) {
        self.enter(Phase::Closed { failures: 0 });
    }

    const fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: BreakerOptions = BreakerOptions {
        failures: 3,
        probe_after: Duration::from_millis(100),
        probe_at_most: Duration::from_millis(300),
        begin_with: 1,
        recovered_at: 4,
    };

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[track_caller]
    fn ask(breaker: &mut Breaker, now: u64) -> Asked {
        let Permit::Ask(asked) = breaker.permit(ms(now)) else { panic!("it lets nothing through") };
        asked
    }

    #[track_caller]
    fn probe(breaker: &mut Breaker, now: u64) -> Asked {
        let Permit::SkipAndProbe(asked) = breaker.permit(ms(now)) else { panic!("no probe is due") };
        asked
    }

    fn opened(at: u64) -> Breaker {
        let mut breaker = Breaker::new(OPTIONS);
        for _ in 0..3 {
            let asked = ask(&mut breaker, at);
            breaker.failed(asked, ms(at), 0);
        }
        assert_eq!(breaker.state(), State::Open);
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let mut breaker = Breaker::new(OPTIONS);
        for fails in [true, true, false, true, true] {
            let asked = ask(&mut breaker, 0);
            if fails { breaker.failed(asked, ms(0), 0) } else { breaker.succeeded(asked) }
        }
        assert_eq!(breaker.state(), State::Closed);
        let asked = ask(&mut breaker, 0);
        breaker.failed(asked, ms(0), 0);
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(breaker.permit(ms(99)), Permit::Skip);
    }

    #[test]
    fn one_call_probes_and_the_others_go_on_without_the_store() {
        let mut breaker = opened(0);
        probe(&mut breaker, 100);
        assert_eq!(breaker.permit(ms(100)), Permit::Skip);
        assert_eq!(breaker.permit(ms(10_000)), Permit::Skip);
    }

    #[test]
    fn probes_that_fail_come_at_ever_longer_times_up_to_a_longest() {
        let mut breaker = opened(0);
        let mut now = 100;
        for wait in [200, 300, 300] {
            let asked = probe(&mut breaker, now);
            breaker.failed(asked, ms(now), 0);
            assert_eq!(breaker.permit(ms(now + wait - 1)), Permit::Skip);
            now += wait;
        }
        let asked = probe(&mut breaker, now);
        breaker.failed(asked, ms(now), 1_000);
        assert_eq!(breaker.next_probe(), Some(ms(now + 360)));
    }

    #[test]
    fn a_first_wait_above_the_longest_stays_as_it_is() {
        let options = BreakerOptions { probe_after: ms(900), failures: 1, ..OPTIONS };
        let mut breaker = Breaker::new(options);
        let asked = ask(&mut breaker, 0);
        breaker.failed(asked, ms(0), 0);
        let asked = probe(&mut breaker, 900);
        breaker.failed(asked, ms(900), 0);
        assert_eq!(breaker.next_probe(), Some(ms(1_800)));
    }

    #[test]
    fn a_store_that_is_well_again_is_asked_by_few_at_first() {
        let mut breaker = opened(0);
        let asked = probe(&mut breaker, 100);
        breaker.succeeded(asked);
        assert_eq!(breaker.state(), State::Recovering);
        let one = ask(&mut breaker, 101);
        assert_eq!(breaker.permit(ms(101)), Permit::Skip);
        breaker.succeeded(one);
        let (a, b) = (ask(&mut breaker, 102), ask(&mut breaker, 102));
        assert_eq!(breaker.permit(ms(102)), Permit::Skip);
        breaker.succeeded(a);
        assert_eq!(breaker.state(), State::Closed);
        breaker.succeeded(b);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_failure_while_it_recovers_opens_it_again_for_longer() {
        let mut breaker = opened(0);
        let asked = probe(&mut breaker, 100);
        breaker.succeeded(asked);
        let asked = ask(&mut breaker, 100);
        breaker.failed(asked, ms(100), 0);
        assert_eq!((breaker.state(), breaker.next_probe()), (State::Open, Some(ms(300))));
    }

    #[test]
    fn what_is_recorded_late_changes_nothing_any_more() {
        let mut breaker = Breaker::new(OPTIONS);
        let late = ask(&mut breaker, 0);
        for _ in 0..3 {
            let asked = ask(&mut breaker, 0);
            breaker.failed(asked, ms(0), 0);
        }
        breaker.succeeded(late);
        assert_eq!(breaker.state(), State::Open);
        breaker.failed(late, ms(5_000), 0);
        assert_eq!(breaker.next_probe(), Some(ms(100)));
    }

    #[test]
    fn a_caller_that_gives_up_keeps_nobody_else_from_probing() {
        let mut breaker = opened(0);
        let asked = probe(&mut breaker, 100);
        breaker.abandoned(asked);
        probe(&mut breaker, 100);
    }
}

//! Under a clock that may be late, waits still suffice.
#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use limitrate_compiler::{Engine, compile};
use limitrate_core::{
    clock::{Clock, Ticks},
    facts::Value,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::{
    Limiter, LimiterOptions,
    store::{MemoryOptions, MemoryStore},
};
use proptest::prelude::*;

const NOON: Timestamp = Timestamp(1_767_614_400_000_000_000);

/// How late the ticks may be.
const LATE: Nanos = Nanos(2_000_000);

/// An exact clock with ticks that the test moves.
#[derive(Debug)]
struct Late {
    exact: Ticks,
    ticks: Arc<Ticks>,
}

impl Clock for Late {
    fn now(&self) -> Timestamp {
        self.exact.now()
    }

    fn resolution(&self) -> Nanos {
        LATE
    }

    fn ticks(&self) -> Option<Arc<Ticks>> {
        Some(self.ticks.clone())
    }
}

impl Late {
    /// Moves real time, and the ticks to so much before it.
    fn set(&self, real: Timestamp, late: Nanos) {
        self.exact.set(real);
        self.ticks.set(Timestamp(real.0 - late.0));
    }
}

fn limiter(text: &str) -> (Limiter, Arc<Late>) {
    let clock = Arc::new(Late { exact: Ticks::new(NOON), ticks: Arc::new(Ticks::new(NOON)) });
    match compile("test.rl", text.as_bytes(), Engine::Native) {
        Ok(accepted) => {
            let options = LimiterOptions { clock: clock.clone(), ..LimiterOptions::default() };
            let store = MemoryStore::new(MemoryOptions::default());
            (Limiter::with(Arc::new(accepted.policy), store, options), clock)
        }
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// However late the ticks are, then and later: who waits as long as they are told finds room.
    #[test]
    fn who_waits_as_long_as_told_is_let_pass(
        using in prop::sample::select(vec!["gcra", "fixed_window", "sliding_window", "sliding_log"]),
        before in 0..=LATE.0,
        after in 0..=LATE.0,
        offset in 0_i64..20_000_000_000,
    ) {
        let (limiter, clock) = limiter(&format!("input {{ user : key }} rule r {{ limit 3 req/10 s per user using {using} }}"));
        let facts = [(limiter.fact("user").unwrap(), Value::Str("ada"))];
        let real = NOON.after(Nanos(offset));
        clock.set(real, Nanos(before));
        let refused = (0..10).map(|_| limiter.decide(&facts)).find(|decision| !decision.outcome().passes());
        let told = refused.unwrap().retry_after().unwrap();
        clock.set(real.after(told), Nanos(after));
        prop_assert!(limiter.decide(&facts).outcome().passes(), "after {told:?}");
    }
}

#[test]
fn waits_are_as_much_longer_as_the_clock_may_be_late_and_exact_where_the_instant_is_given() {
    let (limiter, _) = limiter("input { user : key } rule r { limit 1 req/10 s per user using gcra }");
    let user = limiter.fact("user").unwrap();
    let [ada, bob] = ["ada", "bob"].map(|name| [(user, Value::Str(name))]);
    let reset = |limits: &limitrate_runtime::Decision<'_>| {
        limits.limits().next().unwrap().1.verdict.status.reset_after
    };
    let ten = Nanos::from_secs(10);
    let longer = Nanos(ten.0 + LATE.0);
    assert_eq!(reset(&limiter.decide(&ada)), longer);
    assert_eq!(limiter.decide(&ada).retry_after(), Some(longer));
    let mut decisions = Vec::new();
    limiter.decide_many(&[ada], &mut decisions);
    assert_eq!(decisions[0].retry_after(), Some(longer));
    assert_eq!(reset(&limiter.decide_at(&bob, NOON)), ten);
    assert_eq!(limiter.decide_at(&bob, NOON).retry_after(), Some(ten));
    limiter.decide_many_at(&[bob], NOON, &mut decisions);
    assert_eq!(decisions[0].retry_after(), Some(ten));
}

#[test]
fn ticks_that_nobody_moves_refuse_one_request_and_no_more() {
    let (limiter, clock) = limiter("input { user : key } rule r { limit 1 req/10 s per user using gcra }");
    let facts = [(limiter.fact("user").unwrap(), Value::Str("ada"))];
    assert!(limiter.decide(&facts).outcome().passes());
    clock.exact.set(NOON.after(Nanos::from_secs(60)));
    assert!(!limiter.decide(&facts).outcome().passes());
    assert!(limiter.decide(&facts).outcome().passes());
}

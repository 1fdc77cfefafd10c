//! A thousand threads reserve, settle, crash and retry against one budget.

use std::{
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    thread,
};

use limitrate_core::{facts::Value, time::Timestamp};
use limitrate_runtime::{Fate, Replied};

use super::{HOUR, NOON, Nanos, Test};

const THREADS: u64 = 1_000;
const REQUESTS: u64 = 12;
const STACK_BYTES: usize = 256 * 1_024;

/// Ten dollars, in nano-dollars.
const CAP: i64 = 10_000_000_000;

const TEXT: &str = "
    input { user : key  estimate : usd  actual : usd after response }
    rule chat {
      limit budget: $10/day globally resets in \"UTC\" reserve estimate settle actual fail closed
      limit streams: 100_000 in flight globally for at most 5 min
    }";

/// What really happened, kept beside the counter.
#[derive(Default)]
struct Ledger {
    spent: AtomicI64,
    /// By how much truth went beyond what had been reserved.
    beyond: AtomicI64,
    passed: AtomicI64,
    crashed: AtomicI64,
}

impl Ledger {
    fn note(&self, replied: &Replied<'_>) {
        for settled in &replied.settled {
            match settled.fate {
                Fate::Settled { actual } => {
                    self.spent.fetch_add(actual, SeqCst);
                    self.beyond.fetch_add((actual - settled.reserved).max(0), SeqCst);
                }
                Fate::Stands { .. } => {
                    self.spent.fetch_add(settled.reserved, SeqCst);
                }
                Fate::Gone => panic!("nothing expires while the clock moves by so little"),
            }
        }
    }
}

/// A small generator, so that each thread's run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn money(&mut self, most: u64) -> i64 {
        i64::try_from(self.roll(most)).unwrap()
    }
}

/// One client: it asks, and settles, crashes, forgets or settles twice.
fn client(test: &Test, clock: &AtomicI64, ledger: &Ledger, seed: u64) {
    let mut dice = Dice(seed);
    for _ in 0..REQUESTS {
        let estimate = dice.money(9_000_000);
        let facts = test.facts(&[("user", Value::Str("u")), ("estimate", Value::Int(estimate))]);
        let now = Timestamp(clock.fetch_add(1, SeqCst));
        let decision = test.limiter.decide_at(&facts, now);
        if !decision.outcome().passes() {
            continue;
        }
        ledger.passed.fetch_add(1, SeqCst);
        let running = test.limiter.running(&decision);
        thread::yield_now();
        let now = Timestamp(clock.fetch_add(1, SeqCst));
        let actual = dice.money(12_000_000);
        let answer = test.facts(&[("actual", Value::Int(actual))]);
        match dice.roll(10) {
            0 => {
                ledger.spent.fetch_add(estimate, SeqCst);
                ledger.crashed.fetch_add(1, SeqCst);
            }
            1 => ledger.note(&test.limiter.release(&running, now)),
            2 => ledger.note(&test.limiter.reply(&running, &[], now)),
            _ => {
                let replied = test.limiter.reply(&running, &answer, now);
                assert_eq!(replied.released, 1);
                ledger.note(&replied);
                // A retry of the reply, as after a lost connection.
                let again = test.limiter.reply(&running, &answer, now);
                assert_eq!(again.released, 0);
                assert!(again.settled.iter().all(|settled| settled.fate == Fate::Gone));
            }
        }
    }
}

#[test]
fn spend_never_exceeds_the_cap_plus_what_settling_added_and_the_ledger_agrees_to_the_nano_dollar() {
    let mut test = Test::new(TEXT);
    let (clock, ledger) = (AtomicI64::new(NOON.0), Ledger::default());
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (test, clock, ledger) = (&test, &clock, &ledger);
            let builder = thread::Builder::new().stack_size(STACK_BYTES);
            builder.spawn_scoped(scope, move || client(test, clock, ledger, number + 1)).unwrap();
        }
    });
    let (spent, beyond) = (ledger.spent.load(SeqCst), ledger.beyond.load(SeqCst));
    test.now = Timestamp(clock.load(SeqCst));
    assert_eq!(test.used("budget", &[]), spent);
    assert!(spent <= CAP + beyond, "{spent} of {CAP}, {beyond} beyond");
    assert!(spent > CAP / 2, "the budget was put under pressure: {spent}");
    let crashed = ledger.crashed.load(SeqCst);
    assert!(crashed > 0 && ledger.passed.load(SeqCst) > crashed);
    // What a crash left behind is gone in time, and nothing else was left.
    assert_eq!(test.used("streams", &[]), crashed);
    test.wait(HOUR);
    assert_eq!((test.used("streams", &[]), test.used("budget", &[])), (0, spent));
    test.wait(Nanos(48 * HOUR.0));
    assert_eq!(test.used("budget", &[]), 0);
}

//! A thousand threads reserve, settle, crash and retry against one budget.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    thread,
};

use limitrate_core::{facts::Value, time::Timestamp};
use limitrate_runtime::{
    Fate, Limiter, LimiterOptions, Replied, Running,
    store::{MemoryOptions, MemoryStore},
};

use super::{HOUR, MINUTE, NOON, Nanos, Test, options};

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
    expired: AtomicI64,
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
                // It had expired, and stands.
                Fate::Gone => {
                    self.spent.fetch_add(settled.reserved, SeqCst);
                    self.expired.fetch_add(1, SeqCst);
                }
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

/// Several instances on one store, the clock they share, and what happened.
struct World {
    instances: Vec<Test>,
    clock: AtomicI64,
    /// How far the clock leaps now and then.
    leap: Nanos,
    ledger: Ledger,
}

impl World {
    fn new(leap: Nanos) -> Self {
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let instance = |_| {
            let options = LimiterOptions { secret: 1, ..LimiterOptions::default() };
            Test::on(TEXT, store.clone(), options)
        };
        let instances = (0..3).map(instance).collect();
        Self { instances, clock: AtomicI64::new(NOON.0), leap, ledger: Ledger::default() }
    }

    fn tick(&self) -> Timestamp {
        Timestamp(self.clock.fetch_add(1, SeqCst))
    }

    fn run(&self) {
        thread::scope(|scope| {
            for number in 0..THREADS {
                let builder = thread::Builder::new().stack_size(STACK_BYTES);
                builder.spawn_scoped(scope, move || self.client(&mut Dice(number + 1))).unwrap();
            }
        });
    }

    /// One client: it asks, and settles, crashes, forgets or settles twice, at whichever instance it finds.
    fn client(&self, dice: &mut Dice) {
        for _ in 0..REQUESTS {
            if dice.roll(600) == 0 {
                self.clock.fetch_add(self.leap.0, SeqCst);
            }
            let test = self.instance(dice);
            let estimate = dice.money(9_000_000);
            let facts = test.facts(&[("user", Value::Str("u")), ("estimate", Value::Int(estimate))]);
            let decision = test.limiter.decide_at(&facts, self.tick());
            if decision.outcome().passes() {
                self.ledger.passed.fetch_add(1, SeqCst);
                let running = test.limiter.running(&decision);
                thread::yield_now();
                self.answer(&running, estimate, dice);
            }
        }
    }

    fn answer(&self, running: &Running, estimate: i64, dice: &mut Dice) {
        let (test, ledger) = (self.instance(dice), &self.ledger);
        let answer = test.facts(&[("actual", Value::Int(dice.money(12_000_000)))]);
        match dice.roll(10) {
            0 => {
                ledger.spent.fetch_add(estimate, SeqCst);
                ledger.crashed.fetch_add(1, SeqCst);
            }
            1 => ledger.note(&test.limiter.release(running, self.tick())),
            2 => ledger.note(&test.limiter.reply(running, &[], self.tick())),
            _ => {
                ledger.note(&test.limiter.reply(running, &answer, self.tick()));
                // A retry of the reply, as after a lost connection.
                let again = self.instance(dice).limiter.reply(running, &answer, self.tick());
                assert_eq!(again.released, 0);
                assert!(again.settled.iter().all(|settled| settled.fate == Fate::Gone));
            }
        }
    }

    fn instance(&self, dice: &mut Dice) -> &Test {
        let at = usize::try_from(dice.roll(3)).unwrap();
        self.instances.get(at).unwrap()
    }

    /// What is in use of a limit, so long after the last instant.
    fn used(&self, limit: &str, later: Nanos) -> i64 {
        let now = Timestamp(self.clock.load(SeqCst)).after(later);
        let first = self.instances.first().unwrap();
        let test = Test {
            limiter: Limiter::with(first.limiter.policy().clone(), first.limiter.store().clone(), options()),
            now,
        };
        test.used(limit, &[])
    }
}

/// The ledger agrees with the counter, and nothing was spent past the cap but by settling truthfully.
fn assert_true(world: &World) {
    let ledger = &world.ledger;
    let (spent, beyond) = (ledger.spent.load(SeqCst), ledger.beyond.load(SeqCst));
    assert_eq!(world.used("budget", Nanos::ZERO), spent);
    assert!(spent <= CAP + beyond, "{spent} of {CAP}, {beyond} beyond");
    assert!(spent > CAP / 2, "the budget was put under pressure: {spent}");
    let crashed = ledger.crashed.load(SeqCst);
    assert!(crashed > 0 && ledger.passed.load(SeqCst) > crashed);
    // What was left behind is gone in time, and the budget with its day.
    assert_eq!((world.used("streams", HOUR), world.used("budget", HOUR)), (0, spent));
    assert_eq!(world.used("budget", Nanos(48 * HOUR.0)), 0);
}

#[test]
fn spend_never_exceeds_the_cap_plus_what_settling_added_and_the_ledger_agrees_to_the_nano_dollar() {
    let world = World::new(Nanos::ZERO);
    world.run();
    assert_true(&world);
    assert_eq!(world.ledger.expired.load(SeqCst), 0);
    assert_eq!(world.used("streams", Nanos::ZERO), world.ledger.crashed.load(SeqCst));
}

#[test]
fn reservations_that_expire_under_way_stand_and_the_ledger_still_agrees() {
    let world = World::new(Nanos(11 * MINUTE.0));
    world.run();
    assert_true(&world);
    assert!(world.ledger.expired.load(SeqCst) > 0);
}

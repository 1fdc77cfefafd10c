//! Redis and memory give the same answers to the same history, step by step.

use std::{
    cell::RefCell,
    hash::{BuildHasher as _, RandomState},
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Block, Charge, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::{Period, Window, Zone},
};
use limitrate_runtime::store::{
    LocalStore, MemoryOptions, MemoryStore, RedisStore, Settlement, Settlements, Ticket, Verdicts,
};
use limitrate_testkit::Blocking;
use proptest::prelude::*;

use crate::{cluster, connected, node};

/// In the year 2103, a minute before midnight of the last day of a month in Berlin.
const BASE: Timestamp = Timestamp(4_199_986_740_000_000_000);

const DAY: i64 = 86_400;

fn algorithms() -> Vec<Algorithm> {
    let berlin = || Zone::named("Europe/Berlin").unwrap();
    vec![
        Algorithm::Bucket(Nanos::from_secs(60)),
        Algorithm::Bucket(Nanos(7)),
        Algorithm::Bucket(Nanos::from_secs(400 * DAY)),
        Algorithm::FixedWindow(Window::Rolling(Nanos::from_secs(20))),
        Algorithm::FixedWindow(Window::Rolling(Nanos::from_secs(100 * DAY))),
        Algorithm::FixedWindow(Window::Aligned(Nanos::from_secs(7))),
        Algorithm::FixedWindow(Window::Calendar(Period::Day, berlin())),
        Algorithm::FixedWindow(Window::Calendar(Period::Year, berlin())),
        Algorithm::SlidingWindow(Nanos::from_secs(60)),
        Algorithm::SlidingWindow(Nanos(977)),
        Algorithm::SlidingWindow(Nanos::from_secs(30 * DAY)),
        Algorithm::SlidingLog(Nanos::from_secs(30)),
        Algorithm::InFlight(Nanos::from_secs(20)),
    ]
}

const BLOCK: Block =
    Block { first: Nanos::from_secs(2), up_to: Nanos::from_secs(30), forget: Nanos::from_secs(40) };

#[derive(Debug, Clone)]
struct Draft {
    algorithm: usize,
    /// Which counter of those of the algorithm.
    number: u64,
    cost: i64,
    ceiling: i64,
    burst: i64,
    starting: Option<i64>,
    mode: Mode,
    hold: bool,
    /// What is taken on top in shadow, if it fits: as by whoever leases.
    on_top: Option<i64>,
}

#[derive(Debug, Clone)]
enum Action {
    Charge(Vec<Draft>),
    Settle { of: usize, actual: i64 },
    Release { of: usize },
    Refund(Draft),
    SetUsed { algorithm: usize, number: u64, used: i64 },
    Reset { algorithm: usize, number: u64 },
}

#[derive(Debug, Clone)]
struct Step {
    pass: i64,
    action: Action,
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1..6_i64, 2 => Just(0_i64), 1 => 6..2_000_i64, 1 => prop_oneof![
        Just(-1), Just(1 << 40), Just((1 << 52) + 1), Just(i64::MAX), Just(1_000_000_007)
    ]]
}

fn draft() -> impl Strategy<Value = Draft> {
    let ceilings = prop_oneof![8 => 1..12_i64, 2 => 12..3_000_i64, 1 => prop_oneof![
        Just(0), Just(-5), Just(1 << 41), Just(1 << 53), Just(i64::MAX)
    ]];
    let modes = prop_oneof![6 => Just(Mode::Enforce), 1 => Just(Mode::Soft), 1 => Just(Mode::Shadow)];
    let starting = prop::option::weighted(0.2, 0..9_i64);
    let on_top = prop::option::weighted(0.2, amount());
    let extras = (starting, modes, prop::bool::weighted(0.25), on_top);
    (0..13_usize, 0..4_u64, amount(), ceilings, 1..9_i64, extras).prop_map(
        |(algorithm, number, cost, ceiling, burst, (starting, mode, hold, on_top))| Draft {
            algorithm,
            number,
            cost,
            ceiling,
            burst: if ceiling > 1_000 { ceiling } else { burst },
            starting,
            mode,
            hold,
            on_top,
        },
    )
}

/// Of counters that have nothing beside them, and are often at their ceilings.
fn plain() -> impl Strategy<Value = Draft> {
    let algorithm = prop::sample::select(vec![0_usize, 1, 8, 9]);
    (algorithm, 1..4_i64, 3..8_i64, 3..8_i64, prop::option::of(1..5_i64)).prop_map(
        |(algorithm, cost, ceiling, burst, on_top)| Draft {
            algorithm,
            number: 0,
            cost,
            ceiling,
            burst,
            starting: None,
            mode: Mode::Enforce,
            hold: false,
            on_top,
        },
    )
}

/// Some decisions, apart by parts of the shortest windows, or of the others.
fn plain_steps() -> impl Strategy<Value = Vec<Step>> {
    let charges = || prop::collection::vec(plain(), 1..3).prop_map(Action::Charge);
    let steps = |pass: BoxedStrategy<i64>| {
        let step = (pass, charges()).prop_map(|(pass, action)| Step { pass, action });
        prop::collection::vec(step, 1..60)
    };
    let parts = (0..9_i64).prop_map(|part| part * 20_000_000_000);
    prop_oneof![steps(parts.boxed()), steps(prop_oneof![0..3_000_i64, 0..12_i64].boxed())]
}

fn step() -> impl Strategy<Value = Step> {
    let action = prop_oneof![
        12 => prop::collection::vec(draft(), 1..4).prop_map(Action::Charge),
        2 => (0..40_usize, amount()).prop_map(|(of, actual)| Action::Settle { of, actual }),
        1 => (0..40_usize).prop_map(|of| Action::Release { of }),
        1 => draft().prop_map(Action::Refund),
        1 => (0..13_usize, 0..4_u64, 0..20_i64)
            .prop_map(|(algorithm, number, used)| Action::SetUsed { algorithm, number, used }),
        1 => (0..13_usize, 0..4_u64).prop_map(|(algorithm, number)| Action::Reset { algorithm, number }),
    ];
    let pass = prop_oneof![
        6 => 0..3_000_000_000_i64, 2 => 0..1_200_i64, 2 => -900_000_000..0_i64, 1 => Just(0),
        1 => 20_000_000_000..40_000_000_000_i64
    ];
    (pass, action).prop_map(|(pass, action)| Step { pass, action })
}

/// One history, on both.
struct Histories<'s> {
    stores: [&'s dyn LocalStore; 2],
    algorithms: Vec<Algorithm>,
    secret: u64,
    group: Option<u16>,
    latest: i64,
    now: i64,
    charged: Vec<(usize, CounterKey, Ticket)>,
    tickets: u64,
}

impl Histories<'_> {
    fn key(&self, algorithm: usize, number: u64) -> CounterKey {
        let identity = [algorithm as u64, number].map(u64::to_le_bytes).concat();
        let key = CounterKey::of_limit(&identity, self.secret);
        self.group.map_or(key, |group| key.in_group(group))
    }

    /// Counters of number 1 have blocks, those of number 2 warnings.
    fn charge(&self, draft: &Draft) -> Charge<'_> {
        let Draft { algorithm, number, cost, ceiling, burst, starting, mode, hold, .. } = *draft;
        let counter = self.key(algorithm, number);
        let terms = Terms { ceiling, burst, starting };
        Charge {
            mode,
            hold: hold.then_some(Nanos::from_secs(10)),
            block: (number == 1).then_some(&BLOCK),
            warn: if number == 2 { &[500_000, 900_000] } else { &[] },
            ..Charge::new(counter, CounterKey(counter.0 ^ 1), &self.algorithms[algorithm], terms, cost)
        }
    }

    fn take(&mut self, Step { pass, action }: &Step) {
        // Memory drops what has been idle for a second.
        self.now = (self.now + pass).max(self.latest - 900_000_000);
        self.latest = self.latest.max(self.now);
        let now = Timestamp(self.now);
        match action {
            Action::Charge(drafts) => {
                self.tickets += 1;
                let ticket = Ticket(self.tickets);
                let on_top = drafts.iter().filter_map(|draft| {
                    let more =
                        Draft { cost: draft.on_top?, mode: Mode::Shadow, hold: false, ..draft.clone() };
                    Some(Charge { block: None, warn: &[], ..self.charge(&more) })
                });
                let charges: Vec<_> = drafts.iter().map(|draft| self.charge(draft)).chain(on_top).collect();
                self.same(|store| {
                    let mut verdicts = Verdicts::new();
                    (store.charge(now, &charges, ticket, &mut verdicts), verdicts)
                });
                let kept = drafts
                    .iter()
                    .map(|draft| (draft.algorithm, self.key(draft.algorithm, draft.number), ticket));
                self.charged.extend(kept.collect::<Vec<_>>());
            }
            Action::Settle { of, actual } => {
                let Some(&(algorithm, counter, ticket)) = self.charged.iter().rev().nth(*of) else { return };
                let algorithm = &self.algorithms[algorithm];
                let settlement = Settlement { counter, limit: counter, algorithm, ticket, actual: *actual };
                self.same(|store| {
                    let mut settled = Settlements::new();
                    store.settle(now, &[settlement], &mut settled);
                    settled
                });
            }
            Action::Release { of } => {
                let Some(&(_, counter, ticket)) = self.charged.iter().rev().nth(*of) else { return };
                let lease = limitrate_runtime::store::Lease { counter, limit: counter, ticket };
                self.same(|store| store.release(now, lease));
            }
            Action::Refund(draft) => {
                let charge = self.charge(draft);
                if charge.cost >= 0 && !matches!(charge.algorithm, Algorithm::InFlight(_)) {
                    self.same(|store| store.refund(now, &charge));
                }
            }
            Action::SetUsed { algorithm, number, used } => {
                let (counter, algorithm) = (self.key(*algorithm, *number), &self.algorithms[*algorithm]);
                self.same(|store| {
                    (store.set_used(now, counter, algorithm, *used), store.used(now, counter, algorithm))
                });
            }
            Action::Reset { algorithm, number } => {
                let counter = self.key(*algorithm, *number);
                // What is idle may or may not be there still: only what counts after it is compared.
                for store in self.stores {
                    let _ = store.reset(counter);
                }
            }
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&dyn LocalStore) -> T) {
        let [redis, memory] = self.stores.map(ask);
        assert_eq!(redis, memory, "at {}", self.now);
    }
}

fn compare(redis: &Blocking<RedisStore>, group: Option<u16>, steps: &[Step]) {
    // Servers are shared by all cases, and by what a case is made smaller to.
    let secret = RandomState::new().hash_one(());
    let memory = MemoryStore::new(MemoryOptions::default());
    let mut histories = Histories {
        stores: [redis, &memory],
        algorithms: algorithms(),
        secret,
        group,
        latest: BASE.0,
        now: BASE.0,
        charged: Vec::new(),
        tickets: 0,
    };
    for step in steps {
        histories.take(step);
        assert!(redis.error().is_none(), "{:?}", redis.error());
    }
}

thread_local! {
    static STORES: RefCell<Option<(Blocking<RedisStore>, Blocking<RedisStore>)>> = const { RefCell::new(None) };
}

/// On one node, and on a Cluster.
fn compare_both(steps: &[Step]) {
    let (Some(node), Some(cluster)) = (node(), cluster()) else { return };
    STORES.with_borrow_mut(|stores| {
        let (one, many) = stores.get_or_insert_with(|| (connected(&node.url()), connected(&cluster.url())));
        compare(one, None, steps);
        compare(many, Some(7), steps);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redis_answers_as_memory_does(steps in prop::collection::vec(step(), 1..40)) {
        compare_both(&steps);
    }

    #[test]
    fn redis_answers_plain_decisions_as_memory_does(steps in plain_steps()) {
        compare_both(&steps);
    }
}

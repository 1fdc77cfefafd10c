//! The memory store against a model that forgets nothing: whatever it sweeps changes no decision, and what it has no
//! room for is treated as the limit says.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod model;

use std::num::NonZeroUsize;

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Block, Charge, Counted, Fail, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    Lease, LocalStore, MemoryOptions, MemoryStore, Settled, Settlement, Settlements, Ticket, Verdicts,
};
use proptest::prelude::*;

use crate::model::Model;

const START: Timestamp = Timestamp(1_800_000_000_000_000_000);
const SECOND: Nanos = Nanos::from_secs(1);

/// How far the clock of these tests may step back, in all, from the latest instant it showed.
const MOST_BACK: i64 = 999_999_999;

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::FixedWindow(Window::Rolling(Nanos(3_000_000_000))),
    Algorithm::SlidingLog(Nanos(2_000_000_000)),
    Algorithm::SlidingWindow(Nanos(1_500_000_000)),
    Algorithm::Bucket(Nanos(2_500_000_000)),
    Algorithm::InFlight(Nanos(2_000_000_000)),
];

const BLOCK: Block =
    Block { first: Nanos(700_000_000), up_to: Nanos(2_000_000_000), forget: Nanos(1_500_000_000) };

const MARKS: &[i64] = &[500_000, 800_000, 1_000_000];

/// What stands beside the counter of a charge.
#[derive(Debug, Clone, Default)]
struct Beside {
    hold: Option<i64>,
    blocks: bool,
    warns: bool,
}

/// A charge on a key of one of the limits; each limit counts by the algorithm of its number.
#[derive(Debug, Clone)]
struct Spend {
    limit: usize,
    key: u64,
    ceiling: i64,
    burst: i64,
    starting: Option<i64>,
    cost: i64,
    fail: Fail,
    mode: Mode,
    beside: Beside,
}

impl Spend {
    fn charge(&self) -> Charge<'static> {
        let limit = CounterKey::of_limit(&[u8::try_from(self.limit).unwrap()], 1);
        let terms = Terms { ceiling: self.ceiling, burst: self.burst, starting: self.starting };
        let counter = limit.with_part(0, &self.key.to_le_bytes());
        Charge {
            fail: self.fail,
            mode: self.mode,
            hold: self.beside.hold.map(Nanos),
            block: self.beside.blocks.then_some(&BLOCK),
            warn: if self.beside.warns { MARKS } else { &[] },
            ..Charge::new(counter, limit, &ALGORITHMS[self.limit], terms, self.cost)
        }
    }
}

#[derive(Debug, Clone)]
enum Act {
    Advance(i64),
    /// To that long before the latest instant so far.
    StepBack(i64),
    Decide(Vec<Spend>),
    /// Releases what an earlier decision charged.
    Release(prop::sample::Index),
    /// Settles what earlier decisions charged, reserved or not.
    Settle(Vec<(prop::sample::Index, i64)>),
    SetUsed(Spend, i64),
}

fn besides() -> impl Strategy<Value = Beside> {
    let hold = prop::option::weighted(0.4, 1..4_000_000_000i64);
    (hold, prop::bool::weighted(0.2), prop::bool::weighted(0.3)).prop_map(|(hold, blocks, warns)| Beside {
        hold,
        blocks,
        warns,
    })
}

/// `rich` charges may have something beside their counters.
fn spends(keys: u64, rich: bool) -> impl Strategy<Value = Spend> {
    let fail = prop_oneof![Just(Fail::Open), Just(Fail::Closed), (0..=1_000_000i64).prop_map(Fail::Local)];
    let cost = prop_oneof![8 => 1..4i64, 1 => 0..9i64, 1 => Just(-1)];
    let mode = prop_oneof![6 => Just(Mode::Enforce), 1 => Just(Mode::Soft), 1 => Just(Mode::Shadow)];
    let beside = besides().prop_map(move |beside| if rich { beside } else { Beside::default() });
    let starting = prop::option::weighted(0.2, 0..9i64);
    let terms = (0..12i64, 1..12i64, starting);
    (0..ALGORITHMS.len(), 0..keys, terms, cost, fail, mode, beside).prop_map(
        |(limit, key, (ceiling, burst, starting), cost, fail, mode, beside)| Spend {
            limit,
            key,
            ceiling,
            burst,
            starting,
            cost,
            fail,
            mode,
            beside,
        },
    )
}

fn acts(keys: u64, rich: bool) -> impl Strategy<Value = Vec<Act>> {
    let settling = (any::<prop::sample::Index>(), -1..12i64);
    let act = prop_oneof![
        3 => (0..900_000_000i64).prop_map(Act::Advance),
        1 => (0..5_000_000_000i64).prop_map(Act::Advance),
        1 => (0..=MOST_BACK).prop_map(Act::StepBack),
        8 => prop::collection::vec(spends(keys, rich), 1..2).prop_map(Act::Decide),
        4 => prop::collection::vec(spends(keys, rich), 0..6).prop_map(Act::Decide),
        2 => any::<prop::sample::Index>().prop_map(Act::Release),
        4 => prop::collection::vec(settling, 1..4).prop_map(Act::Settle),
        1 => (spends(keys, rich), -1..12i64).prop_map(|(spend, used)| Act::SetUsed(spend, used)),
    ];
    prop::collection::vec(act, 1..120)
}

/// A run of a store of one shard beside the model.
struct Run {
    store: MemoryStore,
    max_keys: usize,
    model: Model,
    now: Timestamp,
    latest: Timestamp,
    ticket: u64,
    leases: Vec<(Lease, &'static Algorithm)>,
}

impl Run {
    fn new(max_keys: usize) -> Self {
        let store = MemoryStore::new(MemoryOptions {
            max_keys,
            shards: NonZeroUsize::new(1),
            ..MemoryOptions::default()
        });
        Self {
            store,
            max_keys,
            model: Model::default(),
            now: START,
            latest: START,
            ticket: 0,
            leases: vec![],
        }
    }

    fn step(&mut self, act: &Act) {
        match act {
            Act::Advance(nanos) => self.now = self.now.after(Nanos(*nanos)),
            Act::StepBack(nanos) => self.now = Timestamp(self.latest.0 - nanos),
            Act::Decide(spends) => self.decide(&spends.iter().map(Spend::charge).collect::<Vec<_>>()),
            Act::Release(which) if !self.leases.is_empty() => {
                let (lease, _) = *which.get(&self.leases);
                assert_eq!(self.store.release(self.now, lease), self.model.release(self.now, lease));
            }
            Act::Release(_) => {}
            Act::Settle(which) if !self.leases.is_empty() => self.settle(which),
            Act::Settle(_) => {}
            Act::SetUsed(spend, used) => self.set_used(&spend.charge(), *used),
        }
        self.latest = self.latest.max(self.now);
        assert!(self.store.len() <= self.max_keys);
    }

    fn decide(&mut self, charges: &[Charge<'static>]) {
        self.ticket += 1;
        let mut verdicts = Verdicts::new();
        let fits = self.store.charge(self.now, charges, Ticket(self.ticket), &mut verdicts);
        let counted: Vec<_> = verdicts.iter().map(|verdict| verdict.counted).collect();
        self.room_was_used(charges, &counted);
        let (expected, all) = self.model.decide(self.now, charges, &counted, self.ticket);
        assert_eq!((fits, verdicts.as_slice()), (expected, all.as_slice()));
        let ticket = Ticket(self.ticket);
        let lease = |charge: &Charge<'static>| {
            let Charge { counter, limit, algorithm, .. } = *charge;
            (Lease { counter, limit, ticket }, algorithm)
        };
        self.leases.extend(charges.iter().map(lease));
    }

    fn settle(&mut self, which: &[(prop::sample::Index, i64)]) {
        let settlement = |(index, actual): &(prop::sample::Index, i64)| {
            let (Lease { counter, limit, ticket }, algorithm) = *index.get(&self.leases);
            Settlement { counter, limit, algorithm, ticket, actual: *actual }
        };
        let settlements: Vec<_> = which.iter().map(settlement).collect();
        let mut settled = Settlements::new();
        self.store.settle(self.now, &settlements, &mut settled);
        let expected = settlements.iter().map(|settlement| {
            self.model
                .settle(self.now, settlement)
                .map_or(Settled::Gone, |reserved| Settled::Replaced { reserved })
        });
        assert_eq!(settled.into_vec(), expected.collect::<Vec<_>>());
        assert_eq!(self.store.holds(self.now), self.model.open(self.now));
    }

    /// A key is counted elsewhere only if it was new and the store full of counters that may not be dropped.
    fn room_was_used(&self, charges: &[Charge<'static>], counted: &[Counted]) {
        let new: Vec<_> =
            charges.iter().filter(|charge| !self.model.is_kept(charge.counter, self.now)).collect();
        for (charge, _) in charges.iter().zip(counted).filter(|(_, counted)| **counted != Counted::Own) {
            assert!(!self.model.is_live(charge.counter, self.now));
            assert!(self.model.kept(self.now) + new.len() > self.max_keys);
        }
    }

    fn set_used(&mut self, charge: &Charge<'static>, used: i64) {
        let was_set = self.store.set_used(self.now, charge.counter, charge.algorithm, used);
        let is_bucket = matches!(charge.algorithm, Algorithm::Bucket(_));
        if was_set {
            let (algorithm, state) = self.model.own.entry(charge.counter).or_insert((charge.algorithm, None));
            assert!(algorithm.set_used(state, self.now, used));
        } else {
            assert!(is_bucket || self.model.kept(self.now) >= self.max_keys);
        }
        let expected = self.model.own.get(&charge.counter).and_then(|(_, state)| state.as_ref());
        let used = self.store.used(self.now, charge.counter, charge.algorithm);
        assert_eq!(used, charge.algorithm.used(expected, self.now));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_swept_changes_no_decision(acts in acts(12, true)) {
        let mut run = Run::new(1_000);
        for act in &acts {
            run.step(act);
        }
        prop_assert!(run.model.shared.is_empty());
    }

    #[test]
    fn keys_without_room_are_treated_as_their_limit_says(acts in acts(3, false), max_keys in 0usize..8) {
        let mut run = Run::new(max_keys);
        for act in &acts {
            run.step(act);
        }
    }

    /// With nothing beside them, most of these are decided without a lock.
    #[test]
    fn plain_charges_are_decided_as_all_others_are(acts in acts(4, false)) {
        let mut run = Run::new(1_000);
        for act in &acts {
            run.step(act);
        }
    }
}

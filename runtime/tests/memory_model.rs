//! The memory store against a model that forgets nothing: whatever it sweeps changes no decision, and what it has no
//! room for is treated as the limit says.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use std::{collections::HashMap, num::NonZeroUsize};

use limitrate_core::{
    algorithm::{Algorithm, LeaseId, Refusal, State, Status, Terms},
    charge::{Charge, Counted, Fail, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    Lease, LocalStore, MemoryOptions, MemoryStore, Ticket, Verdicts, memory::NO_ROOM_RETRY,
};
use proptest::prelude::*;

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
}

impl Spend {
    fn charge(&self) -> Charge<'static> {
        let limit = CounterKey::of_limit(&[u8::try_from(self.limit).unwrap()], 1);
        let terms = Terms { ceiling: self.ceiling, burst: self.burst, starting: self.starting };
        let counter = limit.with_part(0, &self.key.to_le_bytes());
        Charge { fail: self.fail, ..Charge::new(counter, limit, &ALGORITHMS[self.limit], terms, self.cost) }
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
    SetUsed(Spend, i64),
}

fn spends(keys: u64) -> impl Strategy<Value = Spend> {
    let fail = prop_oneof![Just(Fail::Open), Just(Fail::Closed), (0..=1_000_000i64).prop_map(Fail::Local)];
    let cost = prop_oneof![8 => 1..4i64, 1 => 0..9i64, 1 => Just(-1)];
    (0..ALGORITHMS.len(), 0..keys, 0..12i64, 1..12i64, prop::option::weighted(0.2, 0..9i64), cost, fail)
        .prop_map(|(limit, key, ceiling, burst, starting, cost, fail)| Spend {
            limit,
            key,
            ceiling,
            burst,
            starting,
            cost,
            fail,
        })
}

fn acts(keys: u64) -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..900_000_000i64).prop_map(Act::Advance),
        1 => (0..5_000_000_000i64).prop_map(Act::Advance),
        1 => (0..=MOST_BACK).prop_map(Act::StepBack),
        8 => prop::collection::vec(spends(keys), 1..2).prop_map(Act::Decide),
        4 => prop::collection::vec(spends(keys), 0..6).prop_map(Act::Decide),
        2 => any::<prop::sample::Index>().prop_map(Act::Release),
        1 => (spends(keys), -1..12i64).prop_map(|(spend, used)| Act::SetUsed(spend, used)),
    ];
    prop::collection::vec(act, 1..120)
}

/// One counter of the model, with the algorithm that keeps it.
type Counters = HashMap<CounterKey, (&'static Algorithm, Option<State>)>;

#[derive(Debug, Default)]
struct Model {
    own: Counters,
    shared: Counters,
}

/// What the model says of all charges of a decision on one counter.
struct Joint {
    key: CounterKey,
    charge: Charge<'static>,
    counted: Counted,
}

fn joint(into: &mut Vec<Joint>, key: CounterKey, charge: Charge<'static>, counted: Counted) {
    let Some(known) = into.iter_mut().find(|known| known.key == key) else {
        into.push(Joint { key, charge, counted });
        return;
    };
    let (sum, terms) = (&mut known.charge, charge.terms);
    sum.cost = if sum.cost < 0 || charge.cost < 0 { -1 } else { sum.cost + charge.cost };
    sum.terms.ceiling = sum.terms.ceiling.min(terms.ceiling);
    sum.terms.burst = sum.terms.burst.min(terms.burst);
    sum.terms.starting = sum.terms.starting.into_iter().chain(terms.starting).min();
    let strictness = |fail| match fail {
        Fail::Closed => (0, 0),
        Fail::Local(share) => (1, share),
        Fail::Open => (2, 0),
    };
    sum.fail = if strictness(charge.fail) < strictness(sum.fail) { charge.fail } else { sum.fail };
}

fn scaled(amount: i64, share: i64) -> i64 {
    if amount > 0 { (amount * share / 1_000_000).max(1) } else { amount }
}

impl Model {
    fn state(&self, joint: &Joint) -> Option<&State> {
        let counters = if joint.counted == Counted::Shared { &self.shared } else { &self.own };
        counters.get(&joint.key).and_then(|(_, state)| state.as_ref())
    }

    fn idle_at(&self, key: CounterKey) -> Option<Timestamp> {
        self.own.get(&key).and_then(|(algorithm, state)| Some(algorithm.idle_at(state.as_ref()?)))
    }

    /// Whether the counter still counts.
    fn is_live(&self, key: CounterKey, now: Timestamp) -> bool {
        self.idle_at(key).is_some_and(|idle_at| now < idle_at)
    }

    /// Whether a full sweep at `now` would leave the counter: what is idle is kept for up to a second.
    fn is_kept(&self, key: CounterKey, now: Timestamp) -> bool {
        self.idle_at(key).is_some_and(|idle_at| now.since(idle_at) < SECOND)
    }

    fn kept(&self, now: Timestamp) -> usize {
        self.own.keys().filter(|key| self.is_kept(**key, now)).count()
    }

    fn judge(&self, joint: &Joint, now: Timestamp) -> Result<(), Refusal> {
        let Charge { algorithm, terms, cost, fail, .. } = joint.charge;
        match joint.counted {
            Counted::Nowhere if fail == Fail::Open => Ok(()),
            Counted::Nowhere => Err(Refusal::Wait(NO_ROOM_RETRY)),
            Counted::Own => algorithm.judge(self.state(joint), terms, now, cost),
            Counted::Shared => match algorithm.judge(self.state(joint), terms, now, cost) {
                Err(Refusal::Never) => Err(Refusal::Wait(NO_ROOM_RETRY)),
                judged => judged,
            },
        }
    }

    fn verdict(&self, joint: &Joint, judged: Result<(), Refusal>, now: Timestamp) -> Verdict {
        let Charge { algorithm, terms, .. } = joint.charge;
        let status = match (joint.counted, judged) {
            (Counted::Nowhere, Err(_)) => Status { remaining: 0, reset_after: NO_ROOM_RETRY },
            (Counted::Nowhere, Ok(())) => algorithm.status(None, terms, now),
            (Counted::Own | Counted::Shared, _) => algorithm.status(self.state(joint), terms, now),
        };
        Verdict::new(judged, status, joint.counted)
    }

    /// Decides as the store should have, where it counted each charge being given.
    fn decide(
        &mut self,
        now: Timestamp,
        charges: &[Charge<'static>],
        counted: &[Counted],
        ticket: u64,
    ) -> (bool, Vec<Verdict>) {
        let mut own = Vec::new();
        for (charge, counted) in charges.iter().zip(counted) {
            joint(&mut own, charge.counter, *charge, *counted);
        }
        let mut shared = Vec::new();
        for part in own.iter().filter(|part| part.counted == Counted::Shared) {
            let Fail::Local(share) = part.charge.fail else { panic!("shared without `fail local`") };
            let Terms { ceiling, burst, starting } = part.charge.terms;
            let terms = Terms {
                ceiling: scaled(ceiling, share),
                burst: scaled(burst, share),
                starting: starting.map(|amount| amount * share / 1_000_000),
            };
            joint(&mut shared, part.charge.limit, Charge { terms, ..part.charge }, Counted::Shared);
        }
        let position = |charge: &Charge<'_>| {
            let at = own.iter().position(|part| part.key == charge.counter).unwrap();
            let part = &own[at];
            if part.counted == Counted::Shared {
                &shared[shared.iter().position(|shared| shared.key == charge.limit).unwrap()]
            } else {
                part
            }
        };
        let judged: Vec<_> = charges.iter().map(|charge| self.judge(position(charge), now)).collect();
        let fits = judged.iter().all(Result::is_ok);
        if fits {
            for part in &own {
                let Charge { algorithm, cost, .. } = part.charge;
                let terms = position(&part.charge).charge.terms;
                let (counters, key, lease) = match part.counted {
                    Counted::Own => (&mut self.own, part.key, ticket),
                    // Here a key's leases need only differ from those of other keys.
                    Counted::Shared => (&mut self.shared, part.charge.limit, lease_of(part.key, ticket)),
                    Counted::Nowhere => continue,
                };
                let (_, state) = counters.entry(key).or_insert((algorithm, None));
                algorithm.take(state, terms, now, cost, LeaseId(lease));
            }
        }
        let verdicts =
            charges.iter().zip(judged).map(|(charge, judged)| self.verdict(position(charge), judged, now));
        (fits, verdicts.collect())
    }

    fn release(&mut self, now: Timestamp, lease: Lease) -> bool {
        let shared = lease_of(lease.counter, lease.ticket.0);
        [(&mut self.own, lease.counter, lease.ticket.0), (&mut self.shared, lease.limit, shared)]
            .into_iter()
            .any(|(counters, key, id)| end_lease(counters, key, now, LeaseId(id)))
    }
}

fn lease_of(counter: CounterKey, ticket: u64) -> u64 {
    ticket + 1_000 * u64::try_from(counter.0 % 1_000_000_007).unwrap()
}

fn end_lease(counters: &mut Counters, key: CounterKey, now: Timestamp, id: LeaseId) -> bool {
    let Some((algorithm, state)) = counters.get_mut(&key) else { return false };
    let before = algorithm.used(state.as_ref(), now);
    if let Some(State::InFlight(leases)) = state {
        leases.release(id);
    }
    algorithm.used(state.as_ref(), now) != before
}

/// A run of a store of one shard beside the model.
struct Run {
    store: MemoryStore,
    max_keys: usize,
    model: Model,
    now: Timestamp,
    latest: Timestamp,
    ticket: u64,
    leases: Vec<Lease>,
}

impl Run {
    fn new(max_keys: usize) -> Self {
        let store = MemoryStore::new(MemoryOptions { max_keys, shards: NonZeroUsize::new(1) });
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
                let lease = *which.get(&self.leases);
                assert_eq!(self.store.release(self.now, lease), self.model.release(self.now, lease));
            }
            Act::Release(_) => {}
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
        self.leases.extend(charges.iter().map(|&Charge { counter, limit, .. }| Lease {
            counter,
            limit,
            ticket,
        }));
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
    fn what_is_swept_changes_no_decision(acts in acts(12)) {
        let mut run = Run::new(1_000);
        for act in &acts {
            run.step(act);
        }
        prop_assert!(run.model.shared.is_empty());
    }

    #[test]
    fn keys_without_room_are_treated_as_their_limit_says(acts in acts(3), max_keys in 0usize..8) {
        let mut run = Run::new(max_keys);
        for act in &acts {
            run.step(act);
        }
    }
}

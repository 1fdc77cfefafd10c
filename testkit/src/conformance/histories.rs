//! Random histories, step by step beside another store: every answer is the same.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Block, Charge, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::{Period, Window, Zone},
};
use limitrate_runtime::store::{
    Lease, LocalStore, MemoryOptions, MemoryStore, Settlement, Settlements, Ticket, Verdicts,
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

use super::Trial;
use crate::ModelStore;

/// In the year 2103.
const START: Timestamp = Timestamp(4_200_076_798_000_000_000);

/// Longer than anything here lasts, wherever in it a history begins: what one leaves is idle when the next begins.
const APART: i64 = 100 * 86_400 * 1_000_000_000;

/// How long before the end of a window of the calendar a history begins.
const BEFORE: i64 = 2_000_000_000;

/// How far the clock steps back, in all, from the latest instant it showed: less than what is idle is kept for.
const MOST_BACK: i64 = 999_999_999;

/// What amounts are multiplied with: beyond 2⁵³ no floating-point number tells all of them apart.
const SCALES: [i64; 3] = [1, 1_000_003, (1 << 53) + 1];

static ALGORITHMS: LazyLock<Vec<Algorithm>> = LazyLock::new(|| {
    let mut all = vec![
        Algorithm::FixedWindow(Window::Rolling(Nanos(3_000_000_000))),
        Algorithm::FixedWindow(Window::Aligned(Nanos(2_000_000_000))),
        Algorithm::SlidingLog(Nanos(2_000_000_000)),
        Algorithm::SlidingWindow(Nanos(1_500_000_000)),
        Algorithm::SlidingWindow(Nanos(999_999_937)),
        Algorithm::Bucket(Nanos(2_500_000_000)),
        Algorithm::Bucket(Nanos(86_399_999_999_983)),
        Algorithm::InFlight(Nanos(2_000_000_000)),
    ];
    all.extend(CALENDARS.iter().cloned().map(Algorithm::FixedWindow));
    all
});

/// Windows that the calendar of a place sets.
static CALENDARS: LazyLock<Vec<Window>> = LazyLock::new(|| {
    let all = [
        (Period::Day, "UTC"),
        (Period::Week, "UTC"),
        (Period::Month, "UTC"),
        (Period::Day, "Europe/Berlin"),
        (Period::Week, "Asia/Kathmandu"),
        (Period::Month, "America/New_York"),
    ];
    let window = |(period, name)| Zone::named(name).map(|zone| Window::Calendar(period, zone));
    all.into_iter().filter_map(window).collect()
});

const BLOCK: Block =
    Block { first: Nanos(700_000_000), up_to: Nanos(2_000_000_000), forget: Nanos(1_500_000_000) };

const MARKS: &[i64] = &[500_000, 800_000, 1_000_000];

/// A charge on one of the counters; each counts by the algorithm of its number. Amounts are not scaled yet.
#[derive(Debug, Clone)]
struct Spend {
    algorithm: Index,
    counter: u64,
    ceiling: i64,
    burst: i64,
    starting: Option<i64>,
    cost: i64,
    mode: Mode,
    hold: Option<i64>,
    blocks: bool,
    warns: bool,
}

#[derive(Debug, Clone)]
enum Act {
    Advance(i64),
    /// To that long before the latest instant so far.
    StepBack(i64),
    Decide(Vec<Spend>),
    /// Releases what an earlier decision charged.
    Release(Index),
    /// Settles what earlier decisions charged, reserved or not.
    Settle(Vec<(Index, i64)>),
    /// Gives back some of what an earlier decision charged.
    Refund(Index, i64),
    SetUsed(Spend, i64),
    Reset(Spend),
}

/// How many counters each algorithm has: so few that histories meet on them.
const COUNTERS: u64 = 2;

fn spends() -> impl Strategy<Value = Spend> {
    let cost = prop_oneof![8 => 1..4i64, 1 => 0..9i64, 1 => Just(-1)];
    let mode = prop_oneof![6 => Just(Mode::Enforce), 1 => Just(Mode::Soft), 1 => Just(Mode::Shadow)];
    let terms = (0..12i64, 1..12i64, prop::option::weighted(0.2, 0..9i64));
    let hold = prop::option::weighted(0.3, 1..4_000_000_000i64);
    let beside = (hold, prop::bool::weighted(0.2), prop::bool::weighted(0.3));
    (any::<Index>(), 0..COUNTERS, terms, cost, mode, beside).prop_map(
        |(algorithm, counter, (ceiling, burst, starting), cost, mode, (hold, blocks, warns))| Spend {
            algorithm,
            counter,
            ceiling,
            burst,
            starting,
            cost,
            mode,
            hold,
            blocks,
            warns,
        },
    )
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..900_000_000i64).prop_map(Act::Advance),
        1 => (0..5_000_000_000i64).prop_map(Act::Advance),
        1 => (0..=MOST_BACK).prop_map(Act::StepBack),
        8 => prop::collection::vec(spends(), 1..2).prop_map(Act::Decide),
        4 => prop::collection::vec(spends(), 0..6).prop_map(Act::Decide),
        2 => any::<Index>().prop_map(Act::Release),
        3 => prop::collection::vec((any::<Index>(), -1..12i64), 1..4).prop_map(Act::Settle),
        1 => (any::<Index>(), 0..5i64).prop_map(|(which, amount)| Act::Refund(which, amount)),
        1 => (spends(), -1..12i64).prop_map(|(spend, used)| Act::SetUsed(spend, used)),
        1 => spends().prop_map(Act::Reset),
    ];
    prop::collection::vec(act, 1..60)
}

/// A history on a store and on the one beside it.
struct Run<'s> {
    store: &'s dyn LocalStore,
    beside: &'s dyn LocalStore,
    trial: Trial,
    scale: i64,
    now: Timestamp,
    latest: Timestamp,
    ticket: u64,
    taken: Vec<(Ticket, Charge<'static>)>,
}

impl Run<'_> {
    /// No multiple of anything where it is large.
    fn scaled(&self, amount: i64) -> i64 {
        amount.saturating_mul(self.scale).saturating_add(if self.scale > 1 { amount & 1 } else { 0 })
    }

    fn charge(&self, spend: &Spend) -> Charge<'static> {
        let which = spend.algorithm.index(ALGORITHMS.len());
        let number = which as u64 * COUNTERS + spend.counter;
        let terms = Terms {
            ceiling: self.scaled(spend.ceiling),
            burst: self.scaled(spend.burst),
            starting: spend.starting.map(|amount| self.scaled(amount)),
        };
        let [counter, limit]: [CounterKey; 2] = [number, !number].map(|number| self.trial.key(number));
        Charge {
            mode: spend.mode,
            hold: spend.hold.map(Nanos),
            block: spend.blocks.then_some(&BLOCK),
            warn: if spend.warns { MARKS } else { &[] },
            ..Charge::new(counter, limit, &ALGORITHMS[which], terms, self.scaled(spend.cost))
        }
    }

    /// Asks both stores the same.
    fn both<T: PartialEq + Debug>(&self, ask: impl Fn(&dyn LocalStore) -> T) -> T {
        let answer = ask(self.store);
        assert_eq!(answer, ask(self.beside), "at {:?}; the second one is right", self.now);
        answer
    }

    fn earlier(&self, which: Index) -> Option<(Ticket, Charge<'static>)> {
        (!self.taken.is_empty()).then(|| *which.get(&self.taken))
    }

    fn step(&mut self, act: &Act) {
        let now = self.now;
        match act {
            Act::Advance(nanos) => self.now = now.after(Nanos(*nanos)),
            Act::StepBack(nanos) => self.now = Timestamp(self.latest.0 - nanos),
            Act::Decide(spends) => self.decide(spends),
            Act::Release(which) => {
                if let Some((ticket, Charge { counter, limit, .. })) = self.earlier(*which) {
                    self.both(|store| store.release(now, Lease { counter, limit, ticket }));
                }
            }
            Act::Settle(which) => self.settle(which),
            Act::Refund(which, amount) => {
                if let Some((_, charge)) = self.earlier(*which)
                    && !matches!(charge.algorithm, Algorithm::InFlight(_))
                {
                    let charge = Charge { cost: self.scaled(*amount), ..charge };
                    self.both(|store| store.refund(now, &charge));
                    self.both(|store| store.used(now, charge.counter, charge.algorithm));
                }
            }
            Act::SetUsed(spend, used) => {
                let (Charge { counter, algorithm, .. }, used) = (self.charge(spend), self.scaled(*used));
                self.both(|store| store.set_used(now, counter, algorithm, used));
                self.both(|store| store.used(now, counter, algorithm));
            }
            Act::Reset(spend) => {
                // What is idle may be there or not.
                let Charge { counter, algorithm, .. } = self.charge(spend);
                self.both(|store| (store.reset(counter), store.used(now, counter, algorithm)).1);
            }
        }
        self.latest = self.latest.max(self.now);
    }

    fn decide(&mut self, spends: &[Spend]) {
        self.ticket += 1;
        let (now, ticket) = (self.now, Ticket(self.ticket));
        let charges: Vec<_> = spends.iter().map(|spend| self.charge(spend)).collect();
        self.both(|store| {
            let mut verdicts = Verdicts::new();
            (store.charge(now, &charges, ticket, &mut verdicts), verdicts)
        });
        self.taken.extend(charges.into_iter().map(|charge| (ticket, charge)));
    }

    fn settle(&self, which: &[(Index, i64)]) {
        let settlement = |(which, actual): &(Index, i64)| {
            let (ticket, Charge { counter, limit, algorithm, .. }) = self.earlier(*which)?;
            Some(Settlement { counter, limit, algorithm, ticket, actual: self.scaled(*actual) })
        };
        let settlements: Vec<_> = which.iter().filter_map(settlement).collect();
        self.both(|store| {
            let mut settled = Settlements::new();
            store.settle(self.now, &settlements, &mut settled);
            settled
        });
    }

    /// Each counter has the same left.
    fn end(&self) {
        let counters: HashMap<_, _> =
            self.taken.iter().map(|(_, charge)| (charge.counter, charge.algorithm)).collect();
        for (counter, algorithm) in counters {
            self.both(|store| store.used(self.now, counter, algorithm));
        }
    }
}

/// Plays random histories on a store and on one that each of them has to itself.
fn play(store: &dyn LocalStore, trial: Trial, beside: impl Fn() -> Box<dyn LocalStore>) {
    let start = AtomicI64::new(START.0);
    let config = Config { cases: trial.cases(), failure_persistence: None, ..Config::default() };
    let histories = (prop::sample::select(&SCALES), any::<Index>(), acts());
    let played = TestRunner::new(config).run(&histories, |(scale, calendar, acts)| {
        // Just before a window of one of the calendars ends.
        let window = calendar.get(&CALENDARS).beginning_at(Timestamp(start.fetch_add(APART, Relaxed)));
        let now = Timestamp(window.end.0 - BEFORE);
        let beside = beside();
        let (trial, beside) = (trial.renewed(), &*beside);
        let mut run = Run { store, beside, trial, scale, now, latest: now, ticket: 0, taken: vec![] };
        acts.iter().for_each(|act| run.step(act));
        run.end();
        Ok(())
    });
    played.unwrap();
}

pub fn random_histories_go_as_in_the_model(store: &dyn LocalStore, trial: Trial) {
    play(store, trial, || Box::new(ModelStore::default()));
}

pub fn random_histories_go_as_in_memory(store: &dyn LocalStore, trial: Trial) {
    play(store, trial, || Box::new(MemoryStore::new(MemoryOptions::default())));
}

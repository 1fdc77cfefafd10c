//! A thousand threads reserve, settle, crash and retry against one budget: not a nano-dollar is lost or invented, and
//! no ticket is left behind.
//!
//! Time is virtual, and moves with every step of any thread. However long a thread is kept from running between reading
//! the clock and using the store, its instant is never so late that the store may have dropped what counted then.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    reason = "helpers of tests fail by panicking"
)]

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Charge, Counted, Fail},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    LocalStore, MemoryOptions, MemoryStore, Settled, Settlement, Settlements, Ticket, Verdicts,
};

const THREADS: u64 = 1_000;
const STEPS: u64 = 30;
/// Enough for what the tests' own frames need.
const STACK: usize = 256 * 1024;

const START: Timestamp = Timestamp(1_800_000_000_000_000_000);
const STEP: i64 = 50_000;
/// How far the clock moves before it waits for every thread that still works at an instant. It may be passed by a step
/// of each thread, and both are less than what a clock may step back.
const EPOCH: i64 = 500_000_000;
const OPEN: Nanos = Nanos::from_secs(1);
const YEAR: Nanos = Nanos::from_secs(365 * 86_400);

/// In nano-dollars: $400, of which the threads want several times as much.
const CAP: i64 = 400_000_000_000;
const USERS: u64 = 17;

/// The same on every run, as far as threads are.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What a thread was given and has not answered for yet.
#[derive(Clone, Copy)]
struct Open {
    ticket: u64,
    user: u64,
    reserved: i64,
    actual: i64,
}

struct Torture<'a> {
    store: &'a MemoryStore,
    algorithm: &'a Algorithm,
    fail: Fail,
    clock: AtomicI64,
    /// Where the epoch ends; read by whoever works at an instant of it.
    epoch: RwLock<i64>,
    tickets: AtomicU64,
    /// What settling may have added to what was reserved: written before it does.
    added: AtomicI64,
    /// What should be in use of the budget, then of each user.
    ledger: Vec<AtomicI64>,
    /// Tickets that any thread may settle.
    abandoned: Mutex<Vec<Open>>,
}

impl<'a> Torture<'a> {
    fn new(store: &'a MemoryStore, algorithm: &'a Algorithm, fail: Fail) -> Self {
        Self {
            store,
            algorithm,
            fail,
            clock: AtomicI64::new(START.0),
            epoch: RwLock::new(START.0 + EPOCH),
            tickets: AtomicU64::new(1),
            added: AtomicI64::new(0),
            ledger: (0..=USERS).map(|_| AtomicI64::new(0)).collect(),
            abandoned: Mutex::default(),
        }
    }

    /// Works at the next instant.
    fn at_tick<T>(&self, work: impl FnOnce(Timestamp) -> T) -> T {
        loop {
            let epoch = self.epoch.read().unwrap();
            let now = self.clock.fetch_add(STEP, SeqCst);
            if now < *epoch {
                return work(Timestamp(now));
            }
            drop(epoch);
            let mut epoch = self.epoch.write().unwrap();
            *epoch = (*epoch).max(now + EPOCH);
        }
    }

    /// The charge on the budget, or on a user's part of it, which is never the tighter.
    fn charge(&self, number: u64, cost: i64) -> Charge<'a> {
        let limit = CounterKey::of_limit(&number.min(1).to_le_bytes(), 7);
        let counter = if number == 0 { limit } else { limit.with_part(0, &number.to_le_bytes()) };
        let ceiling = if number == 0 { CAP } else { 100 * CAP };
        let terms = Terms { ceiling, burst: ceiling, starting: None };
        let charge = Charge::new(counter, limit, self.algorithm, terms, cost);
        Charge { fail: self.fail, hold: Some(OPEN), warn: &[500_000, 900_000], ..charge }
    }

    /// Reserves; tries again with less while it does not fit.
    fn reserve(&self, random: &mut Random) -> Option<Open> {
        let user = 1 + random.below(USERS);
        let mut reserved = random.below(60_000_000) as i64;
        let mut verdicts = Verdicts::new();
        for _ in 0..3 {
            let ticket = self.tickets.fetch_add(1, SeqCst);
            let charges = [self.charge(user, reserved), self.charge(0, reserved)];
            if self.at_tick(|now| self.store.charge(now, &charges, Ticket(ticket), &mut verdicts)) {
                for number in [0, usize::try_from(user).unwrap()] {
                    self.ledger[number].fetch_add(reserved, SeqCst);
                }
                let actual = random.below(90_000_000) as i64;
                return Some(Open { ticket, user, reserved, actual });
            }
            reserved /= 3;
        }
        None
    }

    /// Settles both counters; returns whether they were not settled before.
    fn settle(&self, open: Open) -> bool {
        self.added.fetch_add((open.actual - open.reserved).max(0), SeqCst);
        let numbers = [0, open.user];
        let settlements = numbers.map(|number| {
            let Charge { counter, limit, algorithm, .. } = self.charge(number, 0);
            Settlement { counter, limit, algorithm, ticket: Ticket(open.ticket), actual: open.actual }
        });
        let mut settled = Settlements::new();
        self.at_tick(|now| self.store.settle(now, &settlements, &mut settled));
        assert_eq!(settled[0], settled[1], "both or none");
        let Settled::Replaced { reserved } = settled[0] else {
            return false;
        };
        assert_eq!(reserved, open.reserved);
        for number in numbers {
            self.ledger[usize::try_from(number).unwrap()].fetch_add(open.actual - reserved, SeqCst);
        }
        true
    }

    fn run(&self, thread: u64) {
        let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ (thread + 1));
        for _ in 0..STEPS {
            let Some(open) = self.reserve(&mut random) else {
                continue;
            };
            match random.below(8) {
                // It crashes, and its ticket with it.
                0 => {}
                // Whoever comes across the ticket settles it, perhaps too late.
                1 | 2 => self.abandoned.lock().unwrap().push(open),
                3 => {
                    // The answer was lost, and the same is sent again.
                    self.settle(open);
                    assert!(!self.settle(open));
                }
                _ => {
                    self.settle(open);
                }
            }
            let found = {
                let mut abandoned = self.abandoned.lock().unwrap();
                let many = abandoned.len() as u64;
                // It stays for others to try the same at the same time.
                (many > 0)
                    .then(|| usize::try_from(random.below(many)).unwrap())
                    .map(|at| if random.below(2) == 0 { abandoned.swap_remove(at) } else { abandoned[at] })
            };
            if let Some(found) = found {
                self.settle(found);
            }
            if self.fail == Fail::Closed {
                let used = self.used(0);
                assert!(used <= CAP + self.added.load(SeqCst), "{used} are spent");
            }
        }
    }

    fn used(&self, number: u64) -> i64 {
        let counter = self.charge(number, 0).counter;
        self.store.used(Timestamp(self.clock.load(SeqCst)), counter, self.algorithm).unwrap()
    }

    fn run_all(&self) {
        thread::scope(|scope| {
            for number in 0..THREADS {
                thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, move || self.run(number))
                    .unwrap();
            }
        });
    }

    /// No ticket outlives its expiry, settled or not.
    fn expire(&self) {
        let last = [self.charge(1, 0)];
        assert!(self.at_tick(|now| self.store.charge(now, &last, Ticket(0), &mut Verdicts::new())));
        assert!(self.at_tick(|now| self.store.holds(now)) > 0);
        self.clock.fetch_add(OPEN.0, SeqCst);
        assert_eq!(self.at_tick(|now| self.store.holds(now)), 0);
        let abandoned = std::mem::take(&mut *self.abandoned.lock().unwrap());
        assert!(!abandoned.into_iter().any(|open| self.settle(open)));
    }
}

fn store(max_keys: usize) -> MemoryStore {
    MemoryStore::new(MemoryOptions { max_keys, shards: NonZeroUsize::new(8), ..MemoryOptions::default() })
}

/// Threads against a budget in a store with room; the ledger has to agree to the nano-dollar.
fn spends_exactly(algorithm: &Algorithm) {
    let store = store(1_000_000);
    let torture = Torture::new(&store, algorithm, Fail::Closed);
    torture.run_all();
    for (number, ledger) in (0..).zip(&torture.ledger) {
        assert_eq!(torture.used(number), ledger.load(SeqCst), "{algorithm:?} {number}");
    }
    let spent = torture.ledger[0].load(SeqCst);
    assert!(spent > CAP / 2, "it was spent: {spent}");
    let users: i64 = torture.ledger[1..].iter().map(|user| user.load(SeqCst)).sum();
    assert_eq!(users, spent);
    torture.expire();
    assert_eq!(torture.used(0), spent);

    // New keys drop what has expired: only counters are left, and a warning of the budget.
    let later = torture.at_tick(|now| now.after(Nanos::from_secs(1)));
    let fresh = 60_000_u64;
    for number in 0..fresh {
        let key = CounterKey::of_limit(&number.to_le_bytes(), 9);
        let terms = Terms { ceiling: 1, burst: 1, starting: None };
        let charge = Charge::new(key, key, algorithm, terms, 1);
        assert!(store.charge(later, &[charge], Ticket(0), &mut Verdicts::new()));
    }
    let kept = store.len() - usize::try_from(fresh + USERS + 1).unwrap();
    assert!(kept <= 1, "{kept} tickets are left");
}

#[test]
fn a_thousand_threads_spend_a_fixed_budget_exactly() {
    spends_exactly(&Algorithm::FixedWindow(Window::Rolling(YEAR)));
}

#[test]
fn a_thousand_threads_spend_a_sliding_budget_exactly() {
    spends_exactly(&Algorithm::SlidingWindow(YEAR));
}

#[test]
fn a_thousand_threads_spend_a_logged_budget_exactly() {
    spends_exactly(&Algorithm::SlidingLog(YEAR));
}

#[test]
fn a_thousand_threads_spend_a_shared_budget_exactly() {
    let algorithm = Algorithm::FixedWindow(Window::Rolling(YEAR));
    let store = store(0);
    let torture = Torture::new(&store, &algorithm, Fail::Local(1_000_000));
    torture.run_all();
    torture.expire();
    assert!(store.is_empty());
    // What is left of a ceiling that nobody reaches tells what is used of each of the two shared counters.
    let ceiling = 1_000 * CAP;
    let mut verdicts = Verdicts::new();
    for number in [0, 1] {
        let terms = Terms { ceiling, burst: ceiling, starting: None };
        let look = Charge { terms, hold: None, ..torture.charge(number, 1) };
        assert!(torture.at_tick(|now| store.charge(now, &[look], Ticket(0), &mut verdicts)));
        assert_eq!(verdicts[0].counted, Counted::Shared);
        assert_eq!(ceiling - verdicts[0].status.remaining - 1, torture.ledger[0].load(SeqCst));
    }
}

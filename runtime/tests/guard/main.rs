//! A store that is away: what callers are answered, when it is asked again, and what is made up for.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "../common/measured.rs"]
mod common;
mod late;
mod places;

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use limitrate_core::{
    algorithm::{Algorithm, Refusal, Status, Terms},
    charge::{Charge, Counted, Fail},
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Answer, Call, Charged, GuardOptions, Guarded, Kept, Lease, MemoryOptions, MemoryStore, RequestId,
    Settled, Settlement, Settlements, Store, StoreError, Ticket,
    guard::{
        Switch,
        breaker::{BreakerOptions, State},
    },
};
use tokio::runtime::Builder;

use crate::common::Measured;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const WINDOW: Algorithm = Algorithm::SlidingWindow(Nanos::from_secs(60));
const SLOTS: Algorithm = Algorithm::InFlight(Nanos::from_secs(60));
const DEADLINE: Duration = Duration::from_millis(20);

/// How the store behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Well,
    /// It never answers.
    Silent,
    /// It does what it is asked, and does not say so.
    Mute,
    /// It answers when nearly all time is over.
    Slow,
    /// It refuses at once.
    Unreachable,
    /// What it keeps is no counter.
    Damaged,
}

/// A memory store that can be away.
#[derive(Debug)]
struct Moody {
    memory: MemoryStore,
    mood: Mutex<Mood>,
    calls: AtomicUsize,
}

impl Moody {
    fn new() -> Arc<Self> {
        let memory = MemoryStore::new(MemoryOptions::default());
        Arc::new(Self { memory, mood: Mutex::new(Mood::Well), calls: AtomicUsize::new(0) })
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }

    fn answer<'a, T: Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        self.calls.fetch_add(1, Relaxed);
        match self.mood() {
            Mood::Well => answer,
            Mood::Slow => Box::pin(async {
                tokio::time::sleep(DEADLINE / 10 * 9).await;
                answer.await
            }),
            Mood::Silent | Mood::Mute => Box::pin(pending()),
            Mood::Unreachable => Box::pin(async { Err(StoreError::Unreachable("no route".into())) }),
            Mood::Damaged => Box::pin(async { Err(StoreError::Corrupt { what: "no counter".to_owned() }) }),
        }
    }
}

impl Store for Moody {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        match self.mood() {
            Mood::Well | Mood::Mute | Mood::Slow => self.answer(Store::charge(&self.memory, call, charges)),
            Mood::Silent | Mood::Unreachable | Mood::Damaged => self.answer(Box::pin(pending())),
        }
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        // Not before it is asked: only a store that is well settles.
        match self.mood() {
            Mood::Well => Store::settle(&self.memory, call, settlements),
            Mood::Silent | Mood::Mute | Mood::Slow | Mood::Unreachable | Mood::Damaged => {
                self.answer(Box::pin(pending()))
            }
        }
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        match self.mood() {
            Mood::Well => Store::release(&self.memory, call, leases),
            Mood::Silent | Mood::Mute | Mood::Slow | Mood::Unreachable | Mood::Damaged => {
                self.answer(Box::pin(pending()))
            }
        }
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.answer(Store::refund(&self.memory, call, charge))
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        self.answer(Store::used(&self.memory, call, counter, algorithm))
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.answer(Store::set_used(&self.memory, call, counter, algorithm, used))
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.answer(Store::reset(&self.memory, call, counter))
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        self.answer(Store::snapshot(&self.memory, call, tell))
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        self.answer(Store::restore(&self.memory, call, kept))
    }

    fn len(&self) -> Answer<'_, usize> {
        self.answer(Store::len(&self.memory))
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        self.answer(Store::secret(&self.memory))
    }

    fn close(&self) -> Answer<'_, ()> {
        self.answer(Store::close(&self.memory))
    }
}

fn charge(number: u128, fail: Fail) -> Charge<'static> {
    let (key, terms) = (CounterKey(number), Terms { ceiling: 100, burst: 100, starting: None });
    Charge { fail, ..Charge::new(key, key, &WINDOW, terms, 1) }
}

fn call(ticket: u64) -> Call {
    Call { deadline: DEADLINE, ..Call::at(NOW, Ticket(ticket)) }
}

/// A guarded store, and the switches it told of.
fn guarded(store: Arc<dyn Store>) -> (Guarded, Arc<Mutex<Vec<Switch>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let options = GuardOptions {
        breaker: BreakerOptions {
            failures: 3,
            probe_after: Duration::from_millis(100),
            begin_with: 1,
            recovered_at: 4,
            ..BreakerOptions::default()
        },
        on_switch: Some(Box::new(move |switch| heard.lock().unwrap().push(switch))),
        ..GuardOptions::default()
    };
    (Guarded::new(store, options), told)
}

async fn decide(guarded: &Guarded, charges: &[Charge<'_>]) -> Charged {
    guarded.charge(call(1), charges).await.unwrap()
}

/// Lets tasks that are ready run.
async fn settle_down() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_store_answers_nothing_changes() {
    let store = Moody::new();
    let (guarded, told) = guarded(store.clone());
    for left in (0..100).rev() {
        let charged = decide(&guarded, &[charge(1, Fail::Closed)]).await;
        assert!(charged.taken && !charged.degraded);
        assert_eq!(charged.verdicts[0].status.remaining, left);
    }
    assert!(!decide(&guarded, &[charge(1, Fail::Open)]).await.taken);
    assert_eq!(*told.lock().unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_silent_store_costs_callers_their_deadline_until_it_is_left_alone() {
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = Moody::new();
    let (guarded, told) = guarded(store.clone());
    store.becomes(Mood::Silent);
    for _ in 0..3 {
        let before = tokio::time::Instant::now();
        let charged = decide(&guarded, &[charge(1, Fail::Open)]).await;
        assert!(charged.taken && charged.degraded);
        assert_eq!(charged.verdicts[0].counted, Counted::Nowhere);
        assert_eq!(before.elapsed(), DEADLINE);
    }
    assert_eq!(*told.lock().unwrap(), [Switch::Away { why: "timeout" }]);
    let asked = store.calls();
    for _ in 0..1_000 {
        let before = tokio::time::Instant::now();
        assert!(decide(&guarded, &[charge(1, Fail::Open)]).await.degraded);
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
    assert_eq!(store.calls(), asked, "nobody asks it");
    assert_eq!(measured.of("limitrate_store_failures_total{kind=timeout}"), 3.0);
    assert_eq!(measured.of("limitrate_degraded_decisions_total"), 1_003.0);
    assert_eq!(measured.of("limitrate_store_switches_total{to=away}"), 1.0);
    assert_eq!(measured.of("limitrate_store_away"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_made_once_whatever_becomes_of_it() {
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = Moody::new();
    let (guarded, _) = guarded(store.clone());
    for mood in [Mood::Silent, Mood::Unreachable] {
        store.becomes(mood);
        let before = store.calls();
        decide(&guarded, &[charge(1, Fail::Open)]).await;
        assert_eq!(store.calls(), before + 1);
    }
    for kind in ["timeout", "unreachable"] {
        assert_eq!(measured.of(&format!("limitrate_store_failures_total{{kind={kind}}}")), 1.0, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_damaged_is_counted_and_held_against_no_store() {
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = Moody::new();
    let (guarded, told) = guarded(store.clone());
    store.becomes(Mood::Damaged);
    for _ in 0..20 {
        assert!(decide(&guarded, &[charge(1, Fail::Open)]).await.degraded);
    }
    guarded.used(call(1), CounterKey(1), &WINDOW).await.unwrap_err();
    assert_eq!((guarded.state(), store.calls()), (State::Closed, 21));
    assert_eq!(*told.lock().unwrap(), []);
    assert_eq!(measured.of("limitrate_store_failures_total{kind=corrupt}"), 21.0);
    assert_eq!(measured.of("limitrate_degraded_decisions_total"), 20.0);
    assert_eq!(measured.of("limitrate_store_away"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_to_wait_is_dropped_and_counted() {
    const ROOM: u64 = 65_536;
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = Moody::new();
    let (guarded, _) = guarded(store.clone());
    store.becomes(Mood::Unreachable);
    for first in (0..ROOM + 512).step_by(512) {
        let lease = |ticket| Lease { counter: CounterKey(2), limit: CounterKey(2), ticket: Ticket(ticket) };
        let leases: Vec<_> = (first..first + 512).map(lease).collect();
        guarded.release(call(1), &leases).await.unwrap_err();
    }
    assert_eq!(guarded.waiting(), usize::try_from(ROOM).unwrap());
    assert_eq!(measured.of("limitrate_late_settlements_dropped_total"), 512.0);
}

#[tokio::test(start_paused = true)]
async fn each_limit_decides_by_its_own_clause() {
    let store = Moody::new();
    let (guarded, _) = guarded(store.clone());
    store.becomes(Mood::Unreachable);
    let (open, closed, local) =
        (charge(1, Fail::Open), charge(2, Fail::Closed), charge(3, Fail::Local(30_000)));
    assert!(decide(&guarded, &[open]).await.taken);
    let refused = decide(&guarded, &[open, closed]).await;
    assert!(!refused.taken);
    assert!(matches!(refused.verdicts[1].judged, Err(Refusal::Wait(wait)) if wait > Nanos::ZERO));
    let mut taken = 0;
    for _ in 0..10 {
        taken += usize::from(decide(&guarded, &[open, local]).await.taken);
    }
    assert_eq!(taken, 3, "three percent of a hundred");
}

#[tokio::test(start_paused = true)]
async fn a_probe_finds_the_store_back_and_nobody_waits_for_it() {
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = Moody::new();
    let (guarded, told) = guarded(store.clone());
    store.becomes(Mood::Silent);
    for _ in 0..3 {
        decide(&guarded, &[charge(1, Fail::Open)]).await;
    }
    // Still away when it is probed first.
    tokio::time::advance(Duration::from_millis(150)).await;
    let before = tokio::time::Instant::now();
    decide(&guarded, &[charge(1, Fail::Open)]).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    settle_down().await;
    tokio::time::advance(DEADLINE).await;
    settle_down().await;
    store.becomes(Mood::Well);
    let well = tokio::time::Instant::now();
    tokio::time::advance(Duration::from_millis(300)).await;
    assert!(decide(&guarded, &[charge(1, Fail::Open)]).await.degraded);
    settle_down().await;
    println!("recovered: a guarded store, by its second probe {} ms", well.elapsed().as_millis());
    for _ in 0..3 {
        assert!(!decide(&guarded, &[charge(1, Fail::Open)]).await.degraded);
    }
    let told = told.lock().unwrap().clone();
    assert_eq!(told, [Switch::Away { why: "timeout" }, Switch::Recovering, Switch::Back]);
    for to in ["away", "recovering", "back"] {
        assert_eq!(measured.of(&format!("limitrate_store_switches_total{{to={to}}}")), 1.0, "{to}");
    }
    assert_eq!(measured.of("limitrate_store_away"), 0.0);
    // Three calls, and the first probe.
    assert_eq!(measured.of("limitrate_store_failures_total{kind=timeout}"), 4.0);
}

/// A runtime that ends as soon as what it runs has: what was spawned last is dropped before it begins.
fn briefly<T>(what: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(what)
}

#[test]
fn a_probe_that_its_runtime_dropped_is_made_by_another() {
    let store = Moody::new();
    let breaker = BreakerOptions { failures: 1, probe_after: Duration::ZERO, ..BreakerOptions::default() };
    let guarded = Guarded::new(store.clone(), GuardOptions { breaker, ..GuardOptions::default() });
    store.becomes(Mood::Unreachable);
    briefly(decide(&guarded, &[charge(1, Fail::Open)]));
    store.becomes(Mood::Well);
    let asked = store.calls();
    briefly(decide(&guarded, &[charge(1, Fail::Open)]));
    assert_eq!((guarded.state(), store.calls()), (State::Open, asked), "the probe never began");
    briefly(async {
        decide(&guarded, &[charge(1, Fail::Open)]).await;
        settle_down().await;
    });
    assert_eq!((guarded.state(), store.calls()), (State::Recovering, asked + 1));
}

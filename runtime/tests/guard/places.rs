//! A store that keeps counters at two places, of which one is away: only what depends on that one is decided without it.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use limitrate_core::charge::{Mode, Verdict};

use super::*;

/// Two places, whose numbers are 1 and 2. Of a decision over both, shadow charges at one that does not answer are counted nowhere.
#[derive(Debug)]
struct Apart {
    places: [Arc<Moody>; 2],
    /// Whether the second one keeps nothing any more, and the first one all.
    is_moved: Mutex<bool>,
    /// Whether it finds the counters of the second one damaged.
    is_damaged: Mutex<bool>,
}

/// A counter at either place, which its group is of.
const FIRST: u128 = 1 << 112;
const SECOND: u128 = 2 << 112;

impl Apart {
    fn new() -> Arc<Self> {
        let places = [Moody::new(), Moody::new()];
        Arc::new(Self { places, is_moved: Mutex::new(false), is_damaged: Mutex::new(false) })
    }

    fn at(&self, counter: CounterKey) -> &Moody {
        &self.places[self.place_of(counter) - 1]
    }

    async fn apart(&self, call: Call, charges: &[Charge<'_>]) -> Result<Charged, StoreError> {
        let mut verdicts: Vec<Option<Verdict>> = vec![None; charges.len()];
        let (mut taken, mut waited) = (true, Duration::ZERO);
        for mode in [Mode::Enforce, Mode::Shadow] {
            for (index, charge) in charges.iter().enumerate().filter(|(_, charge)| charge.mode == mode) {
                let one = [*charge];
                let deadline = (call.deadline - waited) / if mode == Mode::Shadow { 2 } else { 1 };
                let before = tokio::time::Instant::now();
                let asked = tokio::time::timeout(deadline, self.at(charge.counter).charge(call, &one)).await;
                waited += before.elapsed();
                let damaged = *self.is_damaged.lock().unwrap() && self.place_of(charge.counter) == 2;
                verdicts[index] = match asked.unwrap_or(Err(StoreError::Timeout(deadline))) {
                    Ok(charged) if !damaged => {
                        taken &= charged.taken;
                        Some(charged.verdicts[0])
                    }
                    Err(error) if mode == Mode::Enforce => return Err(error),
                    Ok(_) | Err(_) => Some(Verdict::new(Ok(()), nothing_known(charge), Counted::Nowhere)),
                };
            }
        }
        Ok(Charged {
            taken,
            now: call.now,
            verdicts: verdicts.into_iter().flatten().collect(),
            degraded: false,
        })
    }
}

fn nothing_known(charge: &Charge<'_>) -> Status {
    Status { remaining: charge.terms.ceiling, reset_after: Nanos::ZERO }
}

impl Store for Apart {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        Box::pin(self.apart(call, charges))
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        self.at(settlements[0].counter).settle(call, settlements)
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        self.at(leases[0].counter).release(call, leases)
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.at(charge.counter).refund(call, charge)
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        self.at(counter).used(call, counter, algorithm)
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.at(counter).set_used(call, counter, algorithm, used)
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.at(counter).reset(call, counter)
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        self.places[0].snapshot(call, tell)
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        self.places[0].restore(call, kept)
    }

    fn len(&self) -> Answer<'_, usize> {
        self.places[0].len()
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        self.places[0].secret()
    }

    fn place_of(&self, counter: CounterKey) -> usize {
        if *self.is_moved.lock().unwrap() || counter.group() == 1 { 1 } else { 2 }
    }

    fn is_missing(&self, place: usize) -> bool {
        self.places[place - 1].mood() != Mood::Well
    }

    fn has_place(&self, place: usize) -> bool {
        place == 1 || !*self.is_moved.lock().unwrap()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.places[0].close()
    }
}

fn guarded(store: &Arc<Apart>) -> (Guarded, Arc<Mutex<Vec<Switch>>>) {
    super::guarded(store.clone())
}

fn shadow(number: u128) -> Charge<'static> {
    Charge { mode: Mode::Shadow, ..charge(number, Fail::Closed) }
}

/// Decides, and says how long that took.
async fn timed(guarded: &Guarded, charges: &[Charge<'_>]) -> (Charged, Duration) {
    let before = tokio::time::Instant::now();
    (decide(guarded, charges).await, before.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_place_of_shadow_charges_is_left_alone_and_nothing_else_changes() {
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = Apart::new();
    let (guarded, told) = guarded(&store);
    store.places[1].becomes(Mood::Silent);
    let both = [charge(FIRST, Fail::Closed), shadow(SECOND)];
    for left in (0..100).rev() {
        let (charged, took) = timed(&guarded, &both).await;
        assert!(charged.taken && !charged.degraded);
        assert_eq!(charged.verdicts[0].status.remaining, left);
        assert_eq!((charged.verdicts[1].judged, charged.verdicts[1].counted), (Ok(()), Counted::Nowhere));
        assert_eq!(took, if left >= 97 { DEADLINE / 2 } else { Duration::ZERO });
    }
    assert!(!decide(&guarded, &both).await.taken, "the other one counted all of them");
    assert_eq!((store.places[0].calls(), store.places[1].calls()), (101, 3));
    assert_eq!(*told.lock().unwrap(), [Switch::Away { why: "uncounted" }]);
    assert_eq!(guarded.state(), State::Open);
    assert_eq!(measured.of("limitrate_store_failures_total{kind=uncounted}"), 3.0);
    assert_eq!(measured.of("limitrate_store_shadows_missed_total{store=guarded}"), 98.0);
    assert_eq!(measured.of("limitrate_store_away"), 1.0);
    assert_eq!(measured.of("limitrate_degraded_decisions_total"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_place_of_shadow_charges_is_asked_again_once_it_answers() {
    let store = Apart::new();
    let (guarded, told) = guarded(&store);
    store.places[1].becomes(Mood::Unreachable);
    let both = [charge(FIRST, Fail::Closed), shadow(SECOND)];
    for _ in 0..3 {
        decide(&guarded, &both).await;
    }
    store.places[1].becomes(Mood::Well);
    assert_eq!(decide(&guarded, &both).await.verdicts[1].counted, Counted::Nowhere);
    tokio::time::advance(Duration::from_millis(150)).await;
    decide(&guarded, &both).await;
    settle_down().await;
    for left in [99, 98, 97] {
        let charged = decide(&guarded, &both).await;
        assert_eq!((charged.verdicts[1].status.remaining, charged.verdicts[1].counted), (left, Counted::Own));
    }
    assert_eq!(*told.lock().unwrap(), [Switch::Away { why: "uncounted" }, Switch::Recovering, Switch::Back]);
}

#[tokio::test(start_paused = true)]
async fn shadow_charges_are_left_out_at_a_place_that_failed_enforced_ones() {
    let store = Apart::new();
    let (guarded, _) = guarded(&store);
    store.places[1].becomes(Mood::Silent);
    for _ in 0..2 {
        assert!(decide(&guarded, &[charge(SECOND, Fail::Open)]).await.degraded);
    }
    // A shadow charge that fails there does not speak for it.
    assert!(!decide(&guarded, &[charge(FIRST, Fail::Closed), shadow(SECOND)]).await.degraded);
    assert_eq!(guarded.state(), State::Open);
    let (charged, took) = timed(&guarded, &[charge(FIRST, Fail::Closed), shadow(SECOND)]).await;
    assert!(charged.taken && !charged.degraded);
    assert_eq!((took, charged.verdicts.len()), (Duration::ZERO, 2));
    // What must fit there is decided without it, at once.
    let (charged, took) = timed(&guarded, &[charge(FIRST, Fail::Closed), charge(SECOND, Fail::Open)]).await;
    assert!(charged.degraded);
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn shadow_charges_alone_are_decided_by_their_clauses_where_no_place_is_asked() {
    let store = Apart::new();
    let (guarded, _) = guarded(&store);
    store.places[1].becomes(Mood::Silent);
    for _ in 0..4 {
        decide(&guarded, &[shadow(SECOND)]).await;
    }
    let (charged, took) = timed(&guarded, &[shadow(SECOND)]).await;
    assert!(charged.taken && charged.degraded);
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_was_left_no_time_is_not_to_blame() {
    let store = Apart::new();
    let (guarded, told) = guarded(&store);
    store.places[0].becomes(Mood::Slow);
    store.places[1].becomes(Mood::Silent);
    for _ in 0..20 {
        let charged = decide(&guarded, &[charge(FIRST, Fail::Closed), shadow(SECOND)]).await;
        assert!(charged.taken && !charged.degraded);
        assert_eq!(charged.verdicts[1].counted, Counted::Nowhere);
    }
    assert_eq!((guarded.state(), told.lock().unwrap().len()), (State::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_counter_of_a_shadow_limit_takes_nothing_from_others() {
    let store = Apart::new();
    let (guarded, told) = guarded(&store);
    *store.is_damaged.lock().unwrap() = true;
    for _ in 0..20 {
        let charged = decide(&guarded, &[charge(FIRST, Fail::Closed), shadow(SECOND)]).await;
        assert_eq!(charged.verdicts[1].counted, Counted::Nowhere);
    }
    assert_eq!((guarded.state(), told.lock().unwrap().len()), (State::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_keeps_nothing_any_more_is_not_held_against_the_store() {
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = Apart::new();
    let (guarded, told) = guarded(&store);
    store.places[1].becomes(Mood::Silent);
    for _ in 0..3 {
        assert!(decide(&guarded, &[charge(SECOND, Fail::Open)]).await.degraded);
    }
    assert_eq!((guarded.state(), measured.of("limitrate_store_away")), (State::Open, 1.0));
    *store.is_moved.lock().unwrap() = true;
    assert!(!decide(&guarded, &[charge(FIRST, Fail::Closed)]).await.degraded);
    assert_eq!((guarded.state(), measured.of("limitrate_store_away")), (State::Closed, 0.0));
    assert_eq!(*told.lock().unwrap(), [Switch::Away { why: "timeout" }, Switch::Back]);
    assert!(!decide(&guarded, &[charge(SECOND, Fail::Open)]).await.degraded);
}

#[tokio::test(start_paused = true)]
async fn a_guarded_store_that_is_dropped_is_not_away_any_more() {
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = Apart::new();
    let (guarded, _) = guarded(&store);
    store.places[1].becomes(Mood::Unreachable);
    for _ in 0..3 {
        decide(&guarded, &[charge(SECOND, Fail::Open)]).await;
    }
    assert_eq!(measured.of("limitrate_store_away"), 1.0);
    drop(guarded);
    assert_eq!(measured.of("limitrate_store_away"), 0.0);
}

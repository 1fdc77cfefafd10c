//! What could not be settled or released: it is kept, and made when the store is back, or where it was reserved meanwhile.

use super::*;

/// Settles what was reserved by 5.
fn settlement(Charge { counter, limit, algorithm, .. }: Charge<'_>) -> Settlement<'_> {
    Settlement { counter, limit, algorithm, ticket: Ticket(1), actual: 5 }
}

fn lease(slot: Charge<'_>) -> Lease {
    Lease { counter: slot.counter, limit: slot.limit, ticket: Ticket(1) }
}

/// What is used of a counter in the store itself.
async fn used(store: &Moody, charge: Charge<'_>) -> Option<i64> {
    Store::used(&store.memory, call(1), charge.counter, charge.algorithm).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_settled_is_settled_when_the_store_is_back() {
    let store = Moody::new();
    let (guarded, _) = guarded(store.clone());
    let reserving = Charge { cost: 50, hold: Some(Nanos::from_secs(600)), ..charge(1, Fail::Closed) };
    let slot = Charge { algorithm: &SLOTS, ..charge(2, Fail::Closed) };
    assert!(decide(&guarded, &[reserving, slot]).await.taken);
    store.becomes(Mood::Silent);
    let settlement = settlement(reserving);
    let lease = lease(slot);
    assert!(guarded.settle(call(1), &[settlement]).await.is_err());
    assert!(guarded.release(call(1), &[lease]).await.is_err());
    assert_eq!(guarded.waiting(), 2);
    decide(&guarded, &[charge(3, Fail::Open)]).await;
    store.becomes(Mood::Well);
    tokio::time::advance(Duration::from_millis(150)).await;
    decide(&guarded, &[charge(3, Fail::Open)]).await;
    settle_down().await;
    assert_eq!(guarded.waiting(), 0);
    assert_eq!(used(&store, reserving).await, Some(5));
    assert_eq!(used(&store, slot).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_was_reserved_meanwhile_is_settled_where_it_was_reserved() {
    let store = Moody::new();
    let (guarded, _) = guarded(store.clone());
    store.becomes(Mood::Unreachable);
    let fail = Fail::Local(1_000_000);
    let reserving = Charge { cost: 50, hold: Some(Nanos::from_secs(600)), ..charge(1, fail) };
    assert!(decide(&guarded, &[reserving]).await.taken);
    let settlement = settlement(reserving);
    store.becomes(Mood::Well);
    let settled = guarded.settle(call(1), &[settlement]).await.unwrap();
    assert_eq!(settled[0], Settled::Replaced { reserved: 50 });
    store.becomes(Mood::Unreachable);
    let charged = decide(&guarded, &[Charge { cost: 0, ..charge(1, fail) }]).await;
    assert_eq!(charged.verdicts[0].status.remaining, 95);
}

#[tokio::test(start_paused = true)]
async fn what_a_named_call_holds_here_is_given_back_once_the_store_answers_it() {
    let store = Moody::new();
    let (guarded, _) = guarded(store.clone());
    let fail = Fail::Local(1_000_000);
    let reserving = Charge { cost: 50, hold: Some(Nanos::from_secs(600)), ..charge(1, fail) };
    let slot = Charge { algorithm: &SLOTS, ..charge(2, fail) };
    let named = Call { request: Some(RequestId(7)), ..call(1) };
    store.becomes(Mood::Unreachable);
    assert!(guarded.charge(named, &[reserving, slot]).await.unwrap().degraded);
    store.becomes(Mood::Well);
    assert!(!guarded.charge(named, &[reserving, slot]).await.unwrap().degraded);
    let settlement = settlement(reserving);
    guarded.settle(call(1), &[settlement]).await.unwrap();
    let lease = lease(slot);
    assert_eq!(guarded.release(call(1), &[lease]).await.unwrap(), 1);
    assert_eq!(used(&store, reserving).await, Some(5));
    assert_eq!(used(&store, slot).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_one_silence_kept_waiting_is_made_with_the_next_answer() {
    let store = Moody::new();
    let (guarded, told) = guarded(store.clone());
    let slot = Charge { algorithm: &SLOTS, ..charge(2, Fail::Closed) };
    assert!(decide(&guarded, &[slot]).await.taken);
    store.becomes(Mood::Silent);
    let lease = lease(slot);
    assert!(guarded.release(call(1), &[lease]).await.is_err());
    store.becomes(Mood::Well);
    decide(&guarded, &[charge(3, Fail::Open)]).await;
    settle_down().await;
    assert_eq!((guarded.waiting(), told.lock().unwrap().len()), (0, 0));
    assert_eq!(used(&store, slot).await, Some(0));
}

/// Takes a lease, and ends it while the store is away. The next decision finds it well, and has a task make the release.
async fn leave_late(store: &Moody, guarded: &Guarded, slot: Charge<'_>) {
    let lease = lease(slot);
    assert!(decide(guarded, &[slot]).await.taken);
    store.becomes(Mood::Silent);
    assert!(guarded.release(call(1), &[lease]).await.is_err());
    store.becomes(Mood::Well);
    decide(guarded, &[charge(3, Fail::Open)]).await;
}

#[test]
fn what_a_runtime_dropped_before_it_was_made_is_made_by_another() {
    let store = Moody::new();
    let (guarded, _) = guarded(store.clone());
    let slot = Charge { algorithm: &SLOTS, ..charge(2, Fail::Closed) };
    briefly(async {
        leave_late(&store, &guarded, slot).await;
    });
    assert_eq!(guarded.waiting(), 1, "it never began");
    briefly(async {
        decide(&guarded, &[charge(3, Fail::Open)]).await;
        settle_down().await;
        assert_eq!(guarded.waiting(), 0);
        assert_eq!(used(&store, slot).await, Some(0));
    });
}

#[test]
fn what_a_runtime_dropped_while_it_was_made_is_made_by_another() {
    let store = Moody::new();
    let (guarded, _) = guarded(store.clone());
    let slot = Charge { algorithm: &SLOTS, ..charge(2, Fail::Closed) };
    briefly(async {
        leave_late(&store, &guarded, slot).await;
        // Silent again by the time it is made.
        store.becomes(Mood::Silent);
        settle_down().await;
        assert_eq!(guarded.waiting(), 0, "somebody has taken it");
    });
    assert_eq!(guarded.waiting(), 1);
    store.becomes(Mood::Well);
    briefly(async {
        tokio::time::advance(Duration::from_secs(60)).await;
        decide(&guarded, &[charge(3, Fail::Open)]).await;
        settle_down().await;
        assert_eq!(guarded.waiting(), 0);
        assert_eq!(used(&store, slot).await, Some(0));
    });
}

/// A store that applies charges, and whose answers are lost.
#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_without_an_answer_is_given_back() {
    let store = Moody::new();
    let (guarded, _) = guarded(store.clone());
    let slot = Charge { algorithm: &SLOTS, ..charge(2, Fail::Open) };
    store.becomes(Mood::Mute);
    assert!(decide(&guarded, &[slot]).await.degraded);
    store.becomes(Mood::Well);
    assert_eq!(used(&store, slot).await, Some(1));
    decide(&guarded, &[charge(3, Fail::Open)]).await;
    settle_down().await;
    assert_eq!(used(&store, slot).await, Some(0));
}

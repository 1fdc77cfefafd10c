//! What the memory store does with reservations, blocks and warnings that find no room.
#![expect(clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

use std::num::NonZeroUsize;

use limitrate_core::{
    algorithm::{Algorithm, Refusal, Terms},
    charge::{Block, Charge, Counted, Fail, Mode, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    LocalStore, MemoryOptions, MemoryStore, Settled, Settlement, Settlements, Ticket, Verdicts,
    memory::NO_ROOM_RETRY,
};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const MINUTE: Nanos = Nanos::from_secs(60);
const FIXED: Algorithm = Algorithm::FixedWindow(Window::Rolling(MINUTE));
const BLOCK: Block = Block { first: MINUTE, up_to: MINUTE, forget: MINUTE };

fn store(max_keys: usize) -> MemoryStore {
    MemoryStore::new(MemoryOptions { max_keys, shards: NonZeroUsize::new(1), ..MemoryOptions::default() })
}

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 0x5EED)
}

/// A charge of one under a ceiling of ten.
fn plain(number: u64, fail: Fail) -> Charge<'static> {
    let terms = Terms { ceiling: 10, burst: 10, starting: None };
    Charge { fail, ..Charge::new(key(number), key(u64::MAX), &FIXED, terms, 1) }
}

/// A reservation of four under a ceiling of ten.
fn reserve(number: u64, fail: Fail) -> Charge<'static> {
    Charge { cost: 4, hold: Some(MINUTE), ..plain(number, fail) }
}

fn one(store: &MemoryStore, charge: Charge<'_>, ticket: u64) -> Verdict {
    let mut verdicts = Verdicts::new();
    let fits = store.charge(NOW, &[charge], Ticket(ticket), &mut verdicts);
    assert_eq!(fits, verdicts[0].judged.is_ok() || charge.mode == Mode::Soft);
    verdicts[0]
}

fn settle(store: &MemoryStore, charge: Charge<'_>, ticket: u64, actual: i64) -> Settled {
    let Charge { counter, limit, algorithm, .. } = charge;
    let mut settled = Settlements::new();
    let settlement = Settlement { counter, limit, algorithm, ticket: Ticket(ticket), actual };
    store.settle(NOW, &[settlement], &mut settled);
    settled[0]
}

#[test]
fn a_reservation_takes_a_key_until_it_is_settled() {
    let store = store(3);
    let four = reserve(0, Fail::Closed);
    assert!(one(&store, four, 1).judged.is_ok());
    assert_eq!((store.len(), store.holds(NOW)), (2, 1));
    assert_eq!(settle(&store, four, 1, 1), Settled::Replaced { reserved: 4 });
    assert_eq!((store.len(), store.holds(NOW)), (1, 0));
}

#[test]
fn an_expired_reservation_makes_room() {
    let store = store(2);
    assert!(one(&store, reserve(0, Fail::Closed), 1).judged.is_ok());
    assert_eq!(store.holds(NOW.after(MINUTE)), 0);
    let later = NOW.after(Nanos::from_secs(61));
    let mut verdicts = Verdicts::new();
    assert!(store.charge(later, &[reserve(1, Fail::Closed)], Ticket(2), &mut verdicts));
    assert_eq!((store.len(), store.holds(later)), (2, 1));
}

#[test]
fn a_reservation_without_room_is_refused_when_its_limit_fails_closed() {
    let store = store(1);
    for taken in [false, true] {
        let refused = one(&store, reserve(0, Fail::Closed), 1);
        assert_eq!(refused.judged, Err(Refusal::Wait(NO_ROOM_RETRY)));
        assert_eq!(refused.counted, Counted::Nowhere);
        assert_eq!(store.used(NOW, key(0), &FIXED), Some(i64::from(taken)));
        one(&store, plain(0, Fail::Closed), 2);
    }
    // What does not fit is refused for that.
    let refused = one(&store, Charge { cost: 10, ..reserve(0, Fail::Closed) }, 3);
    assert_eq!((refused.judged, refused.counted), (Err(Refusal::Wait(MINUTE)), Counted::Own));
}

#[test]
fn a_reservation_without_room_stands_when_its_limit_fails_otherwise_or_takes_it_regardless() {
    let soft = Charge { mode: Mode::Soft, ..reserve(0, Fail::Closed) };
    for four in [reserve(0, Fail::Open), reserve(0, Fail::Local(500_000)), soft] {
        let store = store(1);
        assert!(one(&store, plain(0, Fail::Closed), 1).judged.is_ok());
        let taken = one(&store, four, 2);
        assert_eq!((taken.judged, taken.counted), (Ok(()), Counted::Own));
        assert_eq!(settle(&store, four, 2, 0), Settled::Gone);
        assert_eq!(store.used(NOW, key(0), &FIXED), Some(5));
    }
}

#[test]
fn keys_without_room_reserve_on_the_counter_they_share() {
    let store = store(1);
    assert!(one(&store, plain(0, Fail::Closed), 0).judged.is_ok());
    let local = |number| reserve(number, Fail::Local(1_000_000));
    for number in [1, 2] {
        assert_eq!(one(&store, local(number), 7).counted, Counted::Shared);
    }
    assert_eq!(store.holds(NOW), 2);
    assert!(one(&store, local(3), 7).judged.is_err());
    // Both are of one ticket, and each is settled by itself.
    assert_eq!(settle(&store, local(1), 7, 0), Settled::Replaced { reserved: 4 });
    assert_eq!(settle(&store, local(1), 7, 0), Settled::Gone);
    assert_eq!(one(&store, local(3), 7).status.remaining, 2);
    let nothing = Charge { cost: 0, ..local(4) };
    assert_eq!(one(&store, nothing, 7).counted, Counted::Shared);
    assert_eq!(settle(&store, nothing, 7, 2), Settled::Replaced { reserved: 0 });
    assert!(one(&store, Charge { cost: 0, ..local(5) }, 7).judged.is_err());
    assert_eq!(store.len(), 1);
}

#[test]
fn a_new_key_with_room_for_its_counter_only_reserves_where_both_have_room() {
    let store = store(1);
    let local = reserve(0, Fail::Local(1_000_000));
    assert_eq!(one(&store, local, 1).counted, Counted::Shared);
    assert_eq!(settle(&store, local, 1, 1), Settled::Replaced { reserved: 4 });
    assert!(store.is_empty());
}

#[test]
fn a_block_without_room_refuses_as_if_there_were_none() {
    let (narrow, wide) = (store(1), store(2));
    let login = Charge { block: Some(&BLOCK), cost: 10, ..plain(0, Fail::Closed) };
    for (store, blocked) in [(&narrow, false), (&wide, true)] {
        assert!(one(store, login, 1).judged.is_ok());
        let refused = one(store, login, 2);
        assert_eq!((refused.judged, refused.blocked), (Err(Refusal::Wait(MINUTE)), blocked));
        assert_eq!(store.len(), if blocked { 2 } else { 1 });
    }
}

#[test]
fn a_block_refuses_its_key_also_when_the_counter_has_no_room() {
    let store = store(1);
    // What never fits leaves no counter, only the block.
    let login = Charge { block: Some(&BLOCK), ..plain(0, Fail::Open) };
    assert!(one(&store, Charge { cost: 11, ..login }, 1).blocked);
    for fail in [Fail::Open, Fail::Closed, Fail::Local(1_000_000)] {
        let refused = one(&store, Charge { fail, ..login }, 1);
        assert_eq!((refused.judged, refused.blocked), (Err(Refusal::Wait(MINUTE)), true));
    }
    assert_eq!(one(&store, plain(1, Fail::Local(1_000_000)), 1).status.remaining, 9);
}

#[test]
fn keys_that_share_a_counter_set_off_no_blocks_and_are_told_no_marks() {
    let store = store(0);
    let login =
        Charge { block: Some(&BLOCK), warn: &[100_000], cost: 10, ..plain(0, Fail::Local(1_000_000)) };
    let taken = one(&store, login, 1);
    assert_eq!((taken.counted, taken.warned), (Counted::Shared, None));
    let refused = one(&store, login, 2);
    assert!(refused.judged.is_err() && !refused.blocked);
}

#[test]
fn a_warning_without_room_is_told_again() {
    let (narrow, wide) = (store(1), store(2));
    let warned = Charge { warn: &[100_000], ..plain(0, Fail::Closed) };
    for (store, again) in [(&narrow, Some(100_000)), (&wide, None)] {
        assert_eq!(one(store, warned, 1).warned, Some(100_000));
        assert_eq!(one(store, warned, 2).warned, again);
    }
}

#[test]
fn a_counter_settled_from_nothing_finds_the_room_of_its_reservation() {
    let store = store(2);
    let nothing = Charge { cost: 0, ..reserve(0, Fail::Closed) };
    assert!(one(&store, nothing, 1).judged.is_ok());
    assert!(one(&store, plain(1, Fail::Closed), 2).judged.is_ok());
    assert_eq!(store.len(), 2);
    assert_eq!(settle(&store, nothing, 1, 3), Settled::Replaced { reserved: 0 });
    assert_eq!((store.len(), store.used(NOW, key(0), &FIXED)), (2, Some(3)));
}

#[test]
fn a_shadow_charge_takes_no_room_that_the_others_of_its_request_need() {
    let shadow = |fail| Charge { mode: Mode::Shadow, ..plain(0, fail) };
    for fail in [Fail::Open, Fail::Closed, Fail::Local(1_000_000)] {
        let store = store(1);
        let mut verdicts = Verdicts::new();
        assert!(store.charge(NOW, &[shadow(fail), plain(1, Fail::Closed)], Ticket(1), &mut verdicts));
        assert_eq!(verdicts[1].counted, Counted::Own);
        assert_ne!(verdicts[0].counted, Counted::Own);
        assert_eq!(store.used(NOW, key(1), &FIXED), Some(1));
    }
}

//! Pages against a map: nothing is lost while they fill, split and empty.

use std::collections::BTreeMap;

use limitrate_core::{
    algorithm::{State, bucket},
    time::Nanos,
};
use proptest::prelude::*;

use super::{
    super::slot::{Narrow, NarrowKept},
    *,
};

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 7)
}

fn at(tat: i64) -> NarrowKept {
    let state = State::Bucket(bucket::State { tat: Timestamp(tat), linger: Nanos::ZERO });
    Narrow::kept(&state, Timestamp(tat)).unwrap()
}

fn kept(pages: &Pages<Narrow>, key: CounterKey) -> Option<i64> {
    match pages.find(key)?.slot().look(key) {
        Look::Kept(kept) => Some(Narrow::idle_at(kept).0),
        Look::Held | Look::Gone => None,
    }
}

fn remove(pages: &Pages<Narrow>, filling: &mut Filling, key: CounterKey) {
    let spot = pages.find(key).unwrap();
    let Look::Kept(kept) = spot.slot().look(key) else { panic!() };
    assert!(spot.slot().try_hold(kept));
    pages.remove(filling, spot, kept);
}

#[test]
#[cfg_attr(miri, ignore = "takes too long there")]
fn every_key_is_found_while_a_hundred_thousand_come() {
    let (pages, mut filling) = (Pages::<Narrow>::new(9, 1 << 20), Filling::default());
    let mut overflown = Vec::new();
    for number in 0..100_000u64 {
        if !pages.insert(&mut filling, key(number), at(1)) {
            overflown.push(number);
        }
        while pages.split(&mut filling) {}
        if number % 1_000 == 0 {
            let found = (0..=number).filter(|number| kept(&pages, key(*number)).is_some()).count();
            assert_eq!((found, filling.len), (usize::try_from(number).unwrap() + 1 - overflown.len(), found));
        }
    }
    assert!(overflown.len() < 1_000, "{} found no slot in their pages", overflown.len());
    let bytes_each = pages.bytes(&filling) / filling.len;
    assert!((34..=75).contains(&bytes_each), "{bytes_each} bytes a key");
}

#[test]
#[cfg_attr(miri, ignore = "takes too long there")]
fn pages_are_split_no_more_than_twice_for_a_key() {
    let (pages, mut filling) = (Pages::<Narrow>::new(8, 1 << 20), Filling::default());
    for number in 0..50_000u64 {
        pages.insert(&mut filling, key(number), at(1));
        let splits = std::iter::from_fn(|| pages.split(&mut filling).then_some(())).count();
        assert!(splits <= 1, "{splits} splits are due at {number} keys");
    }
}

#[test]
fn a_page_of_which_somebody_holds_a_slot_is_split_later() {
    let (pages, mut filling) = (Pages::<Narrow>::new(1, 4), Filling::default());
    for number in 0..56 {
        assert!(pages.insert(&mut filling, key(number), at(1)));
    }
    let moves = (0..56).map(key).find(|key| key.0 & 1 == 1).unwrap();
    let slot = pages.find(moves).unwrap().slot();
    let Look::Kept(held) = slot.look(moves) else { panic!() };
    assert!(slot.try_hold(held));
    assert!(!pages.split(&mut filling));
    assert_eq!((pages.count(), filling.len), (1, 56));
    slot.restore(held);
    assert!(pages.split(&mut filling));
    assert_eq!((pages.count(), filling.len), (2, 56));
    assert!((0..56).all(|number| kept(&pages, key(number)) == Some(1)));
}

#[test]
fn who_found_a_slot_before_its_key_moved_is_told() {
    let (pages, mut filling) = (Pages::<Narrow>::new(1, 4), Filling::default());
    for number in 0..56 {
        assert!(pages.insert(&mut filling, key(number), at(5)));
    }
    let moves = (0..56).map(key).find(|key| key.0 & 1 == 1).unwrap();
    let before = pages.find(moves).unwrap().slot();
    let Look::Kept(seen) = before.look(moves) else { panic!() };
    assert!(pages.split(&mut filling));
    assert_eq!(before.look(moves), Look::Gone);
    assert!(!before.try_replace(seen, at(6)));
    assert_eq!(kept(&pages, moves), Some(5));
}

#[test]
fn no_more_pages_are_made_than_are_allowed() {
    let (pages, mut filling) = (Pages::<Narrow>::new(2, 3), Filling::default());
    for number in 0..250 {
        pages.insert(&mut filling, key(number), at(1));
        while pages.may_split() && pages.split(&mut filling) {}
    }
    assert_eq!(pages.count(), 3);
    assert!(filling.len <= 3 * SLOTS && !pages.has_room_for(&filling, 1));
    let none = Pages::<Narrow>::new(8, 0);
    assert!(
        !none.insert(&mut Filling::default(), key(1), at(1)) && !none.has_room_for(&Filling::default(), 1)
    );
}

#[test]
fn a_sweep_looks_at_every_slot_and_drops_only_what_is_idle() {
    let (pages, mut filling) = (Pages::<Narrow>::new(4, 8), Filling::default());
    for number in 0..200u64 {
        let until = if number % 2 == 0 { 1 } else { Nanos::from_secs(9).0 };
        pages.insert(&mut filling, key(number), at(until));
    }
    let before = filling.len;
    let dropped = pages.sweep(&mut filling, Timestamp(1).after(KEPT_IDLE), 4 * SLOTS);
    assert_eq!((filling.len, dropped), (100, before - 100));
    assert!((1..200).step_by(2).all(|number| kept(&pages, key(number)).is_some()));
    assert_eq!(pages.sweep(&mut filling, Timestamp(1).after(KEPT_IDLE), 4 * SLOTS), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two pages of which one is never enough for all keys: slots are vacated and taken again all the time.
    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn what_is_in_a_page_is_what_was_put_there(
        acts in prop::collection::vec((0u64..90, any::<bool>(), 0i64..5), 1..600),
        base in 1u64..3,
    ) {
        let (pages, mut filling) = (Pages::<Narrow>::new(base, 2 * base), Filling::default());
        let (mut model, mut word) = (BTreeMap::new(), 0);
        for (number, adds, above) in acts {
            word += above - 2;
            let key = key(number);
            if adds && !model.contains_key(&number) {
                if pages.insert(&mut filling, key, at(word)) {
                    model.insert(number, word);
                }
                while pages.may_split() && pages.split(&mut filling) {}
            } else if !adds && model.remove(&number).is_some() {
                remove(&pages, &mut filling, key);
            }
            prop_assert_eq!(filling.len, model.len());
            for other in 0..90 {
                prop_assert_eq!(kept(&pages, self::key(other)), model.get(&other).copied());
            }
        }
    }
}

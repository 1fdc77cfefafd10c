//! Which keys have changed since they were last written.
//!
//! A key is noted after its change; whoever takes the notes reads what stands under the keys after that. A key that is noted
//! already costs a look without a lock. It cannot be one too early: who takes the notes forgets them first, then takes each
//! counter out of its slot or under its shard's lock, and puts it back. A change that is not seen by then comes after that on
//! the same slot or lock, and so who made it finds the note forgotten.

use std::{
    array,
    hint::black_box,
    mem,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use limitrate_core::key::CounterKey;
use parking_lot::Mutex;

/// How many locks there are: threads seldom want the same one.
const STRIPES: usize = 256;

/// How many groups of marks each stripe has, and how many marks each of them.
const GROUPS: usize = 128;
const MARKS: usize = 4;

/// How many notes a stripe takes; beyond them it only notes that everything is to be written.
const MAX_NOTES: usize = 8_192;

/// Keys to be written.
#[derive(Debug)]
pub(super) struct Notes(Box<[Stripe]>);

#[derive(Debug)]
struct Stripe {
    /// Marks of keys that are noted. Written under the lock, read without.
    groups: Box<[Group]>,
    list: Mutex<List>,
}

// Within one cache line.
#[derive(Debug)]
#[repr(align(32))]
struct Group([AtomicU64; MARKS]);

#[derive(Debug, Default)]
struct List {
    /// A few of them twice.
    noted: Vec<CounterKey>,
    is_full: bool,
}

/// What was noted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// These keys, in order.
    Keys(Vec<CounterKey>),
    /// More than could be noted.
    Everything,
}

/// The mark of no key, or of one whose note is taken each time.
const NONE: u64 = 0;

impl Default for Notes {
    fn default() -> Self {
        let group = || Group(array::from_fn(|_| AtomicU64::new(NONE)));
        let stripe =
            || Stripe { groups: (0..GROUPS).map(|_| group()).collect(), list: Mutex::new(List::default()) };
        Self((0..STRIPES).map(|_| stripe()).collect())
    }
}

impl Notes {
    /// Loads what tells whether a key is noted, so that it is here by the time its counter has changed: until then, nothing
    /// else waits for it.
    #[inline]
    pub(super) fn touch(&self, key: CounterKey) {
        black_box(self.place(key).map(|(_, Group([first, ..]))| first.load(Relaxed)));
    }

    /// Notes that a key has changed.
    #[inline]
    pub(super) fn note(&self, key: CounterKey) {
        if let Some((stripe, group)) = self.place(key) {
            let mark = mark(key);
            if !group.has(mark) {
                stripe.note(key, group, mark);
            }
        }
    }

    #[inline]
    fn place(&self, key: CounterKey) -> Option<(&Stripe, &Group)> {
        let stripe = self.0.get(part(key, 96, STRIPES))?;
        Some((stripe, stripe.groups.get(part(key, 104, GROUPS))?))
    }

    /// Notes once more what could not be written.
    pub(super) fn give_back(&self, noted: Noted) {
        match noted {
            Noted::Keys(keys) => keys.into_iter().for_each(|key| self.note(key)),
            Noted::Everything => {
                if let Some(stripe) = self.0.first() {
                    stripe.list.lock().is_full = true;
                }
            }
        }
    }

    /// Takes the notes. What stands under the keys is read after it, and as the head of this file says.
    pub(super) fn take(&self) -> Noted {
        let (mut keys, mut is_full) = (Vec::new(), false);
        for stripe in &self.0 {
            let mut list = stripe.list.lock();
            is_full |= mem::take(&mut list.is_full);
            if !list.noted.is_empty() {
                stripe.groups.iter().flat_map(|group| &group.0).for_each(|mark| mark.store(NONE, Relaxed));
                keys.append(&mut list.noted);
            }
        }
        if is_full {
            return Noted::Everything;
        }
        keys.sort_unstable();
        keys.dedup();
        Noted::Keys(keys)
    }
}

impl Group {
    #[inline]
    fn has(&self, mark: u64) -> bool {
        let found = self.0.iter().fold(false, |found, noted| found | (noted.load(Relaxed) == mark));
        found && mark != NONE
    }
}

impl Stripe {
    #[inline(never)]
    fn note(&self, key: CounterKey, group: &Group, mark: u64) {
        let mut list = self.list.lock();
        if group.has(mark) {
            return;
        }
        // A free place, or any.
        let free = group.0.iter().find(|noted| noted.load(Relaxed) == NONE);
        if let Some(place) = free.or_else(|| group.0.get(list.noted.len() % MARKS)) {
            place.store(mark, Relaxed);
        }
        if list.noted.len() < MAX_NOTES {
            list.noted.push(key);
        } else {
            list.is_full = true;
        }
    }
}

/// What tells a key from the others of its group: bits of a keyed hash, which no two counters share.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
const fn mark(key: CounterKey) -> u64 {
    key.0 as u64
}

/// A number below `of`, a power of two, from the key's bits at `shift`.
#[inline]
const fn part(key: CounterKey, shift: u32, of: usize) -> usize {
    (key.0 >> shift) as usize & (of - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> CounterKey {
        CounterKey::of_limit(&number.to_le_bytes(), 7)
    }

    #[test]
    fn a_key_is_told_once_and_again_only_after_it_changed_again() {
        let notes = Notes::default();
        for number in (0..1_000).chain(0..1_000) {
            notes.note(key(number));
        }
        let Noted::Keys(keys) = notes.take() else { panic!() };
        assert!(keys.len() == 1_000 && keys.is_sorted());
        assert_eq!(notes.take(), Noted::Keys(Vec::new()));
        notes.note(key(5));
        assert_eq!(notes.take(), Noted::Keys(vec![key(5)]));
    }

    #[test]
    fn the_key_of_zeros_is_noted_too() {
        let notes = Notes::default();
        notes.note(CounterKey(0));
        assert_eq!(notes.take(), Noted::Keys(vec![CounterKey(0)]));
    }

    #[test]
    fn more_than_can_be_noted_is_everything_until_it_was_written() {
        let notes = Notes::default();
        let many = u64::try_from(STRIPES * MAX_NOTES).unwrap() * 2;
        (0..many).for_each(|number| notes.note(key(number)));
        assert_eq!(notes.take(), Noted::Everything);
        assert_eq!(notes.take(), Noted::Keys(Vec::new()));
        notes.give_back(Noted::Everything);
        notes.give_back(Noted::Keys(vec![key(1)]));
        assert_eq!(notes.take(), Noted::Everything);
    }
}

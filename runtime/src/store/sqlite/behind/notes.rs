//! Which keys have changed since they were last written.
//!
//! A key is noted after its change, under the lock of its stripe; whoever takes the notes reads what stands under the keys
//! after that, and so sees the change.

use std::mem;

use limitrate_core::key::CounterKey;
use parking_lot::Mutex;

/// How many locks there are: threads seldom want the same one.
const STRIPES: usize = 256;

/// How many keys each stripe remembers to have noted.
const REMEMBERED: usize = 512;

/// How many notes a stripe takes; beyond them it only notes that everything is to be written.
const MAX_NOTES: usize = 8_192;

/// Keys to be written.
#[derive(Debug)]
pub(super) struct Notes(Box<[Mutex<Stripe>]>);

#[derive(Debug)]
struct Stripe {
    /// Keys that are noted, each where its bits place it.
    remembered: Box<[CounterKey]>,
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

/// No counter has this key, or its note is taken twice.
const NONE: CounterKey = CounterKey(0);

impl Default for Notes {
    fn default() -> Self {
        let stripe = || Stripe {
            remembered: vec![NONE; REMEMBERED].into_boxed_slice(),
            noted: Vec::new(),
            is_full: false,
        };
        Self((0..STRIPES).map(|_| Mutex::new(stripe())).collect())
    }
}

impl Notes {
    /// Notes that a key has changed.
    #[inline]
    pub(super) fn note(&self, key: CounterKey) {
        if let Some(stripe) = self.0.get(part(key, 56, STRIPES)) {
            stripe.lock().note(key);
        }
    }

    /// Notes once more what could not be written.
    pub(super) fn give_back(&self, noted: Noted) {
        match noted {
            Noted::Keys(keys) => keys.into_iter().for_each(|key| self.note(key)),
            Noted::Everything => {
                if let Some(stripe) = self.0.first() {
                    stripe.lock().is_full = true;
                }
            }
        }
    }

    /// Takes the notes.
    pub(super) fn take(&self) -> Noted {
        let (mut keys, mut is_full) = (Vec::new(), false);
        for stripe in &self.0 {
            let mut stripe = stripe.lock();
            is_full |= mem::take(&mut stripe.is_full);
            if !stripe.noted.is_empty() {
                stripe.remembered.fill(NONE);
                keys.append(&mut stripe.noted);
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

impl Stripe {
    #[inline]
    fn note(&mut self, key: CounterKey) {
        let place = part(key, 32, REMEMBERED);
        match self.remembered.get_mut(place) {
            Some(known) if *known == key && key != NONE => return,
            Some(known) => *known = key,
            None => {}
        }
        if self.noted.len() < MAX_NOTES {
            self.noted.push(key);
        } else {
            self.is_full = true;
        }
    }
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
        notes.note(NONE);
        assert_eq!(notes.take(), Noted::Keys(vec![NONE]));
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

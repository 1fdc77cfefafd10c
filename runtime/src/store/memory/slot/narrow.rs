//! Slots of 32 bytes for counters that are one word: buckets, whose state is the instant at which they are full again.
//!
//! A charge is one compare-and-exchange of that word, and a refusal writes nothing. The instant stands in 54 bits, from
//! a base that is set when a key comes to the slot: some hundred days on either side, and what leaves them gets another
//! base under the shard's lock. The other ten bits are a tag that changes with the key and the base, so that who saw one
//! key's word does not change another's: for that it would have to sleep while the slot changed its tag a thousand times,
//! and the last key came to stand at the same nanosecond of a span of [`FINE_BITS`]. While a tag stays, its word only
//! grows: one seen twice was there in between.

use limitrate_core::{
    algorithm::{Small, bucket},
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::{
    super::sync::{
        AtomicI64, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
    Look, Slot,
};

/// The bits of a word that say how long after the base the bucket is full.
const OFFSET_BITS: u32 = 54;
const OFFSET: u64 = (1 << OFFSET_BITS) - 1;

/// Above them: another one for each key that comes.
const TAG: u64 = 1 << OFFSET_BITS;

/// Offsets that are none. A decision holds the slot.
const HELD: u64 = 0;

/// It keeps nothing, but keys that were looked for here may be farther on.
const DEAD: u64 = 1;

/// It keeps nothing.
const FREE: u64 = 2;

/// The least offset of a bucket that is new in its slot.
const MIDDLE: i64 = 1 << (OFFSET_BITS - 1);

/// A base has none of these bits, so that they stand in the word as they are in the instant: some eighteen minutes.
const FINE_BITS: u32 = 40;
const FINE: i64 = (1 << FINE_BITS) - 1;

/// A bucket's slot.
// Two to a cache line, and none on two.
#[derive(Debug)]
#[repr(align(32))]
pub(in super::super) struct Narrow {
    key: [AtomicU64; 2],
    word: AtomicU64,
    /// The instant from which offsets count.
    base: AtomicI64,
}

/// What a narrow slot keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct NarrowKept {
    /// The word and the base that it was seen under; of what is to be kept only the instant counts.
    word: u64,
    base: i64,
    /// The theoretical arrival time.
    tat: i64,
}

impl NarrowKept {
    /// The word of another instant in the same slot.
    #[inline]
    const fn word_of(self, fresh: Self) -> u64 {
        (self.word & !OFFSET) | fresh.tat.wrapping_sub(self.base).cast_unsigned() & OFFSET
    }
}

impl Slot for Narrow {
    type Kept = NarrowKept;

    fn new() -> Self {
        Self {
            key: [AtomicU64::new(0), AtomicU64::new(0)],
            word: AtomicU64::new(FREE),
            base: AtomicI64::new(0),
        }
    }

    #[inline]
    fn touch(&self) -> u64 {
        self.word.load(Relaxed)
    }

    #[inline]
    fn is_of(&self, key: CounterKey) -> bool {
        let [high, low] = halves(key);
        // Acquired for what is looked at after it.
        self.key[1].load(Acquire) == low && self.key[0].load(Acquire) == high
    }

    fn key(&self) -> CounterKey {
        joined(self.key[0].load(Acquire), self.key[1].load(Acquire))
    }

    #[inline]
    fn is_vacant(&self) -> bool {
        matches!(self.word.load(Acquire) & OFFSET, DEAD | FREE)
    }

    #[inline]
    fn is_free(&self) -> bool {
        self.word.load(Acquire) & OFFSET == FREE
    }

    #[inline]
    fn look(&self, key: CounterKey) -> Look<NarrowKept> {
        // The word before the key and the base: if the word stays, what is read after it is the word's.
        let word = self.word.load(Acquire);
        let offset = word & OFFSET;
        if matches!(offset, DEAD | FREE) || !self.is_of(key) {
            Look::Gone
        } else if offset == HELD {
            Look::Held
        } else {
            let base = self.base.load(Acquire);
            Look::Kept(NarrowKept { word, base, tat: base.wrapping_add(offset.cast_signed()) })
        }
    }

    #[inline]
    fn is_unchanged(&self, seen: NarrowKept) -> bool {
        self.word.load(Acquire) == seen.word
    }

    #[inline]
    fn try_replace(&self, seen: NarrowKept, fresh: NarrowKept) -> bool {
        self.word.compare_exchange(seen.word, seen.word_of(fresh), AcqRel, Relaxed).is_ok()
    }

    #[inline]
    fn try_hold(&self, seen: NarrowKept) -> bool {
        self.word.compare_exchange(seen.word, seen.word & !OFFSET | HELD, AcqRel, Relaxed).is_ok()
    }

    #[inline]
    fn release(&self, held: NarrowKept, fresh: NarrowKept) {
        self.word.store(held.word_of(fresh), Release);
    }

    #[inline]
    fn restore(&self, held: NarrowKept) {
        self.word.store(held.word, Release);
    }

    fn vacate(&self, held: NarrowKept) {
        self.word.store(held.word & !OFFSET | DEAD, Release);
    }

    fn mark_free(&self) {
        self.word.store(self.word.load(Acquire) & !OFFSET | FREE, Release);
    }

    fn fill(&self, key: CounterKey, kept: NarrowKept) {
        let [high, low] = halves(key);
        self.key[0].store(high, Release);
        self.key[1].store(low, Release);
        let base = (kept.tat & !FINE).saturating_sub(MIDDLE);
        self.base.store(base, Release);
        let tag = (self.word.load(Acquire) & !OFFSET).wrapping_add(TAG);
        self.word.store(tag | kept.tat.wrapping_sub(base).cast_unsigned(), Release);
    }

    fn idle_at(kept: NarrowKept) -> Timestamp {
        Timestamp(kept.tat)
    }

    #[inline]
    fn small(kept: NarrowKept) -> Small {
        Small::Bucket(bucket::State { tat: Timestamp(kept.tat), linger: Nanos::ZERO })
    }

    #[inline]
    fn keep(state: Small, _: Timestamp) -> Option<NarrowKept> {
        match state {
            Small::Bucket(bucket::State { tat: Timestamp(tat), linger: Nanos::ZERO })
                if tat >= i64::MIN + MIDDLE =>
            {
                Some(NarrowKept { word: 0, base: 0, tat })
            }
            Small::Bucket(_) | Small::FixedWindow(_) | Small::SlidingWindow(_) => None,
        }
    }

    #[inline]
    fn may_become(seen: NarrowKept, fresh: NarrowKept) -> bool {
        fresh.tat >= seen.tat && fresh.tat.wrapping_sub(seen.base).cast_unsigned() <= OFFSET
    }
}

/// The upper and the lower half of a key.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
pub(super) const fn halves(key: CounterKey) -> [u64; 2] {
    [(key.0 >> 64) as u64, key.0 as u64]
}

pub(super) const fn joined(high: u64, low: u64) -> CounterKey {
    CounterKey((high as u128) << 64 | low as u128)
}

#[cfg(test)]
mod tests {
    use limitrate_core::algorithm::State;

    use super::*;

    const KEY: CounterKey = CounterKey(7 << 64 | 8);
    const OTHER: CounterKey = CounterKey(7 << 64 | 9);

    #[test]
    fn two_are_one_cache_line() {
        assert_eq!(size_of::<Narrow>(), 32);
        assert_eq!(align_of::<Narrow>(), 32);
    }

    fn at(tat: i64) -> NarrowKept {
        let state = State::Bucket(bucket::State { tat: Timestamp(tat), linger: Nanos::ZERO });
        Narrow::kept(&state, Timestamp(tat)).unwrap()
    }

    fn seen(slot: &Narrow, key: CounterKey) -> NarrowKept {
        let Look::Kept(kept) = slot.look(key) else { panic!("{:?}", slot.look(key)) };
        kept
    }

    #[test]
    fn what_was_seen_is_replaced_only_while_it_is_there() {
        let slot = Narrow::new();
        assert_eq!(slot.look(KEY), Look::Gone);
        slot.fill(KEY, at(5));
        let five = seen(&slot, KEY);
        assert_eq!((five.tat, slot.look(OTHER)), (5, Look::Gone));
        assert!(slot.try_replace(five, at(6)) && !slot.try_replace(five, at(7)));
        let six = seen(&slot, KEY);
        assert!(slot.try_hold(six) && !slot.try_hold(six) && !slot.try_replace(six, at(7)));
        assert_eq!(slot.look(KEY), Look::Held);
        slot.release(six, at(9));
        assert_eq!(seen(&slot, KEY).tat, 9);
    }

    #[test]
    fn who_saw_one_key_does_not_change_another_at_the_same_instant() {
        let slot = Narrow::new();
        slot.fill(KEY, at(5));
        let before = seen(&slot, KEY);
        assert!(slot.try_hold(before));
        slot.vacate(before);
        assert!(slot.is_vacant() && !slot.is_free());
        slot.fill(OTHER, at(5));
        assert!(!slot.try_replace(before, at(8)) && !slot.is_unchanged(before));
        assert_eq!((slot.look(KEY), seen(&slot, OTHER).tat), (Look::Gone, 5));
    }

    #[test]
    fn who_slept_while_a_slot_went_to_as_many_keys_as_there_are_tags_is_told() {
        let slot = Narrow::new();
        slot.fill(KEY, at(5));
        let before = seen(&slot, KEY);
        for tat in 6..=6 + (u64::MAX / TAG).cast_signed() {
            let last = seen(&slot, KEY);
            assert!(slot.try_hold(last));
            slot.vacate(last);
            slot.fill(KEY, at(tat));
        }
        assert_eq!(before.word & !OFFSET, seen(&slot, KEY).word & !OFFSET);
        assert!(!slot.is_unchanged(before) && !slot.try_replace(before, at(8)));
    }

    #[test]
    fn a_slot_keeps_instants_of_a_hundred_days_at_either_end_of_time() {
        const DAY: i64 = 86_400_000_000_000;
        for tat in [i64::MIN + MIDDLE, -1, 0, i64::MAX - 104 * DAY, i64::MAX] {
            let slot = Narrow::new();
            slot.fill(KEY, at(tat));
            let kept = seen(&slot, KEY);
            assert_eq!(kept.tat, tat);
            let later = at(tat.saturating_add(104 * DAY));
            assert!(Narrow::may_become(kept, later));
            assert!(slot.try_replace(kept, later));
            assert_eq!(seen(&slot, KEY).tat, later.tat);
        }
        let slot = Narrow::new();
        slot.fill(KEY, at(0));
        let kept = seen(&slot, KEY);
        assert!(!Narrow::may_become(kept, at(105 * DAY)) && !Narrow::may_become(kept, at(-1)));
    }

    #[test]
    fn only_buckets_that_are_forgotten_when_full_are_one_word() {
        let bucket =
            |tat, linger| State::Bucket(bucket::State { tat: Timestamp(tat), linger: Nanos(linger) });
        assert_eq!(Narrow::state(Narrow::kept(&bucket(5, 0), Timestamp(5)).unwrap()), bucket(5, 0));
        assert_eq!(Narrow::kept(&bucket(5, 1), Timestamp(6)), None);
        assert_eq!(Narrow::kept(&bucket(i64::MIN, 0), Timestamp::MIN), None);
    }
}

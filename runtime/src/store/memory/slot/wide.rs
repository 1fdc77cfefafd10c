//! Slots of one cache line for counters of several words: windows, and buckets that are not one word.
//!
//! A control word says what is kept, whether a decision holds it, and which version it is. A look reads everything and
//! then whether the control word is still the same; a charge holds the slot, writes, and releases it as a new version.

use limitrate_core::{
    algorithm::{Small, bucket, fixed_window, sliding_window},
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::{
    super::sync::{
        AtomicI64, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
    Look, Slot,
    narrow::{halves, joined},
};

/// What a slot keeps: the lowest bits of its control word.
const KIND: u64 = 7;
const FREE: u64 = 0;
const DEAD: u64 = 1;
const FIXED_WINDOW: u64 = 2;
const SLIDING_WINDOW: u64 = 3;
const BUCKET: u64 = 4;

/// Set while a decision holds the slot.
const HELD: u64 = 8;

/// Above the bits before: how often the slot has changed.
const VERSION: u64 = 16;

/// A window's slot.
#[derive(Debug)]
#[repr(align(64))]
pub(in super::super) struct Wide {
    key: [AtomicU64; 2],
    control: AtomicU64,
    idle_at: AtomicI64,
    words: [AtomicI64; 3],
}

/// What a wide slot keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct WideKept {
    /// The control word that it was seen under; of what is to be kept only the kind counts.
    control: u64,
    idle_at: Timestamp,
    words: [i64; 3],
}

impl Wide {
    /// Writes to a slot that is held, or vacant and under its shard's lock.
    #[inline]
    fn write(&self, before: u64, fresh: &WideKept) {
        // Released, so that who sees one of these sees that the slot was held, too.
        self.idle_at.store(fresh.idle_at.0, Release);
        for (word, value) in self.words.iter().zip(fresh.words) {
            word.store(value, Release);
        }
        self.control.store(after(before, fresh.control & KIND), Release);
    }
}

/// The control word of the next version.
const fn after(before: u64, kind: u64) -> u64 {
    (before & !(KIND | HELD)).wrapping_add(VERSION) | kind
}

impl Slot for Wide {
    type Kept = WideKept;

    fn new() -> Self {
        Self {
            key: [AtomicU64::new(0), AtomicU64::new(0)],
            control: AtomicU64::new(FREE),
            idle_at: AtomicI64::new(0),
            words: [AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0)],
        }
    }

    #[inline]
    fn touch(&self) -> u64 {
        self.control.load(Relaxed)
    }

    #[inline]
    fn is_of(&self, key: CounterKey) -> bool {
        let [high, low] = halves(key);
        self.key[1].load(Acquire) == low && self.key[0].load(Acquire) == high
    }

    fn key(&self) -> CounterKey {
        joined(self.key[0].load(Acquire), self.key[1].load(Acquire))
    }

    #[inline]
    fn is_vacant(&self) -> bool {
        matches!(self.control.load(Acquire) & KIND, FREE | DEAD)
    }

    #[inline]
    fn is_free(&self) -> bool {
        self.control.load(Acquire) & KIND == FREE
    }

    #[inline]
    fn look(&self, key: CounterKey) -> Look<WideKept> {
        let control = self.control.load(Acquire);
        if matches!(control & KIND, FREE | DEAD) || !self.is_of(key) {
            return Look::Gone;
        }
        let kept = WideKept {
            control,
            idle_at: Timestamp(self.idle_at.load(Acquire)),
            words: [self.words[0].load(Acquire), self.words[1].load(Acquire), self.words[2].load(Acquire)],
        };
        let is_whole = control & HELD == 0 && self.is_unchanged(kept);
        if is_whole { Look::Kept(kept) } else { Look::Held }
    }

    #[inline]
    fn is_unchanged(&self, seen: WideKept) -> bool {
        self.control.load(Acquire) == seen.control
    }

    #[inline]
    fn try_replace(&self, seen: WideKept, fresh: WideKept) -> bool {
        let is_held = self.try_hold(seen);
        if is_held {
            self.release(seen, fresh);
        }
        is_held
    }

    #[inline]
    fn try_hold(&self, seen: WideKept) -> bool {
        self.control.compare_exchange(seen.control, seen.control | HELD, AcqRel, Relaxed).is_ok()
    }

    #[inline]
    fn release(&self, held: WideKept, fresh: WideKept) {
        self.write(held.control, &fresh);
    }

    #[inline]
    fn restore(&self, held: WideKept) {
        self.control.store(held.control, Release);
    }

    fn vacate(&self, held: WideKept) {
        self.control.store(after(held.control, DEAD), Release);
    }

    fn mark_free(&self) {
        self.control.store(after(self.control.load(Acquire), FREE), Release);
    }

    fn fill(&self, key: CounterKey, kept: WideKept) {
        let [high, low] = halves(key);
        self.key[0].store(high, Release);
        self.key[1].store(low, Release);
        self.write(self.control.load(Acquire), &kept);
    }

    fn idle_at(kept: WideKept) -> Timestamp {
        kept.idle_at
    }

    #[inline]
    fn small(kept: WideKept) -> Small {
        let [first, second, third] = kept.words;
        match kept.control & KIND {
            FIXED_WINDOW => Small::FixedWindow(fixed_window::State {
                start: Timestamp(first),
                end: Timestamp(second),
                used: third,
            }),
            SLIDING_WINDOW => {
                Small::SlidingWindow(sliding_window::State { index: first, current: second, previous: third })
            }
            _ => Small::Bucket(bucket::State { tat: Timestamp(first), linger: Nanos(second) }),
        }
    }

    #[inline]
    fn keep(state: Small, idle_at: Timestamp) -> Option<WideKept> {
        let (control, words) = match state {
            Small::FixedWindow(window) => (FIXED_WINDOW, [window.start.0, window.end.0, window.used]),
            Small::SlidingWindow(window) => (SLIDING_WINDOW, [window.index, window.current, window.previous]),
            Small::Bucket(bucket) => (BUCKET, [bucket.tat.0, bucket.linger.0, 0]),
        };
        Some(WideKept { control, idle_at, words })
    }

    #[inline]
    fn may_become(_: WideKept, _: WideKept) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::algorithm::State;

    use super::*;

    const KEY: CounterKey = CounterKey(7 << 64 | 8);
    const OTHER: CounterKey = CounterKey(7 << 64 | 9);

    fn bucket(tat: i64) -> WideKept {
        let state = State::Bucket(bucket::State { tat: Timestamp(tat), linger: Nanos(3) });
        Wide::kept(&state, Timestamp(tat + 3)).unwrap()
    }

    fn seen(slot: &Wide, key: CounterKey) -> WideKept {
        let Look::Kept(kept) = slot.look(key) else { panic!("{:?}", slot.look(key)) };
        kept
    }

    #[test]
    fn a_slot_is_one_cache_line() {
        assert_eq!(size_of::<Wide>(), 64);
        assert_eq!(align_of::<Wide>(), 64);
    }

    #[test]
    fn states_come_back_as_they_were_kept() {
        for state in [
            State::FixedWindow(fixed_window::State { start: Timestamp(-1), end: Timestamp(9), used: 4 }),
            State::SlidingWindow(sliding_window::State { index: -3, current: 4, previous: i64::MAX }),
            State::Bucket(bucket::State { tat: Timestamp(i64::MIN), linger: Nanos(7) }),
        ] {
            let slot = Wide::new();
            slot.fill(KEY, Wide::kept(&state, Timestamp(5)).unwrap());
            let kept = seen(&slot, KEY);
            assert_eq!((Wide::state(kept), Wide::idle_at(kept)), (state, Timestamp(5)));
        }
    }

    #[test]
    fn what_was_seen_is_replaced_only_by_the_first() {
        let slot = Wide::new();
        slot.fill(KEY, bucket(5));
        let before = seen(&slot, KEY);
        assert!(slot.try_replace(before, bucket(6)));
        // Back to what it was, but not the same version.
        assert!(slot.try_replace(seen(&slot, KEY), bucket(5)));
        assert!(!slot.try_replace(before, bucket(7)) && !slot.is_unchanged(before));
        assert_eq!(Wide::state(seen(&slot, KEY)), Wide::state(bucket(5)));
    }

    #[test]
    fn a_held_slot_waits_and_is_as_it_was_when_restored() {
        let slot = Wide::new();
        slot.fill(KEY, bucket(5));
        let before = seen(&slot, KEY);
        assert!(slot.try_hold(before) && !slot.try_hold(before));
        assert_eq!(slot.look(KEY), Look::Held);
        slot.restore(before);
        assert!(slot.is_unchanged(before));
        assert!(slot.try_hold(before));
        slot.vacate(before);
        assert_eq!(slot.look(KEY), Look::Gone);
        slot.fill(OTHER, bucket(5));
        assert!(!slot.try_hold(before));
    }
}

//! Slots by key in pages that never move: found without a lock, added and dropped under the shard's.
//!
//! A page is a small table with open addressing. Pages are split one at a time, in turn (linear hashing: Litwin, 1980),
//! when the ones that are not yet split are nearly full: no key ever waits for a table to be rebuilt, and no memory is
//! given back that somebody may be reading. Who looks for a key while it moves may miss it, and looks again under the
//! lock; who has found its slot notices by what the slot says.
//!
//! A round of splits begins when pages are 82 % full and is done at 88 %. So a shard's slots are between 44 and 88 %
//! used; shards begin with different numbers of pages, so that together they use some 62 % at any size.

mod split;

use std::sync::OnceLock;

use arrayvec::ArrayVec;
use limitrate_core::{key::CounterKey, time::Timestamp};

use super::{
    entry::KEPT_IDLE,
    slot::{Look, Slot},
    sync::{AtomicU64, Ordering, Spin},
};

/// Slots in a page: so many that hardly a page overflows, so few that a split is done in a microsecond or two.
pub(super) const SLOTS: usize = if cfg!(shuttle) { 8 } else { 64 };

/// How many pages are allocated together, unless so few are allowed that it would be a waste.
const PAGES_PER_CHUNK: u64 = 16;

/// The most chunks: of more memory, each is larger.
const MAX_CHUNKS: u64 = 4_096;

/// How often pages may have doubled: so many bits of the key's hash are for that.
const MAX_LEVEL: u32 = 24;

/// In percent of a page, how full pages are when a round of splits begins, and during how much more it is done.
const SPLIT_FROM: usize = 82;
const SPLIT_WITHIN: usize = 6;

/// How full, in percent, pages may be on average that cannot be split for want of memory.
const FULL: usize = 90;

type Page<S> = [S; SLOTS];

/// Pages that are allocated together, when a key comes to one of them.
type Chunk<S> = OnceLock<Box<[Page<S>]>>;

/// A table of slots.
#[derive(Debug)]
pub(super) struct Pages<S> {
    chunks: Box<[Chunk<S>]>,
    /// Pages of a chunk: two to the power of this.
    chunk_bits: u32,
    /// How many pages there are before the first split.
    base: u64,
    /// How many there may be.
    max: u64,
    size: AtomicU64,
}

/// How many pages there are: `base << level`, of which the first `split` have been split once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    level: u32,
    split: u64,
}

/// What is known of a table under its shard's lock only.
#[derive(Debug, Default)]
pub(super) struct Filling {
    /// How many slots keep something.
    pub(super) len: usize,
    /// How many chunks there are.
    chunks: usize,
    /// Where the next sweep begins.
    hand: Hand,
}

#[derive(Debug, Default)]
struct Hand {
    page: u64,
    slot: usize,
}

/// A slot of a page.
#[derive(Debug)]
pub(super) struct Spot<'s, S> {
    page: &'s Page<S>,
    index: usize,
}

impl<S> Clone for Spot<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Spot<'_, S> {}

impl<'s, S> Spot<'s, S> {
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "the index of a spot is below the number of slots")]
    pub(super) fn slot(self) -> &'s S {
        &self.page[self.index % SLOTS]
    }

    const fn after(self) -> Self {
        Self { page: self.page, index: (self.index + 1) % SLOTS }
    }

    const fn before(self) -> Self {
        Self { page: self.page, index: (self.index + SLOTS - 1) % SLOTS }
    }
}

impl Size {
    #[inline]
    const fn unpack(packed: u64) -> Self {
        Self { level: (packed >> 48) as u32, split: packed & ((1 << 48) - 1) }
    }

    const fn pack(self) -> u64 {
        (self.level as u64) << 48 | self.split
    }
}

impl<S: Slot> Pages<S> {
    /// How many bytes a page takes.
    pub(super) const PAGE_BYTES: usize = size_of::<Page<S>>();

    /// A table that begins with `base` pages and may have `max`.
    pub(super) fn new(base: u64, max: u64) -> Self {
        let base = base.min(max).max(1);
        let per_chunk = if max < PAGES_PER_CHUNK * 4 { 1 } else { PAGES_PER_CHUNK };
        let per_chunk = per_chunk.max(max.div_ceil(MAX_CHUNKS).next_power_of_two());
        Self {
            chunks: (0..max.div_ceil(per_chunk)).map(|_| OnceLock::new()).collect(),
            chunk_bits: per_chunk.ilog2(),
            base,
            max,
            size: AtomicU64::new(Size { level: 0, split: 0 }.pack()),
        }
    }

    #[inline]
    fn size(&self) -> Size {
        Size::unpack(self.size.load(Ordering::Acquire))
    }

    /// How many pages there are.
    pub(super) fn count(&self) -> u64 {
        let size = self.size();
        (self.base << size.level) + size.split
    }

    /// How many bytes have been allocated.
    pub(super) const fn bytes(&self, filling: &Filling) -> usize {
        (filling.chunks << self.chunk_bits) * Self::PAGE_BYTES
    }

    /// How many bytes all pages take once keys have come to them, and `more` pages.
    pub(super) fn bytes_with(&self, more: u64) -> usize {
        let chunks = self.count().saturating_add(more).min(self.max).div_ceil(1 << self.chunk_bits);
        usize::try_from(chunks << self.chunk_bits).unwrap_or(usize::MAX).saturating_mul(Self::PAGE_BYTES)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half of the key is its hash here")]
    const fn hash(key: CounterKey) -> u64 {
        key.0 as u64
    }

    /// The page of a key: its upper bits pick one of the first pages, its lowest which of those that it was split into.
    #[inline]
    fn page_of(&self, key: CounterKey, size: Size) -> u64 {
        let hash = Self::hash(key);
        let first = ((hash >> 32) * self.base) >> 32;
        let page = first + self.base * (hash & ((1 << size.level) - 1));
        let is_farther = page < size.split && hash >> size.level & 1 == 1;
        if is_farther { page + (self.base << size.level) } else { page }
    }

    #[inline]
    fn page(&self, number: u64) -> Option<&Page<S>> {
        let chunk = self.chunks.get(usize::try_from(number >> self.chunk_bits).ok()?)?.get()?;
        chunk.get(usize::try_from(number & ((1 << self.chunk_bits) - 1)).ok()?)
    }

    /// The same, allocated if it is not yet.
    fn page_or_new(&self, filling: &mut Filling, number: u64) -> Option<&Page<S>> {
        let chunk = self.chunks.get(usize::try_from(number >> self.chunk_bits).ok()?)?;
        chunk.get_or_init(|| {
            filling.chunks += 1;
            (0..1_u64 << self.chunk_bits).map(|_| std::array::from_fn(|_| S::new())).collect()
        });
        self.page(number)
    }

    /// Where in its page the search for a key begins.
    #[inline]
    const fn home(key: CounterKey) -> usize {
        (Self::hash(key) >> MAX_LEVEL) as usize % SLOTS
    }

    /// Loads a word of the slot where most keys are that have this one's hash.
    #[inline]
    pub(super) fn touch(&self, key: CounterKey) -> Option<u64> {
        let page = self.page(self.page_of(key, self.size()))?;
        Some(Spot { page, index: Self::home(key) }.slot().touch())
    }

    /// The slot of a key. Without the shard's lock, a key that is there may be missed while it moves.
    #[inline]
    pub(super) fn find(&self, key: CounterKey) -> Option<Spot<'_, S>> {
        let page = self.page(self.page_of(key, self.size()))?;
        let mut spot = Spot { page, index: Self::home(key) };
        for _ in 0..SLOTS {
            let slot = spot.slot();
            if slot.is_of(key) {
                if !slot.is_vacant() {
                    return Some(spot);
                }
            } else if slot.is_free() {
                return None;
            }
            spot = spot.after();
        }
        None
    }

    /// The same, with what the slot keeps.
    #[inline(always)]
    pub(super) fn seek(&self, key: CounterKey) -> Option<(&S, Look<S::Kept>)> {
        let page = self.page(self.page_of(key, self.size()))?;
        let mut spot = Spot { page, index: Self::home(key) };
        for _ in 0..SLOTS {
            let slot = spot.slot();
            match slot.look(key) {
                Look::Gone if slot.is_free() => return None,
                Look::Gone => spot = spot.after(),
                found @ (Look::Kept(_) | Look::Held) => return Some((slot, found)),
            }
        }
        None
    }

    /// Under the lock: adds a key that is not there. False if its page has no slot for it.
    pub(super) fn insert(&self, filling: &mut Filling, key: CounterKey, kept: S::Kept) -> bool {
        let number = self.page_of(key, self.size());
        let Some(page) = self.page_or_new(filling, number).filter(|_| number < self.max) else {
            return false;
        };
        let mut spot = Spot { page, index: Self::home(key) };
        for _ in 0..SLOTS {
            if spot.slot().is_vacant() {
                spot.slot().fill(key, kept);
                filling.len += 1;
                return true;
            }
            spot = spot.after();
        }
        false
    }

    /// Under the lock: drops what is kept in a slot that is held.
    pub(super) fn remove(&self, filling: &mut Filling, spot: Spot<'_, S>, held: S::Kept) {
        filling.len -= 1;
        spot.slot().vacate(held);
        // Where no key can be farther on, neither can one beyond the vacant slots before.
        let mut spot = spot;
        while spot.after().slot().is_free() && spot.slot().is_vacant() && !spot.slot().is_free() {
            spot.slot().mark_free();
            spot = spot.before();
        }
    }

    /// Under the lock: looks at the next slots and drops what is idle; returns how many were dropped.
    pub(super) fn sweep(&self, filling: &mut Filling, now: Timestamp, slots: usize) -> usize {
        let (pages, mut dropped) = (self.count(), 0);
        for _ in 0..slots {
            if filling.len == 0 {
                break;
            }
            if filling.hand.slot >= SLOTS {
                filling.hand = Hand { page: filling.hand.page + 1, slot: 0 };
            }
            if filling.hand.page >= pages {
                filling.hand = Hand::default();
            }
            let Some(page) = self.page(filling.hand.page) else {
                filling.hand.slot = SLOTS;
                continue;
            };
            let spot = Spot { page, index: filling.hand.slot };
            filling.hand.slot += 1;
            let slot = spot.slot();
            if let Look::Kept(kept) = slot.look(slot.key())
                && now.since(S::idle_at(kept)) >= KEPT_IDLE
                && slot.try_hold(kept)
            {
                self.remove(filling, spot, kept);
                dropped += 1;
            }
        }
        dropped
    }

    /// Under the lock: all that is kept.
    pub(super) fn each(&self) -> impl Iterator<Item = (CounterKey, S::Kept)> {
        let pages = (0..self.count()).filter_map(|number| self.page(number));
        pages.flat_map(|page| {
            page.iter().filter_map(|slot| {
                let (key, mut spin) = (slot.key(), Spin::default());
                loop {
                    match slot.look(key) {
                        Look::Kept(kept) => return Some((key, kept)),
                        Look::Held => spin.wait(),
                        Look::Gone => return None,
                    }
                }
            })
        })
    }

    /// Whether so many more keys find room in the pages there are.
    pub(super) fn has_room_for(&self, filling: &Filling, keys: usize) -> bool {
        let slots = self.max.min(self.base << self.size().level).saturating_mul(SLOTS as u64);
        let full = usize::try_from(slots).unwrap_or(usize::MAX).saturating_mul(FULL) / 100;
        filling.len.saturating_add(keys) <= full
    }

    /// Whether more pages are allowed.
    pub(super) fn may_split(&self) -> bool {
        self.count() < self.max && self.size().level < MAX_LEVEL
    }

    /// How many pages should have been split by now.
    fn splits_due(&self, filling: &Filling) -> u64 {
        let slots =
            usize::try_from(self.base << self.size().level).unwrap_or(usize::MAX).saturating_mul(SLOTS);
        let above = filling.len.saturating_mul(100).saturating_sub(slots.saturating_mul(SPLIT_FROM));
        u64::try_from(above.div_ceil(SPLIT_WITHIN * SLOTS)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;

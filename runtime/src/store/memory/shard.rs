//! A part of the store: counters in slots, what does not fit there in a table under the shard's lock, and room for both.

use limitrate_core::{
    algorithm::{Algorithm, State},
    charge::Charge,
    key::CounterKey,
    time::Timestamp,
};

use super::{
    entry::Entry,
    pages::{Filling, Pages, Spot},
    slot::{Narrow, NarrowKept, Slot, Wide, WideKept},
    sync::{Mutex, MutexGuard},
    table::Table,
};

/// Of a shard's bytes, in eighths: what each kind of slot may take, and both together. The rest is for the table.
const SLOTS_OF_A_KIND: usize = 5;
const SLOTS_OF_BOTH: usize = 6;
const EIGHTHS: usize = 8;

/// Pages that a shard begins with: eight to fifteen, so that shards do not all grow at once.
const BASE_PAGES: usize = 8;

/// A shard of fewer keys begins with a page for so many of them.
const KEYS_PER_BASE_PAGE: usize = 48;

/// How many slots of each kind each new key looks at for idle counters: enough to have looked at all of them between
/// two doublings.
const SWEPT_PER_KEY: usize = 4;

/// How many when there is no room left, where every idle counter found is a key that can be counted: a page.
const SWEPT_WHEN_FULL: usize = 64;

/// Pages are split at most twice for a new key, and need be less often.
const SPLITS_PER_KEY: usize = 2;

/// Where a counter is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// In a slot of one word: plain buckets.
    Narrow,
    /// In a slot of several words: windows, and buckets that linger or give back.
    Wide,
    /// In the table, under the lock: logs and leases.
    Listed,
}

impl Kind {
    #[inline]
    pub(super) fn of(charge: &Charge<'_>) -> Self {
        let is_bucket = matches!(charge.algorithm, Algorithm::Bucket(_));
        if is_bucket && charge.terms.starting.is_none() && charge.hold.is_none() {
            Self::Narrow
        } else {
            Self::of_algorithm(charge.algorithm)
        }
    }

    /// The same whatever is charged.
    #[inline]
    pub(super) const fn of_algorithm(algorithm: &Algorithm) -> Self {
        match algorithm {
            Algorithm::Bucket(_) | Algorithm::FixedWindow(_) | Algorithm::SlidingWindow(_) => Self::Wide,
            Algorithm::SlidingLog(_) | Algorithm::InFlight(_) => Self::Listed,
        }
    }
}

/// A part of the store, on cache lines of its own, in pairs since processors fetch them so.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard {
    pub(super) narrow: Pages<Narrow>,
    pub(super) wide: Pages<Wide>,
    max_bytes: usize,
    locked: Mutex<Locked>,
}

/// What of a shard is under its lock.
#[derive(Debug)]
pub(super) struct Locked {
    /// Counters that are no slots' matter or find none, reservations, blocks and warnings.
    pub(super) table: Table,
    pub(super) narrow: Filling,
    pub(super) wide: Filling,
}

/// What of a shard's room a decision has promised to its parts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Promised {
    pub(super) narrow: usize,
    pub(super) wide: usize,
    pub(super) listed: usize,
}

impl Promised {
    const fn keys(self) -> usize {
        self.narrow + self.wide + self.listed
    }

    pub(super) const fn is_empty(self) -> bool {
        self.keys() == 0
    }

    pub(super) const fn with(mut self, kind: Kind, keys: usize) -> Self {
        match kind {
            Kind::Narrow => self.narrow += keys,
            Kind::Wide => self.wide += keys,
            Kind::Listed => self.listed += keys,
        }
        self
    }
}

impl Locked {
    pub(super) fn len(&self) -> usize {
        self.table.len() + self.narrow.len + self.wide.len
    }
}

impl Shard {
    /// A shard for so many keys in so many bytes. `number` makes shards differ in when they grow.
    pub(super) fn new(number: usize, max_keys: usize, max_bytes: usize) -> Self {
        let base = max_keys.div_ceil(KEYS_PER_BASE_PAGE).min(BASE_PAGES + number % BASE_PAGES).max(1);
        let most = max_bytes / EIGHTHS * SLOTS_OF_A_KIND;
        let pages = |bytes: usize| u64::try_from(most / bytes).unwrap_or(u64::MAX);
        let base = |max: u64| u64::try_from(base).unwrap_or(1).min(max / 2).max(1);
        let (narrow, wide) = (pages(Pages::<Narrow>::PAGE_BYTES), pages(Pages::<Wide>::PAGE_BYTES));
        let (narrow, wide) = (Pages::new(base(narrow), narrow), Pages::new(base(wide), wide));
        let first = narrow.bytes_with(0).saturating_add(wide.bytes_with(0));
        let table = Table::new(max_keys, max_bytes.saturating_sub(first));
        Self {
            narrow,
            wide,
            max_bytes,
            locked: Mutex::new(Locked { table, narrow: Filling::default(), wide: Filling::default() }),
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Locked> {
        self.locked.lock()
    }

    /// How many bytes are allocated for counters.
    pub(super) fn bytes(&self, locked: &Locked) -> usize {
        self.narrow.bytes(&locked.narrow) + self.wide.bytes(&locked.wide) + locked.table.bytes()
    }

    /// Whether a page of so many bytes more is within what slots may take.
    fn may_add(&self, page_bytes: usize) -> bool {
        let bytes =
            |pages: u64, each: usize| usize::try_from(pages).unwrap_or(usize::MAX).saturating_mul(each);
        let narrow = bytes(self.narrow.count(), Pages::<Narrow>::PAGE_BYTES);
        let wide = bytes(self.wide.count(), Pages::<Wide>::PAGE_BYTES);
        narrow.saturating_add(wide).saturating_add(page_bytes) <= self.max_bytes / EIGHTHS * SLOTS_OF_BOTH
    }

    fn may_split_narrow(&self, locked: &Locked) -> bool {
        let bytes = || self.narrow.bytes_with(1).saturating_add(self.wide.bytes_with(0));
        self.narrow.may_split() && self.may_add(Pages::<Narrow>::PAGE_BYTES) && self.leaves(locked, bytes())
    }

    fn may_split_wide(&self, locked: &Locked) -> bool {
        let bytes = || self.narrow.bytes_with(0).saturating_add(self.wide.bytes_with(1));
        self.wide.may_split() && self.may_add(Pages::<Wide>::PAGE_BYTES) && self.leaves(locked, bytes())
    }

    /// Whether so many bytes of pages leave the table those that it has.
    fn leaves(&self, locked: &Locked, bytes: usize) -> bool {
        bytes.saturating_add(locked.table.bytes()) <= self.max_bytes
    }

    /// Whether all that was promised finds room.
    pub(super) fn has_room_for(&self, locked: &Locked, promised: Promised) -> bool {
        let Promised { narrow, wide, listed } = promised;
        locked.table.has_room_for(promised.keys(), listed)
            && (narrow == 0
                || self.narrow.has_room_for(&locked.narrow, narrow)
                || self.may_split_narrow(locked))
            && (wide == 0 || self.wide.has_room_for(&locked.wide, wide) || self.may_split_wide(locked))
    }

    /// Drops what is idle in the next few places, for a new key that finds room or does not yet.
    pub(super) fn sweep(&self, locked: &mut Locked, now: Timestamp, finds_room: bool) {
        let slots = if finds_room { SWEPT_PER_KEY } else { SWEPT_WHEN_FULL };
        let dropped =
            self.narrow.sweep(&mut locked.narrow, now, slots) + self.wide.sweep(&mut locked.wide, now, slots);
        locked.table.elsewhere -= dropped;
        locked.table.sweep(now, slots);
    }

    /// Adds a counter that is nowhere, in a slot if there is one.
    ///
    /// The caller has found room for it: where the pages have none, the table takes it.
    pub(super) fn add(
        &self,
        locked: &mut Locked,
        key: CounterKey,
        kind: Kind,
        state: State,
        idle_at: Timestamp,
    ) {
        if self.add_to_slots(locked, key, kind, &state, idle_at) {
            locked.table.elsewhere += 1;
        } else {
            locked.table.add(Entry::new(key, state, idle_at));
        }
    }

    /// The same in a slot only.
    fn add_to_slots(
        &self,
        locked: &mut Locked,
        key: CounterKey,
        kind: Kind,
        state: &State,
        idle_at: Timestamp,
    ) -> bool {
        if kind == Kind::Narrow
            && let Some(kept) = Narrow::kept(state, idle_at)
        {
            return self.narrow.insert(&mut locked.narrow, key, kept);
        }
        Wide::kept(state, idle_at).is_some_and(|kept| self.wide.insert(&mut locked.wide, key, kept))
    }

    /// Moves a counter from the table to a slot, if there is one by now.
    pub(super) fn move_to_slot(
        &self,
        locked: &mut Locked,
        key: CounterKey,
        kind: Kind,
        state: &State,
        idle_at: Timestamp,
    ) -> bool {
        let has_moved = self.add_to_slots(locked, key, kind, state, idle_at);
        if has_moved {
            locked.table.elsewhere += 1;
            locked.table.remove(key);
        }
        has_moved
    }

    /// Drops a counter from a slot that is held.
    pub(super) fn remove_narrow(&self, locked: &mut Locked, spot: Spot<'_, Narrow>, held: NarrowKept) {
        self.narrow.remove(&mut locked.narrow, spot, held);
        locked.table.elsewhere -= 1;
    }

    /// The same from a wide one.
    pub(super) fn remove_wide(&self, locked: &mut Locked, spot: Spot<'_, Wide>, held: WideKept) {
        self.wide.remove(&mut locked.wide, spot, held);
        locked.table.elsewhere -= 1;
    }

    /// Splits pages as far as new keys have made it due. Nothing of the shard may be held by the caller.
    pub(super) fn grow(&self, locked: &mut Locked) {
        for _ in 0..SPLITS_PER_KEY {
            let narrow = self.may_split_narrow(locked) && self.narrow.split(&mut locked.narrow);
            let wide = self.may_split_wide(locked) && self.wide.split(&mut locked.wide);
            if !narrow && !wide {
                break;
            }
        }
        let slots = self.narrow.bytes_with(0).saturating_add(self.wide.bytes_with(0));
        locked.table.max_bytes = self.max_bytes.saturating_sub(slots);
    }
}

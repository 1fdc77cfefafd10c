//! What stands under one key where threads meet without a lock: the protocol of a slot.
//!
//! A slot is vacant or keeps the counter of one key. Whoever wants to change a counter looks at it, computes, and
//! replaces what was seen by what is new: that fails if anything changed in between, also if the slot went to another
//! key. A decision of several counters *holds* each slot first; everyone else waits the few instructions until it is
//! released. Only under its shard's lock does a slot get another key or become vacant, and only after it was held: so
//! whoever holds a slot without that lock must wait for nothing but slots, and those in the order of their keys.

mod narrow;
mod wide;

use std::fmt::Debug;

use limitrate_core::{
    algorithm::{Small, State},
    key::CounterKey,
    time::Timestamp,
};

pub(super) use self::{
    narrow::{Narrow, NarrowKept},
    wide::{Wide, WideKept},
};

/// What a look at a slot for a key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look<K> {
    /// It keeps this of the key's counter.
    Kept(K),
    /// A decision holds it, or it changed at that moment: look again.
    Held,
    /// It does not keep the key's counter, or no longer.
    Gone,
}

/// A slot of a table of one kind of counter.
pub(super) trait Slot: Sized + Debug {
    /// What it keeps of a counter, and all that tells whether that has changed.
    type Kept: Copy + Debug;

    /// One that was never used.
    fn new() -> Self;

    /// Loads a word of it, whatever that says: so that its cache line is here for who looks at it next.
    fn touch(&self) -> u64;

    /// Whether the key last kept here is this one. It may be gone.
    fn is_of(&self, key: CounterKey) -> bool;

    /// The key last kept here.
    fn key(&self) -> CounterKey;

    /// Whether it keeps nothing.
    fn is_vacant(&self) -> bool;

    /// Whether it keeps nothing and no key that was looked for here can be farther on.
    fn is_free(&self) -> bool;

    /// What it keeps of this key's counter.
    fn look(&self, key: CounterKey) -> Look<Self::Kept>;

    /// Whether nothing has changed since this was seen.
    fn is_unchanged(&self, seen: Self::Kept) -> bool;

    /// Replaces what was seen; false if it has changed.
    fn try_replace(&self, seen: Self::Kept, fresh: Self::Kept) -> bool;

    /// Holds what was seen; false if it has changed. To be released or vacated.
    fn try_hold(&self, seen: Self::Kept) -> bool;

    /// Ends holding, and keeps what is new.
    fn release(&self, held: Self::Kept, fresh: Self::Kept);

    /// Ends holding as if it had never been held.
    fn restore(&self, held: Self::Kept);

    /// Under the shard's lock: ends holding, and keeps nothing.
    fn vacate(&self, held: Self::Kept);

    /// Under the shard's lock: marks a vacant slot as one that no key is beyond.
    fn mark_free(&self);

    /// Under the shard's lock: keeps a counter in a slot that is vacant, or held and of this key. Ends holding.
    fn fill(&self, key: CounterKey, kept: Self::Kept);

    /// The instant from which on what is kept equals nothing.
    fn idle_at(kept: Self::Kept) -> Timestamp;

    /// The state that is kept, in a few words.
    fn small(kept: Self::Kept) -> Small;

    /// How this kind of slot keeps a small state that is idle at an instant; `None` if it cannot.
    fn keep(state: Small, idle_at: Timestamp) -> Option<Self::Kept>;

    /// The state that is kept.
    fn state(kept: Self::Kept) -> State {
        Self::small(kept).into()
    }

    /// How this kind of slot keeps a state that is idle at an instant; `None` if it cannot.
    fn kept(state: &State, idle_at: Timestamp) -> Option<Self::Kept> {
        Self::keep(Small::of(state)?, idle_at)
    }

    /// Whether a slot that keeps one may come to keep the other.
    fn may_become(seen: Self::Kept, fresh: Self::Kept) -> bool;
}

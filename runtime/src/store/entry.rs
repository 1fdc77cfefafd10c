//! What stands under one key of a store, as every store but memory writes it down, and as snapshots do.

mod codec;

use limitrate_core::{
    algorithm::{Hold, State},
    block,
    key::CounterKey,
    time::{Nanos, Timestamp},
    warning,
};

pub use self::codec::Damaged;
use super::Charged;

/// How long an entry is kept after it became idle: a clock that steps back by less finds it still there.
pub const KEPT_IDLE: Nanos = Nanos::from_secs(1);

/// What stands under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// A counter.
    Counter(State),
    /// A reservation that may be settled until the entry is idle.
    Hold(Hold),
    /// The last block of a counter.
    Block(block::State),
    /// The last warning of a counter.
    Warning(warning::State),
    /// What a call that named itself was answered, for when it is made again.
    Receipt(Box<Charged>),
    /// The same where the store that judged it can say only what it saw.
    Judged(Box<Judged>),
}

/// What a call that named itself was judged by, from which its answer is worked out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Whether its charges were taken.
    pub taken: bool,
    /// When.
    pub now: Timestamp,
    /// What stood under the keys of its charges before, in their order, and from when on it was idle.
    pub before: Vec<Option<(Entry, Timestamp)>>,
}

/// An entry with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The counter, or what [`beside`](super::beside) names.
    pub key: CounterKey,
    /// What stands there.
    pub entry: Entry,
    /// From this instant on it equals no entry at all.
    pub idle_at: Timestamp,
}

//! Recorded traffic: JSON lines and combined logs, read into records of facts in the order of time.
//!
//! Readers never panic and never guess: a line that cannot be read exactly is skipped with a reason, a fact that is not
//! there stays absent, and members that no fact is declared for are counted by name. What records mean for a policy is
//! left to whoever replays them.

mod combined;
mod fact_value;
mod file;
mod format;
mod jsonl;
mod lines;
mod order;
mod record;
mod schema;
mod skip;

pub use combined::read_combined;
pub use file::{MAX_SPOOL_BYTES, TrafficError, TrafficFile};
pub use format::{Format, FormatError};
pub use jsonl::read_jsonl;
pub use order::{MAX_SORTED_RECORDS, Pass, Progress, Replay, Replayed};
pub use record::{
    Line, MAX_UNKNOWN_NAME_BYTES, MAX_UNKNOWN_NAMES, Record, Reply, Scratch, Spare, UnknownMembers,
};
pub use schema::{Schema, SchemaError};
pub use skip::SkipReason;

/// The most bytes of a line that is read; a longer one is skipped without being held in memory.
pub const MAX_LINE_BYTES: usize = 1 << 20;

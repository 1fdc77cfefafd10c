//! What a policy reads of one request: its facts, checked and with defaults in place, and the instant.

use limitrate_core::{
    facts::{FactId, Value},
    time::Timestamp,
};

/// The facts of one request. Whoever binds them has checked each against its declared type.
pub trait Request {
    /// The value of a fact; [`Value::Absent`] where the request does not have it.
    fn value(&self, fact: FactId) -> Value<'_>;

    /// The instant of the decision.
    fn now(&self) -> Timestamp;
}

//! The LimitRate engine: it binds the facts of a request, calls the compiled policy and applies its charges to counters.
//!
//! [`Limiter`] is the hot path. It allocates nothing per decision, holds no lock while the policy decides, and never
//! waits for anything but the memory store's short locks.

mod bind;
mod clock;
mod decision;
pub mod enrich;
mod key;
mod limiter;
pub mod load;
mod record;
pub mod store;

pub use bind::{InputProblem, Problem};
pub use clock::SystemClock;
pub use decision::{Cause, Decision, LimitDecision, Outcome};
pub use limiter::{Leases, Limiter, LimiterOptions, UnknownFact};
pub use record::{DecisionRecord, LimitRecord, key_as_object};

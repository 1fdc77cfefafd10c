//! The LimitRate engine: it binds the facts of a request, calls the compiled policy and applies its charges to counters.
//!
//! [`Limiter`] is the hot path. A decision by plain limits allocates nothing, holds no lock while the policy decides, and
//! waits for nothing but the memory store's short locks. What a request holds until it is answered is [`Running`].

mod bind;
mod clock;
mod decision;
pub mod enrich;
mod key;
mod limiter;
mod live;
pub mod load;
mod record;
#[cfg(feature = "reload")]
pub mod reload;
mod running;
pub mod store;
pub mod trust;

pub use bind::{InputProblem, Problem};
pub use clock::{SystemClock, TickedClock};
pub use decision::{Cause, Decision, Downgrade, LimitDecision, Outcome, ShadowRule, Warning};
pub use limiter::{Asking, INLINE_CHARGES, Limiter, LimiterOptions, UnknownFact};
pub use live::LiveLimiter;
pub use record::{DecisionRecord, LimitRecord, ShadowRuleRecord, WarningRecord, key_as_object};
pub use running::{Fate, Replied, Running, SettledLimit};
pub use trust::TrustOptions;

//! Facts that the host need not tell, because they follow from others.
//!
//! A limiter decides over the facts it is given. What stands here adds to them before, in the caller's hands: so a
//! record of the decision shows what it was made of, and a fact that the caller gives is never replaced.

#[cfg(feature = "geo")]
pub mod geo;

//! LimitRate: rate limits, quotas and budgets as a typed, compiled policy.
//!
//! A policy is a `.rl` text. It is compiled once, to machine code where the platform allows it; a [`Limiter`] then
//! decides requests by it, against counters in memory or in a store that several processes share.
//!
//! ```
//! use std::sync::Arc;
//! use limitrate::prelude::*;
//!
//! let text = r#"
//!     input { user : key }
//!     rule api { limit 2 req/min per user }
//! "#;
//! let compiled = limitrate::compile("api.rl", text.as_bytes(), Engine::Native).expect("a valid policy");
//! let limiter = Limiter::new(Arc::new(compiled.policy));
//! let user = limiter.fact("user")?;
//!
//! assert!(limiter.decide(&[(user, Value::Str("ada"))]).outcome().passes());
//! assert!(limiter.decide(&[(user, Value::Str("ada"))]).outcome().passes());
//! let third = limiter.decide(&[(user, Value::Str("ada"))]);
//! assert_eq!(third.outcome(), Outcome::Reject);
//! assert_eq!(third.status(), 429);
//! assert!(third.retry_after().is_some());
//! # Ok::<(), limitrate::runtime::UnknownFact>(())
//! ```

pub use limitrate_compiler as compiler;
pub use limitrate_compiler::compile;
pub use limitrate_core as core;
pub use limitrate_runtime as runtime;

/// What most embedders need.
pub mod prelude {
    pub use limitrate_compiler::{Engine, Policy};
    pub use limitrate_core::{
        clock::Clock,
        facts::{FactId, Value},
        time::{Nanos, Timestamp},
    };
    pub use limitrate_runtime::{
        Decision, Fate, Limiter, LimiterOptions, Outcome, Replied, Running, SystemClock, TickedClock,
    };
}

#[doc(inline)]
pub use limitrate_runtime::Limiter;

/// The Rust of the README and the guides, compiled and run with the tests.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[doc = include_str!("../docs/guides/first-policy.md")]
    struct FirstPolicy;

    #[doc = include_str!("../docs/guides/embedding.md")]
    struct Embedding;

    #[doc = include_str!("../docs/guides/modules.md")]
    struct Modules;

    #[doc = include_str!("../docs/guides/stores.md")]
    struct Stores;
}

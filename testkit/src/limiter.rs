//! A limiter for the tests of a service: a policy's text, counters in memory, a clock that the test moves.

use std::sync::Arc;

use limitrate_compiler::{Engine, Rejected, check::TEST_START, compile};
use limitrate_core::{
    clock::Clock as _,
    facts::{FactDecl, FactId, Value},
};
use limitrate_runtime::{
    Decision, Limiter, LimiterOptions, Replied, Running,
    store::{MemoryOptions, MemoryStore},
};

use crate::{
    ManualClock,
    traffic::{Schema, SchemaError},
};

/// Keys are hashed under the same secret in every test and simulation, and tickets are counted from the same number, so
/// that each run repeats the last.
const SECRET: u64 = 0x006c_696d_6974_7261;

/// The fact of `std.http` that is the status of the response.
pub(crate) const STATUS: &str = "response.status";

/// The options of a limiter whose runs repeat each other. Its store must be its own.
pub(crate) fn repeatable(clock: Arc<ManualClock>) -> LimiterOptions {
    LimiterOptions { clock, secret: SECRET, instance: 1, ..LimiterOptions::default() }
}

/// A policy ready to decide in a test.
///
/// ```
/// use limitrate_core::time::Nanos;
/// use limitrate_testkit::TestLimiter;
///
/// let limiter = TestLimiter::new("use std.http\nrule api { limit 1 req/min per ip }").unwrap();
/// let ada = [("ip", "192.0.2.1")];
/// assert!(limiter.decide(&ada).unwrap().outcome().passes());
/// assert!(!limiter.decide(&ada).unwrap().outcome().passes());
/// limiter.clock().advance(Nanos::from_secs(120));
/// assert!(limiter.decide(&ada).unwrap().outcome().passes());
/// ```
#[derive(Debug)]
pub struct TestLimiter {
    limiter: Limiter<MemoryStore>,
    clock: Arc<ManualClock>,
    facts: Vec<FactDecl>,
}

impl TestLimiter {
    /// A limiter by the policy in `text`. Its clock stands where the clock of a policy's own tests starts, at
    /// 2026-01-05T12:00:00Z.
    ///
    /// # Errors
    ///
    /// What is wrong with the policy.
    pub fn new(text: &str) -> Result<Self, Box<Rejected>> {
        let policy = compile("policy.rl", text.as_bytes(), Engine::Native)?.policy;
        let facts = policy.program().facts.iter().map(|fact| fact.decl.clone()).collect();
        let clock = Arc::new(ManualClock::new(TEST_START));
        let store = MemoryStore::new(MemoryOptions::default());
        let limiter = Limiter::with(Arc::new(policy), store, repeatable(clock.clone()));
        Ok(Self { limiter, clock, facts })
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The limiter itself.
    #[must_use]
    pub const fn limiter(&self) -> &Limiter<MemoryStore> {
        &self.limiter
    }

    /// Decides a request with these facts, by name, with values written as in the language without quotes:
    /// `("plan", "pro")`, `("body_size", "5 MiB")`.
    ///
    /// # Errors
    ///
    /// A fact that the policy does not declare, one given twice, or a value that is not of its fact's type. What the
    /// policy makes of a fact that is missing is a [`Decision`].
    pub fn decide(&self, facts: &[(&str, &str)]) -> Result<Decision<'_>, SchemaError> {
        let schema = Schema::new(&self.facts, facts, &[])?;
        let facts: Vec<(FactId, Value<'_>)> = schema.constants().collect();
        Ok(self.limiter.decide(&facts))
    }

    /// Answers a request that is running, at the clock's instant, with the facts of its response written as for
    /// [`decide`](Self::decide). The status is 200 unless it is among them.
    ///
    /// ```
    /// use limitrate_testkit::TestLimiter;
    ///
    /// let limiter = TestLimiter::new(
    ///     "use std.http
    ///      rule login { limit 1 req/min per ip refund when response.status < 400 }",
    /// ).unwrap();
    /// let ada = [("ip", "192.0.2.1")];
    /// let running = limiter.limiter().running(&limiter.decide(&ada).unwrap());
    /// limiter.reply(&running, &[("response.status", "200")]).unwrap();
    /// assert!(limiter.decide(&ada).unwrap().outcome().passes());
    /// ```
    ///
    /// # Errors
    ///
    /// A fact that the policy does not declare, one given twice, or a value that is not of its fact's type.
    pub fn reply(&self, running: &Running, facts: &[(&str, &str)]) -> Result<Replied<'_>, SchemaError> {
        let schema = Schema::new(&self.facts, facts, &[])?;
        let mut known: Vec<(FactId, Value<'_>)> = Vec::new();
        known.extend(self.limiter.fact(STATUS).ok().map(|status| (status, Value::Int(200))));
        known.extend(schema.constants());
        Ok(self.limiter.reply(running, &known, self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_written_as_in_the_language() {
        let text =
            "use std.http\nrule upload { if body_size > 5 MiB then deny 413  limit 1 req/min globally }";
        let limiter = TestLimiter::new(text).unwrap();
        assert_eq!(limiter.decide(&[("body_size", "6 MiB")]).unwrap().status(), 413);
        assert_eq!(limiter.decide(&[("body_size", "5 MiB")]).unwrap().status(), 200);
        assert_eq!(limiter.decide(&[]).unwrap().status(), 400);
        assert!(limiter.decide(&[("body", "1")]).is_err());
        assert!(limiter.decide(&[("body_size", "5 s")]).is_err());
        assert!(TestLimiter::new("rule { }").is_err());
    }
}

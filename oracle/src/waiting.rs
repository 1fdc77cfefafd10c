//! A limiter over a store that has to be waited for, asked as if it answered at once.
//!
//! The store is a ledger over bytes, and is behind one that lets every call through: so decisions go the way that they go to
//! stores elsewhere, and nothing but the bytes that such stores keep is kept between calls.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use limitrate_compiler::Policy;
use limitrate_core::{
    facts::{FactId, Value},
    time::Timestamp,
};
use limitrate_runtime::{Asking, Decision, Limiter, Replied, Running, store::StoreError};
use limitrate_testkit::{Failing, FlakyStore, LedgerStore};

use crate::engines::options;

/// See the [module](self).
#[derive(Debug)]
pub struct WaitingLimiter(Limiter<FlakyStore<Arc<LedgerStore>>>);

impl WaitingLimiter {
    /// A limiter over an empty store.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Self {
        let store = FlakyStore::new(Arc::new(LedgerStore::default()), u64::MAX, Failing::Before);
        Self(Limiter::with(policy, store, options()))
    }

    /// The fact of this name.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<FactId> {
        self.0.fact(name).ok()
    }

    /// Decides; see [`Limiter::decide_at`].
    pub fn decide_at(&self, facts: &[(FactId, Value<'_>)], at: Timestamp) -> Decision<'_> {
        answer(self.0.decide_shared(facts, asking(at)))
    }

    /// What a request holds.
    pub fn running(&self, decision: &Decision<'_>) -> Running {
        self.0.running(decision)
    }

    /// Replies; see [`Limiter::reply`].
    pub fn reply(&self, running: &Running, facts: &[(FactId, Value<'_>)], at: Timestamp) -> Replied<'_> {
        answer(self.0.reply_shared(running, facts, asking(at)))
    }

    /// Releases; see [`Limiter::release`].
    pub fn release(&self, running: &Running, at: Timestamp) -> Replied<'_> {
        answer(self.0.release_shared(running, asking(at)))
    }
}

fn asking(at: Timestamp) -> Asking {
    Asking { at: Some(at), ..Asking::default() }
}

/// The answer of a store that is never really waited for.
#[expect(clippy::panic, reason = "a store in memory that does not answer is a bug here")]
fn answer<T>(future: impl Future<Output = Result<T, StoreError>>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(answer)) => answer,
        Poll::Ready(Err(error)) => panic!("the store failed: {error}"),
        Poll::Pending => panic!("the store is waited for"),
    }
}

//! A limiter whose policy is replaced while it decides.
//!
//! Counters belong to the store and have an identity of their own, so they outlive the policy that charged them: a limit that
//! is in both versions goes on where it was. A request is decided by one version: the one that was current when it came. What
//! it holds is settled by that version too, so keep the limiter that decided it beside what is running.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use limitrate_compiler::Policy;
use parking_lot::Mutex;

use crate::{
    limiter::{Limiter, LimiterOptions},
    store::{LocalStore, Store, StoreError},
};

/// A limiter whose policy can be replaced; which goes on with its counters where it was.
///
/// ```
/// use std::sync::Arc;
/// use limitrate_compiler::{Engine, compile};
/// use limitrate_core::facts::Value;
/// use limitrate_runtime::{LimiterOptions, LiveLimiter, store::{MemoryOptions, MemoryStore}};
///
/// let policy = |limit: &str| {
///     let text = format!("input {{ user : key }}\nrule r {{ limit {limit} req/min per user }}");
///     Arc::new(compile("api.rl", text.as_bytes(), Engine::Interpreter).expect("a valid policy").policy)
/// };
/// let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
/// let live = LiveLimiter::local(policy("2"), store, LimiterOptions::default());
///
/// let limiter = live.current();
/// let user = limiter.fact("user")?;
/// assert!(limiter.decide(&[(user, Value::Str("ada"))]).outcome().passes());
///
/// live.replace(policy("1"));
/// let limiter = live.current();
/// let user = limiter.fact("user")?;
/// assert!(!limiter.decide(&[(user, Value::Str("ada"))]).outcome().passes(), "the first request still counts");
/// # Ok::<(), limitrate_runtime::UnknownFact>(())
/// ```
#[derive(Debug)]
pub struct LiveLimiter<S> {
    current: ArcSwap<Limiter<S>>,
    /// The one before it. A request that was decided by it would else be the one to free it, and take that long.
    previous: Mutex<Option<Arc<Limiter<S>>>>,
    store: S,
    options: LimiterOptions,
    generation: AtomicU64,
}

impl<S: Store + Clone> LiveLimiter<S> {
    /// A limiter over a store that others may share: keys are hashed under the store's own secret, if it has one.
    ///
    /// # Errors
    ///
    /// Why the store did not tell its secret. Without it, no counter of this process would be another's.
    pub async fn connect(policy: Arc<Policy>, store: S, options: LimiterOptions) -> Result<Self, StoreError> {
        let secret = store.secret().await?.unwrap_or(options.secret);
        Ok(Self::new(policy, store, LimiterOptions { secret, ..options }))
    }

    fn new(policy: Arc<Policy>, store: S, options: LimiterOptions) -> Self {
        let first = Limiter::with(policy, store.clone(), options.clone());
        Self {
            current: ArcSwap::from_pointee(first),
            previous: Mutex::new(None),
            store,
            options,
            generation: AtomicU64::new(1),
        }
    }

    /// The limiter of the current policy. Decide a request, and settle what it holds, by one and the same.
    ///
    /// Facts are looked up in it: another policy may declare others.
    #[must_use]
    pub fn current(&self) -> Arc<Limiter<S>> {
        self.current.load_full()
    }

    /// Decides by another policy from now on. Returns its generation.
    ///
    /// Requests that are being decided are not disturbed. The policy that is replaced is kept until the next one is.
    pub fn replace(&self, policy: Arc<Policy>) -> u64 {
        // Tickets of one generation must not be those of another that may still be open.
        let instance = LimiterOptions::default().instance;
        let next =
            Limiter::with(policy, self.store.clone(), LimiterOptions { instance, ..self.options.clone() });
        let replaced = self.current.swap(Arc::new(next));
        // What was replaced before is freed here, on the caller's thread, and without the lock.
        let freed = self.previous.lock().replace(replaced);
        drop(freed);
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many policies there were, the current one included.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }
}

impl<S: LocalStore + Clone> LiveLimiter<S> {
    /// A limiter over a store of this process, such as an `Arc` of a [`MemoryStore`](crate::store::MemoryStore).
    #[must_use]
    pub fn local(policy: Arc<Policy>, store: S, options: LimiterOptions) -> Self {
        Self::new(policy, store, options)
    }
}

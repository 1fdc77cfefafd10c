//! What a store says of itself: its layout, and the secret under which all who share it hash their keys.
//!
//! Both are looked at again after each new connection and now and then, and put back if they are gone: whoever comes next must not
//! make up another secret while we count under this one. Where somebody did nevertheless, charges fail rather than be counted apart.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use redis::{Cmd, Value};
use tokio::time::Instant;

use super::{
    Inner,
    link::Until,
    names::{Group, LAYOUT},
};
use crate::store::StoreError;

/// How long connecting to a store may take, and each later look.
pub(super) const CONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// How often it is looked at again, in milliseconds.
pub(super) const LOOK_EVERY_MS: u64 = 10_000;

impl Inner {
    /// The secret of the store, which becomes this one if it has none.
    pub(super) async fn look(&self, secret: Option<u64>) -> Result<u64, StoreError> {
        let own = secret.unwrap_or_else(|| RandomState::new().hash_one(Instant::now()));
        let arguments = |command: &mut Cmd| {
            command.arg(LAYOUT).arg(format!("{own:016x}"));
        };
        let keys = self.names.meta().into_iter();
        let until = Until::after(CONNECT_DEADLINE);
        let answer = self.scripts.meta.run(&self.nodes, Group::Meta, keys, arguments, until).await?;
        read(answer)
    }

    /// Looks at it again in the background if it is time to.
    pub(super) fn look_again(self: &Arc<Self>) {
        let generation = self.nodes.generation();
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let is_due = millis >= self.look_at_ms.load(Ordering::Relaxed);
        if !is_due && self.generation.load(Ordering::Relaxed) == generation {
            return;
        }
        self.generation.store(generation, Ordering::Relaxed);
        self.look_at_ms.store(millis.saturating_add(LOOK_EVERY_MS), Ordering::Relaxed);
        let inner = Arc::downgrade(self);
        self.runtime.spawn(async move {
            let Some(inner) = inner.upgrade() else { return };
            match inner.look(Some(inner.secret)).await {
                Ok(secret) => inner.take_note_of(secret),
                Err(error) => tracing::warn!(%error, "the Redis store does not say which layout it has"),
            }
        });
    }

    /// Charges fail as long as the servers have another secret than the one this process counts under.
    fn take_note_of(&self, secret: u64) {
        let is_apart = secret != self.secret;
        if self.is_apart.swap(is_apart, Ordering::Relaxed) != is_apart && is_apart {
            tracing::error!(error = %another_secret(), "the Redis store cannot be charged");
        }
    }
}

/// What charges are told then: keys hashed under two secrets are two keys, and each would have its whole ceiling.
pub(super) fn another_secret() -> StoreError {
    StoreError::Corrupt {
        what: "it was emptied, and has another secret by now, under which others count: restart this process"
            .to_owned(),
    }
}

fn read(answer: Value) -> Result<u64, StoreError> {
    let damaged = |what: &str| StoreError::Corrupt { what: what.to_owned() };
    let (layout, secret): (String, String) =
        redis::from_redis_value(answer).map_err(|error| StoreError::Corrupt { what: error.to_string() })?;
    let layout: u32 = layout.parse().map_err(|_| damaged("the layout of the store is no number"))?;
    if layout > LAYOUT {
        return Err(StoreError::NewerLayout { found: layout, known: LAYOUT });
    }
    u64::from_str_radix(&secret, 16).map_err(|_| damaged("the secret of the store is no number"))
}

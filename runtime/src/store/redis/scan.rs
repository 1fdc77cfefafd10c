//! All keys of a store, a few at a time: how many there are, what they hold, and what is put back.

use std::{collections::HashSet, time::Duration};

use limitrate_core::{key::CounterKey, time::Timestamp};
use redis::Value;

use super::{
    Inner,
    fault::Failure,
    link::{Link, Until},
};
use crate::store::{Call, Kept, Ledger, StoreError};

/// How many keys a server is asked to look at in one step.
const LOOKED_AT: usize = 1_000;

/// How many keys are read or written in one step.
const TOGETHER: usize = 200;

impl Inner {
    /// All keys there are.
    pub(super) async fn keys(&self, deadline: Duration) -> Result<HashSet<CounterKey>, StoreError> {
        let mut keys = HashSet::new();
        for link in self.nodes.all(Until::after(deadline)).await? {
            let mut cursor = 0;
            loop {
                let (next, names) = self.scan(&link, cursor, deadline).await?;
                keys.extend(names.iter().filter_map(|name| self.names.read(name)));
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(keys)
    }

    /// One step through a server's keys. A deadline is for a step: how many there are, nobody knows.
    async fn scan(
        &self,
        link: &Link,
        cursor: u64,
        deadline: Duration,
    ) -> Result<(u64, Vec<Vec<u8>>), StoreError> {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(self.names.pattern()).arg("COUNT").arg(LOOKED_AT);
        let answer = match link.call(&command, false, Until::after(deadline)).await {
            Ok(answer) => answer,
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Moved(_) | Failure::Ask(_) | Failure::TryAgain | Failure::NoScript) => Value::Nil,
        };
        redis::from_redis_value(answer).map_err(|error| StoreError::Corrupt { what: error.to_string() })
    }

    /// Tells all that is not idle.
    pub(super) async fn snapshot(
        &self,
        call: Call,
        tell: &mut (dyn FnMut(Kept) + Send),
    ) -> Result<(), StoreError> {
        let keys: Vec<_> = self.keys(call.deadline).await?.into_iter().collect();
        let mut damaged = 0_u64;
        for keys in self.places(&keys, |key| *key) {
            for keys in keys.chunks(TOGETHER) {
                let keys: Vec<_> = keys.iter().map(|(_, key)| **key).collect();
                damaged += self.tell(&call, &keys, tell).await?;
            }
        }
        if damaged > 0 {
            metrics::counter!("limitrate_store_damaged_total", "store" => "redis").increment(damaged);
            tracing::warn!(damaged, "a snapshot of the Redis store leaves out keys that are damaged");
        }
        Ok(())
    }

    /// Tells what stands under some keys of one place. How many are damaged, and left out.
    async fn tell(
        &self,
        call: &Call,
        keys: &[CounterKey],
        tell: &mut (dyn FnMut(Kept) + Send),
    ) -> Result<u64, StoreError> {
        match self.kept(call, keys).await {
            Err(StoreError::Corrupt { .. }) => {}
            kept => {
                kept?.into_iter().for_each(tell);
                return Ok(0);
            }
        }
        // One of them at least: the others are told without it.
        let mut damaged = 0;
        for key in keys {
            match self.kept(call, &[*key]).await {
                Err(StoreError::Corrupt { .. }) => damaged += 1,
                kept => kept?.into_iter().for_each(&mut *tell),
            }
        }
        Ok(damaged)
    }

    /// Keeps each where nothing is kept yet; how many were.
    pub(super) async fn restore(&self, call: Call, kept: Vec<Kept>) -> Result<usize, StoreError> {
        let mut count = 0;
        for kept in self.places(&kept, |kept| kept.key) {
            for kept in kept.chunks(TOGETHER) {
                let keys = kept.iter().map(|(_, kept)| kept.key).collect();
                let put = |ledger: &mut Ledger, now: Timestamp| {
                    kept.iter().filter(|(_, kept)| ledger.restore(now, Kept::clone(kept))).count()
                };
                count += self.exchange(&call, keys, Until::after(call.deadline), put).await?;
            }
        }
        Ok(count)
    }
}

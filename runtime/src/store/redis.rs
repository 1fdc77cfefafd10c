//! Counters in Redis, shared by all processes that name the same servers and prefix.
//!
//! A decision is one call of a script over counters of one group: [`Store::is_grouped`] is true, so that a limiter puts the counters
//! of one root into one group, and moving from one node to a Cluster changes no name. On one node all groups are one place. The
//! instant is the server's. What the script leaves to wider arithmetic, and everything that is no decision, is done by reading,
//! working here, and writing what changed if nothing else changed it; settlements, releases and refunds that come at once go together.
//!
//! A call that was sent and has no answer is never sent again. Keys live as long as they matter, and a second longer.

mod charge;
mod cluster;
mod exchange;
mod fault;
mod groups;
mod link;
mod meta;
mod names;
mod once;
mod options;
mod quick;
mod scan;
mod script;
mod servers;
mod together;
mod value;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey};
use smallvec::SmallVec;
use tokio::{runtime::Handle, time::Instant};

pub use self::options::{Host, LONGEST_PREFIX, RedisOptions, Servers};
use self::{
    groups::{Journals, grouped, keep_sweeping, unsure},
    link::Until,
    meta::LOOK_EVERY_MS,
    names::{Group, Names},
    script::Scripts,
    servers::Nodes,
};
use super::{
    Answer, Call, Charged, Kept, Lease, Ledger, OwnedCharge, OwnedSettlement, Settled, Settlement,
    Settlements, Store, StoreError, Verdicts,
};

/// Counters in Redis. Clones share its connections.
#[derive(Debug, Clone)]
pub struct RedisStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    names: Names,
    nodes: Nodes,
    scripts: Scripts,
    journals: Journals,
    secret: u64,
    is_cluster: bool,
    runtime: Handle,
    /// How far the server's clock was ahead of the caller's when last seen, in nanoseconds.
    ahead: AtomicI64,
    begun: Instant,
    /// When to look at the layout and the secret again, in milliseconds since it began.
    look_at_ms: AtomicU64,
    /// Which connection they were looked at over.
    generation: AtomicU64,
    /// Whether the servers have another secret by now, under which others count.
    is_apart: AtomicBool,
}

impl RedisStore {
    /// Connects to the servers. Connections live on the runtime that this is called on, and are made anew when they are lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] where the options cannot be used, [`StoreError::NewerLayout`] where a newer version keeps counters
    /// under this prefix, and what keeps the servers from answering: [`StoreError::Unreachable`], [`StoreError::Denied`], …
    pub async fn connect(options: RedisOptions) -> Result<Self, StoreError> {
        let runtime = Handle::try_current().map_err(|error| StoreError::Unreachable(Box::new(error)))?;
        let names = Names::new(&options.prefix);
        let mut inner = Inner {
            journals: Journals::new(|journal| names.journal(journal), options.give_back_after),
            names,
            nodes: Nodes::new(&options, runtime.clone())?,
            scripts: Scripts::new(),
            secret: 0,
            is_cluster: options.is_cluster(),
            runtime,
            ahead: AtomicI64::new(0),
            begun: Instant::now(),
            look_at_ms: AtomicU64::new(LOOK_EVERY_MS),
            generation: AtomicU64::new(0),
            is_apart: AtomicBool::new(false),
        };
        inner.secret = inner.look(None).await?;
        inner.generation = AtomicU64::new(inner.nodes.generation());
        let inner = Arc::new(inner);
        if inner.is_cluster {
            keep_sweeping(&inner);
        }
        Ok(Self(inner))
    }

    async fn charge(&self, call: Call, charges: &[Charge<'_>]) -> Result<Charged, StoreError> {
        if charges.is_empty() {
            return Ok(Charged { taken: true, now: call.now, verdicts: Verdicts::new(), degraded: false });
        }
        self.0.look_again();
        if self.0.is_apart.load(Ordering::Relaxed) {
            return Err(meta::another_secret());
        }
        let until = Until::after(call.deadline);
        if self.0.is_cluster && !is_one_group(charges) {
            return Box::pin(self.0.charge_apart(&call, charges, until)).await;
        }
        self.0.charge_together(&call, charges, until).await
    }

    /// A place that fails keeps no other from being settled.
    async fn settle(&self, call: Call, settlements: &[Settlement<'_>]) -> Result<Settlements, StoreError> {
        let until = Until::after(call.deadline);
        let mut settled: Settlements = settlements.iter().map(|_| Settled::Gone).collect();
        let given = |place: &Vec<(usize, &Settlement<'_>)>| {
            let ours: Vec<OwnedSettlement> =
                place.iter().map(|(_, one)| OwnedSettlement::from(*one)).collect();
            let borrowed: SmallVec<[Settlement<'_>; 4]> = place.iter().map(|(_, one)| **one).collect();
            let mut keys = Vec::with_capacity(2 * ours.len());
            Ledger::keys_of_settlements(&borrowed, |key| keys.push(key));
            self.0.give(&call, keys, until, move |ledger, now| {
                let ours: SmallVec<[Settlement<'_>; 4]> = ours.iter().map(OwnedSettlement::borrow).collect();
                ledger.settle(now, &ours)
            })
        };
        let places = self.0.places(settlements, |settlement| settlement.counter);
        let given: Vec<_> = places.iter().map(given).collect();
        let mut outcome = Outcome::default();
        for (place, one) in places.iter().zip(given) {
            let became = outcome.note(one.answer().await);
            for ((index, _), became) in place.iter().zip(became.into_iter().flatten()) {
                if let Some(settled) = settled.get_mut(*index) {
                    *settled = became;
                }
            }
        }
        outcome.of(settled)
    }

    /// A place that fails keeps no other from being released.
    async fn release(&self, call: Call, leases: &[Lease]) -> Result<usize, StoreError> {
        let until = Until::after(call.deadline);
        let given = |place: Vec<(usize, &Lease)>| {
            let ours: Vec<Lease> = place.iter().map(|(_, lease)| **lease).collect();
            let keys: Vec<CounterKey> = ours.iter().map(|lease| lease.counter).collect();
            self.0.give(&call, keys, until, move |ledger, now| ledger.release(now, &ours))
        };
        let given: Vec<_> = self.0.places(leases, |lease| lease.counter).into_iter().map(given).collect();
        let mut released = 0;
        let mut outcome = Outcome::default();
        for one in given {
            released += outcome.note(one.answer().await).unwrap_or(0);
        }
        outcome.of(released)
    }
}

/// What came of the places of a call.
#[derive(Debug, Default)]
struct Outcome {
    is_applied: bool,
    error: Option<StoreError>,
}

impl Outcome {
    /// Notes what came of one place.
    fn note<T>(&mut self, answer: Result<T, StoreError>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.is_applied = true;
                Some(answer)
            }
            Err(error) => {
                let is_worse = self.error.as_ref().is_none_or(|first| !first.may_have_applied());
                if is_worse {
                    self.error = Some(error);
                }
                None
            }
        }
    }

    /// The answer to the call, if all places gave one. Where only some did, something was applied.
    fn of<T>(self, answer: T) -> Result<T, StoreError> {
        match self.error {
            None => Ok(answer),
            Some(error) if self.is_applied => Err(unsure(error)),
            Some(error) => Err(error),
        }
    }
}

/// Whether all counters are of one group.
fn is_one_group(charges: &[Charge<'_>]) -> bool {
    let mut groups = charges.iter().map(|charge| charge.counter.group());
    let first = groups.next();
    groups.all(|group| Some(group) == first)
}

impl Inner {
    /// Puts what can be worked on in one step together, each with where it stood: all of it unless this is a Cluster.
    fn places<'t, T>(&self, all: &'t [T], key: impl Fn(&T) -> CounterKey) -> Vec<Vec<(usize, &'t T)>> {
        grouped(all, |item| self.is_cluster.then(|| Group::of(key(item))))
    }
}

impl Store for RedisStore {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        Box::pin(self.charge(call, charges))
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        Box::pin(self.settle(call, settlements))
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        Box::pin(self.release(call, leases))
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        let until = Until::after(call.deadline);
        let owned = OwnedCharge::from(charge);
        let refund = move |ledger: &mut Ledger, now| ledger.refund(now, &owned.borrow());
        Box::pin(self.0.give(&call, [charge.counter], until, refund).answer())
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        Box::pin(async move {
            let (ledger, now) = self.0.look_at(&call, counter, Until::after(call.deadline)).await?;
            Ok(ledger.used(now, counter, algorithm))
        })
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            let until = Until::after(call.deadline);
            let set = |ledger: &mut Ledger, now| ledger.set_used(now, counter, algorithm, used);
            self.0.exchange(&call, vec![counter], until, set).await
        })
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        Box::pin(async move { self.0.reset(counter, Until::after(call.deadline)).await })
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        Box::pin(self.0.snapshot(call, tell))
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        Box::pin(self.0.restore(call, kept))
    }

    fn len(&self) -> Answer<'_, usize> {
        Box::pin(async move { Ok(self.0.keys(Call::DEADLINE).await?.len()) })
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        Box::pin(std::future::ready(Ok(Some(self.0.secret))))
    }

    fn is_grouped(&self) -> bool {
        true
    }

    fn place_of(&self, counter: CounterKey) -> usize {
        self.0.nodes.place_of(counter)
    }

    fn is_missing(&self, place: usize) -> bool {
        self.0.nodes.is_missing(place)
    }

    fn has_place(&self, place: usize) -> bool {
        self.0.nodes.has_place(place)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.0.nodes.close();
        Box::pin(std::future::ready(Ok(())))
    }
}

//! Leases in front of a store that others share: limits with `overshoot n%` are mostly decided in this process.
//!
//! A lease is so many units of a counter, charged in the store before they are used. Requests then use them up without asking
//! it. All instances together have at most n % of the ceiling leased at once, whatever becomes of them, because each takes no
//! more than its part of that; so what they let through exceeds the algorithm's worst case by n % of the ceiling at most
//! ([`limitrate_core::lease`] has the reason). A lease ends soon, and what was not used of it is given back; one whose
//! instance died stands until its window has passed.
//!
//! The first request of a counter takes no lease. While more come, each lease is twice the one before; what is left of a
//! counter at the end is given out by the store, one by one. A decision by several limits is made here if each of them can
//! be, else in one call to the store. What the store refused is refused here for the same cost, under the same ceiling,
//! until it would fit, for a second at most, whatever becomes of the clock.
//!
//! Units that wait to be given back are part of what is leased. They are leased again if they are wanted before, and are not
//! given back once they count no more.
//!
//! All other charges go to the store as they are: those of limits without `overshoot`, what is reserved or in flight, blocks,
//! shadow and soft limits, and calls that name themselves to be made again.

mod lot;
mod plan;
mod record;
mod returning;
mod shard;
mod slot;
mod table;

use std::{
    fmt,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use limitrate_core::{
    algorithm::Algorithm,
    charge::{Charge, Counted, Verdict},
    clock::Clock,
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use smallvec::SmallVec;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{MissedTickBehavior, interval, timeout},
};

use self::{
    plan::{Plan, may_be_local},
    returning::Return,
    slot::{Taken, Taking, terms_of},
    table::Table,
};
use super::{
    Answer, Call, Charged, Kept, Lease, Settlement, Settlements, Store, StoreError, Ticket, Verdicts,
};
use crate::clock::TickedClock;

/// How long a lease lasts unless told otherwise.
pub const LEASE_SPAN: Nanos = Nanos::from_secs(1);

/// How many counters may have leases at once unless told otherwise: 72 bytes each, and some 300 to 700 more of each in use.
pub const MAX_LEASED_KEYS: usize = 65_536;

/// How often leases that are over are looked for.
const TEND_EVERY: Duration = Duration::from_millis(250);

/// How many returns are under way at once.
const RETURNS_AT_ONCE: usize = 64;

/// How a store is leased from.
#[derive(Debug, Clone)]
pub struct LayeredOptions {
    /// How many instances of the service share the store: each leases its even part. More of them than this may together
    /// exceed a limit's bound. If a limiter was [told](crate::LimiterOptions::instances) of more, that is the number.
    pub instances: NonZeroU32,
    /// How many counters may have leases at once; others are asked for in the store.
    pub max_keys: usize,
    /// How long a lease lasts: after so long without the store, or at the window's end, what is left of it is given back.
    pub span: Nanos,
    /// The clock of the calls, by which leases end.
    pub clock: Arc<dyn Clock>,
}

impl LayeredOptions {
    /// The usual ones, for so many instances. There is no default for their number: an instance that did not know of the
    /// others would lease all that they may together.
    #[must_use]
    pub fn of(instances: NonZeroU32) -> Self {
        Self { instances, max_keys: MAX_LEASED_KEYS, span: LEASE_SPAN, clock: Arc::new(TickedClock) }
    }
}

/// A store that is leased from. Must be used within a tokio runtime with time.
///
/// It goes around a [guarded](super::Guarded) store, not inside: what is decided while the store is away leases nothing.
pub struct Layered {
    inner: Arc<Inner>,
    /// The task that gives leases back.
    tending: Option<AbortHandle>,
}

struct Inner {
    store: Arc<dyn Store>,
    table: Table,
    /// Whether the store was seen to need waiting for.
    waits: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

impl Layered {
    /// Leases from a store, and gives back what is not used, in a task that ends with the layer.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, options: LayeredOptions) -> Self {
        let mut layered = Self::untended(store, options);
        let inner = Arc::downgrade(&layered.inner);
        let tending = tokio::spawn(async move {
            let mut ticks = interval(TEND_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(inner) = inner.upgrade() else { return };
                inner.give_back(inner.clock.now(), false).await;
            }
        });
        layered.tending = Some(tending.abort_handle());
        layered
    }

    /// Leases from a store, and gives back only when [told to](Self::tend): for tests, whose time is their own.
    #[must_use]
    pub fn untended(store: Arc<dyn Store>, options: LayeredOptions) -> Self {
        let LayeredOptions { instances, max_keys, span, clock } = options;
        let table = Table::new(max_keys, span, instances);
        let inner = Inner { store, table, waits: AtomicBool::new(false), clock };
        Self { inner: Arc::new(inner), tending: None }
    }

    /// Gives back what is left of leases that are over at `now`.
    pub async fn tend(&self, now: Timestamp) {
        self.inner.give_back(now, false).await;
    }

    /// How many units of a counter are leased here and not used yet.
    #[must_use]
    pub fn leased(&self, counter: CounterKey) -> i64 {
        self.inner.table.units(counter)
    }
}

impl Drop for Layered {
    fn drop(&mut self) {
        if let Some(tending) = &self.tending {
            tending.abort();
        }
    }
}

impl Inner {
    /// Decides a call by what is known here.
    #[inline]
    fn local(&self, call: &Call, charges: &[Charge<'_>]) -> Option<Charged> {
        let mut verdicts = Verdicts::new();
        let taken = if let [charge] = charges {
            let verdict = match self.table.take(charge, terms_of(charge), call.now)? {
                Taking::Taken(_, status) => Verdict::new(Ok(()), status, Counted::Own),
                Taking::Refused(verdict) => verdict,
            };
            let taken = verdict.judged.is_ok();
            verdicts.push(verdict);
            taken
        } else {
            self.several(call, charges, &mut verdicts)?
        };
        charges.first().into_iter().for_each(|charge| self.table.count_local(charge.counter));
        Some(Charged { taken, now: call.now, verdicts, degraded: false })
    }

    /// Takes all charges or none; `None`, and nothing is taken, where not all are decided here.
    fn several<'s>(&'s self, call: &Call, charges: &[Charge<'_>], verdicts: &mut Verdicts) -> Option<bool> {
        let mut taken: SmallVec<[(usize, Taken<'s>); 8]> = SmallVec::new();
        let mut fits = true;
        for (at, charge) in charges.iter().enumerate() {
            match self.table.take(charge, terms_of(charge), call.now) {
                Some(Taking::Taken(units, status)) => {
                    taken.push((at, units));
                    verdicts.push(Verdict::new(Ok(()), status, Counted::Own));
                }
                Some(Taking::Refused(verdict)) => {
                    fits = false;
                    verdicts.push(verdict);
                }
                None => break,
            }
        }
        let is_decided = verdicts.len() == charges.len();
        if !is_decided || !fits {
            for (at, units) in taken {
                let Some(charge) = charges.get(at) else { continue };
                self.table.give_back(units, charge, call);
                if let Some(verdict) = verdicts.get_mut(at) {
                    verdict.status.remaining = verdict.status.remaining.saturating_add(charge.cost);
                }
            }
        }
        is_decided.then_some(fits)
    }

    /// Gives back leases that are over, or all of them.
    async fn give_back(self: &Arc<Self>, now: Timestamp, all: bool) {
        metrics::counter!("limitrate_local_decisions_total").increment(self.table.count_since());
        let mut under_way = JoinSet::new();
        for returned in self.table.returns(now, all) {
            if under_way.len() >= RETURNS_AT_ONCE {
                under_way.join_next().await;
            }
            let inner = Arc::clone(self);
            under_way.spawn(async move { inner.refund(returned, now).await });
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Gives units back once: a call whose fate is unknown is not made again.
    async fn refund(&self, returned: Return, now: Timestamp) {
        let deadline = Call::DEADLINE;
        let call = Call { now, clock: returned.clock, ticket: Ticket(0), request: None, deadline };
        let units = returned.units();
        let charge = Charge { cost: units, ..returned.charge.borrow() };
        let units = units.unsigned_abs();
        let answer = timeout(deadline, self.store.refund(call, &charge)).await;
        let is_taken = match answer.unwrap_or(Err(StoreError::Timeout(deadline))) {
            Ok(()) => {
                metrics::counter!("limitrate_returned_units_total").increment(units);
                true
            }
            Err(error) if error.may_have_applied() => {
                metrics::counter!("limitrate_lost_units_total").increment(units);
                true
            }
            Err(_) => false,
        };
        self.table.end_return(returned, is_taken);
    }
}

impl Store for Layered {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        let inner = &self.inner;
        if !may_be_local(&call, charges) {
            return inner.store.charge(call, charges);
        }
        Box::pin(async move {
            if let Some(charged) = inner.local(&call, charges) {
                return Ok(charged);
            }
            let plan = Plan::new(&inner.table, &call, charges);
            let charged = inner.store.charge(call, plan.charges()).await?;
            Ok(plan.finish(&call, charged))
        })
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        self.inner.store.settle(call, settlements)
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        self.inner.store.release(call, leases)
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.inner.table.admit(charge.counter);
        self.inner.store.refund(call, charge)
    }

    /// What is leased here and not used counts as not in use; what others have leased, as in use.
    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        Box::pin(async move {
            let used = self.inner.store.used(call, counter, algorithm).await?;
            let unused = self.inner.table.unused(counter);
            Ok(used.map(|used| used.saturating_sub(unused).max(0)))
        })
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.inner.table.forget(counter);
        self.inner.store.set_used(call, counter, algorithm, used)
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.inner.table.forget(counter);
        self.inner.store.reset(call, counter)
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        self.inner.store.snapshot(call, tell)
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        self.inner.store.restore(call, kept)
    }

    fn len(&self) -> Answer<'_, usize> {
        self.inner.store.len()
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        self.inner.store.secret()
    }

    /// Each instance leases the less, the more there are.
    fn shared_by(&self, instances: NonZeroU32) -> NonZeroU32 {
        self.inner.store.shared_by(self.inner.table.divide_among(instances))
    }

    fn is_grouped(&self) -> bool {
        self.inner.store.is_grouped()
    }

    fn place_of(&self, counter: CounterKey) -> usize {
        self.inner.store.place_of(counter)
    }

    fn is_missing(&self, place: usize) -> bool {
        self.inner.store.is_missing(place)
    }

    fn has_place(&self, place: usize) -> bool {
        self.inner.store.has_place(place)
    }

    fn charge_at_once(&self, call: Call, charges: &[Charge<'_>]) -> Option<Charged> {
        let inner = &self.inner;
        if !may_be_local(&call, charges) {
            return inner.store.charge_at_once(call, charges);
        }
        if let Some(charged) = inner.local(&call, charges) {
            return Some(charged);
        }
        if inner.waits.load(Relaxed) {
            return None;
        }
        let plan = Plan::new(&inner.table, &call, charges);
        let charged = inner.store.charge_at_once(call, plan.charges());
        if charged.is_none() {
            inner.waits.store(true, Relaxed);
        }
        charged.map(|charged| plan.finish(&call, charged))
    }

    /// Gives all leases back first.
    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            if let Some(tending) = &self.tending {
                tending.abort();
            }
            self.inner.give_back(self.inner.clock.now(), true).await;
            self.inner.store.close().await
        })
    }
}

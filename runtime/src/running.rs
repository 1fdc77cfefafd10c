//! Requests that are running: what they hold of their limits, and how that is settled once they are answered.
//!
//! A request that passes may hold leases of limits in flight and reservations of limits that settle. It gives them back
//! with [`Limiter::reply`], which replaces what was reserved by what it really cost. Every step may be done again without
//! changing anything, and what is never done expires: a caller that crashes leaks nothing.

use std::sync::Arc;

use limitrate_compiler::ir::{ChargeSite, LimitInfo, Program};
use limitrate_core::{
    algorithm::Algorithm,
    charge::{Counted, Mode},
    facts::{FactId, OwnedValue, Value},
    key::CounterKey,
    time::Timestamp,
};
use smallvec::SmallVec;

use crate::{
    bind::{Bound, InputProblem},
    decision::{Decision, LimitDecision},
    limiter::{Asking, Limiter, with_scratch},
    store::{Lease, LocalStore, Settled, Settlement, Settlements, Store, StoreError, Ticket},
};

/// What a request looked like when it was decided, for the arithmetic of its settlement.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// What [`Policy::keep`](limitrate_compiler::Policy::keep) kept of it.
    pub(crate) frame: Box<[i64]>,
    /// Facts of the request whose text a settlement compares with a fact of the response.
    pub(crate) kept: SmallVec<[(FactId, OwnedValue); 1]>,
}

/// What one request holds while it is running: give it to [`Limiter::reply`] when it is answered.
///
/// Dropping it is what a crash does: leases and reservations last until they expire, and reservations then stand.
#[derive(Debug, Clone, Default)]
#[must_use = "what is not given back counts until it expires"]
pub struct Running {
    ticket: Option<Ticket>,
    held: SmallVec<[Held; 2]>,
    snapshot: Option<Arc<Snapshot>>,
}

/// What a request holds of one counter.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// The position of the charge in the policy's `charges`.
    site: u32,
    counter: CounterKey,
    reserved: i64,
}

impl Running {
    /// Whether the request holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Names what it holds; the same as [`Decision::ticket`].
    #[must_use]
    pub const fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }
}

impl LimitDecision {
    /// Whether a request that passes holds something of the counter until it is answered.
    pub(crate) fn is_held(&self, program: &Program) -> bool {
        let taken = self.fits() || self.mode == Mode::Soft;
        let site = program.charges.get(self.site as usize);
        taken && self.counted() != Counted::Nowhere && site.is_some_and(holds)
    }
}

/// Whether a charge is given back or settled when the request is answered.
pub(crate) const fn holds(site: &ChargeSite) -> bool {
    matches!(site.algorithm, Algorithm::InFlight(_)) || site.settle.is_some()
}

/// What became of what a request held.
#[derive(Debug, Clone, Default)]
pub struct Replied<'p> {
    /// What became of each reservation, by the name of its limit.
    pub settled: Vec<SettledLimit<'p>>,
    /// How many leases ended; one that had expired or been given back before is none.
    pub released: usize,
    /// Facts of the response that are malformed; they count as absent.
    pub problems: SmallVec<[InputProblem; 1]>,
}

/// What became of one reservation.
#[derive(Debug, Clone)]
pub struct SettledLimit<'p> {
    /// The limit.
    pub limit: &'p LimitInfo,
    /// Whether it is of a shadow rule.
    pub shadow: bool,
    /// What had been reserved, in base units.
    pub reserved: i64,
    /// What it came to.
    pub fate: Fate,
}

/// What a reservation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The actual cost, in base units, replaced it.
    Settled {
        /// What the request really cost.
        actual: i64,
    },
    /// It stands as it was reserved, for good.
    Stands {
        /// The facts that the response would have had to bring; none where nothing is known of the response.
        missing: SmallVec<[FactId; 2]>,
    },
    /// It had been settled before or had expired: nothing changed.
    Gone,
}

impl<S> Limiter<S> {
    /// What a request holds that passes and goes on. Nothing for other requests, and under policies whose limits neither
    /// settle nor count what is in flight.
    pub fn running(&self, decision: &Decision<'_>) -> Running {
        let Some(ticket) = decision.ticket() else { return Running::default() };
        let program = self.program();
        let held = decision.limits.iter().filter(|limit| limit.is_held(program));
        let held =
            held.map(|limit| Held { site: limit.site, counter: limit.counter, reserved: limit.cost.max(0) });
        Running {
            ticket: Some(ticket),
            held: held.collect(),
            snapshot: decision.extra.as_ref().and_then(|extra| extra.snapshot.clone()),
        }
    }

    /// What each reservation comes to by the facts of a response; nothing where the request kept nothing to settle by.
    fn fates(
        &self,
        running: &Running,
        facts: &[(FactId, Value<'_>)],
        now: Timestamp,
        problems: &mut SmallVec<[InputProblem; 1]>,
    ) -> Fates {
        let mut fates = Fates::new();
        let Some(snapshot) = &running.snapshot else { return fates };
        let (program, policy) = (self.program(), self.policy());
        with_scratch(|scratch| {
            let mut bound = Bound::new(now);
            self.binder().respond(program, snapshot, facts, &mut bound, problems);
            let mut actual = Vec::new();
            let wanted = || running.reservations(program).map(|(_, site)| site.settlement);
            policy.settle(&snapshot.frame, &bound, wanted(), scratch, &mut actual);
            fates.extend(wanted().zip(&actual).map(|(settlement, actual)| match actual {
                Some(actual) => Fate::Settled { actual: (*actual).max(0) },
                None => Fate::Stands { missing: policy.missing(settlement, &snapshot.frame, &bound).into() },
            }));
        });
        fates
    }

    /// The same where nothing is known of the response.
    fn standing(&self, running: &Running) -> Fates {
        running.reservations(self.program()).map(|_| Fate::Stands { missing: SmallVec::new() }).collect()
    }

    /// The leases of a request.
    fn leases(&self, running: &Running) -> SmallVec<[Lease; 2]> {
        let program = self.program();
        let lease = |held: &Held| {
            let site = program.charges.get(held.site as usize)?;
            let is_lease = matches!(site.algorithm, Algorithm::InFlight(_));
            let lease = Lease { counter: held.counter, limit: self.limit_key(site), ticket: running.ticket? };
            is_lease.then_some(lease)
        };
        running.held.iter().filter_map(lease).collect()
    }

    /// What the store is to make of the reservations: each is replaced by its actual cost, or by itself where it stands.
    fn settlements<'p>(&'p self, running: &Running, fates: &Fates) -> SmallVec<[Settlement<'p>; 4]> {
        let Some(ticket) = running.ticket else { return SmallVec::new() };
        let settlement = |((held, site), fate): ((&Held, Reserving<'p>), &Fate)| Settlement {
            counter: held.counter,
            limit: self.limit_key(site.charge),
            algorithm: &site.charge.algorithm,
            ticket,
            actual: if let Fate::Settled { actual } = fate { *actual } else { held.reserved },
        };
        running.reservations(self.program()).zip(fates).map(settlement).collect()
    }

    /// Says what the store made of them.
    fn settled<'p>(
        &'p self,
        running: &Running,
        fates: Fates,
        settled: &Settlements,
    ) -> Vec<SettledLimit<'p>> {
        let program = self.program();
        let limit = |(((held, site), fate), settled): (((&Held, Reserving<'p>), Fate), &Settled)| {
            let limit = program.limits.get(site.charge.limit.0 as usize)?;
            let fate = if let Settled::Replaced { .. } = settled { fate } else { Fate::Gone };
            let shadow = site.charge.mode == Mode::Shadow;
            Some(SettledLimit { limit, shadow, reserved: held.reserved, fate })
        };
        running.reservations(program).zip(fates).zip(settled).filter_map(limit).collect()
    }
}

impl<S: LocalStore> Limiter<S> {
    /// Ends a request that was answered at `now`: gives its leases back, and replaces each reservation by what the request
    /// really cost.
    ///
    /// `facts` are those known after the response, by the same ids as those of the request; facts of the request among
    /// them are not looked at. A reservation that needs a fact which is missing or malformed stands as it was made. To
    /// reply again changes nothing. The request must have been decided by this limiter.
    pub fn reply(&self, running: &Running, facts: &[(FactId, Value<'_>)], now: Timestamp) -> Replied<'_> {
        let mut problems = SmallVec::new();
        let fates = self.fates(running, facts, now, &mut problems);
        Replied { problems, ..self.end(running, fates, now) }
    }

    /// Ends a request of whose answer nothing is known: gives its leases back and lets its reservations stand. To do so
    /// again, or after a reply, changes nothing.
    pub fn release(&self, running: &Running, now: Timestamp) -> Replied<'_> {
        self.end(running, self.standing(running), now)
    }

    fn end(&self, running: &Running, fates: Fates, now: Timestamp) -> Replied<'_> {
        let leases = self.leases(running);
        let released = leases.iter().filter(|lease| LocalStore::release(self.store(), now, **lease)).count();
        let mut settled = Settlements::new();
        let settlements = self.settlements(running, &fates);
        if !settlements.is_empty() {
            LocalStore::settle(self.store(), now, &settlements, &mut settled);
        }
        Replied { settled: self.settled(running, fates, &settled), released, problems: SmallVec::new() }
    }
}

impl<S: Store> Limiter<S> {
    /// The same as [`Self::reply`] over a store that may have to be waited for. The store is asked once for the leases and once
    /// for the reservations, and not at all for a request that holds nothing.
    ///
    /// # Errors
    ///
    /// Why the store gave no answer. To reply again is safe. A [guarded](crate::store::Guarded) store keeps what it could not
    /// settle, and does so when it is back.
    pub async fn reply_shared(
        &self,
        running: &Running,
        facts: &[(FactId, Value<'_>)],
        asking: Asking,
    ) -> Result<Replied<'_>, StoreError> {
        let mut problems = SmallVec::new();
        let now = asking.at.unwrap_or_else(|| self.now());
        let fates = self.fates(running, facts, now, &mut problems);
        Ok(Replied { problems, ..self.end_shared(running, fates, now, asking).await? })
    }

    /// The same as [`Self::release`] over a store that may have to be waited for.
    ///
    /// # Errors
    ///
    /// As [`Self::reply_shared`].
    pub async fn release_shared(&self, running: &Running, asking: Asking) -> Result<Replied<'_>, StoreError> {
        let now = asking.at.unwrap_or_else(|| self.now());
        self.end_shared(running, self.standing(running), now, asking).await
    }

    async fn end_shared(
        &self,
        running: &Running,
        fates: Fates,
        now: Timestamp,
        asking: Asking,
    ) -> Result<Replied<'_>, StoreError> {
        let call = asking.call(now, running.ticket.unwrap_or(Ticket(0)));
        let (leases, settlements) = (self.leases(running), self.settlements(running, &fates));
        let released =
            if leases.is_empty() { Ok(0) } else { Store::release(self.store(), call, &leases).await };
        let settled = if settlements.is_empty() {
            Settlements::new()
        } else {
            Store::settle(self.store(), call, &settlements).await?
        };
        Ok(Replied {
            settled: self.settled(running, fates, &settled),
            released: released?,
            problems: SmallVec::new(),
        })
    }
}

/// What each reservation of a request comes to.
type Fates = SmallVec<[Fate; 2]>;

/// A charge that reserves.
#[derive(Debug, Clone, Copy)]
struct Reserving<'p> {
    charge: &'p ChargeSite,
    /// The position of its settlement in the program.
    settlement: usize,
}

impl Running {
    /// What is held as a reservation, in the order in which it was charged.
    fn reservations<'r, 'p>(
        &'r self,
        program: &'p Program,
    ) -> impl Iterator<Item = (&'r Held, Reserving<'p>)> + use<'r, 'p> {
        self.held.iter().filter_map(|held| {
            let charge = program.charges.get(held.site as usize)?;
            let (settlement, _) = charge.settle?;
            Some((held, Reserving { charge, settlement }))
        })
    }
}

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
    limiter::{Limiter, with_scratch},
    store::{Lease, LocalStore, Settled, Settlement, Settlements, Ticket},
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

impl<S: LocalStore> Limiter<S> {
    /// What a request holds that passes and goes on. Nothing for other requests, and under policies whose limits neither
    /// settle nor count what is in flight.
    pub fn running(&self, decision: &Decision<'_>) -> Running {
        let Some(ticket) = decision.ticket() else { return Running::default() };
        let program = self.policy().program();
        let held = decision.limits.iter().filter(|limit| limit.is_held(program));
        let held =
            held.map(|limit| Held { site: limit.site, counter: limit.counter, reserved: limit.cost.max(0) });
        Running {
            ticket: Some(ticket),
            held: held.collect(),
            snapshot: decision.extra.as_ref().and_then(|extra| extra.snapshot.clone()),
        }
    }

    /// Ends a request that was answered at `now`: gives its leases back, and replaces each reservation by what the request
    /// really cost.
    ///
    /// `facts` are those known after the response, by the same ids as those of the request; facts of the request among
    /// them are not looked at. A reservation that needs a fact which is missing or malformed stands as it was made. To
    /// reply again changes nothing. The request must have been decided by this limiter.
    pub fn reply(&self, running: &Running, facts: &[(FactId, Value<'_>)], now: Timestamp) -> Replied<'_> {
        let mut replied = self.end(running, now);
        let Some(snapshot) = &running.snapshot else { return replied };
        let program = self.policy().program();
        let mut fates: SmallVec<[Fate; 2]> = SmallVec::new();
        with_scratch(|scratch| {
            let mut bound = Bound::new(now);
            self.binder().respond(program, snapshot, facts, &mut bound, &mut replied.problems);
            let mut actual = Vec::new();
            let wanted = || running.reservations(program).map(|(_, site)| site.settlement);
            self.policy().settle(&snapshot.frame, &bound, wanted(), scratch, &mut actual);
            fates.extend(wanted().zip(&actual).map(|(settlement, actual)| match actual {
                Some(actual) => Fate::Settled { actual: (*actual).max(0) },
                None => Fate::Stands {
                    missing: self.policy().missing(settlement, &snapshot.frame, &bound).into(),
                },
            }));
        });
        self.settle(running, fates, now, &mut replied);
        replied
    }

    /// Ends a request of whose answer nothing is known: gives its leases back and lets its reservations stand. To do so
    /// again, or after a reply, changes nothing.
    pub fn release(&self, running: &Running, now: Timestamp) -> Replied<'_> {
        let mut replied = self.end(running, now);
        let reservations = running.reservations(self.policy().program());
        let fates = reservations.map(|_| Fate::Stands { missing: SmallVec::new() }).collect();
        self.settle(running, fates, now, &mut replied);
        replied
    }

    /// Gives back the leases.
    fn end(&self, running: &Running, now: Timestamp) -> Replied<'_> {
        let mut replied = Replied::default();
        let program = self.policy().program();
        let Some(ticket) = running.ticket else { return replied };
        for held in &running.held {
            let Some(site) = program.charges.get(held.site as usize) else { continue };
            if matches!(site.algorithm, Algorithm::InFlight(_)) {
                let lease = Lease { counter: held.counter, limit: self.limit_key(site), ticket };
                replied.released += usize::from(self.store().release(now, lease));
            }
        }
        replied
    }

    /// Closes the reservations: each is replaced by its actual cost, or by itself where it stands.
    fn settle<'p>(
        &'p self,
        running: &Running,
        fates: SmallVec<[Fate; 2]>,
        now: Timestamp,
        replied: &mut Replied<'p>,
    ) {
        let program = self.policy().program();
        let (Some(ticket), false) = (running.ticket, fates.is_empty()) else { return };
        let settlements: SmallVec<[Settlement<'_>; 4]> = running
            .reservations(program)
            .zip(&fates)
            .map(|((held, site), fate)| Settlement {
                counter: held.counter,
                limit: self.limit_key(site.charge),
                algorithm: &site.charge.algorithm,
                ticket,
                actual: if let Fate::Settled { actual } = fate { *actual } else { held.reserved },
            })
            .collect();
        let mut settled = Settlements::new();
        self.store().settle(now, &settlements, &mut settled);
        for (((held, site), fate), settled) in running.reservations(program).zip(fates).zip(&settled) {
            let Some(limit) = program.limits.get(site.charge.limit.0 as usize) else { continue };
            let fate = if let Settled::Replaced { .. } = settled { fate } else { Fate::Gone };
            let shadow = site.charge.mode == Mode::Shadow;
            replied.settled.push(SettledLimit { limit, shadow, reserved: held.reserved, fate });
        }
    }
}

/// A charge that reserves.
#[derive(Debug, Clone, Copy)]
struct Reserving<'p> {
    charge: &'p ChargeSite,
    /// The position of its settlement in the program.
    settlement: usize,
}

impl Running {
    /// What is held as a reservation, in the order in which it was charged.
    fn reservations<'r>(
        &'r self,
        program: &'r Program,
    ) -> impl Iterator<Item = (&'r Held, Reserving<'r>)> + use<'r> {
        self.held.iter().filter_map(|held| {
            let charge = program.charges.get(held.site as usize)?;
            let (settlement, _) = charge.settle?;
            Some((held, Reserving { charge, settlement }))
        })
    }
}

//! The charges of one place as a step of a decision over several: taken so that they can be given back, given back, and judged.
//!
//! A call that names itself is answered from its receipt where it was executed before. An earlier attempt of it may be about to
//! give back what the receipt is for, elsewhere: so what an attempt took carries the attempt's mark as long as nobody was told of it, and
//! who is told takes the mark away. Without its mark, an attempt gives nothing back.

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::{super::exchange::Trace, Place, keys};
use crate::store::{
    Call, Charged, Lease, Ledger, Settlement, StoreError, Ticket, Verdicts,
    beside::{hold_key, receipt_key},
    redis::{Inner, link::Until},
};

/// How long what was taken can be given back.
const TENTATIVE: Nanos = Nanos::from_secs(30);

/// What came of a step.
pub(super) struct Step {
    pub(super) charged: Charged,
    /// What was written over what.
    pub(super) trace: Trace,
    /// Whether it was executed before, and answered from its receipt.
    pub(super) is_known: bool,
}

impl Inner {
    /// Takes the charges of one place, if all of them fit. `attempt` names this one of the attempts to make the call.
    pub(super) async fn take_step(
        &self,
        call: &Call,
        attempt: u64,
        place: &Place<'_, '_>,
        until: Until,
    ) -> Result<Step, StoreError> {
        let held = tentative(place.iter().map(|(_, charge)| **charge));
        let mut trace = Trace::default();
        let Some([_, mark]) = names_of(call, &held) else {
            let charged = self.charge_traced(call, &held, until, Some(&mut trace)).await?;
            return Ok(Step { charged, trace, is_known: false });
        };
        metrics::counter!("limitrate_store_wide_decisions_total", "store" => "redis").increment(1);
        let work = |ledger: &mut Ledger, now: Timestamp| {
            let is_known = ledger.remembers(now, call, &held);
            let charged = ledger.charge(now, call, &held);
            if is_known {
                ledger.drop_entry(mark);
            } else if charged.taken {
                ledger.put_mark(mark, attempt, now.after(TENTATIVE));
            }
            (charged, is_known)
        };
        let keys = all_keys(call, &held);
        let (charged, is_known) = self.exchange_traced(call, keys, until, Some(&mut trace), work).await?;
        Ok(Step { charged, trace, is_known })
    }

    /// Gives back what this attempt took at a place, if it did and nobody was told of it since.
    pub(super) async fn give_back_step(
        &self,
        call: &Call,
        attempt: u64,
        charges: &[Charge<'_>],
        until: Until,
    ) -> Result<(), StoreError> {
        let held = tentative(charges.iter().copied());
        let names = names_of(call, &held);
        let work = |ledger: &mut Ledger, now: Timestamp| {
            if names.is_none_or(|[_, mark]| ledger.has_mark(mark, attempt)) {
                give_back(ledger, now, call, &held);
            }
        };
        self.exchange(call, all_keys(call, &held), until, work).await
    }

    /// Gives back what was taken at a place, if anything was, and judges its charges for a decision that is refused elsewhere.
    pub(super) async fn refuse(
        &self,
        call: &Call,
        place: &Place<'_, '_>,
        was_taken: bool,
        until: Until,
    ) -> Result<Verdicts, StoreError> {
        let Some((_, first)) = place.first() else { return Ok(Verdicts::new()) };
        // One more that never fits: it is refused here as well.
        let never = never_fits(first.counter);
        let charges: Vec<_> = place.iter().map(|(_, charge)| **charge).chain([never]).collect();
        let once = Call { request: None, ..*call };
        let held = tentative(place.iter().map(|(_, charge)| **charge));
        let work = |ledger: &mut Ledger, now: Timestamp| {
            if was_taken {
                give_back(ledger, now, call, &held);
            }
            ledger.charge(now, &once, &charges).verdicts
        };
        let mut verdicts = self.exchange(call, all_keys(call, &held), until, work).await?;
        verdicts.truncate(place.len());
        Ok(verdicts)
    }
}

/// The call at one of several places. What is only held in case of a refusal elsewhere is held under a ticket that nobody else
/// has; what the caller holds there, under the caller's.
pub(super) fn step_of(call: &Call, place: &Place<'_, '_>, own: Ticket) -> Call {
    let is_callers =
        |charge: &Charge<'_>| charge.hold.is_some() || matches!(charge.algorithm, Algorithm::InFlight(_));
    if place.iter().any(|(_, charge)| is_callers(charge)) {
        return *call;
    }
    Call { ticket: own, ..*call }
}

/// The keys of the receipt and of the mark of a call that names itself.
fn names_of(call: &Call, charges: &[Charge<'_>]) -> Option<[CounterKey; 2]> {
    let receipt = receipt_key(charges.first()?.counter, call.request?);
    Some([receipt, hold_key(receipt, Ticket(0))])
}

/// All keys of a step.
fn all_keys(call: &Call, held: &[Charge<'_>]) -> Vec<CounterKey> {
    let mut keys = keys(call, held);
    keys.extend(names_of(call, held).map(|[_, mark]| mark));
    keys
}

/// The same charges, as far as may be with a cost that can be given back. Where the caller reserves on a counter, what is reserved
/// there is for the caller to say.
fn tentative<'p>(charges: impl Iterator<Item = Charge<'p>>) -> Vec<Charge<'p>> {
    let mut all: Vec<_> = charges.collect();
    let reserved: Vec<_> =
        all.iter().filter(|charge| charge.hold.is_some()).map(|charge| charge.counter).collect();
    for charge in &mut all {
        let can_hold = charge.cost > 0 && !matches!(charge.algorithm, Algorithm::InFlight(_));
        if can_hold && !reserved.contains(&charge.counter) {
            charge.hold = Some(TENTATIVE);
        }
    }
    all
}

/// Gives back what was taken, and forgets that it was.
fn give_back(ledger: &mut Ledger, now: Timestamp, call: &Call, charges: &[Charge<'_>]) {
    let ticket = call.ticket;
    for (index, charge) in charges.iter().enumerate() {
        let Charge { counter, limit, algorithm, .. } = *charge;
        let on_it = |other: &&Charge<'_>| other.counter == counter;
        if charges.iter().position(|other| on_it(&other)) != Some(index) {
            // Charges on one counter are one.
            continue;
        }
        if matches!(algorithm, Algorithm::InFlight(_)) {
            let weight = charges.iter().filter(on_it).map(|charge| charge.cost).fold(0, i64::saturating_add);
            ledger.take_back(&Lease { counter, limit, ticket }, weight);
        }
        ledger.settle(now, &[Settlement { counter, limit, algorithm, ticket, actual: 0 }]);
    }
    names_of(call, charges).into_iter().flatten().for_each(|name| ledger.drop_entry(name));
}

/// A charge that is refused whatever is left, on a counter of its own in the group of another.
fn never_fits(beside: CounterKey) -> Charge<'static> {
    const ANY: Algorithm = Algorithm::SlidingWindow(Nanos(1));
    let counter = beside.beside(u64::MAX, 0);
    Charge::new(counter, counter, &ANY, Terms { ceiling: 0, burst: 0, starting: None }, -1)
}

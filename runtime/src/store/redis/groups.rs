//! Decisions over several places of a Cluster, which no script reaches in one step.
//!
//! The charges of one place after the other are taken, each as a reservation. Where all fit, that is all: the reservations expire,
//! and what was taken stays. Where some do not, what was taken before is undone, or, where others came in between, given back in the window in which it
//! was taken, and the places after it are only judged. Who dies in between leaves units spent that nobody had, until their window passes; none is ever
//! had twice. Who comes in between may be refused for what is given back a moment later.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Charge, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::{Inner, exchange::Trace, link::Until, meta::CONNECT_DEADLINE, names::Group};
use crate::store::{
    Call, Charged, Lease, Ledger, OwnedCharge, Settlement, StoreError, Ticket, Verdicts, beside::hold_key,
};

/// How long what was taken can be given back.
const TENTATIVE: Nanos = Nanos::from_secs(30);

/// The charges of one place, each with where it stands in the call.
type Place<'t, 'p> = [(usize, &'t Charge<'p>)];

impl Inner {
    /// Judges charges of several places, and takes all or none.
    pub(super) async fn charge_apart(
        self: &Arc<Self>,
        call: &Call,
        charges: &[Charge<'_>],
        until: Until,
    ) -> Result<Charged, StoreError> {
        // Shadow charges come last: they are taken where the others were.
        let key = |charge: &Charge<'_>| (charge.mode == Mode::Shadow, Group::of(charge.counter));
        let places = grouped(charges, key);
        let (shadows, others): (Vec<_>, Vec<_>) = (0..)
            .zip(&places)
            .partition(|(_, place)| place.iter().all(|(_, charge)| charge.mode == Mode::Shadow));
        let own = Ticket(RandomState::new().hash_one(call.ticket));
        let mut parts: Vec<(usize, Verdicts)> = Vec::with_capacity(places.len());
        let mut traces = Vec::with_capacity(others.len());
        let (mut now, mut refused) = (call.now, None);
        for (number, place) in &others {
            let held: Vec<_> = place.iter().map(|(_, charge)| tentative(charge)).collect();
            let mut trace = Trace::default();
            match self.charge_traced(&step_of(call, place, own), &held, until, Some(&mut trace)).await {
                Ok(charged) => {
                    now = charged.now;
                    parts.push((*number, charged.verdicts));
                    traces.push(trace);
                    if !charged.taken {
                        refused = Some(*number);
                        break;
                    }
                }
                Err(error) => {
                    // Where it failed, it may have been taken all the same.
                    let begun = others.iter().map(|(_, place)| *place).take(parts.len() + 1);
                    self.give_back_later(call, own, begun);
                    return Err(error);
                }
            }
        }
        let taken = refused.is_none();
        if let Some(last) = refused {
            parts.retain(|(number, _)| *number == last);
            let mut traces = traces.into_iter();
            for (number, place) in &others {
                let trace = traces.next();
                if *number == last {
                    continue;
                }
                // As it was, if nobody came in between; else what was taken is given back.
                let is_undone = match trace {
                    Some(trace) => self.undo(&trace, now, until).await?,
                    None => true,
                };
                let step = step_of(call, place, own);
                parts.push((*number, self.refuse(&step, place, !is_undone, until).await?));
            }
        }
        let mut seen_later = Vec::new();
        for (number, place) in &shadows {
            let verdicts = if taken {
                let looks = looks(charges, place);
                let both: Vec<_> = place
                    .iter()
                    .map(|(_, charge)| **charge)
                    .chain(looks.iter().map(|(_, look)| *look))
                    .collect();
                let mut verdicts = self.charge_together(call, &both, until).await?.verdicts;
                let looked = verdicts.drain(place.len().min(verdicts.len())..);
                seen_later
                    .extend(looks.iter().zip(looked).map(|((index, _), verdict)| (*index, verdict.status)));
                verdicts
            } else {
                self.refuse(call, place, false, until).await?
            };
            parts.push((*number, verdicts));
        }
        let mut verdicts = joined(charges, &places, parts.into_iter());
        for (index, status) in seen_later {
            if let Some(verdict) = verdicts.get_mut(index) {
                verdict.status = status;
            }
        }
        Ok(Charged { taken, now, verdicts, degraded: false })
    }

    /// Gives back what was taken at a place, if anything was, and judges its charges for a decision that is refused elsewhere.
    async fn refuse(
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
        let held: Vec<_> = place.iter().map(|(_, charge)| tentative(charge)).collect();
        let work = |ledger: &mut Ledger, now: Timestamp| {
            if was_taken {
                give_back(ledger, now, &held, call.ticket);
            }
            ledger.charge(now, &once, &charges).verdicts
        };
        let mut verdicts = self.exchange(call, keys(call, &held), until, work).await?;
        verdicts.truncate(place.len());
        Ok(verdicts)
    }

    /// Gives back what was taken without having anybody wait for it.
    fn give_back_later<'t, 'p: 't>(
        self: &Arc<Self>,
        call: &Call,
        own: Ticket,
        places: impl Iterator<Item = &'t Vec<(usize, &'t Charge<'p>)>>,
    ) {
        for place in places {
            let owned: Vec<OwnedCharge> =
                place.iter().map(|(_, charge)| OwnedCharge::from(*charge)).collect();
            let (inner, call) = (Arc::clone(self), step_of(call, place, own));
            self.runtime.spawn(async move {
                let charges: Vec<_> = owned.iter().map(OwnedCharge::borrow).collect();
                let work = |ledger: &mut Ledger, now: Timestamp| {
                    give_back(ledger, now, &charges, call.ticket);
                };
                let until = Until::after(CONNECT_DEADLINE);
                let held: Vec<_> = charges.iter().map(tentative).collect();
                if let Err(error) = inner.exchange(&call, keys(&call, &held), until, work).await {
                    metrics::counter!("limitrate_store_stranded_total", "store" => "redis").increment(1);
                    tracing::warn!(%error, "what one node took cannot be given back: it counts until its window passes");
                }
            });
        }
    }
}

/// The call at one of several places. What is only held in case of a refusal elsewhere is held under a ticket that nobody else
/// has, or comes to have; what the caller holds there, under the caller's.
fn step_of(call: &Call, place: &Place<'_, '_>, own: Ticket) -> Call {
    let is_callers =
        |charge: &Charge<'_>| charge.hold.is_some() || matches!(charge.algorithm, Algorithm::InFlight(_));
    if place.iter().any(|(_, charge)| is_callers(charge)) {
        return *call;
    }
    Call { ticket: own, ..*call }
}

/// Looks at the counters of shadow charges for the others on them, each with where it stands: they tell what is left in the end.
fn looks<'p>(charges: &[Charge<'p>], shadows: &Place<'_, '_>) -> Vec<(usize, Charge<'p>)> {
    let is_shared = |charge: &Charge<'_>| shadows.iter().any(|(_, shadow)| shadow.counter == charge.counter);
    let others =
        charges.iter().enumerate().filter(|(_, charge)| charge.mode != Mode::Shadow && is_shared(charge));
    let look = |charge: &Charge<'p>| Charge {
        cost: 0,
        mode: Mode::Enforce,
        hold: None,
        block: None,
        warn: &[],
        ..*charge
    };
    others.map(|(index, charge)| (index, look(charge))).collect()
}

/// A charge whose cost can be given back.
fn tentative<'p>(charge: &Charge<'p>) -> Charge<'p> {
    let can_hold = charge.cost > 0 && !matches!(charge.algorithm, Algorithm::InFlight(_));
    Charge { hold: charge.hold.or(can_hold.then_some(TENTATIVE)), ..*charge }
}

fn give_back(ledger: &mut Ledger, now: Timestamp, charges: &[Charge<'_>], ticket: Ticket) {
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
}

/// A charge that is refused whatever is left, on a counter of its own in the group of another.
fn never_fits(beside: CounterKey) -> Charge<'static> {
    const ANY: Algorithm = Algorithm::SlidingWindow(Nanos(1));
    let counter = beside.beside(u64::MAX, 0);
    Charge::new(counter, counter, &ANY, Terms { ceiling: 0, burst: 0, starting: None }, -1)
}

/// Puts what has the same key together, each with where it stood.
pub(super) fn grouped<T, K: Ord>(all: &[T], key: impl Fn(&T) -> K) -> Vec<Vec<(usize, &T)>> {
    let mut groups: BTreeMap<K, Vec<(usize, &T)>> = BTreeMap::new();
    for (index, item) in all.iter().enumerate() {
        groups.entry(key(item)).or_default().push((index, item));
    }
    groups.into_values().collect()
}

/// All keys that a decision looks at or writes, its reservations included.
pub(super) fn keys(call: &Call, charges: &[Charge<'_>]) -> Vec<CounterKey> {
    let mut keys = Vec::with_capacity(2 * charges.len() + 1);
    Ledger::keys_of_charges(call, charges, |key| keys.push(key));
    let holding = charges.iter().filter(|charge| charge.hold.is_some());
    keys.extend(holding.map(|charge| hold_key(charge.counter, call.ticket)));
    keys
}

/// The verdicts of all places in the order of the charges.
fn joined(
    charges: &[Charge<'_>],
    places: &[Vec<(usize, &Charge<'_>)>],
    parts: impl Iterator<Item = (usize, Verdicts)>,
) -> Verdicts {
    let mut all: Vec<_> = charges.iter().map(|_| None).collect();
    for (number, verdicts) in parts {
        let place = places.get(number).into_iter().flatten();
        for ((index, _), verdict) in place.zip(verdicts) {
            if let Some(slot) = all.get_mut(*index) {
                *slot = Some(verdict);
            }
        }
    }
    all.into_iter().flatten().collect()
}

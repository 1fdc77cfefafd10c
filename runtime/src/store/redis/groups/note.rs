//! A note of one attempt to make a decision over several groups: all that somebody else needs to give back what it took.

mod codec;

use std::hash::{BuildHasher as _, RandomState};

use limitrate_core::{
    algorithm::Algorithm,
    charge::{Charge, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::Place;
use crate::store::{
    Call, ClockOf, RequestId, Ticket,
    beside::{hold_key, receipt_key},
};

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// Names the attempt.
    pub(super) attempt: u64,
    /// Names the call, if it names itself: others may attempt it too.
    pub(super) request: Option<RequestId>,
    /// Whose clock it goes by, and its instant.
    pub(super) clock: ClockOf,
    pub(super) now: Timestamp,
    /// What it takes, place by place. Once the last of them is taken, the decision is.
    pub(super) shares: Vec<Share>,
}

/// What an attempt takes at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// The counter that what is written of the attempt is beside.
    pub(super) first: CounterKey,
    /// Whose reservations and leases they are.
    pub(super) ticket: Ticket,
    pub(super) parts: Vec<Part>,
}

/// What an attempt takes of one counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) counter: CounterKey,
    /// How it counts, as far as giving back needs it.
    pub(super) algorithm: Algorithm,
    /// What a lease weighs; 0 for all that is reserved.
    pub(super) weight: i64,
}

impl Note {
    /// The note of a call that is attempted once more.
    pub(super) fn of<'t, 'p: 't>(call: &Call, places: impl IntoIterator<Item = &'t Place<'t, 'p>>) -> Self {
        let attempt = RandomState::new().hash_one(call.ticket);
        // All attempts of one call hold under one ticket, so that one can give back what another took.
        let named = call.request.map(|request| RequestId::of(&request.0.to_le_bytes()).folded());
        let own = Ticket(named.unwrap_or(attempt));
        let shares = places.into_iter().filter_map(|place| Share::of(call, place, own)).collect();
        Self { attempt, request: call.request, clock: call.clock, now: call.now, shares }
    }

    /// The key under which a place has what became of the attempt.
    pub(super) fn outcome_key(&self, share: &Share) -> CounterKey {
        receipt_key(share.first, RequestId(u128::from(self.attempt)))
    }

    /// The keys of the receipt of a call that names itself, and of who shares what was taken for it.
    pub(super) fn shared_keys(&self, share: &Share) -> Option<[CounterKey; 2]> {
        let receipt = receipt_key(share.first, self.request?);
        Some([receipt, hold_key(receipt, Ticket(0))])
    }

    /// All keys that giving back a share looks at.
    pub(super) fn keys(&self, share: &Share) -> Vec<CounterKey> {
        let parts = share.parts.iter();
        let mut keys: Vec<_> =
            parts.flat_map(|part| [part.counter, hold_key(part.counter, share.ticket)]).collect();
        keys.push(self.outcome_key(share));
        keys.extend(self.shared_keys(share).into_iter().flatten());
        keys
    }
}

impl Share {
    fn of(call: &Call, place: &Place<'_, '_>, own: Ticket) -> Option<Self> {
        let (_, first) = place.first()?;
        // What is only held in case of a refusal elsewhere is held under a ticket that nobody else has; what the caller holds
        // there, under the caller's.
        let is_callers = |charge: &Charge<'_>| charge.hold.is_some() || is_in_flight(charge);
        let is_callers = place.iter().any(|(_, charge)| is_callers(charge));
        let mut parts: Vec<Part> = Vec::with_capacity(place.len());
        for (_, charge) in place {
            let Charge { counter, algorithm, cost, hold, .. } = charge;
            let weight = if is_in_flight(charge) { (*cost).max(0) } else { 0 };
            if *cost <= 0 && hold.is_none() {
                continue;
            }
            match parts.iter_mut().find(|part| part.counter == *counter) {
                // Charges on one counter are one.
                Some(part) => part.weight = part.weight.saturating_add(weight),
                None => parts.push(Part { counter: *counter, algorithm: (*algorithm).clone(), weight }),
            }
        }
        Some(Self { first: first.counter, ticket: if is_callers { call.ticket } else { own }, parts })
    }
}

const fn is_in_flight(charge: &Charge<'_>) -> bool {
    matches!(charge.algorithm, Algorithm::InFlight(_))
}

/// The same charges, as far as may be with a cost that can be given back for so long. Where the caller reserves on a counter, what
/// is reserved there is for the caller to say.
pub(super) fn tentative<'p>(charges: impl Iterator<Item = Charge<'p>>, kept: Nanos) -> Vec<Charge<'p>> {
    let mut all: Vec<_> = charges.collect();
    let is_shadow = |charge: &Charge<'_>| charge.mode == Mode::Shadow;
    // Charges on one counter have one reservation; shadow ones leave it to the others.
    let reserved: Vec<_> =
        all.iter().filter(|charge| charge.hold.is_some()).map(|charge| charge.counter).collect();
    let spending = all.iter().filter(|charge| !is_shadow(charge) && charge.cost > 0);
    let spent: Vec<_> = spending.map(|charge| charge.counter).collect();
    for charge in &mut all {
        let is_left =
            reserved.contains(&charge.counter) || is_shadow(charge) && spent.contains(&charge.counter);
        if charge.cost > 0 && !is_in_flight(charge) && !is_left {
            charge.hold = Some(kept);
        }
    }
    all
}

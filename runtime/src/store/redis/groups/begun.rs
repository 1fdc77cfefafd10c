//! Which places of a decision over several were begun. Unless the decision comes to an end, because a place fails or because whoever
//! waited for it gave up, what was taken at them is given back, without having anybody wait for it.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use limitrate_core::charge::Charge;

use super::{
    Place,
    step::{Step, step_of},
};
use crate::store::{
    Call, OwnedCharge, RequestId, StoreError, Ticket,
    redis::{Inner, link::Until, meta::CONNECT_DEADLINE},
};

/// See the [module](self).
pub(super) struct Begun<'t, 'p> {
    inner: &'t Arc<Inner>,
    call: &'t Call,
    attempt: u64,
    own: Ticket,
    places: Vec<(usize, &'t Place<'t, 'p>)>,
}

impl<'t, 'p> Begun<'t, 'p> {
    /// Nothing yet.
    pub(super) fn new(inner: &'t Arc<Inner>, call: &'t Call) -> Self {
        let attempt = RandomState::new().hash_one(call.ticket);
        // All attempts of one call hold under one ticket, so that one can give back what another took.
        let named = call.request.map(|request| RequestId::of(&request.0.to_le_bytes()).folded());
        Self { inner, call, attempt, own: Ticket(named.unwrap_or(attempt)), places: Vec::new() }
    }

    /// The call at a place.
    pub(super) fn call_at(&self, place: &Place<'_, '_>) -> Call {
        step_of(self.call, place, self.own)
    }

    /// Takes the charges of a place, if all of them fit.
    pub(super) async fn take(
        &mut self,
        number: usize,
        place: &'t Place<'t, 'p>,
        until: Until,
    ) -> Result<Step, StoreError> {
        self.places.push((number, place));
        let step = self.inner.take_step(&self.call_at(place), self.attempt, place, until).await;
        let has_taken = match &step {
            // What an earlier attempt took may have been told to somebody.
            Ok(step) => step.charged.taken && !step.is_known,
            Err(error) => error.may_have_applied(),
        };
        if !has_taken {
            self.end(number);
        }
        step
    }

    /// There is nothing to give back at this place any more.
    pub(super) fn end(&mut self, number: usize) {
        self.places.retain(|(begun, _)| *begun != number);
    }

    /// What was taken stays.
    pub(super) fn finish(mut self) {
        self.places.clear();
    }
}

impl Drop for Begun<'_, '_> {
    fn drop(&mut self) {
        for (_, place) in &self.places {
            let owned: Vec<OwnedCharge> =
                place.iter().map(|(_, charge)| OwnedCharge::from(*charge)).collect();
            let (inner, call, attempt) = (Arc::clone(self.inner), self.call_at(place), self.attempt);
            self.inner.runtime.spawn(async move {
                let charges: Vec<Charge<'_>> = owned.iter().map(OwnedCharge::borrow).collect();
                let until = Until::after(CONNECT_DEADLINE);
                if let Err(error) = inner.give_back_step(&call, attempt, &charges, until).await {
                    metrics::counter!("limitrate_store_stranded_total", "store" => "redis").increment(1);
                    tracing::warn!(%error, "what one node took cannot be given back: it counts until its window passes");
                }
            });
        }
    }
}

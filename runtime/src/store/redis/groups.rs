//! Decisions over several places of a Cluster, which no script reaches in one step.
//!
//! The charges of one place after the other are taken, each as a reservation. Once the last place has taken its own, the decision is
//! taken: the reservations expire, and what was taken stays. Where some do not fit, what was taken before is undone, or, where others
//! came in between, given back in the window in which it was taken, and the places after it are only judged. Who comes in between may be
//! refused for what is given back a moment later.
//!
//! Before anything is taken, a note of it stands in a journal. What an attempt does not finish, because its process died or a node
//! cannot be reached, is given back by whoever finds the note due. A shadow charge whose place does not answer is counted nowhere.

mod attempt;
mod back;
mod journal;
mod note;
mod step;
mod sweep;

use std::{collections::BTreeMap, sync::Arc};

use limitrate_core::{
    algorithm::Status,
    charge::{Charge, Counted, Mode, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use self::{
    attempt::Attempt,
    journal::LONGEST,
    step::{Step, refused_over},
};
pub(super) use self::{journal::Journals, sweep::keep_sweeping};
use super::{Inner, link::Until, names::Group};
use crate::store::{Call, Charged, Ledger, StoreError, Verdicts, beside::hold_key};

/// The charges of one place, each with where it stands in the call.
type Place<'t, 'p> = [(usize, &'t Charge<'p>)];

/// A place of a call, with its number among them.
type Numbered<'t, 'p> = (usize, &'t Vec<(usize, &'t Charge<'p>)>);

/// The verdicts of places, by their numbers.
type Parts = Vec<(usize, Verdicts)>;

impl Inner {
    /// Judges charges of several places, and takes all or none.
    pub(super) async fn charge_apart(
        self: &Arc<Self>,
        call: &Call,
        charges: &[Charge<'_>],
        until: Until,
    ) -> Result<Charged, StoreError> {
        let places = grouped(charges, |charge| Group::of(charge.counter));
        // Places of nothing but shadow charges come last: they are taken where the others were.
        let (shadows, others): (Vec<Numbered<'_, '_>>, Vec<_>) = (0..)
            .zip(&places)
            .partition(|(_, place)| place.iter().all(|(_, charge)| charge.mode == Mode::Shadow));
        let (taken, now, mut parts) = match others.as_slice() {
            [] => (true, call.now, Parts::new()),
            [(number, place)] => {
                let charges: Vec<_> = place.iter().map(|(_, charge)| **charge).collect();
                let charged = self.charge_together(call, &charges, until).await?;
                (charged.taken, charged.now, vec![(*number, charged.verdicts)])
            }
            several => self.charge_several(call, several, until).await?,
        };
        for (number, place) in &shadows {
            let until = until.half();
            let verdicts = if taken {
                let charges: Vec<_> = place.iter().map(|(_, charge)| **charge).collect();
                self.charge_together(call, &charges, until).await.map(|charged| charged.verdicts)
            } else {
                self.refuse(call, place, None, until).await
            };
            parts.push((*number, verdicts.unwrap_or_else(|error| nowhere(place, &error))));
        }
        let verdicts = joined(charges, &places, parts.into_iter());
        Ok(Charged { taken, now, verdicts, degraded: false })
    }

    /// Takes the charges of one place after the other, if all of them fit; else of none. Whether they were taken, when, and what each
    /// place says.
    async fn charge_several(
        self: &Arc<Self>,
        call: &Call,
        places: &[Numbered<'_, '_>],
        until: Until,
    ) -> Result<(bool, Timestamp, Parts), StoreError> {
        let until = until.or_after(LONGEST);
        let mut attempt = Attempt::new(self, call, places);
        let mut steps: Vec<Step> = Vec::with_capacity(places.len());
        for (index, (_, place)) in places.iter().enumerate() {
            match attempt.take(index, place, until).await {
                Ok(step) => steps.push(step),
                Err(error) => return Err(if steps.is_empty() { error } else { unsure(error) }),
            }
            if steps.last().is_some_and(|step| !step.charged.taken) {
                break;
            }
        }
        let taken = steps.last().is_none_or(|step| step.charged.taken);
        let now = steps.last().map_or(call.now, |step| step.charged.now);
        let parts = if taken {
            let verdicts = steps.into_iter().map(|step| step.charged.verdicts);
            places.iter().map(|(number, _)| *number).zip(verdicts).collect()
        } else {
            self.refuse_all(&attempt, places, steps, until).await.map_err(unsure)?
        };
        attempt.finish();
        Ok((taken, now, parts))
    }

    /// Undoes what was taken before the last step, which was refused, and judges all other places for a decision that is.
    async fn refuse_all(
        &self,
        attempt: &Attempt<'_>,
        places: &[Numbered<'_, '_>],
        steps: Vec<Step>,
        until: Until,
    ) -> Result<Parts, StoreError> {
        let mut parts = Parts::with_capacity(places.len());
        let refused = steps.len().saturating_sub(1);
        let mut steps = steps.into_iter();
        for (index, ((number, place), share)) in places.iter().zip(&attempt.note().shares).enumerate() {
            let step = steps.next();
            if index == refused {
                parts.extend(step.map(|step| (*number, step.charged.verdicts)));
                continue;
            }
            // As it was, if nobody came in between and it was taken just now; else what was taken is given back.
            let is_undone = match &step {
                Some(Step { is_known: true, .. }) => false,
                // By the clock of its own node, which may be another than that of the one that refused.
                Some(step) => self.undo(&step.trace, step.charged.now, until).await?,
                None => true,
            };
            let call = attempt.call_at(share);
            let before = step.filter(|_| is_undone).map(|step| (step.charged.now, step.before));
            let verdicts = before.and_then(|(now, before)| refused_over(&before, &call, now, place));
            let verdicts = match verdicts {
                Some(verdicts) => verdicts,
                None => {
                    let taken = (!is_undone).then_some((attempt.note(), share));
                    self.refuse(&call, place, taken, until).await?
                }
            };
            parts.push((*number, verdicts));
        }
        Ok(parts)
    }
}

/// The error of a call of which something was applied, to be given back.
pub(super) fn unsure(error: StoreError) -> StoreError {
    if error.may_have_applied() { error } else { StoreError::Lost(Box::new(error)) }
}

/// What is said of shadow charges whose place does not answer: nothing depends on them.
fn nowhere(place: &Place<'_, '_>, error: &StoreError) -> Verdicts {
    metrics::counter!("limitrate_store_shadows_missed_total", "store" => "redis").increment(1);
    tracing::debug!(%error, "shadow charges are counted nowhere");
    let verdict = |charge: &Charge<'_>| {
        let status = Status { remaining: charge.terms.ceiling.max(0), reset_after: Nanos::ZERO };
        Verdict::new(Ok(()), status, Counted::Nowhere)
    };
    place.iter().map(|(_, charge)| verdict(charge)).collect()
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

//! The charges of one place as a step of a decision over several: taken so that they can be given back, and judged.
//!
//! A step finds out where it is taken whether the decision was given up meanwhile, and then takes nothing. The last one writes
//! there that it was taken, in the same step: from then on the decision is, and nobody gives anything of it back. A call that names itself
//! may be attempted by several at once. It is answered from its receipt where it was executed before; what was taken for it
//! has a list of all attempts that rely on it, and goes back with the last of them.

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{NANOS_PER_SECOND, Nanos, Timestamp},
};
use redis::{Cmd, Value};

use super::{
    Place,
    back::put_back,
    journal::{Writing, Written, written},
    keys,
    note::{Note, Share},
    unsure,
};
use crate::store::{
    Call, Charged, Ledger, StoreError, Verdicts,
    contract::RECEIPT_KEPT,
    redis::{
        Inner,
        charge::Outcome,
        exchange::Trace,
        fault::Failure,
        link::Until,
        names::Group,
        quick::{self, Plan},
        value,
    },
};

/// What came of a step.
pub(super) struct Step {
    pub(super) charged: Charged,
    /// What was written over what.
    pub(super) trace: Trace,
    /// Whether it was executed before, and answered from its receipt.
    pub(super) is_known: bool,
    /// All that stood there before, where that is known and may be wanted again.
    pub(super) before: Vec<(CounterKey, Option<Vec<u8>>)>,
}

/// A step that is to be taken.
pub(super) struct Taking<'t, 'p> {
    pub(super) note: &'t Note,
    pub(super) share: &'t Share,
    pub(super) is_last: bool,
    /// The call at this place.
    pub(super) call: Call,
    /// Its charges, as far as may be with what can be given back.
    pub(super) held: Vec<Charge<'p>>,
    pub(super) kept: Nanos,
}

impl Taking<'_, '_> {
    fn group(&self) -> Group {
        Group::of(self.share.first)
    }

    /// What the script is told beside the charges: how many milliseconds to know that the decision was taken.
    fn known_for(&self) -> i64 {
        let from = Timestamp(NANOS_PER_SECOND);
        if self.is_last { value::time_to_live(from.after(self.kept), from, self.call.clock) } else { 0 }
    }

    fn arguments(&self, plan: &Plan, command: &mut Cmd) {
        command.arg(plan.bytes.as_slice()).arg(self.known_for());
    }
}

impl Inner {
    /// Takes the charges of the first place, if all of them fit, and writes the note before, in one go where that can be.
    pub(super) async fn take_first(
        &self,
        taking: &Taking<'_, '_>,
        writing: &Writing<'_>,
        noted: &mut Option<Written>,
        until: Until,
    ) -> Result<Step, StoreError> {
        if let Some(plan) = self.plan_step(taking) {
            let keys = plan.names.iter().map(String::as_str);
            let step = self.scripts.step.command(keys, |command| taking.arguments(&plan, command));
            let note = self.write_command(writing);
            let both = [(Group::Journal(writing.journal), &note), (taking.group(), &step)];
            match self.nodes.call_both(both, until).await {
                Some(Ok([note, step])) => {
                    *noted = Some(self.noted(writing, note, &step, until).await?);
                    match step {
                        Ok(answer) => {
                            if let Some(step) = self.stepped(taking, &plan, answer, until).await? {
                                return Ok(step);
                            }
                        }
                        Err(Failure::Store(error)) => return Err(error),
                        // Elsewhere, or with the script's text. Nothing was taken.
                        Err(Failure::Moved(_) | Failure::Ask(_) | Failure::TryAgain | Failure::NoScript) => {}
                    }
                }
                Some(Err(Failure::Store(error))) if error.may_have_applied() => return Err(error),
                // Nothing was sent, or both go their own ways.
                Some(Err(_)) | None => {}
            }
        }
        if noted.is_none() {
            *noted = Some(self.write(writing, until).await?);
        }
        self.take_step(taking, until).await
    }

    /// The note that was written together with this step, or is now.
    async fn noted(
        &self,
        writing: &Writing<'_>,
        note: Result<Value, Failure>,
        step: &Result<Value, Failure>,
        until: Until,
    ) -> Result<Written, StoreError> {
        let noted = match note {
            Ok(answer) => written(writing, &answer),
            Err(Failure::Store(error)) => Err(error),
            Err(Failure::Moved(_) | Failure::Ask(_) | Failure::TryAgain | Failure::NoScript) => {
                self.write(writing, until).await
            }
        };
        noted.map_err(|error| if step.is_ok() { unsure(error) } else { error })
    }

    /// Takes the charges of one place, if all of them fit.
    pub(super) async fn take_step(&self, taking: &Taking<'_, '_>, until: Until) -> Result<Step, StoreError> {
        if let Some(plan) = self.plan_step(taking) {
            let keys = plan.names.iter().map(String::as_str);
            let arguments = |command: &mut Cmd| taking.arguments(&plan, command);
            let answer = self.scripts.step.run(&self.nodes, taking.group(), keys, arguments, until).await?;
            if let Some(step) = self.stepped(taking, &plan, answer, until).await? {
                return Ok(step);
            }
        }
        self.take_step_widely(taking, until).await
    }

    /// The step for the script; `None` if it is not one for it.
    fn plan_step(&self, taking: &Taking<'_, '_>) -> Option<Plan> {
        let Taking { note, share, call, held, .. } = taking;
        let mut plan = quick::pack(&self.names, call, held, self.about(call))?;
        plan.names.push(self.names.of(note.outcome_key(share)));
        Some(plan)
    }

    /// What the script's answer comes to; `None` if it left the step to wider arithmetic.
    async fn stepped(
        &self,
        taking: &Taking<'_, '_>,
        plan: &Plan,
        answer: Value,
        until: Until,
    ) -> Result<Option<Step>, StoreError> {
        let Taking { call, held, .. } = taking;
        match self.judged(call, plan, answer)? {
            Outcome::Judged(judged) => {
                let mut trace = Trace::default();
                // What the last place took stays.
                let kept = if taking.is_last { &[][..] } else { judged.before.as_slice() };
                let kept = plan.read.iter().copied().zip(kept.iter().cloned()).collect();
                let charged = self.answer(call, held, plan, judged, until, Some(&mut trace)).await?;
                Ok(Some(Step { charged, trace, is_known: false, before: kept }))
            }
            Outcome::Left => Ok(None),
            Outcome::GivenUp => Err(given_up()),
        }
    }

    /// The same by the arithmetic of the [`Ledger`], in two trips.
    async fn take_step_widely(&self, taking: &Taking<'_, '_>, until: Until) -> Result<Step, StoreError> {
        let Taking { note, share, is_last, call, held, kept } = taking;
        metrics::counter!("limitrate_store_wide_decisions_total", "store" => "redis").increment(1);
        let outcome = note.outcome_key(share);
        let shared = note.shared_keys(share);
        let work = |ledger: &mut Ledger, now: Timestamp| {
            if ledger.outcome(outcome).is_some() {
                return None;
            }
            let is_known = ledger.remembers(now, call, held);
            let charged = ledger.charge(now, call, held);
            if charged.taken {
                if let Some([_, sharing]) = shared.filter(|_| !is_known) {
                    // Who shared what was taken long ago has no part in what is taken now.
                    ledger.drop_entry(sharing);
                }
                match shared {
                    // Who makes the call again, as long as it is known, is to find out that it was decided.
                    Some([_, sharing]) if *is_last => {
                        let until = now.after(*kept).after(RECEIPT_KEPT);
                        ledger.share(sharing, note.attempt, now, until);
                    }
                    Some([_, sharing]) => ledger.share(sharing, note.attempt, now, now.after(*kept)),
                    None if *is_last => ledger.put_outcome(outcome, true, now, now.after(*kept)),
                    None => {}
                }
            }
            Some((charged, is_known))
        };
        let mut trace = Trace::default();
        let mut keys = keys(call, held);
        keys.push(outcome);
        keys.extend(shared.into_iter().flatten());
        let step = self.exchange_traced(call, keys, until, Some(&mut trace), work).await?;
        let (charged, is_known) = step.ok_or_else(given_up)?;
        Ok(Step { charged, trace, is_known, before: Vec::new() })
    }

    /// Gives back what was taken at a place, if anything was, and judges its charges for a decision that is refused elsewhere.
    pub(super) async fn refuse(
        &self,
        call: &Call,
        place: &Place<'_, '_>,
        taken: Option<(&Note, &Share)>,
        until: Until,
    ) -> Result<Verdicts, StoreError> {
        let charges = refused(place);
        let once = Call { request: None, ..*call };
        let mut keys = keys(&once, &charges);
        keys.extend(taken.iter().flat_map(|(note, share)| note.keys(share)));
        let work = |ledger: &mut Ledger, now: Timestamp| {
            if let Some((note, share)) = taken {
                note.shared_keys(share).into_iter().flatten().for_each(|key| ledger.drop_entry(key));
                put_back(ledger, now, share);
            }
            ledger.charge(now, &once, &charges).verdicts
        };
        let mut verdicts = self.exchange(call, keys, until, work).await?;
        verdicts.truncate(place.len());
        Ok(verdicts)
    }
}

/// What the charges of a place come to for a decision that is refused elsewhere, where this stands there. `None` if that is not known,
/// or if being refused changes anything.
pub(super) fn refused_over(
    before: &[(CounterKey, Option<Vec<u8>>)],
    call: &Call,
    now: Timestamp,
    place: &Place<'_, '_>,
) -> Option<Verdicts> {
    let mut ledger = Ledger::new();
    for (key, bytes) in before {
        let kept = bytes.as_deref().map(|bytes| value::decode(*key, bytes)).transpose().ok()?;
        ledger.load(*key, kept);
    }
    let mut verdicts = ledger.charge(now, &Call { request: None, ..*call }, &refused(place)).verdicts;
    verdicts.truncate(place.len());
    (!before.is_empty() && ledger.changes().next().is_none()).then_some(verdicts)
}

/// The charges of a place, and one more that never fits: it is refused here as well.
fn refused<'p>(place: &Place<'_, 'p>) -> Vec<Charge<'p>> {
    let never = place.first().map(|(_, first)| never_fits(first.counter));
    place.iter().map(|(_, charge)| **charge).chain(never).collect()
}

/// The error of a step whose decision was given up meanwhile: it took longer than anybody waits for it.
fn given_up() -> StoreError {
    StoreError::Lost("the decision took too long, and what it had taken is given back".into())
}

/// A charge that is refused whatever is left, on a counter of its own in the group of another.
fn never_fits(beside: CounterKey) -> Charge<'static> {
    const ANY: Algorithm = Algorithm::SlidingWindow(Nanos(1));
    let counter = beside.beside(u64::MAX, 0);
    Charge::new(counter, counter, &ANY, Terms { ceiling: 0, burst: 0, starting: None }, -1)
}

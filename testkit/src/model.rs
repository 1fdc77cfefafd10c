//! A store that forgets nothing and looks at everything: what every store must agree with, decision by decision.
//!
//! It keeps the state of every counter, reservation, block and warning for ever, so that whatever another store sweeps
//! must change no decision. It has room for every key. The arithmetic is [`Algorithm`]'s, which has models of its own.

use std::collections::HashMap;

use limitrate_core::{
    algorithm::{Algorithm, Hold, LeaseId, Refusal, State},
    block,
    charge::{Charge, Counted, Fail, Mode, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
    warning,
};
use limitrate_runtime::store::{Lease, LocalStore, Settled, Settlement, Settlements, Ticket, Verdicts};
use parking_lot::Mutex;

/// The model.
#[derive(Debug, Default)]
pub struct ModelStore(Mutex<Modelled>);

/// What the model keeps.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Modelled {
    counters: HashMap<CounterKey, (Algorithm, Option<State>)>,
    /// By counter and ticket, with the expiry.
    holds: HashMap<(CounterKey, u64), (Hold, Timestamp)>,
    /// By counter, and whether they are of shadow charges.
    blocks: HashMap<(CounterKey, bool), block::State>,
    warnings: HashMap<CounterKey, warning::State>,
}

/// All charges of a decision on one counter, shadow ones apart: judged as one.
#[derive(Debug)]
struct Joint<'c> {
    charge: Charge<'c>,
    reserved: i64,
    judged: Result<(), Refusal>,
    blocked: bool,
    taken: bool,
    warned: Option<i64>,
}

impl ModelStore {
    /// What is kept of counters and reservations; blocks and warnings are left out.
    #[must_use]
    pub fn counted(&self) -> Modelled {
        let mut kept = self.0.lock().clone();
        kept.blocks.clear();
        kept.warnings.clear();
        kept
    }
}

impl LocalStore for ModelStore {
    fn charge(
        &self,
        now: Timestamp,
        charges: &[Charge<'_>],
        ticket: Ticket,
        verdicts: &mut Verdicts,
    ) -> bool {
        let mut kept = self.0.lock();
        let mut joints: Vec<Joint<'_>> = Vec::new();
        charges.iter().for_each(|charge| join(&mut joints, charge));
        kept.judge(&mut joints, false, now);
        let fits = joints
            .iter()
            .filter(|joint| joint.charge.mode == Mode::Enforce)
            .all(|joint| joint.judged.is_ok());
        if fits {
            kept.take(&mut joints, false, now, ticket);
        }
        kept.judge(&mut joints, true, now);
        if fits {
            kept.take(&mut joints, true, now, ticket);
        }
        for joint in &mut joints {
            kept.set_off(joint, now, fits);
            kept.warn(joint, now);
        }
        verdicts.clear();
        for charge in charges {
            let joint = position(&joints, charge).and_then(|at| joints.get(at));
            verdicts.extend(joint.map(|joint| kept.verdict(joint, now)));
        }
        fits
    }

    fn settle(&self, now: Timestamp, settlements: &[Settlement<'_>], settled: &mut Settlements) {
        let mut kept = self.0.lock();
        settled.clear();
        settled.extend(settlements.iter().map(|settlement| kept.settle(now, settlement)));
    }

    fn release(&self, now: Timestamp, lease: Lease) -> bool {
        let mut kept = self.0.lock();
        let Some((algorithm, state)) = kept.counters.get_mut(&lease.counter) else { return false };
        let before = algorithm.used(state.as_ref(), now);
        if let Some(State::InFlight(leases)) = state {
            leases.release(LeaseId(lease.ticket.0));
        }
        algorithm.used(state.as_ref(), now) != before
    }

    fn used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm) -> Option<i64> {
        algorithm.used(self.0.lock().state(counter), now)
    }

    fn set_used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm, used: i64) -> bool {
        let mut kept = self.0.lock();
        let (_, state) = kept.counters.entry(counter).or_insert_with(|| (algorithm.clone(), None));
        algorithm.set_used(state, now, used)
    }

    fn refund(&self, now: Timestamp, charge: &Charge<'_>) {
        if let Some((algorithm, state)) = self.0.lock().counters.get_mut(&charge.counter) {
            algorithm.refund(state, charge.terms, now, charge.cost);
        }
    }

    fn reset(&self, counter: CounterKey) -> bool {
        let mut kept = self.0.lock();
        kept.blocks.retain(|(blocked, _), _| *blocked != counter);
        kept.warnings.remove(&counter);
        kept.counters.remove(&counter).is_some_and(|(_, state)| state.is_some())
    }

    fn len(&self) -> usize {
        let kept = self.0.lock();
        kept.counters.len() + kept.holds.len() + kept.blocks.len() + kept.warnings.len()
    }
}

fn is_shadow(charge: &Charge<'_>) -> bool {
    charge.mode == Mode::Shadow
}

fn position(joints: &[Joint<'_>], charge: &Charge<'_>) -> Option<usize> {
    joints.iter().position(|known| {
        known.charge.counter == charge.counter && is_shadow(&known.charge) == is_shadow(charge)
    })
}

/// Adds a charge to those on its counter: costs add up, and the strictest terms count.
fn join<'c>(joints: &mut Vec<Joint<'c>>, charge: &Charge<'c>) {
    let reserved = if charge.hold.is_some() { charge.cost } else { 0 };
    let known = position(joints, charge).and_then(|at| joints.get_mut(at));
    let Some(known) = known else {
        let (blocked, taken, warned) = (false, false, None);
        joints.push(Joint { charge: *charge, reserved, judged: Ok(()), blocked, taken, warned });
        return;
    };
    known.reserved = known.reserved.saturating_add(reserved);
    let (sum, terms) = (&mut known.charge, charge.terms);
    sum.cost = if sum.cost < 0 || charge.cost < 0 { -1 } else { sum.cost.saturating_add(charge.cost) };
    sum.terms.ceiling = sum.terms.ceiling.min(terms.ceiling);
    sum.terms.burst = sum.terms.burst.min(terms.burst);
    sum.terms.starting = sum.terms.starting.into_iter().chain(terms.starting).min();
    let strictness = |fail| match fail {
        Fail::Closed => (0, 0),
        Fail::Local(share) => (1, share),
        Fail::Open => (2, 0),
    };
    sum.fail = if strictness(charge.fail) < strictness(sum.fail) { charge.fail } else { sum.fail };
    sum.mode = if sum.mode == charge.mode { sum.mode } else { Mode::Enforce };
    sum.hold = sum.hold.into_iter().chain(charge.hold).max();
    sum.block = sum.block.or(charge.block);
    sum.warn = if sum.warn.is_empty() { charge.warn } else { sum.warn };
}

fn longer(judged: Result<(), Refusal>, block: Nanos) -> Result<(), Refusal> {
    match judged {
        Ok(()) => Err(Refusal::Wait(block)),
        Err(Refusal::Wait(wait)) => Err(Refusal::Wait(wait.max(block))),
        Err(Refusal::Never) => judged,
    }
}

impl Modelled {
    fn state(&self, counter: CounterKey) -> Option<&State> {
        self.counters.get(&counter).and_then(|(_, state)| state.as_ref())
    }

    fn judge(&self, joints: &mut [Joint<'_>], shadow: bool, now: Timestamp) {
        for joint in joints.iter_mut().filter(|joint| is_shadow(&joint.charge) == shadow) {
            let Charge { counter, algorithm, terms, block, .. } = joint.charge;
            joint.judged = algorithm.judge(self.state(counter), terms, now, joint.charge.judged_cost());
            let block = block.and_then(|_| self.blocks.get(&(counter, shadow)));
            if let Some(remaining) = block.and_then(|block| block.remaining(now)) {
                joint.blocked = true;
                joint.judged = longer(joint.judged, remaining);
            }
        }
    }

    fn take(&mut self, joints: &mut [Joint<'_>], shadow: bool, now: Timestamp, ticket: Ticket) {
        for joint in joints.iter_mut().filter(|joint| is_shadow(&joint.charge) == shadow) {
            let Charge { counter, algorithm, terms, cost, mode, hold, .. } = joint.charge;
            joint.taken = joint.judged.is_ok() || mode == Mode::Soft;
            if !joint.taken {
                continue;
            }
            let (_, state) = self.counters.entry(counter).or_insert_with(|| (algorithm.clone(), None));
            let place = algorithm.reserve(state, terms, now, cost, LeaseId(ticket.0));
            if let Some(span) = hold {
                let hold = Hold { reserved: joint.reserved, place };
                self.holds.insert((counter, ticket.0), (hold, now.after(span)));
            }
        }
    }

    fn set_off(&mut self, joint: &mut Joint<'_>, now: Timestamp, fits: bool) {
        let key = (joint.charge.counter, is_shadow(&joint.charge));
        let Some(block) = joint.charge.block else { return };
        if joint.judged.is_ok() || joint.blocked || (key.1 && !fits) {
            return;
        }
        let state = block.set_off(self.blocks.get(&key).copied(), now);
        self.blocks.insert(key, state);
        joint.blocked = true;
        joint.judged = longer(joint.judged, state.remaining(now).unwrap_or(Nanos::ZERO));
    }

    fn warn(&mut self, joint: &mut Joint<'_>, now: Timestamp) {
        let Charge { counter, algorithm, terms, cost, hold, warn, .. } = joint.charge;
        if !joint.taken || (cost <= 0 && hold.is_none()) {
            return;
        }
        let (state, last) = (self.state(counter), self.warnings.get(&counter).copied());
        let mark = warning::reached(warn, algorithm, state, terms, now);
        let given = mark.and_then(|mark| warning::given(mark, last, algorithm, state, now));
        if let Some(given) = given {
            joint.warned = mark;
            self.warnings.insert(counter, given);
        }
    }

    fn verdict(&self, joint: &Joint<'_>, now: Timestamp) -> Verdict {
        let Charge { counter, algorithm, terms, .. } = joint.charge;
        let status = algorithm.status(self.state(counter), terms, now);
        let verdict = Verdict::new(joint.judged, status, Counted::Own);
        Verdict { blocked: joint.blocked, warned: joint.warned, ..verdict }
    }

    /// What was found expired stays so.
    fn settle(&mut self, now: Timestamp, settlement: &Settlement<'_>) -> Settled {
        let key = (settlement.counter, settlement.ticket.0);
        let Some((hold, until)) = self.holds.remove(&key) else { return Settled::Gone };
        if now >= until {
            return Settled::Gone;
        }
        let algorithm = settlement.algorithm;
        let (_, state) = self.counters.entry(key.0).or_insert_with(|| (algorithm.clone(), None));
        algorithm.settle(state, &hold, now, settlement.actual);
        Settled::Replaced { reserved: hold.reserved }
    }
}

//! A store that forgets nothing and looks at everything.

use std::collections::HashMap;

use limitrate_core::{
    algorithm::{Algorithm, Hold, LeaseId, Refusal, State, Status, Terms},
    block,
    charge::{Charge, Counted, Fail, Mode, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
    warning,
};
use limitrate_runtime::store::{Lease, Settlement, memory::NO_ROOM_RETRY};

use crate::SECOND;

/// One counter of the model, with the algorithm that keeps it.
type Counters = HashMap<CounterKey, (&'static Algorithm, Option<State>)>;

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) own: Counters,
    pub(crate) shared: Counters,
    /// By counter and ticket, with the expiry.
    holds: HashMap<(CounterKey, u64), (Hold, Timestamp)>,
    /// By counter, and whether they are of shadow charges.
    blocks: HashMap<(CounterKey, bool), block::State>,
    warnings: HashMap<CounterKey, warning::State>,
}

/// What the model says of all charges of a decision on one counter, shadow ones apart.
struct Joint {
    key: CounterKey,
    charge: Charge<'static>,
    reserved: i64,
    counted: Counted,
    judged: Result<(), Refusal>,
    blocked: bool,
    taken: bool,
    warned: Option<i64>,
}

fn is_shadow(charge: &Charge<'_>) -> bool {
    charge.mode == Mode::Shadow
}

fn position(joints: &[Joint], key: CounterKey, shadow: bool) -> Option<usize> {
    joints.iter().position(|known| known.key == key && is_shadow(&known.charge) == shadow)
}

fn joint(into: &mut Vec<Joint>, key: CounterKey, charge: Charge<'static>, counted: Counted) {
    let reserved = if charge.hold.is_some() { charge.cost } else { 0 };
    let Some(known) = position(into, key, is_shadow(&charge)) else {
        let (blocked, taken, warned) = (false, false, None);
        into.push(Joint { key, charge, reserved, counted, judged: Ok(()), blocked, taken, warned });
        return;
    };
    let known = &mut into[known];
    known.reserved += reserved;
    let (sum, terms) = (&mut known.charge, charge.terms);
    sum.cost = if sum.cost < 0 || charge.cost < 0 { -1 } else { sum.cost + charge.cost };
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

fn scaled(amount: i64, share: i64) -> i64 {
    if amount > 0 { (amount * share / 1_000_000).max(1) } else { amount }
}

fn longer(judged: Result<(), Refusal>, block: Nanos) -> Result<(), Refusal> {
    match judged {
        Ok(()) => Err(Refusal::Wait(block)),
        Err(Refusal::Wait(wait)) => Err(Refusal::Wait(wait.max(block))),
        Err(Refusal::Never) => judged,
    }
}

impl Model {
    fn state(&self, joint: &Joint) -> Option<&State> {
        let counters = if joint.counted == Counted::Shared { &self.shared } else { &self.own };
        counters.get(&joint.key).and_then(|(_, state)| state.as_ref())
    }

    fn idle_at(&self, key: CounterKey) -> Option<Timestamp> {
        self.own.get(&key).and_then(|(algorithm, state)| Some(algorithm.idle_at(state.as_ref()?)))
    }

    /// Whether the counter still counts.
    pub(crate) fn is_live(&self, key: CounterKey, now: Timestamp) -> bool {
        self.idle_at(key).is_some_and(|idle_at| now < idle_at)
    }

    /// Whether a full sweep at `now` would leave the counter: what is idle is kept for up to a second.
    pub(crate) fn is_kept(&self, key: CounterKey, now: Timestamp) -> bool {
        self.idle_at(key).is_some_and(|idle_at| now.since(idle_at) < SECOND)
    }

    pub(crate) fn kept(&self, now: Timestamp) -> usize {
        self.own.keys().filter(|key| self.is_kept(**key, now)).count()
    }

    /// How many reservations may still be settled.
    pub(crate) fn open(&self, now: Timestamp) -> usize {
        self.holds.values().filter(|(_, until)| now < *until).count()
    }

    fn judge(&self, joint: &Joint, now: Timestamp) -> Result<(), Refusal> {
        let Charge { algorithm, terms, cost, fail, hold, .. } = joint.charge;
        let cost = if cost == 0 && hold.is_some() { 1 } else { cost };
        match joint.counted {
            Counted::Nowhere if fail == Fail::Open => Ok(()),
            Counted::Nowhere => Err(Refusal::Wait(NO_ROOM_RETRY)),
            Counted::Own => algorithm.judge(self.state(joint), terms, now, cost),
            Counted::Shared => match algorithm.judge(self.state(joint), terms, now, cost) {
                Err(Refusal::Never) => Err(Refusal::Wait(NO_ROOM_RETRY)),
                judged => judged,
            },
        }
    }

    fn verdict(&self, own: &Joint, joint: &Joint, now: Timestamp) -> Verdict {
        let Charge { algorithm, terms, .. } = joint.charge;
        let judged = own.judged.and(joint.judged);
        let status = match (joint.counted, judged) {
            (Counted::Nowhere, Err(_)) => Status { remaining: 0, reset_after: NO_ROOM_RETRY },
            (Counted::Nowhere, Ok(())) => algorithm.status(None, terms, now),
            (Counted::Own | Counted::Shared, _) => algorithm.status(self.state(joint), terms, now),
        };
        let verdict = Verdict::new(judged, status, joint.counted);
        Verdict { blocked: own.blocked, warned: own.warned, ..verdict }
    }

    /// Decides as the store should have, where it counted each charge being given.
    pub(crate) fn decide(
        &mut self,
        now: Timestamp,
        charges: &[Charge<'static>],
        counted: &[Counted],
        ticket: u64,
    ) -> (bool, Vec<Verdict>) {
        let mut own = Vec::new();
        for (charge, counted) in charges.iter().zip(counted) {
            joint(&mut own, charge.counter, *charge, *counted);
        }
        let mut shared = Vec::new();
        for part in own.iter().filter(|part| part.counted == Counted::Shared) {
            let Fail::Local(share) = part.charge.fail else { panic!("shared without `fail local`") };
            let Terms { ceiling, burst, starting } = part.charge.terms;
            let terms = Terms {
                ceiling: scaled(ceiling, share),
                burst: scaled(burst, share),
                starting: starting.map(|amount| amount * share / 1_000_000),
            };
            joint(&mut shared, part.charge.limit, Charge { terms, ..part.charge }, Counted::Shared);
        }
        self.judge_all(&mut own, &mut shared, false, now);
        let all = own.iter().chain(&shared);
        let fits = all.filter(|part| part.charge.mode == Mode::Enforce).all(|part| part.judged.is_ok());
        if fits {
            self.take_all(&mut own, &shared, false, now, ticket);
        }
        self.judge_all(&mut own, &mut shared, true, now);
        if fits {
            self.take_all(&mut own, &shared, true, now, ticket);
        }
        for part in own.iter_mut().filter(|part| part.counted == Counted::Own) {
            self.set_off(part, now, fits);
            self.warn(part, now);
        }
        let verdict = |charge: &Charge<'_>| {
            let own = &own[position(&own, charge.counter, is_shadow(charge)).unwrap()];
            let is_apart = own.counted == Counted::Shared;
            let apart = is_apart.then(|| position(&shared, charge.limit, is_shadow(charge)).unwrap());
            self.verdict(own, apart.map_or(own, |position| &shared[position]), now)
        };
        (fits, charges.iter().map(verdict).collect())
    }

    fn judge_all(&self, own: &mut [Joint], shared: &mut [Joint], shadow: bool, now: Timestamp) {
        for part in own.iter_mut().chain(&mut *shared).filter(|part| is_shadow(&part.charge) == shadow) {
            let is_apart = part.counted == Counted::Shared && part.key != part.charge.limit;
            part.judged = if is_apart { Ok(()) } else { self.judge(part, now) };
            let block = part.charge.block.and_then(|_| self.blocks.get(&(part.key, shadow)));
            if let Some(remaining) = block.and_then(|block| block.remaining(now)) {
                part.blocked = true;
                part.judged = longer(part.judged, remaining);
            }
        }
    }

    fn take_all(&mut self, own: &mut [Joint], shared: &[Joint], shadow: bool, now: Timestamp, ticket: u64) {
        for part in own.iter_mut().filter(|part| is_shadow(&part.charge) == shadow) {
            let Charge { algorithm, cost, limit, hold, mut terms, .. } = part.charge;
            let mut fits = part.judged.is_ok();
            let (counters, key, lease) = match part.counted {
                Counted::Own => (&mut self.own, part.key, ticket),
                // Here a key's leases need only differ from those of other keys.
                Counted::Shared => {
                    let on = &shared[position(shared, limit, shadow).unwrap()];
                    terms = on.charge.terms;
                    fits &= on.judged.is_ok();
                    (&mut self.shared, limit, lease_of(part.key, ticket))
                }
                Counted::Nowhere => continue,
            };
            part.taken = fits || part.charge.mode == Mode::Soft;
            if !part.taken {
                continue;
            }
            let (_, state) = counters.entry(key).or_insert((algorithm, None));
            let place = algorithm.reserve(state, terms, now, cost, LeaseId(lease));
            if let Some(span) = hold {
                let hold = Hold { reserved: part.reserved, place };
                self.holds.insert((key, lease), (hold, now.after(span)));
            }
        }
    }

    fn set_off(&mut self, part: &mut Joint, now: Timestamp, fits: bool) {
        let shadow = is_shadow(&part.charge);
        let Some(block) = part.charge.block else { return };
        if part.judged.is_ok() || part.blocked || (shadow && !fits) {
            return;
        }
        let last = self.blocks.get(&(part.key, shadow)).copied();
        let state = block.set_off(last, now);
        self.blocks.insert((part.key, shadow), state);
        part.blocked = true;
        part.judged = longer(part.judged, state.remaining(now).unwrap());
    }

    fn warn(&mut self, part: &mut Joint, now: Timestamp) {
        let Charge { algorithm, terms, cost, hold, warn, .. } = part.charge;
        if !part.taken || (cost <= 0 && hold.is_none()) {
            return;
        }
        let state = self.own.get(&part.key).and_then(|(_, state)| state.as_ref());
        let last = self.warnings.get(&part.key).copied();
        let mark = warning::reached(warn, algorithm, state, terms, now);
        if let Some(given) = mark.and_then(|mark| warning::given(mark, last, algorithm, state, now)) {
            part.warned = mark;
            self.warnings.insert(part.key, given);
        }
    }

    /// What was reserved, if it may still be settled. What was found expired stays so.
    pub(crate) fn settle(&mut self, now: Timestamp, settlement: &Settlement<'static>) -> Option<i64> {
        let Settlement { counter, algorithm, ticket, actual, .. } = *settlement;
        let (hold, until) = self.holds.remove(&(counter, ticket.0))?;
        if now >= until {
            return None;
        }
        let (_, state) = self.own.entry(counter).or_insert((algorithm, None));
        algorithm.settle(state, &hold, now, actual);
        Some(hold.reserved)
    }

    pub(crate) fn release(&mut self, now: Timestamp, lease: Lease) -> bool {
        let shared = lease_of(lease.counter, lease.ticket.0);
        [(&mut self.own, lease.counter, lease.ticket.0), (&mut self.shared, lease.limit, shared)]
            .into_iter()
            .any(|(counters, key, id)| end_lease(counters, key, now, LeaseId(id)))
    }
}

fn lease_of(counter: CounterKey, ticket: u64) -> u64 {
    ticket + 1_000 * u64::try_from(counter.0 % 1_000_000_007).unwrap()
}

fn end_lease(counters: &mut Counters, key: CounterKey, now: Timestamp, id: LeaseId) -> bool {
    let Some((algorithm, state)) = counters.get_mut(&key) else { return false };
    let before = algorithm.used(state.as_ref(), now);
    if let Some(State::InFlight(leases)) = state {
        leases.release(id);
    }
    algorithm.used(state.as_ref(), now) != before
}

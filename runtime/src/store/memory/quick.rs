//! Plain charges on counters that are there: decided without a lock and without allocating.
//!
//! One charge looks at its slot, judges, and replaces what it saw. Several look at all slots first: if one does not fit,
//! nothing is written, once it is sure that all of what was seen was there at the same time; if all fit, each slot is
//! held as it was seen, in the order of the keys, and only then is anything written. If anything has changed in between,
//! all of it starts anew: then another decision has gone through.

use arrayvec::ArrayVec;
use limitrate_core::{
    algorithm::{LeaseId, Refusal, State},
    charge::{Charge, Counted, Verdict},
    key::CounterKey,
    time::Timestamp,
};

use super::{
    MemoryStore,
    entry::Step,
    pages::Pages,
    shard::Kind,
    slot::{Look, Narrow, NarrowKept, Slot, Wide, WideKept},
    sync::Spin,
};
use crate::store::Verdicts;

/// The most charges of a decision that is made so.
const MOST: usize = 8;

/// How often several charges start anew before they take locks.
const TRIES: usize = 32;

/// The step of a plain charge: it takes no lease, or not here.
#[inline]
fn step<'p>(now: Timestamp, charge: &Charge<'p>) -> Step<'p> {
    Step { algorithm: charge.algorithm, terms: charge.terms, now, cost: charge.cost, lease: LeaseId(0) }
}

/// Decides one plain charge. `None` if its counter is not in a slot, or will not be.
#[inline]
pub(super) fn charge_one(store: &MemoryStore, now: Timestamp, charge: &Charge<'_>) -> Option<Verdict> {
    let (shard, key) = (store.shard(charge.counter)?, charge.counter);
    match Kind::of(charge) {
        Kind::Narrow => charge_slot(&shard.narrow, key, &step(now, charge))
            .or_else(|| charge_slot(&shard.wide, key, &step(now, charge))),
        Kind::Wide => charge_slot(&shard.wide, key, &step(now, charge)),
        Kind::Listed => None,
    }
}

#[inline]
fn charge_slot<S: Slot>(pages: &Pages<S>, key: CounterKey, step: &Step<'_>) -> Option<Verdict> {
    let mut slot = pages.find(key)?.slot();
    let mut spin = Spin::default();
    loop {
        match slot.look(key) {
            Look::Kept(seen) => {
                let mut state = Some(S::state(seen));
                let judged = step.judge(state.as_ref());
                let has_gone_through = if judged.is_ok() && step.cost > 0 {
                    step.take(&mut state);
                    let fresh = state.as_ref().and_then(|state| S::kept(state, step.idle_at(state)));
                    slot.try_replace(seen, fresh.filter(|fresh| S::may_become(seen, *fresh))?)
                } else {
                    slot.is_unchanged(seen)
                };
                if has_gone_through {
                    return Some(Verdict::new(judged, step.status(state.as_ref()), Counted::Own));
                }
            }
            Look::Held => spin.wait(),
            Look::Gone => slot = pages.find(key)?.slot(),
        }
    }
}

/// A slot of either kind, and what was seen in it.
#[derive(Debug, Clone, Copy)]
enum Seen<'s> {
    Narrow(&'s Narrow, NarrowKept),
    Wide(&'s Wide, WideKept),
}

impl<'s> Seen<'s> {
    /// Waits for nobody: `None` also if somebody holds the slot.
    fn look(store: &'s MemoryStore, charge: &Charge<'_>) -> Result<Self, Missing> {
        let (shard, key) = (store.shard(charge.counter).ok_or(Missing::Gone)?, charge.counter);
        match Kind::of(charge) {
            Kind::Narrow => match look_in(&shard.narrow, key) {
                Ok((slot, kept)) => Ok(Self::Narrow(slot, kept)),
                Err(Missing::Held) => Err(Missing::Held),
                Err(Missing::Gone) => look_in(&shard.wide, key).map(|(slot, kept)| Self::Wide(slot, kept)),
            },
            Kind::Wide => look_in(&shard.wide, key).map(|(slot, kept)| Self::Wide(slot, kept)),
            Kind::Listed => Err(Missing::Gone),
        }
    }

    fn state(self) -> State {
        match self {
            Self::Narrow(_, kept) => Narrow::state(kept),
            Self::Wide(_, kept) => Wide::state(kept),
        }
    }

    fn is_unchanged(self) -> bool {
        match self {
            Self::Narrow(slot, kept) => slot.is_unchanged(kept),
            Self::Wide(slot, kept) => slot.is_unchanged(kept),
        }
    }

    fn try_hold(self) -> bool {
        match self {
            Self::Narrow(slot, kept) => slot.try_hold(kept),
            Self::Wide(slot, kept) => slot.try_hold(kept),
        }
    }

    fn restore(self) {
        match self {
            Self::Narrow(slot, kept) => slot.restore(kept),
            Self::Wide(slot, kept) => slot.restore(kept),
        }
    }

    /// What to keep instead; `None` if the slot cannot.
    fn fresh(self, state: &State, idle_at: Timestamp) -> Option<Self> {
        match self {
            Self::Narrow(slot, kept) => Narrow::kept(state, idle_at)
                .filter(|fresh| Narrow::may_become(kept, *fresh))
                .map(|fresh| Self::Narrow(slot, fresh)),
            Self::Wide(slot, _) => Wide::kept(state, idle_at).map(|fresh| Self::Wide(slot, fresh)),
        }
    }

    fn release(self, fresh: Self) {
        match (self, fresh) {
            (Self::Narrow(slot, held), Self::Narrow(_, fresh)) => slot.release(held, fresh),
            (Self::Wide(slot, held), Self::Wide(_, fresh)) => slot.release(held, fresh),
            (held @ Self::Narrow(..), Self::Wide(..)) | (held @ Self::Wide(..), Self::Narrow(..)) => {
                held.restore()
            }
        }
    }
}

/// Why a slot was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Held,
    Gone,
}

#[inline]
fn look_in<S: Slot>(pages: &Pages<S>, key: CounterKey) -> Result<(&S, S::Kept), Missing> {
    let slot = pages.find(key).ok_or(Missing::Gone)?.slot();
    match slot.look(key) {
        Look::Kept(kept) => Ok((slot, kept)),
        // One that has gone may be elsewhere by now.
        Look::Held | Look::Gone => Err(Missing::Held),
    }
}

/// One charge of several.
struct Each<'s, 'c, 'p> {
    charge: &'c Charge<'p>,
    seen: Seen<'s>,
    fresh: Seen<'s>,
    state: Option<State>,
    judged: Result<(), Refusal>,
}

type All<'s, 'c, 'p> = ArrayVec<Each<'s, 'c, 'p>, MOST>;

/// Decides several plain charges on different counters; whether they were taken. `None` if that needs locks.
pub(super) fn charge_several(
    store: &MemoryStore,
    now: Timestamp,
    charges: &[Charge<'_>],
    verdicts: &mut Verdicts,
) -> Option<bool> {
    if charges.len() < 2 || charges.len() > MOST || !charges.iter().all(Charge::is_plain) {
        return None;
    }
    let mut order: ArrayVec<usize, MOST> = (0..charges.len()).collect();
    let key = |position: &usize| charges.get(*position).map(|charge| charge.counter);
    order.sort_unstable_by_key(key);
    if order.windows(2).any(|pair| matches!(pair, [a, b] if key(a) == key(b))) {
        return None;
    }
    let mut spin = Spin::default();
    for _ in 0..TRIES {
        let all = match look_at_all(store, now, charges) {
            Ok(all) => all?,
            Err(()) => {
                spin.wait();
                continue;
            }
        };
        let fits = all.iter().all(|each| each.judged.is_ok());
        let has_gone_through =
            if fits { take_all(&all, &order) } else { all.iter().all(|each| each.seen.is_unchanged()) };
        if has_gone_through {
            verdicts.extend(all.iter().map(|each| {
                let before;
                let state = if fits {
                    each.state.as_ref()
                } else {
                    before = each.seen.state();
                    Some(&before)
                };
                Verdict::new(each.judged, step(now, each.charge).status(state), Counted::Own)
            }));
            return Some(fits);
        }
    }
    None
}

/// Judges all charges by what is seen. `Ok(None)` if one of them is in no slot, `Err` if somebody holds one.
fn look_at_all<'s, 'c, 'p>(
    store: &'s MemoryStore,
    now: Timestamp,
    charges: &'c [Charge<'p>],
) -> Result<Option<All<'s, 'c, 'p>>, ()> {
    let mut all = All::new();
    for charge in charges {
        let seen = match Seen::look(store, charge) {
            Ok(seen) => seen,
            Err(Missing::Held) => return Err(()),
            Err(Missing::Gone) => return Ok(None),
        };
        let step = step(now, charge);
        let mut state = Some(seen.state());
        let judged = step.judge(state.as_ref());
        let mut fresh = seen;
        if judged.is_ok() && charge.cost > 0 {
            step.take(&mut state);
            let Some(new) = state.as_ref().and_then(|state| seen.fresh(state, step.idle_at(state))) else {
                return Ok(None);
            };
            fresh = new;
        }
        all.push(Each { charge, seen, fresh, state, judged });
    }
    Ok(Some(all))
}

/// Takes all charges, which fit what was seen, or none if that has changed.
fn take_all(all: &All<'_, '_, '_>, order: &[usize]) -> bool {
    let ordered = || order.iter().filter_map(|position| all.get(*position));
    let held = ordered().take_while(|each| each.seen.try_hold()).count();
    if held < all.len() {
        ordered().take(held).for_each(|each| each.seen.restore());
        return false;
    }
    for each in ordered() {
        if each.charge.cost > 0 {
            each.seen.release(each.fresh);
        } else {
            each.seen.restore();
        }
    }
    true
}

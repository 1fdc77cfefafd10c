//! Plain charges on counters that are there: decided without a lock and without allocating.
//!
//! One charge looks at its slot, judges, and replaces what it saw. Several look at all slots first: if one does not fit,
//! nothing is written, once it is sure that all of what was seen was there at the same time; if all fit, each slot is
//! held as it was seen, in the order of the keys, and only then is anything written. If anything has changed in between,
//! all of it starts anew: then another decision has gone through.

use arrayvec::ArrayVec;
use limitrate_core::{
    algorithm::{Charged, Small},
    charge::{Charge, Counted, Verdict},
    key::CounterKey,
    time::Timestamp,
};

use super::{
    MemoryStore,
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

/// What a plain charge comes to on what is seen.
#[inline]
fn charged(now: Timestamp, charge: &Charge<'_>, seen: Small) -> Charged {
    charge.algorithm.charge(Some(seen), charge.terms, now, charge.cost)
}

/// Decides one plain charge. `None` if its counter is not in a slot, or will not be.
#[inline]
pub(super) fn charge_one(store: &MemoryStore, now: Timestamp, charge: &Charge<'_>) -> Option<Verdict> {
    let shard = store.shard(charge.counter)?;
    match Kind::of(charge) {
        Kind::Narrow => {
            charge_slot(&shard.narrow, now, charge).or_else(|| charge_slot(&shard.wide, now, charge))
        }
        Kind::Wide => charge_slot(&shard.wide, now, charge),
        Kind::Listed => None,
    }
}

#[inline]
fn charge_slot<S: Slot>(pages: &Pages<S>, now: Timestamp, charge: &Charge<'_>) -> Option<Verdict> {
    let key = charge.counter;
    let mut slot = pages.find(key)?.slot();
    let mut spin = Spin::default();
    loop {
        match slot.look(key) {
            Look::Kept(seen) => {
                let Charged { judged, fresh, status } = charged(now, charge, S::small(seen));
                let has_gone_through = match fresh {
                    Some((fresh, idle_at)) => {
                        let fresh = S::keep(fresh, idle_at).filter(|fresh| S::may_become(seen, *fresh))?;
                        slot.try_replace(seen, fresh)
                    }
                    None => slot.is_unchanged(seen),
                };
                if has_gone_through {
                    return Some(Verdict::new(judged, status, Counted::Own));
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
    #[inline]
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

    #[inline]
    fn small(self) -> Small {
        match self {
            Self::Narrow(_, kept) => Narrow::small(kept),
            Self::Wide(_, kept) => Wide::small(kept),
        }
    }

    fn is_unchanged(self) -> bool {
        match self {
            Self::Narrow(slot, kept) => slot.is_unchanged(kept),
            Self::Wide(slot, kept) => slot.is_unchanged(kept),
        }
    }

    #[inline]
    fn try_hold(self) -> bool {
        match self {
            Self::Narrow(slot, kept) => slot.try_hold(kept),
            Self::Wide(slot, kept) => slot.try_hold(kept),
        }
    }

    #[inline]
    fn restore(self) {
        match self {
            Self::Narrow(slot, kept) => slot.restore(kept),
            Self::Wide(slot, kept) => slot.restore(kept),
        }
    }

    /// What to keep instead; `None` if the slot cannot.
    #[inline]
    fn fresh(self, state: Small, idle_at: Timestamp) -> Option<Self> {
        match self {
            Self::Narrow(slot, kept) => Narrow::keep(state, idle_at)
                .filter(|fresh| Narrow::may_become(kept, *fresh))
                .map(|fresh| Self::Narrow(slot, fresh)),
            Self::Wide(slot, _) => Wide::keep(state, idle_at).map(|fresh| Self::Wide(slot, fresh)),
        }
    }

    #[inline]
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
struct Each<'s> {
    seen: Seen<'s>,
    /// What to keep instead, if anything.
    fresh: Option<Seen<'s>>,
    verdict: Verdict,
}

type All<'s> = ArrayVec<Each<'s>, MOST>;

/// The positions of charges in the order of their keys.
type Order = ArrayVec<(CounterKey, usize), MOST>;

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
    let mut order: Order = charges.iter().map(|charge| charge.counter).zip(0..).collect();
    order.sort_unstable();
    if order.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
        return None;
    }
    let mut spin = Spin::default();
    for _ in 0..TRIES {
        let mut all = All::new();
        match look_at_all(store, now, charges, &mut all) {
            Ok(()) => {}
            Err(Missing::Gone) => return None,
            Err(Missing::Held) => {
                spin.wait();
                continue;
            }
        }
        let fits = all.iter().all(|each| each.verdict.judged.is_ok());
        let has_gone_through =
            if fits { take_all(&all, &order) } else { all.iter().all(|each| each.seen.is_unchanged()) };
        if has_gone_through {
            verdicts.extend(all.iter().zip(charges).map(|(each, charge)| {
                let mut verdict = each.verdict;
                if !fits && each.fresh.is_some() {
                    // It would have fitted, and was not taken.
                    verdict.status = charged(now, &Charge { cost: 0, ..*charge }, each.seen.small()).status;
                }
                verdict
            }));
            return Some(fits);
        }
    }
    None
}

/// Judges all charges by what is seen, as if each were alone. Fails if one of them is in no slot that can keep what it
/// comes to, or somebody holds one.
#[inline]
fn look_at_all<'s>(
    store: &'s MemoryStore,
    now: Timestamp,
    charges: &[Charge<'_>],
    all: &mut All<'s>,
) -> Result<(), Missing> {
    for charge in charges {
        let seen = Seen::look(store, charge)?;
        let Charged { judged, fresh, status } = charged(now, charge, seen.small());
        let fresh = match fresh {
            Some((fresh, idle_at)) => Some(seen.fresh(fresh, idle_at).ok_or(Missing::Gone)?),
            None => None,
        };
        all.push(Each { seen, fresh, verdict: Verdict::new(judged, status, Counted::Own) });
    }
    Ok(())
}

/// Takes all charges, which fit what was seen, or none if that has changed.
#[inline]
fn take_all(all: &All<'_>, order: &Order) -> bool {
    let ordered = || order.iter().filter_map(|(_, position)| all.get(*position));
    let held = ordered().take_while(|each| each.seen.try_hold()).count();
    if held < all.len() {
        ordered().take(held).for_each(|each| each.seen.restore());
        return false;
    }
    for each in ordered() {
        match each.fresh {
            Some(fresh) => each.seen.release(fresh),
            None => each.seen.restore(),
        }
    }
    true
}

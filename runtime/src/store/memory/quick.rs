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
    time::Timestamp,
};

use super::{
    MemoryStore,
    pages::Pages,
    shard::Kind,
    slot::{Look, Narrow, Slot, Wide},
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
    charge.algorithm.charge(Some(seen), &charge.terms, now, charge.cost)
}

/// Decides one plain charge; whether it fits. `None` if its counter is not in a slot, or will not be.
///
/// What it came to is written where it belongs at once: to read it back in wider pieces than it was written in would
/// cost as much as to charge.
#[inline(always)]
pub(super) fn charge_one(
    store: &MemoryStore,
    now: Timestamp,
    charge: &Charge<'_>,
    verdicts: &mut Verdicts,
) -> Option<bool> {
    let shard = store.shard(charge.counter)?;
    match Kind::of(charge) {
        Kind::Narrow => charge_slot(&shard.narrow, now, charge, verdicts)
            .or_else(|| charge_slot(&shard.wide, now, charge, verdicts)),
        Kind::Wide => charge_slot(&shard.wide, now, charge, verdicts),
        Kind::Listed => None,
    }
}

#[inline]
fn charge_slot<S: Slot>(
    pages: &Pages<S>,
    now: Timestamp,
    charge: &Charge<'_>,
    verdicts: &mut Verdicts,
) -> Option<bool> {
    let key = charge.counter;
    let (mut slot, mut look) = pages.seek(key)?;
    let mut spin = Spin::default();
    loop {
        match look {
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
                    verdicts.push(Verdict::new(judged, status, Counted::Own));
                    return Some(judged.is_ok());
                }
            }
            Look::Held => spin.wait(),
            Look::Gone => {
                (slot, look) = pages.seek(key)?;
                continue;
            }
        }
        look = slot.look(key);
    }
}

/// Why a slot was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Held,
    Gone,
}

/// A slot of one charge of several.
#[derive(Debug)]
struct Looked<'s, S: Slot> {
    slot: &'s S,
    seen: S::Kept,
    /// What to keep instead, if anything.
    fresh: Option<S::Kept>,
}

impl<'s, S: Slot> Looked<'s, S> {
    /// Judges a charge by what is seen, as if it were alone. Waits for nobody: it fails also if somebody holds the slot,
    /// or it cannot keep what the charge comes to.
    // Inlined so that what it finds is written once, where it is kept: to move it would be to wait for that.
    #[inline(always)]
    fn new(
        pages: &'s Pages<S>,
        now: Timestamp,
        charge: &Charge<'_>,
        verdicts: &mut Verdicts,
    ) -> Result<Self, Missing> {
        let (slot, look) = pages.seek(charge.counter).ok_or(Missing::Gone)?;
        let Look::Kept(seen) = look else { return Err(Missing::Held) };
        let Charged { judged, fresh, status } = charged(now, charge, S::small(seen));
        let fresh = match fresh {
            Some((fresh, idle_at)) => {
                let fresh = S::keep(fresh, idle_at).filter(|fresh| S::may_become(seen, *fresh));
                Some(fresh.ok_or(Missing::Gone)?)
            }
            None => None,
        };
        verdicts.push(Verdict::new(judged, status, Counted::Own));
        Ok(Self { slot, seen, fresh })
    }

    /// What the slot keeps if nothing is taken, where something would have been.
    #[inline]
    fn untaken(&self) -> Option<Small> {
        self.fresh.map(|_| S::small(self.seen))
    }

    #[inline]
    fn release(&self) {
        match self.fresh {
            Some(fresh) => self.slot.release(self.seen, fresh),
            None => self.slot.restore(self.seen),
        }
    }
}

/// A slot of either kind.
#[derive(Debug)]
enum Each<'s> {
    Narrow(Looked<'s, Narrow>),
    Wide(Looked<'s, Wide>),
}

impl<'s> Each<'s> {
    #[inline(always)]
    fn new(
        store: &'s MemoryStore,
        now: Timestamp,
        charge: &Charge<'_>,
        verdicts: &mut Verdicts,
    ) -> Result<Self, Missing> {
        let shard = store.shard(charge.counter).ok_or(Missing::Gone)?;
        match Kind::of(charge) {
            Kind::Narrow => match Looked::new(&shard.narrow, now, charge, verdicts) {
                Ok(looked) => return Ok(Self::Narrow(looked)),
                Err(Missing::Held) => return Err(Missing::Held),
                Err(Missing::Gone) => {}
            },
            Kind::Wide => {}
            Kind::Listed => return Err(Missing::Gone),
        }
        Looked::new(&shard.wide, now, charge, verdicts).map(Self::Wide)
    }

    #[inline]
    fn is_unchanged(&self) -> bool {
        match self {
            Self::Narrow(looked) => looked.slot.is_unchanged(looked.seen),
            Self::Wide(looked) => looked.slot.is_unchanged(looked.seen),
        }
    }

    #[inline]
    fn try_hold(&self) -> bool {
        match self {
            Self::Narrow(looked) => looked.slot.try_hold(looked.seen),
            Self::Wide(looked) => looked.slot.try_hold(looked.seen),
        }
    }

    #[inline]
    fn restore(&self) {
        match self {
            Self::Narrow(looked) => looked.slot.restore(looked.seen),
            Self::Wide(looked) => looked.slot.restore(looked.seen),
        }
    }

    #[inline]
    fn release(&self) {
        match self {
            Self::Narrow(looked) => looked.release(),
            Self::Wide(looked) => looked.release(),
        }
    }

    fn untaken(&self) -> Option<Small> {
        match self {
            Self::Narrow(looked) => looked.untaken(),
            Self::Wide(looked) => looked.untaken(),
        }
    }
}

type All<'s> = ArrayVec<Each<'s>, MOST>;

/// The positions of charges in the order of their keys.
type Order = ArrayVec<usize, MOST>;

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
    let order = ordered(charges)?;
    let mut spin = Spin::default();
    for _ in 0..TRIES {
        verdicts.clear();
        let mut all = All::new();
        match look_at_all(store, now, charges, verdicts, &mut all) {
            Ok(()) => {}
            Err(Missing::Gone) => break,
            Err(Missing::Held) => {
                spin.wait();
                continue;
            }
        }
        let fits = verdicts.iter().all(|verdict| verdict.judged.is_ok());
        let has_gone_through = if fits { take_all(&all, &order) } else { all.iter().all(Each::is_unchanged) };
        if has_gone_through {
            if !fits {
                give_back(&all, now, charges, verdicts);
            }
            return Some(fits);
        }
    }
    verdicts.clear();
    None
}

/// The order of the charges' keys; `None` where two have the same.
#[inline]
fn ordered(charges: &[Charge<'_>]) -> Option<Order> {
    let mut order = Order::new();
    for (position, charge) in charges.iter().enumerate() {
        let mut at = order.len();
        order.push(position);
        while let Some(before) = at.checked_sub(1) {
            let other = charges.get(*order.get(before)?)?.counter;
            if other == charge.counter {
                return None;
            }
            if other < charge.counter {
                break;
            }
            order.swap(before, at);
            at = before;
        }
    }
    Some(order)
}

#[inline]
fn look_at_all<'s>(
    store: &'s MemoryStore,
    now: Timestamp,
    charges: &[Charge<'_>],
    verdicts: &mut Verdicts,
    all: &mut All<'s>,
) -> Result<(), Missing> {
    for charge in charges {
        all.push(Each::new(store, now, charge, verdicts)?);
    }
    Ok(())
}

/// Takes all charges, which fit what was seen, or none if that has changed.
#[inline]
fn take_all(all: &All<'_>, order: &Order) -> bool {
    let ordered = || order.iter().filter_map(|position| all.get(*position));
    let held = ordered().take_while(|each| each.try_hold()).count();
    if held < all.len() {
        ordered().take(held).for_each(Each::restore);
        return false;
    }
    ordered().for_each(Each::release);
    true
}

/// Says of charges that would have fitted how their counters stand untouched.
fn give_back(all: &All<'_>, now: Timestamp, charges: &[Charge<'_>], verdicts: &mut Verdicts) {
    for ((each, charge), verdict) in all.iter().zip(charges).zip(verdicts) {
        if let Some(untaken) = each.untaken() {
            verdict.status = charged(now, &Charge { cost: 0, ..*charge }, untaken).status;
        }
    }
}

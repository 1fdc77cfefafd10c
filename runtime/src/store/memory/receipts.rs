//! What calls that named themselves were answered: one that is made again is answered alike, and not counted again.
//!
//! A call holds its name's part while it is charged, so that of two with one name at once only one is. Calls without a name,
//! as nearly all are, do not come here.

use std::{
    array,
    collections::{HashMap, VecDeque},
};

use limitrate_core::{charge::Verdict, key::CounterKey, time::Timestamp};

use super::sync::Mutex;
use crate::store::{Charged, contract::RECEIPT_KEPT};

/// Parts, so that calls of other names seldom wait for each other.
const PARTS: usize = 16;

/// How many answers are remembered at most. Beyond them the oldest is forgotten early: a call that comes again after that is
/// counted again.
pub const MAX_RECEIPTS: usize = 131_072;

/// The last answers by the names of their calls, which are [receipts'](crate::store::beside::receipt_key).
#[derive(Debug)]
pub(super) struct Receipts([Mutex<Part>; PARTS]);

#[derive(Debug, Default)]
struct Part {
    answers: HashMap<CounterKey, Answered>,
    /// In the order in which they came.
    order: VecDeque<CounterKey>,
}

/// What a call was answered, in as little room as that takes: some hundred bytes for one or two charges.
#[derive(Debug)]
struct Answered {
    taken: bool,
    now: Timestamp,
    verdicts: Box<[Verdict]>,
    until: Timestamp,
}

impl Answered {
    fn of(charged: &Charged, until: Timestamp) -> Self {
        let Charged { taken, now, verdicts, .. } = charged;
        Self { taken: *taken, now: *now, verdicts: verdicts.as_slice().into(), until }
    }

    fn charged(&self) -> Charged {
        Charged { taken: self.taken, now: self.now, verdicts: self.verdicts.as_ref().into(), degraded: false }
    }
}

impl Receipts {
    pub(super) fn new() -> Self {
        Self(array::from_fn(|_| Mutex::new(Part::default())))
    }

    /// The answer of this call, which is charged if it was not within the last while.
    pub(super) fn once(&self, now: Timestamp, call: CounterKey, charge: impl FnOnce() -> Charged) -> Charged {
        let part = usize::try_from(call.0 % PARTS as u128).ok().and_then(|part| self.0.get(part));
        let Some(part) = part else { return charge() };
        let mut part = part.lock();
        part.forget(now);
        if let Some(answered) = part.answers.get(&call).filter(|answered| now < answered.until) {
            return answered.charged();
        }
        let charged = charge();
        if part.answers.insert(call, Answered::of(&charged, now.after(RECEIPT_KEPT))).is_none() {
            part.order.push_back(call);
        }
        charged
    }
}

impl Part {
    /// Drops answers that are too old, and the oldest if there are too many.
    fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.order.front() {
            let is_over = self.answers.get(oldest).is_none_or(|answered| answered.until <= now);
            if !is_over && self.order.len() < MAX_RECEIPTS / PARTS {
                return;
            }
            self.answers.remove(oldest);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::time::Nanos;

    use super::*;
    use crate::store::Verdicts;

    fn charged(taken: bool) -> Charged {
        Charged { taken, now: Timestamp(0), verdicts: Verdicts::new(), degraded: false }
    }

    #[test]
    fn a_call_that_is_made_again_is_answered_as_it_was() {
        let receipts = Receipts::new();
        let (call, other) = (CounterKey(1), CounterKey(2));
        let end = Timestamp(RECEIPT_KEPT.0);
        assert!(receipts.once(Timestamp(0), call, || charged(true)).taken);
        assert!(receipts.once(Timestamp(end.0 - 1), call, || charged(false)).taken);
        assert!(!receipts.once(Timestamp(0), other, || charged(false)).taken);
        assert!(!receipts.once(end, call, || charged(false)).taken);
        assert!(!receipts.once(end.after(Nanos(1)), call, || charged(true)).taken);
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn no_more_are_remembered_than_there_is_room_for() {
        let receipts = Receipts::new();
        for number in 0..2 * MAX_RECEIPTS as u128 {
            receipts.once(Timestamp(0), CounterKey(number), || charged(true));
        }
        let kept: usize = receipts.0.iter().map(|part| part.lock().answers.len()).sum();
        assert!(kept <= MAX_RECEIPTS, "{kept}");
        let last = CounterKey(2 * MAX_RECEIPTS as u128 - 1);
        assert!(receipts.once(Timestamp(0), last, || charged(false)).taken);
    }
}

//! What a decision charges to one counter, and on which terms it does so when the counter finds no room.

use limitrate_core::{
    algorithm::{LeaseId, Refusal, Terms},
    charge::{Charge, Counted, Fail, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use smallvec::SmallVec;

use super::entry::Step;

/// Parts per million in a whole.
const WHOLE: i64 = 1_000_000;

/// A cost that never fits: that of charges whose sum is above every ceiling.
const NEVER_FITS: i64 = -1;

/// All charges of a decision on one counter, the shadow ones apart from the others.
#[derive(Debug)]
pub(in crate::store) struct Part<'p> {
    /// Their sum, under the strictest of their terms.
    pub(in crate::store) charge: Charge<'p>,
    /// How much of the cost is reserved.
    pub(in crate::store) reserved: i64,
    pub(in crate::store) counted: Counted,
    /// Whether there is room for its reservation.
    pub(in crate::store) holds: bool,
    /// Of one that is counted on the shared counter: what its block says. That counter's own verdict is apart.
    pub(in crate::store) judged: Result<(), Refusal>,
    /// Whether a block refused it or was set off by it.
    pub(in crate::store) blocked: bool,
    pub(in crate::store) taken: bool,
    pub(in crate::store) warned: Option<i64>,
}

pub(in crate::store) type Parts<'p> = SmallVec<[Part<'p>; 8]>;

/// Adds up the charges on each counter, to be counted there.
// It fills what the caller made: parts are too big to move about.
pub(in crate::store) fn merge<'p>(
    parts: &mut Parts<'p>,
    charges: impl IntoIterator<Item = Charge<'p>>,
    counted: Counted,
) {
    for charge in charges {
        if let Some(part) = parts.iter_mut().find(|part| part.is_on(charge.counter, charge.mode)) {
            part.add(&charge);
        } else {
            let reserved = if charge.hold.is_some() { charge.cost } else { 0 };
            parts.push(Part {
                charge,
                reserved,
                counted,
                holds: false,
                judged: Ok(()),
                blocked: false,
                taken: false,
                warned: None,
            });
        }
    }
}

/// The part that a charge on this counter went to.
pub(in crate::store) fn part_on<'a, 'p>(
    parts: &'a Parts<'p>,
    counter: CounterKey,
    mode: Mode,
) -> Option<&'a Part<'p>> {
    parts.iter().find(|part| part.is_on(counter, mode))
}

/// A verdict under a block that still runs for so long.
pub(in crate::store) fn blocked_for(block: Nanos, judged: Result<(), Refusal>) -> Result<(), Refusal> {
    match judged {
        Ok(()) => Err(Refusal::Wait(block)),
        Err(Refusal::Wait(wait)) => Err(Refusal::Wait(wait.max(block))),
        Err(Refusal::Never) => Err(Refusal::Never),
    }
}

impl<'p> Part<'p> {
    fn is_on(&self, counter: CounterKey, mode: Mode) -> bool {
        self.charge.counter == counter && self.is_shadow() == (mode == Mode::Shadow)
    }

    pub(in crate::store) fn is_shadow(&self) -> bool {
        self.charge.mode == Mode::Shadow
    }

    /// The charge of all, under the strictest of their terms; one that must fit makes it so for all.
    fn add(&mut self, other: &Charge<'p>) {
        let own = &mut self.charge;
        own.mode = if own.mode == other.mode { own.mode } else { Mode::Enforce };
        own.cost = if own.cost < 0 || other.cost < 0 {
            NEVER_FITS
        } else {
            let too_much = if own.mode == Mode::Soft { i64::MAX } else { NEVER_FITS };
            own.cost.checked_add(other.cost).unwrap_or(too_much)
        };
        if other.hold.is_some() {
            self.reserved = self.reserved.saturating_add(other.cost);
            own.hold = own.hold.max(other.hold);
        }
        own.block = own.block.or(other.block);
        own.warn = if own.warn.is_empty() { other.warn } else { own.warn };
        own.terms = Terms {
            ceiling: own.terms.ceiling.min(other.terms.ceiling),
            burst: own.terms.burst.min(other.terms.burst),
            starting: match (own.terms.starting, other.terms.starting) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        };
        own.fail = match (own.fail, other.fail) {
            (Fail::Closed, _) | (_, Fail::Closed) => Fail::Closed,
            (Fail::Local(a), Fail::Local(b)) => Fail::Local(a.min(b)),
            (Fail::Local(share), Fail::Open) | (Fail::Open, Fail::Local(share)) => Fail::Local(share),
            (Fail::Open, Fail::Open) => Fail::Open,
        };
    }

    pub(in crate::store) fn step(&self, now: Timestamp, lease: LeaseId) -> Step<'p> {
        let Charge { algorithm, terms, cost, .. } = self.charge;
        Step { algorithm, terms, now, cost, lease }
    }

    /// The step to judge, for which no lease matters.
    pub(in crate::store) fn judging(&self, now: Timestamp) -> Step<'p> {
        Step { cost: self.charge.judged_cost(), ..self.step(now, LeaseId(0)) }
    }

    /// Whether it is taken even if it does not fit.
    pub(in crate::store) fn is_regardless(&self) -> bool {
        self.charge.mode == Mode::Soft
    }

    /// The same on the counter that the limit's keys share, within its share of the limit. It has no blocks and no
    /// warnings: they would be those of all these keys.
    pub(in crate::store) fn as_shared(&self) -> Charge<'p> {
        let share = if let Fail::Local(share) = self.charge.fail { share } else { WHOLE };
        Charge {
            counter: self.charge.limit,
            terms: scaled(self.charge.terms, share),
            fail: Fail::Closed,
            block: None,
            warn: &[],
            ..self.charge
        }
    }
}

/// A share of the terms, in parts per million, rounded down: at least one unit of what is above zero.
pub(in crate::store) fn scaled(terms: Terms, share: i64) -> Terms {
    let share = i128::from(share.clamp(0, WHOLE));
    let part = |amount: i64| {
        // No more than the amount, which is an `i64`.
        i64::try_from(i128::from(amount) * share / i128::from(WHOLE)).unwrap_or(amount)
    };
    let at_least_one = |amount: i64| if amount > 0 { part(amount).max(1) } else { amount };
    Terms {
        ceiling: at_least_one(terms.ceiling),
        burst: at_least_one(terms.burst),
        starting: terms.starting.map(part),
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::{algorithm::Algorithm, key::CounterKey, time::Nanos};

    use super::*;

    const ALGORITHM: Algorithm = Algorithm::SlidingWindow(Nanos::from_secs(1));

    fn charge(cost: i64, ceiling: i64, starting: Option<i64>, fail: Fail) -> Charge<'static> {
        let terms = Terms { ceiling, burst: ceiling, starting };
        Charge { fail, ..Charge::new(CounterKey(1), CounterKey(2), &ALGORITHM, terms, cost) }
    }

    fn merged(a: Charge<'static>, b: Charge<'static>) -> Charge<'static> {
        let mut parts = Parts::new();
        merge(&mut parts, [a, b], Counted::Own);
        assert_eq!(parts.len(), 1);
        parts[0].charge
    }

    #[test]
    fn charges_on_one_counter_add_up_under_the_strictest_terms() {
        let sum = merged(charge(2, 10, None, Fail::Local(5)), charge(3, 8, Some(4), Fail::Local(7)));
        assert_eq!(sum.cost, 5);
        assert_eq!(sum.terms, Terms { ceiling: 8, burst: 8, starting: Some(4) });
        assert_eq!(sum.fail, Fail::Local(5));
        let sum = merged(charge(2, 10, Some(9), Fail::Open), charge(3, 18, Some(4), Fail::Closed));
        assert_eq!((sum.terms.starting, sum.fail), (Some(4), Fail::Closed));
    }

    #[test]
    fn a_sum_beyond_all_ceilings_and_one_with_a_negative_cost_never_fit() {
        for (a, b) in [(i64::MAX, 1), (5, -1), (-1, 5), (i64::MIN, i64::MIN)] {
            let sum = merged(charge(a, i64::MAX, None, Fail::Open), charge(b, i64::MAX, None, Fail::Open));
            assert_eq!(sum.cost, NEVER_FITS);
        }
    }

    #[test]
    fn a_share_is_rounded_down_but_is_at_least_one_unit() {
        let terms = |ceiling, burst, starting| Terms { ceiling, burst, starting };
        assert_eq!(scaled(terms(105, 15, Some(9)), 100_000), terms(10, 1, Some(0)));
        assert_eq!(scaled(terms(3, 1, None), 1), terms(1, 1, None));
        assert_eq!(scaled(terms(0, -5, None), 500_000), terms(0, -5, None));
        assert_eq!(scaled(terms(i64::MAX, 7, None), i64::MAX), terms(i64::MAX, 7, None));
        assert_eq!(scaled(terms(9, 7, None), -1), terms(1, 1, None));
    }
}

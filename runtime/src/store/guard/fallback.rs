//! What becomes of charges while the store does not answer: each limit's `fail` clause.
//!
//! `open` passes uncounted, `closed` refuses, `local` counts in this process against a share of the ceiling. A decision is all
//! or nothing here too: where one limit refuses, no other counts.

use limitrate_core::{
    algorithm::{Algorithm, Refusal, Status, Terms},
    charge::{Charge, Counted, Fail, Mode, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use smallvec::SmallVec;

use super::concerned::Place;
use crate::store::{
    Call, Charged, Lease, LocalStore, MemoryOptions, MemoryStore, Settlement, Settlements, Verdicts,
    memory::part::scaled,
};

/// A counter that nothing fits: a charge on it keeps those beside it from being taken.
const REFUSING: CounterKey = CounterKey(u128::MAX);
const NOTHING_FITS: Terms = Terms { ceiling: 0, burst: 0, starting: None };
const ANY: Algorithm = Algorithm::FixedWindow(Window::Rolling(Nanos(1)));

/// Counts in this process while the store is away.
#[derive(Debug)]
pub(super) struct Fallback {
    local: MemoryStore,
}

impl Fallback {
    pub(super) fn new(options: MemoryOptions) -> Self {
        Self { local: MemoryStore::new(options) }
    }

    /// Decides charges by their `fail` clauses. `retry` is when to ask again where a limit is closed.
    pub(super) fn charge(&self, call: Call, charges: &[Charge<'_>], retry: Nanos) -> Charged {
        let Call { now, ticket, .. } = call;
        let is_local = |charge: &&Charge<'_>| matches!(charge.fail, Fail::Local(_));
        let mut local: SmallVec<[Charge<'_>; 8]> = charges.iter().filter(is_local).map(share_of).collect();
        let is_closed = |charge: &Charge<'_>| charge.fail == Fail::Closed && charge.mode == Mode::Enforce;
        if charges.iter().any(is_closed) {
            local.push(Charge::new(REFUSING, REFUSING, &ANY, NOTHING_FITS, 1));
        }
        let Charged { taken, verdicts: counted, .. } = match call.request {
            // Another part of the charges is counted here where their clauses have changed: that is another call.
            Some(request) => self.local.charge_once(now, request.of_call(&local), &local, ticket),
            None => {
                let mut verdicts = Verdicts::new();
                let taken = self.local.charge(now, &local, ticket, &mut verdicts);
                Charged { taken, now, verdicts, degraded: true }
            }
        };
        let mut counted = counted.into_iter();
        let verdicts = charges.iter().filter_map(|charge| match charge.fail {
            Fail::Local(_) => counted.next(),
            Fail::Open => Some(uncounted(charge, Ok(()))),
            Fail::Closed => Some(uncounted(charge, Err(Refusal::Wait(retry)))),
        });
        Charged { taken, now, verdicts: verdicts.collect(), degraded: true }
    }

    /// Settles what was reserved here; nothing of what was reserved in the store.
    pub(super) fn settle(&self, now: Timestamp, settlements: &[Settlement<'_>]) -> Settlements {
        let mut settled = Settlements::new();
        LocalStore::settle(&self.local, now, settlements, &mut settled);
        settled
    }

    /// Gives back what a call holds here that was made before under the same name, and is answered by the store now: its reply is for
    /// what it holds there.
    pub(super) fn forget(&self, call: Call, charges: &[Charge<'_>]) {
        let Call { now, ticket, .. } = call;
        for Charge { counter, limit, algorithm, hold, .. } in charges.iter().copied() {
            if matches!(algorithm, Algorithm::InFlight(_)) {
                LocalStore::release(&self.local, now, Lease { counter, limit, ticket });
            } else if hold.is_some() {
                self.settle(now, &[Settlement { counter, limit, algorithm, ticket, actual: 0 }]);
            }
        }
    }

    /// The store in which is counted meanwhile.
    pub(super) const fn local(&self) -> &MemoryStore {
        &self.local
    }
}

/// The charge against this process's share of its limit.
fn share_of<'p>(charge: &Charge<'p>) -> Charge<'p> {
    let share = if let Fail::Local(share) = charge.fail { share } else { 0 };
    Charge { terms: scaled(charge.terms, share), fail: Fail::Closed, ..*charge }
}

/// What is said of all charges of a call, of which the store was not told some.
pub(super) fn with_uncounted(
    charged: Charged,
    charges: &[Charge<'_>],
    is_left_out: impl Fn(usize) -> bool,
) -> Charged {
    let mut told = charged.verdicts.into_iter();
    let all = (0..).zip(charges).filter_map(|(index, charge)| match is_left_out(index) {
        true => Some(uncounted(charge, Ok(()))),
        false => told.next(),
    });
    Charged { verdicts: all.collect(), ..charged }
}

fn uncounted(charge: &Charge<'_>, judged: Result<(), Refusal>) -> Verdict {
    let status = match judged {
        Ok(()) => Status { remaining: charge.terms.ceiling.max(0), reset_after: Nanos::ZERO },
        Err(Refusal::Wait(wait)) => Status { remaining: 0, reset_after: wait },
        Err(Refusal::Never) => Status { remaining: 0, reset_after: Nanos::ZERO },
    };
    Verdict::new(judged, status, Counted::Nowhere)
}

/// What is asked of a place to see whether it answers: a look at a counter that nobody charges.
pub(super) fn probe(place: Place) -> Charge<'static> {
    // Beside one of the place's own, where there are several places.
    let counter = if place.is_first() { REFUSING } else { place.counter.beside(u64::MAX, 0) };
    Charge::new(counter, REFUSING, &ANY, NOTHING_FITS, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Ticket;

    const NOW: Timestamp = Timestamp(1_000);
    const RETRY: Nanos = Nanos(500);
    const WINDOW: Algorithm = Algorithm::SlidingWindow(Nanos::from_secs(60));

    fn charge(number: u128, fail: Fail) -> Charge<'static> {
        let (key, terms) = (CounterKey(number), Terms { ceiling: 10, burst: 10, starting: None });
        Charge { fail, ..Charge::new(key, key, &WINDOW, terms, 1) }
    }

    fn fallback() -> Fallback {
        Fallback::new(MemoryOptions::default())
    }

    fn decide(fallback: &Fallback, charges: &[Charge<'_>]) -> Charged {
        fallback.charge(Call::at(NOW, Ticket(1)), charges, RETRY)
    }

    #[test]
    fn a_local_limit_counts_its_share() {
        let fallback = fallback();
        let local = charge(1, Fail::Local(300_000));
        for left in [2, 1, 0] {
            let charged = decide(&fallback, &[local]);
            assert!(charged.taken && charged.degraded);
            assert_eq!(charged.verdicts[0].status.remaining, left);
            assert_eq!(charged.verdicts[0].counted, Counted::Own);
        }
        assert!(!decide(&fallback, &[local]).taken);
    }

    #[test]
    fn open_passes_and_closed_refuses_uncounted() {
        let open = decide(&fallback(), &[charge(1, Fail::Open)]);
        assert!(open.taken);
        assert_eq!((open.verdicts[0].judged, open.verdicts[0].counted), (Ok(()), Counted::Nowhere));
        let closed = decide(&fallback(), &[charge(1, Fail::Closed)]);
        assert!(!closed.taken);
        assert_eq!(closed.verdicts[0].judged, Err(Refusal::Wait(RETRY)));
    }

    #[test]
    fn where_one_limit_refuses_no_other_counts() {
        let fallback = fallback();
        let (local, closed) = (charge(1, Fail::Local(1_000_000)), charge(2, Fail::Closed));
        for _ in 0..20 {
            let charged = decide(&fallback, &[local, closed]);
            assert!(!charged.taken);
            assert_eq!(charged.verdicts[0].status.remaining, 10);
        }
        let soft = Charge { mode: Mode::Shadow, ..closed };
        assert!(decide(&fallback, &[local, soft]).taken);
    }
}

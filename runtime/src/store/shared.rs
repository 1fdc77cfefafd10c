//! A store behind an `Arc`, for several limiters that count together.

use std::sync::Arc;

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey, time::Timestamp};

use super::{Charged, Kept, Lease, LocalStore, RequestId, Settlement, Settlements, Ticket, Verdicts};

impl<S: LocalStore + ?Sized> LocalStore for Arc<S> {
    fn charge(
        &self,
        now: Timestamp,
        charges: &[Charge<'_>],
        ticket: Ticket,
        verdicts: &mut Verdicts,
    ) -> bool {
        (**self).charge(now, charges, ticket, verdicts)
    }

    fn charge_once(
        &self,
        now: Timestamp,
        request: RequestId,
        charges: &[Charge<'_>],
        ticket: Ticket,
    ) -> Charged {
        (**self).charge_once(now, request, charges, ticket)
    }

    fn settle(&self, now: Timestamp, settlements: &[Settlement<'_>], settled: &mut Settlements) {
        (**self).settle(now, settlements, settled);
    }

    fn release(&self, now: Timestamp, lease: Lease) -> bool {
        (**self).release(now, lease)
    }

    fn used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm) -> Option<i64> {
        (**self).used(now, counter, algorithm)
    }

    fn set_used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm, used: i64) -> bool {
        (**self).set_used(now, counter, algorithm, used)
    }

    fn refund(&self, now: Timestamp, charge: &Charge<'_>) {
        (**self).refund(now, charge);
    }

    fn reset(&self, counter: CounterKey) -> bool {
        (**self).reset(counter)
    }

    fn snapshot(&self, now: Timestamp, tell: &mut dyn FnMut(Kept)) {
        (**self).snapshot(now, tell);
    }

    fn restore(&self, now: Timestamp, kept: Vec<Kept>) -> usize {
        (**self).restore(now, kept)
    }

    fn prefetch(&self, charges: &[Charge<'_>]) {
        (**self).prefetch(charges);
    }

    fn len(&self) -> usize {
        (**self).len()
    }
}

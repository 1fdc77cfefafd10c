//! What every store promises, wherever it keeps its counters.
//!
//! 1. **One atomic step.** All charges of a call are judged, and all or none are taken. Nobody sees, and no failure leaves,
//!    a part of them. The same goes for the settlements of a call.
//! 2. **One meaning.** What is judged, taken, settled and answered is what the algorithms of `limitrate_core` say, for the same
//!    history and the same instants, to the nanosecond; [`LocalStore::charge`] has the order of the modes.
//! 3. **Instants.** A call says the caller's instant. A store with a clock that its callers share goes by that one where the
//!    call allows it ([`Call::clock`]), so that callers whose clocks differ agree; it answers with the instant it judged at.
//! 4. **Known or unknown.** An error says whether anything may have been applied ([`StoreError::may_have_applied`]). A call with
//!    a [`RequestId`] may be made again: it is applied once, and answered alike, for [`RECEIPT_KEPT`]. The charges are the same
//!    then, but for their costs and terms ([`RequestId::of_call`]). A store in memory remembers so many of them
//!    ([`MAX_RECEIPTS`](super::memory::MAX_RECEIPTS)), and forgets the oldest early where there are more.
//! 5. **Nothing for ever.** What is idle, and with it equals a key never seen, is dropped some time after
//!    [`KEPT_IDLE`](super::KEPT_IDLE), without anybody asking; before that it stays.
//! 6. **In time.** A call whose caller gave up is not begun. A store waits for nothing without a bound of its own.

use std::{fmt::Debug, future::Future, num::NonZeroU32, pin::Pin, sync::Arc, time::Duration};

use limitrate_core::{
    algorithm::Algorithm,
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use xxhash_rust::xxh3::xxh3_128;

use super::{Kept, Lease, LocalStore, Settlement, Settlements, StoreError, Ticket, Verdicts};

/// How long a store remembers a call that named itself.
pub const RECEIPT_KEPT: Nanos = Nanos::from_secs(60);

/// What a store will say, or why it does not.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Names one call, so that it can be made again without being counted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub u128);

impl RequestId {
    /// The name that a caller's own one stands for.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        Self(xxh3_128(name))
    }

    /// The name of a call that makes these charges for a request of this name. What a request is charged on may have changed by the
    /// time it comes again, with its policy: it is another call then, and its answer that of another. Costs and terms make no other
    /// call: what was decided by a ceiling stands.
    #[must_use]
    pub fn of_call(self, charges: &[Charge<'_>]) -> Self {
        let mut call = self.0.to_le_bytes().to_vec();
        for charge in charges {
            call.extend(charge.counter.0.to_le_bytes());
            call.extend(charge.limit.0.to_le_bytes());
            let algorithm = match charge.algorithm {
                Algorithm::FixedWindow(_) => 0,
                Algorithm::SlidingWindow(_) => 1,
                Algorithm::SlidingLog(_) => 2,
                Algorithm::Bucket(_) => 3,
                Algorithm::InFlight(_) => 4,
            };
            let beside = [charge.hold.is_some(), charge.block.is_some(), !charge.warn.is_empty()];
            call.extend([algorithm, charge.mode as u8]);
            call.extend(beside.map(u8::from));
        }
        Self::of(&call)
    }

    /// Its bits in half as many.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
    pub const fn folded(self) -> u64 {
        (self.0 as u64) ^ ((self.0 >> 64) as u64)
    }
}

/// Whose clock a call goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockOf {
    /// The store's, if it has one that its callers share; else the caller's.
    #[default]
    Store,
    /// The caller's: replays, simulations and tests, whose time is their own.
    Caller,
}

/// What a call says beside its charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The caller's instant.
    pub now: Timestamp,
    /// Whose clock counts.
    pub clock: ClockOf,
    /// Names what the call's charges hold.
    pub ticket: Ticket,
    /// Names the call itself, if it is to be safe to make again.
    pub request: Option<RequestId>,
    /// After how long the caller gives up.
    pub deadline: Duration,
}

impl Call {
    /// How long a caller waits unless told otherwise.
    pub const DEADLINE: Duration = Duration::from_millis(250);

    /// A call at an instant of the caller's own.
    #[must_use]
    pub const fn at(now: Timestamp, ticket: Ticket) -> Self {
        Self { now, clock: ClockOf::Caller, ticket, request: None, deadline: Self::DEADLINE }
    }
}

/// What a store says of the charges of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// Whether they were taken.
    pub taken: bool,
    /// The instant at which they were judged.
    pub now: Timestamp,
    /// What each came to, in their order.
    pub verdicts: Verdicts,
    /// Whether the store did not answer, and each limit's `fail` clause did.
    pub degraded: bool,
}

/// A place where counters are kept, which may have to be waited for. See the [module](self) for what it promises.
///
/// Every [`LocalStore`] is one whose answers are there at once.
#[expect(
    clippy::len_without_is_empty,
    reason = "a store that several share is not asked whether it is empty"
)]
pub trait Store: Debug + Send + Sync {
    /// Judges all charges and takes all or none; see [`LocalStore::charge`].
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged>;

    /// Replaces reserved costs by actual ones, each once; see [`LocalStore::settle`]. Each settlement names its own ticket.
    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements>;

    /// Ends leases, in one step. How many ended: one that expired, or was released before, is none.
    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize>;

    /// Gives back the cost of a charge that was taken before, of any algorithm but in flight: never more than is in use.
    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()>;

    /// What is in use of a counter; `None` for algorithms that count no use, which are the buckets.
    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>>;

    /// Sets what is in use of a counter; false if the algorithm counts no use.
    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool>;

    /// Forgets a counter, its blocks and its warning; see [`LocalStore::reset`].
    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool>;

    /// Tells all that is kept and not idle, in no particular order. While others charge, it is no picture of one instant, but
    /// each key is told as it was at some instant of the call.
    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()>;

    /// Keeps what a snapshot told, each under its key, where nothing is kept yet. How many were.
    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize>;

    /// How many keys are kept, those that are idle but not yet dropped included.
    fn len(&self) -> Answer<'_, usize>;

    /// The secret under which the keys of this store are hashed, the same for all who share it. `None` if it shares none:
    /// each caller then takes one of its own.
    fn secret(&self) -> Answer<'_, Option<u64>>;

    /// Tells how many instances of a service share the store; how many it goes by: the most that it was told of.
    fn shared_by(&self, instances: NonZeroU32) -> NonZeroU32 {
        instances
    }

    /// Whether counters are to be kept in groups by the first part of their keys, because those of one group can be charged
    /// in one step and others not.
    fn is_grouped(&self) -> bool {
        false
    }

    /// Where a counter is kept, by a number: places fail apart from each other. A store that is at one place, or does not know,
    /// says 0.
    fn place_of(&self, counter: CounterKey) -> usize {
        let _ = counter;
        0
    }

    /// Whether a place is known not to answer, or to refuse what it was asked last: of a call over several that failed, the others are
    /// not to blame.
    fn is_missing(&self, place: usize) -> bool {
        let _ = place;
        false
    }

    /// Whether a place is one where counters are kept, or may be: what fails there says nothing once it is not.
    fn has_place(&self, place: usize) -> bool {
        let _ = place;
        true
    }

    /// Answers a call at once where no waiting is needed; `None` where it is, and nothing was done then.
    fn charge_at_once(&self, call: Call, charges: &[Charge<'_>]) -> Option<Charged> {
        let _ = (call, charges);
        None
    }

    /// Writes what is not written yet, and lets go of threads and connections. Calls after it fail.
    fn close(&self) -> Answer<'_, ()>;
}

fn ready<'a, T: Send + 'a>(answer: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(answer)))
}

impl<S: LocalStore + ?Sized> Store for S {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        let charged = self.charge_at_once(call, charges);
        Box::pin(std::future::ready(charged.ok_or(StoreError::Closed)))
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        let mut settled = Settlements::new();
        LocalStore::settle(self, call.now, settlements, &mut settled);
        ready(settled)
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        ready(leases.iter().filter(|lease| LocalStore::release(self, call.now, **lease)).count())
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        LocalStore::refund(self, call.now, charge);
        ready(())
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        ready(LocalStore::used(self, call.now, counter, algorithm))
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        ready(LocalStore::set_used(self, call.now, counter, algorithm, used))
    }

    fn reset<'a>(&'a self, _: Call, counter: CounterKey) -> Answer<'a, bool> {
        ready(LocalStore::reset(self, counter))
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        LocalStore::snapshot(self, call.now, tell);
        ready(())
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        ready(LocalStore::restore(self, call.now, kept))
    }

    fn len(&self) -> Answer<'_, usize> {
        ready(LocalStore::len(self))
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        ready(None)
    }

    fn charge_at_once(&self, call: Call, charges: &[Charge<'_>]) -> Option<Charged> {
        if let Some(request) = call.request {
            return Some(LocalStore::charge_once(self, call.now, request, charges, call.ticket));
        }
        let mut verdicts = Verdicts::new();
        let taken = LocalStore::charge(self, call.now, charges, call.ticket, &mut verdicts);
        Some(Charged { taken, now: call.now, verdicts, degraded: false })
    }

    fn close(&self) -> Answer<'_, ()> {
        ready(())
    }
}

impl Store for Arc<dyn Store> {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        (**self).charge(call, charges)
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        (**self).settle(call, settlements)
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        (**self).release(call, leases)
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        (**self).refund(call, charge)
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        (**self).used(call, counter, algorithm)
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        (**self).set_used(call, counter, algorithm, used)
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        (**self).reset(call, counter)
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        (**self).snapshot(call, tell)
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        (**self).restore(call, kept)
    }

    fn len(&self) -> Answer<'_, usize> {
        (**self).len()
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        (**self).secret()
    }

    fn shared_by(&self, instances: NonZeroU32) -> NonZeroU32 {
        (**self).shared_by(instances)
    }

    fn is_grouped(&self) -> bool {
        (**self).is_grouped()
    }

    fn place_of(&self, counter: CounterKey) -> usize {
        (**self).place_of(counter)
    }

    fn is_missing(&self, place: usize) -> bool {
        (**self).is_missing(place)
    }

    fn has_place(&self, place: usize) -> bool {
        (**self).has_place(place)
    }

    fn charge_at_once(&self, call: Call, charges: &[Charge<'_>]) -> Option<Charged> {
        (**self).charge_at_once(call, charges)
    }

    fn close(&self) -> Answer<'_, ()> {
        (**self).close()
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::{algorithm::Terms, block::Block, charge::Mode};

    use super::*;

    #[test]
    fn a_name_stands_for_what_is_charged_and_not_for_how_much() {
        let terms = |ceiling| Terms { ceiling, burst: ceiling, starting: None };
        let (log, window) = (Algorithm::SlidingLog(Nanos(1)), Algorithm::SlidingWindow(Nanos(1)));
        let charge = Charge::new(CounterKey(1), CounterKey(2), &log, terms(1), 1);
        let name = |charges: &[Charge<'_>]| RequestId(7).of_call(charges);
        let first = name(&[charge]);
        assert_eq!(first, name(&[Charge { terms: terms(9), cost: 5, ..charge }]));
        let block = Block { first: Nanos(1), up_to: Nanos(1), forget: Nanos(1) };
        let others = [
            Charge { counter: CounterKey(3), ..charge },
            Charge { limit: CounterKey(3), ..charge },
            Charge { algorithm: &window, ..charge },
            Charge { mode: Mode::Shadow, ..charge },
            Charge { hold: Some(Nanos(1)), ..charge },
            Charge { block: Some(&block), ..charge },
            Charge { warn: &[1], ..charge },
        ];
        for other in others {
            assert_ne!(first, name(&[other]), "{other:?}");
        }
        assert_ne!(first, name(&[charge, charge]));
        assert_ne!(first, RequestId(8).of_call(&[charge]));
    }
}

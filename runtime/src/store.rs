//! What a limiter asks of the place where counters are kept, and the stores that keep them.
//!
//! A store applies all charges of a decision or none, in one atomic step. It knows nothing of policies: the
//! arithmetic is [`Algorithm`]'s, the instant is an argument, and a counter is named by its [`CounterKey`].
//!
//! A [`LocalStore`] answers at once. A [`Store`] may have to be waited for: [`contract`] says what all of them promise.

pub mod beside;
#[cfg(any(feature = "redis", feature = "mysql", feature = "postgres"))]
mod certificate;
pub mod contract;
mod entry;
mod error;
pub mod file;
#[cfg(feature = "shared")]
pub mod guard;
#[cfg(any(feature = "redis", feature = "mysql", feature = "postgres"))]
mod job;
#[cfg(feature = "shared")]
pub mod layered;
mod ledger;
pub mod memory;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "shared")]
pub mod open;
mod owned;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
mod shared;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt::Debug;

use limitrate_core::{
    algorithm::Algorithm,
    charge::{Charge, Verdict},
    key::CounterKey,
    time::Timestamp,
};
use smallvec::SmallVec;

#[cfg(feature = "mysql")]
pub use self::mysql::{MySqlOptions, MySqlStore};
#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "redis")]
pub use self::redis::{RedisOptions, RedisStore};
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub use self::sql::{SqlStore, settings::SqlSettings};
pub use self::{
    contract::{Answer, Call, Charged, ClockOf, RequestId, Store},
    entry::{Damaged, Entry, Judged, KEPT_IDLE, Kept},
    error::{Cause, StoreError},
    ledger::Ledger,
    memory::{MemoryOptions, MemoryStore},
    owned::{OwnedCharge, OwnedSettlement},
};

#[cfg(feature = "shared")]
pub use self::guard::{GuardOptions, Guarded};
#[cfg(feature = "shared")]
pub use self::layered::{Layered, LayeredOptions};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{Durability, SqliteOptions, SqliteStore};

/// What a store says of the charges of one decision, in their order.
pub type Verdicts = SmallVec<[Verdict; 8]>;

/// Identifies the leases taken by one decision. Never given out twice by one limiter while the first may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Names what one decision holds of one in-flight limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The counter that was charged.
    pub counter: CounterKey,
    /// The identity of its limit: by `fail local` the lease may be held on the counter shared by the limit's keys.
    pub limit: CounterKey,
    /// The decision that charged it.
    pub ticket: Ticket,
}

/// What is to become of one reservation.
#[derive(Debug, Clone, Copy)]
pub struct Settlement<'p> {
    /// The counter that was charged.
    pub counter: CounterKey,
    /// The identity of its limit: by `fail local` it may be held on the counter shared by the limit's keys.
    pub limit: CounterKey,
    /// How the limit counts.
    pub algorithm: &'p Algorithm,
    /// The decision that reserved.
    pub ticket: Ticket,
    /// What it really cost, in base units; less than nothing counts as nothing.
    pub actual: i64,
}

/// What became of one reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The actual cost replaced the reserved one.
    Replaced {
        /// What had been reserved, in base units.
        reserved: i64,
    },
    /// It had been settled before, had expired, or was never there: nothing changed.
    Gone,
}

/// What a store says of settlements, in their order.
pub type Settlements = SmallVec<[Settled; 4]>;

/// A store that answers at once: it waits for nothing but locks held for a few instructions.
pub trait LocalStore: Debug + Send + Sync {
    /// Judges all charges and takes all or none, atomically. Returns whether they were taken.
    ///
    /// `verdicts` is cleared and gets one per charge, in order. A decision that is not taken changes no counter.
    /// Charges on the same counter are judged as one: their costs add up and the lowest ceiling counts; each of their
    /// verdicts says the same, and they hold one lease, and one reservation of their sum, together. An in-flight charge
    /// and a reservation are held under `ticket`.
    ///
    /// Only enforced charges decide. A soft one is taken with the others, past its ceiling too. A shadow one is decided
    /// alone once the others have been taken, and taken if it fits; where they have not, it is only judged. A charge
    /// that does not fit sets off its block, which is all that a refused decision changes; while that runs, the key is
    /// refused whatever it costs. Shadow charges have blocks of their own.
    fn charge(&self, now: Timestamp, charges: &[Charge<'_>], ticket: Ticket, verdicts: &mut Verdicts)
    -> bool;

    /// The same of a call that names itself: one that is made again within [`RECEIPT_KEPT`](contract::RECEIPT_KEPT) is answered
    /// as it was, and not counted again. A store that is not there to last need not remember.
    fn charge_once(
        &self,
        now: Timestamp,
        request: RequestId,
        charges: &[Charge<'_>],
        ticket: Ticket,
    ) -> Charged {
        let _ = request;
        let mut verdicts = Verdicts::new();
        let taken = self.charge(now, charges, ticket, &mut verdicts);
        Charged { taken, now, verdicts, degraded: false }
    }

    /// Replaces reserved costs by actual ones, in one atomic step, each once: settling again changes nothing.
    ///
    /// `settled` is cleared and gets one entry per settlement, in order. The difference goes to the window in which the
    /// cost was taken, if it still counts; in buckets, what time has refilled is not given back again.
    fn settle(&self, now: Timestamp, settlements: &[Settlement<'_>], settled: &mut Settlements);

    /// Ends a lease; false if it has expired, was released before or was never there.
    fn release(&self, now: Timestamp, lease: Lease) -> bool;

    /// What is in use of a counter at `now`; `None` for algorithms that count no use, which are the buckets.
    fn used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm) -> Option<i64>;

    /// Sets what is in use of a counter at `now`; false if the algorithm counts no use or there is no room for the
    /// counter.
    fn set_used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm, used: i64) -> bool;

    /// Gives back the cost of a charge that was taken before, of any algorithm but in flight: never more than is in use.
    fn refund(&self, now: Timestamp, charge: &Charge<'_>);

    /// Forgets a counter, its blocks and its warning: the key was never seen. False if there was no counter. Reservations
    /// that are open stay so: what they come to beside what was reserved goes to the new counter.
    fn reset(&self, counter: CounterKey) -> bool;

    /// Tells all that is kept and not idle, in no particular order, each key as it was at some instant of the call. A store
    /// that is not there to last tells nothing.
    fn snapshot(&self, now: Timestamp, tell: &mut dyn FnMut(Kept)) {
        let _ = (now, tell);
    }

    /// Keeps what a snapshot told, each under its key, where nothing is kept yet and there is room. How many were.
    fn restore(&self, now: Timestamp, kept: Vec<Kept>) -> usize {
        let _ = (now, kept);
        0
    }

    /// Begins to fetch what charges will need, for callers that decide many requests: they wait for memory together
    /// rather than one after another. Changes nothing.
    fn prefetch(&self, charges: &[Charge<'_>]) {
        let _ = charges;
    }

    /// How many keys are kept, those that are idle but not yet dropped included: counters, open reservations, blocks and
    /// warnings.
    fn len(&self) -> usize;

    /// Whether nothing is kept.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

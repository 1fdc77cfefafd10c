//! Counters in a SQLite file: they outlive the process, and several processes of one machine count together.
//!
//! One thread owns the file. Whoever waits while a transaction is written is in the next one, so that the most careful
//! [`Durability`] is not one flush of the disk for each decision. The arithmetic is [`Ledger`](super::Ledger)'s: the same as
//! in memory, to the nanosecond, by the callers' clock.

mod behind;
mod engine;
mod fault;
mod file;
mod layout;
mod options;
mod strict;
mod sweep;
mod thread;
mod work;
mod writer;

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey};

pub use self::options::{Durability, SqliteOptions};
use self::{behind::Behind, strict::Strict};
use super::{Answer, Call, Charged, Kept, Lease, Settlement, Settlements, Store, StoreError};

/// Counters in a SQLite file.
///
/// Dropping it has written what is not written yet, and the file closed. On a thread without a runtime that is waited for. On a
/// runtime it is not, so that no task is held up; the runtime waits for it when it ends. Whoever wants to open the file again, or
/// to know whether all was written, [closes](Store::close) it first.
#[derive(Debug)]
pub struct SqliteStore(Kind);

#[derive(Debug)]
enum Kind {
    Strict(Strict),
    Behind(Behind),
}

impl SqliteStore {
    /// Opens the file, and makes it if it is not there. Waits for the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] if no file can have this path, [`StoreError::Unreachable`] or [`StoreError::Denied`] if it
    /// cannot be opened, [`StoreError::Unavailable`] if it is read-only, or another process has it to itself,
    /// [`StoreError::Corrupt`] if it is no database, or somebody else's, and [`StoreError::NewerLayout`].
    pub fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        Ok(Self(match options.durability {
            Durability::Full | Durability::Normal => Kind::Strict(Strict::open(options)?),
            Durability::Behind => Kind::Behind(Behind::open(options)?),
        }))
    }

    /// Writes what was answered and is not written yet; only [`Durability::Behind`] has such answers.
    pub fn flush(&self) -> Answer<'_, ()> {
        match &self.0 {
            Kind::Strict(_) => Box::pin(std::future::ready(Ok(()))),
            Kind::Behind(behind) => behind.flush(),
        }
    }

    fn kind(&self) -> &dyn Store {
        match &self.0 {
            Kind::Strict(strict) => strict,
            Kind::Behind(behind) => behind,
        }
    }
}

impl Store for SqliteStore {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        self.kind().charge(call, charges)
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        self.kind().settle(call, settlements)
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        self.kind().release(call, leases)
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.kind().refund(call, charge)
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        self.kind().used(call, counter, algorithm)
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.kind().set_used(call, counter, algorithm, used)
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.kind().reset(call, counter)
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        self.kind().snapshot(call, tell)
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        self.kind().restore(call, kept)
    }

    fn len(&self) -> Answer<'_, usize> {
        self.kind().len()
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        self.kind().secret()
    }

    fn charge_at_once(&self, call: Call, charges: &[Charge<'_>]) -> Option<Charged> {
        match &self.0 {
            Kind::Strict(strict) => strict.charge_at_once(call, charges),
            Kind::Behind(behind) => behind.charge_at_once(call, charges),
        }
    }

    fn close(&self) -> Answer<'_, ()> {
        self.kind().close()
    }
}

//! A store that is nothing but a ledger over bytes: the arithmetic that stores without code of their own execute.

mod file;

use std::{collections::HashMap, fs::File, io, path::Path};

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey, time::Timestamp};
use limitrate_runtime::store::{
    Answer, Call, Charged, Entry, Kept, Lease, Ledger, Settlement, Settlements, Store, StoreError,
};
use parking_lot::Mutex;

use self::file::locked;

/// Entries as bytes, which a [`Ledger`] is loaded with anew for every call: in memory, or in a file that processes share. It
/// keeps what is idle for ever, and goes by its callers' instants.
#[derive(Debug, Default)]
pub struct LedgerStore {
    rows: Mutex<Rows>,
    /// Where the rows are, if they are not in memory.
    file: Option<File>,
}

type Rows = HashMap<CounterKey, (Vec<u8>, Timestamp)>;

impl LedgerStore {
    /// A store in a file, which is read and written under a lock by every call.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn in_file(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { rows: Mutex::default(), file: Some(file) })
    }

    /// Executes a call over the entries under these keys.
    fn execute<'a, T: Send + 'a>(
        &self,
        keys: impl IntoIterator<Item = CounterKey>,
        call: impl FnOnce(&mut Ledger) -> T,
    ) -> Answer<'a, T> {
        let result = self.with_rows(|rows| execute(rows, keys, call)).flatten();
        Box::pin(std::future::ready(result))
    }

    fn with_rows<T>(&self, call: impl FnOnce(&mut Rows) -> T) -> Result<T, StoreError> {
        let mut rows = self.rows.lock();
        let Some(file) = &self.file else { return Ok(call(&mut rows)) };
        locked(file, call).map_err(|cause| StoreError::Lost(cause.into()))
    }
}

fn execute<T>(
    rows: &mut Rows,
    keys: impl IntoIterator<Item = CounterKey>,
    call: impl FnOnce(&mut Ledger) -> T,
) -> Result<T, StoreError> {
    let mut ledger = Ledger::new();
    for key in keys {
        let kept = rows
            .get(&key)
            .map(|(bytes, idle_at)| Ok::<_, StoreError>((decoded(bytes)?, *idle_at)))
            .transpose()?;
        ledger.load(key, kept);
    }
    let result = call(&mut ledger);
    for (key, kept) in ledger.changes() {
        let Some((entry, idle_at)) = kept else {
            rows.remove(&key);
            continue;
        };
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        rows.insert(key, (bytes, idle_at));
    }
    Ok(result)
}

fn decoded(bytes: &[u8]) -> Result<Entry, StoreError> {
    Entry::decode(bytes).map_err(|damaged| StoreError::Corrupt { what: damaged.to_string() })
}

impl Store for LedgerStore {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        let mut keys = Vec::new();
        Ledger::keys_of_charges(&call, charges, |key| keys.push(key));
        self.execute(keys, |ledger| ledger.charge(call.now, &call, charges))
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        let mut keys = Vec::new();
        Ledger::keys_of_settlements(settlements, |key| keys.push(key));
        self.execute(keys, |ledger| ledger.settle(call.now, settlements))
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        self.execute(leases.iter().map(|lease| lease.counter), |ledger| ledger.release(call.now, leases))
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.execute([charge.counter], |ledger| ledger.refund(call.now, charge))
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        self.execute([counter], |ledger| ledger.used(call.now, counter, algorithm))
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.execute([counter], |ledger| ledger.set_used(call.now, counter, algorithm, used))
    }

    fn reset<'a>(&'a self, _: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.execute(Ledger::keys_of_counter(counter), |ledger| ledger.reset(counter))
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        let result = self.with_rows(|rows| rows.clone()).and_then(|rows| {
            let live = rows.into_iter().filter(|(_, (_, idle_at))| call.now < *idle_at);
            for (key, (bytes, idle_at)) in live {
                tell(Kept { key, entry: decoded(&bytes)?, idle_at });
            }
            Ok(())
        });
        Box::pin(std::future::ready(result))
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        let keys: Vec<_> = kept.iter().map(|kept| kept.key).collect();
        self.execute(keys, |ledger| {
            kept.into_iter().filter(|kept| ledger.restore(call.now, kept.clone())).count()
        })
    }

    fn len(&self) -> Answer<'_, usize> {
        Box::pin(std::future::ready(self.with_rows(|rows| rows.len())))
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

//! Counters in the tables of an SQL server: what [PostgreSQL](super::PostgresStore) and [MySQL](super::MySqlStore) share.
//!
//! Calls that wait go together: each connection takes a batch of them and executes it as one [transaction], in two round
//! trips, on entries that it has locked in the order of their keys. So there is one order for all who share the server, and
//! nobody waits in a circle. What a charge comes to is computed here, by the same code as for every other store.
//!
//! A row is a key, an entry and the instant from which on it can be dropped, which connections do with what is idle, one of
//! them all at a time, when nothing else is due ([`SqlStore::sweep`]).

pub(super) mod dialect;
mod errand;
mod failure;
pub(super) mod files;
mod known;
pub(super) mod layout;
mod link;
mod queue;
mod row;
pub(super) mod settings;
mod transaction;

use std::{fmt, sync::Arc, time::Duration};

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey, time::Timestamp};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::{
    sync::oneshot,
    task::{AbortHandle, JoinSet},
    time::{self, MissedTickBehavior},
};

use self::{
    dialect::{Dialect, Reply},
    errand::SWEEP_ROWS,
    known::Known,
    link::Link,
    queue::{Errand, Queue, Refused, Work},
    transaction::{BatchKeys, clock_of},
};
use super::{
    Answer, Call, Charged, ClockOf, Entry, Kept, Lease, Ledger, OwnedCharge, OwnedSettlement, Settlement,
    Settlements, Store, StoreError,
    job::{Keys, Task},
};

/// How often idle rows are dropped.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// How many rows are read at a time for a snapshot.
const PAGE_ROWS: usize = 1_000;

/// How many entries are restored at a time.
const RESTORED_AT_ONCE: usize = 256;

/// Counters in the tables of an SQL server.
pub struct SqlStore<D: Dialect> {
    core: Arc<Core<D>>,
    connections: Mutex<JoinSet<()>>,
    sweeper: AbortHandle,
    secret: u64,
}

/// What the connections share.
struct Core<D> {
    dialect: D,
    queue: Queue,
    /// The rows that are there.
    known: Known,
}

/// Why a call was not let in.
#[derive(Debug, thiserror::Error)]
#[error("{} calls wait already", queue::MAX_WAITING)]
struct QueueFull;

impl<D: Dialect> SqlStore<D> {
    /// Connects, and makes the tables where they are missing.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`]; [`StoreError::NewerLayout`] if a later version made the tables.
    pub async fn connect(options: D) -> Result<Self, StoreError> {
        let secret = layout::migrate(&options).await?;
        let connections = options.settings().connections;
        let core = Core { dialect: options, queue: Queue::default(), known: Known::default() };
        let core = Arc::new(core);
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            tasks.spawn(serve(Place::of(&core)));
        }
        let sweeper = tokio::spawn(sweep_now_and_then(Arc::clone(&core))).abort_handle();
        Ok(Self { core, connections: Mutex::new(tasks), sweeper, secret })
    }

    /// Makes the tables, or brings them to the newest layout, as [`Self::connect`] does.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub async fn migrate(options: &D) -> Result<(), StoreError> {
        layout::migrate(options).await.map(drop)
    }

    /// Takes the tables away, with all counters.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub async fn revert(options: &D) -> Result<(), StoreError> {
        layout::revert(options).await
    }

    /// Drops what has been idle for a while, unless somebody else is doing it. The store does so by itself, now and then.
    /// How many rows were dropped.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        self.core.sweep().await
    }

    /// How the server goes about the statements that charges and sweeps need, in its own words.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub async fn explain(&self) -> Result<Vec<String>, StoreError> {
        let keys = [CounterKey(1), CounterKey(u128::MAX / 2)];
        Ok(self.core.read(self.core.dialect.explain(&keys)).await?.texts)
    }

    fn execute<T: Send + 'static>(
        &self,
        call: Call,
        keys: Keys,
        mut work: impl FnMut(&mut Ledger, Timestamp) -> T + Send + 'static,
    ) -> Answer<'_, T> {
        let caller = Some(call.now).filter(|_| call.clock == ClockOf::Caller);
        let keys = Keys { is_by_the_caller: caller.is_some(), ..keys };
        let (job, answer) = Task::boxed(keys, move |ledger, clock| work(ledger, caller.unwrap_or(clock)));
        Box::pin(async move {
            self.core.queue.push(job).map_err(told)?;
            let answer = time::timeout(call.deadline, answer).await;
            let answer = answer.map_err(|_| StoreError::Timeout(call.deadline))?;
            // What waited when the last connection ended was not begun.
            answer.unwrap_or(Err(StoreError::Closed))
        })
    }
}

/// Tells of rows that were left out because they cannot be read.
fn note_damaged<D: Dialect>(rows: u64) {
    if rows > 0 {
        metrics::counter!("limitrate_store_damaged_total", "store" => D::NAME).increment(rows);
        tracing::warn!(store = D::NAME, rows, "damaged rows were left out: reset their counters");
    }
}

/// What a caller is told who was not let in.
fn told(refused: Refused) -> StoreError {
    match refused {
        Refused::Full => {
            StoreError::Unavailable { what: "its queue is full".to_owned(), cause: QueueFull.into() }
        }
        Refused::Closed => StoreError::Closed,
    }
}

/// A connection's place at the queue, which it leaves however it ends.
struct Place<D>(Arc<Core<D>>);

impl<D> Place<D> {
    fn of(core: &Arc<Core<D>>) -> Self {
        core.queue.enter();
        Self(Arc::clone(core))
    }
}

impl<D> Drop for Place<D> {
    fn drop(&mut self) {
        self.0.queue.leave();
    }
}

/// The counters of a batch under way, which are no more when it ends, however it does.
struct Busy<'q> {
    queue: &'q Queue,
    calls: usize,
    counters: Vec<CounterKey>,
    held: Vec<CounterKey>,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.queue.done(self.calls, &self.counters, &self.held);
    }
}

/// What one connection does until the store is closed.
async fn serve<D: Dialect>(place: Place<D>) {
    let core = &*place.0;
    let mut link = Link::new(&core.dialect);
    while let Some(work) = core.queue.next().await {
        match work {
            Work::Batch(jobs) => {
                let keys = BatchKeys::of(&jobs);
                let (queue, counters) = (&core.queue, keys.counters.clone());
                let mut busy = Busy { queue, calls: jobs.len(), counters, held: Vec::new() };
                busy.held = transaction::execute(core, &mut link, &keys, jobs).await;
            }
            Work::Errand(errand) => errand::run(&core.dialect, &mut link, errand).await,
        }
    }
    link.close().await;
}

async fn sweep_now_and_then<D: Dialect>(core: Arc<Core<D>>) {
    let mut ticks = time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        loop {
            match core.sweep().await {
                Ok(SWEEP_ROWS) => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::debug!(store = D::NAME, %error, "idle rows were not dropped");
                    break;
                }
            }
        }
    }
}

impl<D: Dialect> Core<D> {
    async fn read(&self, script: String) -> Result<Reply, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Errand::Read(script, reply)).map_err(told)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Drops some of what is idle by the server's clock.
    async fn sweep(&self) -> Result<usize, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Errand::Sweep(reply)).map_err(told)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl<D: Dialect> Store for SqlStore<D> {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        let mut keys =
            Keys { counters: charges.iter().map(|charge| charge.counter).collect(), ..Keys::default() };
        Ledger::keys_of_charges(&call, charges, |key| {
            if !keys.counters.contains(&key) {
                keys.others.push(key);
            }
        });
        let charges: Vec<OwnedCharge> = charges.iter().map(OwnedCharge::from).collect();
        self.execute(call, keys, move |ledger, now| {
            let charges: SmallVec<[Charge<'_>; 8]> = charges.iter().map(OwnedCharge::borrow).collect();
            ledger.charge(now, &call, &charges)
        })
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        let counters = settlements.iter().map(|settlement| settlement.counter).collect();
        let mut keys = Keys { counters, ..Keys::default() };
        Ledger::keys_of_settlements(settlements, |key| {
            if !keys.counters.contains(&key) {
                keys.others.push(key);
            }
        });
        let settlements: Vec<OwnedSettlement> = settlements.iter().map(OwnedSettlement::from).collect();
        self.execute(call, keys, move |ledger, now| {
            let settlements: SmallVec<[Settlement<'_>; 4]> =
                settlements.iter().map(OwnedSettlement::borrow).collect();
            ledger.settle(now, &settlements)
        })
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        let keys = Keys { counters: leases.iter().map(|lease| lease.counter).collect(), ..Keys::default() };
        let leases = leases.to_vec();
        self.execute(call, keys, move |ledger, now| ledger.release(now, &leases))
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        let owned = OwnedCharge::from(charge);
        let keys = Keys::counter(charge.counter);
        self.execute(call, keys, move |ledger, now| ledger.refund(now, &owned.borrow()))
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        let keys = Keys { others: SmallVec::from_slice(&[counter]), ..Keys::default() };
        let algorithm = algorithm.clone();
        self.execute(call, keys, move |ledger, now| ledger.used(now, counter, &algorithm))
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        let algorithm = algorithm.clone();
        self.execute(call, Keys::counter(counter), move |ledger, now| {
            ledger.set_used(now, counter, &algorithm, used)
        })
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        let others = Ledger::keys_of_counter(counter).into_iter().filter(|key| *key != counter).collect();
        let keys = Keys { others, is_reset: true, ..Keys::counter(counter) };
        self.execute(call, keys, move |ledger, _| ledger.reset(counter))
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        Box::pin(async move {
            let (mut after, mut damaged) = (None, 0_u64);
            loop {
                let behind = after;
                // Each page has the deadline for itself: there is no saying how many there are.
                let page = self.core.read(self.core.dialect.page(after, PAGE_ROWS));
                let page = time::timeout(call.deadline, page).await;
                let page = page.map_err(|_| StoreError::Timeout(call.deadline))??;
                let now = match call.clock {
                    ClockOf::Store => clock_of(&page).map_err(|failure| failure.to_error())?,
                    ClockOf::Caller => call.now,
                };
                for found in &page.found {
                    let (key, kept) = match row::read(&found.key, &found.entry) {
                        Ok(read) => read,
                        // The others can be told all the same.
                        Err((key, _)) => {
                            after = key.or(after);
                            damaged += 1;
                            continue;
                        }
                    };
                    after = Some(key);
                    if let Some((entry, idle_at)) = kept.filter(|(_, idle_at)| now < *idle_at) {
                        tell(Kept { key, entry, idle_at });
                    }
                }
                if page.found.len() < PAGE_ROWS || after == behind {
                    note_damaged::<D>(damaged);
                    return Ok(());
                }
            }
        })
    }

    /// Counters come first, then what is beside them: a charge locks its counters before it writes what is beside them, and
    /// both must go the same way.
    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        let is_counter = |kept: &Kept| matches!(kept.entry, Entry::Counter(_));
        let (counters, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(is_counter);
        Box::pin(async move {
            let mut count = 0;
            for portion in counters.chunks(RESTORED_AT_ONCE).chain(others.chunks(RESTORED_AT_ONCE)) {
                let counters = portion.iter().map(|kept| kept.key).collect();
                let portion = portion.to_vec();
                let restored =
                    self.execute(call, Keys { counters, ..Keys::default() }, move |ledger, now| {
                        portion.iter().filter(|kept| ledger.restore(now, Kept::clone(kept))).count()
                    });
                count += restored.await?;
            }
            Ok(count)
        })
    }

    fn len(&self) -> Answer<'_, usize> {
        Box::pin(async move {
            let count = self.core.read(self.core.dialect.count()).await?.numbers.first().copied();
            Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX))
        })
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        Box::pin(std::future::ready(Ok(Some(self.secret))))
    }

    fn close(&self) -> Answer<'_, ()> {
        self.sweeper.abort();
        self.core.queue.close();
        let mut connections = std::mem::take(&mut *self.connections.lock());
        Box::pin(async move {
            while connections.join_next().await.is_some() {}
            Ok(())
        })
    }
}

impl<D: Dialect> Drop for SqlStore<D> {
    fn drop(&mut self) {
        self.sweeper.abort();
        self.core.queue.close();
    }
}

impl<D: Dialect> fmt::Debug for SqlStore<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("options", &self.core.dialect).finish_non_exhaustive()
    }
}

//! A batch of calls as one transaction, in two round trips: one locks the counters and reads everything, the other writes
//! what has changed and commits.
//!
//! The clock is read under the locks, so the instants at which one counter is judged do not run back. Between the two, all
//! calls are executed on a [`Ledger`], as every store does it that keeps entries.

use std::collections::{BTreeSet, HashMap, HashSet};

use limitrate_core::{block, key::CounterKey, time::Timestamp};

use super::{
    Core,
    dialect::{Dialect, Found, Reply, Row},
    failure::{Failure, Stage},
    link::Link,
    row,
};
use crate::store::{
    Entry, Ledger, StoreError,
    job::{Job, Keys},
};

/// How often a batch is begun anew that the server gave up, having applied nothing.
const MAX_ATTEMPTS: usize = 5;

/// Above so many bytes of entries, a script that writes is followed by another one. The servers take scripts of at least 16 MB.
const MAX_WRITTEN: usize = 2 * 1024 * 1024;

/// The keys of a batch, in order, each once.
pub(super) struct BatchKeys {
    /// Those whose rows are locked.
    pub(super) counters: Vec<CounterKey>,
    /// The others.
    pub(super) others: Vec<CounterKey>,
}

impl BatchKeys {
    pub(super) fn of(jobs: &[Box<dyn Job>]) -> Self {
        let counters: BTreeSet<_> = jobs.iter().flat_map(|job| &job.keys().counters).copied().collect();
        let others: BTreeSet<_> = jobs.iter().flat_map(|job| &job.keys().others).copied().collect();
        let others = others.difference(&counters).copied().collect();
        Self { counters: counters.into_iter().collect(), others }
    }
}

/// What came of a batch.
struct Executed {
    /// Why single calls of it were not executed.
    refused: Vec<Option<StoreError>>,
    /// Whether the transaction is still open, having changed nothing.
    is_open: bool,
}

/// Calls that wait for an answer.
type Jobs = Vec<Box<dyn Job>>;

/// Executes a batch and answers its calls. Which of its counters somebody else holds.
///
/// Where somebody does, only the calls that need those fail, and the others are executed without them.
pub(super) async fn execute<D: Dialect>(
    core: &Core<D>,
    link: &mut Link<'_, D>,
    keys: &BatchKeys,
    jobs: Jobs,
) -> Vec<CounterKey> {
    let Err((failure, mut jobs)) = attempt(core, link, keys, jobs).await else { return Vec::new() };
    // Those who waited for it may have left by now. Which counters are held is found out for those who come next.
    jobs.retain(|job| !job.is_abandoned());
    let counters = &keys.counters;
    if counters.len() < 2 {
        refuse::<D>(jobs, &failure);
        return counters.clone();
    }
    let Ok((there, free)) = look(core, link, counters).await else {
        refuse::<D>(jobs, &failure);
        return Vec::new();
    };
    let is_held = |key: &CounterKey| there.contains(key) && !free.contains(key);
    let (waiting, others) = parted(jobs, is_held);
    refuse::<D>(waiting, &failure);
    let mut held: Vec<CounterKey> = counters.iter().copied().filter(is_held).collect();
    // What somebody is just making is locked, and not yet there.
    if let Err((failure, others)) = attempt(core, link, &BatchKeys::of(&others), others).await {
        let (waiting, others) = parted(others, |key| !free.contains(key));
        held.extend(counters.iter().filter(|key| !there.contains(key)));
        refuse::<D>(waiting, &failure);
        if let Err((failure, others)) = attempt(core, link, &BatchKeys::of(&others), others).await {
            refuse::<D>(others, &failure);
        }
    }
    held
}

/// Calls with a counter of some kind, and others.
fn parted(jobs: Jobs, is_of_them: impl Fn(&CounterKey) -> bool) -> (Jobs, Jobs) {
    jobs.into_iter().partition(|job| job.keys().counters.iter().any(&is_of_them))
}

/// Which of some counters are there, and which of those nobody has locked.
async fn look<D: Dialect>(
    core: &Core<D>,
    link: &mut Link<'_, D>,
    counters: &[CounterKey],
) -> Result<(HashSet<CounterKey>, HashSet<CounterKey>), Failure> {
    let there = link.run(Stage::Before, core.dialect.read(counters)).await?;
    let free = link.run(Stage::Before, core.dialect.free(counters)).await;
    if free.is_err() {
        link.undo().await;
    }
    let keys = |reply: &Reply| reply.found.iter().filter_map(|found| row::key(&found.key)).collect();
    Ok((keys(&there), keys(&free?)))
}

/// Executes a batch and answers its calls, unless others hold what some of them need.
async fn attempt<D: Dialect>(
    core: &Core<D>,
    link: &mut Link<'_, D>,
    keys: &BatchKeys,
    mut jobs: Jobs,
) -> Result<(), (Failure, Jobs)> {
    if jobs.is_empty() {
        return Ok(());
    }
    metrics::histogram!("limitrate_store_batch_calls", "store" => D::NAME).record(f64_of(jobs.len()));
    let mut attempt = 0;
    let outcome = loop {
        attempt += 1;
        let was_open = link.is_open();
        let outcome = transact(core, link, keys, &mut jobs).await;
        let failure = outcome.as_ref().err();
        let again = failure.is_some_and(|failure| failure.is_worth_repeating(was_open));
        if !again || attempt >= MAX_ATTEMPTS {
            break outcome;
        }
        metrics::counter!("limitrate_store_retries_total", "store" => D::NAME).increment(1);
    };
    match outcome {
        Ok(Executed { refused, is_open }) => {
            jobs.into_iter().zip(refused).for_each(|(job, refused)| job.answer(refused));
            if is_open {
                let ended = link.run(Stage::Before, D::END_UNCHANGED.to_owned()).await;
                link.drop_unless(ended.is_ok());
            }
        }
        Err(failure @ Failure::Held(_)) => return Err((failure, jobs)),
        Err(failure) => refuse::<D>(jobs, &failure),
    }
    Ok(())
}

/// Tells calls why they were not executed.
fn refuse<D: Dialect>(jobs: Jobs, failure: &Failure) {
    if jobs.is_empty() {
        return;
    }
    let word = failure.to_error().word();
    metrics::counter!("limitrate_store_failed_batches_total", "store" => D::NAME, "kind" => word)
        .increment(1);
    tracing::debug!(store = D::NAME, ?failure, calls = jobs.len(), "calls failed");
    jobs.into_iter().for_each(|job| job.answer(Some(failure.to_error())));
}

/// Batches are small.
fn f64_of(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

async fn transact<D: Dialect>(
    core: &Core<D>,
    link: &mut Link<'_, D>,
    keys: &BatchKeys,
    jobs: &mut [Box<dyn Job>],
) -> Result<Executed, Failure> {
    let executed = transact_open(core, link, keys, jobs).await;
    if executed.is_err() {
        link.undo().await;
    }
    executed
}

async fn transact_open<D: Dialect>(
    core: &Core<D>,
    link: &mut Link<'_, D>,
    keys: &BatchKeys,
    jobs: &mut [Box<dyn Job>],
) -> Result<Executed, Failure> {
    let is_locked = !keys.counters.is_empty();
    let reply = match is_locked {
        true => lock(core, link, keys).await?,
        false => link.run(Stage::Before, core.dialect.read(&keys.others)).await?,
    };
    let clock = clock_of(&reply)?;
    let mut loaded = Loaded::new(keys, reply.found);
    let refused = jobs.iter_mut().map(|job| loaded.execute(&mut **job, clock)).collect();
    let mut rows = loaded.changes();
    if jobs.iter().any(|job| job.keys().is_by_the_caller) {
        rows.iter_mut().for_each(|row| row.keep_from(clock));
    }
    if !rows.is_empty() {
        let (last, others) = chunks(&rows);
        for rows in others {
            link.run(Stage::Before, core.dialect.write(rows)).await?;
        }
        let commit = format!("{};COMMIT", core.dialect.write(last));
        link.run(Stage::Commit, commit).await?;
    }
    let written = rows.iter().filter(|row| row.place.is_some()).map(|row| (row.key, row.idle_at));
    core.known.note(clock, loaded.kept.into_iter().chain(written));
    Ok(Executed { refused, is_open: is_locked && rows.is_empty() })
}

/// Begins a transaction with all counters of a batch locked and there.
async fn lock<D: Dialect>(
    core: &Core<D>,
    link: &mut Link<'_, D>,
    keys: &BatchKeys,
) -> Result<Reply, Failure> {
    let BatchKeys { counters, others } = keys;
    let has_all =
        |reply: &Reply| reply.found.iter().filter(|row| row.place.is_some()).count() == counters.len();
    let new = core.known.unknown(counters);
    let reply = link.run(Stage::Before, core.dialect.begin(&new, counters, others)).await?;
    if has_all(&reply) {
        return Ok(reply);
    }
    // Some that were known were dropped. What is locked is let go first: making rows while holding others has no order.
    core.known.forget(counters);
    let anew = format!("{};{}", D::END_UNCHANGED, core.dialect.begin(counters, counters, others));
    let reply = link.run(Stage::Before, anew).await?;
    if has_all(&reply) { Ok(reply) } else { Err(Failure::dropped()) }
}

/// The server's clock, from its microseconds.
pub(super) fn clock_of(reply: &Reply) -> Result<Timestamp, Failure> {
    let micros =
        reply.numbers.first().ok_or_else(|| Failure::Corrupt("it did not tell the time".to_owned()))?;
    Ok(Timestamp(micros.saturating_mul(1_000)))
}

/// Rows in portions of a bounded size, the last one apart.
fn chunks(rows: &[Row]) -> (&[Row], Vec<&[Row]>) {
    let mut others = Vec::new();
    let (mut rest, mut bytes, mut count) = (rows, 0, 0);
    for row in rows {
        if bytes > MAX_WRITTEN {
            let (chunk, after) = rest.split_at(count);
            others.push(chunk);
            (rest, bytes, count) = (after, 0, 0);
        }
        bytes += row.entry.len();
        count += 1;
    }
    (rest, others)
}

/// The entries of a batch.
struct Loaded {
    ledger: Ledger,
    damaged: HashMap<CounterKey, String>,
    /// Where the rows lie that are locked.
    places: HashMap<CounterKey, String>,
    /// Until when those are kept as they were found.
    kept: Vec<(CounterKey, i64)>,
}

impl Loaded {
    fn new(keys: &BatchKeys, found: Vec<Found>) -> Self {
        let mut loaded =
            Self { ledger: Ledger::new(), damaged: HashMap::new(), places: HashMap::new(), kept: Vec::new() };
        for key in keys.counters.iter().chain(&keys.others) {
            loaded.ledger.load(*key, None);
        }
        for Found { key, entry, place } in found {
            let key = match row::read(&key, &entry) {
                Ok((key, kept)) => {
                    if let Some((_, idle_at)) = kept.as_ref().filter(|_| place.is_some()) {
                        loaded.kept.push((key, row::rounded(idle_at.0)));
                    }
                    loaded.ledger.load(key, kept);
                    key
                }
                Err((Some(key), error)) => {
                    loaded.damaged.insert(key, error.to_string());
                    key
                }
                // Nobody asked for it.
                Err((None, _)) => continue,
            };
            if let Some(place) = place {
                loaded.places.insert(key, place);
            }
        }
        loaded
    }

    /// Executes a call, unless nobody waits for it any more or what it needs is damaged.
    fn execute(&mut self, job: &mut dyn Job, clock: Timestamp) -> Option<StoreError> {
        if job.keys().is_reset {
            self.mend(job.keys());
        }
        let damaged = job.keys().all().find_map(|key| self.damaged.get(&key));
        if let Some(what) = damaged {
            return Some(StoreError::Corrupt { what: what.clone() });
        }
        if job.is_abandoned() {
            return Some(StoreError::Closed);
        }
        job.execute(&mut self.ledger, clock);
        None
    }

    /// Puts something in the place of what is damaged, for a call that drops it.
    fn mend(&mut self, keys: &Keys) {
        for key in keys.all() {
            if self.damaged.remove(&key).is_some() {
                let stand_in = Entry::Block(block::State { level: 1, until: Timestamp::MAX });
                self.ledger.load(key, Some((stand_in, Timestamp::MAX)));
            }
        }
    }

    /// What has changed, in the order of keys.
    fn changes(&mut self) -> Vec<Row> {
        let changes = self.ledger.changes();
        let mut rows: Vec<Row> = changes
            .map(|(key, kept)| Row { place: self.places.remove(&key), ..row::row(key, kept) })
            .collect();
        rows.sort_unstable_by_key(|row| row.key);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_cut_into_portions() {
        let sizes = [MAX_WRITTEN, 1, 1, MAX_WRITTEN + 1, 5];
        let rows: Vec<Row> = sizes
            .iter()
            .zip(0..)
            .map(|(size, key)| Row { key: CounterKey(key), entry: vec![0; *size], idle_at: 0, place: None })
            .collect();
        let (last, others) = chunks(&rows);
        assert_eq!(others.iter().map(|rows| rows.len()).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(last.len(), 1);
        let (last, others) = chunks(&rows[1..3]);
        assert_eq!((last.len(), others.len()), (2, 0));
    }
}

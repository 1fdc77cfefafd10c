//! SQLite, beside bare SQLite that does the least it could for one decision of a bucket: a row read and written in a
//! transaction. And writing behind, beside memory.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and stops at the first surprise"
)]

use std::{
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Call, Durability, MemoryOptions, MemoryStore, SqliteOptions, SqliteStore, Store, Ticket,
};
use rusqlite::Connection;
use tokio::runtime::Builder;

const KEYS: u64 = 100_000;
const WAITING: u64 = 64;
/// What each figure is taken of.
const SPAN: Duration = Duration::from_millis(1_000);
const SAMPLES: usize = 5;
const BUCKET: Algorithm = Algorithm::Bucket(Nanos::from_secs(60));
const START: i64 = 1_800_000_000_000_000_000;

/// Prints the figures of this section.
pub(super) fn run() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);

    turns(
        "NORMAL",
        || bare(&file("bare-normal.db"), "NORMAL", SPAN),
        [
            ("exclusive, one decision a transaction", &|| lone(&file("normal.db"))),
            ("exclusive, 64 waiting", &|| waiting(&file("queued.db"), Durability::Normal, true)),
            ("shared file, 64 waiting", &|| waiting(&file("shared.db"), Durability::Normal, false)),
        ],
    );
    turns(
        "FULL",
        || bare(&file("bare-full.db"), "FULL", SPAN),
        [
            ("exclusive, 64 waiting", &|| waiting(&file("full.db"), Durability::Full, true)),
            ("shared file, 64 waiting", &|| waiting(&file("full-shared.db"), Durability::Full, false)),
        ],
    );

    let memory = 1e9 / best(|| at_once(&MemoryStore::new(MemoryOptions::default())));
    let behind = SqliteOptions { durability: Durability::Behind, ..SqliteOptions::new(file("behind.db")) };
    let behind = SqliteStore::open(&behind).unwrap();
    let decided = 1e9 / best(|| at_once(&behind));
    println!(
        "sqlite: behind, a decision: {decided:.1} ns  memory {memory:.1} ns  +{:.1} ns",
        decided - memory
    );
    println!("sqlite: behind, flush of {KEYS} counters: {:.0} rows/s", best(|| flush(&file("flush.db"))));
}

/// Bare SQLite and each of ours in turns; prints the round whose ratio is the median.
fn turns<const N: usize>(synchronous: &str, bare: impl Fn() -> f64, ours: [(&str, &dyn Fn() -> f64); N]) {
    let rounds: Vec<(f64, [f64; N])> =
        (0..SAMPLES).map(|_| (bare(), ours.map(|(_, measure)| measure()))).collect();
    for (index, (name, _)) in ours.into_iter().enumerate() {
        let mut rounds: Vec<(f64, f64)> = rounds.iter().map(|(bare, ours)| (*bare, ours[index])).collect();
        rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
        let (bare, ours) = rounds[SAMPLES / 2];
        println!("sqlite: {synchronous}, {name:<37} {ours:>9.0}/s  bare {bare:>7.0}/s  x{:.2}", ours / bare);
    }
}

fn best(mut sample: impl FnMut() -> f64) -> f64 {
    (0..SAMPLES).map(|_| sample()).fold(0.0, f64::max)
}

/// Numbers below `KEYS`, small ones by far more often.
struct Skewed(u64);

impl Skewed {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let unit = (self.0 >> 11) as f64 / (1_u64 << 53) as f64;
        (unit.powi(4) * KEYS as f64) as u64
    }
}

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 0x5EED)
}

fn charge(key: CounterKey) -> Charge<'static> {
    let terms = Terms { ceiling: 1_000_000_000, burst: 1_000_000_000, starting: None };
    Charge::new(key, key, &BUCKET, terms, 1)
}

/// A call of somebody who has time: bare SQLite has, when the disk has none.
fn call(decision: i64) -> Call {
    let deadline = Duration::from_secs(60);
    Call { deadline, ..Call::at(Timestamp(START + decision * 1_000), Ticket(0)) }
}

/// How many a second, of a step that is done for that long.
fn rate(span: Duration, mut step: impl FnMut(i64)) -> f64 {
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < span {
        for _ in 0..64 {
            step(done);
            done += 1;
        }
    }
    done as f64 / start.elapsed().as_secs_f64()
}

fn bare(path: &Path, synchronous: &str, span: Duration) -> f64 {
    let file = Connection::open(path).unwrap();
    file.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    file.pragma_update(None, "journal_mode", "WAL").unwrap();
    file.pragma_update(None, "synchronous", synchronous).unwrap();
    file.execute_batch("CREATE TABLE IF NOT EXISTS c (k BLOB PRIMARY KEY, tat INTEGER) WITHOUT ROWID")
        .unwrap();
    let mut keys = Skewed(7);
    let mut begin = file.prepare("BEGIN IMMEDIATE").unwrap();
    let mut read = file.prepare("SELECT tat FROM c WHERE k = ?1").unwrap();
    let mut write = file.prepare("REPLACE INTO c VALUES (?1, ?2)").unwrap();
    let mut commit = file.prepare("COMMIT").unwrap();
    rate(span, |decision| {
        let key = key(keys.next()).0.to_be_bytes();
        begin.execute([]).unwrap();
        let tat: i64 = read.query_row([key], |row| row.get(0)).unwrap_or(0);
        write.execute((key, tat.max(START + decision * 1_000) + 60)).unwrap();
        commit.execute([]).unwrap();
    })
}

fn lone(path: &Path) -> f64 {
    let options = SqliteOptions { exclusive: true, ..SqliteOptions::new(path) };
    let store = SqliteStore::open(&options).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut keys = Skewed(7);
    rate(SPAN, |decision| {
        let charges = [charge(key(keys.next()))];
        assert!(runtime.block_on(store.charge(call(decision), &charges)).unwrap().taken);
    })
}

fn waiting(path: &Path, durability: Durability, exclusive: bool) -> f64 {
    let options = SqliteOptions { durability, exclusive, ..SqliteOptions::new(path) };
    let store = Arc::new(SqliteStore::open(&options).unwrap());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let start = Instant::now();
    let tasks = (0..WAITING).map(|task| {
        let store = Arc::clone(&store);
        runtime.spawn(async move {
            let (mut keys, mut done) = (Skewed(task + 1), 0);
            while start.elapsed() < SPAN {
                let charges = [charge(key(keys.next()))];
                assert!(store.charge(call(done), &charges).await.unwrap().taken);
                done += 1;
            }
            done
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let done: i64 = runtime.block_on(async {
        let mut all = 0;
        for task in tasks {
            all += task.await.unwrap();
        }
        all
    });
    done as f64 / start.elapsed().as_secs_f64()
}

fn at_once(store: &dyn Store) -> f64 {
    let mut numbers = Skewed(7);
    let keys: Vec<_> = (0..1 << 20).map(|_| key(numbers.next())).collect();
    rate(SPAN, |decision| {
        let charges = [charge(keys[decision as usize % keys.len()])];
        black_box(store.charge_at_once(call(decision), &charges)).unwrap();
    })
}

fn flush(path: &Path) -> f64 {
    let options = SqliteOptions {
        durability: Durability::Behind,
        flush_every: Duration::from_secs(60),
        ..SqliteOptions::new(path)
    };
    let store = SqliteStore::open(&options).unwrap();
    for number in 0..KEYS {
        store.charge_at_once(call(1), &[charge(key(number))]).unwrap();
    }
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let start = Instant::now();
    runtime.block_on(store.flush()).unwrap();
    KEYS as f64 / start.elapsed().as_secs_f64()
}

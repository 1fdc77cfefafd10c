//! PostgreSQL and MariaDB under 64 writers, beside a bare upsert of one row a transaction over as many connections.
//!
//! The servers are private ones that wait for the disk at each commit, as they do unless told otherwise.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    Call, ClockOf, MySqlOptions, MySqlStore, PostgresOptions, PostgresStore, Store, Ticket,
};
use limitrate_testkit::server::{MariaDb, MariaDbOptions, Postgres, or_skip};
use sqlx::{mysql::MySqlPoolOptions, postgres::PgPoolOptions};

/// How many calls are in flight at once.
const WRITERS: u64 = 64;

/// How many counters they are spread over.
const KEYS: u64 = 10_000;

/// How many connections the bare upserts have: as many as writers, which is the best for them.
const BARE_CONNECTIONS: u32 = 64;

/// How long each sample takes, after as long again for warming up.
const SAMPLE: Duration = Duration::from_secs(3);

const FIXED: Algorithm = Algorithm::FixedWindow(Window::Rolling(Nanos::from_secs(3_600)));

/// Runs both and prints what they came to.
pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap();
    runtime.block_on(async {
        postgres().await;
        mariadb().await;
    });
}

async fn postgres() {
    let options = limitrate_testkit::server::PostgresOptions { fsync: true, ..Default::default() };
    let Some(server) = or_skip(Postgres::start(&options)) else { return };
    let pool = PgPoolOptions::new().max_connections(BARE_CONNECTIONS).connect(&server.url()).await;
    let pool = pool.unwrap();
    let table = "CREATE TABLE bare (key bytea PRIMARY KEY, used bigint NOT NULL) WITH (fillfactor = 60)";
    sqlx::query(table).execute(&pool).await.unwrap();
    let upsert = "INSERT INTO bare AS kept VALUES ($1, 1) ON CONFLICT (key) DO UPDATE SET used = kept.used + 1 RETURNING used";
    let shared = pool.clone();
    let bare = rate(move |key| {
        let pool = shared.clone();
        async move {
            let used: i64 = sqlx::query_scalar(upsert)
                .bind(name(key).0.to_be_bytes().to_vec())
                .fetch_one(&pool)
                .await
                .unwrap();
            assert!(used > 0);
        }
    })
    .await;
    pool.close().await;
    let options = PostgresOptions::from_url(&server.url()).unwrap();
    let store = PostgresStore::connect(options).await.unwrap();
    compare("postgres", bare, Arc::new(store)).await;
}

async fn mariadb() {
    let options = MariaDbOptions { fsync: true, ..Default::default() };
    let Some(server) = or_skip(MariaDb::start(&options)) else { return };
    let pool = MySqlPoolOptions::new().max_connections(BARE_CONNECTIONS).connect(&server.url()).await;
    let pool = pool.unwrap();
    let table = "CREATE TABLE bare (`key` BINARY(16) PRIMARY KEY, used BIGINT NOT NULL)";
    sqlx::query(table).execute(&pool).await.unwrap();
    let upsert = "INSERT INTO bare VALUES (?, 1) ON DUPLICATE KEY UPDATE used = used + 1";
    let shared = pool.clone();
    let bare = rate(move |key| {
        let pool = shared.clone();
        async move {
            let done = sqlx::query(upsert).bind(name(key).0.to_be_bytes().to_vec()).execute(&pool).await;
            assert!(done.unwrap().rows_affected() > 0);
        }
    })
    .await;
    pool.close().await;
    let options = MySqlOptions::from_url(&server.url()).unwrap();
    let store = MySqlStore::connect(options).await.unwrap();
    compare("mariadb", bare, Arc::new(store)).await;
}

async fn compare(server: &str, bare: f64, store: Arc<dyn Store>) {
    let one = charges_of(&store, 1).await;
    let three = charges_of(&store, 3).await;
    println!("{server}, {WRITERS} writers, {KEYS} keys, each commit on the disk");
    println!("  bare upsert, a row a transaction    {bare:>9.0} /s");
    println!("  store, one limit                    {one:>9.0} decisions/s   {:.2}x", one / bare);
    println!("  store, three limits, all or none    {three:>9.0} decisions/s   {:.2}x", three / bare);
    store.close().await.unwrap();
}

async fn charges_of(store: &Arc<dyn Store>, limits: u64) -> f64 {
    let store = Arc::clone(store);
    rate(move |key| {
        let store = Arc::clone(&store);
        async move {
            let charges: Vec<Charge<'_>> = (0..limits).map(|limit| charge(limit << 32 | key)).collect();
            // A disk that stands still for a moment makes the sample slower, and ends no writer.
            let deadline = Duration::from_secs(10);
            let call = Call { clock: ClockOf::Store, deadline, ..Call::at(Timestamp(0), Ticket(key)) };
            let charged = store.charge(call, &charges).await.unwrap();
            assert!(charged.taken);
        }
    })
    .await
}

/// How often a second all writers together do something.
async fn rate<F>(work: impl Fn(u64) -> F + Clone + Send + 'static) -> f64
where
    F: Future<Output = ()> + Send,
{
    let is_over = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (work, is_over, count) = (work.clone(), Arc::clone(&is_over), Arc::clone(&count));
        writers.spawn(async move {
            let mut random = 0x9E37_79B9_7F4A_7C15 ^ writer;
            while !is_over.load(Relaxed) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                work(random % KEYS).await;
                count.fetch_add(1, Relaxed);
            }
        });
    }
    tokio::time::sleep(SAMPLE).await;
    let (before, start) = (count.load(Relaxed), Instant::now());
    tokio::time::sleep(SAMPLE).await;
    let (after, taken) = (count.load(Relaxed), start.elapsed());
    is_over.store(true, Relaxed);
    while writers.join_next().await.is_some() {}
    #[expect(clippy::cast_precision_loss, reason = "a rate of a few digits")]
    let done = (after - before) as f64;
    done / taken.as_secs_f64()
}

fn charge(number: u64) -> Charge<'static> {
    let terms = Terms { ceiling: i64::MAX, burst: i64::MAX, starting: None };
    Charge::new(name(number), CounterKey(0), &FIXED, terms, 1)
}

fn name(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 7)
}

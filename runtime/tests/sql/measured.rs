//! What the SQL stores count of what goes wrong.

use std::sync::Arc;

use limitrate_runtime::store::{MySqlOptions, MySqlStore, PostgresOptions, PostgresStore, Store, StoreError};
use limitrate_testkit::server::until;
use tokio::runtime::{Builder, Runtime};

use crate::{
    common::Measured,
    faults::{Own, own_mariadb, own_postgres},
    place::{self, THEN, charge, counter},
};

/// All of a store on this thread, so that what it counts is heard.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn what_goes_wrong_with_postgres_is_counted() {
    let Some(server) = own_postgres(&[]) else { return };
    go_wrong("postgres", &server, |runtime, url| {
        let options = PostgresOptions::from_url(url).unwrap();
        Arc::new(runtime.block_on(PostgresStore::connect(options)).unwrap())
    });
}

#[test]
fn what_goes_wrong_with_mariadb_is_counted() {
    let Some(server) = own_mariadb(&[]) else { return };
    go_wrong("mysql", &server, |runtime, url| {
        let options = MySqlOptions::from_url(url).unwrap();
        Arc::new(runtime.block_on(MySqlStore::connect(options)).unwrap())
    });
}

fn go_wrong<S: Own>(name: &str, server: &S, connect: impl FnOnce(&Runtime, &str) -> Arc<dyn Store>) {
    let measured = Measured::default();
    let _listening = measured.listen();
    let count = |metric: &str, labels: &str| {
        measured.of(&format!("limitrate_store_{metric}{{store={name}{labels}}}"))
    };
    let (runtime, proxy) = (runtime(), server.proxy());
    let store = connect(&runtime, &format!("{}?connections=1&timeout=500ms", server.url_over(&proxy)));
    let take = |number| -> Result<bool, StoreError> {
        let charges = [charge(number, 1_000)];
        runtime.block_on(store.charge(place::at(THEN), &charges)).map(|charged| charged.taken)
    };
    assert!(take(1).unwrap());
    assert_eq!(count("batch_calls", ""), 1.0);
    // A connection that turns out to be closed is made anew.
    proxy.cut();
    assert!(take(1).unwrap());
    assert_eq!(count("retries_total", ""), 1.0);
    server.sql("UPDATE limitrate_v1_counters SET entry = 'no entry at all'");
    take(1).unwrap_err();
    runtime.block_on(store.snapshot(place::at(THEN), &mut |_| {})).unwrap();
    assert_eq!(count("damaged_total", ""), 1.0);
    assert!(runtime.block_on(store.reset(place::at(THEN), counter(1))).unwrap());
    server.daemon().kill();
    take(1).unwrap_err();
    assert_eq!(count("failed_batches_total", ",kind=unreachable"), 1.0);
    server.restart();
    until("it answers again", || take(1).is_ok());
}

/// Three rows that are idle since the year 1970.
const IDLE: [&str; 2] = [
    "INSERT INTO limitrate_v1_counters SELECT decode(md5(i::text), 'hex'), decode('00', 'hex'), 1 \
     FROM generate_series(1, 3) AS i",
    "INSERT INTO limitrate_v1_counters SELECT UNHEX(MD5(seq)), x'00', 1 FROM seq_1_to_3",
];

#[test]
fn what_postgres_drops_is_counted() {
    let Some(server) = own_postgres(&[]) else { return };
    let runtime = runtime();
    let options = PostgresOptions::from_url(&server.url()).unwrap();
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = runtime.block_on(PostgresStore::connect(options)).unwrap();
    server.sql(IDLE[0]).unwrap();
    assert_eq!(runtime.block_on(store.sweep()).unwrap(), 3);
    assert_eq!(measured.of("limitrate_store_dropped_total{store=postgres}"), 3.0);
}

#[test]
fn what_mariadb_drops_is_counted() {
    let Some(server) = own_mariadb(&[]) else { return };
    let runtime = runtime();
    let options = MySqlOptions::from_url(&server.url()).unwrap();
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = runtime.block_on(MySqlStore::connect(options)).unwrap();
    server.sql(IDLE[1]).unwrap();
    assert_eq!(runtime.block_on(store.sweep()).unwrap(), 3);
    assert_eq!(measured.of("limitrate_store_dropped_total{store=mysql}"), 3.0);
}

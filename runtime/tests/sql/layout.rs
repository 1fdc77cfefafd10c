//! Tables: made by many at once, taken away, made by others, and damaged.

use std::thread;

use limitrate_core::time::Timestamp;
use limitrate_runtime::store::{MySqlOptions, MySqlStore, PostgresOptions, PostgresStore, Store, StoreError};
use limitrate_testkit::server::{MariaDb, Postgres, until};

use crate::place::{self, AHEAD, Beside, Server, THEN, charge, counter, mariadb, postgres, prefix};

/// A database on the machine's server, and each test once for either server.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_postgres {
            $(#[test]
            fn $test() {
                let Some(server) = super::postgres() else { return };
                super::$test(server);
            })*
        }
        mod on_mariadb {
            $(#[test]
            fn $test() {
                let Some(server) = super::mariadb() else { return };
                super::$test(server);
            })*
        }
    };
}
on_both!(
    many_that_start_at_once_share_one_secret,
    stores_of_two_prefixes_do_not_meet,
    tables_of_a_newer_layout_are_left_alone,
    tables_of_another_shape_are_refused,
    tables_that_go_away_are_missed_and_used_again_when_they_are_back,
    an_entry_that_is_damaged_concerns_nobody_else,
    what_is_idle_is_dropped_and_nothing_else,
    rows_that_somebody_else_drops_are_made_again,
    a_wrong_password_is_refused_and_not_told,
    a_database_that_is_not_there_is_a_wrong_address,
    the_clock_is_the_servers,
    a_closed_store_takes_no_calls,
);

fn connect<S: Server>(_: &S, url: &str) -> Result<Box<dyn Beside>, StoreError> {
    S::connect(url)
}

fn at<S: Server>(server: &S, prefix: &str) -> String {
    format!("{}?prefix={prefix}", server.url())
}

fn secret(store: &dyn Beside) -> u64 {
    store.secret().unwrap()
}

fn many_that_start_at_once_share_one_secret<S: Server + Sync>(server: &S) {
    let url = at(server, &prefix());
    let secrets: Vec<u64> = thread::scope(|scope| {
        let starting: Vec<_> =
            (0..16).map(|_| scope.spawn(|| secret(&*connect(server, &url).unwrap()))).collect();
        starting.into_iter().map(|started| started.join().unwrap()).collect()
    });
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
}

fn stores_of_two_prefixes_do_not_meet<S: Server>(server: &S) {
    let [one, other] = [prefix(), prefix()].map(|prefix| connect(server, &at(server, &prefix)).unwrap());
    assert_ne!(secret(&*one), secret(&*other));
    for store in [&one, &other] {
        let taken: Vec<bool> = (0..4).map(|_| store.charge_at(THEN, 1).unwrap()).collect();
        assert_eq!(taken, [true, true, true, false]);
    }
}

fn tables_of_a_newer_layout_are_left_alone<S: Server>(server: &S) {
    let prefix = prefix();
    drop(connect(server, &at(server, &prefix)).unwrap());
    server.sql(&format!("UPDATE {prefix}limitrate_v1_meta SET value = 99 WHERE name = 'layout'"));
    let error = connect(server, &at(server, &prefix)).err().unwrap();
    assert!(matches!(error, StoreError::NewerLayout { found: 99, known: 1 }), "{error:?}");
}

fn tables_of_another_shape_are_refused<S: Server>(server: &S) {
    let [counters, meta] = [prefix(), prefix()];
    server.sql(&format!("CREATE TABLE {counters}limitrate_v1_counters (id INTEGER PRIMARY KEY)"));
    server.sql(&format!("CREATE TABLE {meta}limitrate_v1_meta (name INTEGER PRIMARY KEY)"));
    for prefix in [counters, meta] {
        let error = connect(server, &at(server, &prefix)).err().unwrap();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    }
}

fn tables_that_go_away_are_missed_and_used_again_when_they_are_back<S: Server>(server: &S) {
    let prefix = prefix();
    let store = connect(server, &at(server, &prefix)).unwrap();
    assert!(store.charge_at(THEN, 1).unwrap());
    server.sql(&format!("DROP TABLE {prefix}limitrate_v1_counters; DROP TABLE {prefix}limitrate_v1_meta"));
    let error = store.charge_at(THEN, 1).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    drop(connect(server, &at(server, &prefix)).unwrap());
    assert!(store.charge_at(THEN, 1).unwrap());
}

fn an_entry_that_is_damaged_concerns_nobody_else<S: Server>(server: &S) {
    let prefix = prefix();
    let store = connect(server, &at(server, &prefix)).unwrap();
    assert!(store.charge_at(THEN, 1).unwrap());
    server.sql(&format!("UPDATE {prefix}limitrate_v1_counters SET entry = 'no entry at all'"));
    for _ in 0..2 {
        let error = store.charge_at(THEN, 1).unwrap_err();
        let StoreError::Corrupt { what } = &error else { panic!("{error:?}") };
        assert!(what.contains(&format!("{:032x}", counter(1).0)), "{what}");
    }
    assert!(store.charge_at(THEN, 2).unwrap());
    assert_eq!(store.told().unwrap(), 1, "the other one is told");
    assert!(store.reset(1).unwrap(), "something stood there");
    assert!(!store.reset(1).unwrap(), "and does no more");
    assert!(store.charge_at(THEN, 1).unwrap());
    assert_eq!((store.used(THEN, 1).unwrap(), store.told().unwrap()), (Some(1), 2));
}

fn what_is_idle_is_dropped_and_nothing_else<S: Server>(server: &S) {
    let prefix = prefix();
    let [store, other] = [0, 1].map(|_| connect(server, &at(server, &prefix)).unwrap());
    assert!(store.charge_at(THEN, 1).unwrap() && store.charge_at(THEN, 2).unwrap());
    // Somebody who replays what was long ago goes by a clock of his own, and others drop what is idle by the server's.
    other.sweep().unwrap();
    assert_eq!(store.used(THEN, 1).unwrap(), Some(1), "the server's clock is far ahead");
    let age = |which: &str| {
        server.sql(&format!("UPDATE {prefix}limitrate_v1_counters SET idle_at = 0 WHERE {which}"));
    };
    age(&S::is_key(counter(1)));
    // The store drops rows by itself now and then, so it is not asked how many this sweep dropped.
    until("what is idle is dropped", || {
        assert_eq!(store.used(THEN, 2).unwrap(), Some(1), "it is not idle");
        other.sweep().unwrap();
        store.len().unwrap() == 1
    });
    let taken: Vec<bool> = (0..3).map(|_| store.charge_at(THEN, 2).unwrap()).collect();
    assert_eq!(taken, [true, true, false]);
    age("idle_at > 0");
    // The last call was refused, and answered before its transaction ended: its row may still be locked, and is dropped when it is not.
    until("all is dropped", || {
        other.sweep().unwrap();
        store.len().unwrap() == 0
    });
}

fn rows_that_somebody_else_drops_are_made_again<S: Server>(server: &S) {
    let prefix = prefix();
    let store = connect(server, &at(server, &prefix)).unwrap();
    let [known, dropped, new] = [1, 2, 3].map(|number| charge(number, 9));
    assert!(store.charge(AHEAD, &[known, dropped]).unwrap());
    server.sql(&format!("DELETE FROM {prefix}limitrate_v1_counters WHERE {}", S::is_key(counter(2))));
    assert_eq!(store.len().unwrap(), 1);
    assert!(store.charge(AHEAD, &[known, dropped, new]).unwrap());
    let used = [1, 2, 3].map(|number| store.used(AHEAD, number).unwrap());
    assert_eq!(used, [Some(2), Some(1), Some(1)]);
}

fn a_wrong_password_is_refused_and_not_told<S: Server>(server: &S) {
    let url = server.url().replacen(":secret@", ":hunter2@", 1);
    let error = connect(server, &url).err().unwrap();
    assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

fn a_database_that_is_not_there_is_a_wrong_address<S: Server>(server: &S) {
    let url = server.url();
    let (server_url, _) = url.rsplit_once('/').unwrap();
    let error = connect(server, &format!("{server_url}/nowhere")).err().unwrap();
    assert!(matches!(error, StoreError::Address { .. }), "{error:?}");
}

fn the_clock_is_the_servers<S: Server>(server: &S) {
    let store = connect(server, &at(server, &prefix())).unwrap();
    let now = |caller| store.judged_at(Timestamp(caller)).unwrap();
    let first = now(0);
    let second = now(i64::MAX);
    assert!(first < second, "{first:?} {second:?}");
    let unix = server.sql("SELECT CAST(EXTRACT(YEAR FROM CURRENT_TIMESTAMP) AS CHAR(4))");
    let year = 1970 + second.0 / (31_556_952 * 1_000_000_000);
    assert!((unix.parse::<i64>().unwrap() - year).abs() <= 1, "{unix} {year}");
}

fn a_closed_store_takes_no_calls<S: Server>(server: &S) {
    let store = connect(server, &at(server, &prefix())).unwrap();
    assert!(store.charge_at(THEN, 1).unwrap());
    store.close().unwrap();
    assert!(matches!(store.charge_at(THEN, 1), Err(StoreError::Closed)));
}

#[test]
fn a_store_whose_runtime_has_ended_is_closed() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let charged =
        |store: &dyn Store| runtime().block_on(store.charge(place::at(THEN), &[charge(1, 3)])).map(drop);
    if let Some(server) = postgres() {
        let options = PostgresOptions::from_url(&at(server, &prefix())).unwrap();
        let store = runtime().block_on(PostgresStore::connect(options)).unwrap();
        assert!(matches!(charged(&store), Err(StoreError::Closed)));
    }
    if let Some(server) = mariadb() {
        let options = MySqlOptions::from_url(&at(server, &prefix())).unwrap();
        let store = runtime().block_on(MySqlStore::connect(options)).unwrap();
        assert!(matches!(charged(&store), Err(StoreError::Closed)));
    }
}

#[test]
fn migrations_lead_back_to_nothing() {
    let prefix = prefix();
    if let Some(server) = postgres() {
        let options = PostgresOptions::from_url(&at(server, &prefix)).unwrap();
        let tables = || {
            server.sql(&format!("SELECT count(*) FROM pg_tables WHERE tablename LIKE '{prefix}%'")).unwrap()
        };
        let wait = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for _ in 0..2 {
            wait.block_on(PostgresStore::migrate(&options)).unwrap();
            assert_eq!(tables(), "2");
            wait.block_on(PostgresStore::revert(&options)).unwrap();
            assert_eq!(tables(), "0");
        }
    }
    if let Some(server) = mariadb() {
        let options = MySqlOptions::from_url(&at(server, &prefix)).unwrap();
        let tables = || {
            let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_name";
            server.sql(&format!("{tables} LIKE '{prefix}%'")).unwrap()
        };
        let wait = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for _ in 0..2 {
            wait.block_on(MySqlStore::migrate(&options)).unwrap();
            assert_eq!(tables(), "2");
            wait.block_on(MySqlStore::revert(&options)).unwrap();
            assert_eq!(tables(), "0");
        }
    }
}

#[test]
fn a_user_without_rights_is_refused() {
    if let Some(server) = postgres() {
        server.sql("CREATE ROLE powerless LOGIN PASSWORD 'secret'").unwrap();
        let url = format!("{}?prefix={}", server.url().replacen("limitrate:", "powerless:", 1), prefix());
        let error = Postgres::connect(&url).err().unwrap();
        assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    }
    if let Some(server) = mariadb() {
        server.sql("CREATE USER 'powerless'@'127.0.0.1' IDENTIFIED BY 'secret'").unwrap();
        let url = format!("{}?prefix={}", server.url().replacen("limitrate:", "powerless:", 1), prefix());
        let error = MariaDb::connect(&url).err().unwrap();
        assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    }
}

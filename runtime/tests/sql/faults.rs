//! What can go wrong between a store and its server: each time the caller is told what it comes to, nothing is counted twice,
//! and all goes on when the fault is over.

use std::{ops::RangeInclusive, thread, time::Duration};

use limitrate_runtime::store::{Call, StoreError};
use limitrate_testkit::server::{
    Daemon, Fault, MariaDb, MariaDbOptions, Postgres, PostgresOptions, Proxy, ServerError, Toward, or_skip,
    over_within, recovers, until,
};

use crate::place::{AHEAD, Beside, Server, THEN, charge, counter, mariadb, postgres, prefix};

/// One connection, so that it is known which one a call goes over, and a short wait.
const ONE: &str = "connections=1&timeout=500ms";

const AT_ONCE: RangeInclusive<Duration> = Duration::ZERO..=Duration::ZERO;

/// A store waits for an answer for two timeouts.
const TWO_TIMEOUTS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(1);

/// A server that is the test's own.
pub(crate) trait Own: Server {
    fn daemon(&self) -> &Daemon;
    fn restart(&self);
    fn proxy(&self) -> Proxy;
    /// Statements that lock the row of a counter, do something, and let it go.
    fn locking(prefix: &str, number: u64, then: &str) -> String {
        let is_it = Self::is_key(counter(number));
        format!("BEGIN; SELECT 1 FROM {prefix}limitrate_v1_counters WHERE {is_it} FOR UPDATE; {then}; COMMIT")
    }
    fn nap(seconds: f32) -> String;
    /// A statement that fails if the row of a counter is locked.
    fn nowait(prefix: &str, number: u64) -> String {
        Self::locking(prefix, number, "SELECT 1").replace("FOR UPDATE", "FOR UPDATE NOWAIT")
    }
    /// Runs statements that may fail.
    fn try_sql(&self, statements: &str) -> Result<String, ServerError>;
}

/// What is written alike for either server.
macro_rules! alike {
    () => {
        fn daemon(&self) -> &Daemon {
            Self::daemon(self)
        }

        fn restart(&self) {
            Self::restart(self).unwrap();
        }

        fn proxy(&self) -> Proxy {
            Proxy::before(self.address()).unwrap()
        }

        fn try_sql(&self, statements: &str) -> Result<String, ServerError> {
            Self::sql(self, statements)
        }
    };
}

impl Own for Postgres {
    alike!();

    fn nap(seconds: f32) -> String {
        format!("SELECT pg_sleep({seconds})")
    }
}

impl Own for MariaDb {
    alike!();

    fn nap(seconds: f32) -> String {
        format!("DO SLEEP({seconds})")
    }
}

/// Each test once for either server, which is the test's own where it suffers.
macro_rules! on_both {
    (own: $($own:ident),*; shared: $($shared:ident),* $(,)?) => {
        mod on_postgres {
            $(#[test]
            fn $own() {
                if let Some(server) = super::own_postgres(&[]) {
                    super::$own(&server);
                }
            })*
            $(#[test]
            fn $shared() {
                if let Some(server) = super::postgres() {
                    super::$shared(server);
                }
            })*
        }
        mod on_mariadb {
            $(#[test]
            fn $own() {
                if let Some(server) = super::own_mariadb(&[]) {
                    super::$own(&server);
                }
            })*
            $(#[test]
            fn $shared() {
                if let Some(server) = super::mariadb() {
                    super::$shared(server);
                }
            })*
        }
    };
}
on_both!(
    own:
        a_killed_server_is_missed_and_used_again_with_what_it_had,
        a_stopped_server_keeps_nobody_waiting_and_goes_on,
        a_deadlock_that_somebody_else_brings_about_is_overcome;
    shared:
        a_connection_reset_before_the_commit_is_replaced_unnoticed,
        a_connection_reset_in_the_commit_is_told_to_be_unknown,
        a_way_that_swallows_everything_keeps_nobody_waiting,
        a_server_that_is_not_there_is_unreachable_at_once,
        a_lock_that_somebody_else_holds_is_waited_for_in_vain_and_then_had,
        a_lock_that_somebody_else_holds_fails_no_call_that_goes_without_it,
        what_somebody_else_holds_keeps_no_other_from_callers_with_little_time,
        a_call_that_was_given_up_while_it_waited_is_not_executed,
        a_decision_takes_two_round_trips_and_a_look_one,
);

pub(crate) fn own_postgres(settings: &[&str]) -> Option<Postgres> {
    let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
    or_skip(Postgres::start(&PostgresOptions { fsync: true, settings }))
}

pub(crate) fn own_mariadb(extra: &[&str]) -> Option<MariaDb> {
    let extra = extra.iter().map(|argument| (*argument).to_owned()).collect();
    or_skip(MariaDb::start(&MariaDbOptions { fsync: true, extra }))
}

fn connect<S: Server>(_: &S, url: &str) -> Box<dyn Beside> {
    S::connect(url).unwrap()
}

fn is_known(error: &StoreError) -> bool {
    !error.may_have_applied()
}

fn a_killed_server_is_missed_and_used_again_with_what_it_had<S: Own>(server: &S) {
    let store = connect(server, &format!("{}?{ONE}", server.url()));
    assert!(store.charge_at(THEN, 1).unwrap());
    server.daemon().kill();
    for _ in 0..3 {
        let error = over_within(AT_ONCE, || store.charge_at(THEN, 1)).unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
    }
    server.restart();
    recovers("an SQL server that was killed", Duration::from_secs(2), || store.used(THEN, 1).is_ok());
    let taken: Vec<bool> = (0..3).map(|_| store.charge_at(THEN, 1).unwrap()).collect();
    assert_eq!(taken, [true, true, false]);
}

fn a_stopped_server_keeps_nobody_waiting_and_goes_on<S: Own>(server: &S) {
    let store = connect(server, &format!("{}?{ONE}", server.url()));
    assert!(store.charge_at(THEN, 1).unwrap());
    server.daemon().suspend();
    for _ in 0..2 {
        let error = over_within(TWO_TIMEOUTS, || store.charge_at(THEN, 1)).unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
    }
    server.daemon().resume();
    recovers("an SQL server that was stopped", Duration::from_secs(5), || {
        store.used(THEN, 1).is_ok_and(|used| used == Some(1))
    });
    let taken: Vec<bool> = (0..3).map(|_| store.charge_at(THEN, 1).unwrap()).collect();
    assert_eq!(taken, [true, true, false], "what was sent before it stopped was undone");
}

fn a_deadlock_that_somebody_else_brings_about_is_overcome<S: Own + Sync>(server: &S) {
    let store = connect(server, &format!("{}?prefix=d_&connections=2&timeout=10s", server.url()));
    let mut numbers = [1, 2];
    numbers.sort_by_key(|number| counter(*number));
    let [first, second] = numbers;
    let charges = [charge(first, 10), charge(second, 10)];
    assert!(store.charge(THEN, &charges).unwrap());
    thread::scope(|scope| {
        // It has the second and comes for the first while the store has the first and waits for the second.
        let other = S::locking("d_", first, &S::nap(0.0));
        let (_, other) = other.split_once(';').unwrap();
        let other = other.rsplit_once(';').unwrap().0;
        let statements = S::locking("d_", second, &format!("{}; {other}", S::nap(1.5)));
        let foreign = scope.spawn(move || server.try_sql(&statements));
        // The foreign one has its lock once nobody else can have it.
        until("it has its lock", || server.try_sql(&S::nowait("d_", second)).is_err());
        assert!(store.charge(THEN, &charges).unwrap());
        // Either of the two was given up; which one is the server's choice.
        let _ = foreign.join().unwrap();
    });
    for number in numbers {
        assert_eq!(store.used(THEN, number).unwrap(), Some(2));
    }
}

fn a_connection_reset_before_the_commit_is_replaced_unnoticed<S: Own>(server: &S) {
    let proxy = server.proxy();
    let store = connect(server, &format!("{}?{ONE}&prefix={}", server.url_over(&proxy), prefix()));
    assert!(store.charge_at(THEN, 1).unwrap());
    let opened = proxy.opened();
    proxy.cut_after(Toward::Client, 1);
    assert!(store.charge_at(THEN, 1).unwrap());
    proxy.cut();
    assert!(store.charge_at(THEN, 1).unwrap());
    assert_eq!(proxy.opened(), opened + 2);
    assert_eq!(store.used(THEN, 1).unwrap(), Some(3));
}

fn a_connection_reset_in_the_commit_is_told_to_be_unknown<S: Own>(server: &S) {
    let proxy = server.proxy();
    let store = connect(server, &format!("{}?{ONE}&prefix={}", server.url_over(&proxy), prefix()));
    let replied = || {
        let before = proxy.bytes(Toward::Client);
        assert!(store.charge_at(THEN, 1).unwrap());
        proxy.bytes(Toward::Client) - before
    };
    replied();
    let bytes = replied();
    // The last byte of what says that it is committed.
    proxy.cut_after(Toward::Client, bytes - 1);
    let error = store.charge_at(THEN, 1).unwrap_err();
    assert!(matches!(error, StoreError::Lost(_)), "{error:?}");
    assert_eq!(store.used(THEN, 1).unwrap(), Some(3), "it was not asked for again");
}

fn a_way_that_swallows_everything_keeps_nobody_waiting<S: Own>(server: &S) {
    let proxy = server.proxy();
    let store = connect(server, &format!("{}?{ONE}&prefix={}", server.url_over(&proxy), prefix()));
    assert!(store.charge_at(THEN, 1).unwrap());
    proxy.set(Fault::Silence);
    for _ in 0..2 {
        let error = over_within(TWO_TIMEOUTS, || store.charge_at(THEN, 1)).unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
    }
    proxy.set(Fault::None);
    recovers("a way to an SQL server that swallowed everything", Duration::from_secs(5), || {
        store.used(THEN, 1).is_ok()
    });
    let taken: Vec<bool> = (0..3).map(|_| store.charge_at(THEN, 1).unwrap()).collect();
    assert_eq!(taken, [true, true, false]);
}

fn a_server_that_is_not_there_is_unreachable_at_once<S: Own>(server: &S) {
    let proxy = server.proxy();
    let (url, address) = (server.url_over(&proxy), proxy.address());
    drop(proxy);
    let error = over_within(AT_ONCE, || S::connect(&url)).err().unwrap();
    let StoreError::Unreachable(cause) = &error else { panic!("{error:?}") };
    assert!(cause.to_string().contains(&address.to_string()), "{cause}");
}

fn a_lock_that_somebody_else_holds_is_waited_for_in_vain_and_then_had<S: Own + Sync>(server: &S) {
    let prefix = prefix();
    let store = connect(server, &format!("{}?prefix={prefix}&timeout=500ms", server.url()));
    assert!(store.charge_at(THEN, 1).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| server.sql(&S::locking(&prefix, 1, &S::nap(3.0))));
        let mut taken = 0;
        until("it is locked out", || match over_within(TWO_TIMEOUTS, || store.charge_at(THEN, 1)) {
            Ok(is_taken) => {
                taken += i64::from(is_taken);
                false
            }
            // No connection within half a second, on a machine that has much else to do.
            Err(StoreError::Unreachable(_)) => false,
            Err(error) => {
                assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
                true
            }
        });
        until("others are not concerned", || store.charge_at(THEN, 2).is_ok());
    });
    recovers("a lock of somebody else's", Duration::from_secs(5), || store.charge_at(THEN, 1).is_ok());
    assert!(store.used(THEN, 1).unwrap() <= Some(3));
}

fn a_lock_that_somebody_else_holds_fails_no_call_that_goes_without_it<S: Own + Sync>(server: &S) {
    let prefix = prefix();
    let store = connect(server, &format!("{}?{ONE}&prefix={prefix}", server.url()));
    assert!(store.charge_at(THEN, 1).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| server.sql(&S::locking(&prefix, 1, &S::nap(2.0))));
        until("it has its lock", || server.try_sql(&S::nowait(&prefix, 1)).is_err());
        let [held, free, behind] = store.charge_together(Duration::from_secs(10), [1, 2, 1]);
        assert!(free.unwrap());
        for refused in [held, behind] {
            assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
        }
    });
    assert!(store.charge_at(THEN, 1).unwrap());
    assert_eq!(store.used(THEN, 1).unwrap(), Some(2));
}

/// With the settings that a service has: its callers leave long before the server gives up waiting.
fn what_somebody_else_holds_keeps_no_other_from_callers_with_little_time<S: Own + Sync>(server: &S) {
    let prefix = prefix();
    let store = connect(server, &format!("{}?prefix={prefix}", server.url()));
    assert!(store.charge_at(THEN, 1).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| server.sql(&S::locking(&prefix, 1, &S::nap(6.0))));
        until("it has its lock", || server.try_sql(&S::nowait(&prefix, 1)).is_err());
        // Somebody always wants it, and what others want waits beside that, until it is known which of them is held.
        for _ in 0..4 {
            scope.spawn(|| {
                let mut others = 0;
                until("others go without it", || {
                    let [held, free, also] = store.charge_together(Call::DEADLINE, [1, 2, 3]);
                    assert!(held.is_err(), "{held:?}");
                    others = if free.is_ok() && also.is_ok() { others + 1 } else { 0 };
                    others == 8
                });
            });
        }
    });
    recovers("a lock that callers with little time met", Duration::from_secs(5), || {
        store.charge_at(THEN, 1).is_ok()
    });
}

fn a_call_that_was_given_up_while_it_waited_is_not_executed<S: Own + Sync>(server: &S) {
    let prefix = prefix();
    let store = connect(server, &format!("{}?prefix={prefix}&timeout=10s", server.url()));
    assert!(store.charge_at(THEN, 1).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| server.sql(&S::locking(&prefix, 1, &S::nap(1.5))));
        until("it has its lock", || server.try_sql(&S::nowait(&prefix, 1)).is_err());
        let charges = [charge(1, 3)];
        let deadline = Duration::from_millis(50);
        let charged = over_within(deadline..=deadline, || store.charge_within(deadline, &charges));
        let error = charged.unwrap_err();
        assert!(matches!(error, StoreError::Timeout(_)), "{error:?}");
    });
    assert!(store.charge_at(THEN, 1).unwrap());
    assert_eq!(store.used(THEN, 1).unwrap(), Some(2));
}

fn a_decision_takes_two_round_trips_and_a_look_one<S: Own>(server: &S) {
    let proxy = server.proxy();
    let store = connect(server, &format!("{}?{ONE}&prefix={}", server.url_over(&proxy), prefix()));
    for now in [THEN, AHEAD] {
        assert!(store.charge_at(now, 1).unwrap());
    }
    let trips = |call: &dyn Fn()| {
        let before = proxy.round_trips();
        call();
        proxy.round_trips() - before
    };
    let eight: Vec<_> = (0..8).map(|number| charge(number, 9)).collect();
    for now in [AHEAD, AHEAD, THEN] {
        assert_eq!(trips(&|| assert!(store.charge(now, &eight).unwrap())), 2);
    }
    assert_eq!(trips(&|| assert!(store.used(AHEAD, 1).unwrap().is_some())), 1);
}

#[test]
fn a_postgres_that_only_reads_takes_no_charges() {
    let Some(server) = own_postgres(&[]) else { return };
    let store = connect(&server, &server.url());
    assert!(store.charge_at(THEN, 1).unwrap());
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    server.sql("ALTER SYSTEM SET default_transaction_read_only = on").unwrap();
    server.sql(&format!("SELECT pg_reload_conf(); {others}")).unwrap();
    until(
        "it only reads",
        || matches!(&store.charge_at(THEN, 2), Err(StoreError::Unavailable { what, .. }) if what == "it is read-only"),
    );
    assert_eq!(store.used(THEN, 1).unwrap(), Some(1));
}

#[test]
fn a_mariadb_that_only_reads_takes_no_charges() {
    let Some(server) = own_mariadb(&[]) else { return };
    let url = format!("{}?{ONE}", server.url());
    drop(connect(&server, &url));
    server.sql("SET GLOBAL tx_read_only = 1").unwrap();
    let store = connect(&server, &url);
    let error = store.charge_at(THEN, 1).unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { what, .. } if what == "it is read-only"), "{error:?}");
    assert_eq!(store.used(THEN, 1).unwrap(), Some(0));
}

#[test]
fn a_server_without_connections_left_says_so_and_takes_more_when_others_leave() {
    if let Some(server) = own_postgres(&["max_connections=8"]) {
        exhaust(&server);
    }
    if let Some(server) = own_mariadb(&["--max-connections=10"]) {
        exhaust(&server);
    }
}

fn exhaust<S: Server>(server: &S) {
    let url = format!("{}?{ONE}", server.url());
    let mut stores = Vec::new();
    let error = loop {
        let charged = S::connect(&url).and_then(|store| {
            store.charge_at(THEN, 1)?;
            Ok(store)
        });
        match charged {
            Ok(store) => stores.push(store),
            Err(error) => break error,
        }
        assert!(stores.len() < 20);
    };
    assert!(
        matches!(&error, StoreError::Unavailable { what, .. } if what == "it has no connection left"),
        "{error:?}"
    );
    assert!(is_known(&error));
    stores.truncate(1);
    recovers("a server without connections left", Duration::from_secs(5), || {
        S::connect(&url).is_ok_and(|store| store.charge_at(THEN, 2).is_ok())
    });
}

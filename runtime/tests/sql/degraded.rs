//! A server behind a guard that is killed or stands still: `fail` clauses decide, and it is found again.

use std::{sync::Arc, time::Duration};

use limitrate_runtime::store::{MySqlOptions, MySqlStore, PostgresOptions, PostgresStore, Store, StoreError};

use crate::{
    faults::{Own, own_mariadb, own_postgres},
    outage::Outage,
};

/// A store there, where a statement may take as long as half a call.
async fn postgres(url: String) -> Result<Arc<dyn Store>, StoreError> {
    let options = PostgresOptions::from_url(&format!("{url}?timeout=200ms"))?;
    Ok(Arc::new(PostgresStore::connect(options).await?))
}

async fn mysql(url: String) -> Result<Arc<dyn Store>, StoreError> {
    let options = MySqlOptions::from_url(&format!("{url}?timeout=200ms"))?;
    Ok(Arc::new(MySqlStore::connect(options).await?))
}

/// Kills a server, and has another stand still.
fn suffer<S: Own>(
    [killed, stopped]: [S; 2],
    name: &str,
    connect: impl AsyncFn(String) -> Result<Arc<dyn Store>, StoreError>,
) {
    let outage = Outage {
        name: &format!("a guarded {name} that was killed"),
        // While it starts, it says so.
        kinds: &["unreachable", "lost", "timeout", "unavailable"],
        within: Duration::from_secs(10),
        keeps: true,
    };
    outage.bear(async || connect(killed.url()).await, || killed.daemon().kill(), || killed.restart());
    let outage = Outage {
        name: &format!("a guarded {name} that stood still"),
        kinds: &["unreachable", "lost", "timeout"],
        ..outage
    };
    let (stop, go_on) = (|| stopped.daemon().suspend(), || stopped.daemon().resume());
    outage.bear(async || connect(stopped.url()).await, stop, go_on);
}

#[test]
fn a_guarded_postgres_that_is_away_is_done_without_until_it_is_back() {
    let servers = [own_postgres(&[]), own_postgres(&[])];
    let [Some(killed), Some(stopped)] = servers else { return };
    suffer([killed, stopped], "PostgreSQL", postgres);
}

#[test]
fn a_guarded_mariadb_that_is_away_is_done_without_until_it_is_back() {
    let servers = [own_mariadb(&[]), own_mariadb(&[])];
    let [Some(killed), Some(stopped)] = servers else { return };
    suffer([killed, stopped], "MariaDB", mysql);
}

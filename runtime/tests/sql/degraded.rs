//! A server behind a guard that is killed or stands still: `fail` clauses decide, and it is found again.

use std::{sync::Arc, time::Duration};

use limitrate_runtime::store::{MySqlOptions, MySqlStore, PostgresOptions, PostgresStore, Store, StoreError};

use crate::{
    faults::{Own, own_mariadb, own_postgres},
    outage::Outage,
};

/// A store there.
async fn postgres(url: String) -> Result<Arc<dyn Store>, StoreError> {
    let options = PostgresOptions::from_url(&url)?;
    Ok(Arc::new(PostgresStore::connect(options).await?))
}

async fn mysql(url: String) -> Result<Arc<dyn Store>, StoreError> {
    let options = MySqlOptions::from_url(&url)?;
    Ok(Arc::new(MySqlStore::connect(options).await?))
}

/// Kills a server, and later has it stand still.
fn suffer<S: Own>(
    server: &S,
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
    // Each with tables of its own.
    let at = |prefix| format!("{}?prefix={prefix}_", server.url());
    outage.bear(async || connect(at("killed")).await, || server.daemon().kill(), || server.restart());
    let outage = Outage {
        name: &format!("a guarded {name} that stood still"),
        kinds: &["unreachable", "lost", "timeout"],
        ..outage
    };
    let (stop, go_on) = (|| server.daemon().suspend(), || server.daemon().resume());
    outage.bear(async || connect(at("stopped")).await, stop, go_on);
}

#[test]
fn a_guarded_postgres_that_is_away_is_done_without_until_it_is_back() {
    let Some(server) = own_postgres(&[]) else { return };
    suffer(&server, "PostgreSQL", postgres);
}

#[test]
fn a_guarded_mariadb_that_is_away_is_done_without_until_it_is_back() {
    let Some(server) = own_mariadb(&[]) else { return };
    suffer(&server, "MariaDB", mysql);
}

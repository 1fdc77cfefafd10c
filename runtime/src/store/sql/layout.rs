//! How the tables come to be there, and are taken away again.
//!
//! A migration leads from one layout to the next, and back. The number of the layout is kept beside the counters, and so is
//! the secret that all who share the store hash their keys under. Whoever migrates keeps others off, so that many may start
//! at once; and each statement may be repeated, because a server may end between two of them.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use super::{
    dialect::Dialect,
    failure::{Failure, Stage},
    link::Link,
};
use crate::store::StoreError;

/// How long a statement that changes the tables may take, and waiting for others who change them.
const LAYOUT_TIMEOUT: Duration = Duration::from_secs(10);

/// The names of numbers beside the counters.
const LAYOUT: &str = "layout";
const SECRET: &str = "secret";

/// From one layout to the next.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Scripts that lead there.
    pub up: Vec<String>,
    /// Scripts that lead back.
    pub down: Vec<String>,
}

/// Makes the tables ready and tells the secret.
pub(super) async fn migrate<D: Dialect>(dialect: &D) -> Result<u64, StoreError> {
    let mut tables = Tables::of(dialect);
    let secret = tables.migrate().await;
    tables.link.close().await;
    secret
}

/// Takes the tables away, with all that is in them.
pub(super) async fn revert<D: Dialect>(dialect: &D) -> Result<(), StoreError> {
    let mut tables = Tables::of(dialect);
    let reverted = tables.locked(0).await;
    tables.link.close().await;
    reverted
}

/// The tables, over a connection of their own.
struct Tables<'d, D: Dialect> {
    dialect: &'d D,
    link: Link<'d, D>,
    migrations: Vec<Migration>,
}

impl<'d, D: Dialect> Tables<'d, D> {
    fn of(dialect: &'d D) -> Self {
        let link = Link::for_layout(dialect, LAYOUT_TIMEOUT);
        Self { dialect, link, migrations: dialect.migrations() }
    }

    async fn run(&mut self, script: String) -> Result<super::dialect::Reply, StoreError> {
        self.link.run(Stage::Before, script).await.map_err(|failure: Failure| failure.to_error())
    }

    async fn migrate(&mut self) -> Result<u64, StoreError> {
        let newest = self.migrations.len();
        if self.found().await? < newest {
            self.locked(newest).await?;
        }
        let secret = self.run(self.dialect.number(SECRET)).await?;
        let missing = || StoreError::Corrupt { what: "its secret is missing".to_owned() };
        secret.numbers.first().map(|secret| secret.cast_unsigned()).ok_or_else(missing)
    }

    /// The layout that is there; 0 is none.
    async fn found(&mut self) -> Result<usize, StoreError> {
        let columns = self.run(self.dialect.columns()).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let columns: Vec<(String, String)> =
            columns.found.iter().map(|row| (text(&row.key), text(&row.entry))).collect();
        let is_like = |table: &str| {
            let there = columns.iter().filter(|(name, _)| name.starts_with(table));
            let there = there.map(|(name, kind)| (name.as_str(), kind.as_str()));
            there.eq(D::COLUMNS.iter().copied().filter(|(name, _)| name.starts_with(table)))
        };
        if columns.is_empty() {
            return Ok(0);
        }
        if !is_like("meta") && columns.iter().any(|(name, _)| name.starts_with("meta")) {
            return Err(other_shape("meta"));
        }
        let found = match is_like("meta") {
            true => self.run(self.dialect.number(LAYOUT)).await?.numbers.first().copied().unwrap_or(0),
            false => 0,
        };
        let known = self.migrations.len();
        match usize::try_from(found) {
            Ok(found) if found < known => Ok(found),
            Ok(found) if found == known && is_like("counters") => Ok(found),
            Ok(found) if found == known => Err(other_shape("counters")),
            Ok(_) | Err(_) => {
                let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
                let found = u32::try_from(found).unwrap_or(u32::MAX);
                Err(StoreError::NewerLayout { found, known: number(known) })
            }
        }
    }

    /// Leads to a layout while others are kept off.
    async fn locked(&mut self, wanted: usize) -> Result<(), StoreError> {
        let turn = self.run(self.dialect.lock_layout(LAYOUT_TIMEOUT)).await?;
        if turn.numbers.first() != Some(&1) {
            let cause = super::failure::timed_out(LAYOUT_TIMEOUT);
            let what = "others are changing its tables".to_owned();
            return Err(StoreError::Unavailable { what, cause: cause.into() });
        }
        self.lead_to(wanted).await?;
        self.run(self.dialect.unlock_layout()).await.map(drop)
    }

    async fn lead_to(&mut self, wanted: usize) -> Result<(), StoreError> {
        let found = self.found().await?;
        for index in found..wanted {
            let up = self.migrations.get(index).map(|migration| migration.up.clone());
            for script in up.unwrap_or_default() {
                self.run(script).await?;
            }
            let secret = RandomState::new().hash_one(SECRET).cast_signed();
            self.run(self.dialect.set_number(SECRET, secret, false)).await?;
            self.set_layout(index + 1).await?;
        }
        for index in (wanted..found).rev() {
            let down = self.migrations.get(index).map(|migration| migration.down.clone());
            if index > 0 {
                self.set_layout(index).await?;
            }
            for script in down.unwrap_or_default() {
                self.run(script).await?;
            }
        }
        // Whether the tables are what they should be is seen before anything is put there.
        if self.found().await? == wanted {
            return Ok(());
        }
        Err(other_shape("meta"))
    }

    async fn set_layout(&mut self, layout: usize) -> Result<(), StoreError> {
        let layout = i64::try_from(layout).unwrap_or(i64::MAX);
        self.run(self.dialect.set_number(LAYOUT, layout, true)).await.map(drop)
    }
}

fn other_shape(table: &str) -> StoreError {
    StoreError::Corrupt { what: format!("its table of {table} has other columns than it was made with") }
}

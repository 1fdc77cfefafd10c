//! The file as rows under keys: opening it, and every statement that is made of it.

use std::{fs, io, mem, path::Path, sync::Arc, thread, time::Duration};

use limitrate_core::{key::CounterKey, time::Timestamp};
use rusqlite::{
    CachedStatement, Connection, MAIN_DB, OpenFlags, OptionalExtension as _, Row, types::ValueRef,
};
use tokio::time::Instant;

use super::{
    fault::Fault,
    layout,
    options::{Durability, SqliteOptions},
};
use crate::store::{Damaged, Entry, Kept, StoreError};

/// How long to leave another process alone before the file is tried again.
const PAUSE: Duration = Duration::from_micros(200);

/// How much of the file is kept in memory, in KiB.
const CACHE_KIB: i64 = 32 * 1024;

/// How large the pages of a new file are, in bytes. A decision writes the whole page that its row is on.
const PAGE_BYTES: i64 = 1_024;

/// How long a file of what is not yet in place may remain when it is empty, in bytes.
const JOURNAL_BYTES: i64 = 64 * 1024 * 1024;

/// After so many rows, what was written is brought to its place in the file.
const CHECKPOINT_ROWS: usize = 8_192;

/// How many bytes a row may have. The longest log has fewer.
const MAX_VALUE_BYTES: usize = 16 * 1024 * 1024;

const READ: &str = "SELECT value, idle_at FROM entry WHERE key = ?1";
const WRITE: &str = "REPLACE INTO entry (key, idle_at, value) VALUES (?1, ?2, ?3)";
const REMOVE: &str = "DELETE FROM entry WHERE key = ?1";
const LAST: &str = "SELECT key FROM entry WHERE key > ?1 ORDER BY key LIMIT 1 OFFSET ?2";
const SWEEP: &str = "DELETE FROM entry WHERE key > ?1 AND key <= ?2 AND idle_at <= ?3";
const SWEEP_REST: &str = "DELETE FROM entry WHERE key > ?1 AND idle_at <= ?2";
const PAGE: &str = "SELECT value, idle_at, key FROM entry WHERE key > ?1 ORDER BY key LIMIT ?2";

/// Rows that follow each other.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) kept: Vec<Kept>,
    /// How many more there are whose values cannot be read.
    pub(super) damaged: usize,
    /// The last key looked at; `None` if no rows are behind it.
    pub(super) last: Option<CounterKey>,
}

/// Tells of rows that were left out because they cannot be read.
pub(super) fn note_damaged(rows: usize) {
    if rows > 0 {
        metrics::counter!("limitrate_store_damaged_total", "store" => "sqlite").increment(widened(rows));
        tracing::warn!(rows, "rows of the file are damaged and were left out: reset their counters");
    }
}

/// An open file.
#[derive(Debug)]
pub(super) struct File {
    connection: Connection,
    path: Arc<Path>,
    busy: Duration,
    /// What a row is written from.
    bytes: Vec<u8>,
    /// How many rows were written since they were last brought to their place.
    uncollected: usize,
}

impl File {
    /// Opens the file, makes or updates its layout, and tells its secret.
    pub(super) fn open(options: &SqliteOptions) -> Result<(Self, u64), StoreError> {
        options.check()?;
        let path: Arc<Path> = Arc::from(options.path.as_path());
        let opened = patiently(options.busy, || Self::attempt(options, &path));
        opened.map_err(|fault| match fault.error(&path) {
            // SQLite does not say why.
            StoreError::Unreachable(cause) => why_not(&path).unwrap_or(StoreError::Unreachable(cause)),
            error @ (StoreError::Timeout(_)
            | StoreError::Lost(_)
            | StoreError::Unavailable { .. }
            | StoreError::Denied { .. }
            | StoreError::Corrupt { .. }
            | StoreError::NewerLayout { .. }
            | StoreError::Address { .. }
            | StoreError::Skipped
            | StoreError::Closed) => error,
        })
    }

    fn attempt(options: &SqliteOptions, path: &Arc<Path>) -> Result<(Self, u64), Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        if options.is_alone() {
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        }
        // Before anything is written; and of one instant, since others may be making the file.
        connection.execute_batch("BEGIN")?;
        layout::check(&connection)?;
        connection.execute_batch("COMMIT")?;
        if connection.is_readonly(MAIN_DB)? {
            return Err(Fault::read_only());
        }
        // A file that is there keeps those it has.
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let synchronous = match options.durability {
            Durability::Full => "FULL",
            Durability::Normal | Durability::Behind => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.set_prepared_statement_cache_capacity(32);
        let path = Arc::clone(path);
        let mut file = Self { connection, path, busy: Duration::ZERO, bytes: Vec::new(), uncollected: 0 };
        file.begin()?;
        let secret = layout::migrate(&file.connection)?;
        file.commit()?;
        file.busy = options.busy;
        Ok((file, secret))
    }

    /// What went wrong here, as a call is told.
    pub(super) fn error(&self, fault: &Fault) -> StoreError {
        fault.error(&self.path)
    }

    pub(super) const fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Whether a transaction is open.
    pub(super) fn is_within(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Begins to write: nobody else does until the end. Waits for whoever does now, but not longer than was said.
    pub(super) fn begin(&self) -> Result<(), Fault> {
        patiently(self.busy, || self.begin_at_once())
    }

    /// The same without waiting.
    pub(super) fn begin_at_once(&self) -> Result<(), Fault> {
        self.statement("BEGIN IMMEDIATE")?.execute([])?;
        Ok(())
    }

    /// Applies what was written, all of it or nothing.
    pub(super) fn commit(&self) -> Result<(), Fault> {
        self.statement("COMMIT")?.execute([])?;
        Ok(())
    }

    /// Takes back what was written since the transaction began, if one is open.
    pub(super) fn roll_back(&self) {
        if self.is_within()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, path = %self.path.display(), "a transaction cannot be rolled back");
        }
    }

    /// A number that differs whenever another process has written since it was last asked for.
    pub(super) fn version(&self) -> Result<i64, Fault> {
        Ok(self.statement("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    /// What stands under a key, and when it is idle; and how many bytes it has.
    pub(super) fn read(&self, key: CounterKey) -> Result<Option<(usize, Entry, Timestamp)>, Fault> {
        let mut statement = self.statement(READ)?;
        let row = statement.query_row([key.0.to_be_bytes()], |row| Ok(entry(row))).optional()?;
        row.transpose()
    }

    /// Writes what stands under a key; `None` is nothing. How many bytes it has.
    pub(super) fn write(
        &mut self,
        key: CounterKey,
        entry: Option<(&Entry, Timestamp)>,
    ) -> Result<usize, Fault> {
        self.uncollected += 1;
        let Some((entry, idle_at)) = entry else {
            self.remove(key)?;
            return Ok(0);
        };
        let mut bytes = mem::take(&mut self.bytes);
        bytes.clear();
        entry.encode(&mut bytes);
        let written = self.statement(WRITE).and_then(|mut statement| {
            Ok(statement.execute((key.0.to_be_bytes(), idle_at.0, bytes.as_slice()))?)
        });
        self.bytes = bytes;
        written.map(|_| self.bytes.len())
    }

    /// Drops what stands under a key; false if nothing does.
    pub(super) fn remove(&self, key: CounterKey) -> Result<bool, Fault> {
        Ok(self.statement(REMOVE)?.execute([key.0.to_be_bytes()])? > 0)
    }

    /// Looks at the next so many rows behind a key, and drops those that were idle before an instant. The last key looked
    /// at; `None` if there are no more.
    pub(super) fn sweep(
        &mut self,
        behind: Option<CounterKey>,
        rows: usize,
        idle: Timestamp,
    ) -> Result<Option<CounterKey>, Fault> {
        let first = bytes_of(behind);
        let last = (first.as_slice(), count(rows.saturating_sub(1)));
        let last: Option<[u8; 16]> = self.statement(LAST)?.query_row(last, |row| row.get(0)).optional()?;
        let dropped = match last {
            Some(last) => self.statement(SWEEP)?.execute((first, last, idle.0))?,
            None => self.statement(SWEEP_REST)?.execute((first, idle.0))?,
        };
        self.uncollected += dropped;
        Ok(last.map(|key| CounterKey(u128::from_be_bytes(key))))
    }

    /// Reads the next so many rows behind a key, or the first ones. What is damaged is left out.
    pub(super) fn page(&self, behind: Option<CounterKey>, rows: usize) -> Result<Rows, Fault> {
        let mut statement = self.statement(PAGE)?;
        let mut found = statement.query((bytes_of(behind), count(rows)))?;
        let (mut page, mut seen) = (Rows::default(), 0);
        while let Some(row) = found.next()? {
            let key = CounterKey(u128::from_be_bytes(row.get(2)?));
            (seen, page.last) = (seen + 1, Some(key));
            match entry(row) {
                Ok((_, entry, idle_at)) => page.kept.push(Kept { key, entry, idle_at }),
                Err(fault) if fault.is_damage() => page.damaged += 1,
                Err(fault) => return Err(fault),
            }
        }
        page.last = page.last.filter(|_| seen == rows);
        Ok(page)
    }

    /// Drops all rows.
    pub(super) fn clear(&mut self) -> Result<(), Fault> {
        self.uncollected = CHECKPOINT_ROWS;
        self.statement("DELETE FROM entry")?.execute([])?;
        Ok(())
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> Result<usize, Fault> {
        let rows: i64 = self.statement("SELECT count(*) FROM entry")?.query_row([], |row| row.get(0))?;
        Ok(usize::try_from(rows).unwrap_or(0))
    }

    /// Whether so much was written that it should be brought to its place.
    pub(super) const fn is_full(&self) -> bool {
        self.uncollected >= CHECKPOINT_ROWS
    }

    /// Brings what was written to its place in the file, as far as nobody reads what stands there. It is safe before, so a
    /// failure is only told.
    pub(super) fn collect(&mut self) {
        self.uncollected = 0;
        let collected = self
            .statement("PRAGMA wal_checkpoint(PASSIVE)")
            .and_then(|mut statement| Ok(statement.query_row([], |_| Ok(()))?));
        if let Err(fault) = collected {
            let path = self.path.display();
            tracing::warn!(error = %self.error(&fault), %path, "what was written cannot be brought to its place yet");
        }
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>, Fault> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    #[cfg(test)]
    pub(super) const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// What the system says of a file that SQLite cannot open.
fn why_not(path: &Path) -> Option<StoreError> {
    let error = fs::OpenOptions::new().read(true).append(true).open(path).err()?;
    Some(if error.kind() == io::ErrorKind::PermissionDenied {
        StoreError::Denied { what: format!("{} may not be opened", path.display()) }
    } else {
        let what = format!("{}: {error}", path.display());
        StoreError::Unreachable(Box::new(io::Error::new(error.kind(), what)))
    })
}

/// A row of value and idle instant.
fn entry(row: &Row<'_>) -> Result<(usize, Entry, Timestamp), Fault> {
    let bytes = match row.get_ref(0)? {
        ValueRef::Blob(bytes) if bytes.len() <= MAX_VALUE_BYTES => bytes,
        ValueRef::Blob(bytes) => {
            let first = bytes.first().copied().unwrap_or(0);
            return Err(Fault::Damaged(Damaged { length: bytes.len(), first }));
        }
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => &[],
    };
    Ok((bytes.len(), Entry::decode(bytes)?, Timestamp(row.get(1)?)))
}

/// What is before all keys, or a key.
fn bytes_of(behind: Option<CounterKey>) -> Vec<u8> {
    behind.map_or_else(Vec::new, |key| key.0.to_be_bytes().to_vec())
}

/// As metrics count.
fn widened(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Tries until it is not another process that is in the way, but not for longer than that.
fn patiently<T>(busy: Duration, mut attempt: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let mut until = None;
    loop {
        match attempt() {
            Err(fault) if fault.is_busy() => {
                let now = Instant::now();
                if now >= *until.get_or_insert(now + busy) {
                    return Err(fault);
                }
                thread::park_timeout(PAUSE);
            }
            done => return done,
        }
    }
}

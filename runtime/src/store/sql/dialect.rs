//! What differs between the servers: how statements are written, and what their errors mean.

use std::{fmt, time::Duration};

use limitrate_core::key::CounterKey;
use sqlx::{ColumnIndex, Database, Decode, Row as _, Type, error::DatabaseError};

use super::{files::Files, layout::Migration, settings::SqlSettings};

/// A row as the table of counters has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: CounterKey,
    /// The entry with its instant, as [`row`](super::row) writes it; nothing if nothing stands there.
    pub entry: Vec<u8>,
    /// From when on it can be dropped.
    pub idle_at: i64,
    /// Where it lies, if it is locked and the server told.
    pub place: Option<String>,
}

/// A row that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The key, as far as it is one.
    pub key: Vec<u8>,
    /// What stands there.
    pub entry: Vec<u8>,
    /// Where it lies, for who has locked it.
    pub place: Option<String>,
}

/// The rows of all statements of one script, told apart by their columns: bytes and bytes, perhaps with
/// a place, a number or a text.
#[derive(Debug, Default)]
pub struct Reply {
    /// Rows of two columns, and of three.
    pub found: Vec<Found>,
    /// Rows of one number.
    pub numbers: Vec<i64>,
    /// Rows of one text.
    pub texts: Vec<String>,
}

impl Reply {
    /// Reads the rows that a driver gave.
    ///
    /// # Errors
    ///
    /// If they are of another shape.
    pub fn of<DB>(rows: &[DB::Row]) -> Result<Self, sqlx::Error>
    where
        DB: Database,
        usize: ColumnIndex<DB::Row>,
        for<'r> Vec<u8>: Decode<'r, DB> + Type<DB>,
        for<'r> String: Decode<'r, DB> + Type<DB>,
        for<'r> i64: Decode<'r, DB> + Type<DB>,
    {
        let mut reply = Self::default();
        for row in rows {
            if row.len() >= 2 {
                // The driver has no type for a place, and reads it as the text that it is.
                let place = (row.len() > 2).then(|| row.try_get_unchecked(2)).transpose()?;
                reply.found.push(Found { key: row.try_get(0)?, entry: row.try_get(1)?, place });
            } else if let Ok(number) = row.try_get(0) {
                reply.numbers.push(number);
            } else {
                reply.texts.push(row.try_get(0)?);
            }
        }
        Ok(reply)
    }
}

/// What a server's error comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It gave the transaction up for another's sake: the same again may well succeed.
    Again,
    /// It ends the connection; what was under way may have been done.
    Ending,
    /// Others hold what it needs for too long; what was done is undone.
    Held,
    /// It stopped what took too long, wherever it was.
    Stopped,
    /// It cannot do it now; what was done is undone.
    Cannot(&'static str),
    /// An error that does not say what became of the transaction.
    Unsure,
    /// It lets us not in, or not do it.
    Denied(&'static str),
    /// There is no such database.
    Nowhere,
    /// The tables are not there, or of another shape.
    Damaged,
}

/// A server's way of keeping the tables.
///
/// A script is one or more statements that are sent together and take one round trip.
pub trait Dialect: fmt::Debug + Send + Sync + Sized + 'static {
    /// A connection of the driver's.
    type Connection: Send + 'static;

    /// The name of the store in metrics and logs.
    const NAME: &'static str;

    /// What the migrations make of the tables: their columns as `table.column`, without the prefix, and types, in order.
    const COLUMNS: &'static [(&'static str, &'static str)];

    /// What was asked for.
    fn settings(&self) -> &SqlSettings;

    /// Where the server is, as host and port or as a socket.
    fn place(&self) -> String;

    /// The files that the address names.
    fn files(&self) -> &Files;

    /// Connects, with a bound for each statement.
    fn connect(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Self::Connection, sqlx::Error>> + Send;

    /// Sends a script and reads all rows.
    fn run(
        connection: &mut Self::Connection,
        script: String,
    ) -> impl Future<Output = Result<Reply, sqlx::Error>> + Send;

    /// Takes leave of the server.
    fn close(connection: Self::Connection) -> impl Future<Output = ()> + Send;

    /// What an error means.
    fn said(&self, error: &dyn DatabaseError) -> Said;

    /// Readies a new connection for the scripts below, once the tables are there.
    fn prepare(&self) -> String;

    /// Begins a transaction, makes those of some `new` counters that are missing, locks the rows of all `counters` in the order of
    /// their keys and tells their entries, then those of other keys, and the server's clock in microseconds.
    ///
    /// A counter that is not among the new ones may turn out to be missing. So may a new one that is dropped at that moment.
    fn begin(&self, new: &[CounterKey], counters: &[CounterKey], others: &[CounterKey]) -> String;

    /// Tells the entries of keys without locking them, and the clock.
    fn read(&self, keys: &[CounterKey]) -> String;

    /// Tells those of some keys whose rows are there and not locked, and locks none.
    fn free(&self, keys: &[CounterKey]) -> String;

    /// Writes rows, which are in the order of their keys. Those that have a place are locked.
    fn write(&self, rows: &[Row]) -> String;

    /// Ends a transaction that wrote nothing.
    const END_UNCHANGED: &'static str;

    /// The rows after a key, in the order of keys.
    fn page(&self, after: Option<CounterKey>, rows: usize) -> String;

    /// How many keys hold something.
    fn count(&self) -> String;

    /// Begins a transaction and tells 1 if it is this connection's turn to drop rows, and some that have been idle by the server's
    /// clock for `kept` nanoseconds and that nobody has locked.
    fn begin_sweep(&self, kept: i64, rows: usize) -> String;

    /// Drops rows and ends the turn.
    fn end_sweep(&self, keys: &[Vec<u8>]) -> String;

    /// The plans of the statements that charges and sweeps need.
    fn explain(&self, keys: &[CounterKey]) -> String;

    /// The columns of the tables as `table.column` and type, as far as they are there.
    fn columns(&self) -> String;

    /// Migrations from nothing to the newest layout.
    fn migrations(&self) -> Vec<Migration>;

    /// Keeps others off migrating: tells 1, or does not answer in time.
    fn lock_layout(&self, timeout: Duration) -> String;

    /// Lets others migrate.
    fn unlock_layout(&self) -> String;

    /// Tells a number of the table of them.
    fn number(&self, name: &str) -> String {
        format!("SELECT value FROM {} WHERE name = '{name}'", self.settings().meta())
    }

    /// Sets a number of the table of them; one that is there stays unless it is to be `replaced`.
    fn set_number(&self, name: &str, value: i64, replaced: bool) -> String;
}

/// Keys as hexadecimal literals, separated by commas.
pub(in crate::store) fn literals<'k>(
    keys: impl IntoIterator<Item = &'k [u8]>,
    open: &str,
    close: &str,
) -> String {
    let mut text = String::new();
    for key in keys {
        if !text.is_empty() {
            text.push(',');
        }
        literal(&mut text, key, open, close);
    }
    text
}

/// Bytes as a hexadecimal literal.
pub(in crate::store) fn literal(text: &mut String, bytes: &[u8], open: &str, close: &str) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    text.push_str(open);
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xF] {
            text.push(DIGITS.get(usize::from(digit)).copied().unwrap_or('0'));
        }
    }
    text.push_str(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_hexadecimal() {
        let keys: [&[u8]; 3] = [&[0x00, 0xAF], &[], &[0x10]];
        assert_eq!(literals(keys, "x'", "'"), "x'00af',x'',x'10'");
    }
}

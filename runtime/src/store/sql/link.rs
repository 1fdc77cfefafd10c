//! A connection that is opened when it is needed, and given up when it has failed.

use std::{mem, time::Duration};

use tokio::time;

use super::{
    dialect::{Dialect, Reply},
    failure::{Failure, Stage, timed_out},
};

/// How often the time that the server has for a statement is waited for its answer: a script has a statement that waits for
/// locks, and others.
const PATIENCE: u32 = 2;

/// How long taking leave of the server may take.
const LEAVE: Duration = Duration::from_millis(200);

/// One connection's place.
pub(super) struct Link<'d, D: Dialect> {
    dialect: &'d D,
    timeout: Duration,
    /// Whether the tables are there, so that statements on them can be prepared.
    is_prepared: bool,
    connection: Option<D::Connection>,
}

impl<'d, D: Dialect> Link<'d, D> {
    /// For calls.
    pub(super) fn new(dialect: &'d D) -> Self {
        Self { dialect, timeout: dialect.settings().timeout, is_prepared: true, connection: None }
    }

    /// For making and changing the tables.
    pub(super) const fn for_layout(dialect: &'d D, timeout: Duration) -> Self {
        Self { dialect, timeout, is_prepared: false, connection: None }
    }

    /// Whether it was opened before.
    pub(super) const fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Sends a script and reads all rows, connecting first where necessary.
    ///
    /// A failure leaves no connection that cannot be used. One that can be may be within a transaction.
    pub(super) async fn run(&mut self, stage: Stage, script: String) -> Result<Reply, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.dialect, self.timeout, self.is_prepared).await?,
        };
        let patience = self.timeout.saturating_mul(PATIENCE);
        let reply = time::timeout(patience, D::run(&mut connection, script));
        let reply = reply.await.unwrap_or_else(|_| Err(timed_out(patience)));
        let reply = reply.map_err(|error| Failure::new(self.dialect, stage, error));
        if reply.as_ref().err().is_none_or(|failure| !failure.ends_connection()) {
            self.connection = Some(connection);
        }
        reply
    }

    /// Undoes the transaction that a connection which is left may be in.
    pub(super) async fn undo(&mut self) {
        if self.is_open() {
            let undone = self.run(Stage::Before, "ROLLBACK".to_owned()).await;
            self.drop_unless(undone.is_ok());
        }
    }

    /// Gives the connection up unless it is fine.
    pub(super) fn drop_unless(&mut self, is_fine: bool) {
        if !is_fine {
            self.connection = None;
        }
    }

    /// Takes leave of the server.
    pub(super) async fn close(&mut self) {
        if let Some(connection) = mem::take(&mut self.connection) {
            // A server that does not say goodbye either is left all the same.
            let _ = time::timeout(LEAVE, D::close(connection)).await;
        }
    }
}

async fn connect<D: Dialect>(
    dialect: &D,
    timeout: Duration,
    is_prepared: bool,
) -> Result<D::Connection, Failure> {
    let failed = |error| Failure::connecting(dialect, error);
    let connection = time::timeout(timeout, dialect.connect(timeout));
    let connection = connection.await.unwrap_or_else(|_| Err(timed_out(timeout)));
    let mut connection = connection.map_err(failed)?;
    if is_prepared {
        let ready = time::timeout(timeout, D::run(&mut connection, dialect.prepare()));
        ready.await.unwrap_or_else(|_| Err(timed_out(timeout))).map_err(failed)?;
    }
    Ok(connection)
}

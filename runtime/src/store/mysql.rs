//! Counters in MySQL 8.0, MariaDB 10.6, or later.
//!
//! A batch locks its counters by a `SELECT … FOR UPDATE` over their keys in order, or, where rows may be missing, by an
//! `INSERT … ON DUPLICATE KEY UPDATE` that changes nothing, in the same order; at READ COMMITTED, where no gaps between rows
//! are locked. Such a transaction ends by a commit even if nothing is to be written:
//! undoing an insert that others wait for would leave them with locks on gaps, and in each other's way.

use std::{fmt, str::FromStr as _, time::Duration};

use limitrate_core::key::CounterKey;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, MySql, MySqlConnection,
    error::DatabaseError,
    mysql::{MySqlConnectOptions, MySqlDatabaseError},
    raw_sql,
};

use super::{
    StoreError,
    sql::{
        SqlStore,
        dialect::{Dialect, Reply, Row, Said, literal, literals},
        files::Files,
        layout::Migration,
        settings::{SqlSettings, unread, wrong},
    },
};

/// Counters in MySQL or MariaDB.
pub type MySqlStore = SqlStore<MySqlOptions>;

/// The parameters of an address that the driver knows.
const PARAMETERS: &[&str] = &["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"];

/// After how long MySQL throws out a connection that idles, with the locks that it has, unless a statement may take longer.
const IDLE_SECONDS: u64 = 5;

/// How the server tells its time, in microseconds.
const CLOCK: &str = "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)";

/// Where MySQL or MariaDB is, and what else it is told.
#[derive(Clone)]
pub struct MySqlOptions {
    settings: SqlSettings,
    driver: MySqlConnectOptions,
    files: Files,
}

impl MySqlOptions {
    /// Reads an address: `mysql://user:password@host:port/database` or `mariadb://…`, with parameters `prefix`,
    /// `connections`, `timeout` ([`SqlSettings`]), and the driver's `ssl-mode`, `ssl-ca`, `ssl-cert`, `ssl-key` and `socket`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] says what is wrong with it.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let rest = url.strip_prefix("mysql://").or_else(|| url.strip_prefix("mariadb://"));
        let rest =
            rest.ok_or_else(|| wrong("it does not begin with `mysql://` or `mariadb://`".to_owned()))?;
        let (settings, rest) = SqlSettings::take(rest, PARAMETERS)?;
        let driver = MySqlConnectOptions::from_str(&format!("mysql://{rest}"));
        let driver = driver.map_err(|error| unread(&error))?;
        let files = Files::of(&rest, &["ssl-ca", "ssl-cert", "ssl-key"]);
        if driver.get_database().is_none() {
            return Err(wrong("it names no database: `mysql://user:password@host/database`".to_owned()));
        }
        Ok(Self { settings, driver: driver.disable_statement_logging(), files })
    }

    /// With other settings.
    #[must_use]
    pub fn with(self, settings: SqlSettings) -> Self {
        Self { settings, ..self }
    }

    /// The name under which connections lock something that is one for all who use the database.
    fn lock(&self, what: &str) -> String {
        format!("CONCAT('limitrate_', MD5(CONCAT(DATABASE(), '.{} {what}')))", self.settings.counters())
    }

    fn read_from(&self, keys: &[CounterKey]) -> String {
        format!(
            "SELECT `key`, entry FROM {} FORCE INDEX (PRIMARY) WHERE `key` IN ({})",
            self.settings.counters(),
            list(keys)
        )
    }

    /// Rows of three columns are those that are locked.
    fn lock_from(&self, keys: &[CounterKey]) -> String {
        format!(
            "SELECT `key`, entry, '' FROM {} FORCE INDEX (PRIMARY) WHERE `key` IN ({}) ORDER BY `key` FOR UPDATE",
            self.settings.counters(),
            list(keys)
        )
    }

    fn sweep_from(&self, kept: i64, rows: usize) -> String {
        let counters = self.settings.counters();
        format!(
            "SELECT `key`, x'' FROM {counters} FORCE INDEX (idle) WHERE idle_at < {CLOCK} * 1000 - {kept} \
             ORDER BY idle_at LIMIT {rows} FOR UPDATE SKIP LOCKED"
        )
    }

    fn delete(&self, keys: &str) -> String {
        let counters = self.settings.counters();
        format!("DELETE {counters} FROM {counters} FORCE INDEX (PRIMARY) WHERE `key` IN ({keys})")
    }
}

/// Keys as a list.
fn list(keys: &[CounterKey]) -> String {
    let keys: Vec<[u8; 16]> = keys.iter().map(|key| key.0.to_be_bytes()).collect();
    literals(keys.iter().map(|key| &key[..]), "x'", "'")
}

/// Rows of an `INSERT`.
fn values<'r>(rows: impl IntoIterator<Item = (CounterKey, &'r [u8], i64)>) -> String {
    let mut text = String::new();
    for (key, entry, idle_at) in rows {
        text.push_str(if text.is_empty() { "" } else { "," });
        literal(&mut text, &key.0.to_be_bytes(), "(x'", "',");
        literal(&mut text, entry, "x'", "',");
        text.push_str(&idle_at.to_string());
        text.push(')');
    }
    text
}

/// Locks are waited for in whole seconds.
fn whole_seconds(timeout: Duration) -> u64 {
    timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0)
}

/// What a session is told first.
///
/// A client that stops within a transaction is thrown out, with the locks that it has. MySQL can only be told to throw out
/// whoever idles, so it does that soon: what was closed is opened again when it is needed.
fn session(timeout: Duration) -> String {
    let (seconds, millis, exactly) = (whole_seconds(timeout), timeout.as_millis(), timeout.as_secs_f64());
    let idle = seconds.max(IDLE_SECONDS);
    // MariaDB reads what stands in `/*M! */`, MySQL 8 what stands in `/*!80000 */`.
    format!(
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;\
         SET SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds} \
         /*M!100600 , SESSION max_statement_time = {exactly}, SESSION idle_transaction_timeout = {seconds} */ \
         /*!80000 , SESSION max_execution_time = {millis}, SESSION wait_timeout = {idle} */"
    )
}

impl Dialect for MySqlOptions {
    type Connection = MySqlConnection;

    const NAME: &'static str = "mysql";

    const COLUMNS: &'static [(&'static str, &'static str)] = &[
        ("counters.key", "binary"),
        ("counters.entry", "longblob"),
        ("counters.idle_at", "bigint"),
        ("meta.name", "varchar"),
        ("meta.value", "bigint"),
    ];

    const END_UNCHANGED: &'static str = "COMMIT";

    fn settings(&self) -> &SqlSettings {
        &self.settings
    }

    fn place(&self) -> String {
        let driver = &self.driver;
        let socket = driver.get_socket().map(|socket| socket.display().to_string());
        socket.unwrap_or_else(|| format!("{}:{}", driver.get_host(), driver.get_port()))
    }

    fn files(&self) -> &Files {
        &self.files
    }

    async fn connect(&self, timeout: Duration) -> Result<MySqlConnection, sqlx::Error> {
        let mut connection = self.driver.connect().await?;
        Self::run(&mut connection, session(timeout)).await?;
        Ok(connection)
    }

    async fn run(connection: &mut MySqlConnection, script: String) -> Result<Reply, sqlx::Error> {
        let rows = connection.fetch_all(raw_sql(AssertSqlSafe(script))).await?;
        Reply::of::<MySql>(&rows)
    }

    async fn close(connection: MySqlConnection) {
        // It is left either way.
        let _ = connection.close().await;
    }

    fn said(&self, error: &dyn DatabaseError) -> Said {
        let number = error.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number);
        match number {
            // A deadlock, rows that changed since they were read, or another member of the group that was faster.
            1213 | 1020 | 3101 => Said::Again,
            // The server shuts down, or ended the connection: `KILL`, idling in a transaction, or for its own reasons.
            1053 | 1927 | 1159 | 1160 | 1161 | 1152 | 1184 | 4031 => Said::Ending,
            1205 => Said::Held,
            // A commit that they reach too late is done all the same.
            1969 | 3024 | 1317 => Said::Stopped,
            1290 | 1792 | 1836 | 3100 => Said::Cannot("it is read-only"),
            1021 | 1114 => Said::Cannot("its disk is full"),
            1037 | 1038 | 1041 => Said::Cannot("it is out of memory"),
            1040 | 1203 | 1226 => Said::Cannot("it has no connection left"),
            1044 | 1045 | 1130 | 1251 | 1524 | 1698 | 3118 => {
                Said::Denied("it does not accept this user or password")
            }
            1142 | 1143 | 1227 | 1370 => Said::Denied("this user may not do what is needed with the tables"),
            1049 => Said::Nowhere,
            // No table, column, index or engine's file; another type; a damaged table.
            1146 | 1054 | 1176 | 1932 | 1366 | 1406 | 1264 | 1364 | 1136 | 1194 | 1034 | 1712 => {
                Said::Damaged
            }
            _ => Said::Unsure,
        }
    }

    fn prepare(&self) -> String {
        // Scripts of several statements cannot be prepared.
        "DO 0".to_owned()
    }

    fn begin(&self, new: &[CounterKey], counters: &[CounterKey], others: &[CounterKey]) -> String {
        let table = self.settings.counters();
        let mut script = "START TRANSACTION;".to_owned();
        if !new.is_empty() {
            let rows = values(counters.iter().map(|key| (*key, &[][..], i64::MIN)));
            script += &format!(
                "INSERT INTO {table} (`key`, entry, idle_at) VALUES {rows} ON DUPLICATE KEY UPDATE idle_at = idle_at;"
            );
        }
        format!("{script}{};{}", self.lock_from(counters), self.read(others))
    }

    fn read(&self, keys: &[CounterKey]) -> String {
        if keys.is_empty() {
            return format!("SELECT {CLOCK}");
        }
        format!("{};SELECT {CLOCK}", self.read_from(keys))
    }

    fn free(&self, keys: &[CounterKey]) -> String {
        format!(
            "START TRANSACTION;SELECT `key`, x'' FROM {} FORCE INDEX (PRIMARY) WHERE `key` IN ({}) \
             FOR UPDATE SKIP LOCKED;ROLLBACK",
            self.settings.counters(),
            list(keys)
        )
    }

    fn write(&self, rows: &[Row]) -> String {
        let table = self.settings.counters();
        let rows = values(rows.iter().map(|row| (row.key, &row.entry[..], row.idle_at)));
        format!(
            "INSERT INTO {table} (`key`, entry, idle_at) VALUES {rows} \
             ON DUPLICATE KEY UPDATE entry = VALUES(entry), idle_at = VALUES(idle_at)"
        )
    }

    fn page(&self, after: Option<CounterKey>, rows: usize) -> String {
        let after = after.map_or(String::new(), |key| format!(" WHERE `key` > {}", list(&[key])));
        format!(
            "SELECT `key`, entry FROM {}{after} ORDER BY `key` LIMIT {rows};SELECT {CLOCK}",
            self.settings.counters()
        )
    }

    fn count(&self) -> String {
        format!("SELECT COUNT(*) FROM {} WHERE entry <> x''", self.settings.counters())
    }

    fn begin_sweep(&self, kept: i64, rows: usize) -> String {
        format!(
            "SELECT CAST(GET_LOCK({}, 0) AS SIGNED);START TRANSACTION;{}",
            self.lock("sweep"),
            self.sweep_from(kept, rows)
        )
    }

    fn end_sweep(&self, keys: &[Vec<u8>]) -> String {
        let keys = literals(keys.iter().map(|key| &key[..]), "x'", "'");
        let delete = if keys.is_empty() { String::new() } else { format!("{};", self.delete(&keys)) };
        format!("{delete}COMMIT;DO RELEASE_LOCK({})", self.lock("sweep"))
    }

    fn explain(&self, keys: &[CounterKey]) -> String {
        format!(
            "EXPLAIN FORMAT=JSON {};EXPLAIN FORMAT=JSON {};EXPLAIN FORMAT=JSON {};EXPLAIN FORMAT=JSON {}",
            self.lock_from(keys),
            self.read_from(keys),
            self.sweep_from(0, 1),
            self.delete(&list(keys))
        )
    }

    fn columns(&self) -> String {
        let (counters, meta) = (self.settings.counters(), self.settings.meta());
        format!(
            "SELECT CAST(CONCAT(CASE table_name WHEN '{meta}' THEN 'meta.' ELSE 'counters.' END, column_name) AS BINARY), \
             CAST(data_type AS BINARY) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name IN ('{counters}', '{meta}') \
             ORDER BY table_name, ordinal_position"
        )
    }

    fn migrations(&self) -> Vec<Migration> {
        let (counters, meta) = (self.settings.counters(), self.settings.meta());
        let up = format!(
            "CREATE TABLE IF NOT EXISTS {counters} (`key` BINARY(16) PRIMARY KEY, entry LONGBLOB NOT NULL, \
             idle_at BIGINT NOT NULL, INDEX idle (idle_at)) ENGINE = InnoDB;\
             CREATE TABLE IF NOT EXISTS {meta} (name VARCHAR(32) CHARACTER SET ascii PRIMARY KEY, \
             value BIGINT NOT NULL) ENGINE = InnoDB"
        );
        let down = format!("DROP TABLE IF EXISTS {counters};DROP TABLE IF EXISTS {meta}");
        vec![Migration { up: vec![up], down: vec![down] }]
    }

    fn lock_layout(&self, timeout: Duration) -> String {
        format!("SELECT CAST(GET_LOCK({}, {}) AS SIGNED)", self.lock("layout"), whole_seconds(timeout))
    }

    fn unlock_layout(&self) -> String {
        format!("DO RELEASE_LOCK({})", self.lock("layout"))
    }

    fn set_number(&self, name: &str, value: i64, replaced: bool) -> String {
        let value_or = if replaced { "VALUES(value)" } else { "value" };
        format!(
            "INSERT INTO {} (name, value) VALUES ('{name}', {value}) ON DUPLICATE KEY UPDATE value = {value_or}",
            self.settings.meta()
        )
    }
}

impl fmt::Debug for MySqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, driver, .. } = self;
        settings.debug(f, "MySqlOptions", (driver.get_host(), driver.get_port()), driver.get_database())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_its_password_never_shown() {
        let url = "mariadb://me:hunter2@db.example:6000/limits?prefix=a_&timeout=1500ms&ssl-mode=disabled";
        let options = MySqlOptions::from_url(url).unwrap();
        assert_eq!(options.settings.counters(), "a_limitrate_v1_counters");
        assert_eq!(whole_seconds(options.settings.timeout), 2);
        assert_eq!((options.driver.get_host(), options.driver.get_port()), ("db.example", 6000));
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn either_server_throws_out_who_stops_within_a_transaction() {
        for (timeout, mariadb, mysql) in [(300, 1, 5), (9_001, 10, 10)] {
            let script = session(Duration::from_millis(timeout));
            assert!(script.contains(&format!("idle_transaction_timeout = {mariadb} */")), "{script}");
            let (_, for_mysql) = script.split_once("/*!80000").unwrap();
            assert!(for_mysql.contains(&format!("SESSION wait_timeout = {mysql} */")), "{script}");
        }
    }

    #[test]
    fn an_address_of_something_else_is_refused_without_being_repeated() {
        for url in ["postgres://me:hunter2@h/d", "mysql://me:hunter2@h:port/d", "mysql://me:hunter2@h"] {
            let error = MySqlOptions::from_url(url).unwrap_err();
            assert!(matches!(error, StoreError::Address { .. }), "{url}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn scripts_hold_nothing_but_digits_of_what_they_are_given() {
        let options = MySqlOptions::from_url("mysql://h/d").unwrap();
        let row = Row { key: CounterKey(1), entry: b"';--".to_vec(), idle_at: -5, place: None };
        assert!(
            options.write(&[row]).contains("VALUES (x'00000000000000000000000000000001',x'273b2d2d',-5) ON")
        );
    }
}

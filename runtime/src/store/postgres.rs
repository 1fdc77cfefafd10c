//! Counters in PostgreSQL 12 or later.
//!
//! A batch makes the rows of its counters that may be missing, in the order of their keys, and while it does so holds nothing but
//! what it made; then it locks all of them in that order by a `SELECT … FOR NO KEY UPDATE`, which tells what stands in them and
//! where they lie. They do not move while they are locked, so they are written there without being looked up again.
//!
//! Who makes rows waits for others who just made the same ones, but those wait for nobody who makes rows still: what it made
//! is not there yet for them. So nobody waits in a circle. Statements are prepared by `PREPARE`, so that a script of
//! several of them is one message; what pools connections in between must therefore leave a session to its client.

use std::{fmt, str::FromStr as _, time::Duration};

use limitrate_core::key::CounterKey;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Postgres,
    error::DatabaseError, postgres::PgConnectOptions, raw_sql,
};
use xxhash_rust::xxh3::xxh3_64;

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

/// Counters in PostgreSQL.
pub type PostgresStore = SqlStore<PostgresOptions>;

/// The parameters of an address that the driver knows.
const PARAMETERS: &[&str] = &["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "application_name"];

/// How the server tells its time, in microseconds.
const CLOCK: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint";

/// As [`CLOCK`], but the same throughout a transaction, so that an index can be asked for it.
const BEGUN: &str = "(EXTRACT(EPOCH FROM transaction_timestamp()) * 1000000)::bigint";

/// Where PostgreSQL is, and what else it is told.
#[derive(Clone)]
pub struct PostgresOptions {
    settings: SqlSettings,
    driver: PgConnectOptions,
    files: Files,
}

impl PostgresOptions {
    /// Reads an address: `postgres://user:password@host:port/database`, with parameters `prefix`, `connections`, `timeout`
    /// ([`SqlSettings`]), and the driver's `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `host` (a folder with a socket) and
    /// `application_name`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] says what is wrong with it.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(wrong("it does not begin with `postgres://`".to_owned()));
        }
        let (settings, url) = SqlSettings::take(url, PARAMETERS)?;
        let driver = PgConnectOptions::from_str(&url).map_err(|error| unread(&error))?;
        let files = Files::of(&url, &["sslrootcert", "sslcert", "sslkey"]);
        Ok(Self { settings, driver, files }.tidied())
    }

    /// With other settings.
    #[must_use]
    pub fn with(self, settings: SqlSettings) -> Self {
        Self { settings, ..self }
    }

    fn tidied(mut self) -> Self {
        self.driver = self.driver.disable_statement_logging();
        if self.driver.get_application_name().is_none() {
            self.driver = self.driver.application_name("limitrate");
        }
        self
    }

    /// The number under which connections lock something that is one for all of them.
    fn lock(&self, what: &str) -> i64 {
        xxh3_64(format!("{} {what}", self.settings.counters()).as_bytes()).cast_signed()
    }

    fn sweep_from(&self, kept: i64, rows: usize) -> String {
        format!(
            "SELECT key, ''::bytea FROM {} WHERE idle_at < {BEGUN} * 1000 - {kept} \
             ORDER BY idle_at LIMIT {rows} FOR UPDATE SKIP LOCKED",
            self.settings.counters(),
        )
    }
}

/// Keys as the elements of an array.
fn array(keys: &[CounterKey]) -> String {
    let keys: Vec<[u8; 16]> = keys.iter().map(|key| key.0.to_be_bytes()).collect();
    array_of(keys.iter().map(|key| &key[..]))
}

fn array_of<'k>(keys: impl IntoIterator<Item = &'k [u8]>) -> String {
    format!("'{{{}}}'", literals(keys, r#""\\x"#, r#"""#))
}

/// What rows hold, as arrays.
fn columns(rows: &[&Row]) -> String {
    let keys: Vec<CounterKey> = rows.iter().map(|row| row.key).collect();
    let entries = array_of(rows.iter().map(|row| &row.entry[..]));
    let idle: Vec<String> = rows.iter().map(|row| row.idle_at.to_string()).collect();
    format!("{},{entries},'{{{}}}'", array(&keys), idle.join(","))
}

impl Dialect for PostgresOptions {
    type Connection = PgConnection;

    const NAME: &'static str = "postgres";

    const COLUMNS: &'static [(&'static str, &'static str)] = &[
        ("counters.key", "bytea"),
        ("counters.entry", "bytea"),
        ("counters.idle_at", "bigint"),
        ("meta.name", "text"),
        ("meta.value", "bigint"),
    ];

    // What was locked is written down at a commit, and need not be.
    const END_UNCHANGED: &'static str = "ROLLBACK";

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

    async fn connect(&self, timeout: Duration) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.driver.connect().await?;
        let millis = timeout.as_millis();
        // All that is asked for stands in an index, however few rows the server believes there to be.
        let script = format!(
            "SET statement_timeout = {millis};SET lock_timeout = {millis};\
             SET idle_in_transaction_session_timeout = {millis};SET standard_conforming_strings = on;\
             SET bytea_output = hex;SET jit = off;SET enable_seqscan = off;\
             SET enable_bitmapscan = off;\
             SET plan_cache_mode = force_generic_plan"
        );
        Self::run(&mut connection, script).await?;
        Ok(connection)
    }

    async fn run(connection: &mut PgConnection, script: String) -> Result<Reply, sqlx::Error> {
        let rows = connection.fetch_all(raw_sql(AssertSqlSafe(script))).await?;
        Reply::of::<Postgres>(&rows)
    }

    async fn close(connection: PgConnection) {
        // It is left either way.
        let _ = connection.close().await;
    }

    fn said(&self, error: &dyn DatabaseError) -> Said {
        let code = error.code().unwrap_or_default();
        match &*code {
            "40001" | "40P01" => Said::Again,
            // An end by its administrator, a crash of another session, a server that starts, a session that idled.
            "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" => Said::Ending,
            // What stands in between lost the server.
            code if code.starts_with("08") => Said::Ending,
            // Nothing stops a commit that has begun.
            "55P03" | "57014" => Said::Held,
            "25006" => Said::Cannot("it is read-only"),
            "53100" => Said::Cannot("its disk is full"),
            "53200" => Said::Cannot("it is out of memory"),
            "53300" => Said::Cannot("it has no connection left"),
            "28P01" | "28000" => Said::Denied("it does not accept this user or password"),
            "42501" => Said::Denied("this user may not do what is needed with the tables"),
            "3D000" => Said::Nowhere,
            // No table, column, function, operator or prepared statement; another type; a damaged page or index.
            "42P01" | "42703" | "42883" | "42804" | "42846" | "42P10" | "26000" | "22P02" | "0A000"
            | "XX001" | "XX002" => Said::Damaged,
            _ => Said::Unsure,
        }
    }

    fn prepare(&self) -> String {
        let counters = self.settings.counters();
        let nothing = i64::MIN;
        format!(
            "PREPARE limitrate_make (bytea[]) AS INSERT INTO {counters} (key, entry, idle_at) \
             SELECT key, ''::bytea, '{nothing}'::bigint FROM unnest($1) AS wanted (key) \
             ON CONFLICT (key) DO NOTHING;\
             PREPARE limitrate_lock (bytea[]) AS SELECT key, entry, ctid FROM {counters} \
             WHERE key = ANY ($1) ORDER BY key FOR NO KEY UPDATE;\
             PREPARE limitrate_update (tid[], bytea[], bytea[], bigint[]) AS \
             UPDATE {counters} AS kept SET entry = new.entry, idle_at = new.idle_at \
             FROM unnest($1, $2, $3, $4) AS new (place, key, entry, idle_at) \
             WHERE kept.ctid = new.place AND kept.key = new.key;\
             PREPARE limitrate_read (bytea[]) AS SELECT key, entry FROM {counters} WHERE key = ANY ($1);\
             PREPARE limitrate_clock AS SELECT {CLOCK};\
             PREPARE limitrate_write (bytea[], bytea[], bigint[]) AS \
             INSERT INTO {counters} (key, entry, idle_at) SELECT * FROM unnest($1, $2, $3) \
             ON CONFLICT (key) DO UPDATE SET entry = EXCLUDED.entry, idle_at = EXCLUDED.idle_at"
        )
    }

    fn begin(&self, new: &[CounterKey], counters: &[CounterKey], others: &[CounterKey]) -> String {
        let mut script = "BEGIN ISOLATION LEVEL READ COMMITTED;".to_owned();
        if !new.is_empty() {
            script += &format!("EXECUTE limitrate_make ({});", array(new));
        }
        script += &format!("EXECUTE limitrate_lock ({});", array(counters));
        script + &self.read(others)
    }

    fn read(&self, keys: &[CounterKey]) -> String {
        if keys.is_empty() {
            return "EXECUTE limitrate_clock".to_owned();
        }
        format!("EXECUTE limitrate_read ({});EXECUTE limitrate_clock", array(keys))
    }

    fn free(&self, keys: &[CounterKey]) -> String {
        format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED;SELECT key, ''::bytea FROM {} WHERE key = ANY ({}::bytea[]) \
             FOR UPDATE SKIP LOCKED;ROLLBACK",
            self.settings.counters(),
            array(keys)
        )
    }

    fn write(&self, rows: &[Row]) -> String {
        let (locked, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.place.is_some());
        let mut statements = Vec::new();
        if !locked.is_empty() {
            let places: Vec<String> =
                locked.iter().flat_map(|row| &row.place).map(|place| format!("\"{place}\"")).collect();
            statements.push(format!(
                "EXECUTE limitrate_update ('{{{}}}',{})",
                places.join(","),
                columns(&locked)
            ));
        }
        if !others.is_empty() {
            statements.push(format!("EXECUTE limitrate_write ({})", columns(&others)));
        }
        statements.join(";")
    }

    fn page(&self, after: Option<CounterKey>, rows: usize) -> String {
        let after = after.map_or(String::new(), |key| {
            let mut condition = " WHERE key > ".to_owned();
            literal(&mut condition, &key.0.to_be_bytes(), r"'\x", "'");
            condition
        });
        format!(
            "SELECT key, entry FROM {}{after} ORDER BY key LIMIT {rows};SELECT {CLOCK}",
            self.settings.counters()
        )
    }

    fn count(&self) -> String {
        format!("SELECT count(*) FROM {} WHERE entry <> ''", self.settings.counters())
    }

    fn begin_sweep(&self, kept: i64, rows: usize) -> String {
        format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED;SELECT pg_try_advisory_xact_lock({})::int::bigint;{}",
            self.lock("sweep"),
            self.sweep_from(kept, rows)
        )
    }

    fn end_sweep(&self, keys: &[Vec<u8>]) -> String {
        let keys = array_of(keys.iter().map(|key| &key[..]));
        format!("DELETE FROM {} WHERE key = ANY ({keys}::bytea[]);COMMIT", self.settings.counters())
    }

    fn explain(&self, keys: &[CounterKey]) -> String {
        let rows = |place: Option<&str>| -> Vec<Row> {
            let place = place.map(str::to_owned);
            keys.iter()
                .map(|key| Row { key: *key, entry: Vec::new(), idle_at: 0, place: place.clone() })
                .collect()
        };
        let keys = array(keys);
        format!(
            "EXPLAIN EXECUTE limitrate_make ({keys});EXPLAIN EXECUTE limitrate_lock ({keys});\
             EXPLAIN EXECUTE limitrate_read ({keys});EXPLAIN {};EXPLAIN {};\
             EXPLAIN {};EXPLAIN DELETE FROM {} WHERE key = ANY ({keys}::bytea[])",
            self.write(&rows(Some("(0,1)"))),
            self.write(&rows(None)),
            self.sweep_from(0, 1),
            self.settings.counters()
        )
    }

    fn columns(&self) -> String {
        let (counters, meta) = (self.settings.counters(), self.settings.meta());
        format!(
            "SELECT convert_to(CASE table_name WHEN '{meta}' THEN 'meta.' ELSE 'counters.' END || column_name, 'UTF8'), \
             convert_to(data_type, 'UTF8') FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name IN ('{counters}', '{meta}') \
             ORDER BY table_name, ordinal_position"
        )
    }

    fn migrations(&self) -> Vec<Migration> {
        let (counters, meta) = (self.settings.counters(), self.settings.meta());
        // Rows change often and keep their keys: room on each page spares the indices.
        let up = format!(
            "CREATE TABLE IF NOT EXISTS {counters} (key bytea PRIMARY KEY, entry bytea NOT NULL, idle_at bigint NOT NULL) \
             WITH (fillfactor = 60);\
             CREATE INDEX IF NOT EXISTS {counters}_idle ON {counters} (idle_at);\
             CREATE TABLE IF NOT EXISTS {meta} (name text PRIMARY KEY, value bigint NOT NULL)"
        );
        let down = format!("DROP TABLE IF EXISTS {counters};DROP TABLE IF EXISTS {meta}");
        vec![Migration { up: vec![up], down: vec![down] }]
    }

    fn lock_layout(&self, _: Duration) -> String {
        format!("SELECT 1::bigint WHERE pg_advisory_lock({})::text IS NOT NULL", self.lock("layout"))
    }

    fn unlock_layout(&self) -> String {
        format!("SELECT pg_advisory_unlock({})::int::bigint", self.lock("layout"))
    }

    fn set_number(&self, name: &str, value: i64, replaced: bool) -> String {
        let otherwise = if replaced { "UPDATE SET value = EXCLUDED.value" } else { "NOTHING" };
        format!(
            "INSERT INTO {} (name, value) VALUES ('{name}', '{value}') ON CONFLICT (name) DO {otherwise}",
            self.settings.meta()
        )
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, driver, .. } = self;
        settings.debug(f, "PostgresOptions", (driver.get_host(), driver.get_port()), driver.get_database())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_its_password_never_shown() {
        let url = "postgres://me:hunter2@db.example:6000/limits?prefix=a_&timeout=2s&sslmode=disable";
        let options = PostgresOptions::from_url(url).unwrap();
        assert_eq!(options.settings.counters(), "a_limitrate_v1_counters");
        assert_eq!(options.settings.timeout, Duration::from_secs(2));
        assert_eq!((options.driver.get_host(), options.driver.get_port()), ("db.example", 6000));
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn an_address_of_something_else_is_refused_without_being_repeated() {
        for url in
            ["mysql://me:hunter2@h/d", "postgres://me:hunter2@h:port/d", "postgres://h/d?sslmode=hunter2"]
        {
            let error = PostgresOptions::from_url(url).unwrap_err();
            assert!(matches!(error, StoreError::Address { .. }), "{url}: {error}");
        }
        let told = |url| PostgresOptions::from_url(url).unwrap_err().to_string();
        let port = told("postgres://me:hunter2@h:port/d");
        assert!(
            port.contains("invalid port number (within a user or password,") && !port.contains("hunter2")
        );
        let mode = told("postgres://h/d?sslmode=yes");
        assert_eq!(mode, "the store's address is wrong: unknown value \"yes\" for `ssl_mode`");
    }

    #[test]
    fn scripts_hold_nothing_but_digits_of_what_they_are_given() {
        let options = PostgresOptions::from_url("postgres://h/d").unwrap();
        let row = Row { key: CounterKey(1), entry: b"';--".to_vec(), idle_at: -5, place: None };
        assert_eq!(
            options.write(&[row]),
            r#"EXECUTE limitrate_write ('{"\\x00000000000000000000000000000001"}','{"\\x273b2d2d"}','{-5}')"#
        );
    }
}

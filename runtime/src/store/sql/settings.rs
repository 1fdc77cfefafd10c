//! What both SQL stores can be told, and how it is read off an address.
//!
//! Parameters of the driver are passed on to it; parameters that nobody knows are refused, because a misspelt `sslmode` must
//! not go unnoticed. Nothing that is said of an address repeats it: it may have a password.

use std::{fmt, time::Duration};

use crate::store::StoreError;

/// How many connections a store opens unless told otherwise. Each has one batch of calls under way.
const CONNECTIONS: usize = 4;

/// More connections than these are refused.
const MAX_CONNECTIONS: usize = 64;

/// How long a statement may take unless told otherwise, waiting for locks included.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Bounds of what may be asked for instead.
const TIMEOUTS: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_mins(1);

/// The longest prefix: with what follows, names stay within what the servers take.
const MAX_PREFIX: usize = 32;

/// What both SQL stores can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqlSettings {
    /// What the names of the store's tables begin with, so that several stores can be in one database: lower-case letters,
    /// digits and `_`, 32 at most.
    pub prefix: String,
    /// How many connections are opened at most.
    pub connections: usize,
    /// How long the server may take for a statement, waiting for locks included; it ends what takes longer by itself, so that
    /// nothing goes on there for callers who gave up. MySQL counts waits for locks in whole seconds.
    pub timeout: Duration,
}

impl Default for SqlSettings {
    fn default() -> Self {
        Self { prefix: String::new(), connections: CONNECTIONS, timeout: TIMEOUT }
    }
}

impl SqlSettings {
    /// Takes its own parameters out of an address; what is left is the driver's.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] for a parameter that is not known, or whose value is none.
    pub(in crate::store) fn take(url: &str, drivers: &[&str]) -> Result<(Self, String), StoreError> {
        let mut settings = Self::default();
        let Some((address, parameters)) = url.split_once('?') else {
            return Ok((settings, url.to_owned()));
        };
        let mut rest = Vec::new();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "prefix" => settings.prefix = prefix(value)?,
                "connections" => settings.connections = connections(value)?,
                "timeout" => settings.timeout = timeout(value)?,
                name if drivers.contains(&name) => rest.push(parameter),
                _ => {
                    let known = drivers.join("`, `");
                    return Err(wrong(format!(
                        "it has a parameter that is none of `prefix`, `connections`, `timeout`, `{known}`"
                    )));
                }
            }
        }
        let rest = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
        Ok((settings, format!("{address}{rest}")))
    }

    /// The table of counters.
    pub(in crate::store) fn counters(&self) -> String {
        format!("{}limitrate_v1_counters", self.prefix)
    }

    /// The table of numbers that the store keeps of itself.
    pub(in crate::store) fn meta(&self) -> String {
        format!("{}limitrate_v1_meta", self.prefix)
    }

    /// Tells options of this name, without what is secret of them.
    pub(in crate::store) fn debug(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        (host, port): (&str, u16),
        database: Option<&str>,
    ) -> fmt::Result {
        let mut told = f.debug_struct(name);
        told.field("settings", self).field("host", &host).field("port", &port);
        told.field("database", &database).finish_non_exhaustive()
    }
}

pub(in crate::store) const fn wrong(what: String) -> StoreError {
    StoreError::Address { what }
}

/// What a driver says of an address that it cannot read.
pub(in crate::store) fn unread(error: &sqlx::Error) -> StoreError {
    let sqlx::Error::Configuration(cause) = error else { return wrong(error.to_string()) };
    // Of a parameter's value, it tells an error within the error.
    if let Some(sqlx::Error::Configuration(value)) = cause.downcast_ref() {
        return wrong(value.to_string());
    }
    wrong(format!(
        "{cause} (within a user or password, `%`, `:`, `/`, `?`, `#` and `@` are written `%25`, `%3A`, `%2F`, `%3F`, `%23`, `%40`)"
    ))
}

fn prefix(value: &str) -> Result<String, StoreError> {
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = value.bytes().next().is_none_or(|first| !first.is_ascii_digit());
    if begins && value.len() <= MAX_PREFIX && value.bytes().all(is_fine) {
        return Ok(value.to_owned());
    }
    Err(wrong(format!("`prefix` is at most {MAX_PREFIX} lower-case letters, digits and `_`, no digit first")))
}

fn connections(value: &str) -> Result<usize, StoreError> {
    let count = value.parse().ok().filter(|count| (1..=MAX_CONNECTIONS).contains(count));
    count.ok_or_else(|| wrong(format!("`connections` is a number from 1 to {MAX_CONNECTIONS}")))
}

fn timeout(value: &str) -> Result<Duration, StoreError> {
    let millis = value.strip_suffix("ms").map(str::parse).and_then(Result::ok);
    let seconds = || value.strip_suffix('s').map(str::parse).and_then(Result::ok);
    let timeout = millis.map(Duration::from_millis).or_else(|| seconds().map(Duration::from_secs));
    timeout
        .filter(|timeout| TIMEOUTS.contains(timeout))
        .ok_or_else(|| wrong("`timeout` is from `10ms` to `60s`, in whole `ms` or `s`".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(url: &str) -> Result<(SqlSettings, String), StoreError> {
        SqlSettings::take(url, &["sslmode"])
    }

    #[test]
    fn parameters_are_told_apart_from_those_of_the_driver() {
        let (settings, rest) =
            take("postgres://a:b@c/d?prefix=x_1&sslmode=require&connections=7&timeout=250ms").unwrap();
        assert_eq!(rest, "postgres://a:b@c/d?sslmode=require");
        let wanted =
            SqlSettings { prefix: "x_1".to_owned(), connections: 7, timeout: Duration::from_millis(250) };
        assert_eq!(settings, wanted);
        let (settings, rest) = take("postgres://c/d?timeout=3s").unwrap();
        assert_eq!((settings.timeout, rest.as_str()), (Duration::from_secs(3), "postgres://c/d"));
        assert_eq!(take("postgres://c").unwrap().0, SqlSettings::default());
    }

    #[test]
    fn what_nobody_knows_and_what_has_no_sense_is_refused_without_being_repeated() {
        let wrong = [
            "sslmod=require",
            "prefix=Ab",
            "prefix=1a",
            "prefix=a;drop",
            "connections=0",
            "connections=65",
            "connections=many",
            "timeout=5",
            "timeout=9ms",
            "timeout=61s",
            "timeout=-1s",
        ];
        for parameter in wrong {
            let error = take(&format!("postgres://u:hunter2@c/d?{parameter}")).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, StoreError::Address { .. }), "{parameter}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}

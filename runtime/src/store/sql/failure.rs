//! Why a batch failed, told to each of its callers.

use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use rustls::Error as TlsError;

use super::dialect::{Dialect, Said};
use crate::store::{StoreError, certificate};

/// Where the file of an authority is named.
const AUTHORITY: &str =
    "`?sslrootcert=/path/of/the.pem` for PostgreSQL, `?ssl-ca=/path/of/the.pem` for MySQL";

/// How far a batch had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connecting.
    Connect,
    /// Before the script that commits was sent: without it the server undoes all.
    Before,
    /// That script was sent.
    Commit,
}

/// Why a batch failed.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// The server gave it up for another's sake; nothing was applied.
    Again(Shared),
    /// Others hold what some of its calls need; nothing was applied.
    Held(Shared),
    Unreachable(Shared),
    Lost(Shared),
    Unavailable(&'static str, Shared),
    Denied(String),
    Corrupt(String),
    Address(String),
}

/// A cause that several callers are told.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<sqlx::Error>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Shared {
    /// Says where the server was looked for, if the net says that it cannot be found there.
    fn at(self, place: &str) -> Self {
        let sqlx::Error::Io(error) = &*self.0 else { return self };
        sqlx::Error::Io(io::Error::new(error.kind(), format!("{place}: {error}"))).into()
    }

    fn is_timeout(&self) -> bool {
        matches!(&*self.0, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
    }
}

/// What keeps the two ends from trusting each other, if that is it.
fn untrusted(error: &sqlx::Error) -> Option<String> {
    if let sqlx::Error::Tls(error) = error {
        return Some(format!("no agreement on TLS: {error}"));
    }
    let sqlx::Error::Io(error) = error else { return None };
    let refused = certificate::tls_error(error)?;
    Some(if let TlsError::InvalidCertificate(invalid) = refused {
        certificate::told(invalid, AUTHORITY)
    } else {
        format!("no agreement on TLS: {refused}")
    })
}

/// Whether an error has to do with the way to the server for certain.
const fn is_of_the_net(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, TimedOut, UnexpectedEof};
    matches!(kind, ConnectionRefused | ConnectionReset | TimedOut | UnexpectedEof)
}

/// What a driver that waited too long would say.
pub(super) fn timed_out(after: Duration) -> sqlx::Error {
    let what = format!("no answer within {after:?}");
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, what))
}

impl Failure {
    /// What an error of connecting comes to.
    pub(super) fn connecting<D: Dialect>(dialect: &D, error: sqlx::Error) -> Self {
        let is_of_a_file = matches!(&error, sqlx::Error::Io(error) if !is_of_the_net(error.kind()));
        match dialect.files().unreadable() {
            Some(what) if is_of_a_file => Self::Address(what),
            Some(_) | None => match Self::new(dialect, Stage::Connect, error) {
                Self::Unreachable(cause) => Self::Unreachable(cause.at(&dialect.place())),
                failure @ (Self::Again(_)
                | Self::Held(_)
                | Self::Lost(_)
                | Self::Unavailable(..)
                | Self::Denied(_)
                | Self::Corrupt(_)
                | Self::Address(_)) => failure,
            },
        }
    }

    /// What an error of the driver's comes to at a stage.
    pub(super) fn new<D: Dialect>(dialect: &D, stage: Stage, error: sqlx::Error) -> Self {
        let is_sent = stage == Stage::Commit;
        if let sqlx::Error::Database(said) = &error {
            return match dialect.said(&**said) {
                Said::Again => Self::Again(error.into()),
                // Only what is known to be undone is told to be.
                Said::Ending | Said::Stopped | Said::Unsure if is_sent => Self::Lost(error.into()),
                Said::Ending if stage == Stage::Before => Self::Unreachable(error.into()),
                Said::Ending => Self::Unavailable("it is starting or ending", error.into()),
                Said::Held | Said::Stopped => Self::Held(error.into()),
                Said::Unsure => Self::Unavailable("it answered with an error", error.into()),
                Said::Cannot(what) => Self::Unavailable(what, error.into()),
                // What servers say of it names users, databases and tables, and repeats no password.
                Said::Denied(what) => Self::Denied(format!("{what}: {}", said.message())),
                Said::Nowhere => Self::Address(format!("there is no such database: {}", said.message())),
                Said::Damaged => {
                    Self::Corrupt(format!("its tables are not as they were made: {}", said.message()))
                }
            };
        }
        if is_sent {
            return Self::Lost(error.into());
        }
        if matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) {
            return Self::Corrupt(error.to_string());
        }
        if let sqlx::Error::Configuration(cause) = &error {
            return Self::Address(cause.to_string());
        }
        if stage == Stage::Connect
            && let Some(what) = untrusted(&error)
        {
            return Self::Address(what);
        }
        Self::Unreachable(error.into())
    }

    /// Rows were dropped while they were being made.
    pub(super) fn dropped() -> Self {
        Self::Again(sqlx::Error::RowNotFound.into())
    }

    /// Whether the connection can be used no longer.
    pub(super) const fn ends_connection(&self) -> bool {
        match self {
            Self::Again(_) | Self::Held(_) | Self::Unavailable(..) => false,
            // Statements that were prepared before the tables changed are of no use any more.
            Self::Unreachable(_) | Self::Lost(_) | Self::Denied(_) | Self::Corrupt(_) | Self::Address(_) => {
                true
            }
        }
    }

    /// Whether to begin anew: nothing was applied, and it may well go better. `was_open` says that the connection had been
    /// used before: the server may have closed it since.
    pub(super) fn is_worth_repeating(&self, was_open: bool) -> bool {
        match self {
            Self::Again(_) => true,
            Self::Unreachable(cause) => was_open && !cause.is_timeout(),
            Self::Held(_)
            | Self::Lost(_)
            | Self::Unavailable(..)
            | Self::Denied(_)
            | Self::Corrupt(_)
            | Self::Address(_) => false,
        }
    }

    /// What one caller is told.
    pub(super) fn to_error(&self) -> StoreError {
        match self.clone() {
            Self::Again(cause) => {
                let what = "others want the same counters in another order".to_owned();
                StoreError::Unavailable { what, cause: cause.into() }
            }
            Self::Held(cause) => {
                let what = "others hold what it needs, or it takes too long".to_owned();
                StoreError::Unavailable { what, cause: cause.into() }
            }
            Self::Unreachable(cause) => StoreError::Unreachable(cause.into()),
            Self::Lost(cause) => StoreError::Lost(cause.into()),
            Self::Unavailable(what, cause) => {
                StoreError::Unavailable { what: what.to_owned(), cause: cause.into() }
            }
            Self::Denied(what) => StoreError::Denied { what },
            Self::Corrupt(what) => StoreError::Corrupt { what },
            Self::Address(what) => StoreError::Address { what },
        }
    }
}

impl From<sqlx::Error> for Shared {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use std::borrow::Cow;

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;
    use crate::store::PostgresOptions;

    /// What a server says by a code.
    #[derive(Debug)]
    struct Code(&'static str);

    impl fmt::Display for Code {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Code {}

    impl DatabaseError for Code {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    #[expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
    fn word(stage: Stage, code: &'static str) -> &'static str {
        let postgres = PostgresOptions::from_url("postgres://h/d").unwrap();
        let error = sqlx::Error::Database(Box::new(Code(code)));
        Failure::new(&postgres, stage, error).to_error().word()
    }

    #[test]
    fn what_a_commit_came_to_is_lost_unless_it_is_known_to_be_undone() {
        for code in ["40003", "08006", "08P01", "57P01", "XX000", "58030", "99999"] {
            assert_eq!(word(Stage::Commit, code), "lost", "{code}");
            assert_ne!(word(Stage::Before, code), "lost", "{code}");
        }
        for code in ["40001", "40P01", "55P03", "57014", "25006", "53100", "53200"] {
            assert_eq!(word(Stage::Commit, code), "unavailable", "{code}");
        }
        assert_eq!(word(Stage::Commit, "42501"), "denied");
        assert_eq!(word(Stage::Before, "08P01"), "unreachable");
    }
}

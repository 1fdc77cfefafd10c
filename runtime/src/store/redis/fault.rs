//! What Redis says when it does not do what was asked, as what the store says then.

mod wire;

use redis::{ErrorKind, RedisError, ServerErrorKind};

pub(super) use self::wire::Wire;
use super::{link::Target, options::Host};
use crate::store::{Cause, StoreError};

/// The most of a server's message that is passed on, in characters.
const LONGEST_MESSAGE: usize = 200;

/// Why a call has no answer yet.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another node has this slot from now on. Nothing was applied.
    Moved(Host),
    /// Another node has the keys by now, though not the slot yet. Nothing was applied.
    Ask(Host),
    /// The keys are on their way to another node. Nothing was applied.
    TryAgain,
    /// The server does not know the script: it was restarted, or told to forget all scripts. Nothing was applied.
    NoScript,
    /// There will be none.
    Store(StoreError),
}

impl Failure {
    /// Whether the server does not do what it is there for: other calls would fare no better.
    pub(super) const fn is_of_the_server(&self) -> bool {
        match self {
            // What is damaged is one counter.
            Self::Moved(_)
            | Self::Ask(_)
            | Self::TryAgain
            | Self::NoScript
            | Self::Store(StoreError::Corrupt { .. }) => false,
            Self::Store(_) => true,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The error of the command in a pipeline that failed: a pipeline's own names neither its kind nor where to go.
pub(super) fn of_pipeline(error: RedisError) -> RedisError {
    let errors = error.clone().into_server_errors();
    let last = errors.and_then(|errors| errors.last().map(|(_, error)| error.clone()));
    last.map_or(error, RedisError::from)
}

/// What an error means that came once the call was under way.
pub(super) fn after_sending(error: RedisError) -> Failure {
    let host = error.redirect_node().and_then(|(host, _)| read_host(host));
    match (error.kind(), host) {
        (ErrorKind::Server(ServerErrorKind::Moved), Some(host)) => Failure::Moved(host),
        (ErrorKind::Server(ServerErrorKind::Ask), Some(host)) => Failure::Ask(host),
        (ErrorKind::Server(ServerErrorKind::TryAgain), _) => Failure::TryAgain,
        (ErrorKind::Server(ServerErrorKind::NoScript), _) => Failure::NoScript,
        _ => Failure::Store(answered(&error).unwrap_or_else(|| StoreError::Lost(Box::new(error)))),
    }
}

/// What an error means that came before there was a connection to this server.
pub(super) fn before_sending(error: RedisError, to: &Target) -> StoreError {
    let told = answered(&error).or_else(|| wire::explained(&error, to.wire()));
    let unconnected =
        |cause: Cause| StoreError::Unreachable(Box::new(Unconnected { to: to.to_string(), cause }));
    match told {
        None => unconnected(Box::new(error)),
        Some(StoreError::Unreachable(cause)) => unconnected(cause),
        Some(told) => told,
    }
}

/// A connection that was not made.
#[derive(Debug, thiserror::Error)]
#[error("no connection to {to}")]
struct Unconnected {
    to: String,
    #[source]
    cause: Cause,
}

/// Whether the server will go on refusing on this connection, where another may do: it has become a replica.
pub(super) fn is_demoted(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown))
}

/// What the server answered; `None` if it did not answer, or nothing that can be understood.
fn answered(error: &RedisError) -> Option<StoreError> {
    let what = match error.code() {
        Some("NOAUTH" | "WRONGPASS" | "NOPERM") => return Some(StoreError::Denied { what: message(error) }),
        Some("WRONGTYPE") => return Some(StoreError::Corrupt { what: message(error) }),
        Some("LOADING") => "it is loading its data".to_owned(),
        Some("READONLY") => "it is a replica, and takes no writes".to_owned(),
        Some("OOM") => "its memory is full".to_owned(),
        Some("BUSY") => "it is running a script of somebody's for too long".to_owned(),
        Some("MISCONF") => "it cannot save to its disk, and takes no writes".to_owned(),
        Some("CLUSTERDOWN") => "the cluster is down".to_owned(),
        Some("MASTERDOWN") => "it is a replica that lost its master".to_owned(),
        Some(_) => message(error),
        None => return unspoken(error),
    };
    Some(StoreError::Unavailable { what, cause: Box::new(error.clone()) })
}

/// What the driver found out without a word of the server's; `None` if that is that nothing can be understood.
fn unspoken(error: &RedisError) -> Option<StoreError> {
    let kind = error.kind();
    if kind == ErrorKind::AuthenticationFailed {
        return Some(StoreError::Denied { what: message(error) });
    }
    if kind == ErrorKind::InvalidClientConfig {
        return Some(StoreError::Address { what: message(error) });
    }
    let what = if kind == ErrorKind::RESP3NotSupported {
        "it does not speak RESP3, as Redis does from version 6 on"
    } else if matches!(
        kind,
        ErrorKind::MasterNameNotFoundBySentinel | ErrorKind::NoValidReplicasFoundBySentinel
    ) {
        "no Sentinel knows a master of this name"
    } else {
        return None;
    };
    Some(StoreError::Unavailable { what: what.to_owned(), cause: Box::new(error.clone()) })
}

/// The server's words, cut short.
fn message(error: &RedisError) -> String {
    let words = [error.code().unwrap_or_default(), error.detail().unwrap_or_else(|| error.category())];
    words.join(" ").trim_start().chars().take(LONGEST_MESSAGE).collect()
}

/// A host as redirections name it: an address of version 6 has no brackets there.
fn read_host(text: &str) -> Option<Host> {
    let (name, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    Some(Host { name: name.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RedisOptions;

    fn said(code: &str, detail: &str) -> RedisError {
        redis::make_extension_error(code.to_owned(), Some(detail.to_owned()))
    }

    #[test]
    fn what_the_server_answers_was_not_applied() {
        for (code, word) in [
            ("NOAUTH", "denied"),
            ("WRONGPASS", "denied"),
            ("WRONGTYPE", "corrupt"),
            ("OOM", "unavailable"),
            ("BUSY", "unavailable"),
            ("MISCONF", "unavailable"),
            ("SOMETHING", "unavailable"),
        ] {
            let Failure::Store(error) = after_sending(said(code, "a message")) else { panic!("{code}") };
            assert_eq!(error.word(), word, "{code}");
            assert!(!error.may_have_applied(), "{code}");
        }
    }

    fn target() -> Target {
        Target::of(&RedisOptions::from_url("redis://127.0.0.1:6379").unwrap()).unwrap()
    }

    /// A connection that has these bytes for an answer to anything.
    struct Answering(&'static [u8]);

    impl redis::ConnectionLike for Answering {
        fn req_packed_command(&mut self, _: &[u8]) -> redis::RedisResult<redis::Value> {
            redis::parse_redis_value(self.0)
        }

        fn req_packed_commands(
            &mut self,
            _: &[u8],
            _: usize,
            count: usize,
        ) -> redis::RedisResult<Vec<redis::Value>> {
            let mut answers = vec![redis::Value::Okay; count - 1];
            answers.push(redis::parse_redis_value(self.0)?);
            Ok(answers)
        }

        fn get_db(&self) -> i64 {
            0
        }

        fn check_connection(&mut self) -> bool {
            true
        }

        fn is_open(&self) -> bool {
            true
        }
    }

    #[test]
    fn the_last_command_of_a_pipeline_says_where_to_go() {
        let failure = |answer| {
            let mut both = redis::pipe();
            both.cmd("ASKING").ignore().cmd("GET").arg("a");
            let error = both.query::<[redis::Value; 1]>(&mut Answering(answer)).unwrap_err();
            after_sending(of_pipeline(error))
        };
        assert!(matches!(failure(b"-MOVED 1 10.0.0.1:7000\r\n"), Failure::Moved(host) if host.port == 7000));
        assert!(matches!(failure(b"-ASK 1 10.0.0.1:7001\r\n"), Failure::Ask(host) if host.port == 7001));
        assert!(matches!(failure(b"-TRYAGAIN later\r\n"), Failure::TryAgain));
        assert!(matches!(failure(b"-OOM full\r\n"), Failure::Store(StoreError::Unavailable { .. })));
    }

    #[test]
    fn a_broken_connection_may_have_applied_only_once_there_was_one() {
        let broken = || RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        let Failure::Store(error) = after_sending(broken()) else { panic!() };
        assert!(matches!(error, StoreError::Lost(_)));
        let error = before_sending(broken(), &target());
        assert!(matches!(error, StoreError::Unreachable(_)));
        let cause = std::error::Error::source(&error).unwrap();
        assert_eq!(cause.to_string(), "no connection to 127.0.0.1:6379");
        assert!(cause.source().unwrap().to_string().contains("reset"));
    }

    #[test]
    fn a_message_is_cut_short() {
        let StoreError::Denied { what } = before_sending(said("NOAUTH", &"x".repeat(5_000)), &target())
        else {
            panic!()
        };
        assert_eq!(what.len(), LONGEST_MESSAGE);
    }

    #[test]
    fn redirections_name_hosts_of_both_versions() {
        assert_eq!(read_host("10.0.0.1:7000").map(|host| host.to_string()).as_deref(), Some("10.0.0.1:7000"));
        assert_eq!(read_host("::1:7000").map(|host| host.to_string()).as_deref(), Some("[::1]:7000"));
        assert_eq!(read_host("nowhere"), None);
    }
}

//! What keeps two ends from understanding each other, in words that say what to do.

use std::{error::Error, sync::Arc};

use redis::RedisError;
use rustls::Error as TlsError;

use crate::store::{StoreError, certificate};

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::redis) enum Wire {
    /// Over TLS.
    Tls,
    /// Without.
    Plain,
    /// Over a socket of this machine.
    Socket,
}

/// What an error of connecting means, if it comes of the two ends speaking differently or not trusting each other.
pub(super) fn explained(error: &RedisError, wire: Wire) -> Option<StoreError> {
    if let Some(refused) = refusal(error) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "what else TLS says is told as it is")]
        let what = match refused {
            TlsError::InvalidCertificate(invalid) => certificate::told(invalid, "`?ca=/path/of/the.pem`"),
            TlsError::InvalidMessage(_) => {
                "it speaks no TLS on this port: write `redis` for `rediss`".to_owned()
            }
            other => format!("no agreement on TLS: {other}"),
        };
        return Some(StoreError::Address { what });
    }
    let is_cut_off = error.is_connection_dropped() && !error.is_connection_refusal();
    let hint = match wire {
        Wire::Plain if is_cut_off => "if it wants TLS on this port, write `rediss` for `redis`",
        Wire::Tls if is_cut_off || error.is_timeout() => {
            "if it speaks no TLS on this port, write `redis` for `rediss`"
        }
        Wire::Plain | Wire::Tls | Wire::Socket => return None,
    };
    Some(StoreError::Unreachable(format!("{error}; {hint}").into()))
}

/// What TLS said, if it did.
fn refusal(error: &RedisError) -> Option<&TlsError> {
    let source = error.source()?;
    let source = source.downcast_ref::<Arc<dyn Error + Send + Sync>>().map_or(source, |shared| &**shared);
    certificate::tls_error(source)
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::{CertificateError, InvalidMessage};

    use super::*;

    fn said(error: TlsError) -> RedisError {
        io::Error::new(io::ErrorKind::InvalidData, error).into()
    }

    #[test]
    fn what_tls_says_is_told_with_what_to_do() {
        for (error, wanted) in [
            (TlsError::InvalidCertificate(CertificateError::UnknownIssuer), "?ca=/path"),
            (TlsError::InvalidCertificate(CertificateError::NotValidForName), "another name"),
            (TlsError::InvalidCertificate(CertificateError::Expired), "not accepted"),
            (TlsError::InvalidMessage(InvalidMessage::InvalidContentType), "write `redis` for"),
            (TlsError::HandshakeNotComplete, "no agreement"),
        ] {
            let told = explained(&said(error), Wire::Tls).unwrap();
            assert!(matches!(&told, StoreError::Address { what } if what.contains(wanted)), "{told}");
        }
    }

    #[test]
    fn who_is_cut_off_may_speak_otherwise_than_the_server() {
        let cut = || RedisError::from(io::Error::from(io::ErrorKind::ConnectionReset));
        let hint = |wire| explained(&cut(), wire).and_then(|told| Some(told.source()?.to_string()));
        assert!(hint(Wire::Plain).unwrap().contains("write `rediss` for `redis`"));
        assert!(hint(Wire::Tls).unwrap().contains("write `redis` for `rediss`"));
        assert_eq!(hint(Wire::Socket), None);
        let refused = RedisError::from(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert!(explained(&refused, Wire::Plain).is_none());
    }
}

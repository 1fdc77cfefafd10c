//! What TLS says of a server that it does not trust, in words that say what to do.

use std::{error::Error, io};

use rustls::{CertificateError, Error as TlsError};

/// What TLS said, if an error is of its making.
pub(super) fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e TlsError> {
    error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
}

/// What is wrong with a certificate. `option` is where the file of an authority is named.
pub(super) fn told(invalid: &CertificateError, option: &str) -> String {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what else is wrong with a certificate is told as it is"
    )]
    match invalid {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!(
                "its certificate is signed by nobody who is trusted here: name the file of its authority, as in {option}"
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is called by another name than those in its certificate: {invalid}")
        }
        other => format!("its certificate is not accepted: {other}"),
    }
}

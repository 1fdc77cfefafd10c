//! Certificates of a test's own.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::{ServerError, folder::Folder};

/// The files of a server's certificate.
#[derive(Debug)]
pub(super) struct Certificate {
    /// The authority that signed it, and nothing else.
    pub(super) authority: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Has an authority that nobody else knows sign a certificate for these names and addresses.
pub(super) fn certify(names: &[String], folder: &Folder) -> Result<Certificate, ServerError> {
    let refused =
        |error: rcgen::Error| ServerError::refused("make a certificate")(std::io::Error::other(error));
    let mut authority = CertificateParams::new([]).map_err(refused)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, folder.path().display().to_string());
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().map_err(refused)?).map_err(refused)?;
    let key = KeyPair::generate().map_err(refused)?;
    let own =
        CertificateParams::new(names).and_then(|own| own.signed_by(&key, &authority)).map_err(refused)?;
    Ok(Certificate {
        authority: folder.write("authority.pem", &authority.pem())?,
        certificate: folder.write("certificate.pem", &own.pem())?,
        key: folder.write("key.pem", &key.serialize_pem())?,
    })
}

//! Certificates of a test's own.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::{
    ServerError,
    folder::{Folder, User},
};

/// A server's certificate, signed by an authority that nobody else knows. Its files are there as long as this is.
#[derive(Debug)]
pub struct Certificate(Arc<Folder>);

impl Certificate {
    /// A certificate for these names and addresses, whose key the first of these users may read that there is, who runs the
    /// server where root must not.
    ///
    /// # Errors
    ///
    /// If it cannot be made or written.
    pub fn new(names: &[&str], users: &[&str]) -> Result<Self, ServerError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Self::within(Arc::new(Folder::new(User::other_than_root(users))?), &names)
    }

    /// The same, in a server's own folder.
    pub(super) fn within(folder: Arc<Folder>, names: &[String]) -> Result<Self, ServerError> {
        let refused =
            |error: rcgen::Error| ServerError::refused("make a certificate")(std::io::Error::other(error));
        let mut authority = CertificateParams::new([]).map_err(refused)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, folder.path().display().to_string());
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().map_err(refused)?);
        let authority = authority.map_err(refused)?;
        let key = KeyPair::generate().map_err(refused)?;
        let own = CertificateParams::new(names).and_then(|own| own.signed_by(&key, &authority));
        folder.write("authority.pem", &authority.pem())?;
        folder.write("certificate.pem", &own.map_err(refused)?.pem())?;
        let key = folder.write("key.pem", &key.serialize_pem())?;
        let closed = fs::set_permissions(key, fs::Permissions::from_mode(0o600));
        closed.map_err(ServerError::refused("keep a key to its owner"))?;
        Ok(Self(folder))
    }

    /// The file of the authority.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.0.join("authority.pem")
    }

    /// The file of the certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.0.join("certificate.pem")
    }

    /// The file of its key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }
}

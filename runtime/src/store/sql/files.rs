//! The files that an address names, for saying which of them cannot be read.
//!
//! The driver reads them while it connects, and of one that it cannot read it says neither the parameter nor the name.

use std::{fs, path::PathBuf};

use percent_encoding::percent_decode_str;

/// Parameters of an address with the files that they name.
#[derive(Debug, Clone)]
pub struct Files(Vec<(&'static str, PathBuf)>);

impl Files {
    /// Those that an address names by some parameters.
    pub(in crate::store) fn of(url: &str, parameters: &[&'static str]) -> Self {
        let named = url.split_once('?').map_or("", |(_, named)| named);
        let file = |named: &str| {
            let (name, value) = named.split_once('=')?;
            let name = parameters.iter().find(|known| **known == name)?;
            // A certificate may stand in the address itself, and a key must not be told.
            let value = percent_decode_str(value).decode_utf8().ok()?;
            (!value.trim_start().starts_with("-----BEGIN")).then(|| (*name, PathBuf::from(&*value)))
        };
        Self(named.split('&').filter_map(file).collect())
    }

    /// What is wrong with the first of them that cannot be read.
    pub(in crate::store) fn unreadable(&self) -> Option<String> {
        self.0.iter().find_map(|(parameter, path)| {
            let error = fs::read(path).err()?;
            Some(format!("`{parameter}` names the file {}, which cannot be read: {error}", path.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_parameter() {
        let files = |rest: &str| Files::of(&format!("postgres://u:p@h/d{rest}"), &["ssl-ca", "ssl-key"]);
        let here = env!("CARGO_MANIFEST_DIR");
        let wrong = format!("?x=y&ssl-ca={here}/Cargo.toml&ssl-key={here}/no%20where.pem");
        let told = files(&wrong).unreadable().unwrap();
        assert!(told.starts_with(&format!("`ssl-key` names the file {here}/no where.pem, which")), "{told}");
        for fine in ["", "?ssl-mode=x", &format!("?ssl-ca={here}/Cargo.toml"), "?ssl-key=-----BEGIN%20KEY"] {
            assert_eq!(files(fine).unreadable(), None, "{fine}");
        }
    }
}

//! The name of a declared unit, kept inline so that a unit stays a small copied value.

use std::fmt;

/// The most bytes that the name of a unit may have.
const MAX_UNIT_NAME_BYTES: usize = 24;

/// The name of a unit that a policy declares.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitName {
    bytes: [u8; MAX_UNIT_NAME_BYTES],
    length: u8,
}

impl UnitName {
    /// The most bytes that a name may have.
    pub const MAX_BYTES: usize = MAX_UNIT_NAME_BYTES;

    /// A name; `None` if it is longer than [`Self::MAX_BYTES`].
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; MAX_UNIT_NAME_BYTES];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { bytes, length: u8::try_from(name.len()).ok()? })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_up_to_its_bound() {
        assert_eq!(UnitName::new("images").unwrap().as_str(), "images");
        let longest = "x".repeat(MAX_UNIT_NAME_BYTES);
        assert_eq!(UnitName::new(&longest).unwrap().to_string(), longest);
        assert_eq!(UnitName::new(&format!("{longest}x")), None);
    }
}

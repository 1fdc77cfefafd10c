//! The formats of traffic files, and which one a file is in.

use std::path::Path;
use std::str::FromStr;

/// How traffic is written down, one request a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON objects; see [`read_jsonl`](super::read_jsonl).
    Jsonl,
    /// The combined log format; see [`read_combined`](super::read_combined).
    Combined,
}

/// Why a file cannot be read as traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Comma-separated values.
    #[error("CSV is not supported yet: use JSON lines, or the combined log format")]
    Csv,
    /// One JSON array of all requests.
    #[error("a JSON array: write one object a line")]
    JsonArray,
    /// Compressed data.
    #[error("compressed: decompress it first, for example `zcat FILE | rlc simulate … --traffic -`")]
    Compressed,
    /// No name of a format.
    #[error("no such format: use `jsonl` or `combined`")]
    Unknown,
}

impl Format {
    /// The format of a file by its name, else by how it begins. A `.log` may be either.
    ///
    /// # Errors
    ///
    /// [`FormatError`] for what is recognised, but not read.
    pub fn detect(path: Option<&Path>, beginning: &[u8]) -> Result<Self, FormatError> {
        // The magic numbers of gzip (RFC 1952) and Zstandard (RFC 8878).
        if beginning.starts_with(&[0x1f, 0x8b]) || beginning.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            return Err(FormatError::Compressed);
        }
        let extension = path.and_then(Path::extension).and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("jsonl" | "ndjson") => return Ok(Self::Jsonl),
            Some("csv") => return Err(FormatError::Csv),
            _ => {}
        }
        let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
        match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Ok(Self::Jsonl),
            Some(b'[') => Err(FormatError::JsonArray),
            _ => Ok(Self::Combined),
        }
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        match name {
            "jsonl" => Ok(Self::Jsonl),
            "combined" => Ok(Self::Combined),
            "csv" => Err(FormatError::Csv),
            _ => Err(FormatError::Unknown),
        }
    }
}

//! Traffic files: opened safely, so that a read never blocks and can be done again.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::format::{Format, FormatError};

/// The most bytes of traffic that are taken from the standard input: it is kept in a temporary file, to be sorted.
pub const MAX_SPOOL_BYTES: u64 = 16 << 30;

/// How much of a file is looked at to tell its format.
const BEGINNING_BYTES: u64 = 4096;

/// A file of recorded traffic that can be read more than once.
#[derive(Debug)]
pub struct TrafficFile {
    pub(super) file: File,
    /// How long it was when opened; what is appended later is left out.
    pub(super) size: u64,
    path: Option<PathBuf>,
}

/// Why traffic could not be read. Lines that are skipped are no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrafficError {
    /// The file could not be opened or read.
    #[error("cannot read the traffic")]
    Io(#[from] io::Error),
    /// The path names something else than a file.
    #[error("`{}` is {what}, not a regular file{}", path.display(), hint(what))]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The standard input has more than [`MAX_SPOOL_BYTES`].
    #[error("more than {} GiB on the standard input: write it to a file", MAX_SPOOL_BYTES >> 30)]
    InputTooLarge,
    /// The format is not one that can be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The records are not in the order of time, and more than can be sorted in memory.
    #[error(
        "line {line} is earlier than the one before it, and more than {} records cannot be sorted here: \
         sort the file by time first",
        super::MAX_SORTED_RECORDS
    )]
    TooManyToSort {
        /// The first line that goes back in time.
        line: u64,
    },
    /// The file changed while it was read for the second time.
    #[error("the file changed while it was read, at line {line}")]
    Changed {
        /// The line that is another now.
        line: u64,
    },
}

/// What to do instead of naming a pipe.
fn hint(what: &str) -> &'static str {
    if what == "a pipe" { " (give `-` and pipe it to the standard input)" } else { "" }
}

impl TrafficFile {
    /// Opens the file of this path, or the standard input if it is `-`.
    ///
    /// # Errors
    ///
    /// [`TrafficError::NotAFile`] for directories, pipes and devices, which may block or never end;
    /// [`TrafficError::InputTooLarge`]; [`TrafficError::Io`].
    pub fn open(path: &Path) -> Result<Self, TrafficError> {
        if path == Path::new("-") {
            return Self::spool(io::stdin().lock());
        }
        // Before opening: to open a pipe waits for its writer. And after, of the very file that was opened.
        check_kind(path, fs::metadata(path)?.file_type())?;
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        check_kind(path, metadata.file_type())?;
        Ok(Self { file, size: metadata.len(), path: Some(path.into()) })
    }

    /// Takes traffic from a stream into an unnamed temporary file.
    ///
    /// # Errors
    ///
    /// [`TrafficError::InputTooLarge`] past [`MAX_SPOOL_BYTES`]; [`TrafficError::Io`].
    pub fn spool(stream: impl Read) -> Result<Self, TrafficError> {
        Self::spool_at_most(stream, MAX_SPOOL_BYTES)
    }

    fn spool_at_most(stream: impl Read, max: u64) -> Result<Self, TrafficError> {
        let mut file = tempfile::tempfile()?;
        let size = io::copy(&mut stream.take(max.saturating_add(1)), &mut file)?;
        if size > max {
            return Err(TrafficError::InputTooLarge);
        }
        file.flush()?;
        Ok(Self { file, size, path: None })
    }

    /// The size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The format, by the file's name or how it begins.
    ///
    /// # Errors
    ///
    /// [`TrafficError::Format`] for a format that is not read; [`TrafficError::Io`].
    pub fn format(&mut self) -> Result<Format, TrafficError> {
        let mut beginning = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file).take(BEGINNING_BYTES).read_to_end(&mut beginning)?;
        Ok(Format::detect(self.path.as_deref(), &beginning)?)
    }
}

fn check_kind(path: &Path, kind: fs::FileType) -> Result<(), TrafficError> {
    if kind.is_file() {
        return Ok(());
    }
    let what = if kind.is_dir() { "a directory" } else { special(kind) };
    Err(TrafficError::NotAFile { path: path.into(), what })
}

#[cfg(unix)]
fn special(kind: fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: fs::FileType) -> &'static str {
    "a device"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_past_the_bound_is_refused() {
        assert!(matches!(TrafficFile::spool_at_most(&b"abcd"[..], 3), Err(TrafficError::InputTooLarge)));
        assert_eq!(TrafficFile::spool_at_most(&b"abc"[..], 3).expect("in bounds").size(), 3);
    }
}

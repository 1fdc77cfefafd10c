//! Files named on the command line, read safely: regular files of a bounded size, or `-` for the standard input.

mod find;

use std::{
    fs::{self, File, FileType},
    io::{self, Read},
    path::Path,
};

use crate::escape;

pub(crate) use find::{closest, find};

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The path names something that has no end, or no content.
    #[error("cannot read {name}: it is {what}{}", if *.stream { "; write `-` for the standard input" } else { "" })]
    NotAFile {
        /// The path.
        name: String,
        /// What it is.
        what: &'static str,
        /// Whether the standard input may have been meant.
        stream: bool,
    },
    /// Nothing has this path.
    #[error("cannot read {name}: there is no such file{}", did_you_mean(.nearest.as_deref()))]
    Missing {
        /// The path.
        name: String,
        /// A neighbour of a similar name.
        nearest: Option<String>,
    },
    /// A directory holds no policy.
    #[error("no policies in {name}: none of its files ends in .rl")]
    NoPolicies {
        /// The path.
        name: String,
    },
    /// There is more to read than is read.
    #[error("cannot read {name}: it is longer than {} MiB, which is the most that is read", .most >> 20)]
    TooLong {
        /// The path.
        name: String,
        /// The bound, in bytes.
        most: usize,
    },
    /// The system refused.
    #[error("cannot read {name}: {}", reason(.source))]
    Io {
        /// The path.
        name: String,
        /// Why.
        source: io::Error,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"))
}

/// What an error of the system means, in its words: they begin in lower case here, and have no number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let words = match (error.raw_os_error(), text.rsplit_once(" (os error ")) {
        (Some(_), Some((words, _))) => words,
        _ => text.as_str(),
    };
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// Whether the standard input is meant.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The error for a path that nothing has.
pub(crate) fn missing(path: &Path) -> SourceError {
    SourceError::Missing { name: escape::path(path), nearest: find::nearest(path) }
}

/// Reads a file of at most `most` bytes; `-` is the standard input.
///
/// Never waits for a writer: what is not a regular file is refused before it is opened.
pub(crate) fn read(path: &Path, most: usize) -> Result<Vec<u8>, SourceError> {
    let name = || escape::path(path);
    let io = |source| SourceError::Io { name: name(), source };
    if is_stdin(path) {
        return read_bounded(io::stdin().lock(), most)
            .map_err(io)?
            .ok_or_else(|| SourceError::TooLong { name: name(), most });
    }
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(missing(path));
        }
        Err(error) => return Err(io(error)),
    };
    if !metadata.is_file() {
        let (what, stream) = kind(metadata.file_type());
        return Err(SourceError::NotAFile { name: name(), what, stream });
    }
    let file = File::open(path).map_err(io)?;
    read_bounded(file, most).map_err(io)?.ok_or_else(|| SourceError::TooLong { name: name(), most })
}

/// Reads all there is, unless it is more than `most`.
fn read_bounded(reader: impl Read, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// What a path names, and whether it is something that data flows through.
pub(crate) fn kind(kind: FileType) -> (&'static str, bool) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return ("a pipe", true);
        }
        if kind.is_socket() {
            return ("a socket", false);
        }
        if kind.is_char_device() || kind.is_block_device() {
            return ("a device", false);
        }
    }
    if kind.is_dir() { ("a directory", false) } else { ("not a regular file", false) }
}

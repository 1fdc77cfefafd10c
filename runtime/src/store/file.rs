//! What a store keeps, in a file: so that a restart need not forgive everyone.
//!
//! A file is written beside the old one and takes its place when it is complete and on the disk, so that there is always one
//! that is whole. It has a checksum, and one that is torn, damaged or of another kind is refused as a whole. The secret under
//! which keys are hashed is in it, because without it no counter would be found again: keep the file as the policy is kept.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use limitrate_core::{key::CounterKey, time::Timestamp};
use xxhash_rust::xxh3::Xxh3;

use super::{Damaged, Entry, Kept, LocalStore};

/// What every file begins with.
const MAGIC: &[u8; 8] = b"LRstate\0";

/// The layout that is written, and the newest one that is read.
pub const LAYOUT: u32 = 1;

/// No entry is longer: a sliding log at its bound is less than half of it.
const MAX_ENTRY_BYTES: u32 = 8 * 1024 * 1024;

/// Why a file was not written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system did not let it.
    #[error("{} cannot be {done}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was to be done: `read` or `written`.
        done: &'static str,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// It is no file of counters.
    #[error("{} is no file of counters", path.display())]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// A newer version wrote it.
    #[error("{} has layout {found}, and this version knows no layout after {LAYOUT}: update LimitRate", path.display())]
    NewerLayout {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: u32,
    },
    /// It ends too soon, or is not what was written. Nothing of it was taken over.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What shows it.
        what: String,
    },
}

/// What a file of counters has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The secret under which the keys were hashed: for [`LimiterOptions::secret`](crate::LimiterOptions::secret).
    pub secret: u64,
    /// The instant at which it was written.
    pub at: Timestamp,
    /// What was kept.
    pub kept: Vec<Kept>,
}

impl Saved {
    /// What a store keeps at an instant; `secret` is the one under which its keys are hashed.
    #[must_use]
    pub fn of(store: &(impl LocalStore + ?Sized), secret: u64, now: Timestamp) -> Self {
        let mut kept = Vec::new();
        store.snapshot(now, &mut |entry| kept.push(entry));
        Self { secret, at: now, kept }
    }

    /// Writes it to a file, which it replaces as a whole.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`]; an older file is then as it was.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        let written = |cause| FileError::Io { path: path.to_owned(), done: "written", cause };
        let beside = beside(path);
        let result = self.write_new(&beside).and_then(|()| fs::rename(&beside, path));
        if result.is_err() {
            // It may not have been made.
            let _ = fs::remove_file(&beside);
        }
        result.map_err(written)?;
        sync_folder(path).map_err(written)
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let mut options = File::options();
        options.write(true).create_new(true);
        // It has the secret that keys are hashed under.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let mut out = Hashing { inner: BufWriter::new(file), hash: Xxh3::new() };
        out.write_all(MAGIC)?;
        out.write_all(&LAYOUT.to_le_bytes())?;
        out.write_all(&self.secret.to_le_bytes())?;
        out.write_all(&self.at.0.to_le_bytes())?;
        out.write_all(&(self.kept.len() as u64).to_le_bytes())?;
        let mut bytes = Vec::new();
        for Kept { key, entry, idle_at } in &self.kept {
            bytes.clear();
            entry.encode(&mut bytes);
            out.write_all(&key.0.to_le_bytes())?;
            out.write_all(&idle_at.0.to_le_bytes())?;
            out.write_all(&u32::try_from(bytes.len()).map_err(io::Error::other)?.to_le_bytes())?;
            out.write_all(&bytes)?;
        }
        let Hashing { mut inner, hash } = out;
        inner.write_all(&hash.digest128().to_le_bytes())?;
        inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`FileError`]; nothing is ever read in part.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let file =
            File::open(path).map_err(|cause| FileError::Io { path: path.to_owned(), done: "read", cause })?;
        let mut from = Hashing { inner: BufReader::new(file), hash: Xxh3::new() };
        read(&mut from).map_err(|wrong| wrong.of(path))
    }

    /// Keeps it in a store, where nothing is kept yet under the same keys. How many entries were; the others are idle by now,
    /// or found no room.
    pub fn restore(self, store: &(impl LocalStore + ?Sized), now: Timestamp) -> usize {
        store.restore(now, self.kept)
    }
}

/// What is wrong with a file.
enum Wrong {
    Io(io::Error),
    Other,
    Newer(u32),
    Damaged(String),
}

impl Wrong {
    fn of(self, path: &Path) -> FileError {
        let path = path.to_owned();
        match self {
            Self::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                FileError::Damaged { path, what: "it ends too soon".to_owned() }
            }
            Self::Io(cause) => FileError::Io { path, done: "read", cause },
            Self::Other => FileError::Other { path },
            Self::Newer(found) => FileError::NewerLayout { path, found },
            Self::Damaged(what) => FileError::Damaged { path, what },
        }
    }
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Damaged> for Wrong {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged.to_string())
    }
}

fn read(from: &mut Hashing<impl Read>) -> Result<Saved, Wrong> {
    if from.array::<8>().is_ok_and(|magic| magic == *MAGIC) {
        let layout = u32::from_le_bytes(from.array()?);
        if layout > LAYOUT {
            return Err(Wrong::Newer(layout));
        }
    } else {
        return Err(Wrong::Other);
    }
    let secret = u64::from_le_bytes(from.array()?);
    let at = Timestamp(i64::from_le_bytes(from.array()?));
    let count = u64::from_le_bytes(from.array()?);
    let (mut kept, mut bytes) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let key = CounterKey(u128::from_le_bytes(from.array()?));
        let idle_at = Timestamp(i64::from_le_bytes(from.array()?));
        let length = u32::from_le_bytes(from.array()?);
        if length > MAX_ENTRY_BYTES {
            return Err(Wrong::Damaged(format!("an entry of {length} bytes")));
        }
        bytes.resize(length as usize, 0);
        from.fill(&mut bytes)?;
        kept.push(Kept { key, entry: Entry::decode(&bytes)?, idle_at });
    }
    let expected = from.hash.digest128();
    if u128::from_le_bytes(from.array()?) != expected {
        return Err(Wrong::Damaged("its checksum is not that of what it says".to_owned()));
    }
    if from.inner.read(&mut [0])? != 0 {
        return Err(Wrong::Damaged("it goes on after its end".to_owned()));
    }
    Ok(Saved { secret, at, kept })
}

/// What passes through is hashed.
struct Hashing<T> {
    inner: T,
    hash: Xxh3,
}

impl<W: Write> Hashing<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl<R: Read> Hashing<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// How many files this process has begun to write: two at once are not one.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Where a file is written before it takes its place: in the same folder, so that it can.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{}.{number}.new", std::process::id()));
    path.with_file_name(name)
}

/// Has the folder know the file by its name even if the machine stops now.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

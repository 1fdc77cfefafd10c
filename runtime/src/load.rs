//! Policies and modules from files: `a.b.c` is `a/b/c.rl` below the folder where the names of a policy's modules begin.
//!
//! That folder is the policy's own, or above it by as many as its `module` line says: of `platform/base.rl`, which calls
//! itself `platform.base`, it is the one that `platform` is in. Nothing outside of it is read, whatever links say, and
//! nothing that changes while it is read. The compiler does no I/O; this is where it is done for it.

mod steady;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File, FileType},
    io,
    path::{Component, Path, PathBuf},
};

use limitrate_compiler::{
    Accepted, Engine, Rejected,
    grammar::MAX_SOURCE_BYTES,
    pipeline::compile_with,
    source::{LoadError, Loaded, Loader, STANDARD, StandardLibrary},
};

use steady::{Unsteady, read_steadily};

/// The extension of policies and modules.
const EXTENSION: &str = "rl";

/// At most so many files are looked at for suggestions, and so many folders deep.
const MAX_LISTED: usize = 1_000;
const MAX_DEPTH: usize = 8;

/// Loads the modules of one policy from the files around it; those of the standard library are built in.
///
/// ```
/// use limitrate_runtime::load::FileLoader;
///
/// // `use shared.nets` in this policy is the file `limits/shared/nets.rl`.
/// let loader = FileLoader::beside("limits/api.rl");
/// # let _ = loader;
/// ```
#[derive(Debug, Clone)]
pub struct FileLoader {
    /// The policy's file; `None` where it comes from elsewhere.
    policy: Option<PathBuf>,
    folder: PathBuf,
}

impl FileLoader {
    /// For the policy in this file.
    #[must_use]
    pub fn beside(policy: impl Into<PathBuf>) -> Self {
        let policy = policy.into();
        let folder = policy.parent().map(Path::to_path_buf).unwrap_or_default();
        Self { policy: Some(policy), folder }
    }

    /// For a policy that is in no file, whose modules are in `folder`.
    #[must_use]
    pub fn of_folder(folder: impl Into<PathBuf>) -> Self {
        Self { policy: None, folder: folder.into() }
    }

    /// The folder where the names of modules begin, as seen from the working directory.
    fn root(&self, home: Option<&str>) -> PathBuf {
        let above = match (&self.policy, home) {
            (Some(_), Some(home)) => home.matches('.').count(),
            _ => 0,
        };
        let mut root = self.folder.clone();
        for _ in 0..above {
            match root.components().next_back() {
                Some(Component::Normal(_)) => {
                    root.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                Some(Component::CurDir | Component::ParentDir) | None => root.push(".."),
            }
        }
        root
    }

    /// The file that a module would be in, whether it is there or not; `None` for modules that are in no file.
    #[cfg(feature = "reload")]
    pub(crate) fn path(&self, module: &str, home: Option<&str>) -> Option<PathBuf> {
        (!module.starts_with(STANDARD)).then(|| Some(self.root(home).join(path_of(module)?))).flatten()
    }

    fn file(&self, module: &str, home: Option<&str>) -> Result<Loaded, LoadError> {
        let below = path_of(module).ok_or(LoadError::NotFound)?;
        let root = self.root(home);
        let path = root.join(&below);
        let shown = shown(&path);
        let refused = |error: io::Error| unreadable(&shown, &error);
        match fs::symlink_metadata(&path) {
            Ok(_) => {}
            Err(error) if is_absence(&error) => return Err(LoadError::NotFound),
            Err(error) => return Err(refused(error)),
        }
        let root = fs::canonicalize(or_here(&root)).map_err(refused)?;
        let real = fs::canonicalize(&path).map_err(refused)?;
        let Ok(place) = real.strip_prefix(&root) else { return Err(LoadError::OutsideRoot { shown }) };
        if place != below && place.to_string_lossy().eq_ignore_ascii_case(&below.to_string_lossy()) {
            let name = real.file_name().map(|name| name.to_string_lossy().into_owned());
            return Err(LoadError::OtherSpelling { shown: name.unwrap_or_default() });
        }
        let bytes = read(&real, &shown)?;
        Ok(Loaded { bytes, shown, identity: real.to_string_lossy().into_owned() })
    }
}

impl Loader for FileLoader {
    fn load(&self, module: &str, home: Option<&str>) -> Result<Loaded, LoadError> {
        if module.starts_with(STANDARD) {
            return StandardLibrary.load(module, home);
        }
        self.file(module, home)
    }

    fn names(&self, home: Option<&str>) -> Vec<String> {
        let mut found = BTreeSet::new();
        let mut left = MAX_LISTED;
        list(&self.root(home), "", MAX_DEPTH, &mut left, &mut found);
        let own = home.map(str::to_owned).or_else(|| {
            let stem = self.policy.as_deref()?.file_stem()?;
            Some(stem.to_string_lossy().into_owned())
        });
        found.retain(|name| Some(name) != own.as_ref());
        let mut names = StandardLibrary.names(home);
        names.extend(found);
        names
    }

    fn place(&self, home: &str) -> Result<(), LoadError> {
        let Some(policy) = &self.policy else { return Ok(()) };
        let expected = path_of(home).unwrap_or_default();
        let absolute = std::path::absolute(policy).unwrap_or_else(|_| policy.clone());
        let is_there = !expected.as_os_str().is_empty() && absolute.ends_with(&expected);
        if is_there { Ok(()) } else { Err(LoadError::Misplaced { expected: shown(&expected) }) }
    }
}

/// Why a policy was not compiled from its file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file was not read.
    #[error(transparent)]
    Load(LoadError),
    /// The policy does not compile.
    #[error("the policy does not compile")]
    Rejected(Box<Rejected>),
}

/// Compiles the policy in a file with the modules around it.
///
/// # Errors
///
/// [`FileError::Load`] if the file cannot be read, [`FileError::Rejected`] with all that is wrong with the policy.
pub fn compile_file(path: impl AsRef<Path>, engine: Engine) -> Result<Accepted, FileError> {
    let path = path.as_ref();
    let shown = shown(path);
    let bytes = read(path, &shown).map_err(FileError::Load)?;
    compile_with(&shown, &bytes, engine, &FileLoader::beside(path)).map_err(FileError::Rejected)
}

/// The text of a policy's file.
#[cfg(feature = "reload")]
pub(crate) fn read_policy(path: &Path) -> Result<Vec<u8>, LoadError> {
    read(path, &shown(path))
}

/// The text of a regular file that stays as it is while it is read.
fn read(path: &Path, shown: &str) -> Result<Vec<u8>, LoadError> {
    let refused = |error: io::Error| match is_absence(&error) {
        true => LoadError::NotFound,
        false => unreadable(shown, &error),
    };
    // Never waits for a writer: what is not a regular file is refused before it is opened.
    let metadata = fs::metadata(path).map_err(refused)?;
    if !metadata.is_file() {
        return Err(LoadError::NotAFile { shown: shown.to_owned(), what: kind(metadata.file_type()) });
    }
    let mut file = File::open(path).map_err(refused)?;
    let stamp = |file: &mut File| file.metadata().map(|data| (data.len(), data.modified().ok()));
    read_steadily(&mut file, stamp, MAX_SOURCE_BYTES).map_err(|unsteady| match unsteady {
        Unsteady::Io(error) => refused(error),
        Unsteady::Changed => LoadError::Changed { shown: shown.to_owned() },
        Unsteady::TooLong => LoadError::TooLong { shown: shown.to_owned(), most: MAX_SOURCE_BYTES },
    })
}

/// `a.b.c` to `a/b/c.rl`; `None` for what is no module's name, and so never for anything that leads elsewhere.
fn path_of(module: &str) -> Option<PathBuf> {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let parts: Vec<&str> = module.split('.').collect();
    parts.iter().all(|part| is_part(part)).then(|| {
        let path: PathBuf = parts.iter().collect();
        path.with_extension(EXTENSION)
    })
}

/// Adds the modules in `folder`, whose names begin with `prefix`.
fn list(folder: &Path, prefix: &str, depth: usize, left: &mut usize, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(or_here(folder)) else { return };
    for entry in entries.flatten() {
        let Some(next) = left.checked_sub(1) else { return };
        *left = next;
        let path = entry.path();
        let name = path.file_stem().map(|stem| format!("{prefix}{}", stem.to_string_lossy()));
        let Some(name) = name.filter(|name| path_of(name).is_some()) else { continue };
        if path.extension() == Some(OsStr::new(EXTENSION)) {
            found.insert(name);
        } else if let (Some(depth), true) =
            (depth.checked_sub(1), entry.file_type().is_ok_and(|t| t.is_dir()))
        {
            list(&path, &format!("{name}."), depth, left, found);
        }
    }
}

/// The working directory where a path is empty.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// A path as diagnostics show it: with slashes everywhere.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn unreadable(shown: &str, error: &io::Error) -> LoadError {
    LoadError::Unreadable { shown: shown.to_owned(), reason: error.kind().to_string() }
}

/// What a path names that is no regular file.
fn kind(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a directory" } else { "no regular file" }
}

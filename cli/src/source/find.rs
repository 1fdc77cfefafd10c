//! Which policies a list of paths names.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{escape, exit::Exit, source::SourceError, ui::Ui};

/// The extension of policies.
const EXTENSION: &str = "rl";

/// Directories are searched so many levels deep.
const MAX_DEPTH: usize = 64;

/// A neighbour's name must be so like the one given to be suggested; 1 is the same.
const LIKENESS: f32 = 0.6;

/// At most so many neighbours are looked at for a suggestion.
const MAX_NEIGHBOURS: usize = 1000;

/// The files that `paths` name: files by themselves, directories for the policies below them, in order, each once,
/// under the first of its spellings.
///
/// What cannot be searched is reported, and the rest is still found. Hidden directories and links to directories are
/// left out.
pub(crate) fn find(paths: &[PathBuf], ui: &mut Ui) -> (Vec<PathBuf>, Exit) {
    let mut exit = Exit::Fine;
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for path in paths {
        let mut below = Vec::new();
        if path.is_dir() {
            let searched = search(path, MAX_DEPTH, &mut below);
            if let Err(error) = searched.and_then(|()| some(path, &below)) {
                ui.error(error);
                exit = Exit::Usage;
            }
        } else {
            below.push(path.clone());
        }
        let shown =
            below.into_iter().map(|path| path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path));
        found.extend(
            shown.filter(|path| seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone()))),
        );
    }
    (found, exit)
}

fn some(path: &Path, below: &[PathBuf]) -> Result<(), SourceError> {
    if below.is_empty() { Err(SourceError::NoPolicies { name: escape::path(path) }) } else { Ok(()) }
}

/// Adds the policies below a directory, a directory's own files before those of the directories in it.
fn search(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let io = |source| SourceError::Io { name: escape::path(directory), source };
    let mut directories = BTreeSet::new();
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        let path = entry.path();
        if entry.file_type().map_err(io)?.is_dir() {
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                directories.insert(path);
            }
        } else if path.extension() == Some(OsStr::new(EXTENSION)) {
            files.insert(path);
        }
    }
    found.extend(files);
    let Some(depth) = depth.checked_sub(1) else {
        return if directories.is_empty() {
            Ok(())
        } else {
            Err(io(io::Error::other("directories nest too deeply")))
        };
    };
    directories.iter().try_for_each(|below| search(below, depth, found))
}

/// A neighbour whose name is like that of a path that does not exist.
pub(super) fn nearest(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = fs::read_dir(directory.unwrap_or(Path::new("."))).ok()?;
    let names: BTreeSet<String> =
        entries.take(MAX_NEIGHBOURS).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    // The name itself is there where a link leads nowhere.
    let nearest = closest(name, names.iter().map(String::as_str).filter(|other| *other != name))?;
    Some(escape::path(&directory.map_or_else(|| PathBuf::from(nearest), |parent| parent.join(nearest))))
}

/// The candidate most like `name`, if one is like it at all.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    similar::get_close_matches(name, &candidates, 1, LIKENESS).first().copied()
}

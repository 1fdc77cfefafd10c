//! The file that decisions are written to: never one that is read, and nothing that could keep the writer waiting.

use std::{
    fs::{self, FileType, Metadata, OpenOptions},
    io,
    path::Path,
};

use limitrate_testkit::simulate::Rewind;

use crate::{escape, source};

/// Swallows what is written to it.
const NULL_DEVICE: &str = "/dev/null";

/// Opens the file for decisions, unless it is one of those in `read`, and empties it.
///
/// # Errors
///
/// Why it cannot be written, in words. It is as it was then.
pub(super) fn create(path: &Path, read: &[&Path]) -> Result<Box<dyn Rewind>, String> {
    let name = escape::path(path);
    let cannot = |error: &io::Error| format!("cannot write {name}: {}", source::reason(error));
    let check = |metadata: &Metadata| {
        writable(metadata.file_type()).map_err(|what| format!("cannot write {name}: it is {what}"))?;
        let taken = read.iter().any(|read| is_same(path, metadata, read));
        let reason = || format!("{name} is read here: write the decisions to another file");
        if taken { Err(reason()) } else { Ok(()) }
    };
    if source::is_stdin(path) {
        return Err("--decisions wants a file: the standard output has the summary".to_owned());
    }
    if path == Path::new(NULL_DEVICE) {
        return Ok(Box::new(io::sink()));
    }
    // Before opening: to open a pipe waits for its reader. And after, of the very file that was opened.
    match fs::metadata(path) {
        Ok(metadata) => check(&metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(&error)),
    }
    let open = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = open.map_err(|error| cannot(&error))?;
    check(&file.metadata().map_err(|error| cannot(&error))?)?;
    file.set_len(0).map_err(|error| cannot(&error))?;
    Ok(Box::new(file))
}

fn writable(kind: FileType) -> Result<(), &'static str> {
    if kind.is_file() { Ok(()) } else { Err(source::kind(kind).0) }
}

/// Whether `read` is the file at `path`, by whatever name.
#[cfg(unix)]
fn is_same(_: &Path, metadata: &Metadata, read: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let read = if source::is_stdin(read) { of_stdin() } else { fs::metadata(read) };
    read.is_ok_and(|read| (read.dev(), read.ino()) == (metadata.dev(), metadata.ino()))
}

/// What the standard input comes from.
#[cfg(unix)]
fn of_stdin() -> io::Result<Metadata> {
    use std::os::fd::AsFd as _;
    fs::File::from(io::stdin().as_fd().try_clone_to_owned()?).metadata()
}

/// Whether `read` is the file at `path`, by its canonical name.
#[cfg(not(unix))]
fn is_same(path: &Path, _: &Metadata, read: &Path) -> bool {
    let real = path.canonicalize().ok();
    real.is_some() && read.canonicalize().ok() == real
}

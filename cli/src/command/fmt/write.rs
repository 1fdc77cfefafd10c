//! Replaces the content of a file at once: whoever reads it sees the old text or the new one, and a crash leaves one of
//! them.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// So many names are tried for the temporary file.
const MAX_ATTEMPTS: u32 = 100;

/// Replaces what `path` holds, or what it links to. Permissions stay, and the owner where the system allows it.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let metadata = fs::metadata(&target)?;
    if metadata.permissions().readonly() {
        return Err(io::Error::other("it is read-only"));
    }
    let (mut file, temporary) = create_beside(&target)?;
    let written = fill(&mut file, content, &metadata).and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A new file in the directory of `target`, so that it can take its place.
fn create_beside(target: &Path) -> io::Result<(File, PathBuf)> {
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for attempt in 0..MAX_ATTEMPTS {
        let path = target.with_file_name(format!(".{name}.{}-{attempt}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many temporary files beside it"))
}

fn fill(file: &mut File, content: &[u8], metadata: &Metadata) -> io::Result<()> {
    file.write_all(content)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        // Only a privileged user may keep another owner.
        let _ = fchown(&*file, Some(metadata.uid()), Some(metadata.gid()));
    }
    file.set_permissions(metadata.permissions())?;
    file.sync_all()
}

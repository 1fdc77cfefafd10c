//! Folders of data that a server's own installer made once, and that each server begins with a copy of.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{
    ServerError,
    folder::{Folder, User},
};

/// The folder of that name beside the tests' binary. If it is not there, `install` makes one in the folder it is given.
pub(super) fn template(
    name: &str,
    scratch: &Folder,
    install: impl FnOnce(&Folder) -> Result<PathBuf, ServerError>,
) -> Result<PathBuf, ServerError> {
    let program = env::current_exe().map_err(ServerError::refused("find the tests' binary"))?;
    let kept = program.with_file_name(name);
    if kept.is_dir() {
        return Ok(kept);
    }
    let made = install(scratch)?;
    // It is never seen in part, and where two make it, one is kept.
    let unfinished = program.with_file_name(format!("{name}.{}", std::process::id()));
    if copy(&made, &unfinished, None).is_ok() && fs::rename(&unfinished, &kept).is_ok() {
        return Ok(kept);
    }
    let _ = fs::remove_dir_all(&unfinished);
    Ok(made)
}

/// Copies a folder or a file, for a user.
pub(super) fn copy(from: &Path, to: &Path, user: Option<User>) -> Result<(), ServerError> {
    let refused = || ServerError::refused(format!("copy {}", from.display()));
    if from.is_dir() {
        fs::create_dir(to).map_err(refused())?;
        for entry in fs::read_dir(from).map_err(refused())? {
            let entry = entry.map_err(refused())?;
            copy(&entry.path(), &to.join(entry.file_name()), user)?;
        }
        let mode = fs::metadata(from).map_err(refused())?.permissions();
        fs::set_permissions(to, mode).map_err(refused())?;
    } else {
        fs::copy(from, to).map_err(refused())?;
    }
    user.map_or(Ok(()), |user| user.own(to))
}

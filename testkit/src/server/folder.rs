//! Temporary folders, and the user who may write to them.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{ServerError, guardian, template::copy};

/// Somebody who is not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// Whom a server is to be run by: nobody else if we are not root, else the first of these users that there is.
    pub(super) fn other_than_root(names: &[&str]) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        names.iter().find_map(|name| {
            let line = users.lines().find(|line| line.split(':').next() == Some(*name))?;
            let mut fields = line.split(':').skip(2);
            Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        })
    }

    /// Gives a file or folder to the user.
    pub(super) fn own(self, path: &Path) -> Result<(), ServerError> {
        let given = chown(path, Some(self.uid), Some(self.gid));
        given.map_err(ServerError::refused(format!("give {} away", path.display())))
    }
}

/// A folder that is removed with its last user.
#[derive(Debug)]
pub(super) struct Folder {
    folder: TempDir,
    user: Option<User>,
}

impl Folder {
    pub(super) fn new(user: Option<User>) -> Result<Self, ServerError> {
        let made = tempfile::Builder::new().prefix("limitrate-").tempdir();
        let folder = made.map_err(ServerError::refused("make a temporary folder"))?;
        guardian::folder(folder.path());
        user.map_or(Ok(()), |user| user.own(folder.path()))?;
        Ok(Self { folder, user })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn join(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path().join(name.as_ref())
    }

    /// A command that is run here, by the folder's user.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).env("HOME", self.path()).env("TMPDIR", self.path());
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Writes a file for the folder's user.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<PathBuf, ServerError> {
        let path = self.join(name);
        fs::write(&path, content).map_err(ServerError::refused("write a file of a server"))?;
        self.user.map_or(Ok(()), |user| user.own(&path))?;
        Ok(path)
    }

    /// Copies a folder into this one, for its user.
    pub(super) fn copy_in(&self, from: &Path, name: &str) -> Result<PathBuf, ServerError> {
        let path = self.join(name);
        copy(from, &path, self.user)?;
        Ok(path)
    }
}

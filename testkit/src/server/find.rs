//! Where the binaries of servers are, and what is said where they are not.

use std::{
    env,
    error::Error as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::ServerError;

/// A program that is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("needs {what} (apt-get install {package})")]
pub struct Missing {
    /// The program.
    pub what: &'static str,
    /// The Debian package that brings it.
    pub package: &'static str,
}

/// Finds a program in `PATH`, or where Debian puts what is not for everybody.
pub(super) fn find(what: &'static str, package: &'static str) -> Result<PathBuf, Missing> {
    let named = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&named).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    // Of PostgreSQL, every version has a folder of its own. Its programs want to be found beside each other.
    let mut versions = entries(Path::new("/usr/lib/postgresql"));
    versions.sort_by_key(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.parse::<u32>().ok())
    });
    folders.splice(0..0, versions.into_iter().rev().map(|version| version.join("bin")));
    let found = folders.into_iter().map(|folder| folder.join(what)).find(|path| path.is_file());
    found.ok_or(Missing { what, package })
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// The server, or nothing where it is not installed: that is said on the standard error, past the capture of tests. Where
/// the environment has `CI`, nothing may be missing.
///
/// ```no_run
/// use limitrate_testkit::server::{Redis, RedisOptions, or_skip};
///
/// let Some(redis) = or_skip(Redis::start(&RedisOptions::default())) else { return };
/// # drop(redis);
/// ```
///
/// # Panics
///
/// If the server is installed and does not run, or is missing in CI.
#[expect(clippy::panic, reason = "a test cannot go on")]
pub fn or_skip<T>(started: Result<T, ServerError>) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(ServerError::Missing(missing)) if env::var_os("CI").is_none() => {
            // Where nobody hears it, nothing can be said.
            let _ = writeln!(io::stderr(), "SKIPPED: {missing}");
            None
        }
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            panic!("{error}{cause}");
        }
    }
}

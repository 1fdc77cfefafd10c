//! What SQLite says went wrong, as what it means for a call.

use std::{path::Path, sync::Arc};

use rusqlite::{ErrorCode, ffi};

use crate::store::{Damaged, StoreError};

/// The codes of a failed flush to the disk: what was to be flushed may be there or not.
const FLUSH_FAILED: [i32; 2] = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];

/// Why the file did not do what it was asked. Told to all who waited for it.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// SQLite refused.
    Sql(Arc<rusqlite::Error>),
    /// A row is not what we write.
    Damaged(Damaged),
    /// The file is not what we lay out.
    Foreign(&'static str),
    /// A newer version laid it out: found, and known.
    Newer(u32, u32),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(Arc::new(error))
    }
}

impl From<Damaged> for Fault {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

impl Fault {
    fn code(&self) -> Option<ErrorCode> {
        if let Self::Sql(error) = self { error.sqlite_error_code() } else { None }
    }

    /// Whether another process was in the way.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// SQLite would open the file all the same, and refuse later.
    pub(super) fn read_only() -> Self {
        rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY), None).into()
    }

    /// Whether there is no room to write. What is not yet in its place takes room too.
    pub(super) fn is_of_room(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
    }

    /// Whether only what some calls ask for is damaged, so that others may do.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Sql(error) => {
                self.code() == Some(ErrorCode::DatabaseCorrupt) || error.sqlite_error_code().is_none()
            }
            Self::Foreign(_) | Self::Newer(..) => false,
        }
    }

    /// What it means for a call.
    pub(super) fn error(&self, path: &Path) -> StoreError {
        let file = path.display();
        match self {
            Self::Sql(error) => sql(error, path),
            Self::Damaged(damaged) => StoreError::Corrupt {
                what: format!("{damaged}, in {file}: reset that counter, or restore the file from a copy"),
            },
            Self::Foreign(what) => StoreError::Corrupt {
                what: format!("{file} {what}: name another file; this one was left as it is"),
            },
            Self::Newer(found, known) => StoreError::NewerLayout { found: *found, known: *known },
        }
    }
}

fn sql(error: &Arc<rusqlite::Error>, path: &Path) -> StoreError {
    let file = path.display();
    let cause = || Box::new(Arc::clone(error));
    let unavailable = |what: String| StoreError::Unavailable { what, cause: cause() };
    let Some(failure) = error.sqlite_error() else {
        return StoreError::Corrupt { what: format!("{file} has a row that is not ours: {error}") };
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "what SQLite adds is a refusal too")]
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            unavailable(format!("another process has locked {file}"))
        }
        ErrorCode::ReadOnly => {
            unavailable(format!("{file}, or its folder, cannot be written by this process"))
        }
        ErrorCode::DiskFull => unavailable(format!("there is no space left for {file}")),
        ErrorCode::PermissionDenied => StoreError::Denied { what: format!("{file} may not be opened") },
        ErrorCode::CannotOpen => StoreError::Unreachable(cause()),
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => StoreError::Corrupt {
            what: format!(
                "{file}: {error}; move it away to begin anew, or save what can be read by `sqlite3 FILE .recover`"
            ),
        },
        ErrorCode::SystemIoFailure if FLUSH_FAILED.contains(&failure.extended_code) => {
            StoreError::Lost(cause())
        }
        ErrorCode::SystemIoFailure => unavailable(format!("reading or writing {file} failed")),
        ErrorCode::Unknown => {
            StoreError::Corrupt { what: format!("{file} is not laid out as ours: {error}") }
        }
        _ => unavailable(format!("SQLite refused for {file}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_flush_that_failed_leaves_it_unknown_what_was_applied() {
        for (code, word) in [
            (ffi::SQLITE_BUSY, "unavailable"),
            (ffi::SQLITE_LOCKED, "unavailable"),
            (ffi::SQLITE_READONLY, "unavailable"),
            (ffi::SQLITE_FULL, "unavailable"),
            (ffi::SQLITE_IOERR_WRITE, "unavailable"),
            (ffi::SQLITE_IOERR_FSYNC, "lost"),
            (ffi::SQLITE_PERM, "denied"),
            (ffi::SQLITE_CANTOPEN, "unreachable"),
            (ffi::SQLITE_NOTADB, "corrupt"),
            (ffi::SQLITE_CORRUPT, "corrupt"),
            (ffi::SQLITE_NOMEM, "unavailable"),
            (ffi::SQLITE_INTERRUPT, "unavailable"),
            (ffi::SQLITE_ERROR, "corrupt"),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = Fault::from(error).error(Path::new("c.db"));
            assert_eq!((error.word(), error.may_have_applied()), (word, word == "lost"), "{code}: {error}");
        }
    }
}

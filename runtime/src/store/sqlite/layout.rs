//! What stands in the file, and how a file of an older version becomes one of this version.
//!
//! `application_id` tells our files from others', `user_version` counts the steps that were taken. Counters stand in one
//! tree, ordered by key: a row is found by one descent, and there is no index to write beside it. What is idle is found by
//! walking through the tree, a few rows at a time.

use std::hash::{BuildHasher as _, RandomState};

use rusqlite::{Connection, OptionalExtension as _};

use super::fault::Fault;

/// Says in the file's header that it is ours: "LRat".
const APPLICATION: i32 = 0x4C52_6174;

/// What leads from each layout to the next. Steps are only ever added.
const STEPS: [&str; 1] = ["CREATE TABLE entry (
        key BLOB NOT NULL PRIMARY KEY, -- 16 bytes, big-endian
        idle_at INTEGER NOT NULL,      -- nanoseconds since the epoch
        value BLOB NOT NULL            -- as `store/entry/codec.rs` writes it
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"];

/// The layout that this version writes.
#[expect(clippy::cast_possible_truncation, reason = "there will never be so many")]
pub(super) const LAYOUT: u32 = STEPS.len() as u32;

/// The name of the secret among the meta data.
const SECRET: &str = "secret";

/// Whether the file is ours and of a layout that we know; changes nothing.
pub(super) fn check(file: &Connection) -> Result<(), Fault> {
    let application: i32 = file.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = found(file)?;
    if application != APPLICATION {
        let tables: i64 = file.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if application != 0 || found != 0 || tables != 0 {
            return Err(Fault::Foreign("is a database of another program"));
        }
    }
    if found > LAYOUT {
        return Err(Fault::Newer(found, LAYOUT));
    }
    Ok(())
}

fn found(file: &Connection) -> Result<u32, Fault> {
    let found: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0))?;
    u32::try_from(found).map_err(|_| Fault::Foreign("is a database of another program"))
}

/// Takes the steps that are missing, and makes the secret if there is none. Wants a transaction around it.
pub(super) fn migrate(file: &Connection) -> Result<u64, Fault> {
    check(file)?;
    let found = found(file)?;
    for (step, number) in STEPS.iter().zip(1..=LAYOUT) {
        if number > found {
            file.execute_batch(step)?;
            file.pragma_update(None, "user_version", number)?;
        }
    }
    if found == 0 {
        file.pragma_update(None, "application_id", APPLICATION)?;
    }
    secret(file)
}

/// The secret of the file: made by whoever comes first, and the same for all ever after.
fn secret(file: &Connection) -> Result<u64, Fault> {
    let found = "SELECT value FROM meta WHERE name = ?1";
    let found: Option<i64> = file.query_row(found, [SECRET], |row| row.get(0)).optional()?;
    if let Some(secret) = found {
        return Ok(secret.cast_unsigned());
    }
    let secret = RandomState::new().hash_one(SECRET);
    file.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", (SECRET, secret.cast_signed()))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_gets_the_newest_layout_and_one_secret() {
        let file = Connection::open_in_memory().unwrap();
        let secret = migrate(&file).unwrap();
        assert_eq!(found(&file).unwrap(), LAYOUT);
        assert_eq!(migrate(&file).unwrap(), secret);
        assert!(check(&file).is_ok());
    }

    #[test]
    fn what_is_newer_or_not_ours_is_refused_and_left_alone() {
        let file = Connection::open_in_memory().unwrap();
        migrate(&file).unwrap();
        file.pragma_update(None, "user_version", LAYOUT + 1).unwrap();
        assert!(
            matches!(migrate(&file), Err(Fault::Newer(found, known)) if (found, known) == (LAYOUT + 1, LAYOUT))
        );
        let other = Connection::open_in_memory().unwrap();
        other.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(migrate(&other), Err(Fault::Foreign(_))));
        let tables: i64 =
            other.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 1);
    }
}

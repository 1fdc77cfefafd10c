//! Rows in a file: one after the other, as key, instant, length and bytes.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
};

use limitrate_core::{key::CounterKey, time::Timestamp};

use super::Rows;

/// Reads all rows, lets them be changed, and writes them again. Nobody else does meanwhile.
pub(super) fn locked<T>(mut file: &File, change: impl FnOnce(&mut Rows) -> T) -> io::Result<T> {
    file.lock()?;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let mut rows = read(&bytes).ok_or(io::ErrorKind::InvalidData)?;
    let result = change(&mut rows);
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(&written(&rows))?;
    file.unlock()?;
    Ok(result)
}

fn written(rows: &Rows) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, (entry, idle_at)) in rows {
        bytes.extend(key.0.to_le_bytes());
        bytes.extend(idle_at.0.to_le_bytes());
        bytes.extend((entry.len() as u64).to_le_bytes());
        bytes.extend(entry);
    }
    bytes
}

fn read(mut bytes: &[u8]) -> Option<Rows> {
    let mut rows = HashMap::new();
    while !bytes.is_empty() {
        let (key, rest) = bytes.split_first_chunk()?;
        let (idle_at, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let (key, idle_at) = (u128::from_le_bytes(*key), i64::from_le_bytes(*idle_at));
        rows.insert(CounterKey(key), (entry.to_vec(), Timestamp(idle_at)));
        bytes = rest;
    }
    Some(rows)
}

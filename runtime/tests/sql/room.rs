//! A server whose disk is full: a limit on the length of its files, which it meets where its table would have to grow.

use std::time::Duration;

use limitrate_runtime::store::StoreError;
use limitrate_testkit::server::{MariaDb, Postgres, recovers};

use crate::{
    faults::{Own, own_mariadb, own_postgres},
    place::{THEN, charge},
};

/// So many rows make the table longer than any other file of the server.
const ROWS: u32 = 60_000;

/// A server whose table can be filled.
trait Filled: Own {
    /// Statements that put so many rows of other counters into the table, under keys of their own.
    fn filling(from: u32, rows: u32) -> String;
    /// How long the file of the table is.
    fn length(&self) -> u64;
}

impl Filled for Postgres {
    fn filling(from: u32, rows: u32) -> String {
        format!(
            "INSERT INTO limitrate_v1_counters SELECT decode(md5(i::text), 'hex'), decode(repeat('00', 400), 'hex'), \
             9000000000000000000 FROM generate_series({from}, {}) AS i",
            from + rows - 1
        )
    }

    fn length(&self) -> u64 {
        // Less than a page more: what fits only in part is what a full disk takes.
        let length: u64 =
            self.sql("SELECT pg_relation_size('limitrate_v1_counters')").unwrap().parse().unwrap();
        length + 4_096
    }
}

impl Filled for MariaDb {
    fn filling(from: u32, rows: u32) -> String {
        format!(
            "INSERT INTO limitrate_v1_counters SELECT UNHEX(MD5(seq)), REPEAT(x'00', 400), 9000000000000000000 \
             FROM seq_{from}_to_{}",
            from + rows - 1
        )
    }

    fn length(&self) -> u64 {
        let length = "SELECT FILE_SIZE FROM information_schema.INNODB_SYS_TABLESPACES \
                      WHERE NAME LIKE '%limitrate_v1_counters'";
        self.sql(length).unwrap().parse().unwrap()
    }
}

#[test]
fn a_full_disk_of_postgres_is_told_and_nothing_is_half_charged() {
    if let Some(server) = own_postgres(&[]) {
        fill_up(&server);
    }
}

#[test]
fn a_full_disk_of_mariadb_is_told_and_nothing_is_half_charged() {
    if let Some(server) = own_mariadb(&[]) {
        fill_up(&server);
    }
}

fn fill_up<S: Filled>(server: &S) {
    let store = S::connect(&format!("{}?connections=1&timeout=10s", server.url())).unwrap();
    server.sql(&S::filling(0, ROWS));
    server.daemon().limit_files(Some(server.length())).unwrap();
    // Up to the last row that fits.
    let mut from = ROWS;
    for rows in [1_000, 100, 10] {
        let is_full = (0..50).any(|_| {
            from += rows;
            server.try_sql(&S::filling(from, rows)).is_err()
        });
        assert!(is_full || rows < 1_000, "no limit is met");
    }
    let mut taken = Vec::new();
    let refused = (0..5_000).find_map(|number| match store.charge_at(THEN, number) {
        Ok(is_taken) => {
            assert!(is_taken);
            taken.push(number);
            None
        }
        Err(error) => Some((number, error)),
    });
    let (number, error) = refused.unwrap();
    assert!(
        matches!(&error, StoreError::Unavailable { what, .. } if what == "its disk is full"),
        "{error:?}"
    );
    assert!(server.daemon().is_running());
    assert_eq!(store.used(THEN, number).unwrap(), Some(0));
    for earlier in &taken {
        assert_eq!(store.used(THEN, *earlier).unwrap(), Some(1));
    }
    // Nor is one of two.
    if let Some(earlier) = taken.last() {
        let mut both = 0;
        let error = (10_000..15_000).find_map(|other| {
            let charged = store.charge(THEN, &[charge(*earlier, 10_000), charge(other, 3)]);
            both += i64::from(charged.is_ok());
            charged.err()
        });
        assert!(matches!(error, Some(StoreError::Unavailable { .. })), "{error:?}");
        assert_eq!(store.used(THEN, *earlier).unwrap(), Some(1 + both));
    }
    server.daemon().limit_files(None).unwrap();
    recovers("a full disk", Duration::from_secs(5), || {
        store.charge_at(THEN, number).is_ok_and(|is_taken| is_taken)
    });
    assert_eq!(store.used(THEN, number).unwrap(), Some(1));
}

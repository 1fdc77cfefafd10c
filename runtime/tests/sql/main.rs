//! Counters in PostgreSQL and MariaDB, on servers of the tests' own: what every store keeps, and what these two add.
#![cfg(all(feature = "postgres", feature = "mysql", unix))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

#[path = "../common/measured.rs"]
mod common;
mod conformance;
mod degraded;
mod faults;
mod layout;
mod measured;
#[path = "../common/outage.rs"]
mod outage;
mod place;
mod plans;
mod room;
mod tls;
mod together;

//! Tools for testing policies: a manual clock, a limiter for tests, the runner of test blocks, traffic readers and the
//! simulator; and, behind features, the suite of tests that every store passes.

#[cfg(feature = "conformance")]
mod blocking;
mod clock;
pub mod compare;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "conformance")]
mod flaky;
pub mod geo;
#[cfg(feature = "conformance")]
mod ledger_store;
mod limiter;
#[cfg(feature = "conformance")]
mod model;
pub mod policy_test;
#[cfg(all(feature = "servers", unix))]
pub mod server;
pub mod simulate;
pub mod traffic;
pub mod words;

#[cfg(feature = "conformance")]
pub use blocking::Blocking;
pub use clock::ManualClock;
#[cfg(feature = "conformance")]
pub use flaky::{Failing, FlakyStore};
#[cfg(feature = "conformance")]
pub use ledger_store::LedgerStore;
pub use limiter::TestLimiter;
#[cfg(feature = "conformance")]
pub use model::{ModelStore, Modelled};

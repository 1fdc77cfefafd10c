//! Tools for testing policies: a manual clock, a limiter for tests, the runner of test blocks, traffic readers and the
//! simulator.

mod clock;
pub mod compare;
pub mod geo;
mod limiter;
pub mod policy_test;
pub mod simulate;
pub mod traffic;
pub mod words;

pub use clock::ManualClock;
pub use limiter::TestLimiter;

//! Differential testing: random policies and histories, on which every engine and every store must agree.
//!
//! [`generate`] writes well-typed policies from a seed, [`coverage`] measures what of the language they reach,
//! [`history`] makes requests near what a policy mentions, [`engines`] runs them and compares all that a caller can see,
//! [`shrink`] and [`report`] make a small `.rl` file with a test of what differs. For development only: nothing that
//! users build depends on it.

pub mod build;
pub mod coverage;
pub mod engines;
pub mod generate;
pub mod history;
pub mod random;
pub mod report;
pub mod rewrite;
pub mod run;
pub mod seen;
pub mod shrink;
mod waiting;

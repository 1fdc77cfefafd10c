//! The vocabulary of LimitRate, which every other crate speaks: units, values, facts, charges, decisions and the
//! exact arithmetic of each kind of limit.
//!
//! Everything here is pure: no clock, file, socket, thread or global state. Instants are arguments, and all arithmetic
//! is on integers.

pub mod algorithm;
pub mod block;
pub mod charge;
pub mod clock;
pub mod facts;
pub mod glob;
pub mod key;
pub mod lease;
pub mod literal;
pub mod net;
pub mod path;
pub mod rollout;
pub mod schedule;
pub mod time;
pub mod unit;
pub mod warning;
pub mod window;

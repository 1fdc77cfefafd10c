//! The LimitRate compiler: from the text of a policy to a decision function.
//!
//! [`pipeline`] reads like a table of contents: parse, [`resolve`] names, [`check`] types and units, [`lower`] to the
//! core program in [`ir`], which [`interpret`] gives its meaning and [`codegen`] turns into machine code. Everything is
//! pure: texts come in as bytes, and a compiled [`Policy`] maps the frame of one request to a list of charges.

pub mod check;
pub mod checked;
pub mod classify;
#[cfg(feature = "jit")]
pub mod codegen;
pub mod cost;
pub mod diff;
pub mod explain;
pub mod identity;
pub mod index;
pub mod interpret;
pub mod ir;
mod lint;
pub mod lower;
pub mod outcome;
pub mod pipeline;
pub mod placement;
pub mod plans;
pub mod policy;
pub mod request;
pub mod resolve;
pub mod source;
pub mod written;

pub use limitrate_grammar as grammar;
pub use pipeline::{Accepted, Engine, Rejected, compile};
pub use policy::Policy;

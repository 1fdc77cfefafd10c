//! The syntax of LimitRate policies: grammar, syntax tree, parser and formatter. Pure: text in, tree and diagnostics out.

pub mod ast;
pub mod code;
pub mod diagnostic;
pub mod format;
mod parse;
mod scan;
pub mod span;

pub use format::format;
pub use parse::{MAX_NAME_BYTES, MAX_NESTING, MAX_SOURCE_BYTES, Parsed, Reparser, parse, unknown_unit};

//! Formats that other tools define.

pub(crate) mod github;
pub(crate) mod junit;
pub(crate) mod sarif;

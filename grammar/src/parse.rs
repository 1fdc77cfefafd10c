//! From text to the syntax tree.
//!
//! A text is checked and split into regions first; then each item is read with the grammar by itself, and each entry of
//! a block too, so that a broken entry is reported once and all others are still read. Only this module sees what the
//! generated parser returns. What names refer to, and whether types fit, is left to the compiler.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the generated parser has one enum for all rules of the grammar, of which a phrase has few"
)]

mod apart;
mod budget;
mod declare;
mod exceed;
mod explain;
mod expr;
mod foreign;
mod item;
mod limit;
mod literal;
mod name;
mod plain;
mod reader;
mod recover;
mod reparse;
mod rule;
mod schedule;
mod syntax;
mod test;
mod unit;
mod value;
mod wanted;
mod words;

use std::{num::NonZeroUsize, sync::Once};

use crate::{
    ast::File,
    diagnostic::Diagnostics,
    parse::reader::Reader,
    scan::{
        region::{Region, regions},
        text::{self, Clean},
    },
    span::SourceId,
};

pub use reparse::Reparser;
pub use unit::unknown_unit;

/// A source has at most so many bytes: 16 MiB.
pub const MAX_SOURCE_BYTES: usize = 16 << 20;

/// Braces, parentheses, `not`s and `if`s nest at most so deep.
pub const MAX_NESTING: usize = 64;

/// What to do about an expression with too many operators.
pub(crate) const FEWER_OPERATORS: &str = "use a set, `x in {\"a\", \"b\"}`, a declared `set`, or `match`";

/// A name has at most so many bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The generated parser gives up a phrase after so many steps; no text within the other bounds needs as many.
const MAX_STEPS: usize = 4_000_000_000;

/// A parsed source.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The tree of all that could be read.
    pub file: File,
    /// What is wrong with the rest. The tree is incomplete if any is an error.
    pub diagnostics: Diagnostics,
}

/// A text that is made ready to be read, region by region.
pub(crate) struct Prepared<'b> {
    pub(crate) clean: Clean<'b>,
    pub(crate) regions: Vec<Region>,
}

/// Checks a text and splits it into regions; `None` if it is no text.
pub(crate) fn prepare<'b>(
    source: SourceId,
    bytes: &'b [u8],
    diagnostics: &mut Diagnostics,
) -> Option<Prepared<'b>> {
    let raw = text::decode(source, bytes, diagnostics)?;
    static BOUND: Once = Once::new();
    BOUND.call_once(|| pest::set_call_limit(NonZeroUsize::new(MAX_STEPS)));
    let mut clean = text::clean(source, raw, diagnostics);
    let regions = regions(source, &mut clean, diagnostics);
    Some(Prepared { clean, regions })
}

/// Parses a source; never fails and never panics, whatever the bytes.
#[must_use]
pub fn parse(source: SourceId, bytes: &[u8]) -> Parsed {
    parse_with(source, bytes, true)
}

/// The same with shortcuts, or by the grammar alone.
fn parse_with(source: SourceId, bytes: &[u8], shortcuts: bool) -> Parsed {
    let mut diagnostics = Diagnostics::default();
    let mut file = File::default();
    let Some(Prepared { clean, regions }) = prepare(source, bytes, &mut diagnostics) else {
        return Parsed { file, diagnostics };
    };
    let mut reader = Reader::new(source, &clean.text, &clean.damaged, &mut diagnostics);
    reader.shortcuts = shortcuts;
    for region in regions.into_iter().filter(|region| !region.too_deep) {
        reader.enter(region);
        reader.items(&mut file.items);
    }
    Parsed { file, diagnostics }
}

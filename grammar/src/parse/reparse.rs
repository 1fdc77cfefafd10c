//! Parsing a text again after an edit: items whose text has not changed are not read a second time.
//!
//! A text is split into regions as for a first parse, which costs little. A region that was read without a complaint is
//! kept by its text; when it comes again, wherever it stands then, its tree is taken over with its spans shifted. What
//! had a complaint is read anew, because what is said may depend on what is around it. The result is that of
//! [`crate::parse()`].

use std::collections::HashMap;

use super::{Parsed, Prepared, prepare, reader::Reader};
use crate::{
    ast::{File, Item, spans::Spans as _},
    diagnostic::Diagnostics,
    scan::region::Region,
    span::{SourceId, Span},
};

/// Parses versions of one text. Holds the trees of the last version.
#[derive(Debug, Default)]
pub struct Reparser {
    /// Items by the text of their region; spans count from the region's first byte.
    known: HashMap<Box<str>, Vec<Item>>,
    read: usize,
}

impl Reparser {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses a version of the text.
    pub fn parse(&mut self, source: SourceId, bytes: &[u8]) -> Parsed {
        self.read = 0;
        let mut diagnostics = Diagnostics::default();
        let Some(Prepared { clean, regions }) = prepare(source, bytes, &mut diagnostics) else {
            self.known.clear();
            return Parsed { file: File::default(), diagnostics };
        };
        let mut known = std::mem::take(&mut self.known);
        let mut file = File::default();
        let mut blamed = 0;
        for region in regions.into_iter().filter(|region| !region.too_deep) {
            let text = clean.text.get(region.start..region.end).unwrap_or_default();
            let damaged = clean.damaged.iter().any(|at| at.start <= region.end && at.end >= region.start);
            let whole = !region.unclosed && !damaged;
            let found = if whole { self.found(text, &mut known) } else { None };
            if let Some(mut items) = found {
                shift(&mut items, |span| at(source, region.start, span));
                file.items.append(&mut items);
                continue;
            }
            let mut complaints = Diagnostics::default();
            let mut reader = Reader::new(source, &clean.text, &clean.damaged, &mut complaints);
            reader.blamed_bytes = blamed;
            let items = read(&mut reader, region);
            blamed = reader.blamed_bytes;
            self.read += items.len().max(usize::from(!complaints.is_empty()));
            if whole && complaints.is_empty() {
                let mut kept = items.clone();
                shift(&mut kept, |span| since(region.start, span));
                self.known.insert(text.into(), kept);
            }
            diagnostics.append(complaints);
            file.items.extend(items);
        }
        Parsed { file, diagnostics }
    }

    /// How many items the last version needed to have read: all others were known.
    #[must_use]
    pub const fn items_read(&self) -> usize {
        self.read
    }

    /// The items of a region with this text, in this version already or in the last one.
    fn found(&mut self, text: &str, last: &mut HashMap<Box<str>, Vec<Item>>) -> Option<Vec<Item>> {
        if let Some((text, items)) = last.remove_entry(text) {
            self.known.insert(text, items);
        }
        self.known.get(text).cloned()
    }
}

fn read(reader: &mut Reader<'_, '_>, region: Region) -> Vec<Item> {
    let mut items = Vec::new();
    reader.enter(region);
    reader.items(&mut items);
    items
}

fn shift(items: &mut Vec<Item>, to: impl Fn(Span) -> Span) {
    items.spans(&mut |span| *span = to(*span));
}

/// A span that counts from a region's first byte, as one of the text.
fn at(source: SourceId, region: usize, span: Span) -> Span {
    let start = u32::try_from(region).unwrap_or(u32::MAX);
    Span::new(source, span.start.saturating_add(start), span.end.saturating_add(start))
}

/// A span of the text, as one that counts from a region's first byte.
fn since(region: usize, span: Span) -> Span {
    let start = u32::try_from(region).unwrap_or(u32::MAX);
    Span { start: span.start.saturating_sub(start), end: span.end.saturating_sub(start), ..span }
}

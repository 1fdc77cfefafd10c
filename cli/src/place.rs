//! Where things stand, in a word for tables.

use limitrate_compiler::{grammar::span::Span, source::Sources};

use crate::{escape, position::Lines};

/// Where things stand: `plans.rl:12`.
pub(crate) struct Where<'s> {
    files: Vec<(&'s str, Lines<'s>)>,
}

impl<'s> Where<'s> {
    /// The places of these sources.
    pub(crate) fn new(sources: &'s Sources) -> Self {
        let file = |name: &'s str| name.rsplit('/').next().unwrap_or(name);
        Self { files: sources.iter().map(|source| (file(&source.name), Lines::new(&source.bytes))).collect() }
    }

    /// The file, without its folders, and the line of a span.
    pub(crate) fn at(&self, span: Span) -> String {
        let file = self.files.get(usize::from(span.source.0));
        file.map_or_else(String::new, |(name, lines)| {
            format!("{}:{}", escape::line(name), lines.position(span.start as usize).line)
        })
    }
}

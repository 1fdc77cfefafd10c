//! A diagnostic with its places in lines and columns, free of the sources it points into.

use std::collections::BTreeMap;

use limitrate_compiler::{
    grammar::{
        diagnostic::{Diagnostic, Diagnostics, Severity},
        span::Span,
    },
    source::Sources,
};
use serde::Serialize;

use crate::position::Lines;

/// A diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// `RL0301`.
    pub(crate) code: &'static str,
    /// `error` or `warning`.
    pub(crate) severity: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// Where the cause is.
    #[serde(flatten)]
    pub(crate) place: Place,
    /// The places involved, the cause first.
    pub(crate) labels: Vec<Labelled>,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// Edits that mend it, each by itself.
    pub(crate) fixes: Vec<Edit>,
}

/// A range of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    /// The file, or the name of a module.
    pub(crate) file: String,
    /// The first line, from one.
    pub(crate) line: usize,
    /// The first column, from one, in characters.
    pub(crate) column: usize,
    /// The line of the end.
    pub(crate) end_line: usize,
    /// The column just past the end.
    pub(crate) end_column: usize,
    /// The first byte, from zero.
    pub(crate) start: u32,
    /// The byte just past the end.
    pub(crate) end: u32,
}

/// A place with a word about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Labelled {
    /// The word; may be empty.
    pub(crate) text: String,
    /// The place.
    #[serde(flatten)]
    pub(crate) place: Place,
}

/// A replacement of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Edit {
    /// What it does.
    pub(crate) title: String,
    /// The file.
    pub(crate) file: String,
    /// The first byte replaced.
    pub(crate) start: u32,
    /// The byte just past the last one replaced.
    pub(crate) end: u32,
    /// The new text.
    pub(crate) replacement: String,
}

impl Finding {
    /// All of them, in the order of the text.
    pub(crate) fn all(diagnostics: &Diagnostics, sources: &Sources) -> Vec<Self> {
        let mut places = Places::new(sources);
        diagnostics.sorted().into_iter().map(|diagnostic| Self::at(diagnostic, &mut places)).collect()
    }

    /// One of them.
    pub(crate) fn new(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        Self::at(diagnostic, &mut Places::new(sources))
    }

    fn at(diagnostic: &Diagnostic, places: &mut Places<'_>) -> Self {
        Self {
            code: diagnostic.code.as_str(),
            severity: match diagnostic.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: diagnostic.message.clone(),
            place: places.place(diagnostic.span()),
            labels: diagnostic
                .labels
                .iter()
                .map(|label| Labelled { text: label.text.clone(), place: places.place(label.span) })
                .collect(),
            help: diagnostic.help.clone(),
            fixes: diagnostic
                .fixes
                .iter()
                .map(|fix| Edit {
                    title: fix.title.clone(),
                    file: places.name(fix.span),
                    start: fix.span.start,
                    end: fix.span.end,
                    replacement: fix.replacement.clone(),
                })
                .collect(),
        }
    }
}

/// Finds places; the lines of a source are looked for once.
pub(crate) struct Places<'a> {
    sources: &'a Sources,
    lines: BTreeMap<u16, Lines<'a>>,
}

impl<'a> Places<'a> {
    /// Nothing looked for yet.
    pub(crate) const fn new(sources: &'a Sources) -> Self {
        Self { sources, lines: BTreeMap::new() }
    }

    fn name(&self, span: Span) -> String {
        self.sources.get(span.source).map(|source| source.name.clone()).unwrap_or_default()
    }

    /// The lines and columns of a span.
    pub(crate) fn place(&mut self, span: Span) -> Place {
        let Some(source) = self.sources.get(span.source) else { return Place::default() };
        let lines = self.lines.entry(span.source.0).or_insert_with(|| Lines::new(&source.bytes));
        let (first, end) = (lines.position(span.start as usize), lines.position(span.end as usize));
        Place {
            file: source.name.clone(),
            line: first.line,
            column: first.column,
            end_line: end.line,
            end_column: end.column,
            start: span.start,
            end: span.end,
        }
    }
}

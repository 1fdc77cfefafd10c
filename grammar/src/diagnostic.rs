//! What is wrong with a policy, as data: a code, a sentence, labelled spans, help and fixes.
//!
//! Source text joins a diagnostic only when it is rendered, which is left to the command line and editors.

use std::fmt;

use crate::{code::Code, span::Span};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The policy does not compile.
    Error,
    /// The policy compiles, and probably does not do what was meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// A sentence in the user's words, without a full stop.
    pub message: String,
    /// The spans involved; the first is the cause.
    pub labels: Vec<Label>,
    /// What to do about it, in words.
    pub help: Option<String>,
    /// Edits that would mend it, best first; each alone is enough.
    pub fixes: Vec<Fix>,
}

/// A span with a word about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// A mending edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in a few words.
    pub title: String,
    /// What is replaced; an empty span inserts.
    pub span: Span,
    /// The new text.
    pub replacement: String,
}

impl Diagnostic {
    /// A diagnostic caused by what is at `span`, where `label` is said of it.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            labels: vec![Label { span, text: label.into() }],
            help: None,
            fixes: Vec::new(),
        }
    }

    /// Adds a related place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds an edit that mends it.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.fixes.push(Fix { title: title.into(), span, replacement: replacement.into() });
        self
    }

    /// How much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Where the cause is.
    #[must_use]
    pub fn span(&self) -> Span {
        self.labels.first().map(|label| label.span).unwrap_or_default()
    }
}

/// Collects diagnostics up to a bound, each cause once.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    suppressed: usize,
}

/// At most so many diagnostics are kept for one run, errors before warnings; the rest are counted.
pub const MAX_DIAGNOSTICS: usize = 100;

impl Diagnostics {
    /// Adds one, unless the same code is already reported at the same span. At the bound, an error takes the place of the
    /// last warning.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.iter().any(|d| d.code == diagnostic.code && d.span() == diagnostic.span()) {
            return;
        }
        if self.list.len() >= MAX_DIAGNOSTICS {
            self.suppressed += 1;
            let is_warning = |kept: &Diagnostic| kept.severity() == Severity::Warning;
            let last = self.list.iter().rposition(is_warning);
            match last {
                Some(last) if diagnostic.severity() == Severity::Error => self.list.remove(last),
                _ => return,
            };
        }
        self.list.push(diagnostic);
    }

    /// Adds all of `other`.
    pub fn append(&mut self, other: Self) {
        self.suppressed += other.suppressed;
        for diagnostic in other.list {
            self.push(diagnostic);
        }
    }

    /// Whether one of them is an error. None is left out while a warning is kept.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity() == Severity::Error)
    }

    /// How many were left out at the bound.
    #[must_use]
    pub const fn suppressed(&self) -> usize {
        self.suppressed
    }

    /// Those kept, in the order of the text.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<_> = self.list.iter().collect();
        all.sort_by_key(|d| (d.span(), d.code));
        all
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::SourceId;

    const WARNING: Code = Code::RL1004;

    fn at(code: Code, start: u32) -> Diagnostic {
        Diagnostic::new(code, "", Span { source: SourceId(0), start, end: start + 1 }, "")
    }

    fn many(code: Code, from: u32, number: u32) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        (from..from + number).for_each(|start| diagnostics.push(at(code, start)));
        diagnostics
    }

    #[test]
    fn warnings_without_end_are_no_errors() {
        let warnings = many(WARNING, 0, 250);
        assert_eq!((warnings.sorted().len(), warnings.suppressed()), (MAX_DIAGNOSTICS, 150));
        assert!(!warnings.has_errors());
    }

    #[test]
    fn an_error_takes_the_place_of_a_warning() {
        let mut diagnostics = many(WARNING, 0, 250);
        diagnostics.append(many(Code::RL0001, 1_000, 99));
        assert!(diagnostics.has_errors());
        let warnings = diagnostics.sorted().iter().filter(|d| d.code == WARNING).count();
        assert_eq!((warnings, diagnostics.sorted().len(), diagnostics.suppressed()), (1, 100, 249));
        diagnostics.append(many(Code::RL0001, 2_000, 3));
        diagnostics.append(many(WARNING, 3_000, 3));
        assert!(diagnostics.sorted().iter().all(|d| d.code == Code::RL0001));
        assert_eq!((diagnostics.sorted().len(), diagnostics.suppressed()), (100, 255));
    }
}

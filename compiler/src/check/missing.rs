//! Names that nothing declares: each is reported once, however often it is used.
//!
//! Where the text could not be read in full, or a module was not found, a name may well be declared in what is missing;
//! then it is not reported until the rest is mended.

use std::collections::HashMap;

use limitrate_grammar::{
    code::Code,
    diagnostic::{Diagnostic, Label, MAX_DIAGNOSTICS},
    span::Span,
};

use super::Checker;
use crate::resolve::{HTTP_MODULE, Symbol, suggest};

/// The facts of `std.http`.
const HTTP_FACTS: [&str; 9] = [
    "method",
    "path",
    "host",
    "ip",
    "body_size",
    "user_agent",
    "country",
    "response.status",
    "response.size",
];

/// So many further uses of a name are shown with the first.
const SHOWN_USES: usize = 2;

/// So many names are looked for among those that are declared: more reports than are shown.
pub(super) const MAX_SUGGESTIONS: usize = 2 * MAX_DIAGNOSTICS;

/// What seems to be missing: each cause with its report, in the order in which they were met.
#[derive(Default)]
pub(super) struct Missing {
    reports: Vec<(String, Diagnostic)>,
    positions: HashMap<String, usize>,
}

impl Missing {
    /// Takes a report; further ones for a cause become labels of its first.
    fn push(&mut self, cause: &str, diagnostic: Diagnostic) {
        let first = self.positions.get(cause).and_then(|position| self.reports.get_mut(*position));
        let Some((_, first)) = first else {
            self.positions.insert(cause.to_owned(), self.reports.len());
            self.reports.push((cause.to_owned(), diagnostic));
            return;
        };
        let span = diagnostic.span();
        let shown = first.labels.iter().any(|label| label.span == span);
        if !shown && first.labels.len() <= SHOWN_USES {
            first.labels.push(Label { span, text: "and here".into() });
        }
    }

    /// Whether no report of this cause was taken yet.
    fn is_new(&self, cause: &str) -> bool {
        !self.positions.contains_key(cause)
    }
}

impl Checker<'_> {
    /// Whether what seems to be missing may stand in what could not be read.
    pub(super) const fn unread(&self) -> bool {
        self.resolved.unread.any()
    }

    /// Whether the entry at `span` may go on with what could not be read.
    pub(super) fn cut_short(&self, span: Span) -> bool {
        self.resolved.unread.cuts_short(span)
    }

    /// Takes the report of something missing; one for each `cause`.
    pub(super) fn missing(&mut self, cause: &str, diagnostic: Diagnostic) {
        self.missing.push(cause, diagnostic);
    }

    /// The report of a name that nothing declares.
    pub(super) fn unknown<'a>(
        &self,
        what: &str,
        name: &str,
        span: Span,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Diagnostic {
        let label = if matches!(what, "algorithm" | "function") { "not known" } else { "not declared" };
        let diagnostic = Diagnostic::new(Code::RL0101, format!("there is no {what} `{name}`"), span, label);
        if !self.missing.is_new(name) {
            return diagnostic;
        }
        if let Some(module) = self.resolved.offered(name, span) {
            let (at, line) = self.new_use(&format!("{module} ({name})"), span);
            return diagnostic.fix("take it from its module", at, line);
        }
        match self.closest(name, known) {
            Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), span, near),
            None => diagnostic,
        }
    }

    /// The name that `name` was probably meant to be, while reports with it would still be shown.
    pub(super) fn closest<'a>(
        &self,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let left = self.suggestions_left.get().checked_sub(1)?;
        self.suggestions_left.set(left);
        suggest::closest(name, known)
    }

    /// Reports a name that is no fact.
    pub(super) fn unknown_fact(&mut self, name: &str, span: Span) {
        if self.scopes.iter().any(|scope| scope.contains_key(name)) {
            self.report(
                Diagnostic::new(
                    Code::RL0009,
                    "a `let` in a key is not supported yet",
                    span,
                    "defined by `let`",
                )
                .help("name the facts themselves, such as `per user ?? ip`"),
            );
            return;
        }
        if self.needs_http(name, span) {
            self.http_missing(
                format!("there is no fact `{name}` without `std.http`"),
                span,
                "comes with that module",
            );
            return;
        }
        if self.text(span).ends_with(')') {
            let written = self.text(span).to_owned();
            let message = format!("nothing in this policy reads `{written}`");
            let diagnostic = Diagnostic::new(Code::RL0101, message, span, "never looked at");
            self.missing(name, diagnostic.help("give what the rules read by name, written the same way"));
            return;
        }
        let known = self.resolved.names(span, |symbol| matches!(symbol, Symbol::Input(_)));
        let mut diagnostic = self.unknown("fact", name, span, known);
        if diagnostic.fixes.is_empty() {
            diagnostic = diagnostic.help(format!("declare it: `input {{ {name} : key }}`"));
        }
        self.missing(name, diagnostic);
    }

    /// Whether `name` is a fact of `std.http`, and the module is not in use where it is written.
    pub(super) fn needs_http(&self, name: &str, span: Span) -> bool {
        HTTP_FACTS.contains(&name) && !self.resolved.uses(HTTP_MODULE, span)
    }

    /// Reports the use of `std.http` in a policy that does not import it.
    pub(super) fn http_missing(&mut self, message: String, span: Span, label: &str) {
        let (at, line) = self.new_use(HTTP_MODULE, span);
        let diagnostic = Diagnostic::new(Code::RL0101, message, span, label).fix("use the module", at, line);
        self.missing(HTTP_MODULE, diagnostic);
    }

    /// Where the source of `span` takes a further `use`, and the line.
    fn new_use(&self, what: &str, span: Span) -> (Span, String) {
        match self.resolved.scope(span).and_then(|scope| scope.head) {
            Some(head) => (head.after(), format!("\nuse {what}")),
            None => (Span::new(span.source, 0, 0), format!("use {what}\n")),
        }
    }

    /// Reports what is missing, but for what the unread text or a missing module may declare.
    pub(super) fn report_missing(&mut self) {
        for (cause, diagnostic) in std::mem::take(&mut self.missing).reports {
            let resolved = self.resolved;
            let may_come = resolved.module_missing || resolved.not_imported.contains(&cause);
            if !may_come && !resolved.unread.may_declare(&cause) {
                self.report(diagnostic);
            }
        }
    }
}

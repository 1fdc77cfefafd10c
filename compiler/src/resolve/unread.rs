//! What could not be read of a policy's text, so that its absence is not held against the rest.

use std::{cell::Cell, ops::Range};

use limitrate_grammar::{
    code::Code,
    diagnostic::Diagnostics,
    span::{SourceId, Span},
};

use crate::source::Sources;

/// The words that stand before a name where it is declared.
const DECLARING: [&str; 12] = [
    "rule",
    "plan",
    "set",
    "schedule",
    "calendar",
    "limit",
    "let",
    "use",
    "hierarchy",
    "table",
    "fn",
    "unit",
];

/// What ends an entry of a rule or plan, where another begins.
const ENTRY_WORDS: [&str; 12] =
    ["limit", "deny", "exempt", "let", "no", "rule", "plan", "input", "set", "schedule", "calendar", "test"];

/// The lines of the policy with something that the parser could not read.
#[derive(Debug, Default)]
pub struct Unread {
    text: String,
    /// The lines, and the spans on them, in the order of the text.
    lines: Vec<Range<usize>>,
    spans: Vec<Span>,
    /// How many bytes have been searched for declarations.
    searched: Cell<usize>,
    /// The modules with something that could not be read.
    damaged: Vec<SourceId>,
}

/// After so many bytes searched, any name may be declared: a policy with as many mistakes is reported anyway.
const MAX_SEARCHED_BYTES: usize = 256 << 20;

impl Unread {
    /// From what the parser reported about the policy's own text.
    pub(super) fn new(sources: &Sources, diagnostics: &Diagnostics) -> Self {
        let reported = diagnostics.sorted();
        let mut spans: Vec<Span> = reported
            .iter()
            .filter(|diagnostic| diagnostic.code < Code::RL0101)
            .flat_map(|diagnostic| diagnostic.labels.iter().map(|label| label.span))
            .filter(|span| span.source == SourceId(0))
            .collect();
        if spans.is_empty() {
            return Self::default();
        }
        let bytes = sources.iter().next().map(|source| source.bytes.as_slice()).unwrap_or_default();
        let text = String::from_utf8(bytes.to_vec()).unwrap_or_default();
        spans.sort_unstable();
        spans.dedup();
        let mut lines: Vec<Range<usize>> = spans.iter().map(|span| line_around(&text, *span)).collect();
        lines.sort_unstable_by_key(|line| (line.start, line.end));
        lines.dedup();
        Self { text, lines, spans, searched: Cell::new(0), damaged: Vec::new() }
    }

    /// Notes that a module could not be read in full.
    pub(super) fn damage(&mut self, module: SourceId) {
        self.damaged.push(module);
    }

    /// Whether a module could not be read in full.
    pub(super) fn is_damaged(&self, module: SourceId) -> bool {
        self.damaged.contains(&module)
    }

    /// Whether there is any.
    #[must_use]
    pub const fn any(&self) -> bool {
        !self.spans.is_empty() || !self.damaged.is_empty()
    }

    /// Whether the entry at `span` may go on with what could not be read.
    #[must_use]
    pub fn cuts_short(&self, span: Span) -> bool {
        if span.source != SourceId(0) {
            return self.is_damaged(span.source);
        }
        let next = self.spans.partition_point(|unread| unread.start <= span.end);
        let (upto, after) = self.spans.split_at(next);
        let reaches = |unread: &Span| {
            let between = self.text.get(span.end as usize..unread.start as usize).unwrap_or_default();
            !between.split_whitespace().any(|word| ENTRY_WORDS.contains(&word))
        };
        upto.iter().any(|unread| unread.end >= span.start) || after.first().is_some_and(reaches)
    }

    /// Whether a line under `span` could not be read in full, so that what was read of it may not be what was meant.
    /// Of a module, all lines are doubted once one is.
    #[must_use]
    pub fn touches(&self, span: Span) -> bool {
        if self.is_damaged(span.source) {
            return true;
        }
        let (start, end) = (span.start as usize, span.end as usize);
        span.source == SourceId(0) && self.lines.iter().any(|line| start <= line.end && line.start <= end)
    }

    /// Whether names of a module may have been listed in what could not be read.
    #[must_use]
    pub fn may_import(&self) -> bool {
        self.lines.iter().any(|line| {
            let line = self.text.get(line.clone()).unwrap_or_default().trim_start();
            let head = line.split_once('(').map_or(line, |(head, _)| head);
            // `use`, or what is left of it where that word was lost: `std.patterns (login)`.
            let names_module = head.contains('.') && !head.contains([':', '{', '"', '/']);
            line.split_whitespace().next() == Some("use") || names_module
        })
    }

    /// Whether `name` may be declared in what could not be read: it stands there, or is declared somewhere in the text.
    #[must_use]
    pub fn may_declare(&self, name: &str) -> bool {
        let searched = self.searched.get().saturating_add(self.text.len());
        self.searched.set(searched);
        self.any()
            && (searched > MAX_SEARCHED_BYTES
                || self.text.match_indices(name).any(|(at, _)| {
                    let (before, from) = self.text.split_at(at);
                    let after = from.strip_prefix(name).unwrap_or_default();
                    let whole = !before.ends_with(is_name_char) && !after.starts_with(is_name_char);
                    let stands_there = || self.lines.iter().any(|line| line.contains(&at));
                    whole && (declares_after(before) || declares_before(after) || stands_there())
                }))
    }
}

/// The lines that a span lies on.
fn line_around(text: &str, span: Span) -> Range<usize> {
    let (start, end) = (span.start as usize, span.end as usize);
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    start..end + after.find('\n').unwrap_or(after.len())
}

fn declares_after(before: &str) -> bool {
    let word = before.trim_end().rsplit(|c: char| !is_name_char(c)).next().unwrap_or_default();
    before.ends_with(char::is_whitespace) && DECLARING.contains(&word)
}

fn declares_before(after: &str) -> bool {
    let after = after.trim_start();
    after.starts_with(':') || (after.starts_with('=') && !after.starts_with("=="))
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use limitrate_grammar::span::{SourceId, Span};

    use super::Unread;

    fn unread(text: &str, broken: &str) -> Unread {
        let at = text.find(broken).unwrap();
        let span =
            Span::new(SourceId(0), u32::try_from(at).unwrap(), u32::try_from(at + broken.len()).unwrap());
        let lines = vec![super::line_around(text, span)];
        Unread { text: text.to_owned(), lines, spans: vec![span], ..Unread::default() }
    }

    #[test]
    fn a_declaration_is_told_from_a_use() {
        let text = "input { user : key }\nrule api { limit 1 req/s per account, super_user }\n!!\nteam key";
        let unread = unread(text, "!!");
        assert!(unread.may_declare("user"));
        assert!(unread.may_declare("api"));
        assert!(!unread.may_declare("account"));
        assert!(!unread.may_declare("team"));
    }

    #[test]
    fn a_lost_list_of_names_is_told_from_other_lines() {
        for line in
            ["use acme.nets (office", "acme.nets (office)", "== acme.nets (office)", "std.units", "use"]
        {
            assert!(unread(line, line).may_import(), "{line}");
        }
        for line in ["rul api { exempt }", "limit 5 req/s per prefix(ip, 24)", "account.id : key"] {
            assert!(!unread(line, line).may_import(), "{line}");
        }
    }

    #[test]
    fn any_word_of_a_broken_line_may_have_been_a_declaration() {
        let unread = unread("input {\n  team key\n  org : key\n}", "key");
        assert!(unread.may_declare("team"));
        assert!(unread.touches(Span::new(SourceId(0), 10, 12)));
        assert!(!unread.touches(Span::new(SourceId(0), 25, 27)));
    }
}

//! Walks over a text phrase by phrase, reports what does not fit, and finds the place to go on.

use std::ops::Range;

use crate::{
    ast::Name,
    code::Code,
    diagnostic::{Diagnostic, Diagnostics},
    parse::{
        explain,
        name::name_problem,
        syntax::{Node, Rule, read},
        words::Place,
    },
    scan::{Token, indent, region::Region, significant},
    span::{SourceId, Span, Spanned, span},
};

/// What could not be read, and is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

pub(super) type Read<T> = Result<T, Broken>;

/// An error of the generated parser costs as much as its line is long. After so many bytes of lines with errors, the
/// rest of the text is left unread: only a text of megabytes on one line gets there.
const MAX_BLAME_BYTES: usize = 16 << 20;

/// Reads one region of a text.
#[derive(Debug)]
pub(super) struct Reader<'a, 'd> {
    pub(super) source: SourceId,
    pub(super) text: &'a str,
    /// The next byte to be read.
    pub(super) at: usize,
    /// One past the last byte of the region.
    pub(super) end: usize,
    /// Whether the region ends inside a block, which is reported already.
    unclosed: bool,
    damaged: &'d [Range<usize>],
    pub(super) diagnostics: &'d mut Diagnostics,
    /// Where the last phrase failed; the entry around it is to be skipped.
    pub(super) failed: Option<usize>,
    pub(super) blamed_bytes: usize,
    /// The column of the region's items: what stands further right goes on with an item.
    margin: usize,
    /// Whether part of the last item was skipped, so that what follows it may be its rest.
    pub(super) amiss: bool,
    /// The brace that closed the last block.
    pub(super) closer: Option<Token>,
    /// What the last phrase of a block was, and where it began: for messages about what follows it.
    pub(super) last_entry: Option<Rule>,
    pub(super) last_start: usize,
    /// The words of declared units, where they are used.
    pub(super) unit_words: Vec<Name>,
    /// Whether plain phrases are read without the grammar.
    pub(super) shortcuts: bool,
}

impl<'a, 'd> Reader<'a, 'd> {
    pub(super) const fn new(
        source: SourceId,
        text: &'a str,
        damaged: &'d [Range<usize>],
        diagnostics: &'d mut Diagnostics,
    ) -> Self {
        Self {
            source,
            text,
            at: 0,
            end: text.len(),
            unclosed: false,
            damaged,
            diagnostics,
            failed: None,
            blamed_bytes: 0,
            margin: 0,
            amiss: false,
            closer: None,
            last_entry: None,
            last_start: 0,
            unit_words: Vec::new(),
            shortcuts: true,
        }
    }

    /// Goes on with another region.
    pub(super) fn enter(&mut self, region: Region) {
        self.at = region.start;
        self.end = region.end;
        self.unclosed = region.unclosed;
        self.failed = None;
        self.last_entry = None;
        self.amiss = false;
        self.closer = None;
        self.margin = self.peek().and_then(|first| indent(self.text, first.start)).unwrap_or_default();
    }

    /// Whether a token begins its line, and no further right than items do.
    pub(super) fn is_at_margin(&self, token: Token) -> bool {
        indent(self.text, token.start).is_some_and(|indent| indent <= self.margin)
    }

    /// Whether reading on would cost more than it tells.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.blamed_bytes > MAX_BLAME_BYTES
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        span(self.source, start, end)
    }

    pub(super) fn span_of(&self, node: &Node<'_>) -> Span {
        self.span(node.start(), node.end())
    }

    pub(super) fn spanned<T>(&self, node: &Node<'_>, value: T) -> Spanned<T> {
        Spanned { node: value, span: self.span_of(node) }
    }

    /// The next token of the region that is no comment.
    pub(super) fn peek(&self) -> Option<Token> {
        significant(self.text, self.at).filter(|token| token.start < self.end)
    }

    /// The text of the next token; empty at the end.
    pub(super) fn peek_text(&self) -> &'a str {
        self.peek().map_or("", |token| token.text(self.text))
    }

    /// The text of the token after the next one; empty at the end.
    pub(super) fn second_text(&self) -> &'a str {
        let second = self.peek().and_then(|first| significant(self.text, first.end));
        second.filter(|token| token.start < self.end).map_or("", |token| token.text(self.text))
    }

    /// Steps over the next token if it is `sign`.
    pub(super) fn take(&mut self, sign: &str) -> Option<Token> {
        let token = self.peek().filter(|token| token.text(self.text) == sign)?;
        self.at = token.end;
        Some(token)
    }

    /// Steps over the next token.
    pub(super) fn skip_token(&mut self) {
        self.at = self.peek().map_or(self.end, |token| token.end);
    }

    /// Reports a diagnostic, unless the line has been reported before the grammar read it.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        let at = diagnostic.span().start as usize;
        let after = self.damaged.partition_point(|range| range.start <= at);
        let near = self.damaged.get(after.saturating_sub(8)..after).unwrap_or_default();
        if !near.iter().any(|range| range.contains(&at) || range.end == at) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reports a diagnostic; what it is about cannot be used.
    pub(super) fn refuse<T>(&mut self, diagnostic: Diagnostic) -> Read<T> {
        self.report(diagnostic);
        Err(Broken)
    }

    /// Reports that `what`, written at `node`, is part of the language and not of this version.
    pub(super) fn unsupported(&mut self, what: &str, at: Span) {
        let diagnostic = Diagnostic::new(Code::RL0009, format!("{what} not supported yet"), at, "")
            .help("remove it: this version would not enforce it");
        self.report(diagnostic);
    }

    /// Reads the phrase `rule` here.
    pub(super) fn phrase(&mut self, rule: Rule, place: Place) -> Read<Node<'a>> {
        let slice = self.text.get(self.at..self.end).unwrap_or_default();
        let blank = self.peek().map_or(slice.len(), |token| token.start - self.at);
        let base = self.at + blank;
        match read(rule, slice.get(blank..).unwrap_or_default(), base) {
            Ok(Some(node)) => {
                self.at = node.end();
                self.last_start = base;
                self.keep_apart(&node);
                Ok(node)
            }
            Ok(None) => Err(Broken),
            Err(error) => {
                let failure = explain::Failure::new(&error, base);
                self.blamed_bytes += failure.line_length;
                self.failed = Some(failure.at);
                let at_end = significant(self.text, failure.at).is_none_or(|next| next.start >= self.end);
                let lacks_closer = [Rule::close_brace, Rule::close_paren, Rule::close_bracket];
                let closer = failure.expected.iter().any(|rule| lacks_closer.contains(rule));
                if !(self.unclosed && (at_end || closer)) {
                    let diagnostic = explain::explain(self, &failure, place);
                    self.report(diagnostic);
                }
                Err(Broken)
            }
        }
    }

    /// Marks the entry here as one to be skipped, from byte `at` on.
    pub(super) const fn fail_at(&mut self, at: usize) {
        self.failed = Some(at);
    }

    /// The child of a phrase that its grammar rule requires.
    pub(super) fn need(&mut self, node: &Node<'a>, rule: Rule) -> Read<Node<'a>> {
        node.child(rule).ok_or(Broken).or_else(|Broken| self.unreadable(node))
    }

    /// Reports a phrase whose tree has not the form its rule promises.
    pub(super) fn unreadable<T>(&mut self, node: &Node<'_>) -> Read<T> {
        let span = self.span_of(node);
        self.refuse(Diagnostic::new(Code::RL0001, "this cannot be read", span, ""))
    }

    /// A declared name; a bad one is reported and kept.
    pub(super) fn name(&mut self, node: &Node<'_>) -> Name {
        let span = self.span_of(node);
        if let Some(problem) = name_problem(node.text(), span) {
            self.report(problem);
        }
        Spanned { node: node.text().to_owned(), span }
    }

    /// Reads entries up to the brace that closes the block, whose opener is read already.
    pub(super) fn block<T>(
        &mut self,
        place: Place,
        mut entry: impl FnMut(&mut Self, &mut Vec<T>) -> Read<()>,
    ) -> Vec<T> {
        let mut entries = Vec::new();
        while let Some(token) = self.peek() {
            match token.text(self.text) {
                "}" => {
                    self.at = token.end;
                    self.closer = Some(token);
                    break;
                }
                ";" | "," => {
                    self.at = token.end;
                    self.stray_separator(token);
                    continue;
                }
                _ => {}
            }
            if self.is_hopeless() {
                self.at = self.end;
                break;
            }
            let start = self.at;
            if entry(self, &mut entries).is_err() {
                self.recover(start, place);
            }
        }
        entries
    }

    fn stray_separator(&mut self, token: Token) {
        let span = self.span(token.start, token.end);
        let sign = token.text(self.text);
        let message = format!("nothing ends with `{sign}` here: the next word begins the next entry");
        self.report(Diagnostic::new(Code::RL0007, message, span, "").fix("delete it", span, ""));
    }
}

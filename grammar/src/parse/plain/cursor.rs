//! A place in a text, and the words and signs after it.

use crate::{
    ast::Name,
    parse::name::name_problem,
    span::{SourceId, Span, Spanned, span},
};

/// Reads a phrase from left to right. `None` anywhere is for the whole phrase: it is not plain.
pub(super) struct Cursor<'a> {
    source: SourceId,
    text: &'a str,
    /// One past the last byte that was read: where a word or a sign ended.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(source: SourceId, text: &'a str, at: usize) -> Self {
        Self { source, text, at }
    }

    pub(super) const fn text(&self) -> &'a str {
        self.text
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Goes on from byte `at`, the end of a word or a sign.
    pub(super) const fn step_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        span(self.source, start, end)
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Where the next word or sign begins: blanks and comments are stepped over.
    pub(super) fn next(&self) -> usize {
        self.next_from(self.at)
    }

    /// The same from another place.
    pub(super) fn next_from(&self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b'#') => at = self.end_of(at, |byte| byte != b'\n'),
                _ => return at,
            }
        }
    }

    /// The same on this line, comments not stepped over: what may stand inside a literal.
    pub(super) fn next_inside(&self, at: usize) -> usize {
        self.end_of(at, |byte| matches!(byte, b' ' | b'\t'))
    }

    /// Where the bytes from `at` on end that belong together.
    pub(super) fn end_of(&self, at: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len())
    }

    /// The word that begins at byte `at`; empty if none does.
    pub(super) fn word_at(&self, at: usize) -> &'a str {
        match self.byte(at) {
            Some(first) if first.is_ascii_alphabetic() || first == b'_' => {
                self.slice(at, self.end_of(at, belongs_to_word))
            }
            _ => "",
        }
    }

    /// Steps over the next word, which must be this one.
    pub(super) fn keyword(&mut self, word: &str) -> Option<()> {
        let start = self.next();
        (self.word_at(start) == word).then(|| self.at = start + word.len())
    }

    /// Steps over the next sign, which must be this one.
    pub(super) fn sign(&mut self, sign: u8) -> Option<()> {
        self.takes(sign).then_some(())
    }

    /// Steps over the next sign if it is this one.
    pub(super) fn takes(&mut self, sign: u8) -> bool {
        let start = self.next();
        let is = self.byte(start) == Some(sign);
        if is {
            self.at = start + 1;
        }
        is
    }

    /// A name where it is declared.
    pub(super) fn declared(&mut self) -> Option<Name> {
        let start = self.next();
        let word = self.word_at(start);
        let end = start + word.len();
        let span = self.span(start, end);
        if word.is_empty() || self.byte(end) == Some(b'-') || name_problem(word, span).is_some() {
            return None;
        }
        self.at = end;
        Some(Spanned { node: word.to_owned(), span })
    }

    /// A text between quotes, without escapes, and where it begins.
    pub(super) fn string(&mut self) -> Option<(&'a str, usize)> {
        let start = self.next();
        if self.byte(start) != Some(b'"') {
            return None;
        }
        let end = self.end_of(start + 1, |byte| !matches!(byte, b'"' | b'\\' | b'\n'));
        if self.byte(end) != Some(b'"') {
            return None;
        }
        self.at = end + 1;
        Some((self.slice(start + 1, end), start))
    }

    /// Whether the arrow of an arm may follow, so that what was read may be its patterns.
    pub(super) fn is_before_arrow(&self) -> bool {
        matches!(self.byte(self.next()), Some(b'=' | b'-'))
    }
}

pub(super) const fn belongs_to_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

//! The tokens of a text as the formatter prints them, and the blanks between them.

use std::borrow::Cow;

use crate::{
    format::{
        literal::{canonical, quantity, unit_name},
        marks::Marks,
    },
    scan::{Token, TokenKind, text::BYTE_ORDER_MARK, token},
};

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// A word, number, string or literal.
    Word,
    /// An operator or bracket.
    Sign,
    /// `# …`
    Comment,
}

/// Something printed without a line break inside.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    pub(super) kind: PieceKind,
    /// What is printed.
    pub(super) text: Cow<'a, str>,
    /// Where it was written.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether a blank stands before it when a piece stands before it on its line.
    pub(super) spaced: bool,
}

/// Words that are the same in capitals.
const SHOUTED: [&str; 7] = ["IF", "THEN", "ELSE", "AND", "OR", "NOT", "IN"];

/// The pieces of a text that parses.
pub(super) fn pieces<'a>(text: &'a str, marks: &Marks) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    let mut at = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    while let Some(token) = token(text, at) {
        let (end, written) = match marks.literals.get(&token.start) {
            Some((end, rewrite)) => (*end, literal(text, token.start, *end, *rewrite)),
            None => (token.end, word(text, token, pieces.last())),
        };
        at = end.max(token.end);
        let kind = match token.kind {
            TokenKind::Comment => PieceKind::Comment,
            TokenKind::Sign if end == token.end => PieceKind::Sign,
            TokenKind::Word
            | TokenKind::Number
            | TokenKind::Sign
            | TokenKind::String { .. }
            | TokenKind::OddString
            | TokenKind::OddComment => PieceKind::Word,
        };
        // `limit = 5 req/min` says no more than `limit 5 req/min`.
        if written == "="
            && pieces.last().is_some_and(|last| last.kind == PieceKind::Word && last.text == "limit")
        {
            continue;
        }
        let last = pieces.iter().rev().find(|piece| piece.kind != PieceKind::Comment);
        let piece = Piece { kind, text: written, start: token.start, end, spaced: true };
        let spaced = last.is_none_or(|last| spaced(text, marks, last, &piece));
        pieces.push(Piece { spaced, ..piece });
    }
    pieces
}

fn literal(text: &str, start: usize, end: usize, rewrite: bool) -> Cow<'_, str> {
    let written = text.get(start..end).unwrap_or_default();
    if rewrite {
        return Cow::Owned(canonical(written));
    }
    if written.starts_with('"') || !written.contains([' ', '\t', '\n', '\r']) {
        return Cow::Borrowed(written);
    }
    Cow::Owned(written.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

fn word<'a>(text: &'a str, token: Token, last: Option<&Piece<'a>>) -> Cow<'a, str> {
    let written = token.text(text);
    match token.kind {
        TokenKind::Word if SHOUTED.contains(&written) => Cow::Owned(written.to_ascii_lowercase()),
        TokenKind::Word => {
            // A unit stands on the line of its number; literals of expressions are pieces already.
            let number = last.filter(|last| {
                let digit = last.text.starts_with(|c: char| c.is_ascii_digit());
                digit && text.get(last.end..token.start).is_some_and(|blank| !blank.contains('\n'))
            });
            Cow::Borrowed(number.map_or(written, |number| unit_name(written, &number.text)))
        }
        TokenKind::Number => Cow::Owned(quantity(written)),
        TokenKind::Comment
        | TokenKind::OddComment
        | TokenKind::OddString
        | TokenKind::String { .. }
        | TokenKind::Sign => Cow::Borrowed(written),
    }
}

/// Whether a blank stands between two pieces on one line.
fn spaced(text: &str, marks: &Marks, last: &Piece<'_>, piece: &Piece<'_>) -> bool {
    if piece.kind == PieceKind::Comment {
        return true;
    }
    let sign =
        |piece: &Piece<'_>, signs: &[&str]| piece.kind == PieceKind::Sign && signs.contains(&&*piece.text);
    if sign(last, &["(", "[", ".", "..", "$"]) || sign(piece, &[")", "]", ",", "?", "%", ".", ".."]) {
        return false;
    }
    // A set's braces; the braces of blocks stand at the ends of lines.
    if sign(last, &["{"]) || sign(piece, &["}"]) {
        return false;
    }
    if sign(piece, &["["]) {
        return false; // a table's keys follow its name
    }
    if sign(piece, &["("]) {
        return !marks.calls.contains(&last.end);
    }
    // The colon of a time of day: `09:00`.
    let touches_digits = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    if sign(last, &[":"]) {
        return !(touches_digits(last.end) && last.start.checked_sub(1).is_some_and(touches_digits));
    }
    !sign(piece, &[":"])
}

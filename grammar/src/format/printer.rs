//! Puts pieces on lines: where a line is asked for, where a comment ends one, and nowhere else.

use crate::format::pieces::{Piece, PieceKind};

/// Lines are at most so wide where they can be broken.
pub(super) const WIDTH: usize = 110;

/// Whether a blank line stands before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Never.
    None,
    /// If the author wrote one.
    Kept,
    /// Always.
    Always,
}

/// A line that begins before the next piece.
#[derive(Debug, Clone, Copy)]
struct Line {
    indent: usize,
    gap: Gap,
}

/// Prints pieces in their order.
#[derive(Debug)]
pub(super) struct Printer<'a> {
    text: &'a str,
    pieces: &'a [Piece<'a>],
    next: usize,
    out: String,
    pending: Option<Line>,
    /// Where a piece begins that is not printed.
    left_out: Option<usize>,
    /// How deep the current line is indented; what goes on below it stands one deeper.
    pub(super) indent: usize,
}

impl<'a> Printer<'a> {
    pub(super) const fn new(text: &'a str, pieces: &'a [Piece<'a>]) -> Self {
        Self { text, pieces, next: 0, out: String::new(), pending: None, left_out: None, indent: 0 }
    }

    /// The text printed.
    pub(super) fn finish(mut self) -> String {
        while self.next < self.pieces.len() {
            self.line(0, Gap::Kept);
            self.put();
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    /// Begins a line before the next piece.
    pub(super) fn line(&mut self, indent: usize, gap: Gap) {
        self.pending = Some(Line { indent, gap });
    }

    /// Prints all pieces that begin before byte `end`.
    pub(super) fn to(&mut self, end: usize) {
        while self.pieces.get(self.next).is_some_and(|piece| piece.start < end) {
            self.put();
        }
    }

    /// Prints the comments that stand before the next other piece, as a part of the block that ends there.
    pub(super) fn comments(&mut self) {
        let skipped =
            |piece: &Piece<'_>| piece.kind == PieceKind::Comment || self.left_out == Some(piece.start);
        let rest = self.pieces.get(self.next..).unwrap_or_default();
        for _ in 0..rest.iter().take_while(|piece| skipped(piece)).count() {
            self.put();
        }
    }

    /// The next piece that is no comment.
    pub(super) fn peek(&self) -> Option<&'a Piece<'a>> {
        self.pieces.get(self.next..)?.iter().find(|piece| piece.kind != PieceKind::Comment)
    }

    /// The piece that begins at or after byte `at`, comments aside.
    pub(super) fn piece_from(&self, at: usize) -> Option<&'a Piece<'a>> {
        let first = self.pieces.partition_point(|piece| piece.start < at);
        self.pieces.get(first..)?.iter().find(|piece| piece.kind != PieceKind::Comment)
    }

    /// Prints up to the next `text`, and it too.
    pub(super) fn through(&mut self, text: &str) {
        let rest = self.pieces.get(self.next..).unwrap_or_default();
        if let Some(piece) = rest.iter().find(|piece| piece.kind != PieceKind::Comment && piece.text == text)
        {
            self.to(piece.end);
        }
    }

    /// Prints the parentheses that close here.
    pub(super) fn closers(&mut self) {
        while self.pieces.get(self.next).is_some_and(|piece| piece.text == ")") {
            self.put();
        }
    }

    /// Whether the next piece is a comment.
    pub(super) fn at_comment(&self) -> bool {
        self.pieces.get(self.next).is_some_and(|piece| piece.kind == PieceKind::Comment)
    }

    /// Leaves out the next piece that is no comment if it is `text`.
    pub(super) fn leave_out(&mut self, text: &str) {
        self.left_out = self.peek().filter(|piece| piece.text == text).map(|piece| piece.start);
        if !self.at_comment() && self.left_out.take().is_some() {
            self.next += 1;
        }
    }

    /// Whether the pieces from here to byte `end` fit on the line, which begins at `indent` if it is yet to begin.
    pub(super) fn fits(&self, end: usize) -> bool {
        let mut width = match self.pending {
            Some(line) => line.indent * 2,
            None => self.out.len() - self.out.rfind('\n').map_or(0, |at| at + 1),
        };
        let rest = self.pieces.get(self.next..).unwrap_or_default();
        for piece in rest.iter().take_while(|piece| piece.start < end) {
            if piece.kind == PieceKind::Comment {
                // A comment before the first piece stands above it.
                if piece.start > self.peek().map_or(0, |first| first.start) {
                    return false;
                }
                continue;
            }
            if piece.text == "match" {
                return false;
            }
            width += piece.text.chars().count() + usize::from(piece.spaced);
        }
        width <= WIDTH + 1
    }

    fn put(&mut self) {
        let Some(piece) = self.pieces.get(self.next) else { return };
        if self.left_out == Some(piece.start) {
            self.left_out = None;
            self.next += 1;
            return;
        }
        let before = self.next.checked_sub(1).and_then(|last| self.pieces.get(last));
        let between = before.and_then(|before| self.text.get(before.end..piece.start)).unwrap_or_default();
        let blank = between.matches('\n').count() > 1;
        if piece.kind == PieceKind::Comment {
            self.comment(piece, before.is_some() && !between.contains('\n'), blank);
        } else {
            match self.pending.take() {
                Some(line) => self.begin(line, blank),
                None if piece.spaced && !self.out.is_empty() => self.out.push(' '),
                None => {}
            }
            self.out.push_str(&piece.text);
        }
        self.next += 1;
    }

    fn comment(&mut self, comment: &Piece<'_>, trailing: bool, blank: bool) {
        let below = Line { indent: self.indent + 1, gap: Gap::None };
        let line = self.pending.take();
        if trailing {
            self.out.push_str("  ");
            self.out.push_str(&comment.text);
            self.pending = Some(line.unwrap_or(below));
            return;
        }
        let line = line.unwrap_or(below);
        self.begin(line, blank);
        self.out.push_str(&comment.text);
        let gap = if line.gap == Gap::None { Gap::None } else { Gap::Kept };
        self.pending = Some(Line { gap, ..line });
    }

    fn begin(&mut self, line: Line, blank: bool) {
        if !self.out.is_empty() {
            self.out.push('\n');
            if line.gap == Gap::Always || line.gap == Gap::Kept && blank {
                self.out.push('\n');
            }
        }
        self.out.push_str(&"  ".repeat(line.indent));
    }
}

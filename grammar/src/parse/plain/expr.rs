//! Plain expressions, bound by the precedences of the grammar's reader.

use super::{cursor::Cursor, literal::is_time_unit};
use crate::{
    ast::{BinaryOp, Expr, ExprKind, Literal, Name},
    parse::{
        MAX_NAME_BYTES,
        expr::{MAX_DEPTH, Part, chains, is_comparison, rate_over_lines},
        name::RESERVED,
    },
    span::Spanned,
};

/// How tightly `not` binds.
const NOT: u8 = 30;
/// How tightly `is missing` and all comparisons bind.
const COMPARISON: u8 = 40;

/// What stands after an operand, and where it begins and ends.
struct After {
    kind: AfterKind,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy)]
enum AfterKind {
    Binary(BinaryOp),
    Is(bool),
    /// Something that goes on with no expression.
    End,
}

impl AfterKind {
    const fn precedence(self) -> u8 {
        match self {
            Self::End => 0,
            Self::Is(_) => COMPARISON,
            Self::Binary(op) => match op {
                BinaryOp::Or => 10,
                BinaryOp::And => 20,
                BinaryOp::Coalesce => 60,
                BinaryOp::Add | BinaryOp::Sub => 70,
                BinaryOp::Mul | BinaryOp::Div => 80,
                BinaryOp::Eq
                | BinaryOp::Ne
                | BinaryOp::Lt
                | BinaryOp::Le
                | BinaryOp::Gt
                | BinaryOp::Ge
                | BinaryOp::In
                | BinaryOp::NotIn
                | BinaryOp::Like
                | BinaryOp::Matches => COMPARISON,
            },
        }
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn expr(&mut self) -> Option<Part> {
        self.bound(0)
    }

    /// An expression whose operators bind tighter than `least`.
    fn bound(&mut self, least: u8) -> Option<Part> {
        let mut left = self.operand()?;
        loop {
            let after = self.after()?;
            let precedence = after.kind.precedence();
            if precedence <= least {
                return Some(left);
            }
            self.step_to(after.end);
            left = match after.kind {
                AfterKind::End => return Some(left),
                AfterKind::Is(present) => {
                    let (start, depth) = (left.start, left.depth + 1);
                    self.joined(ExprKind::Is(Box::new(left.expr), present), start, after.end, depth)?
                }
                AfterKind::Binary(op) => {
                    let right = self.bound(precedence)?;
                    self.binary(left, op, &after, right)?
                }
            };
        }
    }

    fn joined(&self, kind: ExprKind, start: usize, end: usize, depth: usize) -> Option<Part> {
        let span = self.span(start, end);
        (depth <= MAX_DEPTH).then_some(Part { expr: Expr { kind, span }, depth, grouped: false, start, end })
    }

    fn binary(&self, left: Part, op: BinaryOp, after: &After, right: Part) -> Option<Part> {
        if is_comparison(op) && !left.grouped && chains(&left.expr) {
            return None;
        }
        // `10 req/minite` is reported by whoever knows what was meant.
        let names = matches!(right.expr.kind, ExprKind::Path(_));
        if op == BinaryOp::Div && names && matches!(left.expr.kind, ExprKind::Literal(_)) {
            return None;
        }
        let (start, end) = (left.start, right.end);
        if op == BinaryOp::Div
            && let Some(rate) = rate_over_lines(self.text(), &left, &right)
        {
            return self.joined(ExprKind::Literal(rate), start, end, 1);
        }
        let depth = 1 + left.depth.max(right.depth);
        let op = Spanned { node: op, span: self.span(after.start, after.end) };
        self.joined(ExprKind::Binary(Box::new(left.expr), op, Box::new(right.expr)), start, end, depth)
    }

    fn operand(&mut self) -> Option<Part> {
        let start = self.next();
        match self.byte(start)? {
            b'(' => {
                self.step_to(start + 1);
                let inner = self.expr()?;
                self.sign(b')')?;
                Some(Part { grouped: true, start, end: self.at(), depth: inner.depth + 1, ..inner })
            }
            b'{' => {
                self.step_to(start + 1);
                let (members, depth) = self.list(b'}')?;
                let set = ExprKind::Set(members);
                (depth > 1).then(|| self.joined(set, start, self.at(), depth)).flatten()
            }
            b'"' => {
                let (text, _) = self.string()?;
                self.literal_part(Literal::String(text.to_owned()), start)
            }
            b'0'..=b'9' | b'$' => {
                let literal = self.measure(start)?;
                self.literal_part(literal, start)
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word_operand(start),
            _ => None,
        }
    }

    fn literal_part(&self, literal: Literal, start: usize) -> Option<Part> {
        self.joined(ExprKind::Literal(literal), start, self.at(), 1)
    }

    /// What begins with a word.
    fn word_operand(&mut self, start: usize) -> Option<Part> {
        let word = self.word_at(start);
        self.step_to(start + word.len());
        match word {
            "not" | "NOT" => {
                let right = self.bound(NOT - 1)?;
                let (end, depth) = (right.end, right.depth + 1);
                return self.joined(ExprKind::Not(Box::new(right.expr)), start, end, depth);
            }
            "true" | "false" | "unlimited" if self.byte(self.at()) == Some(b':') => return None,
            "true" => return self.literal_part(Literal::Bool(true), start),
            "false" => return self.literal_part(Literal::Bool(false), start),
            "unlimited" => return self.literal_part(Literal::Unlimited, start),
            _ => {}
        }
        let path = self.path(start)?;
        if self.byte(self.next_inside(self.at())) == Some(b'(') {
            if path.contains('.') {
                return None;
            }
            let (name, arguments, depth) = self.call(path, start)?;
            return self.joined(ExprKind::Call(name, arguments), start, self.at(), depth);
        }
        self.joined(ExprKind::Path(path.to_owned()), start, self.at(), 1)
    }

    /// The name that begins at `start`, with its dots.
    pub(super) fn path(&mut self, start: usize) -> Option<&'a str> {
        let first = self.word_at(start);
        let mut end = start + first.len();
        if first.is_empty() || is_reserved(first) {
            return None;
        }
        while self.byte(end) == Some(b'.') {
            let word = self.word_at(end + 1);
            if word.is_empty() {
                return None;
            }
            end += 1 + word.len();
        }
        let path = self.slice(start, end);
        let foreign =
            matches!(path, "null" | "nil" | "None" | "undefined" | "True" | "TRUE" | "False" | "FALSE");
        // `fe80::1` begins as a name does.
        if foreign || path.len() > MAX_NAME_BYTES || self.byte(end) == Some(b':') {
            return None;
        }
        self.step_to(end);
        Some(path)
    }

    /// What follows the name of a function.
    fn call(&mut self, name: &str, start: usize) -> Option<(Name, Vec<Expr>, usize)> {
        let name = Spanned { node: name.to_owned(), span: self.span(start, self.at()) };
        self.sign(b'(')?;
        let (arguments, depth) = self.list(b')')?;
        Some((name, arguments, depth))
    }

    /// Expressions up to a closing sign, and how deep the tree with them is.
    fn list(&mut self, closing: u8) -> Option<(Vec<Expr>, usize)> {
        let (mut list, mut depth) = (Vec::new(), 0);
        while !self.takes(closing) {
            let part = self.expr()?;
            depth = depth.max(part.depth);
            list.push(part.expr);
            if !self.takes(b',') {
                self.sign(closing)?;
                break;
            }
        }
        Some((list, depth + 1))
    }

    /// What stands after an operand; it is not stepped over.
    fn after(&self) -> Option<After> {
        let start = self.next();
        let Some(first) = self.byte(start) else {
            return Some(After { kind: AfterKind::End, start, end: start });
        };
        if first.is_ascii_alphabetic() || first == b'_' {
            return self.word_after(start);
        }
        let second = self.byte(start + 1);
        let third = self.byte(start + 2);
        let (op, length) = match (first, second) {
            (b'=', Some(b'=')) if third != Some(b'=') => (BinaryOp::Eq, 2),
            (b'!', Some(b'=')) if third != Some(b'=') => (BinaryOp::Ne, 2),
            (b'<', Some(b'=')) => (BinaryOp::Le, 2),
            (b'>', Some(b'=')) => (BinaryOp::Ge, 2),
            (b'<', Some(b'>')) | (b'-', Some(b'>')) => return None,
            (b'<', _) => (BinaryOp::Lt, 1),
            (b'>', _) => (BinaryOp::Gt, 1),
            (b'?', Some(b'?')) => (BinaryOp::Coalesce, 2),
            (b'+', _) => (BinaryOp::Add, 1),
            (b'-', _) => (BinaryOp::Sub, 1),
            (b'*', _) => (BinaryOp::Mul, 1),
            (b'/', _) => (BinaryOp::Div, 1),
            (b',' | b')' | b'}' | b'{' | b'"' | b'0'..=b'9', _) => {
                return Some(After { kind: AfterKind::End, start, end: start });
            }
            _ => return None,
        };
        Some(After { kind: AfterKind::Binary(op), start, end: start + length })
    }

    fn word_after(&self, start: usize) -> Option<After> {
        let word = self.word_at(start);
        let mut end = start + word.len();
        let kind = match word {
            "or" | "OR" => AfterKind::Binary(BinaryOp::Or),
            "and" | "AND" => AfterKind::Binary(BinaryOp::And),
            "in" | "IN" => AfterKind::Binary(BinaryOp::In),
            "like" => AfterKind::Binary(BinaryOp::Like),
            "matches" => AfterKind::Binary(BinaryOp::Matches),
            "not" | "NOT" => {
                let second = self.next_from(end);
                if !matches!(self.word_at(second), "in" | "IN") {
                    return None;
                }
                end = second + 2;
                AfterKind::Binary(BinaryOp::NotIn)
            }
            "is" => {
                let second = self.next_from(end);
                let word = self.word_at(second);
                end = second + word.len();
                match word {
                    "missing" => AfterKind::Is(false),
                    "present" => AfterKind::Is(true),
                    _ => return None,
                }
            }
            _ => AfterKind::End,
        };
        Some(After { kind, start, end })
    }
}

/// Whether a word is none of a name's: capitals count for those that are read in capitals.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word) || matches!(word, "IF" | "THEN" | "ELSE" | "AND" | "OR" | "NOT" | "IN")
}

/// Whether a word may begin the name of a fact in a key.
pub(super) fn may_begin_key(word: &str) -> bool {
    !is_time_unit(word)
}

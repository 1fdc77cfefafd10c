//! Expressions: binds the grammar's flat lists of operands and operators by precedence.

use std::{cell::RefCell, sync::LazyLock};

use pest::pratt_parser::{Assoc, Op, PrattParser};

use crate::{
    ast::{BinaryOp, Expr, ExprKind, Literal, MatchArm, Pattern, PatternKind, RateWindow},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        FEWER_OPERATORS,
        foreign::instead,
        reader::{Broken, Read, Reader},
        syntax::{Node, Rule},
        words,
    },
    scan::significant,
    span::Spanned,
};

/// The tree of an expression is at most so deep; a long chain of `or` is as deep as it is long.
pub(super) const MAX_DEPTH: usize = 256;

/// Loosest first.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let infix = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(infix(Rule::op_or))
        .op(infix(Rule::op_and))
        .op(Op::prefix(Rule::op_not))
        .op(infix(Rule::op_eq)
            | infix(Rule::op_ne)
            | infix(Rule::op_lt)
            | infix(Rule::op_le)
            | infix(Rule::op_gt)
            | infix(Rule::op_ge)
            | infix(Rule::op_in)
            | infix(Rule::op_not_in)
            | infix(Rule::op_like)
            | infix(Rule::op_matches)
            | infix(Rule::odd_assign)
            | Op::postfix(Rule::is_missing)
            | Op::postfix(Rule::is_present)
            | Op::postfix(Rule::odd_is_not))
        .op(infix(Rule::odd_range))
        .op(infix(Rule::op_coalesce))
        .op(infix(Rule::op_add) | infix(Rule::op_sub))
        .op(infix(Rule::op_mul) | infix(Rule::op_div))
        .op(Op::postfix(Rule::lookup))
});

/// An expression while its operators are bound.
pub(super) struct Part {
    pub(super) expr: Expr,
    pub(super) depth: usize,
    /// Whether parentheses stand around it.
    pub(super) grouped: bool,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The rate that an amount over a length of time is, `12 req / 10 s` on two lines: where lines break means nothing. Not
/// with a comment in it, which has no place in a literal.
pub(super) fn rate_over_lines(text: &str, left: &Part, right: &Part) -> Option<Literal> {
    match (&left.expr.kind, &right.expr.kind) {
        (ExprKind::Literal(Literal::Amount(amount, unit)), ExprKind::Literal(Literal::Duration(window)))
            if !left.grouped
                && !right.grouped
                && window.0 > 0
                && text.get(left.end..right.start).is_some_and(|between| !between.contains('#')) =>
        {
            Some(Literal::Rate(*amount, Some(*unit), RateWindow::Span(*window)))
        }
        _ => None,
    }
}

impl<'a> Reader<'a, '_> {
    pub(super) fn expr(&mut self, node: &Node<'a>) -> Read<Expr> {
        self.part(node).map(|part| part.expr)
    }

    fn part(&mut self, node: &Node<'a>) -> Read<Part> {
        let base = node.base();
        let reader = RefCell::new(self);
        PRECEDENCE
            .map_primary(|pair| reader.borrow_mut().operand(&Node::new(pair, base)))
            .map_prefix(|op, right: Read<Part>| reader.borrow_mut().negation(&Node::new(op, base), right?))
            .map_infix(|left: Read<Part>, op, right: Read<Part>| {
                reader.borrow_mut().binary(left?, &Node::new(op, base), right?)
            })
            .map_postfix(|left: Read<Part>, op| reader.borrow_mut().postfix(left?, &Node::new(op, base)))
            .parse(node.pairs())
    }

    /// Puts an expression together; the parts' places count the parentheses around them.
    fn joined(&mut self, kind: ExprKind, start: usize, end: usize, depth: usize) -> Read<Part> {
        let span = self.span(start, end);
        if depth > MAX_DEPTH {
            let message = "this expression has too many operators";
            let first = significant(self.text, start).map_or(span, |token| self.span(token.start, token.end));
            return self
                .refuse(Diagnostic::new(Code::RL0006, message, first, "begins here").help(FEWER_OPERATORS));
        }
        Ok(Part { expr: Expr { kind, span }, depth, grouped: false, start, end })
    }

    fn operand(&mut self, node: &Node<'a>) -> Read<Part> {
        let (start, end) = (node.start(), node.end());
        match node.rule() {
            Rule::group => {
                let inner = self.need(node, Rule::expr)?;
                let part = self.part(&inner)?;
                Ok(Part { grouped: true, start, end, depth: part.depth + 1, ..part })
            }
            Rule::path => {
                let kind = self.path(node)?;
                self.joined(kind, start, end, 1)
            }
            Rule::call => {
                let (name, arguments, depth) = self.call(node)?;
                self.joined(ExprKind::Call(name, arguments), start, end, depth)
            }
            Rule::set_literal => {
                let (members, depth) = self.list(node)?;
                self.joined(ExprKind::Set(members), start, end, depth)
            }
            Rule::if_expr => {
                let mut parts = Vec::new();
                for child in node.all(Rule::expr) {
                    parts.push(self.part(&child)?);
                }
                let depth = 1 + parts.iter().map(|part| part.depth).max().unwrap_or_default();
                let mut parts = parts.into_iter().map(|part| Box::new(part.expr));
                let (Some(condition), Some(then), Some(otherwise)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    return self.unreadable(node);
                };
                self.joined(ExprKind::If(condition, then, otherwise), start, end, depth)
            }
            Rule::match_expr => self.match_expr(node),
            _ => {
                let literal = self.literal(node)?;
                self.joined(ExprKind::Literal(literal), start, end, 1)
            }
        }
    }

    fn path(&mut self, node: &Node<'a>) -> Read<ExprKind> {
        let text = node.text();
        let span = self.span_of(node);
        let other = match text {
            "null" | "nil" | "None" | "undefined" => {
                let message = format!("there is no `{text}`: a value is present or missing");
                Some(
                    Diagnostic::new(Code::RL0007, message, span, "")
                        .help("write `x is missing` or `x is present`"),
                )
            }
            "True" | "TRUE" => Some(instead(text, "true", span)),
            "False" | "FALSE" => Some(instead(text, "false", span)),
            _ => super::name::too_long(text, span),
        };
        match other {
            Some(diagnostic) => self.refuse(diagnostic),
            None => Ok(ExprKind::Path(text.to_owned())),
        }
    }

    pub(super) fn call(&mut self, node: &Node<'a>) -> Read<(Spanned<String>, Vec<Expr>, usize)> {
        let name = self.need(node, Rule::call_name)?;
        let (arguments, depth) = self.list(node)?;
        Ok((self.spanned(&name, name.text().to_owned()), arguments, depth))
    }

    /// The expressions of a list and how deep their tree is.
    fn list(&mut self, node: &Node<'a>) -> Read<(Vec<Expr>, usize)> {
        let mut depth = 0;
        let mut list = Vec::new();
        for child in node.all(Rule::expr) {
            let part = self.part(&child)?;
            depth = depth.max(part.depth);
            list.push(part.expr);
        }
        Ok((list, depth + 1))
    }

    fn match_expr(&mut self, node: &Node<'a>) -> Read<Part> {
        let subject = self.need(node, Rule::expr)?;
        let subject = self.part(&subject)?;
        let mut depth = subject.depth;
        let mut arms = Vec::new();
        for arm in node.all(Rule::arm) {
            let patterns = self.patterns(&arm)?;
            let body = self.need(&arm, Rule::expr)?;
            let body = self.part(&body)?;
            depth = depth.max(body.depth);
            // The comma after an arm is not part of it.
            let span = self.span(arm.start(), body.end);
            arms.push(MatchArm { patterns, body: body.expr, span });
        }
        self.joined(ExprKind::Match(Box::new(subject.expr), arms), node.start(), node.end(), depth + 1)
    }

    /// The patterns of an arm, whose arrow is checked too.
    pub(super) fn patterns(&mut self, arm: &Node<'a>) -> Read<Vec<Pattern>> {
        let arrow = self.need(arm, Rule::arrow)?;
        if arrow.text() != "=>" {
            let span = self.span_of(&arrow);
            self.report(instead(arrow.text(), "=>", span));
        }
        let list = self.need(arm, Rule::patterns)?;
        let mut patterns = Vec::new();
        for pattern in list.all(Rule::pattern) {
            let span = self.span_of(&pattern);
            let Some(node) = pattern.children().next() else { return self.unreadable(&pattern) };
            let kind = match node.rule() {
                Rule::k_else => PatternKind::Else,
                Rule::ident => PatternKind::Name(node.text().to_owned()),
                Rule::odd_wildcard => {
                    self.report(instead(node.text(), "else", span));
                    PatternKind::Else
                }
                _ => PatternKind::Literal(self.literal(&node)?),
            };
            patterns.push(Pattern { kind, span });
        }
        Ok(patterns)
    }

    fn negation(&mut self, op: &Node<'a>, right: Part) -> Read<Part> {
        if op.text() == "!" {
            let span = self.span_of(op);
            self.report(Diagnostic::new(Code::RL0007, "`!` is written `not`", span, "").fix(
                "write `not`",
                span,
                "not ",
            ));
        }
        self.joined(ExprKind::Not(Box::new(right.expr)), op.start(), right.end, right.depth + 1)
    }

    fn binary(&mut self, left: Part, op: &Node<'a>, right: Part) -> Read<Part> {
        let span = self.span(op.start(), op.end());
        let sign = span.text(self.text);
        self.check_window(&left, op, &right)?;
        let binary = match op.rule() {
            Rule::op_or => BinaryOp::Or,
            Rule::op_and => BinaryOp::And,
            Rule::op_eq | Rule::odd_assign => BinaryOp::Eq,
            Rule::op_ne => BinaryOp::Ne,
            Rule::op_lt => BinaryOp::Lt,
            Rule::op_le => BinaryOp::Le,
            Rule::op_gt => BinaryOp::Gt,
            Rule::op_ge => BinaryOp::Ge,
            Rule::op_in => BinaryOp::In,
            Rule::op_not_in => BinaryOp::NotIn,
            Rule::op_like => BinaryOp::Like,
            Rule::op_matches => BinaryOp::Matches,
            Rule::op_coalesce => BinaryOp::Coalesce,
            Rule::op_add => BinaryOp::Add,
            Rule::op_sub => BinaryOp::Sub,
            Rule::op_mul => BinaryOp::Mul,
            Rule::op_div => BinaryOp::Div,
            _ => {
                self.unsupported("ranges outside `int in 1..10` are", span);
                return Err(Broken);
            }
        };
        if op.is(Rule::odd_assign) {
            let diagnostic = Diagnostic::new(Code::RL0004, "`=` does not compare: write `==`", span, "").fix(
                "write `==`",
                span,
                "==",
            );
            self.report(diagnostic);
        } else if matches!(sign, "&&" | "||" | "===" | "!==" | "<>") {
            self.report(instead(sign, binary.sign(), span));
        }
        if is_comparison(binary) && !left.grouped && chains(&left.expr) {
            let first = self.span(left.start, left.end);
            let diagnostic =
                Diagnostic::new(Code::RL0001, "comparisons do not chain", span, "a second comparison")
                    .label(first, "compared already")
                    .help("compare twice: `a < b and b < c`");
            return self.refuse(diagnostic);
        }
        if binary == BinaryOp::Div
            && let Some(rate) = rate_over_lines(self.text, &left, &right)
        {
            return self.joined(ExprKind::Literal(rate), left.start, right.end, 1);
        }
        let depth = 1 + left.depth.max(right.depth);
        let operator = Spanned { node: binary, span };
        let kind = ExprKind::Binary(Box::new(left.expr), operator, Box::new(right.expr));
        self.joined(kind, left.start, right.end, depth)
    }

    /// Refuses `10 req/minite`, which would be a division.
    fn check_window(&mut self, left: &Part, op: &Node<'a>, right: &Part) -> Read<()> {
        let ExprKind::Path(word) = &right.expr.kind else { return Ok(()) };
        let literal = matches!(left.expr.kind, ExprKind::Literal(_));
        if !op.is(Rule::op_div) || !literal || right.start != op.end() || left.end != op.start() {
            return Ok(());
        }
        match words::similar(word, &words::TIME_UNITS) {
            Some(_) => self.refuse(words::unknown("unit of time", word, &words::TIME_UNITS, right.expr.span)),
            None => Ok(()),
        }
    }

    fn postfix(&mut self, left: Part, op: &Node<'a>) -> Read<Part> {
        let span = self.span(op.start(), op.end());
        let present = match op.rule() {
            Rule::is_present => true,
            Rule::is_missing => false,
            Rule::odd_is_not => {
                let present = op.child(Rule::k_missing).is_some();
                let plain = if present { "is present" } else { "is missing" };
                self.report(instead(span.text(self.text), plain, span));
                present
            }
            _ => return self.lookup(left, op),
        };
        self.joined(ExprKind::Is(Box::new(left.expr), present), left.start, op.end(), left.depth + 1)
    }

    /// `price[model].input`
    fn lookup(&mut self, left: Part, op: &Node<'a>) -> Read<Part> {
        let ExprKind::Path(name) = left.expr.kind else {
            let span = self.span_of(op);
            let message = "only a table is looked up with brackets";
            let diagnostic = Diagnostic::new(Code::RL0001, message, span, "")
                .help("write the table's name before them: `price[model].input`");
            return self.refuse(diagnostic);
        };
        let table = Spanned { node: name, span: left.expr.span };
        let (keys, depth) = self.list(op)?;
        let column = op.child(Rule::field).map(|field| {
            let name = field.text().trim_start_matches('.').to_owned();
            Spanned { node: name, span: self.span(field.start() + 1, field.end()) }
        });
        self.joined(ExprKind::Lookup(table, keys, column), left.start, op.end(), depth.max(left.depth) + 1)
    }
}

pub(super) const fn is_comparison(op: BinaryOp) -> bool {
    match op {
        BinaryOp::Eq
        | BinaryOp::Ne
        | BinaryOp::Lt
        | BinaryOp::Le
        | BinaryOp::Gt
        | BinaryOp::Ge
        | BinaryOp::In
        | BinaryOp::NotIn
        | BinaryOp::Like
        | BinaryOp::Matches => true,
        BinaryOp::Or
        | BinaryOp::And
        | BinaryOp::Coalesce
        | BinaryOp::Add
        | BinaryOp::Sub
        | BinaryOp::Mul
        | BinaryOp::Div => false,
    }
}

pub(super) fn chains(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Binary(_, op, _) => is_comparison(op.node),
        ExprKind::Is(..) => true,
        ExprKind::Literal(_)
        | ExprKind::Path(_)
        | ExprKind::Call(..)
        | ExprKind::Lookup(..)
        | ExprKind::Set(_)
        | ExprKind::Not(_)
        | ExprKind::If(..)
        | ExprKind::Match(..) => false,
    }
}

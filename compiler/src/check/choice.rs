//! Choices: `if` as an expression, `match`, and whether its arms cover every value.

use std::collections::HashMap;

use limitrate_core::facts::{FactId, FactType};
use limitrate_grammar::{
    ast::{self, Literal, PatternKind},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::{Checker, membership::any_of};
use crate::{
    checked::{Comparison, Expr, ExprKind, Type},
    resolve::Symbol,
};

/// Arms are tried one after the other, each within the one before: the most that may be tried for one request in a
/// `match` and those around it.
const MAX_ARMS: usize = 512;

/// The length of the word `match`.
const MATCH_WORD_BYTES: u32 = 5;

impl Checker<'_> {
    /// `if condition then a else b`, typed.
    pub(super) fn choice(&mut self, condition: Expr, then: Expr, otherwise: Expr, span: Span) -> Expr {
        let (then, otherwise) = self.meet(then, otherwise);
        let ty = self.unify(&then, &otherwise, "come from one choice");
        let absent = then.absent.or(otherwise.absent);
        let tests_absent = then.tests_absent.or(otherwise.tests_absent);
        let kind = ExprKind::If(Box::new(condition), Box::new(then), Box::new(otherwise));
        Expr { kind, ty, absent, tests_absent, span }
    }

    pub(super) fn match_expr(
        &mut self,
        subject: &ast::Expr,
        arms: &[ast::MatchArm<ast::Expr>],
        span: Span,
    ) -> Expr {
        let mut typed = self.expr(subject);
        let mut chain: Vec<(Option<Expr>, Expr)> = Vec::new();
        self.arms += arms.len();
        for arm in arms {
            let condition = self.arm_condition(&mut typed, &arm.patterns);
            let known = condition.as_ref().map(|c| self.known_if(c, true)).unwrap_or_default();
            let value = self.knowing(known, |c| c.expr(&arm.body));
            chain.push((condition, value));
        }
        self.arms -= arms.len();
        self.exhaustive(&typed, &patterns_of(arms), span);
        if self.too_many_arms(arms, span) {
            return Expr::unknown(span);
        }
        let Some((_, mut value)) = chain.pop() else { return Expr::unknown(span) };
        while let Some((condition, earlier)) = chain.pop() {
            let condition = condition.unwrap_or_else(|| Expr::number(1, Type::Bool, span));
            value = self.choice(condition, earlier, value, span);
        }
        value
    }

    /// Whether the subject of a `match` is one of the patterns; `None` for `else`.
    ///
    /// Where subject and pattern do not go together, that is reported once: to the arms after it, the subject is unknown.
    pub(super) fn arm_condition(&mut self, subject: &mut Expr, patterns: &[ast::Pattern]) -> Option<Expr> {
        let mut tests = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            tests.push(match &pattern.kind {
                PatternKind::Else => return None,
                PatternKind::Literal(literal) => self.is_literal(subject, literal, pattern.span),
                PatternKind::Name(name) => self.is_named(subject, name, pattern.span),
            });
        }
        let (first, last) = (tests.first()?.span, tests.last()?.span);
        Some(any_of(tests, first.to(last)))
    }

    /// Reports a `match` that, with those around it, has more arms than are taken.
    pub(super) fn too_many_arms<T>(&mut self, arms: &[ast::MatchArm<T>], span: Span) -> bool {
        let count = self.arms + arms.len();
        let Some(extra) = MAX_ARMS.checked_sub(self.arms).and_then(|left| arms.get(left)) else {
            return false;
        };
        let message = format!("this `match` leads to {count} arms; at most {MAX_ARMS} are told apart");
        let word = Span { end: span.start + MATCH_WORD_BYTES, ..span };
        self.report(
            Diagnostic::new(Code::RL0509, message, extra.span, "one too many")
                .label(word, "the arms around it count too")
                .help("values that mean the same share an arm: `\"us\", \"ca\" => …`"),
        );
        true
    }

    fn is_literal(&mut self, subject: &mut Expr, literal: &Literal, span: Span) -> Expr {
        if let Literal::Net(net) = literal {
            return self.in_nets(subject.clone(), vec![*net], span);
        }
        let value = self.literal(literal, span);
        let (left, value) = self.meet(subject.clone(), value);
        self.unify_pattern(subject, &value);
        let subject = left;
        if let Some(wrong) = self.compares_test(Comparison::Eq, &subject, &value, span) {
            return wrong;
        }
        self.compares_path(&subject, &value);
        let kind = ExprKind::Compare(Comparison::Eq, Box::new(subject), Box::new(value));
        Expr::new(kind, Type::Bool, span)
    }

    /// Reports a pattern whose type is not the subject's, and makes the subject one that goes with everything.
    fn unify_pattern(&mut self, subject: &mut Expr, pattern: &Expr) {
        let known = subject.ty != Type::Unknown && pattern.ty != Type::Unknown;
        if self.unify(subject, pattern, "compare") == Type::Unknown && known {
            subject.ty = Type::Unknown;
        }
    }

    fn is_named(&mut self, subject: &mut Expr, name: &str, span: Span) -> Expr {
        if let Some(Symbol::Set(position)) = self.resolved.symbol(name, span) {
            return self.in_set(subject.clone(), position, span);
        }
        let value = self.path(name, span);
        let is_constant = matches!(value.kind, ExprKind::Const(_) | ExprKind::Text(_));
        if !is_constant && value.ty != Type::Unknown {
            return self.wrong(
                Diagnostic::new(
                    Code::RL0403,
                    "what a `match` looks for is constant",
                    span,
                    "this depends on the request",
                )
                .help("compare two facts with `if … == …`"),
                span,
            );
        }
        self.unify_pattern(subject, &value);
        let kind = ExprKind::Compare(Comparison::Eq, Box::new(subject.clone()), Box::new(value));
        Expr::new(kind, Type::Bool, span)
    }

    /// Reports values of the subject that no pattern covers, and patterns that stand twice.
    pub(super) fn exhaustive(&mut self, subject: &Expr, patterns: &[&ast::Pattern], span: Span) {
        let mut seen: HashMap<&PatternKind, Span> = HashMap::new();
        for pattern in patterns {
            let first = *seen.entry(&pattern.kind).or_insert(pattern.span);
            if first != pattern.span {
                let message = "this value has an arm already";
                self.report(
                    Diagnostic::new(Code::RL0102, message, pattern.span, "never reached")
                        .label(first, "the first arm for it"),
                );
            }
        }
        let covered = |kind: PatternKind| seen.contains_key(&kind);
        if covered(PatternKind::Else) || subject.ty == Type::Unknown {
            return;
        }
        if self.cut_short(span) {
            return; // an arm could not be read
        }
        let missing = match (&subject.ty, subject.absent) {
            (_, Some(_)) => vec!["a request without it".to_owned()],
            (Type::OneOf(fact), None) => self.uncovered(*fact, covered),
            (Type::Plan, None) => self
                .out
                .plans
                .iter()
                .filter(|plan| !covered(PatternKind::Name((*plan).clone())))
                .cloned()
                .collect(),
            (Type::Bool, None) => [true, false]
                .into_iter()
                .filter(|value| !covered(PatternKind::Literal(Literal::Bool(*value))))
                .map(|v| v.to_string())
                .collect(),
            _ => vec!["every other value".to_owned()],
        };
        if missing.is_empty() {
            return;
        }
        let shown: Vec<&str> = missing.iter().take(3).map(String::as_str).collect();
        let more = if missing.len() > 3 { format!(" and {} more", missing.len() - 3) } else { String::new() };
        self.report(
            Diagnostic::new(
                Code::RL0204,
                format!("this `match` leaves out {}{more}", shown.join(", ")),
                subject.span,
                "not every value has an arm",
            )
            .label(Span { start: span.end.saturating_sub(1), ..span }, "an arm is missing before this")
            .fix(
                "add an arm for the rest",
                Span { start: span.end.saturating_sub(1), ..span }.before(),
                "  else => …\n",
            ),
        );
    }

    fn uncovered(&self, fact: FactId, covered: impl Fn(PatternKind) -> bool) -> Vec<String> {
        let Some(FactType::OneOf(members)) = self.out.facts.get(usize::from(fact.0)).map(|f| &f.decl.ty)
        else {
            return Vec::new();
        };
        members
            .iter()
            .filter(|member| !covered(PatternKind::Literal(Literal::String(member.to_string()))))
            .map(|member| format!("\"{member}\""))
            .collect()
    }
}

/// The patterns of all arms in order.
pub(super) fn patterns_of<T>(arms: &[ast::MatchArm<T>]) -> Vec<&ast::Pattern> {
    arms.iter().flat_map(|arm| &arm.patterns).collect()
}

//! Membership and patterns: `in`, `like`, `matches`.

use limitrate_grammar::{
    ast::{self, BinaryOp, ExprKind as Syntax, Literal},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::Checker;
use crate::{
    checked::{Comparison, Expr, ExprKind, ScheduleId, Type},
    resolve::Symbol,
};

/// A set with so many members is compared with a fact once, however many rules do.
const SHARED_MEMBERS: usize = 64;

impl Checker<'_> {
    /// `x in set`, where the set has a name, is written out, is a network, or is a schedule.
    pub(super) fn membership(&mut self, left: &ast::Expr, right: &ast::Expr, span: Span) -> Expr {
        let subject = self.expr(left);
        match &right.kind {
            Syntax::Path(name) => match self.resolved.symbol(name, right.span) {
                Some(Symbol::Set(position)) => self.in_set(subject, position, span),
                Some(Symbol::Schedule(position)) => self.in_schedule(&subject, position, span),
                Some(Symbol::Calendar(position)) => self.in_days(subject, position, span),
                Some(other) => self.wrong(
                    Diagnostic::new(
                        Code::RL0202,
                        format!("`{name}` is {}, not a set", other.noun()),
                        right.span,
                        "nothing can be in it",
                    )
                    .help("compare with `==`, or write the set: `in {\"a\", \"b\"}`"),
                    span,
                ),
                None => {
                    let holds = |symbol| matches!(symbol, Symbol::Set(_) | Symbol::Schedule(_));
                    let known = self.resolved.names(right.span, holds);
                    let mut diagnostic = self.unknown("set or schedule", name, right.span, known);
                    if diagnostic.fixes.is_empty() {
                        diagnostic = diagnostic.help(format!("declare it: `set {name} = \"a\", \"b\"`"));
                    }
                    self.lacking(name, diagnostic, span)
                }
            },
            Syntax::Set(members) => self.in_members(subject, members, span),
            Syntax::Literal(Literal::Net(_)) => self.in_members(subject, std::slice::from_ref(right), span),
            Syntax::Literal(_)
            | Syntax::Call(..)
            | Syntax::Lookup(..)
            | Syntax::Not(_)
            | Syntax::Binary(..)
            | Syntax::Is(..)
            | Syntax::If(..)
            | Syntax::Match(..) => self.wrong(
                Diagnostic::new(
                    Code::RL0202,
                    "`in` needs a set, a network or a schedule",
                    right.span,
                    "not a set",
                )
                .help("write the set in braces: `in {\"a\", \"b\"}`"),
                span,
            ),
        }
    }

    pub(super) fn in_set(&mut self, subject: Expr, position: usize, span: Span) -> Expr {
        self.uses.symbol(Symbol::Set(position), span);
        let resolved = self.resolved;
        let Some(set) = resolved.sets.get(position) else { return Expr::unknown(span) };
        let ExprKind::Fact(fact) = subject.kind else { return self.in_members(subject, &set.members, span) };
        if set.members.len() < SHARED_MEMBERS {
            return self.in_members(subject, &set.members, span);
        }
        let tests_absent = subject.absent.map(|_| span);
        let id = match self.memberships.get(&(position, fact)) {
            Some(id) => *id,
            None => {
                let tested = self.in_members(subject, &set.members, span);
                if tested.ty == Type::Unknown {
                    return tested;
                }
                let id = self.push_generated(tested, span);
                self.memberships.insert((position, fact), id);
                id
            }
        };
        Expr { tests_absent, ..Expr::new(ExprKind::Let(id), Type::Bool, span) }
    }

    /// Whether now, or a date, is one of a calendar's days.
    fn in_days(&mut self, subject: Expr, position: usize, span: Span) -> Expr {
        if matches!(subject.kind, ExprKind::Now) {
            return self.in_calendar(position, span);
        }
        if subject.ty != Type::Date && subject.ty != Type::Unknown {
            return self.wrong(
                Diagnostic::new(
                    Code::RL0202,
                    "only `now` or a date is in a calendar",
                    subject.span,
                    subject.ty.noun(),
                )
                .fix("ask for now", subject.span, "now"),
                span,
            );
        }
        let resolved = self.resolved;
        let days =
            resolved.calendars.get(position).map(|calendar| calendar.days.as_slice()).unwrap_or_default();
        let tests = days.iter().map(|day| {
            let day = Expr::number(day.node.0.into(), Type::Date, day.span);
            let is = ExprKind::Compare(Comparison::Eq, Box::new(subject.clone()), Box::new(day));
            Expr::new(is, Type::Bool, span)
        });
        let tests_absent = subject.absent.map(|_| span).or(subject.tests_absent);
        Expr { tests_absent, ..any_of(tests.collect(), span) }
    }

    fn in_schedule(&mut self, subject: &Expr, position: usize, span: Span) -> Expr {
        self.uses.symbol(Symbol::Schedule(position), span);
        if !matches!(subject.kind, ExprKind::Now) {
            return self.wrong(
                Diagnostic::new(Code::RL0202, "only `now` is in a schedule", subject.span, subject.ty.noun())
                    .fix("ask for now", subject.span, "now"),
                span,
            );
        }
        Expr::new(ExprKind::Holds(ScheduleId(position)), Type::Bool, span)
    }

    /// Membership in constants: networks at once, other values one by one.
    fn in_members(&mut self, subject: Expr, members: &[ast::Expr], span: Span) -> Expr {
        let nets: Vec<_> = members
            .iter()
            .filter_map(|m| if let Syntax::Literal(Literal::Net(net)) = &m.kind { Some(*net) } else { None })
            .collect();
        if !nets.is_empty() && nets.len() == members.len() {
            return self.in_nets(subject, nets, span);
        }
        let mut tests: Vec<Expr> = Vec::with_capacity(members.len());
        for member in members {
            let typed = self.set_member(member);
            let (left, value) = self.meet(subject.clone(), typed);
            let (known, ty) = (left.ty.clone(), value.ty.clone());
            if self.unify(&left, &value, "compare") == Type::Unknown
                && known != Type::Unknown
                && ty != Type::Unknown
            {
                return Expr::unknown(span); // the others differ in the same way
            }
            if let Some(wrong) = self.compares_test(Comparison::Eq, &left, &value, span) {
                return wrong;
            }
            self.compares_path(&left, &value);
            let is = ExprKind::Compare(Comparison::Eq, Box::new(left), Box::new(value));
            tests.push(Expr::new(is, Type::Bool, member.span));
        }
        let tests_absent = subject.absent.map(|_| span).or(subject.tests_absent);
        Expr { tests_absent, ..any_of(tests, span) }
    }

    /// Whether an address lies in networks.
    pub(super) fn in_nets(&mut self, subject: Expr, nets: Vec<ipnet::IpNet>, span: Span) -> Expr {
        if subject.ty != Type::Ip && subject.ty != Type::Unknown {
            let noun = subject.ty.noun();
            return self.wrong(
                Diagnostic::new(
                    Code::RL0202,
                    format!("{noun} and an address do not compare"),
                    span,
                    "an address",
                )
                .label(subject.span, noun),
                span,
            );
        }
        let tests_absent = subject.absent.map(|_| span);
        Expr { tests_absent, ..Expr::new(ExprKind::InNets(Box::new(subject), nets), Type::Bool, span) }
    }

    pub(super) fn pattern(&mut self, left: &ast::Expr, op: BinaryOp, right: &ast::Expr, span: Span) -> Expr {
        let subject = self.expr(left);
        let subject = self.require(subject, &Type::Text, &format!("`{}` looks at", op.sign()));
        let Syntax::Literal(Literal::String(text)) = &right.kind else {
            return self.wrong(
                Diagnostic::new(Code::RL0403, "a pattern is text in quotes", right.span, "not literal text"),
                span,
            );
        };
        let tests_absent = subject.absent.map(|_| span);
        let kind = if op == BinaryOp::Like {
            ExprKind::Like(Box::new(subject), text.clone())
        } else {
            if let Err(problem) = self.regexes.add(text, right.span) {
                return self.wrong(*problem, span);
            }
            ExprKind::Matches(Box::new(subject), text.clone())
        };
        Expr { tests_absent, ..Expr::new(kind, Type::Bool, span) }
    }
}

/// Whether one of the tests holds, as a tree whose depth is the logarithm of their number.
pub(super) fn any_of(mut tests: Vec<Expr>, span: Span) -> Expr {
    while tests.len() > 1 {
        let mut pairs = Vec::with_capacity(tests.len().div_ceil(2));
        let mut rest = tests.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => Expr::new(ExprKind::Or(Box::new(left), Box::new(right)), Type::Bool, span),
                None => left,
            });
        }
        tests = pairs;
    }
    tests.pop().unwrap_or_else(|| Expr::number(0, Type::Bool, span))
}

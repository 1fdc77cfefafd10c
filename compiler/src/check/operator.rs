//! Operators: the unit algebra, comparisons, and what each makes of absence. Membership is in [`super::membership`].

use limitrate_grammar::{
    ast::{self, BinaryOp, ExprKind as Syntax, Literal},
    code::Code,
    diagnostic::Diagnostic,
    span::{Span, Spanned},
};

use super::{Checker, declaration::single_address};
use crate::{
    checked::{Arithmetic, Comparison, Expr, ExprKind, Type},
    ir::arithmetic,
    resolve::Symbol,
};

impl Checker<'_> {
    pub(super) fn not(&mut self, inner: &ast::Expr, span: Span) -> Expr {
        let written = inner.span;
        let inner = self.condition(inner);
        if let Some(test) = inner.tests_absent {
            return self.turned_round(test, written, span);
        }
        Expr::new(ExprKind::Not(Box::new(inner)), Type::Bool, span)
    }

    /// `x is present`, `x is missing`.
    pub(super) fn is(&mut self, inner: &ast::Expr, present: bool, span: Span) -> Expr {
        let value = self.expr(inner);
        let test = Expr::new(ExprKind::Present(Box::new(value)), Type::Bool, span);
        if present { test } else { Expr::new(ExprKind::Not(Box::new(test)), Type::Bool, span) }
    }

    pub(super) fn binary(
        &mut self,
        left: &ast::Expr,
        op: &Spanned<BinaryOp>,
        right: &ast::Expr,
        span: Span,
    ) -> Expr {
        match op.node {
            BinaryOp::And => self.logical(left, right, true, span),
            BinaryOp::Or => self.logical(left, right, false, span),
            BinaryOp::Eq => self.comparison(Comparison::Eq, op.span, (left, right), span),
            BinaryOp::Ne => self.comparison(Comparison::Ne, op.span, (left, right), span),
            BinaryOp::Lt => self.comparison(Comparison::Lt, op.span, (left, right), span),
            BinaryOp::Le => self.comparison(Comparison::Le, op.span, (left, right), span),
            BinaryOp::Gt => self.comparison(Comparison::Gt, op.span, (left, right), span),
            BinaryOp::Ge => self.comparison(Comparison::Ge, op.span, (left, right), span),
            BinaryOp::In => self.membership(left, right, span),
            BinaryOp::NotIn => {
                let test = self.membership(left, right, span);
                if test.tests_absent.is_some() {
                    return self.negative_test(span, span);
                }
                Expr::new(ExprKind::Not(Box::new(test)), Type::Bool, span)
            }
            BinaryOp::Like | BinaryOp::Matches => self.pattern(left, op.node, right, span),
            BinaryOp::Coalesce => self.coalesce(left, right, span),
            BinaryOp::Add => self.sum(Arithmetic::Add, left, right, span),
            BinaryOp::Sub => self.sum(Arithmetic::Sub, left, right, span),
            BinaryOp::Mul => self.product(left, right, span),
            BinaryOp::Div => self.quotient(left, right, span),
        }
    }

    fn logical(&mut self, left: &ast::Expr, right: &ast::Expr, and: bool, span: Span) -> Expr {
        let left = self.condition(left);
        // The right side only matters where the left one came out so.
        let right = self.knowing(self.known_if(&left, and), |c| c.condition(right));
        let tests_absent = left.tests_absent.or(right.tests_absent);
        let (left, right) = (Box::new(left), Box::new(right));
        let kind = if and { ExprKind::And(left, right) } else { ExprKind::Or(left, right) };
        Expr { tests_absent, ..Expr::new(kind, Type::Bool, span) }
    }

    fn comparison(
        &mut self,
        comparison: Comparison,
        sign: Span,
        (left, right): (&ast::Expr, &ast::Expr),
        span: Span,
    ) -> Expr {
        if let Some(wrong) = self.compared_with_set(comparison, sign, right) {
            self.expr(left);
            return self.wrong(wrong, span);
        }
        if let Some(expr) = self.address_comparison(comparison, sign, (left, right), span) {
            return expr;
        }
        let (left, right) = (self.expr(left), self.expr(right));
        let (left, right) = self.meet(left, right);
        let ty = self.unify(&left, &right, "compare");
        if left.ty == Type::Unknown || right.ty == Type::Unknown {
            return Expr::unknown(span);
        }
        let equality = matches!(comparison, Comparison::Eq | Comparison::Ne);
        let comparable = match ty {
            Type::Rate(..) | Type::InFlight | Type::Unlimited => false,
            Type::Bool | Type::Text | Type::OneOf(_) | Type::Plan | Type::Ip => equality,
            Type::Int
            | Type::Percent
            | Type::Quantity(_)
            | Type::Price(_)
            | Type::Duration
            | Type::Instant
            | Type::Date
            | Type::Clock
            | Type::Unknown => true,
        };
        if !comparable {
            let ceiling = matches!(ty, Type::Rate(..) | Type::InFlight | Type::Unlimited);
            let (message, help) = if ceiling {
                (
                    format!("{} is a ceiling, and ceilings do not compare", ty.noun()),
                    "compare amounts, or plans: `plan == free`",
                )
            } else {
                (format!("{} has no order", ty.noun()), "compare with `==` or `!=`")
            };
            return self.wrong(
                Diagnostic::new(Code::RL0202, message, left.span, ty.noun())
                    .label(right.span, ty.noun())
                    .help(help),
                span,
            );
        }
        let optional = left.absent.or(right.absent);
        if optional.is_some() && comparison != Comparison::Eq {
            return self.negative_test(span, span);
        }
        if let Some(wrong) = self.compares_test(comparison, &left, &right, span) {
            return wrong;
        }
        self.compares_path(&left, &right);
        let texts = matches!(ty, Type::Text | Type::Ip) && left.reads_fact() && right.reads_fact();
        if texts
            && (self.too_many_texts(&left, &right, span) || self.response_meets_request(&left, &right, span))
        {
            return Expr::unknown(span);
        }
        let tests_absent = optional.map(|_| span).or(left.tests_absent).or(right.tests_absent);
        let kind = ExprKind::Compare(comparison, Box::new(left), Box::new(right));
        Expr { tests_absent, ..Expr::new(kind, Type::Bool, span) }
    }

    /// The report of `==` or `!=` before a set.
    fn compared_with_set(&self, comparison: Comparison, sign: Span, right: &ast::Expr) -> Option<Diagnostic> {
        let named = |name: &str| matches!(self.resolved.symbol(name, right.span), Some(Symbol::Set(_)));
        let is_set =
            matches!(&right.kind, Syntax::Set(_)) || matches!(&right.kind, Syntax::Path(name) if named(name));
        let word = match comparison {
            Comparison::Eq => "in",
            Comparison::Ne => "not in",
            Comparison::Lt | Comparison::Le | Comparison::Gt | Comparison::Ge => return None,
        };
        is_set.then(|| {
            Diagnostic::new(Code::RL0202, "nothing equals a set", right.span, "a set").fix(
                "ask whether it is in the set",
                sign,
                word,
            )
        })
    }

    /// A comparison in which one side is an address as written.
    fn address_comparison(
        &mut self,
        comparison: Comparison,
        sign: Span,
        (left, right): (&ast::Expr, &ast::Expr),
        span: Span,
    ) -> Option<Expr> {
        let (net, net_span, other) = match (&left.kind, &right.kind) {
            (_, Syntax::Literal(Literal::Net(net))) => (*net, right.span, left),
            (Syntax::Literal(Literal::Net(net)), _) => (*net, left.span, right),
            _ => return None,
        };
        let subject = self.expr(other);
        let absent = subject.absent;
        let word = match comparison {
            Comparison::Eq => Some("in"),
            Comparison::Ne => Some("not in"),
            Comparison::Lt | Comparison::Le | Comparison::Gt | Comparison::Ge => None,
        };
        if let (Some(word), None) = (word, single_address(&net)) {
            return Some(
                self.wrong(
                    Diagnostic::new(
                        Code::RL0202,
                        "an address does not equal a network",
                        net_span,
                        "a network",
                    )
                    .fix("ask whether it lies in it", sign, word),
                    span,
                ),
            );
        }
        let equal = self.in_nets(subject, vec![net], span);
        Some(match comparison {
            Comparison::Eq => equal,
            Comparison::Ne if absent.is_some() => self.negative_test(span, span),
            Comparison::Ne => Expr::new(ExprKind::Not(Box::new(equal)), Type::Bool, span),
            Comparison::Lt | Comparison::Le | Comparison::Gt | Comparison::Ge => self.wrong(
                Diagnostic::new(Code::RL0202, "addresses have no order", span, "cannot be compared so")
                    .help("ask whether the address is in a network: `ip in 10.0.0.0/8`"),
                span,
            ),
        })
    }

    fn coalesce(&mut self, left: &ast::Expr, right: &ast::Expr, span: Span) -> Expr {
        let (left, right) = (self.expr(left), self.expr(right));
        let (left, right) = self.meet(left, right);
        let ty = self.unify(&left, &right, "stand in for each other");
        let absent = left.absent.and(right.absent);
        let tests_absent = left.tests_absent.or(right.tests_absent);
        let kind = ExprKind::Coalesce(Box::new(left), Box::new(right));
        Expr { absent, tests_absent, ..Expr::new(kind, ty, span) }
    }

    fn sum(&mut self, operation: Arithmetic, left: &ast::Expr, right: &ast::Expr, span: Span) -> Expr {
        let (left, right) = (self.expr(left), self.expr(right));
        match (&left.ty, operation, &right.ty) {
            (Type::Instant, Arithmetic::Sub, Type::Instant) => {
                return self.arithmetic(operation, left, right, Type::Duration, span);
            }
            (Type::Instant, _, Type::Duration) | (Type::Duration, Arithmetic::Add, Type::Instant) => {
                return self.arithmetic(operation, left, right, Type::Instant, span);
            }
            _ => {}
        }
        let verb = if operation == Arithmetic::Add { "add up" } else { "subtract" };
        let ty = self.unify(&left, &right, verb);
        if matches!(ty, Type::Int | Type::Percent | Type::Quantity(_) | Type::Duration | Type::Unknown) {
            return self.arithmetic(operation, left, right, ty, span);
        }
        let message = format!("{} cannot be added or subtracted", ty.noun());
        self.wrong(
            Diagnostic::new(Code::RL0202, message, left.span, ty.noun()).label(right.span, ty.noun()),
            span,
        )
    }

    /// `q * int`, `q * percent`, `rate * percent`, either way round.
    fn product(&mut self, left: &ast::Expr, right: &ast::Expr, span: Span) -> Expr {
        let (left, right) = (self.expr(left), self.expr(right));
        let (value, factor) = match (&left.ty, &right.ty) {
            (Type::Unknown, _) | (_, Type::Unknown) => return Expr::unknown(span),
            (Type::Price(price), Type::Quantity(unit)) if price.of == *unit => {
                let (operation, ty) = (Arithmetic::Price(price.divisor()), Type::Quantity(price.money));
                return self.arithmetic(operation, left, right, ty, span);
            }
            (Type::Quantity(unit), Type::Price(price)) if price.of == *unit => {
                let (operation, ty) = (Arithmetic::Price(price.divisor()), Type::Quantity(price.money));
                return self.arithmetic(operation, left, right, ty, span);
            }
            (Type::Price(_), _) | (_, Type::Price(_)) => return self.no_priced(&left, &right, span),
            (_, Type::Percent) => (left, right),
            (Type::Percent, _) => (right, left),
            (_, Type::Int) => (left, right),
            (Type::Int, _) => (right, left),
            _ => {
                let message = format!("{} and {} do not multiply", left.ty.noun(), right.ty.noun());
                return self.wrong(
                    Diagnostic::new(Code::RL0201, message, left.span, left.ty.noun())
                        .label(right.span, right.ty.noun())
                        .help("multiply by a plain number or a percentage"),
                    span,
                );
            }
        };
        let (operation, fits) = match (&value.ty, &factor.ty) {
            (Type::Int | Type::Quantity(_) | Type::Duration, Type::Int) => (Arithmetic::Mul, true),
            (
                Type::Int | Type::Quantity(_) | Type::Duration | Type::Rate(..) | Type::InFlight,
                Type::Percent,
            ) => (Arithmetic::Scale, true),
            _ => (Arithmetic::Mul, false),
        };
        if !fits {
            let message = format!("{} and {} do not multiply", value.ty.noun(), factor.ty.noun());
            return self.wrong(
                Diagnostic::new(Code::RL0201, message, value.span, value.ty.noun())
                    .label(factor.span, factor.ty.noun())
                    .help("write the product itself, or multiply by a percentage: `200%` doubles"),
                span,
            );
        }
        let ty = value.ty.clone();
        self.arithmetic(operation, value, factor, ty, span)
    }

    fn no_priced(&mut self, left: &Expr, right: &Expr, span: Span) -> Expr {
        let price = if let Type::Price(price) = &left.ty { Some(*price) } else { None };
        let price = price.or(if let Type::Price(price) = &right.ty { Some(*price) } else { None });
        let of = price.map_or_else(String::new, |price| price.of.to_string());
        let message = format!("{} and {} do not multiply", left.ty.noun(), right.ty.noun());
        self.wrong(
            Diagnostic::new(Code::RL0201, message, left.span, left.ty.noun())
                .label(right.span, right.ty.noun())
                .help(format!(
                    "a price is multiplied by a quantity of {of}, which gives money; shares are of the money"
                )),
            span,
        )
    }

    /// Reports a comparison of texts of which one is known with the request and the other after the response.
    fn response_meets_request(&mut self, left: &Expr, right: &Expr, span: Span) -> bool {
        let (of_left, of_right) = (self.response_fact(left).is_some(), self.response_fact(right).is_some());
        if of_left == of_right {
            return false;
        }
        let message = "comparing a text of the response with one of the request is not supported yet";
        self.report(
            Diagnostic::new(Code::RL0009, message, span, "here").help("compare it with text in quotes"),
        );
        true
    }

    /// Builds an operation; constants are computed, and reported where they leave 64 bits.
    pub(super) fn arithmetic(
        &mut self,
        operation: Arithmetic,
        left: Expr,
        right: Expr,
        ty: Type,
        span: Span,
    ) -> Expr {
        if let (Some(a), Some(b)) = (left.constant(), right.constant()) {
            if left.ty == Type::Unknown || right.ty == Type::Unknown {
                return Expr::unknown(span);
            }
            if arithmetic::saturates(operation, a, b) {
                return self.wrong(
                    Diagnostic::new(Code::RL0013, "the result is outside 64 bits", span, "too large"),
                    span,
                );
            }
            return Expr::number(arithmetic::apply(operation, a, b), ty, span);
        }
        let absence = Expr::new(ExprKind::Now, Type::Unknown, span).absent_as(&[&left, &right]);
        let kind = ExprKind::Arithmetic(operation, Box::new(left), Box::new(right));
        Expr { absent: absence.absent, ..Expr::new(kind, ty, span) }
    }
}

//! Division: what goes through what, and whether the divisor may be zero.

use limitrate_core::time::Nanos;
use limitrate_grammar::{ast, ast::RateWindow, code::Code, diagnostic::Diagnostic, span::Span};

use super::Checker;
use crate::checked::{Arithmetic, Comparison, Expr, ExprKind, Type};

impl Checker<'_> {
    /// `a / b`
    pub(super) fn quotient(&mut self, left: &ast::Expr, right: &ast::Expr, span: Span) -> Expr {
        let (left, right) = (self.expr(left), self.expr(right));
        if let (Type::Quantity(unit), Type::Duration) = (&left.ty, &right.ty) {
            let ty = |window| Type::Rate(*unit, window);
            let Some(window) = self.window_of(&right) else { return Expr::unknown(span) };
            return Expr { ty: ty(RateWindow::Span(window)), span, ..left };
        }
        let Some((operation, ty)) = self.division(&left, &right, span) else { return Expr::unknown(span) };
        let (least, most) = self.range(&right);
        if least <= 0 && most >= 0 {
            return self.may_be_zero((&left, &right), &ty, span);
        }
        self.arithmetic(operation, left, right, ty, span)
    }

    /// `divide(a, b, when_zero)`
    pub(super) fn divide(&mut self, values: [Expr; 3], span: Span) -> Expr {
        let [left, right, when_zero] = values;
        let Some((operation, ty)) = self.division(&left, &right, span) else { return Expr::unknown(span) };
        let when_zero = self.require(when_zero, &ty, "where the divisor is zero, this is");
        if when_zero.ty == Type::Unknown {
            return when_zero;
        }
        let (least, most) = self.range(&right);
        if least > 0 || most < 0 {
            return self.arithmetic(operation, left, right, ty, span);
        }
        // It is looked at twice, and must not be written out twice.
        let plain = matches!(right.kind, ExprKind::Const(_) | ExprKind::Fact(_) | ExprKind::Let(_));
        let right = if plain {
            right
        } else {
            let (ty, absent, at) = (right.ty.clone(), right.absent, right.span);
            let id = self.push_let(right, at);
            Expr { absent, ..Expr::new(ExprKind::Let(id), ty, at) }
        };
        let absence = Expr::unknown(span).absent_as(&[&left, &right, &when_zero]);
        let zero = Expr::number(0, right.ty.clone(), right.span);
        let is_zero = ExprKind::Compare(Comparison::Eq, Box::new(right.clone()), Box::new(zero));
        let quotient = ExprKind::Arithmetic(operation, Box::new(left), Box::new(right));
        let quotient = Expr { absent: absence.absent, ..Expr::new(quotient, ty.clone(), span) };
        let is_zero = Expr::new(is_zero, Type::Bool, span);
        let kind = ExprKind::If(Box::new(is_zero), Box::new(when_zero), Box::new(quotient));
        Expr { absent: absence.absent, ..Expr::new(kind, ty, span) }
    }

    /// How two values divide, and what that gives.
    fn division(&mut self, left: &Expr, right: &Expr, span: Span) -> Option<(Arithmetic, Type)> {
        match (&left.ty, &right.ty) {
            (Type::Unknown, _) | (_, Type::Unknown) => None,
            (Type::Quantity(a), Type::Quantity(b)) if a == b => Some((Arithmetic::Ratio, Type::Percent)),
            (Type::Duration, Type::Duration) => Some((Arithmetic::Ratio, Type::Percent)),
            (Type::Int | Type::Quantity(_) | Type::Duration, Type::Int) => {
                Some((Arithmetic::Divide, left.ty.clone()))
            }
            _ => {
                self.no_division(left, right, span);
                None
            }
        }
    }

    fn no_division(&mut self, left: &Expr, right: &Expr, span: Span) {
        let message = format!("{} does not divide by {}", left.ty.noun(), right.ty.noun());
        let code = match (&left.ty, &right.ty) {
            (Type::Quantity(a), Type::Quantity(b)) if a.is_money() && b.is_money() => Code::RL0209,
            (a, b) if a.is_measure() && b.is_measure() => Code::RL0201,
            _ => Code::RL0202,
        };
        let diagnostic =
            Diagnostic::new(code, message, left.span, left.ty.noun()).label(right.span, right.ty.noun());
        self.report(match (&left.ty, &right.ty) {
            (Type::Rate(..), Type::Int) => {
                let percent = right.constant().filter(|by| *by > 0 && 100 % by == 0).map(|by| 100 / by);
                match percent {
                    Some(percent) => {
                        let written = self.text(left.span).to_owned();
                        diagnostic.fix("multiply by a share", span, format!("{written} * {percent}%"))
                    }
                    None => diagnostic.help("multiply by a share of it: `rate * 50%`"),
                }
            }
            (Type::Quantity(money), Type::Quantity(of)) if money.is_money() && !of.is_money() => {
                diagnostic.help("a price is written as one: `$2.50/Mtok`")
            }
            _ => diagnostic
                .help("a quantity divides by one of its unit, by a plain number, or by a length of time"),
        });
    }

    /// The window of a rate that is written as a division: a constant.
    fn window_of(&mut self, right: &Expr) -> Option<Nanos> {
        let Some(nanos) = right.constant() else {
            let message = "a rate's window is constant";
            self.report(
                Diagnostic::new(Code::RL0403, message, right.span, "depends on the request")
                    .help("write the window itself: `amount / 10 min`"),
            );
            return None;
        };
        if nanos <= 0 {
            let message = "a window must be longer than nothing";
            self.report(Diagnostic::new(Code::RL0206, message, right.span, "no time at all"));
            return None;
        }
        Some(Nanos(nanos))
    }

    fn may_be_zero(&mut self, (left, right): (&Expr, &Expr), ty: &Type, span: Span) -> Expr {
        if right.constant() == Some(0) {
            let diagnostic =
                Diagnostic::new(Code::RL0206, "nothing divides by zero", right.span, "always zero");
            return self.wrong(diagnostic, span);
        }
        let (a, b) = (self.text(left.span).to_owned(), self.text(right.span).to_owned());
        let zero = ty.write(0);
        let mut diagnostic =
            Diagnostic::new(Code::RL0206, "this may divide by zero", right.span, "zero for some requests")
                .fix("say what it is then", span, format!("divide({a}, {b}, {zero})"));
        if right.ty == Type::Int {
            diagnostic =
                diagnostic.fix("never divide by less than one", right.span, format!("at_least({b}, 1)"));
        }
        self.wrong(diagnostic, span)
    }
}

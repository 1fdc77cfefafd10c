//! Expressions: literals, names and calls. Operators are in [`super::operator`], choices in [`super::choice`].

use limitrate_core::unit::Unit;
use limitrate_grammar::{
    ast::{self, ExprKind as Syntax, Literal},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::{Checker, fact_id};
use crate::{
    checked::{Expr, ExprKind, LetId, Type},
    resolve::{HTTP_MODULE, Symbol},
};

impl Checker<'_> {
    /// Types an expression.
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Expr {
        let span = expr.span;
        match &expr.kind {
            Syntax::Literal(literal) => self.literal(literal, span),
            Syntax::Path(path) => self.path(path, span),
            Syntax::Call(name, arguments) => self.call(name, arguments, span),
            Syntax::Lookup(table, keys, column) => self.look_up(table, keys, column.as_ref(), span),
            Syntax::Set(_) => self.wrong(
                Diagnostic::new(Code::RL0202, "a set stands only after `in`", span, "this is a set"),
                span,
            ),
            Syntax::Not(inner) => self.not(inner, span),
            Syntax::Binary(left, op, right) => self.binary(left, op, right, span),
            Syntax::Is(inner, present) => self.is(inner, *present, span),
            Syntax::If(condition, then, otherwise) => {
                let condition = self.condition(condition);
                let then = self.knowing(self.known_if(&condition, true), |c| c.expr(then));
                let otherwise = self.knowing(self.known_if(&condition, false), |c| c.expr(otherwise));
                self.choice(condition, then, otherwise, span)
            }
            Syntax::Match(subject, arms) => self.match_expr(subject, arms, span),
        }
    }

    /// Types an expression that must be true or false.
    pub(super) fn condition(&mut self, expr: &ast::Expr) -> Expr {
        let typed = self.expr(expr);
        let mut typed = self.require(typed, &Type::Bool, "a condition is");
        if typed.absent.is_some() {
            // Absent means no; only under `not` must that be said.
            typed.tests_absent = Some(typed.span);
            typed.absent = None;
        }
        typed
    }

    /// Whether a literal has a unit that is not declared, which is reported where all units are known.
    fn has_no_unit(&self, literal: &Literal) -> bool {
        let unit = if let Literal::Amount(_, unit) | Literal::Rate(_, Some(unit), _) = literal {
            *unit
        } else if let Literal::Price(_, price) = literal {
            price.of
        } else {
            return false;
        };
        matches!(unit, Unit::Declared(word) if !self.resolved.units.contains_key(word.as_str()))
    }

    pub(super) fn literal(&mut self, literal: &Literal, span: Span) -> Expr {
        if self.has_no_unit(literal) {
            return Expr::unknown(span);
        }
        let (value, ty) = match literal {
            Literal::Int(value) => (*value, Type::Int),
            Literal::Bool(value) => (i64::from(*value), Type::Bool),
            Literal::Percent(ppm) => (*ppm, Type::Percent),
            Literal::Amount(value, unit) => (*value, self.unit(*unit).map_or(Type::Unknown, Type::Quantity)),
            Literal::Price(value, unit) => {
                (*value, self.price_unit(*unit).map_or(Type::Unknown, Type::Price))
            }
            Literal::Duration(nanos) => (nanos.0, Type::Duration),
            Literal::Rate(amount, unit, window) => {
                let unit = self.unit(unit.unwrap_or(Unit::Requests));
                (*amount, unit.map_or(Type::Unknown, |unit| Type::Rate(unit, *window)))
            }
            Literal::InFlight(count) => (*count, Type::InFlight),
            Literal::Date(day) => (i64::from(day.0), Type::Date),
            Literal::Clock(nanos) => (nanos.0, Type::Clock),
            Literal::Instant(at) => (at.0, Type::Instant),
            Literal::Unlimited => (0, Type::Unlimited),
            Literal::String(text) => return Expr::new(ExprKind::Text(text.clone()), Type::Text, span),
            Literal::Net(_) => {
                return self.wrong(
                    Diagnostic::new(
                        Code::RL0202,
                        "an address stands only after `==` and `in`",
                        span,
                        "this is an address",
                    )
                    .help("compare a fact with it: `ip in 10.0.0.0/8`"),
                    span,
                );
            }
        };
        Expr::number(value, ty, span)
    }

    pub(super) fn path(&mut self, path: &str, span: Span) -> Expr {
        if let Some(id) = self.scopes.iter().rev().find_map(|scope| scope.get(path)).copied() {
            self.uses.local(id);
            return self.use_let(id, span);
        }
        match self.resolved.symbol(path, span) {
            Some(Symbol::Input(position)) => return self.fact(position, span),
            Some(Symbol::Plan(position)) => {
                let position = i64::try_from(position).unwrap_or(i64::MAX);
                return Expr::number(position, Type::Plan, span);
            }
            Some(
                symbol @ (Symbol::Set(_)
                | Symbol::Schedule(_)
                | Symbol::Calendar(_)
                | Symbol::Table(_)
                | Symbol::Function(_)),
            ) => {
                let message = format!("`{path}` is {}, not a value", symbol.noun());
                let diagnostic = Diagnostic::new(Code::RL0202, message, span, symbol.noun());
                let diagnostic = match symbol {
                    Symbol::Schedule(_) => {
                        diagnostic.fix("ask whether it is on", span, format!("now in {path}"))
                    }
                    Symbol::Calendar(_) => {
                        diagnostic.fix("ask whether it is one of its days", span, format!("now in {path}"))
                    }
                    Symbol::Table(_) => diagnostic.help(format!("look a value up in it: `{path}[…]`")),
                    Symbol::Function(_) => diagnostic.help(format!("call it: `{path}(…)`")),
                    Symbol::Set(_) | Symbol::Input(_) | Symbol::Plan(_) => {
                        diagnostic.help(format!("ask whether something is in it: `x in {path}`"))
                    }
                };
                return self.wrong(diagnostic, span);
            }
            None => {}
        }
        if path == "now" {
            return Expr::new(ExprKind::Now, Type::Instant, span);
        }
        if let Some(constant) = path.strip_prefix("plan.") {
            return self.plan_constant(constant, span);
        }
        if path == "route" {
            return self.wrong(
                Diagnostic::new(Code::RL0009, "`route` is not supported yet", span, "here")
                    .help("compare `path`, or put the pattern after `on`"),
                span,
            );
        }
        if self.needs_http(path, span) {
            self.http_missing(
                format!("there is no value `{path}` without `{HTTP_MODULE}`"),
                span,
                "comes with that module",
            );
            return Expr::unknown(span);
        }
        let diagnostic = self.unknown_value(path, span);
        self.lacking(path, diagnostic, span)
    }

    fn use_let(&self, id: LetId, span: Span) -> Expr {
        let Some(value) = self.out.lets.get(id.0) else { return Expr::unknown(span) };
        if let ExprKind::Const(_) | ExprKind::Text(_) = value.kind {
            return Expr { span, ..value.clone() };
        }
        Expr {
            kind: ExprKind::Let(id),
            ty: value.ty.clone(),
            absent: value.absent,
            tests_absent: value.tests_absent,
            span,
        }
    }

    /// A fact, absent where it may be and is not known to be there.
    pub(super) fn fact(&mut self, position: usize, span: Span) -> Expr {
        let (Some(id), Some(fact)) = (fact_id(position), self.out.facts.get_mut(position)) else {
            return Expr::unknown(span);
        };
        fact.used = true;
        self.uses.fact(position);
        let ty = if self.unclear.contains(&id) { Type::Unknown } else { Type::of_fact(id, &fact.decl.ty) };
        let may_lack = fact.decl.optional && fact.decl.default.is_none() && !self.present.contains(&id);
        Expr { absent: may_lack.then_some(fact.span), ..Expr::new(ExprKind::Fact(id), ty, span) }
    }

    fn unknown_value(&self, path: &str, span: Span) -> Diagnostic {
        let lets = self.scopes.iter().flat_map(|scope| scope.keys().map(String::as_str));
        let declared = self.resolved.names(span, |_| true);
        let mut diagnostic = self.unknown("value", path, span, lets.chain(declared).chain(["now"]));
        let quoted = format!("\"{path}\"");
        let is_member = self.members.values().any(|members| members.contains_key(path));
        if is_member {
            diagnostic = diagnostic.fix("values of requests are quoted", span, quoted);
        } else if diagnostic.fixes.is_empty() {
            diagnostic = diagnostic.help(format!(
                "declare it: `input {{ {path} : string }}`, or quote it if it is a value: {quoted}"
            ));
        }
        diagnostic
    }

    /// An expression whose value the compiler must know.
    pub(super) fn constant_expr(&mut self, expr: &ast::Expr) -> Expr {
        let typed = self.expr(expr);
        if matches!(typed.kind, ExprKind::Const(_) | ExprKind::Text(_)) {
            return typed;
        }
        self.wrong(
            Diagnostic::new(Code::RL0403, "this must be a constant", expr.span, "depends on the request")
                .help(
                    "write the value itself; what differs between requests belongs into a rule or a ceiling",
                ),
            expr.span,
        )
    }

    /// Reports what is computed where functions and tables are not known yet: in tables and in defaults.
    pub(super) fn not_written_out(&mut self, what: &str, span: Span) -> Expr {
        self.wrong(
            Diagnostic::new(Code::RL0403, "tables, sets and defaults are written out", span, what)
                .help("write the value itself, or compute it in a rule"),
            span,
        )
    }

    /// Lets a literal on one side take the type of the other side.
    pub(super) fn meet(&mut self, left: Expr, right: Expr) -> (Expr, Expr) {
        if left.ty == right.ty {
            return (left, right);
        }
        let right = self.coerce(right, &left.ty);
        let left = self.coerce(left, &right.ty);
        (left, right)
    }
}

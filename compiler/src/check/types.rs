//! What goes with what, and what types are called in messages.

use limitrate_core::{
    facts::FactType,
    literal,
    unit::{PriceUnit, Unit},
};
use limitrate_grammar::{ast::RateWindow, code::Code, diagnostic::Diagnostic, span::Span};

use super::Checker;
use crate::checked::{Expr, ExprKind, Type};

impl Expr {
    /// An expression that is always there.
    pub(super) const fn new(kind: ExprKind, ty: Type, span: Span) -> Self {
        Self { kind, ty, absent: None, tests_absent: None, span }
    }

    /// What stands for an expression with a reported error.
    pub(super) const fn unknown(span: Span) -> Self {
        Self::new(ExprKind::Const(0), Type::Unknown, span)
    }

    /// An integer.
    pub(super) const fn number(value: i64, ty: Type, span: Span) -> Self {
        Self::new(ExprKind::Const(value), ty, span)
    }

    /// Takes over from `parts` what they say of absence.
    pub(super) fn absent_as(mut self, parts: &[&Self]) -> Self {
        self.absent = parts.iter().find_map(|part| part.absent);
        self.tests_absent = parts.iter().find_map(|part| part.tests_absent);
        self
    }

    /// The integer, where it is one.
    pub(super) const fn constant(&self) -> Option<i64> {
        if let ExprKind::Const(value) = self.kind { Some(value) } else { None }
    }

    /// Every integer that can come out, where the expression only chooses between constants.
    pub(super) fn leaves(&self) -> Vec<(i64, Span)> {
        if let ExprKind::If(_, then, otherwise) = &self.kind {
            return [then.leaves(), otherwise.leaves()].concat();
        }
        if let ExprKind::ByPlan(values) = &self.kind {
            return values.iter().flat_map(Self::leaves).collect();
        }
        let known = self.ty != Type::Unlimited && self.ty != Type::Unknown;
        self.constant().filter(|_| known).map(|value| (value, self.span)).into_iter().collect()
    }
}

impl Type {
    /// The type of a fact's values.
    pub(super) const fn of_fact(id: limitrate_core::facts::FactId, ty: &FactType) -> Self {
        match ty {
            FactType::Bool => Self::Bool,
            FactType::Int { .. } => Self::Int,
            FactType::Percent => Self::Percent,
            FactType::Quantity(unit) => Self::Quantity(*unit),
            FactType::Price(unit) => Self::Price(*unit),
            FactType::Duration => Self::Duration,
            FactType::Instant => Self::Instant,
            FactType::Date => Self::Date,
            FactType::Clock => Self::Clock,
            FactType::String | FactType::Key => Self::Text,
            FactType::Ip => Self::Ip,
            FactType::OneOf(_) => Self::OneOf(id),
            FactType::Plan(_) => Self::Plan,
        }
    }

    /// Whether values have an order.
    pub(super) const fn is_ordered(&self) -> bool {
        matches!(
            self,
            Self::Int
                | Self::Percent
                | Self::Quantity(_)
                | Self::Price(_)
                | Self::Duration
                | Self::Instant
                | Self::Date
                | Self::Clock
                | Self::Unknown
        )
    }

    /// Whether values measure something, so that a wrong one is a matter of units.
    pub(super) const fn is_measure(&self) -> bool {
        matches!(
            self,
            Self::Int | Self::Percent | Self::Quantity(_) | Self::Price(_) | Self::Duration | Self::Rate(..)
        )
    }

    /// What values are, for labels: "money (usd)".
    pub(super) fn noun(&self) -> String {
        match self {
            Self::Bool => "true or false".into(),
            Self::Int => "a plain number".into(),
            Self::Percent => "a percentage".into(),
            Self::Quantity(unit) if unit.is_money() => format!("money ({unit})"),
            Self::Quantity(unit) => format!("a quantity of {unit}"),
            Self::Price(unit) => format!("a price ({unit})"),
            Self::Duration => "a length of time".into(),
            Self::Instant => "an instant".into(),
            Self::Date => "a date".into(),
            Self::Clock => "a time of day".into(),
            Self::Text => "text".into(),
            Self::Ip => "an address".into(),
            Self::OneOf(_) => "one of the listed values".into(),
            Self::Plan => "a plan".into(),
            Self::Rate(unit, window) => format!("a rate of {unit} per {}", window_words(*window)),
            Self::InFlight => "a number in flight".into(),
            Self::Unlimited => "no ceiling".into(),
            Self::Unknown => "something unclear".into(),
        }
    }
}

/// A rate's window as written after the slash.
pub(super) fn window_words(window: RateWindow) -> String {
    match window {
        RateWindow::Span(span) => {
            let written = limitrate_core::literal::write_duration(span).to_string();
            written.strip_prefix("1 ").map_or(written.clone(), str::to_owned)
        }
        RateWindow::Calendar(period) => format!("calendar {}", period.word()),
    }
}

impl Checker<'_> {
    /// Gives `expr` type `wanted` where its literals can take it: `"us"` as a member of an enum.
    pub(super) fn coerce(&mut self, expr: Expr, wanted: &Type) -> Expr {
        let span = expr.span;
        match (expr.kind, wanted) {
            (ExprKind::Text(text), Type::OneOf(fact)) => self.member(&text, *fact, span),
            (ExprKind::Text(text), Type::Plan) => {
                let mut diagnostic = Diagnostic::new(
                    Code::RL0202,
                    "names of plans are written without quotes",
                    span,
                    "this is text",
                );
                if self.resolved.plans.position(&text).is_some() {
                    diagnostic = diagnostic.fix("write the plan's name", span, text);
                } else {
                    diagnostic = diagnostic.help(format!("the plans are {}", self.out.plans.join(", ")));
                }
                self.wrong(diagnostic, span)
            }
            (ExprKind::Const(value), Type::Price(unit)) => {
                let ty = match (&expr.ty, wanted) {
                    (Type::Price(from), _) => {
                        rescaled(value, *from, *unit).map(|value| (value, wanted.clone()))
                    }
                    _ => None,
                };
                let (value, ty) = ty.unwrap_or((value, expr.ty));
                Expr { kind: ExprKind::Const(value), ty, ..Expr::number(value, Type::Unknown, span) }
            }
            (ExprKind::If(condition, then, otherwise), Type::OneOf(_) | Type::Plan) => {
                let then = self.coerce(*then, wanted);
                let otherwise = self.coerce(*otherwise, wanted);
                let (absent, tests_absent) = (expr.absent, expr.tests_absent);
                let kind = ExprKind::If(condition, Box::new(then), Box::new(otherwise));
                Expr { kind, ty: wanted.clone(), absent, tests_absent, span }
            }
            (kind, _) => Expr { kind, ..expr },
        }
    }

    /// The position of a member of the enum that `fact` declares.
    fn member(&mut self, text: &str, fact: limitrate_core::facts::FactId, span: Span) -> Expr {
        let Some(declared) = self.out.facts.get(usize::from(fact.0)) else { return Expr::unknown(span) };
        let FactType::OneOf(members) = &declared.decl.ty else { return Expr::unknown(span) };
        if let Some(position) = self.members.get(&fact).and_then(|members| members.get(text)).copied() {
            return Expr::number(position, Type::OneOf(fact), span);
        }
        let name = &declared.decl.name;
        let mut diagnostic = Diagnostic::new(
            Code::RL0203,
            format!("`{name}` is never \"{text}\""),
            span,
            "not one of the listed values",
        )
        .label(declared.span, "listed here");
        match self.closest(text, members.iter().map(AsRef::as_ref)) {
            Some(near) => {
                diagnostic = diagnostic.fix(format!("did you mean \"{near}\"?"), span, format!("\"{near}\""));
            }
            None => {
                let few: Vec<String> = members.iter().take(3).map(|m| format!("\"{m}\"")).collect();
                diagnostic = diagnostic.help(format!("it can be {}", few.join(", ")));
            }
        }
        self.wrong(diagnostic, span)
    }

    /// The type that two values share; reports where there is none.
    ///
    /// `verb` completes "… do not {verb}".
    pub(super) fn unify(&mut self, left: &Expr, right: &Expr, verb: &str) -> Type {
        match (&left.ty, &right.ty) {
            (Type::Unknown, other) | (other, Type::Unknown) => other.clone(),
            (Type::Unlimited, other @ (Type::Rate(..) | Type::InFlight))
            | (other @ (Type::Rate(..) | Type::InFlight), Type::Unlimited) => other.clone(),
            (a, b) if a == b => a.clone(),
            _ => {
                let diagnostic = mismatch(left, right, verb);
                let diagnostic = self.with_unit(diagnostic, left, &right.ty);
                let diagnostic = self.with_unit(diagnostic, right, &left.ty);
                self.report(diagnostic);
                Type::Unknown
            }
        }
    }

    /// Reports `expr` where its type is not `wanted`.
    pub(super) fn require(&mut self, expr: Expr, wanted: &Type, because: &str) -> Expr {
        let expr = self.coerce(expr, wanted);
        if expr.ty == *wanted || expr.ty == Type::Unknown || *wanted == Type::Unknown {
            return expr;
        }
        let code = match (&expr.ty, wanted) {
            (Type::Quantity(a), Type::Quantity(b)) if a.is_money() && b.is_money() => Code::RL0209,
            (a, b) if a.is_measure() && b.is_measure() => Code::RL0201,
            _ => Code::RL0202,
        };
        let span = expr.span;
        let label = format!("this is {}", expr.ty.noun());
        let diagnostic = Diagnostic::new(code, format!("{because} {}", wanted.noun()), span, label);
        let diagnostic = self.with_unit(diagnostic, &expr, wanted);
        self.wrong(diagnostic, span)
    }

    /// Offers the unit that a plain number lacks beside an amount.
    fn with_unit(&self, diagnostic: Diagnostic, expr: &Expr, wanted: &Type) -> Diagnostic {
        let written = self.text(expr.span);
        let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '_' | 'k' | 'M' | 'G');
        let literal = expr.ty == Type::Int && !written.is_empty() && written.chars().all(is_digit);
        if let (Type::Quantity(unit), true) = (wanted, literal) {
            diagnostic.fix("write its unit", expr.span, format!("{written} {unit}"))
        } else if *wanted == Type::Percent && literal {
            diagnostic.fix("write a percentage", expr.span, format!("{written}%"))
        } else {
            diagnostic
        }
    }
}

/// A price of so much as one of another amount of the same, where that is exact: `$1/ktok` is `$1000/Mtok`.
fn rescaled(value: i64, from: PriceUnit, to: PriceUnit) -> Option<i64> {
    if (from.money, from.of) != (to.money, to.of) {
        return None;
    }
    let scaled = i128::from(value) * i128::from(to.scale);
    let exact = scaled % i128::from(from.scale) == 0;
    i64::try_from(scaled / i128::from(from.scale)).ok().filter(|_| exact)
}

/// The report of two values that do not go together.
fn mismatch(left: &Expr, right: &Expr, verb: &str) -> Diagnostic {
    let code = match (&left.ty, &right.ty) {
        (Type::Rate(a, _), Type::Rate(b, _)) if a == b => Code::RL0502,
        (Type::Quantity(a), Type::Quantity(b)) if a.is_money() && b.is_money() => Code::RL0209,
        (a, b) if a.is_measure() && b.is_measure() => Code::RL0201,
        _ => Code::RL0202,
    };
    let lists = matches!((&left.ty, &right.ty), (Type::OneOf(_), Type::OneOf(_)));
    let message = if lists {
        format!("values of two different lists do not {verb}")
    } else if code == Code::RL0502 {
        "one limit counts over one window: these are two".to_owned()
    } else if code == Code::RL0209 {
        format!("two currencies do not {verb}")
    } else {
        format!("{} and {} do not {verb}", left.ty.noun(), right.ty.noun())
    };
    let diagnostic =
        Diagnostic::new(code, message, right.span, right.ty.noun()).label(left.span, left.ty.noun());
    if code == Code::RL0502 {
        diagnostic.help("give both the same window, or write two limits with names of their own")
    } else if code == Code::RL0209 {
        diagnostic.help("a policy knows no exchange rates: convert before, and pass one currency")
    } else if let Some(help) = priced(left, right).or_else(|| priced(right, left)) {
        diagnostic.help(help)
    } else {
        diagnostic
    }
}

/// What to do about a quantity that meets money or a price.
fn priced(money: &Expr, other: &Expr) -> Option<String> {
    match (&money.ty, &other.ty) {
        (Type::Quantity(money), Type::Quantity(of)) if money.is_money() && !of.is_money() => {
            Some(format!("price the {of} too: multiply them by a price such as `{}`", example(*money, *of)))
        }
        (Type::Price(price), Type::Quantity(_)) => {
            Some(format!("a price becomes money when it is multiplied by a quantity of {}", price.of))
        }
        (Type::Price(a), Type::Price(b)) if (a.money, a.of) == (b.money, b.of) => {
            Some(format!("write both for the same amount: `{a}`"))
        }
        _ => None,
    }
}

fn example(money: Unit, of: Unit) -> String {
    let scale = match of {
        Unit::Tokens => 1_000_000,
        Unit::Bytes => 1 << 30,
        Unit::Requests | Unit::Calls | Unit::Points | Unit::Usd | Unit::Eur | Unit::Declared(_) => 1,
    };
    let price = PriceUnit { money, of, scale };
    literal::write_price(2_500_000_000_000, price).to_string()
}

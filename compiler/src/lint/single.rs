//! Conditions that look at one fact: what they come to for each value that makes a difference.

use std::collections::BTreeSet;

use limitrate_core::facts::{FactId, FactType};

use crate::checked::{Checked, Comparison, Expr, ExprKind};

/// A condition is tried for at most so many values times tests.
const MAX_TRIALS: usize = 1 << 20;

/// What a condition depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Nothing: it is a constant.
    Nothing,
    /// One fact, and it only tests it against constants.
    Fact(FactId),
    /// More, or in ways that are not looked into.
    More,
}

impl Subject {
    /// What two conditions depend on together.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, subject) | (subject, Self::Nothing) => subject,
            (ours, theirs) if ours == theirs => ours,
            _ => Self::More,
        }
    }

    /// What `expr` itself depends on, if its parts depend on `parts`.
    pub(super) fn of(expr: &Expr, parts: Self) -> Self {
        match &expr.kind {
            ExprKind::Const(_) => Self::Nothing,
            ExprKind::Fact(fact) => Self::Fact(*fact),
            ExprKind::Not(_) | ExprKind::And(..) | ExprKind::Or(..) => parts,
            ExprKind::Present(inner) if matches!(inner.kind, ExprKind::Fact(_)) => parts,
            ExprKind::Compare(_, a, b) if is_plain(a) && is_plain(b) => parts,
            ExprKind::Text(_)
            | ExprKind::Now
            | ExprKind::ByPlan(_)
            | ExprKind::Let(_)
            | ExprKind::Coalesce(..)
            | ExprKind::Compare(..)
            | ExprKind::Arithmetic(..)
            | ExprKind::Present(_)
            | ExprKind::InNets(..)
            | ExprKind::Like(..)
            | ExprKind::Matches(..)
            | ExprKind::Holds(_)
            | ExprKind::Lookup(..)
            | ExprKind::Lower(_)
            | ExprKind::Length(_)
            | ExprKind::Has(..)
            | ExprKind::If(..) => Self::More,
        }
    }

    /// What `expr` depends on, looked up through all its parts.
    pub(super) fn deep(expr: &Expr) -> Self {
        let of_parts = expr.children().into_iter().map(Self::deep).fold(Self::Nothing, Self::and);
        Self::of(expr, of_parts)
    }
}

/// A fact or a constant, as integers.
const fn is_plain(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Fact(_) | ExprKind::Const(_))
}

/// Whether `condition`, which depends on `subject` alone, always comes out the same, and how.
pub(super) fn verdict(checked: &Checked, condition: &Expr, subject: Subject) -> Option<bool> {
    let values = match subject {
        Subject::Nothing => vec![None],
        Subject::Fact(fact) => values(checked, fact, condition)?,
        Subject::More => return None,
    };
    let mut outcomes = values.into_iter().map(|value| holds(condition, value));
    let first = outcomes.next()?;
    outcomes.all(|outcome| outcome == first).then_some(first)
}

/// What `expr` comes to where its fact is `value`.
pub(super) fn holds(expr: &Expr, value: Option<i64>) -> bool {
    match &expr.kind {
        ExprKind::Not(a) => !holds(a, value),
        ExprKind::And(a, b) => holds(a, value) && holds(b, value),
        ExprKind::Or(a, b) => holds(a, value) || holds(b, value),
        ExprKind::Present(_) => value.is_some(),
        ExprKind::Compare(comparison, a, b) => match (number(a, value), number(b, value)) {
            (Some(a), Some(b)) => comparison.holds(a, b),
            _ => false, // what is absent compares with nothing
        },
        ExprKind::Const(_)
        | ExprKind::Text(_)
        | ExprKind::Fact(_)
        | ExprKind::Now
        | ExprKind::ByPlan(_)
        | ExprKind::Let(_)
        | ExprKind::Coalesce(..)
        | ExprKind::Arithmetic(..)
        | ExprKind::InNets(..)
        | ExprKind::Like(..)
        | ExprKind::Matches(..)
        | ExprKind::Holds(_)
        | ExprKind::Lookup(..)
        | ExprKind::Lower(_)
        | ExprKind::Length(_)
        | ExprKind::Has(..)
        | ExprKind::If(..) => number(expr, value).unwrap_or_default() != 0,
    }
}

const fn number(expr: &Expr, value: Option<i64>) -> Option<i64> {
    if let ExprKind::Const(constant) = expr.kind { Some(constant) } else { value }
}

impl Comparison {
    /// Whether `a` compares so with `b`.
    const fn holds(self, a: i64, b: i64) -> bool {
        match self {
            Self::Eq => a == b,
            Self::Ne => a != b,
            Self::Lt => a < b,
            Self::Le => a <= b,
            Self::Gt => a > b,
            Self::Ge => a >= b,
        }
    }
}

/// The values of a fact between which `condition` cannot tell others apart; `None` stands for its absence.
fn values(checked: &Checked, fact: FactId, condition: &Expr) -> Option<Vec<Option<i64>>> {
    let decl = &checked.facts.get(usize::from(fact.0))?.decl;
    let (least, most) = bounds(&decl.ty)?;
    let mut edges = BTreeSet::from([least, most]);
    let mut tests = 0;
    constants(condition, &mut |constant| {
        tests += 1;
        edges.extend([constant.saturating_sub(1), constant, constant.saturating_add(1)]);
    });
    let few = matches!(decl.ty, FactType::OneOf(_) | FactType::Plan(_) | FactType::Bool);
    let within = edges.into_iter().filter(|edge| (least..=most).contains(edge));
    let mut values: Vec<Option<i64>> =
        if few { (least..=most).map(Some).collect() } else { within.map(Some).collect() };
    if decl.optional && decl.default.is_none() {
        values.push(None);
    }
    (values.len().saturating_mul(tests) <= MAX_TRIALS).then_some(values)
}

/// The least and the greatest value that a fact of this type has; `None` where it has no such.
pub(super) fn bounds(ty: &FactType) -> Option<(i64, i64)> {
    match ty {
        FactType::Bool => Some((0, 1)),
        FactType::Int { min, max } => Some((*min, *max)),
        FactType::OneOf(members) | FactType::Plan(members) => {
            Some((0, i64::try_from(members.len()).ok()?.checked_sub(1)?))
        }
        FactType::Percent | FactType::Quantity(_) | FactType::Price(_) | FactType::Duration => {
            Some((0, i64::MAX))
        }
        FactType::Instant | FactType::Date | FactType::Clock => Some((i64::MIN, i64::MAX)),
        FactType::String | FactType::Key | FactType::Ip => None,
    }
}

fn constants(expr: &Expr, visit: &mut dyn FnMut(i64)) {
    if let ExprKind::Const(constant) = expr.kind {
        visit(constant);
    }
    for part in expr.children() {
        constants(part, visit);
    }
}

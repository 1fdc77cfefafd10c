//! The variants of the typed tree.

use limitrate_compiler::checked::{
    Checked, Enforced, Exceed, Expr, ExprKind, Limit, MessagePiece, Place, Stmt, Type,
};

/// Names the variants of types, all of them.
macro_rules! named {
    ($($type:ident { $($variant:ident),* $(,)? })*) => {
        /// Every variant.
        pub(super) const NAMES: &[&str] =
            &[$($(concat!("checked::", stringify!($type), "::", stringify!($variant)),)*)*];
        $(impl Named for $type {
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => {
                        concat!("checked::", stringify!($type), "::", stringify!($variant))
                    })*
                }
            }
        })*
    };
}

/// Something whose variant has a name.
trait Named {
    fn name(&self) -> &'static str;
}

named! {
    ExprKind {
        Const, Text, Fact, Now, ByPlan, Lookup, Let, Not, And, Or, Coalesce, Compare, Arithmetic, Present, InNets,
        Lower, Length, Has, Like, Matches, Holds, If,
    }
    Type {
        Bool, Int, Percent, Quantity, Price, Duration, Instant, Date, Clock, Text, Ip, OneOf, Plan, Rate, InFlight,
        Unlimited, Unknown,
    }
    Place { Start, End, Anywhere }
    Stmt { Limit, Deny, Exempt, If }
    Enforced { Always, Never, For }
    Exceed { Reject, Deny, Allow, Downgrade }
    MessagePiece { Text, Value }
}

/// Shows every variant of a typed tree.
pub(super) fn walk(checked: &Checked, note: &mut dyn FnMut(&'static str)) {
    checked.lets.iter().for_each(|value| expr(value, note));
    for row in checked.tables.iter().flat_map(|table| &table.rows) {
        row.patterns.iter().flatten().chain(&row.cells).for_each(|value| expr(value, note));
    }
    for rule in &checked.rules {
        note(rule.enforced.name());
        rule.body.iter().for_each(|stmt| self::stmt(stmt, note));
    }
    checked.plan_limits.iter().for_each(|of_plan| limit(&of_plan.limit, note));
}

fn stmt(stmt: &Stmt, note: &mut dyn FnMut(&'static str)) {
    note(stmt.name());
    match stmt {
        Stmt::Limit(inner) => limit(inner, note),
        Stmt::Deny(deny) => message(&deny.message, note),
        Stmt::Exempt(_) => {}
        Stmt::If(condition, then, otherwise) => {
            expr(condition, note);
            then.iter().chain(otherwise).for_each(|inner| self::stmt(inner, note));
        }
    }
}

fn limit(limit: &Limit, note: &mut dyn FnMut(&'static str)) {
    expr(&limit.ceiling, note);
    limit.cost.iter().for_each(|cost| expr(cost, note));
    limit.settle.iter().for_each(|settle| expr(&settle.actual, note));
    note(limit.exceed.name());
    if let Exceed::Deny { message: pieces, .. } = &limit.exceed {
        message(pieces, note);
    }
}

fn message(pieces: &[MessagePiece], note: &mut dyn FnMut(&'static str)) {
    for piece in pieces {
        note(piece.name());
        if let MessagePiece::Value(value) = piece {
            expr(value, note);
        }
    }
}

fn expr(of: &Expr, note: &mut dyn FnMut(&'static str)) {
    note(of.kind.name());
    note(of.ty.name());
    match &of.kind {
        ExprKind::Const(_)
        | ExprKind::Text(_)
        | ExprKind::Fact(_)
        | ExprKind::Now
        | ExprKind::Let(_)
        | ExprKind::Holds(_) => {}
        ExprKind::ByPlan(parts) | ExprKind::Lookup(_, _, parts) => {
            parts.iter().for_each(|part| expr(part, note));
        }
        ExprKind::Has(a, place, _) => {
            note(place.name());
            expr(a, note);
        }
        ExprKind::Not(a)
        | ExprKind::Present(a)
        | ExprKind::InNets(a, _)
        | ExprKind::Lower(a)
        | ExprKind::Length(a)
        | ExprKind::Like(a, _)
        | ExprKind::Matches(a, _) => expr(a, note),
        ExprKind::And(a, b)
        | ExprKind::Or(a, b)
        | ExprKind::Coalesce(a, b)
        | ExprKind::Compare(_, a, b)
        | ExprKind::Arithmetic(_, a, b) => {
            expr(a, note);
            expr(b, note);
        }
        ExprKind::If(a, b, c) => {
            expr(a, note);
            expr(b, note);
            expr(c, note);
        }
    }
}

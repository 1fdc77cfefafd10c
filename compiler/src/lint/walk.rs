//! Steps through the typed tree: every condition and every value of a policy, once.

use crate::checked::{Checked, Expr, ExprKind, Limit, MessagePiece, Stmt};

/// Where an expression stands that is not part of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// After `if`, or as the patterns of an arm.
    Condition,
    /// Anywhere else.
    Value,
}

/// Calls `visit` with every expression of the policy that is not part of another.
pub(super) fn roots<'c>(checked: &'c Checked, visit: &mut dyn FnMut(Root, &'c Expr)) {
    for value in &checked.lets {
        visit(Root::Value, value);
    }
    for rule in &checked.rules {
        block(&rule.body, visit);
    }
    for of_plan in &checked.plan_limits {
        limit(&of_plan.limit, visit);
    }
}

fn block<'c>(body: &'c [Stmt], visit: &mut dyn FnMut(Root, &'c Expr)) {
    for stmt in body {
        match stmt {
            Stmt::Limit(of_rule) => limit(of_rule, visit),
            Stmt::Deny(deny) => message(&deny.message, visit),
            Stmt::Exempt(_) => {}
            Stmt::If(condition, then, otherwise) => {
                visit(Root::Condition, condition);
                block(then, visit);
                block(otherwise, visit);
            }
        }
    }
}

fn limit<'c>(limit: &'c Limit, visit: &mut dyn FnMut(Root, &'c Expr)) {
    visit(Root::Value, &limit.ceiling);
    if let Some(cost) = &limit.cost {
        visit(Root::Value, cost);
    }
}

fn message<'c>(pieces: &'c [MessagePiece], visit: &mut dyn FnMut(Root, &'c Expr)) {
    for piece in pieces {
        if let MessagePiece::Value(value) = piece {
            visit(Root::Value, value);
        }
    }
}

/// The expressions that an expression is made of.
pub(super) fn parts(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Const(_)
        | ExprKind::Text(_)
        | ExprKind::Fact(_)
        | ExprKind::Now
        | ExprKind::Let(_)
        | ExprKind::Holds(_) => Vec::new(),
        ExprKind::ByPlan(values) => values.iter().collect(),
        ExprKind::Not(a)
        | ExprKind::Present(a)
        | ExprKind::InNets(a, _)
        | ExprKind::Like(a, _)
        | ExprKind::Matches(a, _) => vec![a],
        ExprKind::And(a, b)
        | ExprKind::Or(a, b)
        | ExprKind::Coalesce(a, b)
        | ExprKind::Compare(_, a, b)
        | ExprKind::Arithmetic(_, a, b) => vec![a, b],
        ExprKind::If(c, a, b) => vec![c, a, b],
    }
}

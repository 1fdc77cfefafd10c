//! Steps through the typed tree: every condition and every value of a policy, once.

use crate::checked::{Checked, Exceed, Expr, Limit, MessagePiece, Stmt};

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
    let values = limit.cost.iter().chain(limit.settle.iter().map(|settle| &settle.actual));
    values.for_each(|value| visit(Root::Value, value));
    if let Exceed::Deny { message: text, .. } = &limit.exceed {
        message(text, visit);
    }
}

fn message<'c>(pieces: &'c [MessagePiece], visit: &mut dyn FnMut(Root, &'c Expr)) {
    for piece in pieces {
        if let MessagePiece::Value(value) = piece {
            visit(Root::Value, value);
        }
    }
}

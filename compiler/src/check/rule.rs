//! Rules and their statements.

use limitrate_core::path::Pattern;
use limitrate_grammar::{
    ast::{self, StmtKind},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::{
    Checker,
    choice::patterns_of,
    identity::{Home, Placed},
};
use crate::checked::{Deny, Exempt, Expr, ExprKind, Limit, Rule, Shape, Stmt, Target, Type};

/// The status of a `deny` that names none.
const DENY_STATUS: u16 = 403;

impl<'r> Checker<'r> {
    pub(super) fn rule(&mut self, rule: &'r ast::Rule) {
        let on = rule.on.as_ref().map(|on| self.targets(on)).unwrap_or_default();
        self.rule_key = rule.per.as_ref();
        self.branches.clear();
        self.present.clear();
        self.scopes = vec![std::collections::HashMap::new()];
        let enforced = self.enforced(rule);
        let body = self.block(&rule.body, &rule.name.node);
        self.scopes.clear();
        self.present.clear();
        self.rule_key = None;
        let name = self.resolved.qualified(&rule.name.node, rule.name.span);
        self.out.rules.push(Rule { name, span: rule.name.span, on, enforced, body });
    }

    /// Notes a limit and its share for [`Self::identities`]: each is a counter of its own.
    pub(super) fn place(&mut self, written: &ast::Limit, limit: &Limit, home: Home) {
        let span = written.name.as_ref().map_or(written.span, |name| name.span);
        let was = limit.was.as_ref().and_then(|was| {
            let clause = written.clauses.iter().find(|c| matches!(c.kind, ast::ClauseKind::Was(_)))?;
            Some((was.clone(), clause.span))
        });
        if let Some(share) = &limit.share {
            self.placed.push(Placed {
                name: format!("{}.share", limit.name),
                span,
                head: Span { end: written.ceiling.span.start, ..written.span },
                shape: Shape { keys: share.keys.clone(), ..limit.shape.clone() },
                unnamed: false,
                was: None,
                home: match &home {
                    Home::Plan => Home::Plan,
                    Home::Rule(rule, branches) => Home::Rule(*rule, branches.clone()),
                },
            });
        }
        self.placed.push(Placed {
            name: limit.name.clone(),
            span,
            head: Span { end: written.ceiling.span.start, ..written.span },
            shape: limit.shape.clone(),
            unnamed: written.name.is_none(),
            was,
            home,
        });
    }

    /// The targets of `on`: a verb covers the patterns after it up to the next.
    pub(super) fn targets(&mut self, on: &ast::On) -> Vec<Target> {
        let mut targets = Vec::new();
        if self.http(on.span).is_none() {
            return targets;
        }
        let mut verb = ast::Verb::Any;
        for target in &on.targets {
            if let Some(written) = &target.verb {
                verb = written.node;
            }
            match Pattern::parse(&target.pattern.node) {
                Ok(pattern) => targets.push(Target { verb, pattern }),
                Err(error) => {
                    let mut diagnostic = Diagnostic::new(
                        Code::RL0210,
                        "this is no path pattern",
                        target.pattern.span,
                        error.to_string(),
                    );
                    if !target.pattern.node.starts_with('/') {
                        let fixed = format!("\"/{}\"", target.pattern.node);
                        diagnostic = diagnostic.fix("begin with a slash", target.pattern.span, fixed);
                    }
                    self.report(diagnostic);
                }
            }
        }
        targets
    }

    fn block(&mut self, statements: &[ast::Stmt], rule: &str) -> Vec<Stmt> {
        statements.iter().filter_map(|statement| self.statement(statement, rule)).collect()
    }

    fn statement(&mut self, statement: &ast::Stmt, rule: &str) -> Option<Stmt> {
        match &statement.kind {
            StmtKind::Limit(limit) => self.rule_limit(limit, rule).map(|l| Stmt::Limit(Box::new(l))),
            StmtKind::Deny { status, message } => {
                let status = self.status(status.as_ref());
                let message = message.as_ref().map(|m| self.message(m)).unwrap_or_default();
                Some(Stmt::Deny(Deny { status, message, span: statement.span }))
            }
            StmtKind::Exempt(reason) => {
                if reason.as_ref().is_none_or(|reason| reason.node.trim().is_empty()) {
                    self.exempt_without_reason(statement.span);
                }
                Some(Stmt::Exempt(Exempt {
                    reason: reason.as_ref().map(|r| r.node.clone()).unwrap_or_default(),
                    span: statement.span,
                }))
            }
            StmtKind::If { condition, then, otherwise } => {
                Some(self.if_statement(condition, then, otherwise, rule))
            }
            StmtKind::Match { subject, arms } => Some(self.match_statement(subject, arms, rule, statement)),
            StmtKind::Let(name, value) => {
                self.define(name, value);
                None
            }
        }
    }

    fn rule_limit(&mut self, limit: &ast::Limit, rule: &str) -> Option<Limit> {
        if let Some(clause) = limit.clauses.iter().find(|c| matches!(c.kind, ast::ClauseKind::On(_))) {
            self.meaningless("on", clause.span, "in a rule, `on` stands at its beginning");
        }
        let name = limit.name.as_ref().map_or(rule, |name| &name.node);
        let name = self.resolved.qualified(name, limit.span);
        let typed = self.limit(limit, name)?;
        let home = Home::Rule(self.out.rules.len(), self.branches.clone());
        self.place(limit, &typed, home);
        Some(typed)
    }

    fn status(&mut self, status: Option<&limitrate_grammar::span::Spanned<i64>>) -> u16 {
        self.status_or(status, DENY_STATUS)
    }

    /// The status of a refusal, or `default` where none is written.
    pub(super) fn status_or(
        &mut self,
        status: Option<&limitrate_grammar::span::Spanned<i64>>,
        default: u16,
    ) -> u16 {
        let Some(status) = status else { return default };
        match u16::try_from(status.node) {
            Ok(code @ 400..=599) => code,
            _ => {
                self.report(Diagnostic::new(
                    Code::RL0203,
                    "the status of a refusal lies between 400 and 599",
                    status.span,
                    "not the status of an error",
                ));
                default
            }
        }
    }

    fn if_statement(
        &mut self,
        condition: &ast::Expr,
        then: &[ast::Stmt],
        otherwise: &[ast::Stmt],
        rule: &str,
    ) -> Stmt {
        let condition = self.condition(condition);
        self.known_at_admission(&condition, "a condition");
        let branch = self.fresh_branch();
        let yes = self.known_if(&condition, true);
        let no = self.known_if(&condition, false);
        let then = self.in_arm(branch, 0, |c| c.knowing(yes.clone(), |c| c.block(then, rule)));
        let otherwise = self.in_arm(branch, 1, |c| c.knowing(no.clone(), |c| c.block(otherwise, rule)));
        // What is denied goes no further: after `if x is missing then deny`, x is there.
        if refuses(&then) {
            self.present.extend(no);
        } else if refuses(&otherwise) {
            self.present.extend(yes);
        }
        Stmt::If(condition, then, otherwise)
    }

    fn match_statement(
        &mut self,
        subject: &ast::Expr,
        arms: &[ast::MatchArm<Vec<ast::Stmt>>],
        rule: &str,
        statement: &ast::Stmt,
    ) -> Stmt {
        let mut typed = self.expr(subject);
        self.known_at_admission(&typed, "what a `match` looks at");
        let branch = self.fresh_branch();
        let mut chain: Vec<(Option<Expr>, Vec<Stmt>)> = Vec::new();
        self.arms += arms.len();
        for (i, arm) in arms.iter().enumerate() {
            let condition = self.arm_condition(&mut typed, &arm.patterns);
            let known = condition.as_ref().map(|c| self.known_if(c, true)).unwrap_or_default();
            let body = self.in_arm(branch, i, |c| c.knowing(known, |c| c.block(&arm.body, rule)));
            chain.push((condition, body));
        }
        self.arms -= arms.len();
        self.exhaustive(&typed, &patterns_of(arms), statement.span);
        let mut rest: Vec<Stmt> = Vec::new();
        if self.too_many_arms(arms, statement.span) {
            chain.clear();
        }
        while let Some((condition, body)) = chain.pop() {
            rest = match condition {
                Some(condition) => vec![Stmt::If(condition, body, rest)],
                None => body,
            };
        }
        let always = Expr::new(ExprKind::Const(1), Type::Bool, statement.span);
        Stmt::If(always, rest, Vec::new())
    }

    fn define(&mut self, name: &ast::Name, value: &ast::Expr) {
        let typed = self.expr(value);
        if let Some(diagnostic) = crate::resolve::reserved_value(name, false) {
            self.report(diagnostic);
            return;
        }
        let scope = self.resolved.scope(name.span);
        let taken = scope.and_then(|scope| scope.symbols.get(&name.node)).map(|(_, span)| *span);
        let shadowed = self
            .scopes
            .iter()
            .find_map(|scope| scope.get(&name.node))
            .and_then(|id| self.let_names.get(id.0))
            .copied();
        if let Some(first) = taken.or(shadowed) {
            let diagnostic = crate::resolve::declared_twice("name", name, first);
            self.report(diagnostic);
            return;
        }
        let id = self.push_let(typed, name.span);
        self.uses.define(id);
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.node.clone(), id);
        }
    }
}

/// Whether every request that comes here is denied.
fn refuses(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Deny(_) => true,
        Stmt::If(_, then, otherwise) => refuses(then) && refuses(otherwise),
        Stmt::Limit(_) | Stmt::Exempt(_) => false,
    })
}

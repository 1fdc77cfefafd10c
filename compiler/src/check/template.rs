//! Functions that a policy declares: each is typed once, callees before callers, and written out where it is called.

use std::collections::HashMap;

use limitrate_grammar::{
    ast::{self, ExprKind as Syntax, TypeExprKind},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::Checker;
use crate::{
    checked::{Expr, ExprKind, LetId, Type},
    ir::arithmetic,
    resolve::Symbol,
};

/// The most nodes that all calls of a policy may be written out to.
const MAX_EXPANSION: usize = 1 << 19;

/// A parameter.
#[derive(Debug, Clone)]
struct Param {
    name: String,
    ty: Type,
    optional: bool,
    range: Option<(i64, i64)>,
}

/// A function whose body is typed over stand-ins for its parameters.
#[derive(Debug, Clone)]
pub(super) struct Template {
    params: Vec<Param>,
    /// The named values of the body, the parameters first.
    first: usize,
    end: usize,
    body: Expr,
    /// How many nodes a call is written out to, and how many rows it looks through.
    nodes: usize,
    rows: usize,
}

impl Checker<'_> {
    /// Types every function, those that others call first.
    pub(super) fn functions(&mut self) {
        self.templates = vec![None; self.resolved.functions.len()];
        for position in self.call_order() {
            self.templates_entry(position);
        }
    }

    /// The functions in an order in which each comes after those it calls; reports circles, which are left out.
    fn call_order(&mut self) -> Vec<usize> {
        let functions = &self.resolved.functions;
        let calls: Vec<Vec<(usize, Span)>> =
            functions.iter().map(|function| self.calls_in(&function.body)).collect();
        let mut order = Vec::new();
        // 0 is unseen, 1 is open, 2 is done.
        let mut state = vec![0_u8; functions.len()];
        for start in 0..functions.len() {
            let mut open = vec![(start, 0_usize)];
            if state.get(start) != Some(&0) {
                continue;
            }
            while let Some((at, next)) = open.last_mut() {
                let here = *at;
                if let Some(mark) = state.get_mut(here) {
                    *mark = 1;
                }
                let Some((callee, span)) = calls.get(here).and_then(|calls| calls.get(*next)).copied() else {
                    if let Some(mark) = state.get_mut(here) {
                        *mark = 2;
                    }
                    order.push(here);
                    open.pop();
                    continue;
                };
                *next += 1;
                match state.get(callee) {
                    Some(0) => open.push((callee, 0)),
                    Some(1) => {
                        let circle: Vec<usize> =
                            open.iter().map(|(at, _)| *at).skip_while(|at| *at != callee).collect();
                        self.recursion(&circle, span);
                    }
                    _ => {}
                }
            }
        }
        order
    }

    fn recursion(&mut self, circle: &[usize], span: Span) {
        let functions = &self.resolved.functions;
        let named = |at: &usize| functions.get(*at).map(|function| &function.name);
        let names: Vec<String> = circle
            .iter()
            .chain(circle.first())
            .filter_map(named)
            .map(|name| format!("`{}`", name.node))
            .collect();
        let Some(first) = circle.first().and_then(named) else { return };
        let message = format!("a function may not call itself: {}", names.join(" calls "));
        let mut diagnostic = Diagnostic::new(Code::RL0106, message, span, "this closes the circle");
        if circle.len() > 1 {
            diagnostic = diagnostic.label(first.span, "and so leads back to this function");
        }
        self.recursive.extend(circle);
        self.report(
            diagnostic.help("a limit is decided in a bounded number of steps, so functions do not repeat"),
        );
    }

    /// The declared functions that an expression calls, and where.
    fn calls_in(&self, expr: &ast::Expr) -> Vec<(usize, Span)> {
        let mut found = Vec::new();
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            match &expr.kind {
                Syntax::Literal(_) | Syntax::Path(_) => {}
                Syntax::Call(name, arguments) => {
                    if let Some(Symbol::Function(position)) = self.resolved.symbol(&name.node, name.span) {
                        found.push((position, name.span));
                    }
                    open.extend(arguments);
                }
                Syntax::Lookup(_, inner, _) | Syntax::Set(inner) => open.extend(inner),
                Syntax::Not(inner) | Syntax::Is(inner, _) => open.push(inner),
                Syntax::Binary(left, _, right) => open.extend([&**left, &**right]),
                Syntax::If(condition, then, otherwise) => open.extend([&**condition, &**then, &**otherwise]),
                Syntax::Match(subject, arms) => {
                    open.push(subject);
                    open.extend(arms.iter().map(|arm| &arm.body));
                }
            }
        }
        found
    }

    fn templates_entry(&mut self, position: usize) {
        let resolved = self.resolved;
        let Some(function) = resolved.functions.get(position) else { return };
        let params = self.params(function);
        let result = self.written_type(&function.result, "what a function gives");
        let (Some(params), Some((result, optional))) = (params, result) else { return };
        if self.recursive.contains(&position) {
            return;
        }
        let first = self.out.lets.len();
        let looked_up = self.looked_up;
        let mut scope = HashMap::new();
        for (param, written) in params.iter().zip(&function.params) {
            let span = written.name.span;
            let value = Expr::new(ExprKind::Now, param.ty.clone(), span);
            let value = Expr { absent: param.optional.then_some(span), ..value };
            let id = self.push_param(value, span, param.range);
            scope.insert(param.name.clone(), id);
        }
        self.scopes = vec![scope];
        let body = self.expr(&function.body);
        self.scopes.clear();
        let name = &function.name.node;
        let body = self.require(body, &result, &format!("`{name}` gives"));
        if body.ty == Type::Unknown {
            return;
        }
        if let (Some(declared), false) = (body.absent, optional) {
            self.report(
                Diagnostic::new(
                    Code::RL0202,
                    format!("what `{name}` gives may be absent, and its type does not say so"),
                    function.body.span,
                    "may be absent",
                )
                .label(declared, "declared optional here")
                .fix("say that it may be absent", function.result.span.after(), "?")
                .help("or give a fallback: `… ?? value`"),
            );
            return;
        }
        let end = self.out.lets.len();
        let inner = self.out.lets.get(first..end).unwrap_or_default();
        let nodes = inner.iter().map(size).sum::<usize>() + size(&body);
        let rows = self.looked_up - looked_up;
        let template = Template { params, first, end, body, nodes, rows };
        if let Some(place) = self.templates.get_mut(position) {
            *place = Some(template);
        }
    }

    fn params(&mut self, function: &ast::Function) -> Option<Vec<Param>> {
        let mut params: Vec<Param> = Vec::new();
        let mut fine = true;
        for (at, param) in function.params.iter().enumerate() {
            let earlier =
                function.params.iter().take(at).find(|earlier| earlier.name.node == param.name.node);
            if let Some(first) = earlier.map(|earlier| earlier.name.span) {
                let diagnostic = crate::resolve::declared_twice("name", &param.name, first);
                self.report(diagnostic);
                fine = false;
            } else if let Some(reserved) = crate::resolve::reserved_value(&param.name, false) {
                self.report(reserved);
                fine = false;
            }
            let Some((ty, optional)) = self.written_type(&param.ty, "a parameter") else {
                fine = false;
                continue;
            };
            let range = match &param.ty.kind {
                TypeExprKind::IntRange(min, max) => Some((*min, *max)),
                TypeExprKind::OneOf(_)
                | TypeExprKind::Price(_)
                | TypeExprKind::Rate(_)
                | TypeExprKind::Named(_) => None,
            };
            params.push(Param { name: param.name.node.clone(), ty, optional, range });
        }
        fine.then_some(params)
    }

    /// The type that a column, a parameter or a result has, and whether it may be absent.
    pub(super) fn written_type(&mut self, ty: &ast::TypeExpr, what: &str) -> Option<(Type, bool)> {
        let of_fact = limitrate_core::facts::FactId(0);
        let written = match &ty.kind {
            TypeExprKind::Named(word) => Type::of_fact(of_fact, &self.named_type(word, ty.span)?),
            TypeExprKind::IntRange(..) => Type::Int,
            TypeExprKind::Price(price) => Type::Price(self.price_unit(price.node)?),
            TypeExprKind::Rate(rate) => Type::Rate(self.unit(rate.node.0)?, rate.node.1),
            TypeExprKind::OneOf(_) => {
                let message = format!("{what} is no list of its own");
                self.report(
                    Diagnostic::new(Code::RL0202, message, ty.span, "another list than any input's")
                        .help("take `string`, and choose with `match` where the input is"),
                );
                return None;
            }
        };
        if ty.optional && what == "a column of a table" {
            let message = "the cells of a table are always there";
            self.report(
                Diagnostic::new(Code::RL0202, message, ty.span, "marked as optional").help("leave `?` out"),
            );
            return None;
        }
        Some((written, ty.optional))
    }

    /// A call of a declared function.
    pub(super) fn call_function(&mut self, position: usize, arguments: &[ast::Expr], span: Span) -> Expr {
        let resolved = self.resolved;
        let Some(function) = resolved.functions.get(position) else { return Expr::unknown(span) };
        let typed: Vec<Expr> = arguments.iter().map(|argument| self.expr(argument)).collect();
        if typed.len() != function.params.len() {
            let names: Vec<&str> = function.params.iter().map(|param| param.name.node.as_str()).collect();
            let name = &function.name;
            let message = format!("`{}` takes {} values, not {}", name.node, names.len(), typed.len());
            let help = format!("write `{}({})`", name.node, names.join(", "));
            return self.wrong(
                Diagnostic::new(Code::RL0202, message, span, "here")
                    .label(name.span, "declared here")
                    .help(help),
                span,
            );
        }
        let template = match self.templates.get(position) {
            Some(Some(template)) => template.clone(),
            Some(None) => return Expr::unknown(span), // what is wrong with it is reported
            None => return self.not_written_out("calls a function", span),
        };
        let mut values = Vec::new();
        for (value, param) in typed.into_iter().zip(&template.params) {
            match self.argument(value, param) {
                Some(value) => values.push(value),
                None => return Expr::unknown(span),
            }
        }
        let before = self.expanded;
        self.expanded = before.saturating_add(template.nodes);
        if self.expanded > MAX_EXPANSION {
            if before <= MAX_EXPANSION {
                let message = "the functions of this policy are written out to too much";
                self.report(
                    Diagnostic::new(Code::RL0509, message, span, "too much with this call")
                        .help("name what is used often with `let`, and call fewer functions from functions"),
                );
            }
            return Expr::unknown(span);
        }
        if self.looks_up_too_much(template.rows, span) {
            return Expr::unknown(span);
        }
        self.instantiate(&template, values, span)
    }

    fn argument(&mut self, value: Expr, param: &Param) -> Option<Expr> {
        let name = &param.name;
        let value = self.require(value, &param.ty, &format!("`{name}` is"));
        if value.ty == Type::Unknown {
            return None;
        }
        if let (Some(declared), false) = (value.absent, param.optional) {
            let written = self.text(value.span).to_owned();
            self.report(
                Diagnostic::new(
                    Code::RL0202,
                    format!("`{name}` is never absent"),
                    value.span,
                    "may be absent",
                )
                .label(declared, "declared optional here")
                .help(format!("give a fallback, `{written} ?? …`, or declare `{name}` optional")),
            );
            return None;
        }
        let (least, most) = self.range(&value);
        match param.range {
            Some((min, max)) if least < min || most > max => {
                let written = self.text(value.span).to_owned();
                self.report(
                    Diagnostic::new(
                        Code::RL0203,
                        format!("`{name}` lies between {min} and {max}"),
                        value.span,
                        "may lie outside",
                    )
                    .fix(
                        "bound it",
                        value.span,
                        format!("clamp({written}, {min}, {max})"),
                    ),
                );
                None
            }
            _ => Some(value),
        }
    }

    /// The body of a function with values for its parameters. Its result is named, so that no tree grows with the depth
    /// of calls.
    fn instantiate(&mut self, template: &Template, arguments: Vec<Expr>, span: Span) -> Expr {
        let base = self.out.lets.len();
        let count = arguments.len();
        for (at, argument) in arguments.into_iter().enumerate() {
            let optional = template.params.get(at).is_some_and(|param| param.optional);
            // What the body makes of an optional one holds for any.
            let absent = argument.absent.or(optional.then_some(argument.span));
            let value = Expr { absent, ..argument };
            let at = value.span;
            self.push_generated(value, at);
        }
        for inner in template.first + count..template.end {
            let Some(mut value) = self.out.lets.get(inner).cloned() else { continue };
            self.moved(&mut value, template, base);
            let at = value.span;
            self.push_generated(value, at);
        }
        let mut body = template.body.clone();
        self.moved(&mut body, template, base);
        if let ExprKind::Const(_) | ExprKind::Text(_) = body.kind {
            return Expr { span, ..body };
        }
        let (ty, absent, tests_absent) = (body.ty.clone(), body.absent, body.tests_absent);
        let id = self.push_generated(body, span);
        Expr { kind: ExprKind::Let(id), ty, absent, tests_absent, span }
    }

    /// Turns the named values of a template into those that begin at `base`; what becomes constant is computed.
    fn moved(&self, expr: &mut Expr, template: &Template, base: usize) {
        for child in expr.children_mut() {
            self.moved(child, template, base);
        }
        match &expr.kind {
            ExprKind::Let(id) if (template.first..template.end).contains(&id.0) => {
                let id = LetId(base + (id.0 - template.first));
                match self.out.lets.get(id.0).map(|value| &value.kind) {
                    Some(kind @ (ExprKind::Const(_) | ExprKind::Text(_))) => expr.kind = kind.clone(),
                    _ => expr.kind = ExprKind::Let(id),
                }
            }
            ExprKind::Arithmetic(operation, left, right) => {
                if let (Some(left), Some(right)) = (left.constant(), right.constant()) {
                    expr.kind = ExprKind::Const(arithmetic::apply(*operation, left, right));
                }
            }
            ExprKind::Lower(inner) => {
                if let ExprKind::Text(text) = &inner.kind {
                    expr.kind = ExprKind::Text(text.to_ascii_lowercase());
                }
            }
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Fact(_)
            | ExprKind::Now
            | ExprKind::ByPlan(_)
            | ExprKind::Lookup(..)
            | ExprKind::Let(_)
            | ExprKind::Not(_)
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Coalesce(..)
            | ExprKind::Compare(..)
            | ExprKind::Present(_)
            | ExprKind::InNets(..)
            | ExprKind::Length(_)
            | ExprKind::Has(..)
            | ExprKind::Like(..)
            | ExprKind::Matches(..)
            | ExprKind::Holds(_)
            | ExprKind::If(..) => {}
        }
    }
}

/// How many nodes an expression has.
fn size(expr: &Expr) -> usize {
    1 + expr.children().into_iter().map(size).sum::<usize>()
}

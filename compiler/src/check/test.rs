//! `test` blocks: values in the type of their fact, limits that exist, and no fact left to a guess.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    net::{IpAddr, Ipv4Addr},
};

use limitrate_core::{
    facts::{FactId, OwnedValue, Phase},
    time::Timestamp,
};
use limitrate_grammar::{
    ast::{self, StepKind as Syntax},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::{Checker, fact_id};
use crate::{
    checked::{Checked, Counted, KeyPart, Limit, Send, Shape, Step, StepKind, Stmt, Test, Type, UsedCounter},
    resolve::{HTTP_MODULE, Resolved, Symbol},
};

/// The most requests one `send` may send.
const MAX_SEND: i64 = 1_000_000;

/// The instant at which a test starts: Monday 2026-01-05T12:00:00Z.
pub const TEST_START: Timestamp = Timestamp(1_767_614_400_000_000_000);

/// The facts of `std.http` that a test need not give.
const HTTP_DEFAULTS: [&str; 3] = ["host", "ip", "body_size"];

/// What `std.http` gives a test.
fn http_default(name: &str) -> Option<OwnedValue> {
    match name {
        "ip" => Some(OwnedValue::Ip(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)))),
        "body_size" => Some(OwnedValue::Int(0)),
        "host" => Some(OwnedValue::Str("localhost".into())),
        _ => None,
    }
}

/// The counters of a policy, by the names that tests give them.
#[derive(Default)]
pub(super) struct Counters {
    /// In the order of the text, those of plans last.
    names: Vec<String>,
    shapes: HashMap<String, Shape>,
    /// The limits of modules by their names without the module.
    short: HashMap<String, Vec<String>>,
}

impl Counters {
    pub(super) fn new(checked: &Checked, resolved: &Resolved) -> Self {
        let mut counters = Self::default();
        for rule in &checked.rules {
            counters.of_block(&rule.body, resolved.module_of(rule.span));
        }
        for of_plan in &checked.plan_limits {
            counters.of_limit(&of_plan.limit, None);
        }
        counters
    }

    fn of_block(&mut self, body: &[Stmt], module: Option<&str>) {
        for stmt in body {
            match stmt {
                Stmt::Limit(limit) => self.of_limit(limit, module),
                Stmt::If(_, then, otherwise) => {
                    self.of_block(then, module);
                    self.of_block(otherwise, module);
                }
                Stmt::Deny(_) | Stmt::Exempt(_) => {}
            }
        }
    }

    fn of_limit(&mut self, limit: &Limit, module: Option<&str>) {
        self.add(limit.name.clone(), &limit.shape, &limit.shape.keys, module);
        if let Some(share) = &limit.share {
            self.add(format!("{}.share", limit.name), &limit.shape, &share.keys, module);
        }
    }

    /// The limits that a test means by `name`: the one of exactly this name, else those that modules call so.
    fn meant(&self, name: &str) -> Vec<String> {
        if self.shapes.contains_key(name) {
            return vec![name.to_owned()];
        }
        self.short.get(name).cloned().unwrap_or_default()
    }

    fn add(&mut self, name: String, shape: &Shape, keys: &[KeyPart], module: Option<&str>) {
        if let Entry::Vacant(free) = self.shapes.entry(name) {
            let name = free.key().clone();
            let short = module.and_then(|module| name.strip_prefix(module)?.strip_prefix('.'));
            if let Some(short) = short {
                self.short.entry(short.to_owned()).or_default().push(name.clone());
            }
            self.names.push(name);
            free.insert(Shape { keys: keys.to_vec(), ..shape.clone() });
        }
    }
}

/// Whether `name` is the whole of `full`, or what follows its module.
fn is_called(full: &str, name: &str) -> bool {
    full.strip_suffix(name).is_some_and(|module| module.is_empty() || module.ends_with('.'))
}

impl Checker<'_> {
    pub(super) fn test(&mut self, test: &ast::Test) {
        let mut given: HashSet<FactId> = HashSet::new();
        let mut steps = Vec::new();
        let mut now = TEST_START;
        let mut sent: Option<Span> = None;
        // Whether something that the test gives has no such fact, so that another lacks its value.
        let strays = self.names_strangers(test);
        let defaults = self.http_defaults();
        if !defaults.is_empty() {
            given.extend(defaults.iter().map(|(id, _)| *id));
            steps.push(Step { kind: StepKind::Given(defaults), span: test.title.span });
        }
        for step in &test.steps {
            let kind = match &step.kind {
                Syntax::Given(binds) => {
                    given.extend(self.named(binds));
                    Some(StepKind::Given(self.request_binds(binds)))
                }
                Syntax::At(at) => {
                    if at.node < now {
                        self.report(
                            Diagnostic::new(
                                Code::RL0011,
                                "a test's time does not go back",
                                step.span,
                                "earlier than the step before",
                            )
                            .help("a test starts at 2026-01-05T12:00:00Z; order its steps by time"),
                        );
                    }
                    now = at.node;
                    Some(StepKind::At(at.node))
                }
                Syntax::Wait(span) => {
                    now = now.after(*span);
                    Some(StepKind::Wait(*span))
                }
                Syntax::SetUsed(used, value) => self.used(used).and_then(|(counter, shape)| {
                    self.used_amount(value, &shape).map(|amount| StepKind::SetUsed(counter, amount))
                }),
                Syntax::ExpectUsed(used, comparison, value) => {
                    self.used(used).and_then(|(counter, shape)| {
                        self.used_amount(value, &shape)
                            .map(|amount| StepKind::ExpectUsed(counter, *comparison, amount))
                    })
                }
                Syntax::Send(send) => {
                    sent = Some(step.span);
                    let with = self.named(&send.with);
                    let known = |id| given.contains(&id) || with.contains(&id);
                    if !strays && self.lacks_facts(known, step.span) {
                        given.extend(self.all_facts()); // said once for the test
                    }
                    self.send(send).map(|send| StepKind::Send(Box::new(send)))
                }
                Syntax::Reply(reply) => {
                    if sent.is_none() {
                        self.report(Diagnostic::new(
                            Code::RL0704,
                            "there is no request to answer",
                            step.span,
                            "`reply` answers the `send` before it",
                        ));
                    }
                    self.reply(reply).map(StepKind::Reply)
                }
            };
            steps.extend(kind.map(|kind| Step { kind, span: step.span }));
        }
        self.out.tests.push(Test { title: test.title.node.clone(), span: test.title.span, steps });
    }

    fn names_strangers(&self, test: &ast::Test) -> bool {
        test.steps.iter().any(|step| {
            let binds: &[ast::Bind] = match &step.kind {
                Syntax::Given(binds) => binds,
                Syntax::Send(send) => &send.with,
                Syntax::Reply(reply) => &reply.with,
                Syntax::At(_) | Syntax::Wait(_) | Syntax::SetUsed(..) | Syntax::ExpectUsed(..) => &[],
            };
            self.named(binds).len() < binds.len()
        })
    }

    fn http_defaults(&self) -> Vec<(FactId, OwnedValue)> {
        let default = |name: &&str| {
            let position = self.resolved.imported(HTTP_MODULE, name)?;
            fact_id(position).zip(http_default(name))
        };
        HTTP_DEFAULTS.iter().filter_map(default).collect()
    }

    pub(super) fn binds(&mut self, binds: &[ast::Bind]) -> Vec<(FactId, OwnedValue)> {
        binds.iter().filter_map(|bind| self.bind(&bind.name, &bind.value)).collect()
    }

    /// The facts that are given, whether their values are right or not.
    fn named(&self, binds: &[ast::Bind]) -> Vec<FactId> {
        binds.iter().filter_map(|bind| self.fact_of_test(&bind.name)).collect()
    }

    /// The fact that a test means by a name: one that is in scope, one that a rule reads by name, else one that only a
    /// module looks at.
    pub(super) fn fact_of_test(&self, name: &ast::Name) -> Option<FactId> {
        match self.resolved.symbol(&name.node, name.span) {
            Some(Symbol::Input(position)) => fact_id(position),
            Some(_) => None,
            None => {
                let of_module = self.resolved.facts.get(&name.node).copied().and_then(fact_id);
                of_module.or_else(|| self.implicit.get(&name.node).copied())
            }
        }
    }

    fn bind(&mut self, name: &ast::Name, value: &ast::Expr) -> Option<(FactId, OwnedValue)> {
        let Some(id) = self.fact_of_test(name) else {
            self.unknown_fact(&name.node, name.span);
            return None;
        };
        let value = self.value_of_fact(id, value, "the value")?;
        Some((id, value))
    }

    fn send(&mut self, send: &ast::Send) -> Option<Send> {
        let count = match &send.count {
            None => 1,
            Some(count) if (1..=MAX_SEND).contains(&count.node) => count.node,
            Some(count) => {
                let message = format!("a test sends between 1 and {MAX_SEND} requests at once");
                self.report(Diagnostic::new(Code::RL0013, message, count.span, "outside this range"));
                return None;
            }
        };
        let mut facts = self.request_binds(&send.with);
        if let Some(method) = self.resolved.imported(HTTP_MODULE, "method").and_then(fact_id) {
            facts.push((method, OwnedValue::Str(send.verb.node.word().into())));
        }
        if let Some(path) = self.resolved.imported(HTTP_MODULE, "path").and_then(fact_id) {
            facts.push((path, OwnedValue::Str(send.path.node.as_str().into())));
        }
        let reply = match &send.reply {
            Some(reply) => Some(self.reply(reply)?),
            None => None,
        };
        if send.verb.node == ast::Verb::Any {
            self.report(Diagnostic::new(
                Code::RL0203,
                "a request has a method",
                send.verb.span,
                "`ANY` is not one",
            ));
        }
        let expect = self.expected(&send.expect)?;
        let notes = self.notes(send);
        Some(Send { count: count.unsigned_abs(), facts, reply, expect, expect_span: send.expect.span, notes })
    }

    /// Reports facts that a request needs and nothing gives.
    fn lacks_facts(&mut self, given: impl Fn(FactId) -> bool, span: Span) -> bool {
        let of_http =
            ["method", "path"].map(|name| self.resolved.imported(HTTP_MODULE, name).and_then(fact_id));
        let missing: Vec<(String, Span)> = self
            .out
            .facts
            .iter()
            .enumerate()
            .filter(|(_, fact)| fact.used && !fact.decl.optional && fact.decl.default.is_none())
            .filter(|(_, fact)| fact.decl.phase == Phase::Request)
            .filter(|(i, _)| fact_id(*i).is_some_and(|id| !given(id) && !of_http.contains(&Some(id))))
            .filter(|(i, _)| fact_id(*i).is_some_and(|id| !self.unclear.contains(&id)))
            .map(|(_, fact)| (fact.decl.name.to_string(), fact.span))
            .collect();
        let Some((_, declared)) = missing.first() else { return false };
        if self.unread() {
            return true; // a step that gives it may be among what could not be read
        }
        let names: Vec<String> = missing.iter().take(3).map(|(name, _)| format!("`{name}`")).collect();
        let more = if missing.len() > 3 { format!(" and {} more", missing.len() - 3) } else { String::new() };
        let binds: Vec<String> = missing.iter().map(|(name, _)| format!("{name} = …")).collect();
        self.report(
            Diagnostic::new(
                Code::RL0704,
                format!("this request has no {}{more}", names.join(", ")),
                span,
                "every fact without a default must be given",
            )
            .label(*declared, "declared here, without a default")
            .fix("give it first", span.before(), format!("given {}\n  ", binds.join(", "))),
        );
        true
    }

    fn all_facts(&self) -> Vec<FactId> {
        (0..self.out.facts.len()).filter_map(fact_id).collect()
    }

    /// A counter by the name of its limit, and the limit's shape.
    fn used(&mut self, used: &ast::Used) -> Option<(UsedCounter, Shape)> {
        let (limit, shape) = self.limit_named(&used.limit)?;
        let mut keys = Vec::new();
        for (name, value) in &used.keys {
            let literal = ast::ExprKind::Literal(ast::Literal::String(value.node.clone()));
            let literal = ast::Expr { kind: literal, span: value.span };
            keys.extend(self.key_value(name, &literal));
        }
        Some((UsedCounter { limit, keys, span: used.limit.span }, shape))
    }

    /// A key's value, always in quotes: `for org "acme"`, `for ip "192.0.2.1"`.
    fn key_value(&mut self, name: &ast::Name, literal: &ast::Expr) -> Option<(FactId, OwnedValue)> {
        let Some(id) = self.fact_of_test(name) else {
            self.unknown_fact(&name.node, name.span);
            return None;
        };
        let ty = Type::of_fact(id, &self.out.facts.get(usize::from(id.0))?.decl.ty);
        let ast::ExprKind::Literal(ast::Literal::String(text)) = &literal.kind else { return None };
        let is_text = matches!(ty, Type::Text | Type::Plan | Type::OneOf(_));
        match (ty, is_text) {
            (_, true) => Some((id, OwnedValue::Str(text.as_str().into()))),
            (Type::Ip, _) => match text.parse() {
                Ok(address) => Some((id, OwnedValue::Ip(address))),
                Err(_) => {
                    self.report(Diagnostic::new(
                        Code::RL0203,
                        "this is no address",
                        literal.span,
                        "not an address",
                    ));
                    None
                }
            },
            _ => match text.parse() {
                Ok(number) => Some((id, OwnedValue::Int(number))),
                Err(_) => {
                    self.report(Diagnostic::new(
                        Code::RL0203,
                        "this is no number",
                        literal.span,
                        "not a number",
                    ));
                    None
                }
            },
        }
    }

    /// The limit of this name in the policy as a whole, and its shape; `daily.share` is a share's.
    pub(super) fn limit_named(&mut self, name: &ast::Name) -> Option<(String, Shape)> {
        let full = self.counters.meant(&name.node);
        if let [only] = full.as_slice() {
            return self.counters.shapes.get(only).map(|shape| (only.clone(), shape.clone()));
        }
        if let [first, second, ..] = full.as_slice() {
            let message = format!("several limits are called `{}`", name.node);
            let diagnostic = Diagnostic::new(Code::RL0101, message, name.span, "which one?")
                .fix("one of them", name.span, first)
                .fix("another", name.span, second);
            self.report(diagnostic);
            return None;
        }
        let names = self.counters.names.iter().map(String::as_str);
        let mut diagnostic = self.unknown("limit", &name.node, name.span, names);
        if diagnostic.fixes.is_empty() && !self.counters.names.is_empty() {
            let few: Vec<String> =
                self.counters.names.iter().take(3).map(|name| format!("`{name}`")).collect();
            diagnostic = diagnostic.help(format!("limits of this policy are {}", few.join(", ")));
        }
        if !self.limit_names.iter().any(|written| is_called(written, &name.node)) {
            self.missing(&name.node, diagnostic);
        }
        None
    }

    fn used_amount(&mut self, value: &ast::Expr, shape: &Shape) -> Option<i64> {
        if let limitrate_core::algorithm::Algorithm::Bucket(_) = shape.algorithm {
            self.report(
                Diagnostic::new(
                    Code::RL0503,
                    "a bucket has no use to name",
                    value.span,
                    "windows and limits in flight have",
                )
                .help("send the requests that use it up instead"),
            );
            return None;
        }
        let wanted = match shape.unit {
            Counted::Unit(unit) => Type::Quantity(unit),
            Counted::InFlight => Type::Int,
        };
        let typed = self.constant_expr(value);
        let typed = if typed.ty == Type::InFlight && wanted == Type::Int {
            crate::checked::Expr { ty: Type::Int, ..typed }
        } else {
            typed
        };
        self.require(typed, &wanted, "what this limit has used is").constant()
    }
}

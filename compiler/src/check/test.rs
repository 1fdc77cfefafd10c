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
    span::{Span, Spanned},
};

use super::{Checker, fact_id};
use crate::{
    checked::{Checked, Counted, KeyPart, Limit, Send, Shape, Step, StepKind, Stmt, Test, Type, UsedCounter},
    resolve::{HTTP_MODULE, Symbol},
};

/// The most requests one `send` may send.
const MAX_SEND: i64 = 1_000_000;

/// The status that a reply may be given: any other would promise a difference that it does not make.
const REPLY_STATUS: i64 = 200;

/// The length of the word `reply`.
const REPLY_WORD_BYTES: u32 = 5;

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
}

impl Counters {
    pub(super) fn new(checked: &Checked) -> Self {
        let mut counters = Self::default();
        for rule in &checked.rules {
            counters.of_block(&rule.body);
        }
        for of_plan in &checked.plan_limits {
            counters.of_limit(&of_plan.limit);
        }
        counters
    }

    fn of_block(&mut self, body: &[Stmt]) {
        for stmt in body {
            match stmt {
                Stmt::Limit(limit) => self.of_limit(limit),
                Stmt::If(_, then, otherwise) => {
                    self.of_block(then);
                    self.of_block(otherwise);
                }
                Stmt::Deny(_) | Stmt::Exempt(_) => {}
            }
        }
    }

    fn of_limit(&mut self, limit: &Limit) {
        self.add(limit.name.clone(), &limit.shape, &limit.shape.keys);
        if let Some(share) = &limit.share {
            self.add(format!("{}.share", limit.name), &limit.shape, &share.keys);
        }
    }

    fn add(&mut self, name: String, shape: &Shape, keys: &[KeyPart]) {
        if let Entry::Vacant(free) = self.shapes.entry(name) {
            self.names.push(free.key().clone());
            free.insert(Shape { keys: keys.to_vec(), ..shape.clone() });
        }
    }
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
                    Some(StepKind::Given(self.binds(binds)))
                }
                Syntax::At(at) => {
                    if *at < now {
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
                    now = *at;
                    Some(StepKind::At(*at))
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
                Syntax::Reply(status) => {
                    let word = Span { end: step.span.start + REPLY_WORD_BYTES, ..step.span };
                    self.reply_status(status.as_ref(), Some(word));
                    if sent.is_none() {
                        self.report(Diagnostic::new(
                            Code::RL0704,
                            "there is no request to answer",
                            step.span,
                            "`reply` answers the `send` before it",
                        ));
                    }
                    Some(StepKind::Reply)
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
                Syntax::At(_)
                | Syntax::Wait(_)
                | Syntax::SetUsed(..)
                | Syntax::Reply(_)
                | Syntax::ExpectUsed(..) => &[],
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

    fn binds(&mut self, binds: &[ast::Bind]) -> Vec<(FactId, OwnedValue)> {
        binds.iter().filter_map(|bind| self.bind(&bind.name, &bind.value)).collect()
    }

    /// The facts that are given, whether their values are right or not.
    fn named(&self, binds: &[ast::Bind]) -> Vec<FactId> {
        binds.iter().filter_map(|bind| self.fact_named(&bind.name.node)).collect()
    }

    fn bind(&mut self, name: &ast::Name, value: &ast::Expr) -> Option<(FactId, OwnedValue)> {
        let Some(id) = self.fact_named(&name.node) else {
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
        let mut facts = self.binds(&send.with);
        if let Some(method) = self.resolved.imported(HTTP_MODULE, "method").and_then(fact_id) {
            facts.push((method, OwnedValue::Str(send.verb.node.word().into())));
        }
        if let Some(path) = self.resolved.imported(HTTP_MODULE, "path").and_then(fact_id) {
            facts.push((path, OwnedValue::Str(send.path.node.as_str().into())));
        }
        self.reply_status(send.reply.as_ref(), None);
        if send.verb.node == ast::Verb::Any {
            self.report(Diagnostic::new(
                Code::RL0203,
                "a request has a method",
                send.verb.span,
                "`ANY` is not one",
            ));
        }
        if let ast::Expected::Reject { by: Some(name), .. } = &send.expect.node {
            self.limit_named(name);
        }
        Some(Send {
            count: count.unsigned_abs(),
            facts,
            replied: send.reply.is_some(),
            expect: send.expect.node.clone(),
            expect_span: send.expect.span,
        })
    }

    /// Reports a status that has no effect. After the `word` of a step of its own it may also be left out.
    fn reply_status(&mut self, status: Option<&Spanned<i64>>, word: Option<Span>) {
        let Some(status) = status.filter(|status| status.node != REPLY_STATUS) else { return };
        let message = "the status of a reply is not looked at yet";
        let mut diagnostic = Diagnostic::new(Code::RL0009, message, status.span, "has no effect");
        if let Some(word) = word {
            diagnostic =
                diagnostic.fix("leave it out", Span { start: word.end, end: status.span.end, ..word }, "");
        }
        self.report(diagnostic.fix(format!("write {REPLY_STATUS}"), status.span, REPLY_STATUS.to_string()));
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
        let shape = self.limit_named(&used.limit)?;
        let mut keys = Vec::new();
        for (name, value) in &used.keys {
            let literal = ast::ExprKind::Literal(ast::Literal::String(value.node.clone()));
            let literal = ast::Expr { kind: literal, span: value.span };
            keys.extend(self.key_value(name, &literal));
        }
        Some((UsedCounter { limit: used.limit.node.clone(), keys, span: used.limit.span }, shape))
    }

    /// A key's value, always in quotes: `for org "acme"`, `for ip "192.0.2.1"`.
    fn key_value(&mut self, name: &ast::Name, literal: &ast::Expr) -> Option<(FactId, OwnedValue)> {
        let Some(Symbol::Input(position)) = self.resolved.symbol(&name.node) else {
            self.unknown_fact(&name.node, name.span);
            return None;
        };
        let id = fact_id(position)?;
        let ty = Type::of_fact(id, &self.out.facts.get(position)?.decl.ty);
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

    /// The shape of the limit of this name; `daily.share` is a share's.
    fn limit_named(&mut self, name: &ast::Name) -> Option<Shape> {
        if let Some(shape) = self.counters.shapes.get(&name.node) {
            return Some(shape.clone());
        }
        let names = self.counters.names.iter().map(String::as_str);
        let mut diagnostic = self.unknown("limit", &name.node, name.span, names);
        if diagnostic.fixes.is_empty() && !self.counters.names.is_empty() {
            let few: Vec<String> =
                self.counters.names.iter().take(3).map(|name| format!("`{name}`")).collect();
            diagnostic = diagnostic.help(format!("limits of this policy are {}", few.join(", ")));
        }
        if !self.limit_names.contains(&name.node) {
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

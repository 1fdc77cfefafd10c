//! What `rlc cost` says of a request is never exceeded by one: random requests to every example.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod policies;

use std::collections::BTreeSet;

use limitrate::{
    compiler::{
        cost::Cost,
        interpret::Values,
        ir::{Node, NodeId, Program},
        pipeline::compile_with,
        request::Request,
    },
    core::facts::{FactType, OwnedValue},
    prelude::*,
    runtime::load::FileLoader,
};
use proptest::prelude::*;

use policies::{files, short};

/// Random facts of one request, each of its type.
struct Facts {
    values: Vec<Option<OwnedValue>>,
    now: Timestamp,
}

impl Request for Facts {
    fn value(&self, fact: FactId) -> Value<'_> {
        let value = self.values.get(usize::from(fact.0)).and_then(Option::as_ref);
        value.map_or(Value::Absent, OwnedValue::borrow)
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

/// The numbers that a request is made of, one after the other.
struct Numbers<'n> {
    numbers: &'n [u32],
    at: usize,
}

impl Numbers<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.at += 1;
        let number = self.numbers.get(self.at % self.numbers.len()).copied().unwrap_or(0);
        usize::try_from(number).unwrap() % bound.max(1)
    }

    fn one<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts.get(self.below(texts.len())).copied().unwrap_or("x")
    }
}

/// A request made of numbers, with texts and paths that the policy looks for.
fn facts(program: &Program, numbers: &[u32]) -> Facts {
    let mut numbers = Numbers { numbers, at: 0 };
    let paths: Vec<String> =
        program.tables.patterns.iter().map(|pattern| pattern.to_string().replace(['*', ':'], "x")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).chain(["/", "/v1"]).collect();
    let texts: Vec<&str> =
        program.tables.texts.iter().map(String::as_str).chain(["ada", "GET", "POST"]).collect();
    let values = program.facts.iter().zip((0..).map(FactId)).map(|(fact, id)| {
        if fact.decl.optional && numbers.below(3) == 0 {
            return None;
        }
        let number = i64::try_from(numbers.below(1_000)).unwrap();
        Some(match &fact.decl.ty {
            FactType::Bool => OwnedValue::Bool(number % 2 == 0),
            FactType::Int { min, max } => OwnedValue::Int(number.clamp(*min, *max)),
            FactType::String | FactType::Key if program.http.is_some_and(|http| http.path == id) => {
                OwnedValue::Str(numbers.one(&paths).into())
            }
            FactType::String | FactType::Key => OwnedValue::Str(numbers.one(&texts).into()),
            FactType::OneOf(members) | FactType::Plan(members) => {
                OwnedValue::Str(members.get(numbers.below(members.len())).cloned().unwrap_or_default())
            }
            FactType::Ip => OwnedValue::Ip(std::net::Ipv4Addr::new(203, 0, 113, 7).into()),
            FactType::Percent
            | FactType::Quantity(_)
            | FactType::Price(_)
            | FactType::Duration
            | FactType::Instant
            | FactType::Date
            | FactType::Clock => OwnedValue::Int(number),
        })
    });
    let values = values.collect();
    let day = i64::try_from(numbers.below(3_000)).unwrap();
    Facts { values, now: Timestamp(1_600_000_000_000_000_000 + day * 3_600_000_000_000 * 7) }
}

/// How many nodes and statements of the rules that apply a request needs; constants are none.
fn steps(program: &Program, values: &Values) -> usize {
    let applies =
        |origin: usize| program.origins.get(origin).is_some_and(|origin| values.get(origin.applies) != 0);
    let mut needed: BTreeSet<NodeId> = BTreeSet::new();
    let mut statements = 0;
    let mut open = Vec::new();
    let mut add = |origin: usize, nodes: &[NodeId]| {
        if applies(origin) {
            statements += 1;
            open.extend_from_slice(nodes);
        }
    };
    program.denies.iter().for_each(|site| add(site.origin, &[site.when]));
    program.exempts.iter().for_each(|site| add(site.origin, &[site.when]));
    program.reports.iter().for_each(|site| add(site.origin, &[site.when]));
    program.charges.iter().for_each(|site| add(site.origin, &[site.when, site.ceiling, site.cost]));
    while let Some(node) = open.pop() {
        if !needed.insert(node) {
            continue;
        }
        match program.nodes.get(usize::try_from(node.0).unwrap()).unwrap() {
            Node::Const(_) | Node::Slot(_) => {}
            Node::Not(a) => open.push(*a),
            Node::And(a, b) | Node::Or(a, b) | Node::Compare(_, a, b) | Node::Arithmetic(_, a, b) => {
                open.extend([*a, *b]);
            }
            Node::Select(a, b, c) => open.extend([*a, *b, *c]),
        }
    }
    let computed = needed
        .iter()
        .filter(|node| !matches!(program.nodes.get(usize::try_from(node.0).unwrap()), Some(Node::Const(_))));
    statements + computed.count()
}

/// What one request takes: charges, groups of counters, steps.
fn taken(policy: &Policy, request: &Facts) -> (usize, usize, usize) {
    let program = policy.program();
    let mut values = Values::default();
    values.evaluate(program, &policy.frame(request));
    let charged: Vec<_> = program.charges.iter().filter(|site| values.get(site.when) != 0).collect();
    let mut roots = Vec::new();
    for site in &charged {
        let root = program.limits.get(usize::try_from(site.limit.0).unwrap()).unwrap().keys.first();
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    (charged.len(), roots.len(), steps(program, &values))
}

fn examples() -> Vec<(String, Policy)> {
    let compiled = files("examples", "rl").into_iter().map(|path| {
        let text = std::fs::read(&path).unwrap();
        let accepted = compile_with(&short(&path), &text, Engine::Interpreter, &FileLoader::beside(&path));
        (short(&path), accepted.unwrap().policy)
    });
    compiled.collect()
}

#[test]
fn no_request_takes_more_than_its_policy_is_said_to_cost() {
    let examples = examples();
    let costs: Vec<Cost> = examples.iter().map(|(_, policy)| Cost::of(policy.program())).collect();
    let numbers = prop::collection::vec(any::<u32>(), 40..80);
    proptest!(ProptestConfig::with_cases(200), |(numbers in numbers)| {
        for ((name, policy), cost) in examples.iter().zip(&costs) {
            let (charges, trips, steps) = taken(policy, &facts(policy.program(), &numbers));
            prop_assert!(charges <= cost.charges(), "{name}: {charges} charges");
            prop_assert!(trips <= cost.round_trips(), "{name}: {trips} round trips");
            prop_assert!(steps <= cost.steps(), "{name}: {steps} steps");
        }
    });
    for ((name, policy), cost) in examples.iter().zip(&costs) {
        assert_eq!(cost.charges(), policy.program().worst_case_charges, "{name}");
        assert!(cost.limits.len() == policy.program().limits.len(), "{name}: a limit without its cost");
    }
}

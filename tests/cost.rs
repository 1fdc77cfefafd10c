//! What `rlc cost` says of a request is never exceeded by one: random requests to every example.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod policies;
mod requests;

use std::collections::BTreeSet;

use limitrate::{
    compiler::{
        cost::Cost,
        interpret::Values,
        ir::{Node, NodeId, Program},
    },
    prelude::*,
};
use proptest::prelude::*;

use requests::{Facts, examples, facts};

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

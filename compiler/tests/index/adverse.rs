//! Policies that are made to defeat an index: its tables stay linear, and it says the same.

use limitrate_compiler::{
    Engine, Policy,
    checked::Comparison,
    index::Summary,
    ir::{NodeId, Program, build::Graph, slot::Slot},
    policy::{Choice, Options, Scratch},
};
use limitrate_core::facts::{FactId, OwnedValue};

use crate::world::{self, Given};

const TEXT: Slot = Slot::Text(limitrate_compiler::ir::slot::Subject { fact: FactId(0), lower: false });
const NUMBER: Slot = Slot::Value(FactId(2));

/// A program of charges with these conditions; the texts are `t0`, `t1`, …, with the ids 1, 2, ….
fn charges(texts: usize, sites: usize, mut when: impl FnMut(&mut Graph, i64) -> NodeId) -> Program {
    let mut graph = Graph::default();
    let mut program = Program { facts: world::facts(), tables: world::tables(), ..Program::default() };
    program.tables.texts = (0..texts).map(|number| format!("t{number}")).collect();
    let amount = graph.constant(1);
    for number in (0..).take(sites) {
        let when = when(&mut graph, number);
        world::add(&mut program, 4, when, amount, amount);
    }
    (program.nodes, program.slots) = graph.finish();
    program
}

fn indexed(program: Program) -> Policy {
    let options = Options { choice: Choice::Indexed, ..Options::default() };
    Policy::with_options(program, Engine::Interpreter, options)
}

fn given(text: &str, number: i64) -> Given {
    let mut values = vec![None; 7];
    values[0] = Some(world::text(text));
    values[2] = Some(OwnedValue::Int(number));
    values[4] = Some(world::text("/a"));
    Given { values, now: 0 }
}

fn agrees(policy: &Policy, request: &Given) -> usize {
    let (mut scratch, mut reference) = (Scratch::default(), Scratch::default());
    let outcome = policy.decide(request, &mut scratch);
    assert_eq!(outcome, policy.decide_by_reference(request, &mut reference));
    assert_eq!(scratch.sites, reference.sites);
    scratch.sites.len()
}

fn table_bytes(policy: &Policy) -> usize {
    let Summary::Indexed { table_bytes, .. } = policy.plan() else { panic!("an index") };
    table_bytes
}

fn is(graph: &mut Graph, slot: Slot, comparison: Comparison, value: i64) -> NodeId {
    let (slot, value) = (graph.slot(slot), graph.constant(value));
    graph.compare(comparison, slot, value)
}

#[test]
fn a_hundred_thousand_rules_on_one_route_are_told_apart_by_what_else_they_ask() {
    let policy = indexed(charges(100_000, 100_000, |graph, number| {
        let route = graph.slot(Slot::Route(FactId(4), 0));
        let text = is(graph, TEXT, Comparison::Eq, number + 1);
        graph.and(route, text)
    }));
    assert_eq!(agrees(&policy, &given("t77777", 0)), 1);
    assert_eq!(agrees(&policy, &given("none of them", 0)), 0);
    assert!(table_bytes(&policy) < 200 * 100_000, "{}", table_bytes(&policy));
    // The text tells nearly all apart: the route is looked at for the one that is left.
    let Summary::Indexed { bodies, .. } = policy.plan() else { panic!("an index") };
    assert_eq!(bodies, 1);
}

#[test]
fn a_hundred_thousand_rules_that_all_match_are_all_found() {
    let policy = indexed(charges(0, 100_000, |graph, _| graph.slot(Slot::Route(FactId(4), 0))));
    assert_eq!(agrees(&policy, &given("x", 0)), 100_000);
    assert!(table_bytes(&policy) < 200 * 100_000, "{}", table_bytes(&policy));
}

#[test]
fn a_set_of_a_hundred_thousand_texts_is_one_look_for_every_rule_that_asks_for_it() {
    let mut any = None;
    let policy = indexed(charges(100_000, 1_000, |graph, number| {
        // Every other text, so that no two of them make one range.
        let any = *any.get_or_insert_with(|| {
            (0..100_000).step_by(2).fold(graph.truth(false), |any, text| {
                let text = is(graph, TEXT, Comparison::Eq, text + 1);
                graph.or(any, text)
            })
        });
        let not = graph.not(any);
        let least = is(graph, NUMBER, Comparison::Ge, number % 10);
        let of = if number % 2 == 0 { any } else { not };
        graph.and(of, least)
    }));
    assert_eq!(agrees(&policy, &given("t500", 4)), 300);
    assert_eq!(agrees(&policy, &given("t501", 4)), 200);
    let Summary::Indexed { settled, .. } = policy.plan() else { panic!("an index") };
    assert_eq!(settled, 1_000);
    assert!(table_bytes(&policy) < 8 << 20, "{}", table_bytes(&policy));
}

#[test]
fn sets_that_grow_by_one_text_each_stay_linear() {
    let mut any = None;
    let policy = indexed(charges(4_000, 2_000, |graph, number| {
        let text = is(graph, TEXT, Comparison::Eq, 2 * number + 1);
        let before = any.unwrap_or_else(|| graph.truth(false));
        let with = graph.or(before, text);
        any = Some(with);
        with
    }));
    assert_eq!(agrees(&policy, &given("t0", 0)), 2_000);
    assert_eq!(agrees(&policy, &given("t3000", 0)), 2_000 - 1_500);
    assert!(table_bytes(&policy) < 8 << 20, "{}", table_bytes(&policy));
}

#[test]
fn nested_ranges_beyond_what_rows_may_hold_are_decided_one_by_one() {
    let policy =
        indexed(charges(0, 20_000, |graph, number| is(graph, NUMBER, Comparison::Ge, 1_000 * number)));
    assert_eq!(agrees(&policy, &given("x", 5_000_500)), 5_001);
    assert!(table_bytes(&policy) < 32 << 20, "{}", table_bytes(&policy));
}

#[test]
fn a_choice_among_thousands_excludes_the_earlier_ones_at_no_cost_of_its_own() {
    let mut none_before = None;
    let policy = indexed(charges(2_000, 2_000, |graph, number| {
        let text = is(graph, TEXT, Comparison::Eq, number + 1);
        let before = none_before.unwrap_or_else(|| graph.truth(true));
        let not = graph.not(text);
        none_before = Some(graph.and(before, not));
        graph.and(before, text)
    }));
    assert_eq!(agrees(&policy, &given("t1999", 0)), 1);
    assert!(table_bytes(&policy) < 8 << 20, "{}", table_bytes(&policy));
}

#[test]
fn conditions_that_no_dimension_knows_are_evaluated_for_each_site() {
    let policy = indexed(charges(0, 2_000, |graph, number| {
        let (left, right) = (graph.slot(NUMBER), graph.slot(Slot::Length(FactId(0))));
        let number = graph.constant(number);
        let sum = graph.arithmetic(limitrate_compiler::checked::Arithmetic::Add, right, number);
        graph.compare(Comparison::Lt, left, sum)
    }));
    assert_eq!(agrees(&policy, &given("abc", 1_000)), 1_002);
    let Summary::Indexed { dimensions, bodies, .. } = policy.plan() else { panic!("an index") };
    assert!(dimensions.is_empty());
    assert_eq!(bodies, 1, "all sites have one shape, and differ in a constant");
}

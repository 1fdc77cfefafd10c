use limitrate_compiler::{checked::Fact, grammar::span::Span, ir::slot::Slot};
use limitrate_core::unit::Unit;

use super::*;

fn program() -> Program {
    let fact = |decl| Fact { decl, span: Span::default(), used: true, imported: false };
    let tokens = FactType::Quantity(Unit::Tokens);
    let response = |name: &str| FactDecl { phase: Phase::Response, ..FactDecl::new(name, tokens.clone()) };
    let (asked, took, kept) = (FactId(0), FactId(1), FactId(2));
    Program {
        facts: vec![
            fact(FactDecl::new("asked", tokens.clone())),
            fact(response("took")),
            fact(FactDecl { default: Some(limitrate_core::facts::OwnedValue::Int(3)), ..response("kept") }),
        ],
        slots: vec![Slot::Value(asked), Slot::Value(took), Slot::Present(took), Slot::Value(kept), Slot::Now],
        ..Program::default()
    }
}

#[test]
fn a_response_fills_its_own_slots_and_leaves_those_of_the_request() {
    let program = program();
    let binder = Binder::new(&program);
    let (mut bound, mut frame) = (Bound::new(), Vec::new());
    let request = [(FactId(0), Value::Int(10)), (FactId(1), Value::Int(99))];
    binder.bind(&program, &request, Timestamp(5), &mut bound, &mut frame).unwrap();
    assert_eq!(frame, [10, 0, 0, 3, 5], "what is said of the response before it is there does not count");

    let response = [(FactId(0), Value::Int(77)), (FactId(1), Value::Int(4)), (FactId(2), Value::Int(8))];
    binder.respond(&program, &response, &mut frame).unwrap();
    assert_eq!(frame, [10, 4, 1, 8, 5]);
}

#[test]
fn a_response_without_a_fact_says_so_and_a_wrong_one_is_refused() {
    let program = program();
    let binder = Binder::new(&program);
    let mut frame = vec![10, 0, 0, 0, 5];
    binder.respond(&program, &[], &mut frame).unwrap();
    assert_eq!(frame, [10, 0, 0, 3, 5]);
    let wrong = [(FactId(1), Value::Int(-1))];
    let problem = InputProblem { fact: FactId(1), problem: Problem::OutsideType };
    assert_eq!(binder.respond(&program, &wrong, &mut frame), Err(problem));
}

//! Machine code against the interpreter on random programs, below the level of the language: every operation, at the
//! ends of 64 bits.
#![cfg(feature = "jit")]
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

use limitrate_compiler::{
    checked::{Arithmetic, Comparison},
    codegen::{self, OptLevel, Options, Regalloc},
    interpret,
    ir::{
        Burst, ChargeSite, DenySite, Exceed, ExemptSite, LimitId, Node, NodeId, Program, ReportSite, SlotId,
        arithmetic, build::Graph, slot::Slot, verify,
    },
    outcome::RawOutcome,
};
use limitrate_core::{
    algorithm::Algorithm,
    charge::{Fail, Mode},
    facts::FactId,
    time::Nanos,
};
use limitrate_grammar::span::Span;
use proptest::{prelude::*, sample::Index};

/// How many slots the programs read.
const SLOTS: usize = 6;

/// A node whose operands are chosen among those before it.
#[derive(Debug, Clone)]
enum Step {
    Const(i64),
    Not(Index),
    And(Index, Index),
    Or(Index, Index),
    Compare(Comparison, Index, Index),
    Arithmetic(Arithmetic, Index, Index),
    Select(Index, Index, Index),
}

fn extreme() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(-1),
        Just(i64::MAX),
        Just(i64::MIN),
        Just(1_000_000),
        Just(9_000_000_000_001),
        any::<i64>(),
        -100_i64..100,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let operand = any::<Index>;
    let comparison = prop::sample::select(vec![
        Comparison::Eq,
        Comparison::Ne,
        Comparison::Lt,
        Comparison::Le,
        Comparison::Gt,
        Comparison::Ge,
    ]);
    let arithmetic = prop::sample::select(vec![
        Arithmetic::Add,
        Arithmetic::Sub,
        Arithmetic::Mul,
        Arithmetic::Scale,
        Arithmetic::Min,
        Arithmetic::Max,
        Arithmetic::Divide,
        Arithmetic::Ratio,
        Arithmetic::Price(1),
        Arithmetic::Price(1_000),
        Arithmetic::Price(1_000_000_000),
        Arithmetic::Price(arithmetic::MAX_DIVISOR),
    ]);
    prop_oneof![
        1 => extreme().prop_map(Step::Const),
        1 => operand().prop_map(Step::Not),
        1 => (operand(), operand()).prop_map(|(a, b)| Step::And(a, b)),
        1 => (operand(), operand()).prop_map(|(a, b)| Step::Or(a, b)),
        2 => (comparison, operand(), operand()).prop_map(|(c, a, b)| Step::Compare(c, a, b)),
        4 => (arithmetic, operand(), operand()).prop_map(|(o, a, b)| Step::Arithmetic(o, a, b)),
        2 => (operand(), operand(), operand()).prop_map(|(a, b, c)| Step::Select(a, b, c)),
    ]
}

/// Builds a program of these nodes, with sites that look at any of them.
fn program(steps: &[Step], sites: &[(u8, Index, Index, Index)]) -> Program {
    let mut nodes: Vec<Node> = (0..SLOTS).map(|slot| Node::Slot(SlotId(id(slot)))).collect();
    for step in steps {
        let pick = |index: &Index| NodeId(id(index.index(nodes.len())));
        nodes.push(match step {
            Step::Const(value) => Node::Const(*value),
            Step::Not(a) => Node::Not(pick(a)),
            Step::And(a, b) => Node::And(pick(a), pick(b)),
            Step::Or(a, b) => Node::Or(pick(a), pick(b)),
            Step::Compare(c, a, b) => Node::Compare(*c, pick(a), pick(b)),
            Step::Arithmetic(o, a, b) => Node::Arithmetic(*o, pick(a), pick(b)),
            Step::Select(a, b, c) => Node::Select(pick(a), pick(b), pick(c)),
        });
    }
    let mut program = Program { slots: vec![Slot::Value(FactId(0)); SLOTS], ..Program::default() };
    let node = |index: &Index| NodeId(id(index.index(nodes.len())));
    let span = Span::default();
    for (kind, when, ceiling, cost) in sites {
        let when = node(when);
        match kind {
            0 => program.denies.push(DenySite { when, origin: 0, status: 403, message: Vec::new(), span }),
            1 => program.exempts.push(ExemptSite { when, origin: 0, reason: String::new(), span }),
            2 => program.reports.push(ReportSite { when, origin: 0, deny: true, span }),
            _ => program.charges.push(ChargeSite {
                when,
                limit: LimitId(0),
                origin: 0,
                algorithm: Algorithm::SlidingWindow(Nanos(1)),
                ceiling: node(ceiling),
                cost: node(cost),
                burst: Burst::Ceiling,
                starting: None,
                fail: Some(Fail::Closed),
                mode: Mode::Enforce,
                settle: None,
                warn: Vec::new(),
                exceed: Exceed::Reject,
                block: None,
                overshoot: 0,
                span,
            }),
        }
    }
    program.nodes = nodes;
    program
}

fn id(position: usize) -> u32 {
    u32::try_from(position).expect("a small program")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_level_of_optimisation_and_every_assignment_of_registers_computes_the_same(
        steps in prop::collection::vec(step(), 0..40),
        sites in prop::collection::vec((0_u8..4, any::<Index>(), any::<Index>(), any::<Index>()), 1..12),
        frame in prop::collection::vec(extreme(), SLOTS),
    ) {
        let program = program(&steps, &sites);
        let (mut native, mut reference, mut values) = (Vec::new(), Vec::new(), interpret::Values::default());
        let expected = interpret::decide(&program, &frame, &mut values, &mut reference);
        for opt_level in OptLevel::ALL {
            for regalloc in Regalloc::ALL {
                let options = Options { opt_level, regalloc, verify: true, regalloc_checker: true };
                let code = codegen::compile_with(&program, &options).expect("machine code on this platform");
                prop_assert_eq!(code.decide(&frame, &mut native), Ok(expected), "{:?} {}", options, &program);
                prop_assert_eq!(&native, &reference, "{:?} {}", options, &program);
            }
        }
    }

    #[test]
    fn machine_code_computes_what_the_interpreter_computes(
        steps in prop::collection::vec(step(), 0..60),
        sites in prop::collection::vec((prop_oneof![1 => Just(0_u8), 1 => Just(1), 10 => Just(2), 40 => Just(3)], any::<Index>(), any::<Index>(), any::<Index>()), 0..150),
        frames in prop::collection::vec(prop::collection::vec(extreme(), SLOTS), 1..20),
    ) {
        let program = program(&steps, &sites);
        let code = codegen::compile(&program).expect("machine code on this platform");
        let (mut native, mut reference, mut values) = (Vec::new(), Vec::new(), interpret::Values::default());
        let mut reported = Vec::new();
        for frame in &frames {
            let a = code.decide(frame, &mut native).expect("an answer");
            let b = interpret::decide(&program, frame, &mut values, &mut reference);
            prop_assert_eq!(a, b, "{}", &program);
            prop_assert_eq!(&native, &reference, "{}", &program);
            interpret::report(&program, frame, &mut values, &mut reported);
            code.report(frame, &mut native).expect("an answer");
            let found = native.iter().map(|site| u32::try_from(site.site).ok());
            prop_assert_eq!(found.collect::<Vec<_>>(), reported.iter().copied().map(Some).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_frame_that_is_too_short_reads_as_zeros() {
    let mut graph = Graph::default();
    let slot = graph.slot(Slot::Value(FactId(0)));
    let (nodes, slots) = graph.finish();
    let deny = DenySite { when: slot, origin: 0, status: 403, message: Vec::new(), span: Span::default() };
    let program = Program { nodes, slots, denies: vec![deny], ..Program::default() };
    let code = codegen::compile(&program).expect("machine code on this platform");
    assert_eq!(code.decide(&[], &mut Vec::new()), Ok(RawOutcome::Charges));
    assert_eq!(code.decide(&[1], &mut Vec::new()), Ok(RawOutcome::Deny));
}

#[test]
fn what_does_not_fit_into_registers_nor_a_page_of_stack_is_computed_all_the_same() {
    let mut graph = Graph::default();
    let slot = graph.slot(Slot::Value(FactId(0)));
    let tests: Vec<NodeId> = (0..4_000)
        .map(|n| {
            let n = graph.constant(n);
            let scaled = graph.arithmetic(Arithmetic::Mul, slot, n);
            graph.compare(Comparison::Gt, scaled, n)
        })
        .collect();
    // The second condition needs the tests in the opposite order, so that all are kept until then.
    let none = graph.truth(false);
    let any = tests.iter().fold(none, |any, test| graph.or(any, *test));
    let sum = tests.iter().rev().fold(none, |sum, test| graph.arithmetic(Arithmetic::Add, sum, *test));
    let expected = graph.constant(3_999);
    let nearly_all = graph.compare(Comparison::Eq, sum, expected);
    let (nodes, slots) = graph.finish();
    let deny = |when| DenySite { when, origin: 0, status: 403, message: Vec::new(), span: Span::default() };
    let program = Program { nodes, slots, denies: vec![deny(any), deny(nearly_all)], ..Program::default() };
    let code = codegen::compile(&program).expect("machine code on this platform");
    let mut sites = Vec::new();
    for (value, applying) in [(0, 0), (1, 0), (2, 2)] {
        code.decide(&[value], &mut sites).expect("an answer");
        assert_eq!(sites.len(), applying, "{value}");
    }
}

#[test]
fn a_malformed_program_is_caught_before_it_runs() {
    let program = Program { nodes: vec![Node::Not(NodeId(0))], ..Program::default() };
    assert_eq!(verify(&program), Err(limitrate_compiler::ir::Malformed::Order(0)));
}

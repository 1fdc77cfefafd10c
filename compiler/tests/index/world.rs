//! Programs below the level of the language over slots of all kinds, and requests for them.

use limitrate_compiler::{
    checked::{Arithmetic, Comparison, Fact, Place},
    ir::{
        Burst, ChargeSite, DenySite, Exceed, ExemptSite, LimitId, NodeId, Program, ReportSite, Settlement,
        Tables, build::Graph, slot::Slot,
    },
    request::Request,
};
use limitrate_core::{
    algorithm::Algorithm,
    charge::{Fail, Mode},
    facts::{FactDecl, FactId, FactType, OwnedValue, Value},
    glob::Glob,
    path::Pattern,
    schedule::{Schedule, WeekSpan},
    time::{Nanos, Timestamp},
    window::Zone,
};
use limitrate_grammar::span::Span;
use proptest::prelude::*;

pub(crate) const TEXTS: [&str; 6] = ["a", "b", "ab", "ba", "abc", "x"];
const PATTERNS: [&str; 6] = ["/a", "/a/*", "/*/b", "/a/b", "/a/**", "/**"];
const NETS: [&str; 3] = ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"];

/// Facts: two texts, a number, an address, a path, a truth and one of three members.
pub(crate) fn facts() -> Vec<Fact> {
    let members = ["free", "pro", "max"].map(Box::from);
    let types = [
        FactType::String,
        FactType::String,
        FactType::Int { min: i64::MIN, max: i64::MAX },
        FactType::Ip,
        FactType::String,
        FactType::Bool,
        FactType::OneOf(members.into()),
    ];
    let fact = |(number, ty)| Fact {
        decl: FactDecl { optional: true, ..FactDecl::new(format!("f{number}"), ty) },
        span: Span::default(),
        used: true,
        imported: false,
        modules: Vec::new(),
    };
    (0..).zip(types).map(fact).collect()
}

pub(crate) fn tables() -> Tables {
    let schedule = Schedule {
        spans: vec![WeekSpan { first_day: 0, last_day: 6, from: Nanos(0), until: Nanos::from_secs(43_200) }],
        zone: Zone::UTC,
        except: Vec::new(),
    };
    Tables {
        texts: TEXTS.map(String::from).to_vec(),
        patterns: PATTERNS.map(|text| Pattern::parse(text).expect("a pattern")).to_vec(),
        nets: NETS.map(|net| std::iter::once(net.parse().expect("a network")).collect()).to_vec(),
        parts: vec![(Place::Start, "a".into()), (Place::End, "b".into()), (Place::Anywhere, "b".into())],
        globs: ["a*", "*b"].map(|glob| (glob.into(), Glob::new(glob))).to_vec(),
        regexes: ["^a", "b$"].map(|text| regex::Regex::new(text).expect("a regex")).to_vec(),
        schedules: vec![schedule],
        rollouts: vec!["r".into()],
    }
}

fn truths() -> Vec<Slot> {
    let fact = FactId;
    let mut slots = vec![
        Slot::Present(fact(1)),
        Slot::Present(fact(2)),
        Slot::Value(fact(5)),
        Slot::SameText(fact(0).into(), fact(1).into()),
        Slot::SameAddress(fact(3), fact(3)),
        Slot::Schedule(0),
    ];
    slots.extend((0..PATTERNS.len()).map(|at| Slot::Route(fact(4), at)));
    slots.extend((0..NETS.len()).map(|at| Slot::InNets(fact(3), at)));
    slots.extend((0..3).map(|at| Slot::Has(fact(0).into(), at)));
    slots.extend((0..2).map(|at| Slot::Like(fact(0).into(), at)));
    slots.extend((0..2).map(|at| Slot::Matches(fact(1).into(), at)));
    slots
}

const NUMBERS: [Slot; 5] = [
    Slot::Value(FactId(2)),
    Slot::Value(FactId(6)),
    Slot::Length(FactId(0)),
    Slot::Rollout(FactId(1), 0),
    Slot::Now,
];

/// A condition as it may be written, and worse.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Truth(prop::sample::Index),
    Text(usize, bool, i64),
    Number(usize, Comparison, i64),
    Constant(bool),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Choice(Box<[Self; 3]>),
    /// A number by itself, combined bit by bit with a condition.
    Bits(usize, Box<Self>, bool),
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![8 => -2_i64..6, 1 => Just(i64::MIN), 1 => Just(i64::MAX), 1 => Just(500_000_i64)]
}

pub(crate) fn condition() -> impl Strategy<Value = Condition> {
    let comparison = prop::sample::select(vec![
        Comparison::Eq,
        Comparison::Ne,
        Comparison::Lt,
        Comparison::Le,
        Comparison::Gt,
        Comparison::Ge,
    ]);
    let leaf = prop_oneof![
        6 => any::<prop::sample::Index>().prop_map(Condition::Truth),
        4 => (0..2_usize, any::<bool>(), 0_i64..7).prop_map(|(fact, not, id)| Condition::Text(fact, not, id)),
        4 => (0..NUMBERS.len(), comparison, number()).prop_map(|(slot, c, to)| Condition::Number(slot, c, to)),
        1 => any::<bool>().prop_map(Condition::Constant),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|of| Condition::Not(Box::new(of))),
            4 => prop::collection::vec(inner.clone(), 1..5).prop_map(Condition::And),
            3 => prop::collection::vec(inner.clone(), 1..5).prop_map(Condition::Or),
            1 => [inner.clone(), inner.clone(), inner.clone()].prop_map(|of| Condition::Choice(Box::new(of))),
            1 => (0..NUMBERS.len(), inner, any::<bool>())
                .prop_map(|(slot, of, and)| Condition::Bits(slot, Box::new(of), and)),
        ]
    })
}

impl Condition {
    fn build(&self, graph: &mut Graph) -> NodeId {
        match self {
            Self::Truth(which) => graph.slot(truths()[which.index(truths().len())]),
            Self::Text(fact, not, id) => {
                let fact = FactId(u16::try_from(*fact).expect("few facts"));
                let (slot, id) = (graph.slot(Slot::Text(fact.into())), graph.constant(*id));
                graph.compare(if *not { Comparison::Ne } else { Comparison::Eq }, slot, id)
            }
            Self::Number(slot, comparison, to) => {
                let (slot, to) = (graph.slot(NUMBERS[*slot]), graph.constant(*to));
                graph.compare(*comparison, slot, to)
            }
            Self::Constant(value) => graph.truth(*value),
            Self::Not(of) => {
                let of = of.build(graph);
                graph.not(of)
            }
            Self::And(all) => all.iter().fold(graph.truth(true), |and, of| {
                let of = of.build(graph);
                graph.and(and, of)
            }),
            Self::Or(any) => any.iter().fold(graph.truth(false), |or, of| {
                let of = of.build(graph);
                graph.or(or, of)
            }),
            Self::Choice(of) => {
                let [condition, then, otherwise] = of.each_ref().map(|of| of.build(graph));
                graph.select(condition, then, otherwise)
            }
            Self::Bits(slot, of, and) => {
                let (slot, of) = (graph.slot(NUMBERS[*slot]), of.build(graph));
                if *and { graph.and(slot, of) } else { graph.or(slot, of) }
            }
        }
    }
}

/// A site: its stratum, its condition, and of a charge whether its amounts are computed.
pub(crate) type Site = (u8, Condition, bool, i64);

pub(crate) fn site() -> impl Strategy<Value = Site> {
    (
        prop_oneof![1 => Just(0_u8), 1 => Just(1), 4 => Just(2), 2 => Just(3), 12 => Just(4)],
        condition(),
        any::<bool>(),
        number(),
    )
}

pub(crate) fn program(sites: &[Site]) -> Program {
    let mut graph = Graph::default();
    let mut program = Program { facts: facts(), tables: tables(), ..Program::default() };
    for (kind, condition, computed, amount) in sites {
        let when = condition.build(&mut graph);
        let cost = graph.constant(*amount);
        let value = graph.slot(NUMBERS[0]);
        let more = graph.arithmetic(Arithmetic::Add, value, cost);
        let of_plan = graph.slot(NUMBERS[1]);
        let zero = graph.constant(0);
        let free = graph.compare(Comparison::Eq, of_plan, zero);
        let ceiling = if *computed { graph.select(free, cost, more) } else { cost };
        add(&mut program, *kind, when, ceiling, cost);
    }
    (program.nodes, program.slots) = graph.finish();
    program
}

pub(crate) fn add(program: &mut Program, kind: u8, when: NodeId, ceiling: NodeId, cost: NodeId) {
    let span = Span::default();
    match kind {
        0 => program.denies.push(DenySite { when, origin: 0, status: 403, message: Vec::new(), span }),
        1 => program.exempts.push(ExemptSite { when, origin: 0, reason: String::new(), span }),
        2 => program.reports.push(ReportSite { when, origin: 0, deny: true, span }),
        3 => program.settlements.push(Settlement { known: when, actual: ceiling }),
        _ => program.charges.push(ChargeSite {
            when,
            limit: LimitId(0),
            origin: 0,
            algorithm: Algorithm::SlidingWindow(Nanos(1)),
            ceiling,
            cost,
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

/// The facts of a request.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) values: Vec<Option<OwnedValue>>,
    pub(crate) now: i64,
}

impl Request for Given {
    fn value(&self, fact: FactId) -> Value<'_> {
        let value = self.values.get(usize::from(fact.0)).and_then(Option::as_ref);
        value.map_or(Value::Absent, OwnedValue::borrow)
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.now)
    }
}

pub(crate) fn text(text: &str) -> OwnedValue {
    OwnedValue::Str(text.into())
}

pub(crate) fn request() -> impl Strategy<Value = Given> {
    let texts = || prop::option::weighted(0.9, prop::sample::select(TEXTS.to_vec()).prop_map(text));
    let address = prop::sample::select(vec!["10.1.2.3", "10.200.0.1", "2001:db8::1", "192.0.2.1"]);
    let address = address.prop_map(|text| OwnedValue::Ip(text.parse().expect("an address")));
    let path = prop::sample::select(vec!["/", "/a", "/a/b", "/c/b", "/a/b/c", "/x"]).prop_map(text);
    let member = prop::sample::select(vec!["free", "pro", "max"]).prop_map(text);
    let values = (
        texts(),
        texts(),
        prop::option::of(number().prop_map(OwnedValue::Int)),
        prop::option::of(address),
        prop::option::of(path),
        prop::option::of(any::<bool>().prop_map(OwnedValue::Bool)),
        prop::option::of(member),
    );
    let values = values.prop_map(|(a, b, c, d, e, f, g)| vec![a, b, c, d, e, f, g]);
    let now = prop_oneof![number(), (0_i64..7 * 86_400).prop_map(|second| second * 1_000_000_000)];
    (values, now).prop_map(|(values, now)| Given { values, now })
}

//! Classification against the definition of each slot.

use std::net::IpAddr;

use ipnet::IpNet;
use limitrate_core::{
    facts::{FactDecl, FactId, FactType, OwnedValue, Phase, Value},
    glob::Glob,
    net::NetSet,
    path::{Pattern, normalize},
    schedule::{Schedule, WeekSpan},
    time::{Nanos, Timestamp},
    window::Zone,
};
use limitrate_grammar::span::Span;
use proptest::prelude::*;

use super::*;
use crate::{
    checked::{Fact, Place},
    ir::{Tables, slot::Subject},
};

const TEXT: FactId = FactId(0);
const OTHER: FactId = FactId(1);
const IP: FactId = FactId(2);
const KIND: FactId = FactId(3);
const NUMBER: FactId = FactId(4);
const REPLY: FactId = FactId(5);

/// The facts of a request by their position.
#[derive(Debug)]
struct Facts(Vec<Option<OwnedValue>>, Timestamp);

impl Request for Facts {
    fn value(&self, fact: FactId) -> Value<'_> {
        self.0.get(usize::from(fact.0)).and_then(Option::as_ref).map_or(Value::Absent, OwnedValue::borrow)
    }

    fn now(&self) -> Timestamp {
        self.1
    }
}

fn facts() -> Vec<Fact> {
    let members: Box<[Box<str>]> = ["a", "b", "ab", "v1", "bot", "c"].map(Box::from).into();
    let types = [
        FactType::String,
        FactType::String,
        FactType::Ip,
        FactType::OneOf(members),
        FactType::Int { min: 0, max: 9 },
        FactType::String,
    ];
    let declared = types.into_iter().enumerate().map(|(at, ty)| {
        let mut decl = FactDecl::new(format!("f{at}"), ty);
        if FactId(u16::try_from(at).expect("few")) == REPLY {
            decl.phase = Phase::Response;
        }
        Fact { decl, span: Span::default(), used: true, imported: false, modules: Vec::new() }
    });
    declared.collect()
}

fn schedule(from: i64) -> Schedule {
    let hours = |hours: i64| Nanos::from_secs(hours * 3_600);
    let span = WeekSpan { first_day: 0, last_day: 4, from: hours(from), until: hours(from + 2) };
    Schedule { spans: vec![span], zone: Zone::UTC, except: Vec::new() }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "(/?(a|b|v1|é|bot)){0,5}",
        "[aAbBé*/\0]{0,12}",
        "(GoogleBot|bot/1|Spider|crawl|x y|é ){0,4}",
        "[abAB]{250,270}",
    ]
}

fn any_part() -> impl Strategy<Value = String> {
    prop_oneof!["[abé/]{0,3}", "(bot|spider|crawl|/v1|Bot){1,2}"]
}

fn any_glob() -> impl Strategy<Value = String> {
    prop_oneof!["[ab*é/]{0,6}", "(bot|\\*|/v1|spider|a){0,5}"]
}

fn any_regex() -> impl Strategy<Value = String> {
    let known = [
        r"\bbot\b",
        r"(?-u:\b)a",
        r"(?i)google",
        r"^$",
        r"",
        r"a+b",
        r"(?s)^a.*b$",
        r"(?m)^b",
        r"bot/\d+",
        r"[^a]$",
        r"(spider|crawl)er?",
        r"\w{3}",
        r"é",
        r"\W",
        r"(?-u:\B)",
        r"(a|b)*b(a|b){6}",
        r"x?y",
        r"crawl\B",
        r"/v1/.+",
        r"\p{Lu}",
        r".",
        r"(?x) a b",
        r"\AGoogleBot\z",
        r"a{2,}",
        r"(?i:É)",
    ];
    prop_oneof![
        prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        "(a|b|é|bot|a\\*|\\(b\\|é\\)\\?){1,4}"
    ]
}

fn any_nets() -> impl Strategy<Value = NetSet> {
    let net = (0..64_u8, 0..=32_u8, any::<bool>()).prop_map(|(last, bits, six)| {
        let four = IpAddr::from([10, 0, 0, last]);
        let long = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)]);
        let net = if six { IpNet::new(long, bits + 96) } else { IpNet::new(four, bits) };
        net.expect("a network").trunc()
    });
    prop::collection::vec(net, 0..4).prop_map(NetSet::from_iter)
}

fn any_ip() -> impl Strategy<Value = IpAddr> {
    (0..80_u8, 0..3_u8).prop_map(|(last, kind)| match kind {
        0 => IpAddr::from([10, 0, 0, last]),
        1 => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)]),
        _ => std::net::Ipv4Addr::new(10, 0, 0, last).to_ipv6_mapped().into(),
    })
}

fn any_tables() -> impl Strategy<Value = Tables> {
    let list = |most: usize| 0..most;
    let pattern = "(/(a|b|v1|é|\\*|:x)){1,4}(/\\*\\*)?|/\\*\\*|/";
    let place = prop::sample::select(vec![Place::Start, Place::End, Place::Anywhere]);
    (
        prop::collection::vec(any_text(), list(12)),
        prop::collection::vec(pattern, list(12)),
        prop::collection::vec(any_nets(), list(6)),
        prop::collection::vec((place, any_part()), list(24)),
        prop::collection::vec(any_glob(), list(24)),
        prop::collection::vec(any_regex(), list(24)),
    )
        .prop_map(|(texts, patterns, nets, parts, globs, regexes)| Tables {
            texts,
            patterns: patterns.iter().map(|text| Pattern::parse(text).expect("a pattern")).collect(),
            nets,
            parts,
            globs: globs.into_iter().map(|text| (text.clone(), Glob::new(&text))).collect(),
            regexes: regexes.iter().map(|text| regex::Regex::new(text).expect("an expression")).collect(),
            schedules: vec![schedule(8), schedule(22)],
            rollouts: vec!["r".to_owned()],
        })
}

/// A program with every slot that these tables allow, of facts of the request and of the response.
fn program(tables: Tables) -> Program {
    let mut slots = vec![Slot::Now, Slot::SameAddress(IP, IP), Slot::Schedule(0), Slot::Schedule(1)];
    for fact in [TEXT, OTHER, IP, KIND, NUMBER, REPLY] {
        slots.extend([Slot::Value(fact), Slot::Present(fact), Slot::Length(fact), Slot::Rollout(fact, 0)]);
    }
    let subjects = [TEXT, REPLY]
        .into_iter()
        .flat_map(|fact| [Subject { fact, lower: false }, Subject { fact, lower: true }]);
    for of in subjects {
        slots.push(Slot::Text(of));
        for lower in [false, true] {
            slots.push(Slot::SameText(of, Subject { fact: OTHER, lower }));
        }
        slots.extend((0..tables.patterns.len()).map(|at| Slot::Route(of.fact, at)));
        slots.extend((0..tables.parts.len()).map(|at| Slot::Has(of, at)));
        slots.extend((0..tables.globs.len()).map(|at| Slot::Like(of, at)));
        slots.extend((0..tables.regexes.len()).map(|at| Slot::Matches(of, at)));
    }
    slots.extend((0..tables.nets.len()).map(|at| Slot::InNets(IP, at)));
    Program { facts: facts(), slots, tables, ..Program::default() }
}

fn any_request() -> impl Strategy<Value = Facts> {
    let text = || prop::option::weighted(0.9, any_text().prop_map(|text| OwnedValue::Str(text.into())));
    let path = || any_text().prop_map(|text| Some(OwnedValue::Str(normalize(&text).into())));
    let kind = prop::sample::select(vec!["a", "b", "ab", "bot", "c", "none of them"]);
    (
        prop_oneof![text(), path()],
        text(),
        prop::option::of(any_ip().prop_map(OwnedValue::Ip)),
        prop::option::of(kind.prop_map(|kind| OwnedValue::Str(kind.into()))),
        prop::option::of((-3..12_i64).prop_map(OwnedValue::Int)),
        prop_oneof![text(), path()],
        -1_000..1_000_i64,
    )
        .prop_map(|(text, other, ip, kind, number, reply, hour)| {
            Facts(vec![text, other, ip, kind, number, reply], Timestamp(hour * 3_600_000_000_000))
        })
}

proptest! {
    #[test]
    fn every_group_fills_its_slots_as_they_are_defined(
        tables in any_tables(),
        requests in prop::collection::vec(any_request(), 1..8),
    ) {
        let program = program(tables);
        let classifier = Classifier::new(&program);
        let (mut frame, mut naive) = (Frame::default(), Frame::default());
        for request in requests {
            classifier.read_all(&program, &request, &mut frame);
            classifier.read_naively(&program, &request, &mut naive);
            for (at, (found, expected)) in frame.slots().iter().zip(naive.slots()).enumerate() {
                prop_assert_eq!(found, expected, "{:?} of {:?}", program.slots[at], request.0);
            }
            let (mut found, mut expected) = (frame.holding().to_vec(), naive.holding().to_vec());
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_response_fills_the_slots_of_its_facts_and_no_others(
        tables in any_tables(),
        request in any_request(),
    ) {
        let program = program(tables);
        let classifier = Classifier::new(&program);
        let mut naive = Frame::default();
        classifier.read_naively(&program, &request, &mut naive);
        let mut frame = vec![7; program.slots.len()];
        classifier.fill_response(&program, &request, &mut frame);
        for ((slot, found), expected) in program.slots.iter().zip(frame).zip(naive.slots()) {
            let of_response = slot.facts().contains(&Some(REPLY));
            prop_assert_eq!(found, if of_response { *expected } else { 7 }, "{:?}", slot);
        }
    }
}

#[test]
fn a_group_is_read_once_and_touches_no_other() {
    let patterns = ["/a", "/b"].iter().map(|text| Pattern::parse(text).expect("a pattern")).collect();
    let tables = Tables { patterns, nets: vec![NetSet::default()], ..Tables::default() };
    let slots = vec![Slot::Route(TEXT, 0), Slot::InNets(IP, 0), Slot::Route(TEXT, 1), Slot::Value(NUMBER)];
    let program = Program { facts: facts(), slots, tables, ..Program::default() };
    let classifier = Classifier::new(&program);
    let groups: Vec<u32> = (0..4).map(|slot| classifier.group_of(SlotId(slot)).0).collect();
    assert_eq!((groups, classifier.groups(&program)), (vec![0, 1, 0, 2], 3));
    let mut frame = Frame::default();
    frame.reset(4, 3);
    let request = |path: &str, number| {
        Facts(
            vec![Some(OwnedValue::Str(path.into())), None, None, None, Some(OwnedValue::Int(number))],
            Timestamp(0),
        )
    };
    classifier.read(&program, &request("/b", 5), GroupId(0), &mut frame);
    assert_eq!(frame.slots(), [0, 0, 1, 0]);
    classifier.read(&program, &request("/a", 5), GroupId(0), &mut frame);
    classifier.read(&program, &request("/a", 5), GroupId(2), &mut frame);
    classifier.read(&program, &request("/a", 6), GroupId(2), &mut frame);
    assert_eq!((frame.slots(), frame.holding()), (&[0, 0, 1, 5][..], &[SlotId(2)][..]));
}

#[test]
fn a_program_without_slots_has_no_groups() {
    let program = Program::default();
    let classifier = Classifier::new(&program);
    let mut frame = Frame::default();
    classifier.read_all(&program, &Facts(Vec::new(), Timestamp(0)), &mut frame);
    classifier.fill_response(&program, &Facts(Vec::new(), Timestamp(0)), &mut []);
    assert_eq!((classifier.groups(&program), frame.slots()), (0, &[][..]));
}

//! Policies of one to ten thousand rules: deciding by each engine, and loading.

mod cedar;
mod cel;
mod indexed;
pub mod ours;
mod roto;
mod straight;
mod wirefilter;

use std::hint::black_box;

use limitrate::prelude::Engine;

use self::ours::Ours;
use crate::{
    report::{Column, Section},
    rules::{self, Attributes, Rule, requests, rules, rules_elsewhere, smallest},
    sample::{Contender, Effort, Figure, measure},
};

pub const STRAIGHT: &str = "Rust, straight line";
pub const INDEX: &str = "Rust, bit sets";
pub const OURS: &str = "LimitRate, machine code";
pub const INTERPRETED: &str = "LimitRate, interpreter";
pub const WIREFILTER: &str = "wirefilter";
pub const ROTO: &str = "roto";
pub const CEL: &str = "cel";
pub const CEDAR: &str = "cedar";

/// How many requests are gone through again and again.
const REQUESTS: usize = 1_024;

/// Requests, and what every engine must say of them.
struct Cases {
    requests: Vec<Attributes>,
    expected: Vec<Option<u32>>,
}

impl Cases {
    /// Of requests that are about the first `shared` rules.
    fn new(rules: &[Rule], shared: usize) -> Self {
        let requests = requests(&rules[..shared], REQUESTS);
        let expected: Vec<_> = requests.iter().map(|request| smallest(rules, request)).collect();
        let matched = expected.iter().flatten().count();
        assert!(matched * 5 >= REQUESTS * 2, "{matched} of {REQUESTS} requests match a rule");
        Self { requests, expected }
    }

    /// An engine that gives the right answer to each.
    fn contender<'r: 'c, 'c>(
        &'r self,
        name: &'static str,
        decide: impl Fn(&'r Attributes) -> Option<u32> + 'c,
    ) -> Contender<'c> {
        for (request, expected) in self.requests.iter().zip(&self.expected) {
            assert_eq!(decide(request), *expected, "{name}: {request:?}");
        }
        let mut at = 0;
        Contender::new(name, move || {
            at = (at + 1) % REQUESTS;
            black_box(decide(black_box(&self.requests[at])));
        })
    }

    fn on_two_threads<'a>(
        &'a self,
        name: &'static str,
        decide: impl Fn(&Attributes) -> Option<u32> + Sync + 'a,
    ) -> Contender<'a> {
        Contender::on_two_threads(name, move |thread, count| {
            let mut at = thread * REQUESTS / 2;
            for _ in 0..count {
                at = (at + 1) % REQUESTS;
                black_box(decide(black_box(&self.requests[at])));
            }
        })
    }
}

/// Deciding, every engine.
pub fn deciding(effort: Effort) -> Section {
    let heads = ["1 rule", "10 rules", "100 rules", "1000 rules"];
    let columns = [1, 10, 100, 1_000].into_iter().zip(heads).map(|(count, head)| {
        let (rules, scheme) = (rules(count), wirefilter::scheme());
        let cases = Cases::new(&rules, count);
        let (indexed, straight) = (indexed::Index::new(&rules), straight::of(count));
        let (native, interpreted) =
            (Ours::new(&rules, Engine::Native), Ours::new(&rules, Engine::Interpreter));
        let wirefilter = wirefilter::Wirefilter::new(&scheme, &rules);
        let (roto, cel) = (roto::compile(&roto::text(&rules)), cel::Cel::new(&rules));
        let cedar = cedar::Cedar::new(&rules);
        let mut contenders = vec![
            cases.contender(INDEX, |request| indexed.decide(request)),
            cases.contender(OURS, |request| native.decide(request)),
            cases.contender(INTERPRETED, |request| interpreted.decide(request)),
            cases.contender(WIREFILTER, |request| wirefilter.decide(request)),
            cases.contender(ROTO, |request| roto.decide(request)),
            cases.contender(CEL, |request| cel.decide(request)),
            cases.contender(CEDAR, |request| cedar.decide(request)),
        ];
        if let Some(straight) = straight {
            let decide =
                move |request: &Attributes| Some(straight(request)).filter(|limit| *limit != u32::MAX);
            contenders.push(cases.contender(STRAIGHT, decide));
        }
        Column { head, figures: measure(effort, contenders) }
    });
    let mut columns: Vec<Column> = columns.collect();
    columns.push(Column { head: "100 rules, 2 threads", figures: on_two_threads(effort) });
    Section { title: "Which rules match, and the smallest limit: ns a decision (on each thread)", columns }
}

fn on_two_threads(effort: Effort) -> Vec<Figure> {
    let rules = rules(100);
    let cases = Cases::new(&rules, 100);
    let (native, indexed) = (Ours::new(&rules, Engine::Native), indexed::Index::new(&rules));
    let contenders = vec![
        cases.on_two_threads(INDEX, |request| indexed.decide(request)),
        cases.on_two_threads(OURS, |request| native.decide(request)),
    ];
    measure(effort, contenders)
}

/// Deciding the same requests by policies of which ever more rules are about other requests.
pub fn growing(effort: Effort) -> Section {
    let counts = [10, 100, 1_000, 10_000];
    let of = |engine| {
        counts.map(|count| {
            let rules = rules_elsewhere(count, 10);
            (Ours::new(&rules, engine), Cases::new(&rules, 10))
        })
    };
    let (native, interpreted) = (of(Engine::Native), of(Engine::Interpreter));
    let heads = ["10 rules", "100 rules", "1000 rules", "10000 rules"];
    // One round of turns over all sizes, since the sizes are what is compared.
    let contenders = [&native, &interpreted].into_iter().flat_map(|engine| {
        engine
            .iter()
            .zip(heads)
            .map(|((ours, cases), head)| cases.contender(head, |request| ours.decide(request)))
    });
    let figures = measure(effort, contenders.collect());
    let (native, interpreted) = figures.split_at(heads.len());
    let columns = heads.into_iter().enumerate().map(|(at, head)| Column {
        head,
        figures: vec![Figure { name: OURS, ..native[at] }, Figure { name: INTERPRETED, ..interpreted[at] }],
    });
    Section {
        title: "The same requests and the same ten matching rules among ever more: ns a decision",
        columns: columns.collect(),
    }
}

pub const CHECKED: &str = "LimitRate, first decision";

/// From text to runnable.
pub fn loading(effort: Effort) -> Section {
    let heads = ["10 rules", "100 rules", "1000 rules"];
    let columns = [10, 100, 1_000].into_iter().zip(heads).map(|(count, head)| {
        let (rules, scheme) = (rules::rules(count), wirefilter::scheme());
        let (ours, roto, cedar) = (ours::text(&rules), roto::text(&rules), cedar::text(&rules));
        let (cel, wirefilter) = (cel::texts(&rules), wirefilter::texts(&rules));
        let contenders = vec![
            Contender::new(CHECKED, || drop(black_box(ours::compile(&ours, Engine::Interpreter)))),
            Contender::new(OURS, || drop(black_box(ours::compile(&ours, Engine::Native)))),
            Contender::new(WIREFILTER, || drop(black_box(wirefilter::compile(&scheme, &wirefilter)))),
            Contender::new(ROTO, || drop(black_box(roto::compile(&roto)))),
            Contender::new(CEL, || drop(black_box(cel::compile(&cel)))),
            Contender::new(CEDAR, || drop(black_box(cedar::compile(&cedar)))),
        ];
        Column { head, figures: measure(effort, contenders) }
    });
    Section { title: "From text to runnable, ns", columns: columns.collect() }
}

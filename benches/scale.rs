//! What a decision costs by the size of the policy: the same request matches the same three rules, or about as many,
//! however many others there are. `LIMITRATE_ONLY=numbers` (or another kind) leaves the other kinds out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use std::{fmt::Write as _, hint::black_box, net::IpAddr, sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use limitrate::{
    compiler::{index::Summary, policy::Scratch, request::Request},
    core::time::Timestamp,
    prelude::*,
    runtime::store::{MemoryOptions, MemoryStore},
};

const NOON: i64 = 1_767_614_400_000_000_000;

/// The facts of one request, by their id.
struct Given<'f>(Vec<Value<'f>>);

impl Request for Given<'_> {
    fn value(&self, fact: FactId) -> Value<'_> {
        self.0.get(usize::from(fact.0)).copied().unwrap_or(Value::Absent)
    }

    fn now(&self) -> Timestamp {
        Timestamp(NOON)
    }
}

const FACTS: &str = "input { user : key  region : string  tier : string  size : int in 0..1000000  agent : string  \
    peer : ip  kind : string  zone : string }";

/// What each rule of a kind asks; the first three the same.
fn condition(kind: &str, rule: usize) -> String {
    let rule = rule.max(2);
    match kind {
        "routes" => String::new(),
        "texts" => format!("region == \"r{rule}\" and tier == \"gold\""),
        "numbers" => format!("size >= {} and size < {} and tier == \"gold\"", rule * 10, rule * 10 + 10),
        "addresses" => format!("peer in n{rule} and tier == \"gold\""),
        "prefixes" => format!("starts_with(agent, \"bot-{rule}/\") and tier == \"gold\""),
        other => panic!("no kind {other}"),
    }
}

const KINDS: [&str; 5] = ["routes", "texts", "numbers", "addresses", "prefixes"];

/// A policy of one kind.
fn policy(kind: &str, rules: usize) -> String {
    let mut text = format!("use std.http\n{FACTS}\n");
    if kind == "addresses" {
        for rule in 2..rules.max(3) {
            writeln!(text, "set n{rule} = 10.{}.{}.0/24", rule / 256, rule % 256).unwrap();
        }
    }
    for rule in 0..rules {
        let asked = condition(kind, rule);
        if kind == "routes" {
            let version = rule.max(2);
            writeln!(
                text,
                "rule r{rule} {{ on GET \"/v{version}/items/:id\" if tier == \"gold\" then limit 1G req/s per user using gcra burst 1M req }}"
            )
            .unwrap();
        } else {
            writeln!(text, "rule r{rule} {{ if {asked} then deny }}").unwrap();
        }
    }
    text
}

/// Numbers that look as if by chance, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A policy of rules with four to six tests each of eight attributes; a rule applies to one request in `2 * rules`.
fn mixed(rules: u64) -> String {
    let mut dice = Dice(7);
    // Four tests of `wide` values each, so that about half of all requests match a rule.
    let mut wide = 1;
    while u64::pow(wide + 1, 4) <= 2 * rules {
        wide += 1;
    }
    let mut text = format!("use std.http\n{FACTS}\n");
    for rule in 0..rules {
        let values: Vec<u64> = (0..8).map(|_| dice.below(wide)).collect();
        let tests = [
            format!("region == \"v{}\"", values[0]),
            format!("tier == \"v{}\"", values[1]),
            format!("kind == \"v{}\"", values[2]),
            format!("zone == \"v{}\"", values[3]),
            format!("size >= {}", 100 * values[4]),
            format!("size < {}", 1_000_000 - 100 * values[5]),
        ];
        let asked = tests[..4 + usize::try_from(rule % 3).unwrap()].join(" and ");
        writeln!(text, "rule r{rule} {{ if {asked} then deny }}").unwrap();
    }
    text
}

fn compile(text: &str, engine: Engine) -> Policy {
    match limitrate::compile("bench.rl", text.as_bytes(), engine) {
        Ok(accepted) => accepted.policy,
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted().first()),
    }
}

/// The request that each kind is asked about.
fn request(policy: &Policy) -> Given<'static> {
    let value = |name: &str| match name {
        "user" => Value::Str("user-0123456789abcdefghi"),
        "region" => Value::Str("r2"),
        "tier" => Value::Str("gold"),
        "kind" | "zone" => Value::Str("v0"),
        "method" => Value::Str("GET"),
        "path" => Value::Str("/v2/items/77"),
        "size" => Value::Int(25),
        "agent" => Value::Str("bot-2/7.1 (like others)"),
        "peer" => Value::Ip(IpAddr::from([10, 0, 2, 9])),
        _ => Value::Absent,
    };
    Given(policy.program().facts.iter().map(|fact| value(&fact.decl.name)).collect())
}

fn tell(name: &str, policy: &Policy) {
    let code = policy.code_size();
    let plan = policy.plan();
    if let Summary::Indexed { dimensions, sites, settled, bodies, table_bytes } = plan {
        eprintln!(
            "{name}: {} dimensions, {sites} sites, {settled} settled, {bodies} bodies, {table_bytes} bytes of tables, \
             {code} of code",
            dimensions.len(),
        );
    } else {
        eprintln!("{name}: {plan:?}, {code} bytes of code");
    }
}

fn wanted(kind: &str) -> bool {
    std::env::var("LIMITRATE_ONLY").map_or(true, |only| only == kind)
}

fn by_kind(c: &mut Criterion) {
    let mut group = c.benchmark_group("policy");
    for kind in KINDS.into_iter().filter(|kind| wanted(kind)) {
        for rules in [1, 3, 10, 100, 1_000, 10_000] {
            let policy = compile(&policy(kind, rules), Engine::Native);
            tell(&format!("{kind}/{rules}"), &policy);
            let (request, mut scratch) = (request(&policy), Scratch::default());
            policy.decide(&request, &mut scratch);
            assert_eq!(scratch.sites.len(), rules.min(3), "{kind}");
            group.bench_function(format!("{kind}/{rules}"), |b| {
                b.iter(|| policy.decide(black_box(&request), &mut scratch));
            });
        }
    }
}

fn by_limiter(c: &mut Criterion) {
    let mut group = c.benchmark_group("limiter");
    for kind in ["routes", "texts"].into_iter().filter(|_| wanted("limiter")) {
        for rules in [10, 100, 1_000, 10_000] {
            let policy = compile(&policy(kind, rules), Engine::Native);
            let given = request(&policy);
            let limiter = Limiter::with(
                Arc::new(policy),
                MemoryStore::new(MemoryOptions::default()),
                LimiterOptions {
                    clock: Arc::new(TickedClock),
                    secret: 1,
                    instance: 1,
                    ..LimiterOptions::default()
                },
            );
            let facts: Vec<(FactId, Value<'_>)> = (0..)
                .map(FactId)
                .zip(given.0.iter().copied())
                .filter(|(_, value)| *value != Value::Absent)
                .collect();
            group.bench_function(format!("{kind}/{rules}"), |b| {
                b.iter(|| limiter.decide(black_box(&facts)).outcome());
            });
        }
    }
}

fn by_tests(c: &mut Criterion) {
    const TEXTS: [&str; 8] = ["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7"];
    let mut group = c.benchmark_group("policy");
    for rules in [1, 10, 100, 1_000].into_iter().filter(|_| wanted("mixed")) {
        let policy = compile(&mixed(rules), Engine::Native);
        tell(&format!("mixed/{rules}"), &policy);
        let mut wide = 1;
        while u64::pow(wide + 1, 4) <= 2 * rules {
            wide += 1;
        }
        let mut dice = Dice(11);
        let mut any = || TEXTS[usize::try_from(dice.below(wide)).unwrap()];
        let requests: Vec<Given<'_>> = (0..1_024)
            .map(|at| {
                let mut given = request(&policy);
                for (fact, value) in policy.program().facts.iter().zip(&mut given.0) {
                    match &*fact.decl.name {
                        "region" | "tier" | "kind" | "zone" => *value = Value::Str(any()),
                        "size" => *value = Value::Int(500 + at),
                        _ => {}
                    }
                }
                given
            })
            .collect();
        let mut scratch = Scratch::default();
        let matched: Vec<usize> = requests
            .iter()
            .map(|request| {
                policy.decide(request, &mut scratch);
                scratch.sites.len()
            })
            .collect();
        let some = matched.iter().filter(|sites| **sites > 0).count();
        eprintln!(
            "mixed/{rules}: {some} of {} match, {} sites",
            matched.len(),
            matched.iter().sum::<usize>()
        );
        let mut next = requests.iter().cycle();
        group.bench_function(format!("mixed/{rules}"), |b| {
            b.iter(|| policy.decide(black_box(next.next().unwrap()), &mut scratch));
        });
    }
}

fn by_compiling(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    for kind in ["routes", "texts"].into_iter().filter(|_| wanted("compile")) {
        let text = policy(kind, 1_000);
        group.bench_function(format!("check {kind}/1000"), |b| {
            b.iter(|| compile(&text, Engine::Interpreter));
        });
        group.bench_function(format!("text to machine code {kind}/1000"), |b| {
            b.iter(|| compile(&text, Engine::Native));
        });
    }
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20)
}

criterion_group! { name = group; config = short(); targets = by_tests, by_kind, by_limiter, by_compiling }
criterion_main!(group);

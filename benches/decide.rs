//! One decision, from facts to answer. What others need for the same is in `benches/rivals`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "instructions/texts.rs"]
mod texts;

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use limitrate::{
    core::{
        algorithm::{Algorithm, Terms},
        charge::{Block, Charge},
        key::CounterKey,
        time::Nanos,
    },
    prelude::*,
    runtime::store::{
        LocalStore as _, MemoryOptions, MemoryStore, Settlement, Settlements, Ticket, Verdicts,
    },
};
use texts::{GCRA, HIERARCHY, REFUSED, SLIDING};

const NOON: i64 = 1_767_614_400_000_000_000;

/// A limiter as it is made by default, but for its randomness.
fn limiter(text: &str, engine: Engine) -> Limiter {
    limiter_by(text, engine, Arc::new(TickedClock))
}

fn limiter_by(text: &str, engine: Engine, clock: Arc<dyn Clock>) -> Limiter {
    let accepted = match limitrate::compile("bench.rl", text.as_bytes(), engine) {
        Ok(accepted) => accepted,
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    };
    if let Some(reason) = accepted.policy.interpreted().filter(|_| engine == Engine::Native) {
        eprintln!("no machine code is measured: {reason}");
    }
    let options = LimiterOptions { clock, secret: 1, instance: 1, ..LimiterOptions::default() };
    Limiter::with(Arc::new(accepted.policy), MemoryStore::new(MemoryOptions::default()), options)
}

/// One limit behind one condition.
const CONDITION: &str = "input { user : key  plan_name : string } rule api { if plan_name == \"free\" then limit 1G req/min per user }";
/// Ten limits with two conditions each, of which one or two apply.
fn ten() -> String {
    let mut text = String::from("input { user : key  region : string  tier : string }\n");
    for n in 0..10 {
        text.push_str(&format!(
            "rule r{n} {{ if region == \"r{}\" and tier == \"t{}\" then limit 1G req/min per user }}\n",
            n % 5,
            n % 2
        ));
    }
    text
}

const KEY: &str = "user-0123456789abcdefghi";

fn ours(c: &mut Criterion) {
    let mut group = c.benchmark_group("limitrate");
    for (name, text) in
        [("one hot key, gcra", GCRA), ("one hot key, sliding window", SLIDING), ("refused", REFUSED)]
    {
        for (engine, word) in [(Engine::Native, "machine code"), (Engine::Interpreter, "interpreter")] {
            let limiter = limiter(text, engine);
            let user = limiter.fact("user").unwrap();
            group.bench_function(format!("{name}, {word}"), |b| {
                b.iter(|| limiter.decide(&[(user, Value::Str(black_box(KEY)))]).outcome());
            });
        }
    }
    let one = limiter(CONDITION, Engine::Native);
    let [user, plan] = ["user", "plan_name"].map(|name| one.fact(name).unwrap());
    group.bench_function("one limit, one condition", |b| {
        b.iter(|| {
            one.decide(&[(user, Value::Str(black_box(KEY))), (plan, Value::Str(black_box("free")))]).outcome()
        });
    });
    let ten = limiter(&ten(), Engine::Native);
    let [user, region, tier] = ["user", "region", "tier"].map(|name| ten.fact(name).unwrap());
    group.bench_function("ten limits, two conditions each", |b| {
        b.iter(|| {
            let facts = [
                (user, Value::Str(black_box(KEY))),
                (region, Value::Str(black_box("r1"))),
                (tier, Value::Str(black_box("t1"))),
            ];
            ten.decide(&facts).outcome()
        });
    });
    let three = limiter(HIERARCHY, Engine::Native);
    let [org, team, user] = ["org", "team", "user"].map(|name| three.fact(name).unwrap());
    group.bench_function("three limits of a hierarchy, gcra", |b| {
        b.iter(|| {
            let facts = [
                (org, Value::Str(black_box("organisation-01234567"))),
                (team, Value::Str(black_box("team-0123456789abcdefghi"))),
                (user, Value::Str(black_box(KEY))),
            ];
            three.decide(&facts).outcome()
        });
    });
    group.finish();
}

/// A million keys, visited in no order that a cache could guess.
fn many_keys(c: &mut Criterion) {
    let keys: Vec<String> = (0..1_000_000).map(|n| format!("user-{n:019}")).collect();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut key = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        keys.get(usize::try_from(random % 1_000_000).unwrap()).unwrap()
    };
    let mut group = c.benchmark_group("a million keys");
    for (name, clock) in
        [("ticked clock", Arc::new(TickedClock) as Arc<dyn Clock>), ("exact clock", Arc::new(SystemClock))]
    {
        let limiter = limiter_by(GCRA, Engine::Native, clock);
        let user = limiter.fact("user").unwrap();
        group.bench_function(name, |b| {
            b.iter(|| limiter.decide(&[(user, Value::Str(key()))]).outcome());
        });
    }
    let limiter = limiter(GCRA, Engine::Native);
    let user = limiter.fact("user").unwrap();
    let mut decisions = Vec::new();
    group.throughput(Throughput::Elements(64));
    group.bench_function("64 at once", |b| {
        b.iter(|| {
            let requests: [_; 64] = std::array::from_fn(|_| [(user, Value::Str(key()))]);
            limiter.decide_many(&requests, &mut decisions);
            decisions.len()
        });
    });
    group.finish();
}

/// The memory store alone: what a clause beside the counter costs over a plain charge.
fn store(c: &mut Criterion) {
    const MINUTE: Nanos = Nanos::from_secs(60);
    const SLIDING: Algorithm = Algorithm::SlidingWindow(MINUTE);
    let block = Block { first: MINUTE, up_to: MINUTE, forget: MINUTE };
    let now = Timestamp(NOON);
    let key = CounterKey::of_limit(b"limit", 1);
    let charge = |ceiling| {
        let terms = Terms { ceiling, burst: ceiling, starting: None };
        Charge::new(key, key, &SLIDING, terms, 1)
    };
    let plain = charge(i64::MAX);
    let (mut verdicts, mut settled) = (Verdicts::new(), Settlements::new());
    let mut group = c.benchmark_group("memory store");
    for (name, charge) in [
        ("plain", plain),
        ("warn, not reached", Charge { warn: &[800_000], ..plain }),
        ("warn, told before", Charge { warn: &[0], ..plain }),
        ("block, not set off", Charge { block: Some(&block), ..plain }),
        ("block, in force", Charge { block: Some(&block), ..charge(0) }),
    ] {
        let store = MemoryStore::new(MemoryOptions::default());
        group.bench_function(name, |b| {
            b.iter(|| store.charge(now, black_box(&[charge]), Ticket(1), &mut verdicts));
        });
    }
    let store = MemoryStore::new(MemoryOptions::default());
    let reserve = Charge { hold: Some(MINUTE), cost: 5, ..plain };
    let mut ticket = 0;
    group.bench_function("reserve and settle", |b| {
        b.iter(|| {
            ticket += 1;
            store.charge(now, black_box(&[reserve]), Ticket(ticket), &mut verdicts);
            let settlement = Settlement {
                counter: key,
                limit: key,
                algorithm: &SLIDING,
                ticket: Ticket(ticket),
                actual: 3,
            };
            store.settle(now, black_box(&[settlement]), &mut settled);
        });
    });
    group.finish();
}

/// The same request and the same ten rules that it meets, among ever more.
fn among(c: &mut Criterion) {
    let mut group = c.benchmark_group("decided among");
    for (engine, word) in [(Engine::Native, "machine code"), (Engine::Interpreter, "interpreter")] {
        for count in [10, 100, 1_000, 10_000] {
            let limiter = limiter(&texts::rules(count), engine);
            let [user, method, path, region, tier, size] =
                ["user", "method", "path", "region", "tier", "size"].map(|name| limiter.fact(name).unwrap());
            group.bench_function(format!("{count} rules, {word}"), |b| {
                b.iter(|| {
                    let facts = [
                        (user, Value::Str(black_box(KEY))),
                        (method, Value::Str(black_box("GET"))),
                        (path, Value::Str(black_box("/v1/p0/items/4711"))),
                        (region, Value::Str(black_box("r1"))),
                        (tier, Value::Str(black_box("t1"))),
                        (size, Value::Int(black_box(512))),
                    ];
                    limiter.decide(&facts).outcome()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(group, ours, among, many_keys, store);
criterion_main!(group);

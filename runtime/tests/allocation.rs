//! How often a decision on counters in memory asks for memory: once it has seen its policy and its keys, never.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fmt::Write as _, sync::Arc};

use limitrate_compiler::{Engine, compile};
use limitrate_core::{
    facts::{FactId, Value},
    time::{Nanos, Timestamp},
};
use limitrate_runtime::{
    Decision, INLINE_CHARGES, Limiter, LimiterOptions, Outcome, TrustOptions,
    store::{MemoryOptions, MemoryStore},
};

const NOON: Timestamp = Timestamp(1_767_614_400_000_000_000);

/// Between two decisions; shorter than any window, so that both counted and idle keys are met.
const STEP: Nanos = Nanos(1_000_000);

/// So many decisions warm up, and so many are counted.
const DECISIONS: usize = 200;

fn limiter(text: &str, engine: Engine) -> Limiter {
    match compile("test.rl", text.as_bytes(), engine) {
        Ok(accepted) => Limiter::with(
            Arc::new(accepted.policy),
            MemoryStore::new(MemoryOptions::default()),
            // Every decision is made twice, so that what watches over machine code is counted too.
            LimiterOptions {
                secret: 1,
                trust: TrustOptions { sample_every: 1, ..TrustOptions::default() },
                ..LimiterOptions::default()
            },
        ),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

/// How often memory is asked for in so many decisions of `facts`, and what the last of them was.
fn allocations(limiter: &Limiter, facts: &[(FactId, Value<'_>)]) -> (u64, Outcome) {
    let mut now = NOON;
    let mut decide = || {
        let mut last = Outcome::Deny;
        for _ in 0..DECISIONS {
            now = now.after(STEP);
            last = limiter.decide_at(facts, now).outcome();
        }
        last
    };
    decide();
    let mut last = Outcome::Deny;
    let counted = allocation_counter::measure(|| last = decide());
    (counted.count_total, last)
}

/// Decides by a policy over `user`, on both engines.
fn check(text: &str, expected: Outcome) {
    for engine in [Engine::Native, Engine::Interpreter] {
        let limiter = limiter(&format!("input {{ user : key }}\n{text}"), engine);
        let user = limiter.fact("user").unwrap();
        let counted = allocations(&limiter, &[(user, Value::Str("ada"))]);
        assert_eq!(counted, (0, expected), "{engine:?}: {text}");
    }
}

#[test]
fn a_limit_of_one_word_or_a_few_allocates_nothing_whether_it_fits_or_not() {
    for using in ["gcra", "token_bucket", "leaky_bucket", "sliding_window", "fixed_window"] {
        check(&format!("rule r {{ limit 1M req/min per user using {using} }}"), Outcome::Allow);
        check(&format!("rule r {{ limit 1 req/min per user using {using} }}"), Outcome::Reject);
    }
    check("rule r { limit 1M req/day per user resets in \"Europe/Berlin\" }", Outcome::Allow);
    check("rule r { limit 1 req/day per user resets in \"Europe/Berlin\" }", Outcome::Reject);
}

#[test]
fn blocks_warnings_and_soft_limits_allocate_nothing() {
    check("rule r { limit 1 req/min per user on exceed block for 5 min }", Outcome::Reject);
    check("rule r { limit 1M req/min per user warn at 1% }", Outcome::Allow);
    check("rule r { limit 1 req/min per user on exceed allow }", Outcome::Allow);
}

#[test]
fn what_a_rule_answers_without_values_in_its_words_allocates_nothing() {
    check("rule r { if user == \"ada\" then deny 403 \"No.\" }", Outcome::Deny);
    check("rule r { if user == \"ada\" then exempt \"one of us\" }", Outcome::Exempt);
    check("rule r { limit 1 req/min per user on exceed deny 403 \"No.\" }", Outcome::Reject);
}

/// So many limits of a request, of which the last fits or not.
fn limits(count: usize, last: &str) -> String {
    let mut text = "rule r {".to_owned();
    for n in 1..count {
        write!(text, " limit l{n}: 1M req/min per user").unwrap();
    }
    text + &format!(" limit last: {last} req/min per user }}")
}

#[test]
fn up_to_the_documented_number_of_charges_allocate_nothing() {
    for count in [2, 3, INLINE_CHARGES] {
        check(&limits(count, "1M"), Outcome::Allow);
        check(&limits(count, "1"), Outcome::Reject);
    }
}

#[test]
fn keys_of_every_kind_and_facts_with_defaults_allocate_nothing() {
    let text = "use std.http
        hierarchy org > user
        input { org : key  user : key  level : int in 0..9 = 3  from : ip  tier : one of \"a\", \"b\" else \"a\" }
        rule r { on GET \"/v1/**\"
                 limit all: 1M req/min globally
                 limit orgs: 1M req/min per org, user using gcra
                 limit addresses: 1M req/min per prefix(from, 24, 56), level
                 limit buckets: 1M req/min per bucket(user, 16), tier }";
    let limiter = limiter(text, Engine::Native);
    let fact = |name| limiter.fact(name).unwrap();
    let facts = [
        (fact("method"), Value::Str("GET")),
        (fact("path"), Value::Str("/v1/things")),
        (fact("org"), Value::Str("acme")),
        (fact("user"), Value::Str("ada")),
        (fact("from"), Value::Str("2001:db8::1")),
        (fact("tier"), Value::Str("neither")),
    ];
    assert_eq!(allocations(&limiter, &facts), (0, Outcome::Allow));
}

#[test]
fn a_batch_allocates_nothing_once_its_answers_have_their_room() {
    let limiter = limiter(
        "input { user : key } rule r { limit a: 1M req/min per user  limit b: 3 req/min per user }",
        Engine::Native,
    );
    let user = limiter.fact("user").unwrap();
    let names: Vec<String> = (0..40).map(|n| format!("user-{}", n % 7)).collect();
    let requests: Vec<[(FactId, Value<'_>); 1]> =
        names.iter().map(|name| [(user, Value::Str(name))]).collect();
    let mut decisions: Vec<Decision<'_>> = Vec::new();
    limiter.decide_many_at(&requests, NOON, &mut decisions);
    let again = allocation_counter::measure(|| limiter.decide_many_at(&requests, NOON, &mut decisions));
    assert_eq!(again.count_total, 0);
    assert_eq!(decisions.len(), 40);
}

#[test]
fn deciding_by_the_clock_allocates_nothing() {
    let limiter = limiter("input { user : key } rule r { limit 3 req/min per user }", Engine::Native);
    let user = limiter.fact("user").unwrap();
    let facts = [(user, Value::Str("ada"))];
    let decide = || (0..DECISIONS).for_each(|_| drop(limiter.decide(&facts)));
    decide();
    assert_eq!(allocation_counter::measure(decide).count_total, 0);
}

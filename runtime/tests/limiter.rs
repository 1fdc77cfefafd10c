//! The limiter as an embedder sees it.
#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use limitrate_compiler::{Engine, compile};
use limitrate_core::{
    facts::Value,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::{
    Cause, DecisionRecord, Limiter, LimiterOptions, Outcome, Problem,
    store::{LocalStore as _, MemoryOptions, MemoryStore},
};

const NOON: Timestamp = Timestamp(1_767_614_400_000_000_000);

fn limiter(text: &str) -> Limiter {
    match compile("test.rl", text.as_bytes(), Engine::Native) {
        Ok(accepted) => Limiter::with(
            Arc::new(accepted.policy),
            MemoryStore::new(MemoryOptions::default()),
            LimiterOptions { secret: 1, ..LimiterOptions::default() },
        ),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

#[test]
fn a_refused_request_is_charged_on_no_limit() {
    let limiter = limiter(
        "input { user : key  org : key }
         rule api { limit small: 1 req/min per user  limit large: 10 req/min per org }",
    );
    let user = limiter.fact("user").expect("declared");
    let org = limiter.fact("org").expect("declared");
    let facts = [(user, Value::Str("ada")), (org, Value::Str("acme"))];
    assert_eq!(limiter.decide_at(&facts, NOON).outcome(), Outcome::Allow);
    let refused = limiter.decide_at(&facts, NOON);
    assert_eq!(refused.outcome(), Outcome::Reject);
    assert_eq!(refused.limited_by().collect::<Vec<_>>(), ["small"]);
    let large = refused.limits().find(|(info, _)| info.name == "large").expect("charged").1;
    assert_eq!(large.verdict.status.remaining, 9);
}

#[test]
fn a_missing_fact_is_denied_and_named() {
    let limiter = limiter("input { user : key  size : bytes } rule r { limit 1 req/min per user }");
    let user = limiter.fact("user").expect("declared");
    let decision = limiter.decide_at(&[(user, Value::Str("ada"))], NOON);
    assert_eq!((decision.outcome(), decision.status()), (Outcome::Deny, 400));
    assert_eq!(decision.message(), "`size` is missing");
    let Cause::Input(problem) = decision.cause() else { panic!("{:?}", decision.cause()) };
    assert_eq!(problem.problem, Problem::Missing);
}

#[test]
fn an_unknown_member_is_denied_unless_else_says_what_it_is() {
    let strict = limiter("input { r : one of \"a\", \"b\"  u : key } rule x { limit 9 req/min per u, r }");
    let facts = |l: &Limiter| [l.fact("r"), l.fact("u")].map(|f| f.expect("declared"));
    let [r, u] = facts(&strict);
    let unknown = [(r, Value::Str("zz")), (u, Value::Str("ada"))];
    assert_eq!(strict.decide_at(&unknown, NOON).message(), "`r` has a value outside its type");

    let lenient =
        limiter("input { r : one of \"a\", \"b\" else \"b\"  u : key } rule x { limit 9 req/min per u, r }");
    let decision = lenient.decide_at(&unknown, NOON);
    assert_eq!(decision.outcome(), Outcome::Allow);
    let record = DecisionRecord::new(1, &lenient, &decision, &unknown);
    assert_eq!(
        record.limits.first().map(|l| l.key.clone()),
        Some(vec![("u".into(), "ada".into()), ("r".into(), "b".into())])
    );
}

#[test]
fn an_imported_fact_that_no_rule_looks_at_is_not_asked_for() {
    let limiter = limiter("use std.http  rule r { limit 1 req/min per ip }");
    let ip = limiter.fact("ip").expect("imported");
    assert_eq!(limiter.decide_at(&[(ip, Value::Str("192.0.2.1"))], NOON).outcome(), Outcome::Allow);
}

#[test]
fn addresses_of_one_ipv6_subnet_share_a_counter() {
    let limiter = limiter("use std.http  rule r { limit 1 req/min per ip }");
    let ip = limiter.fact("ip").expect("imported");
    let at = |text: &'static str| limiter.decide_at(&[(ip, Value::Str(text))], NOON).outcome();
    assert_eq!(at("2001:db8::1"), Outcome::Allow);
    assert_eq!(at("2001:db8::ffff"), Outcome::Reject);
    assert_eq!(at("2001:db8:0:1::1"), Outcome::Allow);
    assert_eq!(at("192.0.2.9"), Outcome::Allow);
    assert_eq!(at("::ffff:192.0.2.9"), Outcome::Reject);
}

#[test]
fn no_spelling_of_a_path_slips_past_a_limit() {
    let limiter = limiter(
        "use std.http  input { user : key } rule r { on GET \"/v1/items\"  limit 1 req/min per user }",
    );
    let [user, method, path] = ["user", "method", "path"].map(|name| limiter.fact(name).expect("declared"));
    let at = |spelling: &str| {
        let facts = [(user, Value::Str("ada")), (method, Value::Str("HEAD")), (path, Value::Str(spelling))];
        limiter.decide_at(&facts, NOON).outcome()
    };
    assert_eq!(at("/v1/items"), Outcome::Allow);
    for spelling in ["/v1//items", "/v1/items/", "/v1/%69tems", "/v1/x/../items?page=2", "/./v1/items#top"] {
        assert_eq!(at(spelling), Outcome::Reject, "{spelling}");
    }
    assert_eq!(at("/V1/items"), Outcome::Allow);
}

#[test]
fn a_lease_is_held_until_it_is_released() {
    let limiter = limiter("input { user : key } rule r { limit 1 in flight per user for at most 2 min }");
    let user = limiter.fact("user").expect("declared");
    let facts = [(user, Value::Str("ada"))];
    let first = limiter.decide_at(&facts, NOON);
    let running = limiter.running(&first);
    let second = limiter.decide_at(&facts, NOON);
    assert_eq!(second.outcome(), Outcome::Reject);
    assert_eq!(second.retry_after(), Some(Nanos::from_secs(120)));
    assert!(limiter.running(&second).is_empty());
    assert_eq!(limiter.release(&running, NOON).released, 1);
    assert_eq!(limiter.decide_at(&facts, NOON).outcome(), Outcome::Allow);
    assert_eq!(limiter.release(&running, NOON).released, 0);
    assert_eq!(limiter.decide_at(&facts, NOON).outcome(), Outcome::Reject);
}

#[test]
fn fallback_keys_never_collide_with_the_keys_they_stand_in_for() {
    let limiter = limiter("input { a : key?  b : key } rule r { limit 1 req/min per a ?? b }");
    let [a, b] = ["a", "b"].map(|name| limiter.fact(name).expect("declared"));
    assert_eq!(
        limiter.decide_at(&[(a, Value::Str("x")), (b, Value::Str("x"))], NOON).outcome(),
        Outcome::Allow
    );
    assert_eq!(limiter.decide_at(&[(b, Value::Str("x"))], NOON).outcome(), Outcome::Allow);
    assert_eq!(limiter.store().len(), 2);
}

#[test]
fn a_level_that_is_missing_skips_only_the_limits_keyed_by_it() {
    let limiter = limiter(
        "hierarchy org > team? > user
         input { org : key  team : key?  user : key }
         rule r { limit t: 1 req/min per team  limit u: 2 req/min per user }",
    );
    let [org, team, user] = ["org", "team", "user"].map(|name| limiter.fact(name).expect("declared"));
    let without = [(org, Value::Str("o")), (user, Value::Str("ada"))];
    let decision = limiter.decide_at(&without, NOON);
    assert_eq!(decision.limits().map(|(info, _)| info.name.as_str()).collect::<Vec<_>>(), ["u"]);
    let with = [(org, Value::Str("o")), (team, Value::Str("t")), (user, Value::Str("ada"))];
    let decision = limiter.decide_at(&with, NOON);
    assert_eq!(decision.limits().map(|(info, _)| info.name.as_str()).collect::<Vec<_>>(), ["t", "u"]);
}

#[test]
fn two_orgs_with_a_user_of_one_name_have_counters_of_their_own() {
    let limiter =
        limiter("hierarchy org > user  input { org : key  user : key }  rule r { limit 1 req/min per user }");
    let [org, user] = ["org", "user"].map(|name| limiter.fact(name).expect("declared"));
    let of = |o: &'static str| {
        limiter.decide_at(&[(org, Value::Str(o)), (user, Value::Str("ada"))], NOON).outcome()
    };
    assert_eq!([of("one"), of("two"), of("one")], [Outcome::Allow, Outcome::Allow, Outcome::Reject]);
}

#[test]
fn a_denial_tells_values_and_cannot_be_made_to_carry_control_characters() {
    let limiter = limiter(
        "use std.http
         input { who : string }
         rule r { if body_size > 1 KiB then deny 413 \"{who}: {body_size} is too much\" }",
    );
    let [who, size] = ["who", "body_size"].map(|name| limiter.fact(name).expect("declared"));
    let decision =
        limiter.decide_at(&[(who, Value::Str("eve\r\nSet-Cookie: x")), (size, Value::Int(5 << 20))], NOON);
    assert_eq!(decision.status(), 413);
    assert_eq!(decision.message(), "eve\u{FFFD}\u{FFFD}Set-Cookie: x: 5 MiB is too much");
    assert_eq!(decision.rules().collect::<Vec<_>>(), ["r"]);
}

#[test]
fn the_binding_limit_is_the_failing_one_that_waits_longest() {
    let limiter = limiter(
        "input { user : key }
         rule r { limit short: 1 req/min per user using fixed_window  limit long: 1 req/hour per user using fixed_window }",
    );
    let facts = [(limiter.fact("user").expect("declared"), Value::Str("ada"))];
    assert_eq!(limiter.decide_at(&facts, NOON).binding().map(|(info, _)| info.name.as_str()), Some("long"));
    let refused = limiter.decide_at(&facts, NOON);
    assert_eq!(refused.binding().map(|(info, _)| info.name.as_str()), Some("long"));
    assert_eq!(refused.retry_after(), Some(Nanos::from_secs(3600)));
    assert_eq!(refused.limited_by().collect::<Vec<_>>(), ["long", "short"]);
}

#[test]
fn a_request_that_can_never_fit_has_no_wait() {
    let limiter =
        limiter("input { user : key  n : tokens } rule r { limit 10 tokens/min per user costing n }");
    let [user, n] = ["user", "n"].map(|name| limiter.fact(name).expect("declared"));
    let decision = limiter.decide_at(&[(user, Value::Str("ada")), (n, Value::Int(11))], NOON);
    assert_eq!((decision.outcome(), decision.retry_after()), (Outcome::Reject, None));
}

#[test]
fn a_record_says_everything_and_is_json() {
    let limiter = limiter("input { user : key } rule api { limit 2 req/min per user }");
    let facts = [(limiter.fact("user").expect("declared"), Value::Str("ada"))];
    let decision = limiter.decide_at(&facts, NOON);
    let json = serde_json::to_string(&DecisionRecord::new(1, &limiter, &decision, &facts)).expect("JSON");
    assert_eq!(
        json,
        r#"{"n":1,"t":1767614400000,"outcome":"allow","limited_by":[],"retry_after_ms":null,"limits":[{"limit":"api","key":{"user":"ada"},"unit":"req","ceiling":2,"cost":1,"fits":true,"remaining":1,"reset_after_ms":60000,"retry_after_ms":null}],"shadow":[],"warn":[]}"#
    );
}

#[test]
fn many_threads_are_let_through_exactly_as_often_as_the_ceiling_says() {
    let limiter = limiter(
        "input { user : key  org : key }
         rule r { limit u: 700 req/min per user  limit o: 1000 req/min per org }",
    );
    let [user, org] = ["user", "org"].map(|name| limiter.fact(name).expect("declared"));
    let allowed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let limiter = &limiter;
                scope.spawn(move || {
                    let who = if n % 2 == 0 { "ada" } else { "bob" };
                    let facts = [(user, Value::Str(who)), (org, Value::Str("acme"))];
                    (0..2_000).filter(|_| limiter.decide_at(&facts, NOON).outcome().passes()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(allowed, 1000);
}

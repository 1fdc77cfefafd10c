//! The simulator: what it counts, what it skips, and that no traffic makes it panic.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::{
    cell::RefCell,
    fmt::Write as _,
    io::{self, Write},
    rc::Rc,
    sync::Arc,
};

use limitrate_compiler::{Engine, Policy, compile};
use limitrate_testkit::{
    simulate::{Rewind, Simulation, SimulationOptions, Summary},
    traffic::{Format, Schema, TrafficFile},
};
use proptest::prelude::*;

const POLICY: &str = r#"
use std.http
input { user : key  plan : plan = free }
plan free { limit rpm: 2 req/min per user using fixed_window }
plan pro extends free { limit rpm: 5 req/min per user using fixed_window }
rule uploads {
  on POST "/v1/files", PUT "/v1/files/:id"
  if body_size > 5 MiB then deny 413 "too large"
  limit bytes: 10 MiB/hour per user using fixed_window costing body_size
}
rule health { on GET "/healthz" exempt "probes" }
"#;

fn policy(text: &str) -> Arc<Policy> {
    match compile("policy.rl", text.as_bytes(), Engine::Native) {
        Ok(accepted) => Arc::new(accepted.policy),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics),
    }
}

/// A buffer that the test keeps a hold of.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Rewind for Shared {
    fn rewind(&mut self) -> io::Result<()> {
        self.0.borrow_mut().rewind()
    }
}

/// The summary of traffic in JSON lines, and the decisions.
fn replay(text: &str, traffic: &[u8], format: Format) -> (Summary, Vec<serde_json::Value>) {
    let policy = policy(text);
    let facts: Vec<_> = policy.program().facts.iter().map(|fact| fact.decl.clone()).collect();
    let schema = Schema::new(&facts, &[], &[]).unwrap();
    let decisions = Shared::default();
    let options =
        SimulationOptions { decisions: Some(Box::new(decisions.clone())), ..SimulationOptions::default() };
    let mut simulation = Simulation::new(policy, options);
    let replayed = TrafficFile::spool(traffic).unwrap().replay(format, &schema, &mut simulation).unwrap();
    let summary = simulation.finish(&replayed).unwrap();
    assert_eq!(summary.requests, replayed.records);
    assert_eq!(summary.skipped, replayed.skipped);
    let written = decisions.0.borrow();
    let lines = written.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    (summary, lines.map(|line| serde_json::from_slice(line).unwrap()).collect())
}

fn simulate(traffic: &str) -> Summary {
    replay(POLICY, traffic.as_bytes(), Format::Jsonl).0
}

/// A request at so many seconds.
fn get(seconds: i64, user: &str, rest: &str) -> String {
    let t = seconds * 1000;
    format!(
        "{{\"t\":{t},\"method\":\"GET\",\"path\":\"/v1/items\",\"body_size\":0,\"user\":\"{user}\"{rest}}}\n"
    )
}

#[test]
fn the_summary_says_who_was_refused_by_what() {
    let traffic = get(60, "ada", "")
        + &get(61, "ada", "")
        + &get(62, "ada", "")
        + &get(63, "ada", "")
        + &get(63, "bob", ",\"plan\":\"pro\"")
        + "{\"t\":64000,\"method\":\"GET\",\"path\":\"/healthz\",\"body_size\":0,\"user\":\"x\"}\n"
        + "{\"t\":65000,\"method\":\"PUT\",\"path\":\"/v1/files/7?x=1\",\"body_size\":\"6 MiB\",\"user\":\"bob\"}\n";
    let summary = simulate(&traffic);
    let outcomes = summary.outcomes;
    assert_eq!((outcomes.allow, outcomes.reject, outcomes.deny, outcomes.exempt), (3, 2, 1, 1));
    let limits: Vec<_> = summary.limits.iter().map(|l| (l.limit.as_str(), l.requests, l.refused)).collect();
    assert_eq!(limits, [("rpm", 5, 2), ("bytes", 0, 0)]);
    let plans: Vec<_> = summary.plans.iter().map(|p| (p.plan.as_str(), p.requests, p.refused)).collect();
    assert_eq!(plans, [("free", 6, 3), ("pro", 1, 0)]);
    let routes: Vec<_> = summary.routes.iter().map(|r| (r.route.as_str(), r.refused)).collect();
    assert_eq!(routes, [("/v1/**", 2), ("/v1/files/:id", 1)]);
    let rules: Vec<_> =
        summary.rules.iter().map(|r| (r.rule.as_str(), r.outcome, r.status, r.requests)).collect();
    assert_eq!(rules, [("health", "exempt", 200, 1), ("uploads", "deny", 413, 1)]);
    assert_eq!(summary.keys_refused, 1);
    let top = &summary.top_keys[0];
    assert_eq!((top.limit.as_str(), top.refused), ("rpm", 2));
    assert_eq!(top.key, [("user".to_owned(), "ada".to_owned())]);
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["first"], "1970-01-01T00:01:00Z");
    assert_eq!(json["last"], "1970-01-01T00:01:05Z");
    assert_eq!(json["top_keys"][0]["key"]["user"], "ada");
    assert_eq!(json["top_keys"][0]["first"], "1970-01-01T00:01:02Z");
}

#[test]
fn a_refused_request_takes_nothing_of_any_limit() {
    let text = "use std.http\nrule api { limit a: 1 req/min globally using fixed_window  \
                limit b: 3 req/hour globally using fixed_window }";
    let traffic: String = (0..4).map(|_| "{\"t\":60000}\n").collect::<String>()
        + "{\"t\":120000}\n{\"t\":180000}\n{\"t\":240000}\n";
    let (summary, decisions) = replay(text, traffic.as_bytes(), Format::Jsonl);
    assert_eq!((summary.outcomes.allow, summary.outcomes.reject), (3, 4));
    let by = |n: usize| decisions[n]["limited_by"].to_string();
    assert_eq!((by(3), by(6)), ("[\"a\"]".to_owned(), "[\"b\"]".to_owned()));
}

#[test]
fn lines_that_cannot_be_read_are_counted_with_their_numbers_and_a_reason() {
    let good = get(60, "ada", "");
    let many = "nonsense\n".repeat(7);
    let twice = get(61, "ada", ",\"user\":\"eve\"");
    let traffic = format!(
        "{good}{many}{{\"user\":\"ada\"}}\n{twice}{}{}[1]\n{{\"t\":\"yesterday\"}}\n",
        get(62, "ada", ",\"plan\":7"),
        get(63, "ada", ",\"ip\":\"no\""),
    );
    let summary = simulate(&traffic);
    assert_eq!((summary.requests, summary.skipped), (1, 13));
    let skips: Vec<_> = summary.skips.iter().map(|s| (s.reason, s.count, s.lines.clone())).collect();
    assert_eq!(
        skips,
        [
            ("not JSON", 7, vec![2, 3, 4, 5, 6]),
            ("wrong type", 2, vec![11, 12]),
            ("bad time", 1, vec![14]),
            ("duplicate member", 1, vec![10]),
            ("no time", 1, vec![9]),
            ("not a JSON object", 1, vec![13]),
        ]
    );
    assert_eq!(summary.skips[3].example, "`user` stands there twice");
}

#[test]
fn a_fact_that_is_missing_or_outside_its_type_denies_the_request_and_is_named() {
    let traffic = "{\"t\":60000,\"method\":\"GET\",\"path\":\"/v1/items\",\"body_size\":0}\n".to_owned()
        + &get(61, "ada", ",\"plan\":\"gold\"")
        + &get(62, "ada", ",\"plan\":\"gold\"")
        + "{\"t\":63000,\"method\":\"PUT\",\"path\":\"/v1/files/1\",\"body_size\":-5,\"user\":\"ada\"}\n";
    let summary = simulate(&traffic);
    assert_eq!((summary.outcomes.deny, summary.denied_by_input()), (4, 4));
    let inputs: Vec<_> = summary
        .inputs
        .iter()
        .map(|i| (i.fact.as_str(), i.problem.as_str(), i.requests, i.first_line))
        .collect();
    assert_eq!(
        inputs,
        [
            ("plan", "has a value outside its type", 2, 2),
            ("user", "is missing", 1, 1),
            ("body_size", "has a value outside its type", 1, 4),
        ]
    );
    assert_eq!(summary.plans.last().map(|p| (p.plan.as_str(), p.requests)), Some(("-", 2)));
}

#[test]
fn members_without_a_fact_are_counted_by_name() {
    let summary = simulate(&(get(60, "ada", ",\"usr\":1") + &get(61, "ada", ",\"usr\":1,\"x\":null")));
    let unknown: Vec<_> = summary.unknown_members.iter().map(|u| (u.member.as_str(), u.count)).collect();
    assert_eq!(unknown, [("usr", 2), ("x", 1)]);
}

#[test]
fn a_cost_beyond_every_ceiling_is_rejected_for_ever_and_charges_nothing() {
    let put = |t: u64, size: &str| {
        format!(
            "{{\"t\":{t},\"method\":\"PUT\",\"path\":\"/v1/files/1\",\"body_size\":{size},\"user\":\"ada\"}}\n"
        )
    };
    let text = POLICY.replace("if body_size > 5 MiB then deny 413 \"too large\"", "");
    let traffic = put(60_000, "9223372036854775807")
        + &put(61_000, "\"10 MiB\"")
        + &put(62_000, "99999999999999999999");
    let (summary, decisions) = replay(&text, traffic.as_bytes(), Format::Jsonl);
    assert_eq!((summary.outcomes.reject, summary.outcomes.allow, summary.skipped), (1, 1, 1));
    assert_eq!(decisions[0]["retry_after_ms"], serde_json::Value::Null);
    assert_eq!(summary.skips[0].reason, "number out of range");
}

#[test]
fn times_at_the_ends_of_the_calendar_are_decided_and_beyond_them_skipped() {
    let at = |t: &str| get(0, "ada", "").replace("\"t\":0", &format!("\"t\":{t}"));
    let traffic = at("\"1677-09-22T00:00:00Z\"")
        + &at("-9223372036854")
        + &at("9223372036854")
        + &at("\"2262-04-11T00:00:00Z\"")
        + &at("9223372036854775807")
        + &at("\"9999-12-31T00:00:00Z\"");
    let summary = simulate(&traffic);
    assert_eq!((summary.requests, summary.skipped), (4, 2));
    assert_eq!(summary.skips[0].reason, "bad time");
    assert!(summary.was_sorted);
}

#[test]
fn traffic_out_of_order_is_decided_as_if_it_were_sorted() {
    let users = ["ada", "bob"].iter().cycle();
    let mut lines: Vec<String> = (0..40).zip(users).map(|(n, user)| get(60 + n * 7, user, "")).collect();
    let (sorted, in_order) = replay(POLICY, lines.concat().as_bytes(), Format::Jsonl);
    lines.rotate_left(13);
    lines.swap(3, 30);
    let (shuffled, out_of_order) = replay(POLICY, lines.concat().as_bytes(), Format::Jsonl);
    assert_eq!(in_order, out_of_order);
    assert!(!sorted.was_sorted && shuffled.was_sorted);
    assert_eq!(Summary { was_sorted: true, ..sorted }, shuffled);
}

#[test]
fn a_request_holds_its_lease_until_its_reply() {
    let text = "use std.http\nrule api { limit calls: 1 in flight globally for at most 1 min }";
    let run = |traffic: &str| replay(text, traffic.as_bytes(), Format::Jsonl).0.outcomes;
    // Without a reply, or with one at once, nothing overlaps.
    assert_eq!(run("{\"t\":1}\n{\"t\":1}\n{\"t\":1,\"reply\":{\"status\":200}}\n{\"t\":1}\n").allow, 4);
    // The reply frees the place at its very instant.
    let held = "{\"t\":0,\"reply\":{\"after_ms\":500}}\n{\"t\":499}\n{\"t\":500}\n";
    assert_eq!((run(held).allow, run(held).reject), (2, 1));
    // A reply that is long in coming does not hold the lease past its end.
    let long = "{\"t\":0,\"reply\":{\"after_ms\":86400000}}\n{\"t\":59999}\n{\"t\":60000}\n";
    assert_eq!((run(long).allow, run(long).reject), (2, 1));
}

#[test]
fn one_decision_is_written_for_each_request_in_the_order_of_time() {
    let traffic = get(70, "ada", "") + &get(60, "ada", "") + &get(65, "ada", "");
    let (_, decisions) = replay(POLICY, traffic.as_bytes(), Format::Jsonl);
    let told: Vec<_> = decisions.iter().map(|d| (d["n"].as_u64(), d["t"].as_u64())).collect();
    assert_eq!(told, [(Some(1), Some(60_000)), (Some(2), Some(65_000)), (Some(3), Some(70_000))]);
    assert_eq!(decisions[2]["outcome"], "reject");
    assert_eq!(decisions[2]["limits"][0]["key"]["user"], "ada");
}

#[test]
fn an_output_that_fails_ends_the_replay_with_its_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Rewind for Full {
        fn rewind(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let policy = policy(POLICY);
    let facts: Vec<_> = policy.program().facts.iter().map(|fact| fact.decl.clone()).collect();
    let schema = Schema::new(&facts, &[], &[]).unwrap();
    let options = SimulationOptions { decisions: Some(Box::new(Full)), ..SimulationOptions::default() };
    let mut simulation = Simulation::new(policy, options);
    let traffic: String = (0..5_000).map(|n| get(n, "ada", "")).collect();
    let mut file = TrafficFile::spool(traffic.as_bytes()).unwrap();
    let replayed = file.replay(Format::Jsonl, &schema, &mut simulation).unwrap();
    assert!(replayed.records < 5_000);
    assert_eq!(simulation.finish(&replayed).unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_full_store_is_said_to_be_full() {
    let policy = policy("input { user : key }\nrule api { limit 5 req/min per user fail open }");
    let facts: Vec<_> = policy.program().facts.iter().map(|fact| fact.decl.clone()).collect();
    let schema = Schema::new(&facts, &[], &[]).unwrap();
    let mut options = SimulationOptions::default();
    options.memory.max_keys = 10;
    let mut simulation = Simulation::new(policy, options);
    let mut traffic = String::new();
    for n in 0..100 {
        writeln!(traffic, "{{\"t\":1000,\"user\":\"{n}\"}}").unwrap();
    }
    let mut file = TrafficFile::spool(traffic.as_bytes()).unwrap();
    let replayed = file.replay(Format::Jsonl, &schema, &mut simulation).unwrap();
    let summary = simulation.finish(&replayed).unwrap();
    assert_eq!((summary.counters, summary.cut_off.charges), (Some(10), 90));
}

#[test]
fn the_traffic_among_the_examples_fits_their_policies() {
    let shipped = [
        (
            include_str!("../../examples/website.rl"),
            include_str!("../../examples/access.log"),
            Format::Combined,
        ),
        (
            include_str!("../../examples/plans.rl"),
            include_str!("../../examples/traffic.jsonl"),
            Format::Jsonl,
        ),
    ];
    for (policy, traffic, format) in shipped {
        let (summary, _) = replay(policy, traffic.as_bytes(), format);
        assert_eq!((summary.skipped, summary.denied_by_input()), (0, 0), "{:?}", summary.inputs);
        assert!(summary.unknown_members.is_empty(), "{:?}", summary.unknown_members);
        let outcomes = summary.outcomes;
        let every = [outcomes.allow, outcomes.reject, outcomes.deny, outcomes.exempt];
        assert!(every.iter().all(|requests| *requests > 0), "each outcome is shown: {outcomes:?}");
    }
}

#[test]
fn a_real_access_log_is_replayed_whole() {
    let Some(path) = std::env::var_os("LIMITRATE_REAL_LOG") else {
        println!("skipped: LIMITRATE_REAL_LOG names no combined log");
        return;
    };
    let traffic = std::fs::read(path).unwrap();
    let text = include_str!("../../examples/website.rl");
    let (summary, decisions) = replay(text, &traffic, Format::Combined);
    assert_eq!(summary.requests, decisions.len() as u64);
    let outcomes = summary.outcomes;
    assert_eq!(outcomes.total(), summary.requests);
    assert_eq!(summary.denied_by_input(), 0, "{:?}", summary.inputs);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), combined: bool) {
        replay(POLICY, &bytes, if combined { Format::Combined } else { Format::Jsonl });
    }

    #[test]
    fn no_records_make_it_panic(
        lines in proptest::collection::vec(
            (
                prop_oneof![any::<i64>(), -5_000_i64..5_000],
                "(GET|PUT|[a-z]{0,3})",
                "(/v1/files/1|/healthz|\\PC{0,9})",
                prop_oneof![any::<i64>(), Just(i64::MAX), 0_i64..20_000_000],
                "[a-c]",
                "(free|pro|gold)",
                any::<i64>(),
            ),
            0..40,
        ),
    ) {
        let text = format!(
            "{}\nrule calls {{ limit calls: 2 in flight per user for at most 1 s }}",
            POLICY.replace("if body_size > 5 MiB then deny 413 \"too large\"", "")
        );
        let mut traffic = String::new();
        for (t, method, path, size, user, plan, after) in lines {
            let record = serde_json::json!({
                "t": t, "method": method, "path": path, "body_size": size, "user": user, "plan": plan,
                "reply": { "after_ms": after },
            });
            writeln!(traffic, "{record}").unwrap();
        }
        let (summary, decisions) = replay(&text, traffic.as_bytes(), Format::Jsonl);
        let outcomes = summary.outcomes;
        prop_assert_eq!(outcomes.total(), summary.requests);
        for decision in decisions {
            let refused = decision["limits"].as_array().into_iter().flatten().any(|limit| limit["fits"] == false);
            prop_assert_eq!(refused, decision["outcome"] == "reject");
        }
    }
}

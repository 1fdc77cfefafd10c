//! Replies in simulations: what was reserved is settled at the instant of the reply, and summed up.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::sync::Arc;

use limitrate_compiler::{Engine, compile};
use limitrate_testkit::{
    simulate::{Simulation, SimulationOptions, Summary},
    traffic::{Format, Schema, TrafficFile},
};
use proptest::prelude::*;

fn replay(text: &str, traffic: &str) -> Summary {
    let policy = match compile("policy.rl", text.as_bytes(), Engine::Native) {
        Ok(accepted) => Arc::new(accepted.policy),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics),
    };
    let facts: Vec<_> = policy.program().facts.iter().map(|fact| fact.decl.clone()).collect();
    let schema = Schema::new(&facts, &[], &[]).unwrap();
    let mut simulation = Simulation::new(policy, SimulationOptions::default());
    let mut file = TrafficFile::spool(traffic.as_bytes()).unwrap();
    let replayed = file.replay(Format::Jsonl, &schema, &mut simulation).unwrap();
    let summary = simulation.finish(&replayed).unwrap();
    assert_eq!((summary.skipped, summary.unknown_members.len()), (0, 0), "{summary:#?}");
    summary
}

const BUDGET: &str = "
    input { user : key  most : tokens = 100 tokens  usage.output : tokens after response }
    rule chat {
      limit day: 300 tokens/day per user resets in \"UTC\" reserve most settle usage.output warn at 50%
    }";

fn request(millis: u64, rest: &str) -> String {
    format!("{{\"t\":{millis},\"user\":\"ada\"{rest}}}\n")
}

#[test]
fn a_reservation_is_settled_when_the_reply_comes() {
    let traffic = request(0, ",\"most\":250,\"reply\":{\"after_ms\":500,\"usage.output\":10}")
        + &request(499, ",\"reply\":{\"usage.output\":5}")
        + &request(500, ",\"reply\":{\"usage.output\":5}");
    let summary = replay(BUDGET, &traffic);
    assert_eq!((summary.outcomes.allow, summary.outcomes.reject), (2, 1));
    let day = &summary.settled[0];
    assert_eq!((day.limit.as_str(), day.settled, day.stood, day.expired), ("day", 2, 0, 0));
    assert_eq!((day.reserved, day.actual), (350, 15));
}

#[test]
fn what_no_reply_settles_stands() {
    let traffic = request(0, "")
        + &request(1, ",\"reply\":{\"status\":500}")
        + &request(2, ",\"most\":1,\"reply\":{\"after_ms\":600000,\"usage.output\":7}");
    let summary = replay(BUDGET, &traffic);
    let day = &summary.settled[0];
    assert_eq!((day.settled, day.stood, day.expired), (0, 2, 1));
    assert_eq!((day.reserved, day.actual), (201, 201));
}

#[test]
fn a_status_that_was_not_recorded_is_200_where_there_is_a_reply() {
    let text = "use std.http
        rule login { limit logins: 2 req/h globally using fixed_window refund when response.status < 400 }";
    let ends = |reply: &str| {
        let traffic: String = (0..5).map(|n| format!("{{\"t\":{n}{reply}}}\n")).collect();
        let summary = replay(text, &traffic);
        (summary.outcomes.allow, summary.settled[0].actual)
    };
    assert_eq!(ends(",\"reply\":{}"), (5, 0));
    assert_eq!(ends(",\"reply\":{\"status\":401}"), (2, 2));
    assert_eq!(ends(""), (2, 2));
}

#[test]
fn the_summary_counts_downgrades_warnings_and_whom_a_shadow_would_refuse() {
    let text = "
        input { user : key  model : one of \"large\", \"small\" }
        rule chat {
          if model == \"large\" then limit large: 2 req/day per user resets in \"UTC\" warn at 100%
            on exceed downgrade model to \"small\"
          limit all: 4 req/day per user resets in \"UTC\" on exceed allow
        }
        shadow rule tighter { limit tight: 1 req/min per user using fixed_window }
        shadow rule off { if model == \"large\" then deny 403 }";
    let traffic: String = (0..5).map(|n| request(n, ",\"model\":\"large\"")).collect();
    let summary = replay(text, &traffic);
    assert_eq!((summary.outcomes.allow, summary.outcomes.downgrade, summary.outcomes.total()), (2, 3, 5));
    let limits: Vec<_> =
        summary.limits.iter().map(|l| (l.limit.as_str(), l.requests, l.refused, l.downgraded)).collect();
    assert_eq!(limits, [("all", 5, 0, 0), ("large", 2, 0, 3)]);
    let warnings: Vec<_> =
        summary.warnings.iter().map(|w| (w.limit.as_str(), w.mark, w.exceeded, w.requests)).collect();
    assert_eq!(warnings, [("all", None, true, 1), ("large", Some(1_000_000), false, 1)]);
    let shadow = &summary.shadow;
    assert_eq!(
        (shadow.limits[0].limit.as_str(), shadow.limits[0].requests, shadow.limits[0].refused),
        ("tight", 5, 4)
    );
    assert_eq!((shadow.keys_refused, shadow.top_keys[0].refused), (1, 4));
    // A downgraded request is no longer a large one.
    assert_eq!(
        (shadow.rules[0].rule.as_str(), shadow.rules[0].outcome, shadow.rules[0].requests),
        ("off", "deny", 2)
    );
    assert_eq!(summary.refused(), 0);
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["shadow"]["top_keys"][0]["key"]["user"], "ada");
}

proptest! {
    /// Whatever the replies say and whenever they come, the totals are those of a ledger kept by hand.
    #[test]
    fn settled_totals_are_the_sums_of_what_replies_said(
        records in proptest::collection::vec((0_u64..100, 0_i64..60, proptest::option::of((0_u64..200, proptest::option::of(0_i64..90)))), 1..60),
    ) {
        let text = BUDGET.replace("300 tokens", "1_000_000 tokens");
        let (mut at, mut traffic, mut reserved, mut actual) = (0, String::new(), 0, 0);
        for (pause, most, reply) in &records {
            at += pause;
            reserved += most;
            actual += reply.as_ref().and_then(|(_, output)| *output).unwrap_or(*most);
            let reply = reply.as_ref().map_or_else(String::new, |(after, output)| {
                let output = output.map_or_else(String::new, |output| format!(",\"usage.output\":{output}"));
                format!(",\"reply\":{{\"after_ms\":{after}{output}}}")
            });
            traffic += &request(at, &format!(",\"most\":{most}{reply}"));
        }
        let summary = replay(&text, &traffic);
        prop_assert_eq!(summary.outcomes.allow, records.len() as u64);
        prop_assert_eq!((summary.settled[0].reserved, summary.settled[0].actual), (reserved, actual));
    }
}

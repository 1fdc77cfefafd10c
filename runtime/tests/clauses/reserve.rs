//! `reserve … settle …` and `refund when`.

use limitrate_core::facts::Value;
use limitrate_runtime::{Fate, Outcome, Problem};
use proptest::prelude::*;

use super::{HOUR, MINUTE, Nanos, Test, user};

const BUDGET: &str = "
    input {
      user   : key
      most   : tokens = 100 tokens
      really : tokens after response
    }
    rule chat {
      limit day: 1000 tokens/day per user resets in \"UTC\" reserve most settle really
    }";

const fn most(tokens: i64) -> (&'static str, Value<'static>) {
    ("most", Value::Int(tokens))
}

const fn really(tokens: i64) -> (&'static str, Value<'static>) {
    ("really", Value::Int(tokens))
}

#[test]
fn a_reservation_is_held_and_then_replaced_by_what_the_request_really_cost() {
    let test = Test::new(BUDGET);
    let ada = user("ada");
    let running = test.run(&[ada, most(900)]);
    assert_eq!(test.used("day", &[ada]), 900);
    assert_eq!(test.outcome(&[ada, most(200)]), Outcome::Reject);
    let replied = test.reply(&running, &[really(50)]);
    let settled = &replied.settled[0];
    assert_eq!((settled.limit.name.as_str(), settled.reserved), ("day", 900));
    assert_eq!(settled.fate, Fate::Settled { actual: 50 });
    assert_eq!(test.used("day", &[ada]), 50);
    assert_eq!(test.outcome(&[ada, most(200)]), Outcome::Allow);
}

#[test]
fn what_costs_more_than_was_reserved_is_taken_even_past_the_ceiling() {
    let test = Test::new(BUDGET);
    let ada = user("ada");
    let running = test.run(&[ada, most(10)]);
    test.reply(&running, &[really(1_500)]);
    assert_eq!(test.used("day", &[ada]), 1_500);
    let refused = test.decide(&[ada, most(0)]);
    assert_eq!(refused.outcome(), Outcome::Reject, "nothing is declared, and nothing is left");
}

#[test]
fn a_request_that_declares_nothing_is_settled_all_the_same() {
    let test = Test::new(BUDGET);
    let ada = user("ada");
    let running = test.run(&[ada, most(0)]);
    assert!(!running.is_empty());
    test.reply(&running, &[really(300)]);
    assert_eq!(test.used("day", &[ada]), 300);
}

#[test]
fn a_reply_counts_once() {
    let test = Test::new(BUDGET);
    let ada = user("ada");
    let running = test.run(&[ada]);
    test.reply(&running, &[really(40)]);
    let again = test.reply(&running.clone(), &[really(70)]);
    assert_eq!(again.settled[0].fate, Fate::Gone);
    assert_eq!(test.limiter.release(&running, test.now).settled[0].fate, Fate::Gone);
    assert_eq!(test.used("day", &[ada]), 40);
}

#[test]
fn a_reply_that_lacks_a_fact_lets_the_reservation_stand_for_good() {
    let test = Test::new(BUDGET);
    let ada = user("ada");
    let running = test.run(&[ada]);
    let replied = test.reply(&running, &[]);
    let missing = [test.limiter.fact("really").unwrap()];
    assert_eq!(replied.settled[0].fate, Fate::Stands { missing: missing.into_iter().collect() });
    assert_eq!(test.reply(&running, &[really(7)]).settled[0].fate, Fate::Gone);
    assert_eq!(test.used("day", &[ada]), 100);
}

#[test]
fn a_malformed_fact_of_a_reply_is_told_and_counts_as_absent() {
    let test = Test::new(BUDGET);
    let running = test.run(&[user("ada")]);
    let replied = test.reply(&running, &[really(-5)]);
    assert_eq!(replied.problems[0].problem, Problem::OutsideType);
    assert!(matches!(replied.settled[0].fate, Fate::Stands { .. }));
    assert_eq!(test.used("day", &[user("ada")]), 100);
}

#[test]
fn facts_of_the_request_cannot_be_changed_by_its_reply() {
    let test = Test::new(
        "input { user : key  most : tokens  really : tokens after response }
         rule chat {
           limit day: 1000 tokens/day per user resets in \"UTC\" reserve most settle most + really
         }",
    );
    let ada = user("ada");
    let running = test.run(&[ada, most(100)]);
    test.reply(&running, &[most(900), really(1), user("eve")]);
    assert_eq!((test.used("day", &[ada]), test.used("day", &[user("eve")])), (101, 0));
}

#[test]
fn a_request_without_an_answer_keeps_its_reservation_and_gives_its_place_back() {
    let test = Test::new(
        "input { user : key  really : tokens after response }
         rule chat {
           limit day: 1000 tokens/day per user resets in \"UTC\" reserve 100 tokens settle really
           limit streams: 1 in flight per user for at most 5 min
         }",
    );
    let ada = user("ada");
    let running = test.run(&[ada]);
    assert_eq!(test.outcome(&[ada]), Outcome::Reject);
    let released = test.limiter.release(&running, test.now);
    assert_eq!((released.released, released.settled.len()), (1, 1));
    assert_eq!(test.used("day", &[ada]), 100);
    let next = test.run(&[ada]);
    let replied = test.reply(&next, &[really(1)]);
    assert_eq!((replied.released, test.used("day", &[ada])), (1, 101));
}

#[test]
fn a_reservation_that_has_expired_stands() {
    let mut test = Test::new(BUDGET);
    let ada = user("ada");
    let running = test.run(&[ada]);
    test.wait(Nanos(10 * MINUTE.0));
    assert_eq!(test.reply(&running, &[really(1)]).settled[0].fate, Fate::Gone);
    assert_eq!(test.used("day", &[ada]), 100);
}

#[test]
fn a_reservation_is_open_for_as_long_as_the_limit_says() {
    let text = BUDGET.replace("settle really", "settle really for at most 2 hour");
    let mut test = Test::new(&text);
    let ada = user("ada");
    let running = test.run(&[ada]);
    test.wait(HOUR);
    test.reply(&running, &[really(1)]);
    assert_eq!(test.used("day", &[ada]), 1);
}

#[test]
fn what_is_settled_after_its_window_changes_no_other_window() {
    let text = BUDGET.replace("settle really", "settle really for at most 20 hour");
    let mut test = Test::new(&text);
    let ada = user("ada");
    let running = test.run(&[ada, most(900)]);
    test.wait(Nanos(13 * HOUR.0)); // the next day
    test.pass(&[ada, most(500)]);
    test.reply(&running, &[really(1)]);
    assert_eq!(test.used("day", &[ada]), 500);
}

#[test]
fn a_share_is_settled_with_its_limit() {
    let test = Test::new(
        "input { org : key  user : key  most : tokens  really : tokens after response }
         rule chat {
           limit day: 1000 tokens/day per org resets in \"UTC\" at most 50% per user
             reserve most settle really
         }",
    );
    let [ada, org] = [user("ada"), ("org", Value::Str("acme"))];
    let running = test.run(&[ada, org, most(400)]);
    assert_eq!(test.outcome(&[ada, org, most(200)]), Outcome::Reject);
    let replied = test.reply(&running, &[really(100)]);
    assert_eq!(replied.settled.len(), 2);
    assert_eq!((test.used("day", &[org]), test.used("day.share", &[org, ada])), (100, 100));
}

#[test]
fn a_default_stands_in_for_what_the_reply_does_not_say() {
    let text = BUDGET.replace("really : tokens after response", "really : tokens after response = 3 tokens");
    let test = Test::new(&text);
    let running = test.run(&[user("ada")]);
    assert_eq!(test.reply(&running, &[]).settled[0].fate, Fate::Settled { actual: 3 });
}

#[test]
fn only_failures_count_where_success_is_refunded() {
    let test = Test::new(
        "use std.http
         rule login { limit logins: 3 req/15 min per ip refund when response.status < 400 }",
    );
    let ip = ("ip", Value::Str("192.0.2.1"));
    let status = |code| ("response.status", Value::Int(code));
    for _ in 0..20 {
        let running = test.run(&[ip]);
        test.reply(&running, &[status(200)]);
    }
    assert_eq!(test.used("logins", &[ip]), 0);
    for _ in 0..3 {
        let running = test.run(&[ip]);
        test.reply(&running, &[status(401)]);
    }
    assert_eq!((test.used("logins", &[ip]), test.outcome(&[ip])), (3, Outcome::Reject));
}

#[test]
fn a_refused_request_holds_nothing_and_a_plain_one_neither() {
    let test = Test::new(BUDGET);
    let refused = test.decide(&[user("ada"), most(2_000)]);
    assert_eq!((refused.outcome(), refused.ticket()), (Outcome::Reject, None));
    assert!(test.limiter.running(&refused).is_empty());
    let plain = Test::new("input { user : key } rule r { limit 9 req/min per user }");
    let decision = plain.decide(&[user("ada")]);
    assert_eq!(decision.ticket(), None);
    assert!(plain.limiter.running(&decision).is_empty());
}

#[test]
fn a_bucket_gives_back_what_was_not_used_but_no_more_than_time_has_left_of_it() {
    let mut test = Test::new(
        "input { user : key  most : tokens  really : tokens after response }
         rule chat {
           limit tpm: 60 tokens/min per user using token_bucket burst 60 tokens reserve most settle really
         }",
    );
    let ada = user("ada");
    let running = test.run(&[ada, most(60)]);
    assert_eq!(test.outcome(&[ada, most(30)]), Outcome::Reject);
    test.reply(&running, &[really(10)]);
    assert_eq!(test.outcome(&[ada, most(51)]), Outcome::Reject);
    assert_eq!(test.outcome(&[ada, most(50)]), Outcome::Allow);
    test.wait(MINUTE);
    let late = test.run(&[ada, most(60)]);
    test.wait(MINUTE);
    test.reply(&late, &[really(0)]);
    assert_eq!(test.outcome(&[ada, most(61)]), Outcome::Reject, "time had refilled it already");
    assert_eq!(test.outcome(&[ada, most(60)]), Outcome::Allow);
}

/// A limit of this algorithm that reserves `most` and settles `really`, and one that knew the cost beforehand.
fn both_ways(algorithm: &str) -> [Test; 2] {
    let text = |cost: &str| {
        format!(
            "input {{ user : key  most : tokens  known : tokens  really : tokens after response }}
             rule chat {{ limit all: 1_000_000 tokens/{algorithm} per user {cost} }}"
        )
    };
    ["reserve most settle really", "costing known"].map(|cost| Test::new(&text(cost)))
}

proptest! {
    /// The law of settlement: once settled, a window counts what it would had the cost been known at admission.
    #[test]
    fn a_settled_window_is_as_if_the_cost_had_been_known(
        requests in proptest::collection::vec((0_i64..20, 0_i64..500, 0_i64..500, 0_i64..90), 1..40),
        algorithm in prop_oneof![
            Just("min using sliding_window"),
            Just("min using sliding_log"),
            Just("min using fixed_window"),
            Just("day resets in \"Europe/Berlin\""),
        ],
    ) {
        let [mut reserving, mut knowing] = both_ways(algorithm);
        // A window that no calendar sets begins with the first cost above 0: it must be the same request's both ways.
        let least = i64::from(algorithm == "min using fixed_window");
        let ada = user("ada");
        let mut running: Vec<(i64, limitrate_runtime::Running, i64)> = Vec::new();
        for (at, (pause, reserved, actual, delay)) in (0..).zip(requests) {
            let (reserved, actual) = (reserved.max(least), actual.max(least));
            for test in [&mut reserving, &mut knowing] {
                test.wait(Nanos::from_secs(pause));
            }
            let known = ("known", Value::Int(actual));
            knowing.pass(&[ada, most(0), known]);
            let held = reserving.run(&[ada, most(reserved), known]);
            running.push((at + delay / 30, held, actual));
            let due = running.iter().position(|(due, ..)| *due <= at);
            if let Some((_, held, actual)) = due.map(|due| running.swap_remove(due)) {
                reserving.reply(&held, &[really(actual)]);
            }
        }
        for (_, held, actual) in running {
            reserving.reply(&held, &[really(actual)]);
        }
        prop_assert_eq!(reserving.used("all", &[ada]), knowing.used("all", &[ada]));
    }
}

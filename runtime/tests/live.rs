//! A policy that is replaced while requests are decided and run.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use limitrate_compiler::{Engine, Policy, compile};
use limitrate_core::{
    facts::Value,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::{
    Asking, LimiterOptions, LiveLimiter,
    store::{MemoryOptions, MemoryStore, RequestId},
};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

fn policy(rules: &str) -> Arc<Policy> {
    let text = format!("use std.http\ninput {{ user : key }}\n{rules}\n");
    let compiled = compile("live.rl", text.as_bytes(), Engine::Interpreter);
    Arc::new(compiled.unwrap_or_else(|rejected| panic!("{:?}", rejected.diagnostics.sorted())).policy)
}

fn live(rules: &str) -> LiveLimiter<Arc<MemoryStore>> {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    LiveLimiter::local(policy(rules), store, LimiterOptions::default())
}

fn passes(live: &LiveLimiter<Arc<MemoryStore>>) -> bool {
    let limiter = live.current();
    let facts = [
        (limiter.fact("user").unwrap(), Value::Str("ada")),
        (limiter.fact("method").unwrap(), Value::Str("GET")),
        (limiter.fact("path").unwrap(), Value::Str("/")),
    ];
    limiter.decide_at(&facts, NOW).outcome().passes()
}

#[test]
fn counters_follow_their_identity() {
    let live = live("rule r { limit api: 10 req/min per user }");
    assert_eq!((0..5).filter(|_| passes(&live)).count(), 5);
    // Another ceiling, another name of the rule, another limit beside it: the same counter.
    live.replace(policy("rule s { limit api: 7 req/min per user  limit more: 100 req/h per user }"));
    assert_eq!((0..5).filter(|_| passes(&live)).count(), 2);
    // Another window is another counter.
    live.replace(policy("rule r { limit api: 3 req/h per user }"));
    assert_eq!((0..5).filter(|_| passes(&live)).count(), 3);
    // And the first one has not forgotten.
    live.replace(policy("rule r { limit api: 8 req/min per user }"));
    assert_eq!((0..5).filter(|_| passes(&live)).count(), 1);
    assert_eq!(live.generation(), 4);
}

#[tokio::test]
async fn a_request_that_is_made_again_is_counted_once_on_the_limits_it_had() {
    let live = live("rule r { limit b: 2 req/min per user }");
    let ask = async |name: &[u8]| {
        let limiter = live.current();
        let facts = [
            (limiter.fact("user").unwrap(), Value::Str("ada")),
            (limiter.fact("method").unwrap(), Value::Str("GET")),
            (limiter.fact("path").unwrap(), Value::Str("/")),
        ];
        let asking = Asking { request: Some(RequestId::of(name)), at: Some(NOW), ..Asking::default() };
        let decision = limiter.decide_shared(&facts, asking).await.unwrap();
        let limits = decision.limits();
        let left = limits.map(|(info, limit)| (info.name.to_string(), limit.verdict.status.remaining));
        (decision.outcome().passes(), left.collect::<Vec<_>>())
    };
    let first = ask(b"one").await;
    assert_eq!(first, (true, vec![("b".to_owned(), 1)]));
    assert_eq!(ask(b"one").await, first);
    live.replace(policy("rule r { limit b: 1 req/min per user }"));
    assert!(ask(b"one").await.0, "it was decided");
    // Limits that it did not have, whatever they are called: it is decided by all of them, and then stays so.
    live.replace(policy("rule r { limit a: 1 req/h per user  limit b: 3 req/min per user }"));
    let second = ask(b"one").await;
    assert_eq!(second, (true, vec![("a".to_owned(), 0), ("b".to_owned(), 1)]));
    assert_eq!(ask(b"one").await, second);
    assert!(!ask(b"two").await.0);
}

#[test]
fn reloading_in_a_loop_admits_no_more_than_not_reloading() {
    let live = live("rule r { limit api: 5000 req/day per user }");
    let admitted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_500 {
                    admitted.fetch_add(usize::from(passes(&live)), Relaxed);
                }
            });
        }
        scope.spawn(|| {
            let versions = [
                policy("rule r { limit api: 5000 req/day per user }"),
                policy("rule s { limit api: 5000 req/day per user  limit other: 1000000 req/h per user }"),
            ];
            let mut turn = 0;
            while turn < 50 || admitted.load(Relaxed) < 5_000 {
                live.replace(versions[turn % 2].clone());
                turn += 1;
            }
        });
    });
    assert_eq!(admitted.load(Relaxed), 5_000);
    assert!(live.generation() > 50, "{}", live.generation());
}

#[test]
fn a_ceiling_that_changes_again_and_again_admits_no_more_than_the_highest_and_loses_nothing() {
    const CEILINGS: [usize; 4] = [5_000, 3_000, 1, 4_000];
    let version = |ceiling: usize| policy(&format!("rule r {{ limit api: {ceiling} req/day per user }}"));
    let live = live("rule r { limit api: 5000 req/day per user }");
    let (admitted, deciding) = (AtomicUsize::new(0), AtomicUsize::new(4));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    admitted.fetch_add(usize::from(passes(&live)), Relaxed);
                }
                deciding.fetch_sub(1, Relaxed);
            });
        }
        scope.spawn(|| {
            let versions = CEILINGS.map(version);
            let mut turn = 0;
            while turn < 100 || deciding.load(Relaxed) > 0 {
                live.replace(versions[turn % versions.len()].clone());
                turn += 1;
            }
        });
    });
    assert!(admitted.load(Relaxed) <= CEILINGS[0], "{admitted:?}");
    assert!(live.generation() > 100, "{}", live.generation());
    // What is left under the highest one passes, and was all that was left.
    live.replace(version(CEILINGS[0]));
    let last = (0..=CEILINGS[0]).filter(|_| passes(&live)).count();
    assert_eq!(admitted.load(Relaxed) + last, CEILINGS[0]);
}

#[test]
fn what_is_running_is_settled_by_the_version_that_decided_it() {
    let live = live("rule r { limit slots: 2 in flight per user for at most 1 min }");
    let limiter = live.current();
    let facts = |limiter: &limitrate_runtime::Limiter<Arc<MemoryStore>>| {
        [
            (limiter.fact("user").unwrap(), Value::Str("ada")),
            (limiter.fact("method").unwrap(), Value::Str("GET")),
            (limiter.fact("path").unwrap(), Value::Str("/")),
        ]
    };
    let decision = limiter.decide_at(&facts(&limiter), NOW);
    let running = limiter.running(&decision);
    assert!(!running.is_empty());
    live.replace(policy("rule other { limit api: 10 req/min per user }"));
    assert_eq!(limiter.reply(&running, &[], NOW).released, 1);
    live.replace(policy("rule r { limit slots: 2 in flight per user for at most 1 min }"));
    let again = live.current();
    let used = (0..3).filter(|_| again.decide_at(&facts(&again), NOW.after(Nanos(1))).outcome().passes());
    assert_eq!(used.count(), 2);
}

/// Two versions of a policy that settle by other expressions, over facts that stand elsewhere.
const SETTLING: [&str; 2] = [
    "input { user : key  really : tokens after response }
     rule chat {
       limit day: 10000 tokens/day per user resets in \"UTC\" reserve 100 tokens settle really
       limit tries: 100 req/day per user resets in \"UTC\" refund when response.status < 400
     }",
    "input { plan : string = \"\"  more : tokens = 0 tokens  user : key  really : tokens after response }
     rule chat {
       limit before: 500 tokens/h per user reserve 1 tokens settle really
       limit day: 10000 tokens/day per user resets in \"UTC\" reserve 200 tokens settle really + really
       limit tries: 100 req/day per user resets in \"UTC\" refund when response.status >= 500
     }",
];

#[test]
fn reservations_are_settled_by_the_version_that_made_them() {
    let version = |text: &str| {
        let compiled = compile("live.rl", format!("use std.http\n{text}").as_bytes(), Engine::Interpreter);
        Arc::new(compiled.unwrap_or_else(|rejected| panic!("{:?}", rejected.diagnostics.sorted())).policy)
    };
    let versions = SETTLING.map(version);
    for (first, second) in [(0, 1), (1, 0)] {
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let live = LiveLimiter::local(versions[first].clone(), store, LimiterOptions::default());
        let decide = || {
            let limiter = live.current();
            let facts = [
                (limiter.fact("user").unwrap(), Value::Str("ada")),
                (limiter.fact("method").unwrap(), Value::Str("GET")),
                (limiter.fact("path").unwrap(), Value::Str("/")),
            ];
            let decision = limiter.decide_at(&facts, NOW);
            assert!(decision.outcome().passes());
            let running = limiter.running(&decision);
            (limiter, running)
        };
        let used = |name: &str| {
            let limiter = live.current();
            let user = [(limiter.fact("user").unwrap(), Value::Str("ada"))];
            let mut limits = limiter.policy().program().limits.iter().enumerate();
            let (position, info) = limits.find(|(_, info)| info.name == name).unwrap();
            let (counter, _) = limiter.counter(position, &user).unwrap();
            limitrate_runtime::store::LocalStore::used(limiter.store(), NOW, counter, &info.algorithm)
                .unwrap()
        };
        // What each version makes of the same reply: 7 tokens, and a status.
        let tokens = [7, 14];
        let refunds: [fn(i64) -> bool; 2] = [|status| status < 400, |status| status >= 500];
        for status in [200, 404, 500] {
            let before = (used("day"), used("tries"));
            let (made_by, running) = decide();
            let (_, reserved) = (live.replace(versions[second].clone()), used("day") - before.0);
            assert_eq!(reserved, [100, 200][first]);
            let (then, later) = decide();
            for (version, limiter, running) in [(first, made_by, running), (second, then, later)] {
                let before = (used("day"), used("tries"));
                let facts = [
                    (limiter.fact("really").unwrap(), Value::Int(7)),
                    (limiter.fact("response.status").unwrap(), Value::Int(status)),
                ];
                let replied = limiter.reply(&running, &facts, NOW);
                assert_eq!(replied.settled.len(), [2, 3][version]);
                assert_eq!(used("day") - before.0, tokens[version] - [100, 200][version]);
                let refund = i64::from(refunds[version](status));
                assert_eq!(used("tries") - before.1, -refund, "{version} {status}");
            }
            live.replace(versions[first].clone());
        }
    }
}

#[tokio::test]
async fn deciding_over_any_store_is_deciding_over_memory() {
    let rules = r#"
        rule r {
          limit a: 3 req/min per user
          limit b: 5 req/h globally using fixed_window
        }
        rule d { if user == "eve" then deny "no" }
    "#;
    let (here, there) = (live(rules), live(rules));
    for round in 0..40 {
        let user = ["ada", "bob", "eve", "cy"][round % 4];
        let now = NOW.after(Nanos::from_secs(7 * i64::try_from(round).unwrap()));
        let (a, b) = (here.current(), there.current());
        let facts = |limiter: &limitrate_runtime::Limiter<Arc<MemoryStore>>| {
            [
                (limiter.fact("user").unwrap(), Value::Str(user)),
                (limiter.fact("method").unwrap(), Value::Str("GET")),
                (limiter.fact("path").unwrap(), Value::Str("/")),
            ]
        };
        let at_once = a.decide_at(&facts(&a), now);
        let facts = facts(&b);
        let waited = b.decide_shared(&facts, Asking { at: Some(now), ..Asking::default() }).await.unwrap();
        assert_eq!(at_once.outcome(), waited.outcome());
        assert_eq!(at_once.retry_after(), waited.retry_after());
        assert_eq!(at_once.message(), waited.message());
        let verdicts = |decision: &limitrate_runtime::Decision<'_>| {
            decision.limits().map(|(info, limit)| (info.name.clone(), limit.verdict)).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(&at_once), verdicts(&waited));
    }
}

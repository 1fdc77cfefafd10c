//! Machine code that is wrong: what callers get, what the embedder is told, and who decides from then on.
#![cfg(feature = "jit")]
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use limitrate_compiler::{
    Engine, Policy, compile,
    policy::{Reason, Scratch, Serving, Stage},
    request::Request,
};
use limitrate_core::{
    facts::{FactId, Value},
    time::Timestamp,
};
use limitrate_runtime::{
    Cause, Limiter, LimiterOptions, Outcome, TrustOptions,
    store::{MemoryOptions, MemoryStore},
    trust::{MAX_MISMATCHES, OnMismatch, warm},
};

const RIGHT: &str = "input { user : key  size : int in 0..1000 = 0 }\n\
                     rule big { if size > 10 then deny \"too big\" }\n\
                     rule api { limit 5 req/min per user }\n";

/// The same facts and sites, and another condition.
const WRONG: &str = "input { user : key  size : int in 0..1000 = 0 }\n\
                     rule big { if size < 10 then deny \"too big\" }\n\
                     rule api { limit 5 req/min per user }\n";

/// Denies by positions that the right policy does not have.
const MORE: &str = "input { user : key  size : int in 0..1000 = 0 }\n\
                    rule big { if size > 10 then deny \"too big\" }\n\
                    rule c { if size < 10 then deny \"c\" }\n\
                    rule d { if size < 9 then deny \"d\" }\n\
                    rule api { limit 5 req/min per user }\n";

const NOW: Timestamp = Timestamp(1_772_452_800_123_456_789);

/// What became of one mismatch: engine, serving, stage, facts, answers.
#[derive(Debug, Clone)]
struct Told {
    engine: Serving,
    serving: Serving,
    stage: Stage,
    facts: String,
    answers: serde_json::Value,
    said: String,
    policy: String,
}

fn policy(text: &str, engine: Engine) -> Policy {
    match compile("test.rl", text.as_bytes(), engine) {
        Ok(accepted) => accepted.policy,
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

/// A policy whose machine code is another's.
fn miscompiled(code: &str) -> Arc<Policy> {
    let miscompiled = policy(RIGHT, Engine::Tiered);
    miscompiled.generate_from(&policy(code, Engine::Tiered));
    assert_eq!(miscompiled.serving(), Serving::Native, "{:?}", miscompiled.interpreted());
    Arc::new(miscompiled)
}

/// A limiter that recomputes one decision in `every`, and what it tells.
fn watched(policy: Arc<Policy>, every: u32, folder: Option<PathBuf>) -> (Limiter, Arc<Mutex<Vec<Told>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = told.clone();
    let on_mismatch = OnMismatch::new(move |mismatch| {
        if let Some(folder) = &folder {
            mismatch.write_to(folder).unwrap();
        }
        tells.lock().unwrap().push(Told {
            engine: mismatch.engine,
            serving: mismatch.serving,
            stage: mismatch.stage,
            facts: mismatch.facts(),
            answers: serde_json::from_str(&mismatch.answers()).unwrap(),
            said: mismatch.to_string(),
            policy: mismatch.policy(),
        });
    });
    let trust = TrustOptions {
        sample_every: every,
        on_mismatch: Some(on_mismatch),
        policy_text: Some(RIGHT.into()),
        ..TrustOptions::default()
    };
    let options = LimiterOptions { secret: 1, instance: 1, trust, ..LimiterOptions::default() };
    (Limiter::with(policy, MemoryStore::new(MemoryOptions::default()), options), told)
}

fn decide(limiter: &Limiter, size: i64) -> (Outcome, Cause) {
    let (user, fact) = (limiter.fact("user").unwrap(), limiter.fact("size").unwrap());
    let decision = limiter.decide_at(&[(user, Value::Str("ada")), (fact, Value::Int(size))], NOW);
    (decision.outcome(), decision.cause().clone())
}

#[test]
fn the_answer_of_the_reference_counts_before_anything_is_charged() {
    let (limiter, told) = watched(miscompiled(WRONG), 1, None);
    // Machine code would deny this one, and let the other pass.
    assert_eq!(decide(&limiter, 3).0, Outcome::Allow);
    assert_eq!(decide(&limiter, 300).0, Outcome::Deny);
    for _ in 0..4 {
        assert_eq!(decide(&limiter, 3).0, Outcome::Allow);
    }
    assert_eq!(decide(&limiter, 3).0, Outcome::Reject, "five were charged, and nothing for what was denied");

    let trust = limiter.trust();
    assert_eq!((trust.serving, trust.interpreted), (Serving::Interpreter, Some(&Reason::Demoted)));
    assert_eq!((trust.sampled, trust.mismatched), (7, 1));
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].engine, told[0].serving), (Serving::Native, Serving::Interpreter));
    assert_eq!(told[0].stage, Stage::Decision);
    assert_eq!(
        told[0].said,
        "machine code decided otherwise than the reference interpreter and was set aside; serving: interpreter"
    );
}

#[test]
fn a_mismatch_has_the_policy_the_request_and_both_answers() {
    let (limiter, told) = watched(miscompiled(WRONG), 1, None);
    decide(&limiter, 3);
    let told = told.lock().unwrap();
    assert_eq!(told[0].policy, RIGHT);
    assert_eq!(told[0].facts, r#"{"size":3,"t":"2026-03-02T12:00:00.123456789Z","user":"ada"}"#);
    let answers = &told[0].answers;
    assert_eq!(answers["schema"], "limitrate/mismatch/v1");
    assert_eq!((&answers["engine"], &answers["stage"]), (&"native".into(), &"decision".into()));
    assert_eq!(answers["found"]["outcome"], "deny");
    assert_eq!(answers["found"]["sites"][0]["name"], "big");
    assert_eq!(answers["expected"]["outcome"], "charges");
    assert_eq!(answers["expected"]["sites"][0]["ceiling"], 5);
}

#[test]
fn files_of_mismatches_are_bounded_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..MAX_MISMATCHES + 3 {
        let (limiter, _) = watched(miscompiled(WRONG), 1, Some(folder.path().to_owned()));
        decide(&limiter, 3);
    }
    let names = || fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names().count(), 3 * MAX_MISMATCHES);
    assert!(names().any(|name| name == "mismatch-15.answers.json"));
    assert_eq!(fs::read_to_string(folder.path().join("mismatch-00.rl")).unwrap(), RIGHT);
    let facts = fs::read_to_string(folder.path().join("mismatch-00.facts.json")).unwrap();
    assert!(facts.ends_with("\"user\":\"ada\"}\n"), "{facts}");
}

#[test]
fn what_cannot_be_an_answer_is_none() {
    let (limiter, told) = watched(miscompiled(MORE), 0, None);
    assert_eq!(decide(&limiter, 3).0, Outcome::Allow);
    assert_eq!(limiter.trust().serving, Serving::Interpreter);
    assert_eq!((limiter.trust().sampled, limiter.trust().mismatched), (0, 1));
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0].answers["found"], &told[0].answers["expected"]), (&().into(), &().into()));
    assert!(told[0].facts.contains("\"user\":\"ada\""), "{}", told[0].facts);
    assert!(told[0].said.starts_with("machine code wrote what it cannot have found"), "{}", told[0].said);
}

#[test]
fn machine_code_that_is_right_is_left_alone() {
    let (limiter, told) = watched(Arc::new(policy(RIGHT, Engine::Native)), 1, None);
    for size in 0..100 {
        decide(&limiter, size);
    }
    assert_eq!(limiter.trust().serving, Serving::Native);
    assert_eq!((limiter.trust().sampled, limiter.trust().mismatched), (100, 0));
    assert!(told.lock().unwrap().is_empty());
}

#[test]
fn a_mistake_is_found_by_samples_too() {
    let (limiter, told) = watched(miscompiled(WRONG), 64, None);
    // The chance that none of so many is looked at is nil: two samples are never further apart than 127 decisions.
    for _ in 0..256 {
        decide(&limiter, 3);
    }
    assert_eq!(limiter.trust().serving, Serving::Interpreter);
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[test]
fn threads_that_find_the_same_mistake_tell_it_once() {
    let (limiter, told) = watched(miscompiled(WRONG), 1, None);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert_ne!(decide(&limiter, 3).0, Outcome::Deny)));
        }
    });
    assert_eq!(told.lock().unwrap().len(), 1);
    assert_eq!(limiter.trust().serving, Serving::Interpreter);
}

#[test]
fn the_reference_is_not_recomputed() {
    let (limiter, _) = watched(Arc::new(policy(RIGHT, Engine::Reference)), 1, None);
    decide(&limiter, 3);
    assert_eq!(limiter.trust().sampled, 0);
    assert_eq!(limiter.trust().interpreted, Some(&Reason::Chosen));
}

#[test]
fn demotion_ends_at_the_reference() {
    let policy = policy(RIGHT, Engine::Native);
    assert!(policy.demote(Serving::Native) && !policy.demote(Serving::Native));
    assert_eq!(policy.serving(), Serving::Interpreter);
    assert!(policy.demote(Serving::Interpreter) && !policy.demote(Serving::Interpreter));
    assert_eq!(policy.serving(), Serving::Reference);
    assert!(!policy.demote(Serving::Reference));
    assert_eq!(policy.interpreted(), Some(&Reason::Demoted));
    policy.generate();
    assert_eq!(policy.serving(), Serving::Reference);
}

/// A request of a user and a size.
struct Sized(i64);

impl Request for Sized {
    fn value(&self, fact: FactId) -> Value<'_> {
        if fact.0 == 0 { Value::Str("ada") } else { Value::Int(self.0) }
    }

    fn now(&self) -> Timestamp {
        NOW
    }
}

#[test]
fn a_tiered_policy_decides_at_once_and_the_same_when_its_code_is_there() {
    let policy = Arc::new(policy(RIGHT, Engine::Tiered));
    let mut scratch = Scratch::default();
    assert_eq!((policy.serving(), policy.interpreted()), (Serving::Interpreter, Some(&Reason::Pending)));
    let before = policy.decide(&Sized(11), &mut scratch);
    warm(policy.clone()).unwrap().wait();
    assert_eq!((policy.serving(), policy.interpreted()), (Serving::Native, None));
    assert!(policy.code_size() > 0);
    assert_eq!(policy.decide(&Sized(11), &mut scratch), before);
}

#[test]
fn a_limiter_waits_for_code_where_it_is_told_to() {
    let trust = TrustOptions { wait_for_code: true, ..TrustOptions::default() };
    let options = LimiterOptions { trust, ..LimiterOptions::default() };
    let policy = Arc::new(policy(RIGHT, Engine::Tiered));
    let limiter = Limiter::with(policy, MemoryStore::new(MemoryOptions::default()), options);
    assert_eq!(limiter.trust().serving, Serving::Native);
}

#[test]
fn a_limiter_sees_to_the_code_of_its_policy() {
    let policy = Arc::new(policy(RIGHT, Engine::Tiered));
    let limiter = Limiter::new(policy.clone());
    assert_eq!(decide(&limiter, 3).0, Outcome::Allow);
    policy.generate(); // waits for the limiter's thread, or does its work
    assert_eq!(limiter.trust().serving, Serving::Native);
    assert_eq!(decide(&limiter, 3).0, Outcome::Allow);
}

#[test]
fn code_that_is_given_up_can_be_asked_for_again() {
    let policy = policy(RIGHT, Engine::Tiered);
    policy.generate_if(|| false);
    assert_eq!(policy.interpreted(), Some(&Reason::Pending));
    policy.generate();
    assert_eq!(policy.interpreted(), None);
}

#[test]
fn dropping_what_warms_a_policy_leaves_the_policy_as_it_is() {
    let policy = Arc::new(policy(RIGHT, Engine::Tiered));
    for _ in 0..20 {
        drop(warm(policy.clone()).unwrap());
    }
    policy.generate();
    assert_eq!(policy.serving(), Serving::Native);
}

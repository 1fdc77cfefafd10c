//! A mismatch written by a service is decided again by `rlc eval`, the way the reference decided it.
#![cfg(feature = "jit")]
#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use std::{fs, process::Command, sync::Arc};

use assert_cmd::cargo::cargo_bin;
use limitrate_compiler::{Engine, Policy, compile};
use limitrate_core::{facts::Value, time::Timestamp};
use limitrate_runtime::{
    Limiter, LimiterOptions, TrustOptions,
    store::{MemoryOptions, MemoryStore},
    trust::OnMismatch,
};

const INPUT: &str = "edition 2026\n\ninput {\n  user : key\n  peer : ip\n  beta : bool = true\n  size : bytes\n  \
                     age  : duration\n  day  : date\n  tier : one of \"a\", \"b\"\n  note : string?\n}\n\n";

fn policy(comparison: char) -> (String, Policy) {
    let rule = format!(
        "rule big {{\n  if size {comparison} 10 B then deny \"too big\"\n  limit 5 req/min per user\n}}\n"
    );
    let text = [INPUT, &rule].concat();
    match compile("test.rl", text.as_bytes(), Engine::Tiered) {
        Ok(accepted) => (text, accepted.policy),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

#[test]
fn what_a_mismatch_wrote_is_decided_again() {
    let folder = tempfile::tempdir().unwrap();
    let (text, right) = policy('>');
    right.generate_from(&policy('<').1);
    let at = folder.path().to_owned();
    let on_mismatch = OnMismatch::new(move |mismatch| {
        mismatch.write_to(&at).unwrap();
    });
    let trust = TrustOptions {
        sample_every: 1,
        policy_text: Some(text.into()),
        on_mismatch: Some(on_mismatch),
        ..TrustOptions::default()
    };
    let options = LimiterOptions { trust, ..LimiterOptions::default() };
    let limiter = Limiter::with(Arc::new(right), MemoryStore::new(MemoryOptions::default()), options);
    let facts = [
        ("user", Value::Str("ada \"the\" first")),
        ("peer", Value::Str("2001:db8::1")),
        ("size", Value::Int(4)),
        ("age", Value::Int(90_000_000_000)),
        ("day", Value::Int(20_000)),
        ("tier", Value::Str("b")),
    ];
    let facts = facts.map(|(name, value)| (limiter.fact(name).unwrap(), value));
    assert!(limiter.decide_at(&facts, Timestamp(1_772_452_800_000_000_001)).outcome().passes());
    assert_eq!(limiter.trust().mismatched, 1);

    let file = |end: &str| folder.path().join(format!("mismatch-00.{end}"));
    let argument = format!("@{}", file("facts.json").display());
    let output = Command::new(cargo_bin!("rlc"))
        .args(["eval", "--format", "json", "--facts", &argument])
        .arg(file("rl"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("left out"), "every fact is one of the policy: {said}");
    let decision: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(decision["outcome"], "allow");
    assert_eq!(decision["limits"][0]["key"]["user"], "ada \"the\" first");
    let answers: serde_json::Value =
        serde_json::from_slice(&fs::read(file("answers.json")).unwrap()).unwrap();
    assert_eq!(answers["expected"]["sites"].as_array().unwrap().len(), 1);
    assert_eq!(answers["found"]["outcome"], "deny");
}

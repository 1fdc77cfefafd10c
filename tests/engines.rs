//! One meaning, two engines: on random well-typed policies and requests, machine code and the interpreter give the same
//! decisions, charge by charge.
#![expect(clippy::panic, reason = "a test stops at the first surprise")]

#[path = "engines/facts.rs"]
mod facts;
#[path = "engines/policy.rs"]
mod policy;

use std::sync::Arc;

use limitrate::{
    compiler::Accepted,
    prelude::*,
    runtime::store::{MemoryOptions, MemoryStore},
};
use proptest::prelude::*;

fn compiled(text: &str, engine: Engine) -> Accepted {
    match limitrate::compile("generated.rl", text.as_bytes(), engine) {
        Ok(accepted) => accepted,
        Err(rejected) => {
            panic!("a generated policy does not compile: {:#?}\n{text}", rejected.diagnostics.sorted())
        }
    }
}

fn limiter(policy: Policy) -> Limiter {
    let options = LimiterOptions { secret: 7, ..LimiterOptions::default() };
    Limiter::with(Arc::new(policy), MemoryStore::new(MemoryOptions::default()), options)
}

/// Everything of a decision that a caller can see.
fn seen(decision: &Decision<'_>) -> String {
    let limits: Vec<String> = decision
        .limits()
        .map(|(info, limit)| format!("{} {} {} {:?}", info.name, limit.ceiling, limit.cost, limit.verdict))
        .collect();
    let rules: Vec<&str> = decision.rules().collect();
    format!("{:?} {} {:?} {rules:?} {limits:?}", decision.outcome(), decision.status(), decision.message())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn machine_code_decides_as_the_interpreter_does(
        text in policy::policy(),
        requests in prop::collection::vec(facts::request(), 1..24),
    ) {
        let native = compiled(&text, Engine::Native);
        let reference = compiled(&text, Engine::Reference);
        prop_assert!(reference.policy.interpreted().is_some());
        if let Some(reason) = native.policy.interpreted() {
            eprintln!("skipped: {reason}");
            return Ok(());
        }
        let (native, reference) = (limiter(native.policy), limiter(reference.policy));
        for request in &requests {
            let facts = request.bind(|name| native.fact(name).expect("a declared fact"));
            let (a, b) = (native.decide_at(&facts, request.now), reference.decide_at(&facts, request.now));
            prop_assert_eq!(seen(&a), seen(&b), "policy:\n{}\nrequest: {:?}", text, request);
        }
    }
}

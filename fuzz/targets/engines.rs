//! Of a text that compiles, every engine says the same as the reference: the interpreter, and machine code that was
//! verified and whose registers were checked. What stands after a zero byte is what requests are made of.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limitrate_compiler::{
    Engine,
    codegen::Options,
    compile,
    outcome::{RawCharge, RawOutcome},
    policy::{Policy, Scratch, Serving},
};
use limitrate_fuzz::request::{Bytes, Made};

/// The most requests that one input makes.
const MAX_REQUESTS: usize = 16;

fn decided(policy: &Policy, request: &Made, scratch: &mut Scratch) -> (RawOutcome, Vec<RawCharge>) {
    let outcome = policy.decide(request, scratch);
    (outcome, scratch.sites.clone())
}

fuzz_target!(|bytes: &[u8]| {
    let (text, rest) = match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, bytes),
    };
    let Ok(accepted) = compile("fuzz.rl", text, Engine::Tiered) else { return };
    let policy = accepted.policy;
    let (mut rest, mut scratch) = (Bytes(rest), Scratch::default());
    let mut requests = Vec::new();
    while requests.is_empty() || (!rest.is_empty() && requests.len() < MAX_REQUESTS) {
        requests.push(Made::new(policy.program(), &mut rest));
    }
    let every = 0..policy.program().settlements.len();
    let mut expected = Vec::new();
    for request in &requests {
        let outcome = policy.decide_by_reference(request, &mut scratch);
        let answer = (outcome, scratch.sites.clone());
        assert_eq!(decided(&policy, request, &mut scratch), answer, "interpreted: {request:?}");
        let mut reports = Vec::new();
        policy.report(request, &mut scratch, &mut reports);
        let mut actual = Vec::new();
        policy.settle(&policy.keep(request), request, every.clone(), &mut scratch, &mut actual);
        expected.push((answer, reports, actual));
    }
    policy.generate_with(&Options::paranoid());
    assert_eq!(policy.serving(), Serving::Native, "{:?}", policy.interpreted());
    for (request, (answer, reports, actual)) in requests.iter().zip(expected) {
        assert_eq!(decided(&policy, request, &mut scratch), answer, "machine code: {request:?}");
        let mut found = Vec::new();
        policy.report(request, &mut scratch, &mut found);
        assert_eq!(found, reports, "machine code: {request:?}");
        let mut settled = Vec::new();
        policy.settle(&policy.keep(request), request, every.clone(), &mut scratch, &mut settled);
        assert_eq!(settled, actual, "machine code: {request:?}");
    }
    assert_eq!(scratch.implausible, None, "machine code wrote what it cannot have found");
    assert_eq!(policy.serving(), Serving::Native);
});

//! Where the system refuses executable memory, a limiter serves interpreted, decides the same, and says why; and nothing
//! is left behind, however often it is tried. Alone in its process, which cannot have executable memory afterwards.
#![cfg(all(feature = "jit", target_os = "linux"))]
#![expect(
    unsafe_code,
    clippy::expect_used,
    clippy::panic,
    reason = "restricts its own process, stops at the first surprise, and says what it leaves out"
)]

use std::{fs, io, sync::Arc};

use limitrate_compiler::{
    Engine, Policy, compile,
    policy::{Reason, Serving},
};
use limitrate_core::facts::Value;
use limitrate_runtime::{Limiter, Outcome, trust::warm};

/// `prctl(2)`: memory that was once writable can no longer become executable. Linux 6.3 and later.
const PR_SET_MDWE: libc::c_int = 65;
const PR_MDWE_REFUSE_EXEC_GAIN: libc::c_ulong = 1;

const POLICY: &str = "input { user : key }\nrule api { limit 2 req/min per user }\n";

fn policy() -> Arc<Policy> {
    match compile("test.rl", POLICY.as_bytes(), Engine::Tiered) {
        Ok(accepted) => Arc::new(accepted.policy),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

/// The number of mappings and the resident pages of this process.
fn footprint() -> (usize, usize) {
    let maps = fs::read_to_string("/proc/self/maps").expect("mappings").lines().count();
    let statm = fs::read_to_string("/proc/self/statm").expect("memory");
    (maps, statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages"))
}

#[test]
fn a_limiter_serves_interpreted_and_says_why() {
    // SAFETY: the call takes rights from this process and touches no memory.
    if unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) } != 0 {
        let error = io::Error::last_os_error();
        assert!(std::env::var_os("CI").is_none(), "this kernel cannot refuse executable memory: {error}");
        eprintln!("SKIPPED: this kernel cannot refuse executable memory: {error}");
        return;
    }
    let policy = policy();
    warm(policy.clone()).expect("a thread").wait();
    let limiter = Limiter::new(policy.clone());
    let trust = limiter.trust();
    assert_eq!(trust.serving, Serving::Interpreter);
    let Some(Reason::Unavailable(why)) = trust.interpreted else { panic!("{trust:?}") };
    assert_eq!(why, "the system refused executable memory");
    assert_eq!(policy.code_size(), 0);
    let user = limiter.fact("user").expect("a declared fact");
    let outcomes = [(); 3].map(|()| limiter.decide(&[(user, Value::Str("ada"))]).outcome());
    assert_eq!(outcomes, [Outcome::Allow, Outcome::Allow, Outcome::Reject]);

    let fail = |times: usize| {
        for _ in 0..times {
            let policy = self::policy();
            policy.generate();
            assert!(matches!(policy.interpreted(), Some(Reason::Unavailable(_))));
        }
    };
    fail(50); // what allocators and the code generator keep for themselves
    let (maps, pages) = footprint();
    fail(1_000);
    let (maps_after, pages_after) = footprint();
    assert!(maps_after <= maps + 8, "{maps} mappings became {maps_after}");
    assert!(pages_after <= pages + 512, "{pages} resident pages became {pages_after}");
}

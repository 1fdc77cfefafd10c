//! A policy whose ceiling changes again and again, over a store that is leased from.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use limitrate_compiler::{Engine, Policy, compile};
use limitrate_core::{facts::Value, time::Nanos};
use limitrate_runtime::{
    Asking, LimiterOptions, LiveLimiter,
    store::{Layered, Store},
};

use crate::{START, memory, options, runtime};

const CEILINGS: [usize; 3] = [5_000, 4_600, 4_900];
const THREADS: usize = 4;

fn policy(ceiling: usize) -> Arc<Policy> {
    let text = format!(
        "input {{ user : key }}\nrule r {{ limit api: {ceiling} req/day per user resets in \"UTC\" overshoot 5% }}\n"
    );
    Arc::new(compile("live.rl", text.as_bytes(), Engine::Interpreter).unwrap().policy)
}

/// How many of so many requests pass.
async fn passing(live: &LiveLimiter<Arc<dyn Store>>, requests: usize) -> usize {
    let mut passing = 0;
    for _ in 0..requests {
        let limiter = live.current();
        let facts = [(limiter.fact("user").unwrap(), Value::Str("ada"))];
        let asking = Asking { at: Some(START), ..Asking::default() };
        let decision = limiter.decide_shared(&facts, asking).await.unwrap();
        passing += usize::from(decision.outcome().passes());
    }
    passing
}

#[test]
fn a_ceiling_that_changes_again_and_again_admits_no_more_than_the_highest_and_loses_nothing() {
    let layered = Arc::new(Layered::untended(memory(), options(1)));
    let store: Arc<dyn Store> = Arc::clone(&layered) as Arc<dyn Store>;
    let on = runtime();
    let live = LiveLimiter::connect(policy(CEILINGS[0]), store, LimiterOptions::default());
    let live = on.block_on(live).unwrap();
    let (admitted, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let on = runtime();
                for _ in 0..100 {
                    admitted.fetch_add(on.block_on(passing(&live, 20)), Relaxed);
                    on.block_on(layered.tend(START));
                }
                done.fetch_add(1, Relaxed);
            });
        }
        scope.spawn(|| {
            let versions = CEILINGS.map(policy);
            let mut turn = 0;
            while turn < 100 || done.load(Relaxed) < THREADS {
                live.replace(versions[turn % versions.len()].clone());
                turn += 1;
            }
        });
    });
    assert!(admitted.load(Relaxed) <= CEILINGS[0], "{admitted:?}");
    // Under the highest ceiling, all that is left is there.
    live.replace(policy(CEILINGS[0]));
    let last = || on.block_on(passing(&live, 2_500));
    let passed = admitted.load(Relaxed) + last();
    on.block_on(layered.tend(START.after(Nanos::from_secs(2))));
    assert_eq!(passed + last(), CEILINGS[0]);
}

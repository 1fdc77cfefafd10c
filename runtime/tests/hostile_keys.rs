//! Keys that callers choose to do harm: they are spread evenly whatever they are, under a secret that callers lack.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

use std::{collections::HashSet, sync::Arc};

use limitrate_compiler::Engine;
use limitrate_core::{
    clock::Clock,
    facts::{FactId, Value},
    key::CounterKey,
    time::Timestamp,
};
use limitrate_runtime::{
    Limiter, LimiterOptions,
    store::{MemoryOptions, MemoryStore},
};

/// How many keys a caller tries.
const KEYS: usize = 100_000;

/// Among how many places they are spread.
const PLACES: usize = 4_096;

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp(1_767_614_400_000_000_000)
    }
}

struct Keyed {
    limiter: Limiter,
    user: FactId,
}

impl Keyed {
    fn new(secret: u64) -> Self {
        let text = b"input { user : key }\nrule api { limit 5 req/min per user }";
        let policy =
            limitrate_compiler::compile("keys.rl", text, Engine::Interpreter).expect("a policy").policy;
        let options = LimiterOptions { clock: Arc::new(Noon), secret, ..LimiterOptions::default() };
        let limiter = Limiter::with(Arc::new(policy), MemoryStore::new(MemoryOptions::default()), options);
        let user = limiter.fact("user").expect("a fact");
        Self { limiter, user }
    }

    fn counter(&self, user: &str) -> u128 {
        let (CounterKey(counter), _) =
            self.limiter.counter(0, &[(self.user, Value::Str(user))]).expect("a limit");
        counter
    }
}

/// The low and the high bits of a counter's name, as a table would use them.
fn places(counter: u128) -> [usize; 2] {
    let place = |bits: u128| usize::try_from(bits % PLACES as u128).expect("a place");
    [place(counter), place(counter >> 64)]
}

/// Checks that no place gets many more keys than another.
#[track_caller]
fn assert_even(what: &str, keyed: &Keyed, users: impl Iterator<Item = String>) {
    let mut loads = [[0_u32; PLACES]; 2];
    let mut seen = HashSet::new();
    for user in users {
        let counter = keyed.counter(&user);
        assert!(seen.insert(counter), "{what}: `{user}` has the counter of another");
        for (load, place) in loads.iter_mut().zip(places(counter)) {
            load[place] += 1;
        }
    }
    let mean = f64::from(u32::try_from(seen.len()).expect("few keys")) / PLACES as f64;
    // Of a Poisson distribution, none of 4096 lies six deviations above the mean.
    let most = mean + 6.0 * mean.sqrt() + 2.0;
    for load in loads.iter().flatten() {
        assert!(f64::from(*load) <= most, "{what}: {load} keys in one place, {mean} on average");
    }
}

#[test]
fn keys_that_are_nearly_alike_are_spread() {
    for secret in [0, 1, u64::MAX] {
        let keyed = Keyed::new(secret);
        assert_even("numbers", &keyed, (0..KEYS).map(|i| i.to_string()));
        assert_even("numbers of one length", &keyed, (0..KEYS).map(|i| format!("{i:016}")));
        let long = "x".repeat(300);
        assert_even("one long beginning", &keyed, (0..KEYS).map(|i| format!("{long}{i}")));
        assert_even("one long end", &keyed, (0..KEYS).map(|i| format!("{i}{long}")));
        assert_even("lengths", &keyed, (0..4_000).map(|i| "a".repeat(i)));
        let flipped = (0..17).flat_map(|a| (0..17).map(move |b| (a, b))).filter(|(a, b)| a <= b);
        let flip = |(a, b): (usize, usize)| {
            (0..17).map(|at| if at == a || at == b { 'b' } else { 'a' }).collect::<String>()
        };
        assert_even("one or two letters differ", &keyed, flipped.map(flip));
    }
}

#[test]
fn keys_aimed_at_one_place_under_one_secret_are_spread_under_another() {
    let known = Keyed::new(1);
    let aimed: Vec<String> = (0..KEYS * 10)
        .map(|i| format!("user-{i}"))
        .filter(|user| places(known.counter(user))[0].is_multiple_of(64))
        .collect();
    assert!(aimed.len() > KEYS / 10, "{}", aimed.len());
    assert_even("aimed keys", &Keyed::new(2), aimed.into_iter());
}

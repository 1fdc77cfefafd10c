//! What `rlc cost` says of round trips is what is seen on the wire: between a Redis Cluster and its clients, for every example, for
//! policies that ask for as many groups as they can, and for random ones.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod counting;
mod policies;
mod requests;

use std::{sync::Arc, time::Duration};

use limitrate::{
    compiler::{cost::Cost, ir::Program, source::Texts},
    core::facts::OwnedValue,
    prelude::*,
    runtime::{
        Asking,
        store::{RequestId, Store},
    },
};
use limitrate_oracle::{
    build::build_for,
    history::{Act, Mentioned, Source},
    random::Random,
    run::text,
};
use tokio::runtime::{Builder, Runtime};

use counting::{Counting, Seen, Watched};
use requests::{examples, facts};

/// After so many decisions another store is connected to: one that is connected for longer looks at what it says of itself again.
const FRESH: usize = 400;

/// Decides by many policies, each over a store that has just connected.
struct Deciding {
    servers: Watched,
    runtime: Runtime,
    store: Arc<Counting>,
    decided: usize,
}

impl Deciding {
    fn over(servers: Watched) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let store = Arc::new(runtime.block_on(servers.connect()));
        Self { servers, runtime, store, decided: 0 }
    }

    /// What each decision of these requests takes.
    fn decide(
        &mut self,
        policy: &Arc<Policy>,
        requests: &[Vec<Option<OwnedValue>>],
        name: Option<u128>,
    ) -> Vec<Seen> {
        if self.decided > FRESH {
            self.store = Arc::new(self.runtime.block_on(self.servers.connect()));
            self.decided = 0;
        }
        self.decided += requests.len();
        let store: Arc<dyn Store> = Arc::<Counting>::clone(&self.store);
        let limiter = Limiter::with(Arc::clone(policy), store, LimiterOptions::default());
        for (number, values) in (0..).zip(requests) {
            let given = (0..).map(FactId).zip(values);
            let given: Vec<_> =
                given.filter_map(|(fact, value)| Some((fact, value.as_ref()?.borrow()))).collect();
            let request = name.map(|name| RequestId(name + number));
            let asking = Asking { deadline: Duration::from_secs(10), request, ..Asking::default() };
            self.runtime.block_on(limiter.decide_shared(&given, asking)).unwrap();
        }
        self.store.seen()
    }
}

/// A decision takes a trip for each group, and no more groups are asked for than the policy is said to ask for at most. A refusal by
/// a later group undoes what those before it took, and may set off blocks elsewhere. A warning is written down once.
#[track_caller]
fn assert_as_told(name: &str, seen: &Seen, most: u64) {
    assert!(seen.groups <= most, "{name}: {seen:?}, at most {most}");
    let undone = seen.refusing.saturating_sub(1) + seen.may_have_warned + seen.blocked;
    let further = if seen.taken { 0 } else { undone };
    let trips = seen.groups..=seen.groups + further;
    let is_as_told = match seen.is_wide {
        true => !seen.taken || seen.trips <= 2 * seen.groups + 1 + seen.warned,
        false => trips.contains(&(seen.trips - seen.warned)),
    };
    assert!(is_as_told, "{name}: {seen:?}");
}

fn most(program: &Program) -> u64 {
    u64::try_from(Cost::of(program).round_trips()).unwrap()
}

/// So many random requests to a policy.
fn requests(program: &Program, count: u64) -> Vec<Vec<Option<OwnedValue>>> {
    let request = |number| {
        let mut random = Random::part(7, number);
        let numbers: Vec<u32> = (0..60).map(|_| u32::try_from(random.below(1 << 20)).unwrap()).collect();
        facts(program, &numbers).values
    };
    (0..count).map(request).collect()
}

#[test]
fn the_examples_take_the_trips_they_are_said_to_cost() {
    let Some(servers) = Watched::cluster() else { return };
    let mut deciding = Deciding::over(servers);
    let mut reached = 0;
    for (name, policy) in examples() {
        let policy = Arc::new(policy);
        let most = most(policy.program());
        let seen = deciding.decide(&policy, &requests(policy.program(), 60), None);
        seen.iter().for_each(|seen| assert_as_told(&name, seen, most));
        let wide = seen.iter().filter(|seen| seen.is_wide).count();
        let highest = seen.iter().map(|seen| seen.groups).max().unwrap_or(0);
        println!("{name}: {highest} of {most}, {} decisions, {wide} not by a script", seen.len());
        reached += u64::from(highest == most);
    }
    assert!(reached >= 10, "{reached}");
}

#[test]
fn policies_take_as_many_trips_as_they_may() {
    let Some(servers) = Watched::cluster() else { return };
    let mut deciding = Deciding::over(servers);
    let branches = "if org == \"a\" then limit a: 100 req/s per org else limit b: 100 req/s per user";
    for (trips, rules) in [
        (1, "limit a: 100 req/s per org  limit b: 100 req/min per org, user  limit c: 90 req/hour per org"),
        (1, branches),
        (2, "limit a: 100 req/s per org  limit b: 100 req/s per user  limit c: 100 req/s per user, org"),
        (2, "limit a: 100 req/s globally  limit b: 200 req/s globally  limit c: 100 req/s per org"),
        (3, "limit a: 100 req/s globally  limit b: 100 req/min per user  limit c: 100 req/s per org"),
        (
            4,
            "limit a: 100 req/s globally  limit b: 99 req/s per user  limit c: 99 req/s per org  limit d: 9 req/s per ip",
        ),
    ] {
        let rules = format!("input {{ org : key  user : key  ip : ip }}\nrule r {{ {rules} }}\n");
        let accepted = limitrate::compile("r.rl", rules.as_bytes(), Engine::Interpreter);
        let policy = Arc::new(accepted.unwrap_or_else(|error| panic!("{rules} {error:?}")).policy);
        assert_eq!(most(policy.program()), trips, "{rules}");
        let seen = deciding.decide(&policy, &requests(policy.program(), 20), None);
        assert!(seen.iter().any(|seen| seen.taken && seen.trips == trips), "{rules} {seen:?}");
        seen.iter().for_each(|seen| assert_as_told(&rules, seen, trips));
    }
}

#[test]
fn random_policies_take_the_trips_they_are_said_to_cost() {
    const POLICIES: u64 = 300;
    let Some(servers) = Watched::cluster() else { return };
    let mut deciding = Deciding::over(servers);
    let (mut decisions, mut wide, mut several) = (0, 0, 0);
    for number in 0..POLICIES {
        let (text, mut random) = text(20_261_122, number);
        let Ok(built) = build_for(&text, &Texts::default(), &[Engine::Interpreter], None) else { continue };
        let policy = &built.policies[0];
        let source = Source::new(policy.program(), Mentioned::of(&built.file));
        let asked = source.history(&mut random, 12).into_iter().filter_map(|step| match step.act {
            Act::Send(facts) => Some(facts),
            Act::Reply { .. } | Act::Release { .. } => None,
        });
        let asked: Vec<_> = asked
            .map(|facts| {
                let mut values = vec![None; policy.program().facts.len()];
                facts.into_iter().for_each(|(fact, value)| values[fact] = Some(value));
                values
            })
            .collect();
        for seen in deciding.decide(policy, &asked, None) {
            assert_as_told(&text, &seen, most(policy.program()));
            decisions += 1;
            wide += u64::from(seen.is_wide);
            several += u64::from(seen.groups > 1);
        }
    }
    println!("{decisions} decisions, {several} over several groups, {wide} not by a script");
    assert!(decisions > 1_000 && several > 200 && wide * 3 < decisions, "{decisions} {several} {wide}");
}

#[test]
fn on_one_node_every_decision_takes_one_trip() {
    let Some(servers) = Watched::node() else { return };
    let mut deciding = Deciding::over(servers);
    for (name, policy) in examples() {
        let policy = Arc::new(policy);
        let asked = requests(policy.program(), 40);
        for seen in deciding.decide(&policy, &asked, None) {
            assert!(seen.is_wide || seen.trips - seen.warned == 1, "{name}: {seen:?}");
        }
        for seen in deciding.decide(&policy, &asked, Some(1)) {
            let most = if seen.is_plain { 1 } else { 2 };
            assert!(seen.is_wide || (1..=most).contains(&seen.trips), "{name}, by name: {seen:?}");
        }
    }
}

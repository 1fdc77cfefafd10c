//! The laws of the language, on random policies.
#![expect(clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use limitrate_compiler::{Engine, source::Texts};
use limitrate_core::time::Timestamp;
use limitrate_oracle::{
    build::{Built, build_for},
    engines::{Event, Player, limiter, memory},
    generate::policy,
    history::{Act, Facts, Mentioned, Source, Step},
    random::Random,
    seen::Seen,
};
use limitrate_runtime::Outcome;
use limitrate_testkit::ModelStore;

const SEED: u64 = 7;
const POLICIES: u64 = 24;
const REQUESTS: usize = 30;

/// A policy with what its histories are made of.
struct Subject {
    text: String,
    built: Built,
    source: Source,
    names: Vec<Box<str>>,
    random: Random,
}

fn compiled(text: &str) -> Option<Built> {
    build_for(text, &Texts::default(), &[Engine::Native], None).ok()
}

fn subjects() -> impl Iterator<Item = Subject> {
    (0..POLICIES).filter_map(|number| {
        let mut random = Random::part(SEED, number);
        let text = policy(&mut random);
        let built = compiled(&text)?;
        let source = Source::new(built.policies[0].program(), Mentioned::of(&built.file));
        let names = source.schema.iter().map(|decl| decl.name.clone()).collect();
        Some(Subject { text, built, source, names, random })
    })
}

fn decided<'p>(event: Event<'p>) -> Option<Box<Seen<'p>>> {
    if let Event::Decided(seen) = event { Some(seen) } else { None }
}

#[test]
fn every_request_is_answered_within_the_bound_that_the_compiler_computed() {
    for mut subject in subjects() {
        let program = subject.built.policies[0].program();
        let limiter = limiter(subject.built.policies[0].clone(), memory());
        let mut player = Player::new(&limiter, &subject.names);
        for step in subject.source.history(&mut subject.random, REQUESTS) {
            let Some(seen) = decided(player.step(&step)) else { continue };
            let most = program.worst_case_charges;
            for charges in
                [seen.limits.len() + seen.shadow.len(), seen.first_pass.len(), seen.second_pass.len()]
            {
                assert!(charges <= most, "{charges} charges of {most}\n{}", subject.text);
            }
        }
    }
}

#[test]
fn the_same_history_gives_the_same_answers() {
    for mut subject in subjects() {
        let steps = subject.source.history(&mut subject.random, REQUESTS);
        let limiters = [0, 1].map(|_| limiter(subject.built.policies[0].clone(), memory()));
        let [mut a, mut b] = limiters.each_ref().map(|limiter| Player::new(limiter, &subject.names));
        for step in &steps {
            assert_eq!(a.step(step), b.step(step), "{}", subject.text);
        }
    }
}

#[test]
fn a_further_deny_or_limit_turns_no_refusal_into_a_pass() {
    let mut refused = 0;
    for mut subject in subjects() {
        for rule in [
            "rule zz { if user != \"bob\" then deny 418 \"more\" }",
            "rule zz { limit zz: 3 req/min per user }",
            "rule aa { limit aa: 1 req/h globally on exceed deny 503 }",
            "rule aa { if user == \"ada\" then { limit aa: 0 req/min per user  deny } }",
        ] {
            let Some(more) = compiled(&format!("{}\n{rule}\n", subject.text)) else { continue };
            let steps = subject.source.history(&mut subject.random, REQUESTS);
            let Some(last) = steps.iter().rposition(|step| matches!(step.act, Act::Send(_))) else {
                continue;
            };
            // Both see the same counters: those that the plain policy left after the history before.
            let answers = [&subject.built, &more].map(|built| {
                let store = memory();
                let before = limiter(subject.built.policies[0].clone(), store.clone());
                let mut player = Player::new(&before, &subject.names);
                for step in &steps[..last] {
                    player.step(step);
                }
                let after = limiter(built.policies[0].clone(), store);
                let seen = decided(Player::new(&after, &subject.names).step(&steps[last]));
                seen.map(|seen| seen.outcome)
            });
            let [Some(plain), Some(with)] = answers else { continue };
            refused += usize::from(!plain.passes());
            assert!(
                plain.passes() || !with.passes(),
                "{plain:?} became {with:?} by {rule}\n{}",
                subject.text
            );
        }
    }
    assert!(refused > 10, "{refused} requests were refused at all");
}

#[test]
fn a_refused_request_changes_no_counter() {
    let mut refused = 0;
    for mut subject in subjects() {
        let store = Arc::new(ModelStore::default());
        let limiter = limiter(subject.built.policies[0].clone(), store.clone());
        let mut player = Player::new(&limiter, &subject.names);
        for step in subject.source.history(&mut subject.random, REQUESTS) {
            let before = store.counted();
            let Some(seen) = decided(player.step(&step)) else { continue };
            if seen.outcome.passes() && seen.outcome != Outcome::Exempt {
                continue;
            }
            refused += 1;
            assert!(store.counted() == before, "{:?} changed a counter\n{}", seen.outcome, subject.text);
        }
    }
    assert!(refused > 40, "{refused} requests were refused or exempt");
}

/// What is used of `spend` after a request with these facts and, where it holds something, its reply.
fn used(text: &str, estimate: i64, actual: i64, waits: i64) -> Option<i64> {
    use limitrate_core::facts::OwnedValue;
    let built = compiled(text).unwrap_or_else(|| panic!("does not compile\n{text}"));
    let store = memory();
    let limiter = limiter(built.policies[0].clone(), store.clone());
    let names: Vec<Box<str>> = ["user", "estimate", "actual", "found"].map(Into::into).into();
    let mut player = Player::new(&limiter, &names);
    let at = |offset: i64| Timestamp(1_767_614_400_000_000_000 + offset);
    let user = || (0, OwnedValue::Str("ada".into()));
    let facts: Facts = vec![user(), (1, OwnedValue::Int(estimate)), (2, OwnedValue::Int(actual))];
    let sent = player.step(&Step { at: at(0), act: Act::Send(facts) });
    let seen = decided(sent).filter(|seen| seen.outcome.passes())?;
    let facts = vec![(3, OwnedValue::Int(actual))];
    player.step(&Step { at: at(waits), act: Act::Reply { back: 0, facts } });
    let program = built.policies[0].program();
    let algorithm = &program.limits[0].algorithm;
    store.used(at(waits), seen.limits[0].counter, algorithm)
}

#[test]
fn what_is_settled_counts_as_if_it_had_been_known_at_admission() {
    const INPUT: &str =
        "input { user : key  estimate : tokens  actual : tokens  found : tokens after response }\n";
    let mut random = Random::new(SEED);
    let mut settled = 0;
    for _ in 0..20 {
        let (estimate, actual) = (random.between(0, 60), random.between(0, 50));
        let waits = random.between(0, 59_000_000_000);
        for using in ["fixed_window", "sliding_log", "sliding_window"] {
            let limit = |cost: &str| {
                format!("{INPUT}rule r {{ limit spend: 60 tokens/min per user using {using} {cost} }}")
            };
            let reserved = used(&limit("reserve estimate settle found"), estimate, actual, waits);
            let known = used(&limit("costing actual"), estimate, actual, waits);
            settled += usize::from(reserved.is_some());
            assert_eq!(reserved, known, "{using}: {actual} for {estimate} after {waits} ns");
        }
    }
    assert!(settled > 40);
}

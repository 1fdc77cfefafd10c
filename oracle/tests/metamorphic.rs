//! Policies that are written differently and mean the same decide the same.
#![expect(clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use std::borrow::Cow;

use limitrate_compiler::{Engine, source::Texts};
use limitrate_core::facts::FactId;
use limitrate_oracle::{
    build::build_for,
    engines::{Event, Player, limiter, memory},
    generate::policy,
    history::{Mentioned, Source},
    random::Random,
    rewrite,
    seen::Seen,
};

const SEED: u64 = 49;
const POLICIES: u64 = 30;
const HISTORIES: usize = 2;
const REQUESTS: usize = 25;

/// A way to write a policy again, with its modules; `None` where there is nothing to write otherwise.
type Rewrite = dyn Fn(&str, &mut Random) -> Option<(String, Texts)>;

/// What of a decision does not depend on the order of the text, nor on what a change of names may change.
fn plain(seen: &Seen<'_>, rename: &dyn Fn(&str) -> String) -> Seen<'static> {
    let mut plain = seen.renamed(rename);
    if plain.problem.take().is_some() {
        plain.message.clear(); // of several malformed facts the first in the text is named
    }
    if plain.rules.len() > 1 {
        plain.message.clear(); // of several statements of one rule the first in the text is reported
        plain.status = 0;
    }
    plain.binding = None; // ties are decided by names, before which a module's name may stand
    for (fact, _) in &mut plain.changes {
        *fact = FactId(0);
    }
    plain
}

/// How many policies could be written otherwise.
fn same(rewrite: &Rewrite, rename: &dyn Fn(&str) -> String) -> usize {
    let mut compared = 0;
    for number in 0..POLICIES {
        let mut random = Random::part(SEED, number);
        let text = policy(&mut random);
        let Some((other, modules)) = rewrite(&text, &mut random) else { continue };
        let Ok(base) = build_for(&text, &Texts::default(), &[Engine::Reference], None) else { continue };
        // Some cannot be: what must come before its use, what a parameter's type narrows.
        let Ok(changed) = build_for(&other, &modules, &[Engine::Native], None) else { continue };
        compared += 1;
        let source = Source::new(base.policies[0].program(), Mentioned::of(&base.file));
        let names: Vec<Box<str>> = source.schema.iter().map(|decl| decl.name.clone()).collect();
        for _ in 0..HISTORIES {
            let limiters = [&base, &changed].map(|built| limiter(built.policies[0].clone(), memory()));
            let [mut a, mut b] = limiters.each_ref().map(|limiter| Player::new(limiter, &names));
            for step in source.history(&mut random, REQUESTS) {
                let (Event::Decided(a), Event::Decided(b)) = (a.step(&step), b.step(&step)) else { continue };
                let (a, b) = (plain(&a, &|name| name.to_owned()), plain(&b, rename));
                if a != b {
                    panic!("seed {SEED} policy {number}\n{text}\n----\n{other}\n{step:?}\n{a:#?}\n{b:#?}");
                }
            }
        }
    }
    compared
}

fn unchanged(name: &str) -> String {
    name.to_owned()
}

#[test]
fn the_order_of_items_means_nothing() {
    let compared =
        same(&|text, random| Some((rewrite::permuted_items(text, random), Texts::default())), &unchanged);
    assert!(compared > 10);
}

#[test]
fn the_order_of_statements_means_nothing() {
    let compared = same(
        &|text, random| Some((rewrite::permuted_statements(text, random), Texts::default())),
        &unchanged,
    );
    assert!(compared > 10);
}

#[test]
fn names_mean_nothing_but_themselves() {
    let back = |name: &str| name.trim_start_matches('x').to_owned();
    let again = |text: &str, _: &mut Random| {
        let mut other = text.to_owned();
        for kind in ["rule", "limit", "let", "fn", "set", "table", "hours", "days", "p"] {
            // Whom a rule is rolled out to depends on its name.
            if kind != "rule" || !text.contains("rollout") {
                other = rewrite::renamed(&other, kind);
            }
        }
        Some((other, Texts::default()))
    };
    assert!(same(&again, &back) > 10);
}

#[test]
fn a_function_is_what_it_stands_for() {
    assert!(same(&|text, _| Some((rewrite::inlined_functions(text)?, Texts::default())), &unchanged) > 3);
}

#[test]
fn a_let_is_what_it_stands_for() {
    assert!(same(&|text, _| Some((rewrite::inlined_lets(text)?, Texts::default())), &unchanged) > 3);
}

#[test]
fn a_rule_is_its_halves_under_a_condition_and_its_opposite() {
    for condition in ["user == \"ada\"", "now < 2026-01-05T12:00:05Z", "not (user in {\"bob\", \"eve\"})"] {
        assert!(same(&|text, _| Some((rewrite::split(text, condition), Texts::default())), &unchanged) > 10);
    }
}

#[test]
fn a_conjunction_is_one_condition_in_the_other() {
    assert!(same(&|text, _| Some((rewrite::nested(text)?, Texts::default())), &unchanged) > 3);
}

#[test]
fn a_module_means_what_it_says_wherever_it_is_used() {
    let again = move |text: &str, _: &mut Random| {
        if text.contains("rollout") {
            return None; // whom a rule is rolled out to depends on its qualified name
        }
        let (own, module) = rewrite::wrapped(text);
        Some((own, Texts::default().with(rewrite::MODULE, module)))
    };
    let back = |name: &str| {
        let name: Cow<'_, str> = name.into();
        name.strip_prefix("wrapped.").unwrap_or(&name).to_owned()
    };
    assert!(same(&again, &back) > 10);
}

//! Selecting sites through an index changes nothing, with or without machine code, and stays linear for policies that are
//! made to defeat it.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

#[path = "index/adverse.rs"]
mod adverse;
#[path = "index/world.rs"]
mod world;

use limitrate_compiler::{
    Engine, Policy,
    index::Summary,
    outcome::{RawCharge, RawOutcome},
    policy::{Choice, Options, Scratch},
};
use proptest::prelude::*;
use world::{Given, condition, program, request, site};

fn policy(sites: &[world::Site], engine: Engine, choice: Choice) -> Policy {
    let policy = Policy::with_options(program(sites), engine, Options { choice, ..Options::default() });
    policy.generate();
    policy
}

/// The policy over an index, with code of every level of optimisation and every assignment of registers.
#[cfg(feature = "jit")]
fn of_every_setting(sites: &[world::Site]) -> Vec<Policy> {
    use limitrate_compiler::codegen::{self, OptLevel, Regalloc};
    let settings = OptLevel::ALL.into_iter().flat_map(|opt_level| {
        Regalloc::ALL.map(|regalloc| codegen::Options {
            opt_level,
            regalloc,
            verify: true,
            regalloc_checker: true,
        })
    });
    let policies = settings.map(|codegen| {
        let options = Options { choice: Choice::Indexed, codegen };
        let policy = Policy::with_options(program(sites), Engine::Native, options);
        policy.generate();
        assert_eq!(policy.interpreted(), None, "machine code on this platform");
        policy
    });
    policies.collect()
}

type Answer = (RawOutcome, Vec<RawCharge>, Vec<u32>, Vec<Option<i64>>);

/// Everything that a policy says of a request.
fn answer(policy: &Policy, request: &Given, scratch: &mut Scratch) -> Answer {
    let outcome = policy.decide(request, scratch);
    let sites = scratch.sites.clone();
    let (mut reports, mut settled) = (Vec::new(), Vec::new());
    policy.report(request, scratch, &mut reports);
    let all = 0..policy.program().settlements.len();
    policy.settle(&policy.keep(request), request, all, scratch, &mut settled);
    (outcome, sites, reports, settled)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn every_engine_and_selection_says_the_same(
        sites in prop::collection::vec(site(), 0..40),
        requests in prop::collection::vec(request(), 1..12),
    ) {
        let reference = policy(&sites, Engine::Reference, Choice::Measured);
        let others: Vec<Policy> = [Engine::Interpreter, Engine::Native]
            .into_iter()
            .flat_map(|engine| [Choice::Straight, Choice::Indexed].map(|choice| policy(&sites, engine, choice)))
            .collect();
        let (mut scratch, mut of_reference) = (Scratch::default(), Scratch::default());
        for request in &requests {
            let expected = answer(&reference, request, &mut of_reference);
            for other in &others {
                prop_assert_eq!(&answer(other, request, &mut scratch), &expected, "{}\n{:#?}", reference.program(), other.plan());
            }
        }
    }

    #[cfg(feature = "jit")]
    #[test]
    fn shared_bodies_say_the_same_at_every_setting_of_the_code_generator(
        sites in prop::collection::vec(site(), 1..12),
        requests in prop::collection::vec(request(), 1..6),
    ) {
        let reference = policy(&sites, Engine::Reference, Choice::Measured);
        let (mut scratch, mut of_reference) = (Scratch::default(), Scratch::default());
        for other in of_every_setting(&sites) {
            for request in &requests {
                let expected = answer(&reference, request, &mut of_reference);
                prop_assert_eq!(&answer(&other, request, &mut scratch), &expected, "{}", reference.program());
            }
        }
    }

    #[test]
    fn many_sites_of_few_conditions_say_the_same(
        conditions in prop::collection::vec(condition(), 1..6),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), 0_i64..3), 100..600),
        requests in prop::collection::vec(request(), 1..12),
    ) {
        let of = |pick: &prop::sample::Index| conditions[pick.index(conditions.len())].clone();
        let sites: Vec<world::Site> = picks.iter().map(|(pick, computed, amount)| (4, of(pick), *computed, *amount)).collect();
        let reference = policy(&sites, Engine::Reference, Choice::Measured);
        let indexed = policy(&sites, Engine::Native, Choice::Measured);
        let is_indexed = matches!(indexed.plan(), Summary::Indexed { .. });
        prop_assert!(is_indexed);
        let (mut scratch, mut of_reference) = (Scratch::default(), Scratch::default());
        for request in &requests {
            prop_assert_eq!(answer(&indexed, request, &mut scratch), answer(&reference, request, &mut of_reference));
        }
    }

    #[test]
    fn nodes_on_demand_come_to_what_the_reference_evaluates(
        sites in prop::collection::vec(site(), 1..20),
        request in request(),
    ) {
        let policy = policy(&sites, Engine::Interpreter, Choice::Indexed);
        let program = policy.program();
        let mut values = limitrate_compiler::interpret::Values::default();
        values.evaluate(program, &policy.frame(&request));
        let wanted: Vec<_> = (0..program.nodes.len()).filter_map(|at| u32::try_from(at).ok()).map(limitrate_compiler::ir::NodeId).collect();
        let mut scratch = Scratch::default();
        let found = policy.evaluate(&request, &wanted, &mut scratch);
        for node in wanted {
            prop_assert_eq!(found.get(node), values.get(node), "{:?}", node);
        }
    }
}

//! `rlc cost`: what a request takes, what each limit admits at worst, and the memory of its counters.

mod document;
mod keys;
mod selection;
mod show;

use std::{collections::BTreeSet, path::PathBuf};

use limitrate_compiler::{
    Accepted, Engine,
    cost::{Cost, KeyCounts, LimitCost},
    ir::{LimitInfo, Program},
};
use limitrate_core::facts::FactId;

use crate::{args::Format, escape, exit::Exit, policy, source, ui::Ui};

use self::keys::Values;

pub(super) const FORMATS: &[Format] = &[Format::Text, Format::Json];

/// The arguments of `rlc cost`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Policies, and directories to search for *.rl files; `-` is the standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,

    /// How many different values facts have, as in user=1M,org=10k
    #[arg(long, value_name = "FACT=N", value_delimiter = ',')]
    keys: Vec<Values>,
}

/// A policy with what it costs.
struct Costed {
    name: String,
    accepted: Accepted,
    cost: Cost,
    memory: Option<Memory>,
}

/// The memory of all counters, for so many keys as were given.
struct Memory {
    /// For each limit of the cost, its keys, or the facts whose number is not known.
    keys: Vec<Result<u64, BTreeSet<FactId>>>,
    /// All limits whose keys are known: each key charged once, and each at its ceiling.
    least: u64,
    most: u64,
}

/// Prints what each policy costs.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    let (paths, mut exit) = source::find(&args.paths, ui);
    let mut policies = Vec::new();
    for path in &paths {
        // What machine code would decide, without waiting for it.
        match policy::load(path, Engine::Tiered, ui) {
            Ok(accepted) => policies.push((escape::path(path), accepted)),
            // Of a document, what is wrong with one policy is the whole.
            Err(failed) if ui.format() == Format::Json => return exit.max(failed),
            Err(failed) => exit = exit.max(failed),
        }
    }
    if let Some(unknown) = args.keys.iter().find(|values| {
        !policies.iter().any(|(_, accepted)| fact(accepted.policy.program(), &values.fact).is_some())
    }) {
        if !policies.is_empty() {
            ui.error(no_fact(unknown, &policies));
        }
        return exit.max(Exit::Usage);
    }
    let costed: Vec<Costed> =
        policies.into_iter().map(|(name, accepted)| costed(name, accepted, &args.keys)).collect();
    if ui.format() == Format::Json {
        ui.json(&document::document(&costed));
    } else {
        show::policies(&costed, ui);
    }
    exit
}

fn costed(name: String, accepted: Accepted, values: &[Values]) -> Costed {
    let program = accepted.policy.program();
    let cost = Cost::of(program);
    let memory = (!values.is_empty()).then(|| memory(program, &cost, values));
    Costed { name, cost, memory, accepted }
}

fn memory(program: &Program, cost: &Cost, values: &[Values]) -> Memory {
    let mut counts = KeyCounts::default();
    for value in values {
        if let Some(fact) = fact(program, &value.fact) {
            counts.set(fact, value.number);
        }
    }
    let keys = cost.limits.iter().map(|limit| match info(program, limit) {
        Some(info) => counts.keys(program, info),
        None => Ok(0),
    });
    let mut memory = Memory { keys: keys.collect(), least: 0, most: 0 };
    for (keys, limit) in memory.keys.iter().zip(&cost.limits) {
        let keys = keys.as_ref().copied().unwrap_or(0);
        memory.least = memory.least.saturating_add(keys.saturating_mul(limit.state.least));
        memory.most = memory.most.saturating_add(keys.saturating_mul(limit.state.most));
    }
    memory
}

fn info<'p>(program: &'p Program, limit: &LimitCost) -> Option<&'p LimitInfo> {
    program.limits.get(limit.limit.0 as usize)
}

/// The fact of this name.
fn fact(program: &Program, name: &str) -> Option<FactId> {
    let named = program.facts.iter().zip((0..).map(FactId));
    named.filter(|(fact, _)| *fact.decl.name == *name).map(|(_, id)| id).next()
}

fn fact_name(program: &Program, fact: FactId) -> &str {
    program.facts.get(usize::from(fact.0)).map_or("", |fact| &fact.decl.name)
}

/// Says which facts there are to count.
fn no_fact(values: &Values, policies: &[(String, Accepted)]) -> String {
    let programs = policies.iter().map(|(_, accepted)| accepted.policy.program());
    let names: BTreeSet<&str> = programs
        .flat_map(|program| {
            let parts = program.limits.iter().flat_map(|limit| &limit.keys);
            let facts = parts.flat_map(|part| &part.alternatives).flat_map(|source| source.facts());
            facts.map(|fact| fact_name(program, fact)).collect::<Vec<_>>()
        })
        .collect();
    let known = match names.len() {
        0 => "no limit has a key".to_owned(),
        _ => format!("the keys are made of {}", names.into_iter().collect::<Vec<_>>().join(", ")),
    };
    format!("--keys: there is no fact `{}`; {known}", escape::line(&values.fact))
}

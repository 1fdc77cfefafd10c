//! RL1006: two rules that do the same under the same conditions.
//!
//! Compared as lowered, where equal conditions and values are one node whatever they were written like. Names of limits
//! and reasons of exemptions do not tell rules apart: what requests meet does.

use hashbrown::HashMap;
use limitrate_grammar::{code::Code, diagnostic::Diagnostic};

use crate::ir::{NodeId, OriginKind, Program};

pub(super) fn lint(program: &Program) -> Vec<Diagnostic> {
    let mut first: HashMap<Vec<String>, usize> = HashMap::new();
    let mut found = Vec::new();
    for (position, does) in effects(program).into_iter().enumerate() {
        let Some(origin) = program.origins.get(position) else { continue };
        if origin.kind != OriginKind::Rule || does.is_empty() {
            continue;
        }
        let earlier = *first.entry(does).or_insert(position);
        let Some(twin) = program.origins.get(earlier).filter(|_| earlier != position) else { continue };
        let message = format!("the rule `{}` does what `{}` does", origin.name, twin.name);
        found.push(
            Diagnostic::new(Code::RL1006, message, origin.span, "the same again")
                .label(twin.span, "the first of the two")
                .help("delete one of them; all rules that match apply, so the second changes nothing"),
        );
    }
    found
}

/// Of each origin, whether another acts under the same conditions: only then is it worth looking at what they do.
fn twins(program: &Program) -> Vec<bool> {
    let mut conditions: Vec<Vec<(u8, NodeId)>> = vec![Vec::new(); program.origins.len()];
    let denies = program.denies.iter().map(|site| (site.origin, (0, site.when)));
    let exempts = program.exempts.iter().map(|site| (site.origin, (1, site.when)));
    let reports = program.reports.iter().map(|site| (site.origin, (2, site.when)));
    let charges = program.charges.iter().map(|site| (site.origin, (3, site.when)));
    for (origin, condition) in denies.chain(exempts).chain(reports).chain(charges) {
        if let Some(of_origin) = conditions.get_mut(origin) {
            of_origin.push(condition);
        }
    }
    let mut counts: HashMap<&[(u8, NodeId)], usize> = HashMap::new();
    for of_origin in &mut conditions {
        of_origin.sort_unstable();
    }
    for of_origin in &conditions {
        *counts.entry(of_origin).or_default() += 1;
    }
    conditions.iter().map(|of_origin| counts.get(&**of_origin).is_some_and(|count| *count > 1)).collect()
}

/// What each origin that may be another's twin does, in words that are equal where the doing is.
fn effects(program: &Program) -> Vec<Vec<String>> {
    let twins = twins(program);
    let is_twin = |origin: usize| twins.get(origin).copied().unwrap_or(false);
    let mut effects = vec![Vec::new(); program.origins.len()];
    let mut add = |origin: usize, effect: String| {
        if let Some(of_origin) = effects.get_mut(origin) {
            of_origin.push(effect);
        }
    };
    for site in program.denies.iter().filter(|site| is_twin(site.origin)) {
        add(site.origin, format!("deny {:?} {} {:?}", site.when, site.status, site.message));
    }
    for site in program.exempts.iter().filter(|site| is_twin(site.origin)) {
        add(site.origin, format!("exempt {:?}", site.when));
    }
    for site in program.reports.iter().filter(|site| is_twin(site.origin)) {
        add(site.origin, format!("report {:?} {}", site.when, site.deny));
    }
    for site in program.charges.iter().filter(|site| is_twin(site.origin)) {
        let Some(limit) = program.limits.get(site.limit.0 as usize) else { continue };
        let settled = site.settle.and_then(|(at, lease)| Some((program.settlements.get(at)?, lease)));
        add(
            site.origin,
            format!(
                "limit {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {settled:?} {:?} {:?} {:?} {:?}",
                site.when,
                limit.unit,
                limit.keys,
                site.algorithm,
                site.ceiling,
                site.cost,
                site.burst,
                site.starting,
                site.fail,
                site.mode,
                site.warn,
                site.exceed,
                site.block,
                site.overshoot,
            ),
        );
    }
    for of_origin in &mut effects {
        of_origin.sort_unstable();
    }
    effects
}

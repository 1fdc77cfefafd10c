//! RL1006: two rules that do the same under the same conditions.
//!
//! Compared as lowered, where equal conditions and values are one node whatever they were written like. Names of limits
//! and reasons of exemptions do not tell rules apart: what requests meet does.

use std::collections::HashMap;

use limitrate_grammar::{code::Code, diagnostic::Diagnostic};

use crate::ir::{OriginKind, Program};

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

/// What each origin does, in words that are equal where the doing is.
fn effects(program: &Program) -> Vec<Vec<String>> {
    let mut effects = vec![Vec::new(); program.origins.len()];
    let mut add = |origin: usize, effect: String| {
        if let Some(of_origin) = effects.get_mut(origin) {
            of_origin.push(effect);
        }
    };
    for site in &program.denies {
        add(site.origin, format!("deny {:?} {} {:?}", site.when, site.status, site.message));
    }
    for site in &program.exempts {
        add(site.origin, format!("exempt {:?}", site.when));
    }
    for site in &program.reports {
        add(site.origin, format!("report {:?} {}", site.when, site.deny));
    }
    for site in &program.charges {
        let Some(limit) = program.limits.get(site.limit.0 as usize) else { continue };
        let settled = site.settle.and_then(|(at, lease)| Some((program.settlements.get(at)?, lease)));
        add(
            site.origin,
            format!(
                "limit {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {settled:?} {:?} {:?} {:?}",
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
            ),
        );
    }
    for of_origin in &mut effects {
        of_origin.sort_unstable();
    }
    effects
}

//! What policies cost, as people read it.

use limitrate_compiler::{
    Policy,
    checked::Counted,
    cost::{Admitted, Formula, LimitCost, RouteCost, Unbounded},
    ir::LimitInfo,
};
use limitrate_core::{
    charge::Fail,
    literal::{write_amount, write_count, write_duration, write_percent},
    time::Nanos,
};

use super::{Costed, fact_name, info, selection::Selection};
use crate::{
    escape,
    figures::{bytes, count, many},
    place::Where,
    render::wrap,
    ui::{Style, Ui},
};

/// Of more routes than this, those that take most are shown.
const MAX_ROUTES: usize = 16;

/// All of a ceiling, in parts per million.
const WHOLE: i64 = 1_000_000;

/// What stands before the lines about a limit: as wide as the longest of their first words.
const LABEL: usize = 8;

/// Prints each policy.
pub(super) fn policies(policies: &[Costed], ui: &mut Ui) {
    for (at, costed) in policies.iter().enumerate() {
        if at > 0 {
            ui.line("");
        }
        if policies.len() > 1 {
            let name = ui.paint().style(Style::Strong, &costed.name).to_string();
            ui.line(format_args!("{name}\n"));
        }
        routes(&costed.cost.routes, ui);
        let places = Where::new(&costed.accepted.sources);
        for (at, cost) in costed.cost.limits.iter().enumerate() {
            limit(costed, at, cost, &places, ui);
        }
        ui.line(format_args!("\n{}", summary(costed)));
    }
}

/// A line for each route, with what one of its requests takes at most.
fn routes(routes: &[RouteCost], ui: &mut Ui) {
    let mut shown: Vec<&RouteCost> = routes.iter().collect();
    let hidden = shown.len().saturating_sub(MAX_ROUTES);
    if hidden > 0 {
        shown.sort_by_key(|route| std::cmp::Reverse((route.charges, route.round_trips, route.steps)));
        shown.truncate(MAX_ROUTES);
    }
    let name = |route: &RouteCost| match &route.target {
        Some(target) => escape::line(&format!("{} {}", target.verb.word(), target.pattern)).into_owned(),
        None if routes.len() == 1 => "any request".to_owned(),
        None => "any other request".to_owned(),
    };
    let names: Vec<String> = shown.iter().map(|route| name(route)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("at most".len());
    let head = format!("{:width$}  charges  round trips  steps", "at most");
    ui.line(ui.paint().style(Style::Strong, head).to_string());
    for (name, route) in names.iter().zip(shown) {
        ui.line(format_args!(
            "{name:width$}  {:>7}  {:>11}  {:>5}",
            route.charges, route.round_trips, route.steps
        ));
    }
    if hidden > 0 {
        ui.line(format_args!(
            "and {}, none of which takes more",
            many(hidden as u64, "more route", "more routes")
        ));
    }
}

/// What a limit counts, and below it what it admits, what it does alone, and what it takes.
fn limit(costed: &Costed, at: usize, cost: &LimitCost, places: &Where<'_>, ui: &mut Ui) {
    let Some(info) = info(costed.accepted.policy.program(), cost) else { return };
    let key = if info.counter.key.is_empty() {
        "globally".to_owned()
    } else {
        format!("per {}", info.counter.key.join(", "))
    };
    let shadow = if info.shadow { ", in shadow" } else { "" };
    let name = ui.paint().style(Style::Strong, escape::line(&info.name)).to_string();
    let place = ui.paint().style(Style::Dim, places.at(cost.span)).to_string();
    let what = escape::line(&format!("{key}, {}{shadow}", info.word)).into_owned();
    ui.line(format_args!("\n{name}  {what}  {place}"));
    field("admits", &admits(info, cost), ui);
    if !matches!(cost.admitted, Admitted::Anything(_)) {
        field("alone", &alone(cost.away), ui);
    }
    field("memory", &memory(costed, at, cost), ui);
}

fn field(label: &str, text: &str, ui: &mut Ui) {
    let width = ui.width().saturating_sub(LABEL + 2).max(24);
    for (at, line) in wrap(text, width).into_iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        ui.line(format_args!("  {label:LABEL$}{line}"));
    }
}

/// `119 req in any 1 min: just short of twice the ceiling of 60 req`
fn admits(info: &LimitInfo, cost: &LimitCost) -> String {
    let amount = |value: i64| match info.unit {
        Counted::Unit(unit) => write_amount(value, unit).to_string(),
        Counted::InFlight => write_count(value).to_string(),
    };
    let ceiling = match cost.ceiling {
        Some((low, high)) if low == high => format!(" of {}", amount(high)),
        Some((_, high)) => format!(" of at most {}", amount(high)),
        None => ", which the request says".to_owned(),
    };
    let leased = match cost.overshoot {
        0 => String::new(),
        share => format!(", and {} of it that instances may have leased before", write_percent(share)),
    };
    let settled =
        if cost.settles { "; on top comes what replies settle above their reservations" } else { "" };
    match cost.admitted {
        Admitted::Within { span, most, formula } => {
            let window = stretch(span);
            let most = most.map_or_else(|| "no fixed amount".to_owned(), amount);
            match formula {
                Formula::Ceiling => {
                    format!("{most} in any {window}: the ceiling, to the last one{leased}{settled}")
                }
                Formula::TwiceLessOne | Formula::Twice | Formula::CeilingAndBurst => {
                    format!("{most} in any {window}: {}{ceiling}{leased}{settled}", formula_words(formula))
                }
            }
        }
        Admitted::AtOnce { most } => {
            let most = most.map_or_else(|| "as many as the request says".to_owned(), amount);
            format!("{most} at any one instant, and any number one after the other")
        }
        Admitted::Anything(Unbounded::Soft) => {
            "anything: what does not fit is taken, and reported".to_owned()
        }
        Admitted::Anything(Unbounded::Shadow) => "anything: it only reports".to_owned(),
    }
}

const fn formula_words(formula: Formula) -> &'static str {
    match formula {
        Formula::Ceiling => "the ceiling",
        Formula::TwiceLessOne => "just short of twice the ceiling",
        Formula::Twice => "around a window's edge twice the ceiling",
        Formula::CeilingAndBurst => "a full bucket and what flows into it, with a ceiling",
    }
}

/// `28 days`, `23 h`, `1 min`
fn stretch(span: Nanos) -> String {
    const DAY: i64 = 86_400_000_000_000;
    if span.0 > DAY && span.0 % DAY == 0 {
        many(u64::try_from(span.0 / DAY).unwrap_or(0), "day", "days")
    } else {
        write_duration(span).to_string()
    }
}

/// What happens while the store is away.
fn alone(away: Fail) -> String {
    match away {
        Fail::Open => "without the store everything passes".to_owned(),
        Fail::Closed => "without the store nothing passes".to_owned(),
        Fail::Local(WHOLE) => "without the store each instance admits that by itself".to_owned(),
        Fail::Local(share) => {
            format!("without the store each instance admits {} of that by itself", write_percent(share))
        }
    }
}

/// `54 bytes a key, 51.5 MiB for 1,000,000 keys`
fn memory(costed: &Costed, at: usize, cost: &LimitCost) -> String {
    let state = cost.state;
    let mut text = if state.least == state.most {
        format!("{} a key", bytes(state.least))
    } else {
        format!("{} to {} a key", bytes(state.least), bytes(state.most))
    };
    if let Some(keys) = costed.memory.as_ref().and_then(|memory| memory.keys.get(at)) {
        match keys {
            Ok(keys) => {
                let (least, most) = (keys.saturating_mul(state.least), keys.saturating_mul(state.most));
                let all =
                    if least == most { bytes(most) } else { format!("{} to {}", bytes(least), bytes(most)) };
                text.push_str(&format!(", {all} for {}", many(*keys, "key", "keys")));
            }
            Err(unknown) => {
                let program = costed.accepted.policy.program();
                let names: Vec<String> =
                    unknown.iter().map(|fact| format!("{}=N", fact_name(program, *fact))).collect();
                text.push_str(&format!("; how many keys, --keys {} would tell", names.join(",")));
            }
        }
    }
    if state.reservation > 0 {
        text.push_str(&format!("; {} for each open reservation", bytes(state.reservation)));
    }
    text
}

/// `4 limits: at most 4 charges, 1 round trip to a shared store and 31 steps a request`
fn summary(costed: &Costed) -> String {
    let number = |value: usize, one: &str, more: &str| many(value as u64, one, more);
    let cost = &costed.cost;
    let mut text = format!(
        "{}: at most {}, {} and {} a request\n{}",
        number(cost.limits.len(), "limit", "limits"),
        number(cost.charges(), "charge", "charges"),
        number(cost.round_trips(), "round trip to a shared store", "round trips to a shared store"),
        number(cost.steps(), "step", "steps"),
        decided(&costed.accepted.policy),
    );
    if let Some(memory) = &costed.memory {
        let unknown = memory.keys.iter().filter(|keys| keys.is_err()).count();
        let all = if memory.least == memory.most {
            bytes(memory.most)
        } else {
            format!("{} to {}", bytes(memory.least), bytes(memory.most))
        };
        text.push_str(&format!("\ncounters in memory: {all}"));
        if unknown > 0 {
            text.push_str(&format!(
                ", without {}",
                number(unknown, "limit of unknown keys", "limits of unknown keys")
            ));
        }
    }
    text
}

/// How the policy is decided.
fn decided(policy: &Policy) -> String {
    let program = policy.program();
    format!(
        "decided over {} of the request, {} and {}\n{}",
        many(program.slots.len() as u64, "reading", "readings"),
        many(program.nodes.len() as u64, "condition or value", "conditions and values"),
        count((program.denies.len() + program.exempts.len() + program.charges.len()) as u64) + " statements",
        Selection::of(program, &policy.plan()).words(),
    )
}

//! `limitrate/cost/v1`: what policies cost, for programs.

use limitrate_compiler::{
    checked::Counted,
    cost::{Admitted, Formula, LimitCost, RouteCost, Unbounded},
};
use limitrate_core::charge::Fail;
use serde::Serialize;

use super::{Costed, fact_name, info, selection::Selection};
use crate::json::{Place, Places};

#[derive(Debug, Serialize)]
pub(super) struct Document {
    schema: &'static str,
    policies: Vec<Policy>,
}

#[derive(Debug, Serialize)]
struct Policy {
    file: String,
    /// What one request takes at most.
    charges: usize,
    round_trips: usize,
    steps: usize,
    /// How the statements that concern a request are found.
    selection: Selection,
    routes: Vec<Route>,
    limits: Vec<Limit>,
    /// What all counters take; null where no number of keys was given.
    memory: Option<Memory>,
}

/// What one request to a route takes at most.
#[derive(Debug, Serialize)]
struct Route {
    /// Null, as the path is, for requests that no rule names.
    method: Option<&'static str>,
    path: Option<String>,
    charges: usize,
    round_trips: usize,
    steps: usize,
}

#[derive(Debug, Serialize)]
struct Limit {
    name: String,
    shadow: bool,
    unit: String,
    algorithm: &'static str,
    key: Vec<String>,
    /// In base units; null where the request says how much.
    lowest_ceiling: Option<i64>,
    highest_ceiling: Option<i64>,
    admits: Admits,
    /// `open`, `closed` or `local`.
    without_store: &'static str,
    /// The share of its ceiling that each instance then admits, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_percent: Option<f64>,
    /// How much of the ceiling instances may have leased at once, in percent; what it admits includes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    overshoot_percent: Option<f64>,
    /// Whether replies may settle above what was reserved, which comes on top of what it admits.
    settles: bool,
    bytes_per_key: Bytes,
    bytes_per_reservation: u64,
    /// The most keys; null where their number is not known.
    keys: Option<u64>,
    #[serde(flatten)]
    place: Place,
}

/// What is let through at worst.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Admits {
    Within { window_ms: f64, most: Option<i64>, bound: &'static str },
    AtOnce { most: Option<i64> },
    Anything { because: &'static str },
}

/// With one charge for each key, and with each key at its ceiling.
#[derive(Debug, Serialize)]
struct Bytes {
    least: u64,
    most: u64,
}

#[derive(Debug, Serialize)]
struct Memory {
    #[serde(flatten)]
    bytes: Bytes,
    /// The facts whose number would have to be known to count the rest.
    unknown: Vec<String>,
}

pub(super) fn document(policies: &[Costed]) -> Document {
    Document { schema: "limitrate/cost/v1", policies: policies.iter().map(policy).collect() }
}

fn policy(costed: &Costed) -> Policy {
    let program = costed.accepted.policy.program();
    let mut places = Places::new(&costed.accepted.sources);
    let limits = costed.cost.limits.iter().enumerate();
    let limits = limits.filter_map(|(at, cost)| limit(costed, at, cost, &mut places));
    let memory = costed.memory.as_ref().map(|memory| {
        let unknown = memory.keys.iter().filter_map(|keys| keys.as_ref().err()).flatten();
        let mut unknown: Vec<String> = unknown.map(|fact| fact_name(program, *fact).to_owned()).collect();
        unknown.sort();
        unknown.dedup();
        Memory { bytes: Bytes { least: memory.least, most: memory.most }, unknown }
    });
    Policy {
        file: costed.name.clone(),
        charges: costed.cost.charges(),
        round_trips: costed.cost.round_trips(),
        steps: costed.cost.steps(),
        selection: Selection::of(program, &costed.accepted.policy.plan()),
        limits: limits.collect(),
        routes: costed.cost.routes.iter().map(route).collect(),
        memory,
    }
}

fn route(cost: &RouteCost) -> Route {
    Route {
        method: cost.target.as_ref().map(|target| target.verb.word()),
        path: cost.target.as_ref().map(|target| target.pattern.to_string()),
        charges: cost.charges,
        round_trips: cost.round_trips,
        steps: cost.steps,
    }
}

fn limit(costed: &Costed, at: usize, cost: &LimitCost, places: &mut Places<'_>) -> Option<Limit> {
    let info = info(costed.accepted.policy.program(), cost)?;
    let (without_store, share) = match cost.away {
        Fail::Open => ("open", None),
        Fail::Closed => ("closed", None),
        Fail::Local(share) => ("local", Some(share)),
    };
    Some(Limit {
        name: info.name.clone(),
        shadow: info.shadow,
        unit: match &info.unit {
            Counted::Unit(unit) => unit.name().to_owned(),
            Counted::InFlight => "in flight".to_owned(),
        },
        algorithm: info.word,
        key: info.counter.key.clone(),
        lowest_ceiling: cost.ceiling.map(|(low, _)| low),
        highest_ceiling: cost.ceiling.map(|(_, high)| high),
        admits: admits(cost.admitted),
        without_store,
        local_percent: share.map(|share| fraction(share, 10_000)),
        overshoot_percent: (cost.overshoot > 0).then(|| fraction(cost.overshoot, 10_000)),
        settles: cost.settles,
        bytes_per_key: Bytes { least: cost.state.least, most: cost.state.most },
        bytes_per_reservation: cost.state.reservation,
        keys: costed.memory.as_ref().and_then(|memory| memory.keys.get(at)?.as_ref().ok().copied()),
        place: places.place(cost.span),
    })
}

fn admits(admitted: Admitted) -> Admits {
    match admitted {
        Admitted::Within { span, most, formula } => {
            Admits::Within { window_ms: fraction(span.0, 1_000_000), most, bound: bound(formula) }
        }
        Admitted::AtOnce { most } => Admits::AtOnce { most },
        Admitted::Anything(why) => Admits::Anything {
            because: match why {
                Unbounded::Soft => "on_exceed_allow",
                Unbounded::Shadow => "shadow",
            },
        },
    }
}

const fn bound(formula: Formula) -> &'static str {
    match formula {
        Formula::Ceiling => "ceiling",
        Formula::TwiceLessOne => "2 * ceiling - 1",
        Formula::Twice => "2 * ceiling",
        Formula::CeilingAndBurst => "ceiling + burst",
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "whole numbers below 2^53 and what is shown to three decimals"
)]
fn fraction(value: i64, scale: i64) -> f64 {
    value as f64 / scale as f64
}

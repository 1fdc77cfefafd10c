//! `limitrate/diff/v1`: the difference of two policies, for programs.

use limitrate_compiler::{
    diff::{Changes, Fate, LimitChange, NameChanges, PolicyDiff},
    grammar::diagnostic::Diagnostic,
};
use limitrate_core::literal::write_instant;
use limitrate_testkit::compare::{Moved, TrafficDiff};
use serde::Serialize;

use super::Versions;
use crate::json::{Finding, Place, Places};

/// The whole document.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    schema: &'static str,
    /// Whether both policies decide alike.
    same: bool,
    limits: Vec<Limit>,
    plans: Names,
    inputs: Names,
    rules: Names,
    /// Counters that start anew and are not allowed to.
    resets: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic: Option<Traffic>,
}

#[derive(Debug, Serialize)]
struct Limit {
    limit: String,
    /// `kept`, `renamed`, `reset`, `dropped` or `new`.
    counters: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<String>,
    /// Why they start anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    /// Charges that are not as they were.
    before: Vec<String>,
    after: Vec<String>,
    old_place: Option<Place>,
    new_place: Option<Place>,
}

#[derive(Debug, Serialize)]
struct Names {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Traffic {
    requests: u64,
    not_compared: u64,
    newly_refused: Vec<Row>,
    newly_allowed: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    plan: Option<String>,
    by: String,
    requests: u64,
    examples: Vec<Example>,
}

#[derive(Debug, Serialize)]
struct Example {
    line: u64,
    t: String,
}

impl Document {
    pub(super) fn new(
        diff: &PolicyDiff,
        traffic: Option<&TrafficDiff>,
        versions: &Versions<'_>,
        resets: &[Diagnostic],
    ) -> Self {
        let (mut old, mut new) = (Places::new(versions.old), Places::new(versions.new));
        Self {
            schema: "limitrate/diff/v1",
            same: diff.is_empty(),
            limits: diff.limits.iter().map(|change| limit(change, &mut old, &mut new)).collect(),
            plans: names(&diff.plans),
            inputs: names(&diff.inputs),
            rules: names(&diff.rules),
            resets: resets.iter().map(|reset| Finding::new(reset, versions.new)).collect(),
            traffic: traffic.map(|traffic| Traffic {
                requests: traffic.requests,
                not_compared: traffic.not_compared,
                newly_refused: traffic.newly_refused.iter().map(row).collect(),
                newly_allowed: traffic.newly_allowed.iter().map(row).collect(),
            }),
        }
    }
}

fn limit(change: &LimitChange, old: &mut Places<'_>, new: &mut Places<'_>) -> Limit {
    let none = Changes::default();
    let (counters, was, reasons, changes) = match &change.fate {
        Fate::Kept(changes) => ("kept", None, Vec::new(), changes),
        Fate::Renamed { from, changes } => ("renamed", Some(from.clone()), Vec::new(), changes),
        Fate::Reset(reasons) => ("reset", None, reasons.clone(), &none),
        Fate::Dropped => ("dropped", None, Vec::new(), &none),
        Fate::New => ("new", None, Vec::new(), &none),
    };
    Limit {
        limit: change.name.clone(),
        counters,
        was,
        reasons,
        before: changes.before.clone(),
        after: changes.after.clone(),
        old_place: change.old.map(|span| old.place(span)),
        new_place: change.new.map(|span| new.place(span)),
    }
}

fn names(changes: &NameChanges) -> Names {
    Names { added: changes.added.clone(), removed: changes.removed.clone(), changed: changes.changed.clone() }
}

fn row(moved: &Moved) -> Row {
    let example = |(line, at): &(u64, _)| Example { line: *line, t: write_instant(*at).to_string() };
    Row {
        plan: moved.plan.clone(),
        by: moved.by.clone(),
        requests: moved.requests,
        examples: moved.examples.iter().map(example).collect(),
    }
}

//! The matrix of plans: what each one has, where that is written, and what `no limit` took away.

use std::collections::HashMap;

use limitrate_grammar::{ast, span::Span};

use crate::{resolve::PlanLadder, source::Sources, written::written};

/// Plans and what each has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanMatrix {
    /// The plans, in the order of the text.
    pub plans: Vec<PlanColumn>,
    /// Limits and then constants, each kind in the order in which its names first stand in the text.
    pub rows: Vec<PlanRow>,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanColumn {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// The plan it extends.
    pub extends: Option<String>,
}

/// A limit or constant of plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// What it is.
    pub kind: EntryKind,
    /// Its name.
    pub name: String,
    /// What each plan has under this name, in the order of the plans.
    pub cells: Vec<PlanCell>,
}

/// What a row of the matrix is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A limit.
    Limit,
    /// A constant.
    Constant,
}

/// What a plan has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanCell {
    /// Nothing: neither it nor a plan it extends says anything.
    Absent,
    /// Nothing any more: `no limit` removed it.
    Removed(Written),
    /// What is written.
    Set(Written),
}

/// What is written in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The text on one line, without the name.
    pub text: String,
    /// The plan it is written in, by position: another one where it is inherited.
    pub plan: usize,
    /// Where it stands.
    pub span: Span,
}

/// An entry as it stands in the text.
#[derive(Clone, Copy)]
struct Entry {
    removes: bool,
    plan: usize,
    /// The whole entry, and what stands after its name.
    span: Span,
    value: Span,
}

impl PlanMatrix {
    /// The matrix of a compiled policy's plans.
    #[must_use]
    pub fn new(ladder: &PlanLadder, sources: &Sources) -> Self {
        let plans = ladder.plans.iter().map(|plan| PlanColumn {
            name: plan.name.node.clone(),
            span: plan.name.span,
            extends: plan.extends.as_ref().map(|name| name.node.clone()),
        });
        let has: Vec<HashMap<&str, Entry>> =
            (0..ladder.plans.len()).map(|plan| entries(ladder, plan)).collect();
        let mut rows: Vec<(EntryKind, &ast::Name)> =
            ladder.plans.iter().flat_map(|plan| &plan.entries).filter_map(named).collect();
        rows.sort_by_key(|(kind, name)| (*kind, name.span));
        let mut seen = std::collections::HashSet::new();
        rows.retain(|(_, name)| seen.insert(name.node.as_str()));
        let rows = rows.into_iter().map(|(kind, name)| PlanRow {
            kind,
            name: name.node.clone(),
            cells: has.iter().map(|of_plan| cell(of_plan.get(name.node.as_str()), sources)).collect(),
        });
        Self { plans: plans.collect(), rows: rows.collect() }
    }
}

/// The name that an entry gives something.
fn named(entry: &ast::PlanEntry) -> Option<(EntryKind, &ast::Name)> {
    match entry {
        ast::PlanEntry::Limit(limit) => limit.name.as_ref().map(|name| (EntryKind::Limit, name)),
        ast::PlanEntry::NoLimit(_) => None,
        ast::PlanEntry::Constant(name, _) => Some((EntryKind::Constant, name)),
    }
}

/// What a plan has by name: its own entries, and under them those of the plans it extends.
fn entries(ladder: &PlanLadder, plan: usize) -> HashMap<&str, Entry> {
    let mut entries = HashMap::new();
    let mut rung = Some(plan);
    // A ladder has no circle where the policy compiles; at most every plan is on it.
    for _ in 0..ladder.plans.len() {
        let Some((at, plan)) = rung.and_then(|at| Some((at, ladder.plans.get(at)?))) else { break };
        for entry in &plan.entries {
            let (name, entry) = match entry {
                ast::PlanEntry::Limit(limit) => {
                    let Some(name) = &limit.name else { continue };
                    let value = Span { start: name.span.end, ..limit.span };
                    (name, Entry { removes: false, plan: at, span: limit.span, value })
                }
                ast::PlanEntry::NoLimit(name) => {
                    (name, Entry { removes: true, plan: at, span: name.span, value: name.span })
                }
                ast::PlanEntry::Constant(name, value) => {
                    (name, Entry { removes: false, plan: at, span: name.span, value: value.span })
                }
            };
            entries.entry(name.node.as_str()).or_insert(entry);
        }
        rung = plan.extends.as_ref().and_then(|name| ladder.position(&name.node));
    }
    entries
}

fn cell(entry: Option<&Entry>, sources: &Sources) -> PlanCell {
    let Some(entry) = entry else { return PlanCell::Absent };
    let text = if entry.removes { String::new() } else { written(entry.value, sources) };
    let text = text.trim_start_matches([':', '=']).trim_start().to_owned();
    let written = Written { text, plan: entry.plan, span: entry.span };
    if entry.removes { PlanCell::Removed(written) } else { PlanCell::Set(written) }
}

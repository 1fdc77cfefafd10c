//! What becomes of counters, plans and rules when one version of a policy follows another.
//!
//! A counter lives on where its identity is the same, or where `was` names the old one. Everything else compares what
//! the policies were lowered to: numbers, conditions and order of the text may be written anew without a change.

mod meaning;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use limitrate_core::facts::FactType;
use limitrate_grammar::{code::Code, diagnostic::Diagnostic, span::Span};

use crate::{
    ir::{LimitId, LimitInfo, OriginKind, Program},
    pipeline::Accepted,
    source::Sources,
    written::written,
};
use meaning::Meaning;

/// The difference of two policies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyDiff {
    /// Every limit of either, by name.
    pub limits: Vec<LimitChange>,
    /// Plans by name.
    pub plans: NameChanges,
    /// Inputs by name; one is changed if its type, default or source is another.
    pub inputs: NameChanges,
    /// Rules by name; one is changed if it decides something else, ceilings of kept counters included.
    pub rules: NameChanges,
}

/// What became of a limit's counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitChange {
    /// The name in the new policy; of one that is dropped, in the old.
    pub name: String,
    /// What became of them.
    pub fate: Fate,
    /// Where the limit stands in the old policy.
    pub old: Option<Span>,
    /// Where it stands in the new policy.
    pub new: Option<Span>,
}

/// What becomes of counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// They live on. Charges that differ are listed as they were and as they are.
    Kept(Changes),
    /// They live on under a new name.
    Renamed {
        /// The old name.
        from: String,
        /// What else is new.
        changes: Changes,
    },
    /// They start anew, for these reasons.
    Reset(Vec<String>),
    /// There is no such limit any more.
    Dropped,
    /// There was no such limit.
    New,
}

/// Charges that are not as they were, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// What no longer applies.
    pub before: Vec<String>,
    /// What applies now.
    pub after: Vec<String>,
    /// Whether the ceiling is among what differs, or a cost, burst or other part of how much is allowed.
    pub amounts: bool,
}

impl Changes {
    /// Whether nothing differs.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// Names that came, went, or stand for something else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is named for what happened")]
pub struct NameChanges {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

impl NameChanges {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl PolicyDiff {
    /// Compares two versions.
    #[must_use]
    pub fn new(old: &Accepted, new: &Accepted) -> Self {
        let before = Version::of(old);
        let after = Version::of(new);
        Self {
            limits: limits(&before, &after),
            plans: plans(before.program, after.program),
            inputs: names(&inputs(before.program), &inputs(after.program)),
            rules: names(&before.rules(), &after.rules()),
        }
    }

    /// A warning for each limit whose counters start anew, but for those `allowed` by name. Spans are of the new policy.
    #[must_use]
    pub fn resets(&self, allowed: &[String]) -> Vec<Diagnostic> {
        let reset = |change: &LimitChange| {
            let Fate::Reset(reasons) = &change.fate else { return None };
            let message = format!("the counters of `{}` start anew", change.name);
            let help = format!(
                "if that is meant, allow it with `--allow-reset {}`; of a limit that only changed its name, say `was old_name`",
                change.name
            );
            Some(Diagnostic::new(Code::RL1308, message, change.new?, reasons.join("; ")).help(help))
        };
        self.limits.iter().filter(|change| !allowed.contains(&change.name)).filter_map(reset).collect()
    }

    /// Whether both decide alike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let same = |change: &LimitChange| matches!(&change.fate, Fate::Kept(changes) if changes.is_empty());
        self.limits.iter().all(same)
            && self.plans.is_empty()
            && self.inputs.is_empty()
            && self.rules.is_empty()
    }
}

/// One of the two policies.
struct Version<'a> {
    program: &'a Program,
    sources: &'a Sources,
    meaning: Meaning<'a>,
}

impl<'a> Version<'a> {
    fn of(accepted: &'a Accepted) -> Self {
        let program = accepted.policy.program();
        Self { program, sources: &accepted.sources, meaning: Meaning::of(program) }
    }

    /// The charges of a limit: how much is allowed, when, and as written.
    fn charges(&self, limit: usize) -> BTreeSet<(u64, u64, String)> {
        let mine = |at: LimitId| at.0 as usize == limit;
        let sites = self.program.charges.iter().filter(|site| mine(site.limit));
        sites
            .map(|site| {
                let when = self.meaning.node(site.when);
                (self.meaning.amounts(site), when, written(site.span, self.sources))
            })
            .collect()
    }

    /// What each rule does, by name.
    fn rules(&self) -> BTreeMap<&'a str, Vec<u64>> {
        let mut rules: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (position, origin) in self.program.origins.iter().enumerate() {
            if origin.kind == OriginKind::Rule {
                rules.entry(origin.name.as_str()).or_default().extend(self.meaning.effects(position));
            }
        }
        for effects in rules.values_mut() {
            effects.sort_unstable();
        }
        rules
    }

    fn span(&self, limit: usize) -> Option<Span> {
        let site = self.program.charges.iter().find(|site| site.limit.0 as usize == limit);
        site.map(|site| site.span)
    }
}

fn limits(before: &Version<'_>, after: &Version<'_>) -> Vec<LimitChange> {
    let by_identity: HashMap<&str, usize> =
        before.program.limits.iter().enumerate().map(|(at, limit)| (limit.identity.as_str(), at)).collect();
    let mut taken = BTreeSet::new();
    let mut changes = Vec::new();
    let mut open = Vec::new();
    for (at, limit) in after.program.limits.iter().enumerate() {
        let Some(old) = by_identity.get(limit.identity.as_str()).copied() else {
            open.push((at, limit));
            continue;
        };
        taken.insert(old);
        let differ = differ(before, old, after, at);
        let from = before.program.limits.get(old).map(|old| old.name.clone()).unwrap_or_default();
        let fate =
            if from == limit.name { Fate::Kept(differ) } else { Fate::Renamed { from, changes: differ } };
        changes.push(change(limit, fate, before.span(old), after.span(at)));
    }
    for (at, limit) in open {
        let namesake = before.program.limits.iter().enumerate().find(|(_, old)| old.name == limit.name);
        let fate = match namesake.filter(|(old, _)| !taken.contains(old)) {
            Some((old, old_limit)) => {
                taken.insert(old);
                let why = reasons(old_limit, limit);
                changes.push(change(limit, Fate::Reset(why), before.span(old), after.span(at)));
                continue;
            }
            None => Fate::New,
        };
        changes.push(change(limit, fate, None, after.span(at)));
    }
    for (old, limit) in before.program.limits.iter().enumerate().filter(|(old, _)| !taken.contains(old)) {
        changes.push(change(limit, Fate::Dropped, before.span(old), None));
    }
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}

fn change(limit: &LimitInfo, fate: Fate, old: Option<Span>, new: Option<Span>) -> LimitChange {
    LimitChange { name: limit.name.clone(), fate, old, new }
}

/// The charges of a limit that are only in one of the two.
fn differ(before: &Version<'_>, old: usize, after: &Version<'_>, new: usize) -> Changes {
    let (old, new) = (before.charges(old), after.charges(new));
    let meanings = |charges: &BTreeSet<(u64, u64, String)>| -> BTreeSet<(u64, u64)> {
        charges.iter().map(|(amounts, when, _)| (*amounts, *when)).collect()
    };
    let (was, is) = (meanings(&old), meanings(&new));
    let gone = old.iter().filter(|(amounts, when, _)| !is.contains(&(*amounts, *when)));
    let came = new.iter().filter(|(amounts, when, _)| !was.contains(&(*amounts, *when)));
    let amounts =
        |all: &BTreeSet<(u64, u64)>| all.iter().map(|(amounts, _)| *amounts).collect::<BTreeSet<_>>();
    let mut changes = Changes {
        before: gone.map(|(_, _, text)| text.clone()).collect(),
        after: came.map(|(_, _, text)| text.clone()).collect(),
        amounts: amounts(&was) != amounts(&is),
    };
    changes.before.dedup();
    changes.after.dedup();
    changes
}

/// Why counters of one name start anew.
fn reasons(old: &LimitInfo, new: &LimitInfo) -> Vec<String> {
    old.counter.differences(&new.counter).iter().map(ToString::to_string).collect()
}

fn plans(old: &Program, new: &Program) -> NameChanges {
    let only = |these: &Program, those: &Program| -> Vec<String> {
        these.plans.iter().filter(|plan| !those.plans.contains(plan)).cloned().collect()
    };
    NameChanges { added: only(new, old), removed: only(old, new), changed: Vec::new() }
}

/// What each input is, by name.
fn inputs(program: &Program) -> BTreeMap<&str, Vec<u64>> {
    let used = program.facts.iter().filter(|fact| fact.used);
    used.map(|fact| {
        let mut decl = fact.decl.clone();
        if let FactType::Plan(plans) = &mut decl.ty {
            *plans = Box::default(); // which plans there are is told by itself
        }
        (&*fact.decl.name, vec![meaning::words(decl)])
    })
    .collect()
}

fn names(old: &BTreeMap<&str, Vec<u64>>, new: &BTreeMap<&str, Vec<u64>>) -> NameChanges {
    let only = |these: &BTreeMap<&str, Vec<u64>>, those: &BTreeMap<&str, Vec<u64>>| -> Vec<String> {
        these.keys().filter(|name| !those.contains_key(*name)).map(|name| (*name).to_owned()).collect()
    };
    let changed = new.iter().filter(|(name, does)| old.get(*name).is_some_and(|did| did != *does));
    NameChanges {
        added: only(new, old),
        removed: only(old, new),
        changed: changed.map(|(name, _)| (*name).to_owned()).collect(),
    }
}

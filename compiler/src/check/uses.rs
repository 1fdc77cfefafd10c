//! What the policy refers to, and what it declares for nothing.
//!
//! A name counts as referred to where it is resolved, so that every construct that reads a name counts by itself. What
//! only tests mention is not used: a test cannot give a declaration its purpose. A module is used if anything is.

use std::collections::{BTreeSet, HashSet};

use limitrate_grammar::span::{SourceId, Span};

use super::Checker;
use crate::{
    checked::{LetId, Unused},
    resolve::{HTTP_MODULE, Symbol},
};

/// What something refers to, by position.
#[derive(Debug, Default)]
pub(super) struct Uses {
    facts: HashSet<usize>,
    locals: HashSet<LetId>,
    sets: HashSet<usize>,
    schedules: HashSet<usize>,
    calendars: HashSet<usize>,
    constants: HashSet<String>,
}

impl Uses {
    /// A fact is read, by its position in the inputs.
    pub(super) fn fact(&mut self, position: usize) {
        self.facts.insert(position);
    }

    /// A `let` is read.
    pub(super) fn local(&mut self, id: LetId) {
        self.locals.insert(id);
    }

    /// A constant of plans is read.
    pub(super) fn constant(&mut self, name: &str) {
        if !self.constants.contains(name) {
            self.constants.insert(name.to_owned());
        }
    }

    /// A declaration is referred to.
    pub(super) fn symbol(&mut self, symbol: Symbol) {
        let (into, position) = match symbol {
            Symbol::Input(position) => (&mut self.facts, position),
            Symbol::Set(position) => (&mut self.sets, position),
            Symbol::Schedule(position) => (&mut self.schedules, position),
            Symbol::Calendar(position) => (&mut self.calendars, position),
            Symbol::Plan(_) => return,
        };
        into.insert(position);
    }
}

impl Checker<'_> {
    /// Notes what rules, plans and the hierarchy do not refer to. To be called before tests are looked at.
    pub(super) fn find_unused(&mut self) {
        let resolved = self.resolved;
        for level in &resolved.hierarchy {
            if let Some(Symbol::Input(position)) = resolved.symbol(&level.name.node) {
                self.uses.fact(position);
            }
        }
        let uses = &self.uses;
        let mut unused = Vec::new();
        let whole = |name: Span| resolved.items.get(&name).copied();
        for (position, input) in resolved.inputs.iter().enumerate() {
            if input.module.is_none() && !uses.facts.contains(&position) {
                let attribute = &input.attribute;
                let tested = resolved.tests.iter().any(|test| self.mentions(test, &attribute.name.node));
                unused.push(entry("input", &attribute.name, (!tested).then_some(attribute.span)));
            }
        }
        let sets = resolved.sets.iter().map(|set| ("set", &set.name));
        let schedules = resolved.schedules.iter().map(|schedule| ("schedule", &schedule.name));
        let calendars = resolved.calendars.iter().map(|calendar| ("calendar", &calendar.name));
        let of_kind = [
            (&uses.sets, sets.collect::<Vec<_>>()),
            (&uses.schedules, schedules.collect()),
            (&uses.calendars, calendars.collect()),
        ];
        for (used, declared) in of_kind {
            let left = declared.into_iter().enumerate().filter(|(position, _)| !used.contains(position));
            unused.extend(left.map(|(_, (noun, name))| entry(noun, name, whole(name.span))));
        }
        for (position, span) in self.let_names.iter().enumerate() {
            if !uses.locals.contains(&LetId(position)) {
                let name = self.text(*span).to_owned();
                unused.push(Unused { noun: "let", name, span: *span, whole: None });
            }
        }
        unused.extend(self.unused_constants());
        // What an imported module declares is for others to use too.
        unused.retain(|unused| unused.span.source == SourceId(0));
        unused.sort_by_key(|unused| unused.span);
        self.out.unused = unused;
    }

    /// The constants that no rule reads, each where it first stands.
    fn unused_constants(&self) -> Vec<Unused> {
        let mut seen = BTreeSet::new();
        let mut unused = Vec::new();
        for of_plan in &self.resolved.plans.constants {
            let mut names: Vec<_> = of_plan.values().map(|(name, _)| name).collect();
            names.sort_by_key(|name| name.span);
            for name in names {
                if !self.uses.constants.contains(&name.node) && seen.insert(name.node.as_str()) {
                    unused.push(entry("constant", name, None));
                }
            }
        }
        unused
    }

    /// Notes the modules of which nothing is used, by tests neither. `std.http` says what the policy is about, and is
    /// fine without.
    pub(super) fn find_unused_imports(&mut self) {
        for (name, item) in &self.resolved.imports {
            if name.node == HTTP_MODULE {
                continue;
            }
            let facts = self.resolved.inputs.iter().zip(&self.out.facts);
            let mut of_module = facts.filter(|(input, _)| input.module.as_ref() == Some(&name.node));
            if !of_module.any(|(_, fact)| fact.used) {
                self.out.unused.push(entry("module", name, Some(*item)));
            }
        }
        self.out.unused.sort_by_key(|unused| unused.span);
    }

    /// Whether a test names a fact.
    fn mentions(&self, test: &limitrate_grammar::ast::Test, name: &str) -> bool {
        let (Some(first), Some(last)) = (test.steps.first(), test.steps.last()) else { return false };
        self.text(first.span.to(last.span)).contains(name)
    }
}

fn entry(noun: &'static str, name: &limitrate_grammar::ast::Name, whole: Option<Span>) -> Unused {
    Unused { noun, name: name.node.clone(), span: name.span, whole }
}

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

/// What something refers to.
#[derive(Debug, Default)]
pub(super) struct Uses {
    symbols: HashSet<Symbol>,
    /// What the policy's own text refers to.
    own: HashSet<Symbol>,
    locals: HashSet<LetId>,
    /// The `let`s that rules write; others are made while expressions are typed.
    defined: HashSet<LetId>,
    constants: HashSet<String>,
}

impl Uses {
    /// A fact is read, by its position in the inputs.
    pub(super) fn fact(&mut self, position: usize) {
        self.symbols.insert(Symbol::Input(position));
    }

    /// A rule writes a `let`.
    pub(super) fn define(&mut self, id: LetId) {
        self.defined.insert(id);
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

    /// A declaration is referred to where `at` points.
    pub(super) fn symbol(&mut self, symbol: Symbol, at: Span) {
        self.symbols.insert(symbol);
        if at.source == SourceId(0) {
            self.own.insert(symbol);
        }
    }
}

impl Checker<'_> {
    /// Notes what rules, plans and the hierarchy do not refer to. To be called before tests are looked at.
    pub(super) fn find_unused(&mut self) {
        let resolved = self.resolved;
        for level in &resolved.hierarchy {
            if let Some(Symbol::Input(position)) = resolved.symbol(&level.name.node, level.name.span) {
                self.uses.fact(position);
            }
        }
        let uses = &self.uses;
        let mut unused = Vec::new();
        let whole = |name: Span| resolved.items.get(&name).copied();
        for (position, input) in resolved.inputs.iter().enumerate() {
            if input.module.is_none() && !uses.symbols.contains(&Symbol::Input(position)) {
                let attribute = &input.attribute;
                let tested = resolved.tests.iter().any(|test| self.mentions(test, &attribute.name.node));
                unused.push(entry("input", &attribute.name, (!tested).then_some(attribute.span)));
            }
        }
        let sets = resolved.sets.iter().map(|set| &set.name).zip((0..).map(Symbol::Set));
        let schedules =
            resolved.schedules.iter().map(|schedule| &schedule.name).zip((0..).map(Symbol::Schedule));
        let calendars =
            resolved.calendars.iter().map(|calendar| &calendar.name).zip((0..).map(Symbol::Calendar));
        let tables = resolved.tables.iter().map(|table| &table.name).zip((0..).map(Symbol::Table));
        let functions =
            resolved.functions.iter().map(|function| &function.name).zip((0..).map(Symbol::Function));
        for (name, symbol) in sets.chain(schedules).chain(calendars).chain(tables).chain(functions) {
            if !uses.symbols.contains(&symbol) {
                unused.push(entry(declared_noun(symbol), name, whole(name.span)));
            }
        }
        for (position, span) in self.let_names.iter().enumerate() {
            let id = LetId(position);
            let parameter = self.let_known.get(position).is_some_and(|known| known.parameter);
            if (parameter || uses.defined.contains(&id)) && !uses.locals.contains(&id) {
                let name = self.text(*span).to_owned();
                let noun = if parameter { "parameter" } else { "let" };
                unused.push(Unused { noun, name, span: *span, whole: None });
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

    /// Notes the modules of which nothing is used, by tests neither, and the names that are listed for nothing.
    /// `std.http` says what the policy is about, and is fine without.
    pub(super) fn find_unused_imports(&mut self) {
        for (used, item) in &self.resolved.imports {
            let module = &used.module;
            let facts = self.resolved.inputs.iter().zip(&self.out.facts);
            let mut of_module = facts.filter(|(input, _)| input.is_of(&module.node));
            let any_fact = of_module.any(|(_, fact)| fact.used);
            let idle: Vec<_> = used.names.iter().filter(|name| !self.is_taken_up(name)).collect();
            let any_unit = self.is_unit_taken(&module.node);
            let serves = module.node == HTTP_MODULE || any_fact || any_unit || idle.len() < used.names.len();
            if serves {
                self.out.unused.extend(idle.into_iter().map(|name| entry("import", name, None)));
            } else {
                self.out.unused.push(entry("module", module, Some(*item)));
            }
        }
        self.out.unused.sort_by_key(|unused| unused.span);
    }

    /// Whether a unit of a module is written somewhere else.
    fn is_unit_taken(&self, module: &str) -> bool {
        let units = &self.resolved.units;
        self.resolved.borrowed_units.iter().any(|word| {
            units.get(word).is_some_and(|(_, declared)| self.resolved.module_of(*declared) == Some(module))
        })
    }

    /// Whether the policy refers to a listed name, or the name applies by itself as rules and plans do.
    fn is_taken_up(&self, name: &limitrate_grammar::ast::Name) -> bool {
        match self.resolved.symbol(&name.node, name.span) {
            // A fact serves the rules of modules, too, and a plan by being there.
            Some(Symbol::Plan(_)) => true,
            Some(symbol @ Symbol::Input(_)) => self.uses.symbols.contains(&symbol),
            Some(symbol) => self.uses.own.contains(&symbol),
            None => true,
        }
    }

    /// Whether a test names a fact.
    fn mentions(&self, test: &limitrate_grammar::ast::Test, name: &str) -> bool {
        let (Some(first), Some(last)) = (test.steps.first(), test.steps.last()) else { return false };
        self.text(first.span.to(last.span)).contains(name)
    }
}

/// What a declaration is called where nothing uses it.
fn declared_noun(symbol: Symbol) -> &'static str {
    symbol.noun().split_once(' ').map_or(symbol.noun(), |(_, noun)| noun)
}

fn entry(noun: &'static str, name: &limitrate_grammar::ast::Name, whole: Option<Span>) -> Unused {
    Unused { noun, name: name.node.clone(), span: name.span, whole }
}

//! Names: collects what the sources declare and finds each name once.
//!
//! Each source is a scope of its own: a name means what it means where it is written. Facts, plans and the hierarchy
//! belong to the policy as a whole, because a request has them once. Types are left to [`crate::check`]. What is broken
//! is reported and left out, so that the rest is still checked.

mod budget;
mod import;
mod load;
mod plan;
mod scope;
pub(crate) mod suggest;
mod unread;

use std::collections::{HashMap, HashSet, hash_map::Entry};

use limitrate_grammar::{
    ast,
    code::Code,
    diagnostic::{Diagnostic, Diagnostics},
    span::Span,
    unknown_unit,
};

use limitrate_core::unit::UnitName;
pub use plan::{EffectiveLimit, PlanLadder};
pub use scope::Scope;
pub use unread::Unread;

use crate::{
    check::FUNCTIONS,
    source::{Loader, Sources},
};

/// The module whose facts describe an HTTP request.
pub const HTTP_MODULE: &str = "std.http";

/// The editions this compiler knows.
pub const EDITIONS: [i64; 1] = [2026];

/// A declared fact and the module it comes from.
#[derive(Debug, Clone)]
pub struct Input {
    /// The declaration; the policy's own, where there is one.
    pub attribute: ast::Attribute,
    /// The module it was imported from; `None` for the policy's own.
    pub module: Option<String>,
    /// What other modules say of the same fact.
    pub also: Vec<(ast::Attribute, String)>,
}

impl Input {
    /// Whether `module` declares this fact.
    #[must_use]
    pub fn is_of(&self, module: &str) -> bool {
        self.modules().any(|declaring| declaring == module)
    }

    /// The modules that declare it.
    pub fn modules(&self) -> impl Iterator<Item = &String> {
        self.module.iter().chain(self.also.iter().map(|(_, module)| module))
    }
}

/// What a name of the value namespace stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symbol {
    /// A fact, by its position in [`Resolved::inputs`].
    Input(usize),
    /// A named set, by its position in [`Resolved::sets`].
    Set(usize),
    /// A schedule, by its position in [`Resolved::schedules`].
    Schedule(usize),
    /// A calendar, by its position in [`Resolved::calendars`].
    Calendar(usize),
    /// A plan, by its position in [`PlanLadder::plans`].
    Plan(usize),
    /// A table, by its position in [`Resolved::tables`].
    Table(usize),
    /// A function, by its position in [`Resolved::functions`].
    Function(usize),
}

impl Symbol {
    /// What it is, for messages.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Input(_) => "an input",
            Self::Set(_) => "a set",
            Self::Schedule(_) => "a schedule",
            Self::Calendar(_) => "a calendar",
            Self::Plan(_) => "a plan",
            Self::Table(_) => "a table",
            Self::Function(_) => "a function",
        }
    }
}

/// A policy whose declarations are known.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Facts: the policy's own, then the imported ones.
    pub inputs: Vec<Input>,
    /// Levels, outermost first.
    pub hierarchy: Vec<ast::Level>,
    /// Plans with what each inherits.
    pub plans: PlanLadder,
    /// Named sets.
    pub sets: Vec<ast::SetDecl>,
    /// Schedules.
    pub schedules: Vec<ast::Schedule>,
    /// Calendars.
    pub calendars: Vec<ast::Calendar>,
    /// Tables.
    pub tables: Vec<ast::Table>,
    /// Functions.
    pub functions: Vec<ast::Function>,
    /// The declared unit that each word names, and where the word was declared.
    pub units: HashMap<String, (UnitName, Span)>,
    /// The words of declared units that stand after a number, in a source other than the one that declares them.
    pub borrowed_units: HashSet<String>,
    /// Rules: the policy's own, then the imported ones.
    pub rules: Vec<ast::Rule>,
    /// What one request may cost, by the policy and by each module.
    pub budgets: Vec<ast::Bound>,
    /// Tests of the policy's own text.
    pub tests: Vec<ast::Test>,
    /// What is known in each source, by the source's id.
    pub scopes: Vec<Scope>,
    /// Every fact of the policy by name, with its position in `inputs`.
    pub facts: HashMap<String, usize>,
    /// What the policy's own text calls itself.
    pub module: Option<ast::Name>,
    /// The modules that the policy's own text uses, each with its whole item.
    pub imports: Vec<(ast::Use, Span)>,
    /// The whole item of what is declared, by where its name stands.
    pub items: HashMap<Span, Span>,
    /// Whether a module was not found or not read in full, so that any name may be missing.
    pub module_missing: bool,
    /// Names that were to come from a module which has none such, and what was probably meant: what lacks them has a
    /// reported cause.
    pub not_imported: HashSet<String>,
    /// What of the policy's text could not be read.
    pub unread: Unread,
}

/// Collects the declarations of a policy and of the modules it uses.
///
/// Texts of modules are added to `sources`.
pub fn resolve(
    file: ast::File,
    sources: &mut Sources,
    loader: &dyn Loader,
    diagnostics: &mut Diagnostics,
) -> Resolved {
    let unread = Unread::new(sources, diagnostics);
    let mut resolver = Resolver {
        out: Resolved { unread, scopes: vec![Scope::default()], ..Resolved::default() },
        diagnostics,
        at: 0,
        elsewhere: Scope::default(),
        plans: Vec::new(),
        plan_names: HashMap::new(),
        rules: HashMap::new(),
        tests: HashMap::new(),
        unit_words: Vec::new(),
    };
    let uses = resolver.items(file.items);
    resolver.out.module_missing = resolver.out.unread.may_import();
    resolver.modules(&uses, sources, loader);
    resolver.unknown_units(sources);
    let plans = std::mem::take(&mut resolver.plans);
    let mut out = resolver.out;
    out.plans = PlanLadder::build(plans, &out.unread, diagnostics);
    out
}

struct Resolver<'d> {
    out: Resolved,
    diagnostics: &'d mut Diagnostics,
    /// The position of the scope whose items are collected.
    at: usize,
    /// What there is where `at` points to nothing.
    elsewhere: Scope,
    plans: Vec<ast::Plan>,
    /// Where each plan was declared first, in whatever source: a request has one plan.
    plan_names: HashMap<String, Span>,
    /// Where each rule of a scope and each test was declared first.
    rules: HashMap<(usize, String), Span>,
    tests: HashMap<String, Span>,
    /// Words after numbers that may be declared units.
    unit_words: Vec<ast::Name>,
}

impl Resolver<'_> {
    /// Enters what the items of one source declare, and gives what it uses.
    fn items(&mut self, items: Vec<ast::Item>) -> Vec<ast::Use> {
        let mut uses = Vec::new();
        for item in items {
            if let ast::ItemKind::Use(used) = item.kind {
                if self.at == 0 {
                    self.out.imports.push((used.clone(), item.span));
                }
                uses.push(used);
            } else {
                self.item(item);
            }
        }
        uses
    }

    fn item(&mut self, item: ast::Item) {
        let span = item.span;
        self.unit_words.extend(item.unit_words);
        match item.kind {
            ast::ItemKind::Edition(year) => {
                self.scope().head = self.scope().head.max(Some(span));
                self.edition(&year);
            }
            ast::ItemKind::Module(name) => self.module_line(name),
            ast::ItemKind::Use(_) => {}
            ast::ItemKind::Hierarchy(levels) => self.hierarchy(levels, span),
            ast::ItemKind::Input(attributes) => {
                for attribute in attributes {
                    self.input(attribute);
                }
            }
            ast::ItemKind::Plan(plan) => self.plan(plan),
            ast::ItemKind::Set(set) => {
                if self.declare(&set.name, Symbol::Set(self.out.sets.len())) {
                    self.out.items.insert(set.name.span, span);
                    self.out.sets.push(set);
                }
            }
            ast::ItemKind::Schedule(schedule) => {
                if self.declare(&schedule.name, Symbol::Schedule(self.out.schedules.len())) {
                    self.out.items.insert(schedule.name.span, span);
                    self.out.schedules.push(schedule);
                }
            }
            ast::ItemKind::Calendar(calendar) => {
                if self.declare(&calendar.name, Symbol::Calendar(self.out.calendars.len())) {
                    self.out.items.insert(calendar.name.span, span);
                    self.out.calendars.push(calendar);
                }
            }
            ast::ItemKind::Table(table) => {
                if self.declare(&table.name, Symbol::Table(self.out.tables.len())) {
                    self.out.items.insert(table.name.span, span);
                    self.out.tables.push(table);
                }
            }
            ast::ItemKind::Function(function) => {
                if self.declare(&function.name, Symbol::Function(self.out.functions.len())) {
                    self.out.items.insert(function.name.span, span);
                    self.out.functions.push(function);
                }
            }
            ast::ItemKind::Unit(unit) => self.unit(&unit),
            ast::ItemKind::Budget(bounds) => self.budget(bounds),
            ast::ItemKind::Rule(rule) => self.rule(rule),
            ast::ItemKind::Test(test) => self.test(test),
        }
    }

    fn edition(&mut self, year: &limitrate_grammar::span::Spanned<i64>) {
        if !EDITIONS.contains(&year.node) {
            let newest = EDITIONS.last().copied().unwrap_or_default();
            self.diagnostics.push(
                Diagnostic::new(
                    Code::RL0605,
                    format!("there is no edition {}", year.node),
                    year.span,
                    format!("this compiler knows edition {newest}"),
                )
                .fix(format!("use edition {newest}"), year.span, newest.to_string()),
            );
        }
    }

    fn hierarchy(&mut self, levels: Vec<ast::Level>, span: Span) {
        if self.out.hierarchy.is_empty() {
            self.out.hierarchy = levels;
            return;
        }
        let first = self.out.hierarchy.first().map(|level| level.name.span).unwrap_or_default();
        let is_same =
            |(a, b): (&ast::Level, &ast::Level)| a.name.node == b.name.node && a.optional == b.optional;
        let same =
            self.out.hierarchy.len() == levels.len() && self.out.hierarchy.iter().zip(&levels).all(is_same);
        if first.source == span.source {
            self.diagnostics.push(
                Diagnostic::new(Code::RL0102, "a policy has one hierarchy", span, "the second one")
                    .label(first, "the first one"),
            );
        } else if !same {
            self.diagnostics.push(
                Diagnostic::new(
                    Code::RL0102,
                    "a policy and its modules have one hierarchy",
                    span,
                    "another one",
                )
                .label(first, "the first one")
                .help("write the same levels in both, or leave them out of one"),
            );
        }
    }

    fn input(&mut self, attribute: ast::Attribute) {
        let known = self.out.facts.get(&attribute.name.node).copied();
        let position = known.unwrap_or(self.out.inputs.len());
        if !self.declare(&attribute.name, Symbol::Input(position)) {
            return;
        }
        let module = self.scope().module.clone();
        match (self.out.inputs.get_mut(position), module) {
            (Some(input), Some(module)) => input.also.push((attribute, module)),
            (Some(_), None) => {} // the policy's own text is collected first, and has each name once
            (None, module) => {
                self.out.facts.insert(attribute.name.node.clone(), position);
                self.out.inputs.push(Input { attribute, module, also: Vec::new() });
            }
        }
    }

    fn plan(&mut self, plan: ast::Plan) {
        let first = self.plan_names.get(&plan.name.node).copied();
        if let Some(first) = first.filter(|first| first.source != plan.name.span.source) {
            self.diagnostics.push(declared_twice("plan", &plan.name, first));
        } else if self.declare(&plan.name, Symbol::Plan(self.plans.len())) {
            self.plan_names.insert(plan.name.node.clone(), plan.name.span);
            self.plans.push(plan);
        }
    }

    /// Reports words after numbers that name no unit, now that all units are known.
    fn unknown_units(&mut self, sources: &Sources) {
        let mut declared: Vec<&str> = self.out.units.keys().map(String::as_str).collect();
        declared.sort_unstable();
        for word in std::mem::take(&mut self.unit_words) {
            if let Some((_, first)) = self.out.units.get(&word.node) {
                if first.source != word.span.source {
                    self.out.borrowed_units.insert(word.node);
                }
                continue;
            }
            let unread = &self.out.unread;
            let may_be = unread.is_damaged(word.span.source) || unread.may_declare(&word.node);
            if may_be || self.out.module_missing || unread.may_import() {
                continue;
            }
            let bytes = sources.get(word.span.source).map_or(&[][..], |source| &source.bytes);
            let before = bytes.get(..word.span.start as usize).unwrap_or_default();
            let before = std::str::from_utf8(before).unwrap_or_default();
            self.diagnostics.push(unknown_unit(&word, &declared, before));
        }
    }

    /// Enters the words of a unit, the first of which is its name.
    fn unit(&mut self, unit: &ast::UnitDecl) {
        let Some(name) = unit.words.first().and_then(|word| UnitName::new(&word.node)) else { return };
        for word in &unit.words {
            self.scope().units.insert(word.node.clone());
            match self.out.units.entry(word.node.clone()) {
                // Two modules may declare one unit: it is the same for all of the policy.
                Entry::Occupied(first)
                    if first.get().0 == name && first.get().1.source != word.span.source => {}
                Entry::Occupied(first) => {
                    self.diagnostics.push(declared_twice("unit", word, first.get().1));
                }
                Entry::Vacant(free) => {
                    free.insert((name, word.span));
                }
            }
        }
    }

    fn rule(&mut self, rule: ast::Rule) {
        match self.rules.entry((self.at, rule.name.node.clone())) {
            Entry::Occupied(first) => {
                self.diagnostics.push(declared_twice("rule", &rule.name, *first.get()));
            }
            Entry::Vacant(free) => {
                free.insert(rule.name.span);
                if self.at == 0 {
                    self.out.rules.push(rule);
                } else {
                    self.scope().rules.insert(rule.name.node.clone(), rule);
                }
            }
        }
    }

    fn test(&mut self, test: ast::Test) {
        if self.at != 0 {
            return; // the tests of a module are its own business
        }
        match self.tests.entry(test.title.node.clone()) {
            Entry::Occupied(first) => {
                self.diagnostics.push(declared_twice("test", &test.title, *first.get()));
            }
            Entry::Vacant(free) => {
                free.insert(test.title.span);
                self.out.tests.push(test);
            }
        }
    }

    /// Enters a name; reports it and gives false if it is taken.
    fn declare(&mut self, name: &ast::Name, symbol: Symbol) -> bool {
        let is_function = matches!(symbol, Symbol::Function(_));
        if is_function && FUNCTIONS.contains(&name.node.as_str()) {
            let message = format!("`{}` is a function of the language already", name.node);
            self.diagnostics.push(Diagnostic::new(Code::RL0102, message, name.span, "choose another name"));
            return false;
        }
        if let Some(diagnostic) = reserved_value(name, matches!(symbol, Symbol::Input(_))) {
            self.diagnostics.push(diagnostic);
            return false;
        }
        if let Some((_, first)) = self.scope().symbols.get(&name.node) {
            let diagnostic = declared_twice("name", name, *first);
            self.diagnostics.push(diagnostic);
            return false;
        }
        self.scope().symbols.insert(name.node.clone(), (symbol, name.span));
        true
    }
}

/// The report of a declaration that takes `now`, or takes `plan` and is no input.
pub(crate) fn reserved_value(name: &ast::Name, is_input: bool) -> Option<Diagnostic> {
    let meaning = match name.node.as_str() {
        "now" => "`now` is the instant of the request",
        "plan" if !is_input => "`plan` is the request's plan, and `plan.x` a constant of it",
        _ => return None,
    };
    Some(
        Diagnostic::new(
            Code::RL0102,
            format!("`{}` already has a meaning of its own", name.node),
            name.span,
            "choose another name",
        )
        .help(meaning),
    )
}

/// The report of a second declaration.
pub(crate) fn declared_twice(
    what: &str,
    name: &limitrate_grammar::span::Spanned<String>,
    first: Span,
) -> Diagnostic {
    Diagnostic::new(
        Code::RL0102,
        format!("the {what} `{}` is declared twice", name.node),
        name.span,
        "declared again here",
    )
    .label(first, "first declared here")
    .help("rename one of them, or delete it")
}

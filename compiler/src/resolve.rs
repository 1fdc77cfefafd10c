//! Names: collects what the sources declare and finds each name once.
//!
//! Types are left to [`crate::check`]. What is broken is reported and left out, so that the rest is still checked.

mod plan;
pub(crate) mod suggest;
mod unread;

use std::collections::{HashMap, hash_map::Entry};

use limitrate_grammar::{
    ast,
    code::Code,
    diagnostic::{Diagnostic, Diagnostics},
    span::Span,
};

use limitrate_core::unit::UnitName;
pub use plan::{EffectiveLimit, PlanLadder};
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
    /// The declaration.
    pub attribute: ast::Attribute,
    /// The module it was imported from; `None` for the policy's own.
    pub module: Option<String>,
}

/// What a name of the value namespace stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Rules.
    pub rules: Vec<ast::Rule>,
    /// Tests.
    pub tests: Vec<ast::Test>,
    /// Every name of the value namespace, with where it was declared.
    pub symbols: HashMap<String, (Symbol, Span)>,
    /// Where the edition is said.
    pub edition: Option<Span>,
    /// Whether a module was not found, so that any name may be missing.
    pub module_missing: bool,
    /// What of the policy's text could not be read.
    pub unread: Unread,
}

impl Resolved {
    /// What `name` stands for.
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).map(|(symbol, _)| *symbol)
    }

    /// Where the policy itself declares a fact of this name.
    #[must_use]
    pub fn own(&self, name: &str) -> Option<Span> {
        let (_, input) = self.input(name)?;
        input.module.is_none().then_some(input.attribute.span)
    }

    /// The fact of this name and its position.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<(usize, &Input)> {
        let Some(Symbol::Input(position)) = self.symbol(name) else { return None };
        self.inputs.get(position).map(|input| (position, input))
    }

    /// The position of an imported fact.
    #[must_use]
    pub fn imported(&self, module: &str, name: &str) -> Option<usize> {
        let (position, input) = self.input(name)?;
        (input.module.as_deref() == Some(module)).then_some(position)
    }
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
        out: Resolved { unread, ..Resolved::default() },
        diagnostics,
        plans: Vec::new(),
        rules: HashMap::new(),
        tests: HashMap::new(),
    };
    let mut uses = Vec::new();
    for item in file.items {
        if let ast::ItemKind::Use(name) = item.kind {
            uses.push(name);
        } else {
            resolver.item(item);
        }
    }
    for name in uses {
        resolver.import(&name, sources, loader);
    }
    let plans = std::mem::take(&mut resolver.plans);
    let mut out = resolver.out;
    out.plans = PlanLadder::build(plans, &out.unread, diagnostics);
    out
}

struct Resolver<'d> {
    out: Resolved,
    diagnostics: &'d mut Diagnostics,
    plans: Vec<ast::Plan>,
    /// Where each rule and each test was declared first.
    rules: HashMap<String, Span>,
    tests: HashMap<String, Span>,
}

impl Resolver<'_> {
    fn item(&mut self, item: ast::Item) {
        let span = item.span;
        match item.kind {
            ast::ItemKind::Edition(year) => {
                self.out.edition = Some(span);
                self.edition(&year);
            }
            ast::ItemKind::Module(name) => self.diagnostics.push(
                Diagnostic::new(Code::RL0009, "modules of your own are not supported yet", name.span, "here")
                    .help("leave the line out: a file is a policy by itself"),
            ),
            ast::ItemKind::Use(_) => {}
            ast::ItemKind::Hierarchy(levels) => self.hierarchy(levels, span),
            ast::ItemKind::Input(attributes) => {
                for attribute in attributes {
                    self.input(attribute, None);
                }
            }
            ast::ItemKind::Plan(plan) => {
                if self.declare(&plan.name, Symbol::Plan(self.plans.len())) {
                    self.plans.push(plan);
                }
            }
            ast::ItemKind::Set(set) => {
                if self.declare(&set.name, Symbol::Set(self.out.sets.len())) {
                    self.out.sets.push(set);
                }
            }
            ast::ItemKind::Schedule(schedule) => {
                if self.declare(&schedule.name, Symbol::Schedule(self.out.schedules.len())) {
                    self.out.schedules.push(schedule);
                }
            }
            ast::ItemKind::Calendar(calendar) => {
                if self.declare(&calendar.name, Symbol::Calendar(self.out.calendars.len())) {
                    self.out.calendars.push(calendar);
                }
            }
            ast::ItemKind::Table(table) => {
                if self.declare(&table.name, Symbol::Table(self.out.tables.len())) {
                    self.out.tables.push(table);
                }
            }
            ast::ItemKind::Function(function) => {
                if self.declare(&function.name, Symbol::Function(self.out.functions.len())) {
                    self.out.functions.push(function);
                }
            }
            ast::ItemKind::Unit(unit) => self.unit(&unit),
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
        } else {
            let first = self.out.hierarchy.first().map(|level| level.name.span).unwrap_or_default();
            self.diagnostics.push(
                Diagnostic::new(Code::RL0102, "a policy has one hierarchy", span, "the second one")
                    .label(first, "the first one"),
            );
        }
    }

    fn input(&mut self, attribute: ast::Attribute, module: Option<&str>) {
        if module.is_some() && self.out.symbols.contains_key(&attribute.name.node) {
            return; // the policy's own declaration stands for the imported one
        }
        if self.declare(&attribute.name, Symbol::Input(self.out.inputs.len())) {
            self.out.inputs.push(Input { attribute, module: module.map(str::to_owned) });
        }
    }

    /// Enters the words of a unit, the first of which is its name.
    fn unit(&mut self, unit: &ast::UnitDecl) {
        let Some(name) = unit.words.first().and_then(|word| UnitName::new(&word.node)) else { return };
        for word in &unit.words {
            match self.out.units.entry(word.node.clone()) {
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
        match self.rules.entry(rule.name.node.clone()) {
            Entry::Occupied(first) => {
                self.diagnostics.push(declared_twice("rule", &rule.name, *first.get()));
            }
            Entry::Vacant(free) => {
                free.insert(rule.name.span);
                self.out.rules.push(rule);
            }
        }
    }

    fn test(&mut self, test: ast::Test) {
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
        if let Some((_, first)) = self.out.symbols.get(&name.node) {
            let diagnostic = declared_twice("name", name, *first);
            self.diagnostics.push(diagnostic);
            return false;
        }
        self.out.symbols.insert(name.node.clone(), (symbol, name.span));
        true
    }

    fn import(&mut self, name: &ast::Name, sources: &mut Sources, loader: &dyn Loader) {
        let Some(text) = loader.load(&name.node) else {
            self.out.module_missing = true;
            let known = loader.names();
            let mut diagnostic = Diagnostic::new(
                Code::RL0103,
                format!("there is no module `{}`", name.node),
                name.span,
                "not found",
            );
            match suggest::closest(&name.node, known.iter().map(String::as_str)) {
                Some(near) => {
                    diagnostic = diagnostic.fix(format!("did you mean `{near}`?"), name.span, near);
                }
                None => diagnostic = diagnostic.help(format!("modules so far: {}", known.join(", "))),
            }
            self.diagnostics.push(diagnostic);
            return;
        };
        let source = sources.add(name.node.clone(), text.clone());
        let parsed = limitrate_grammar::parse(source, text.as_bytes());
        self.diagnostics.append(parsed.diagnostics);
        for item in parsed.file.items {
            if let ast::ItemKind::Input(attributes) = item.kind {
                for attribute in attributes {
                    self.input(attribute, Some(&name.node));
                }
            }
        }
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

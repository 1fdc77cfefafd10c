//! Types and units: turns resolved declarations into the typed tree, and reports everything that does not fit.
//!
//! The unit algebra is that of the language reference and nothing beyond it. Absence is decided here too: what may be
//! absent is tested, given a fallback, or reported.

mod absence;
mod agreement;
mod algorithm;
pub(crate) mod budget;
mod choice;
mod clause;
mod declaration;
mod division;
mod downgrade;
mod exceed;
mod expr;
mod function;
mod http;
mod identity;
mod key;
mod lets;
pub(crate) mod limit;
mod membership;
mod message;
mod missing;
mod operator;
mod overshoot;
mod phase;
mod plan;
mod practice;
mod regexes;
mod reply;
mod reserve;
mod rollout;
mod routes;
mod rule;
mod table;
mod template;
mod test;
mod trust;
mod types;
mod uses;
mod worst_case;

pub(crate) use function::FUNCTIONS;
pub(crate) use regexes::MAX_REGEX_BYTES;
pub use test::TEST_START;

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
};

use limitrate_core::facts::FactId;
use limitrate_grammar::{
    diagnostic::{Diagnostic, Diagnostics},
    span::Span,
};

use missing::{MAX_SUGGESTIONS, Missing};
use test::Counters;
use uses::Uses;

use crate::{
    checked::{Checked, Expr, LetId},
    resolve::Resolved,
    source::Sources,
};

/// The most charges one request may make.
pub const MAX_CHARGES: usize = 64;

/// The most facts a policy may declare, imported ones included.
pub const MAX_FACTS: usize = 64;

/// Types a policy. The tree is complete only if no error was reported.
pub fn check(resolved: &Resolved, sources: &Sources, diagnostics: &mut Diagnostics) -> Checked {
    let mut checker = Checker {
        resolved,
        sources,
        diagnostics,
        out: Checked::default(),
        scopes: Vec::new(),
        present: Vec::new(),
        branches: Vec::new(),
        next_branch: 0,
        arms: 0,
        placed: Vec::new(),
        rule_key: None,
        missing: Missing::default(),
        suggestions_left: Cell::new(MAX_SUGGESTIONS),
        members: HashMap::new(),
        unclear: HashSet::new(),
        let_names: Vec::new(),
        uses: Uses::default(),
        let_known: Vec::new(),
        implicit: HashMap::new(),
        table_types: Vec::new(),
        templates: Vec::new(),
        recursive: HashSet::new(),
        expanded: 0,
        looked_up: 0,
        regexes: regexes::Regexes::default(),
        linted_keys: HashSet::new(),
        memberships: HashMap::new(),
        of_calendars: HashMap::new(),
        limit_names: HashSet::new(),
        counters: Counters::default(),
        advice: Vec::new(),
    };
    checker.facts();
    checker.hierarchy();
    checker.schedules();
    checker.sets();
    checker.tables();
    checker.functions();
    checker.plans();
    for rule in &resolved.rules {
        checker.rule(rule);
    }
    checker.identities();
    checker.downgrades();
    checker.count_charges();
    checker.budgets();
    checker.counters = Counters::new(&checker.out, resolved);
    checker.find_unused();
    for test in &resolved.tests {
        checker.test(test);
    }
    checker.find_unused_imports();
    checker.report_missing();
    checker.find_path();
    checker.report_advice();
    checker.out
}

/// The state of checking one policy.
pub(crate) struct Checker<'r> {
    resolved: &'r Resolved,
    sources: &'r Sources,
    diagnostics: &'r mut Diagnostics,
    out: Checked,
    /// `let`s in scope, innermost last.
    scopes: Vec<HashMap<String, LetId>>,
    /// Optional facts known to be there at this point.
    present: Vec<FactId>,
    /// The branches around this point: which choice, which arm.
    branches: Vec<(usize, usize)>,
    next_branch: usize,
    /// How many arms the `match`es around this point have.
    arms: usize,
    /// Every limit seen, for identities.
    placed: Vec<identity::Placed>,
    /// The key of the rule being checked.
    rule_key: Option<&'r limitrate_grammar::ast::Keys>,
    /// What seems to be missing.
    missing: Missing,
    /// How many wrong names are still compared with the declared ones.
    suggestions_left: Cell<usize>,
    /// The values of each listing fact by their text.
    members: HashMap<FactId, HashMap<Box<str>, i64>>,
    /// Where each `let` has its name.
    let_names: Vec<Span>,
    /// What something refers to.
    uses: Uses,
    /// What is known of each `let`.
    let_known: Vec<lets::Known>,
    /// Facts that are read by name: `header("x-client-id")`.
    implicit: HashMap<String, FactId>,
    /// What each table is looked up by and gives.
    table_types: Vec<table::TableType>,
    /// The functions that are right, by position.
    templates: Vec<Option<template::Template>>,
    /// The functions that end up calling themselves.
    recursive: HashSet<usize>,
    /// How many nodes calls have been written out to, and how many rows lookups go through.
    expanded: usize,
    looked_up: usize,
    /// The regular expressions so far.
    regexes: regexes::Regexes,
    /// The schedule of all days that are not of a calendar.
    of_calendars: HashMap<usize, crate::checked::ScheduleId>,
    /// The keys that have been looked at for who chooses them.
    linted_keys: trust::LintedKeys,
    /// Whether a fact is in a large set, by the set's position.
    memberships: HashMap<(usize, FactId), LetId>,
    /// Facts whose declared type is wrong.
    unclear: HashSet<FactId>,
    /// The name of every limit written, right or wrong.
    limit_names: HashSet<String>,
    /// The counters that tests may name, once all limits are typed.
    counters: Counters,
    /// What is odd about limits that are right.
    advice: Vec<Diagnostic>,
}

impl Checker<'_> {
    /// Reports what is wrong, unless it involves a line that could not be read in full.
    fn report(&mut self, diagnostic: Diagnostic) {
        if !diagnostic.labels.iter().any(|label| self.resolved.unread.touches(label.span)) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Takes the report of a missing name, and gives an expression that causes no further reports.
    fn lacking(&mut self, cause: &str, diagnostic: Diagnostic, span: Span) -> Expr {
        self.missing(cause, diagnostic);
        Expr::unknown(span)
    }

    /// Reports and gives an expression that causes no further reports.
    fn wrong(&mut self, diagnostic: Diagnostic, span: Span) -> Expr {
        self.report(diagnostic);
        Expr::unknown(span)
    }

    /// The text under a span.
    fn text(&self, span: Span) -> &str {
        self.sources
            .get(span.source)
            .and_then(|source| source.bytes.get(span.start as usize..span.end as usize))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    /// Runs `body` as one arm of choice `branch`.
    fn in_arm<T>(&mut self, branch: usize, arm: usize, body: impl FnOnce(&mut Self) -> T) -> T {
        self.branches.push((branch, arm));
        let known = self.present.len();
        self.scopes.push(HashMap::new());
        let result = body(self);
        self.scopes.pop();
        self.present.truncate(known);
        self.branches.pop();
        result
    }

    /// Runs `body` where these facts are known to be there.
    fn knowing<T>(&mut self, facts: Vec<FactId>, body: impl FnOnce(&mut Self) -> T) -> T {
        let known = self.present.len();
        self.present.extend(facts);
        let result = body(self);
        self.present.truncate(known);
        result
    }

    fn fresh_branch(&mut self) -> usize {
        self.next_branch += 1;
        self.next_branch
    }

    fn mark_used(&mut self, fact: FactId) {
        self.uses.fact(usize::from(fact.0));
        if let Some(fact) = self.out.facts.get_mut(usize::from(fact.0)) {
            fact.used = true;
        }
    }
}

/// The fact at this position of the inputs.
fn fact_id(position: usize) -> Option<FactId> {
    u16::try_from(position).ok().map(FactId)
}

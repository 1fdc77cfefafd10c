//! Finds the regular expressions that have a match in a text.
//!
//! Few are tried one by one. Of many, those that need a literal text are tried where a text has it, all of which one
//! pass finds; the others are run together, as automata that are made as texts need them and kept within bounds. Where
//! that does not pay, each expression is tried alone, so no text makes a policy much slower than that.

mod automaton;
mod literal;

use std::collections::BTreeMap;

use regex_automata::util::syntax;
use regex_syntax::hir::Hir;

use self::automaton::Automaton;
use super::{contains::Finder, frame::Filling, lists::Lists, marks::Marks};
use crate::ir::{SlotId, Tables};

/// Up to this many expressions are tried one by one, which is faster.
const FEW: usize = 4;

/// The test of a regular expression: the slot, and a position in [`Tables::regexes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) slot: SlotId,
    pub(super) regex: usize,
}

impl Test {
    fn settle(self, tables: &Tables, text: &str, filling: &mut Filling<'_>) {
        if tables.regexes.get(self.regex).is_some_and(|regex| regex.is_match(text)) {
            filling.hold(self.slot);
        }
    }
}

/// The regular expressions that are tested on one subject.
#[derive(Debug)]
pub(super) struct Regexes {
    /// Those that are tried on every text.
    alone: Box<[Test]>,
    needing: Option<Needing>,
    automata: Box<[Automaton]>,
}

/// Regular expressions that need one of some literals to match.
#[derive(Debug)]
struct Needing {
    tests: Box<[Test]>,
    literals: Finder,
    /// Of each literal, the tests that need it, by their position.
    of_literal: Lists<usize>,
}

impl Regexes {
    pub(super) fn new(tables: &Tables, tests: &[Test]) -> Self {
        let (mut alone, mut needing, mut together) = (Vec::new(), Vec::new(), Vec::new());
        for test in tests {
            let regex = tables.regexes.get(test.regex);
            let parsed = regex.and_then(|regex| syntax::parse(regex.as_str()).ok());
            match parsed {
                Some(hir) if tests.len() > FEW => match literal::needed(&hir) {
                    Some(literals) => needing.push((*test, literals)),
                    None => together.push((*test, hir)),
                },
                _ => alone.push(*test),
            }
        }
        let rejected: Vec<Test> = needing.iter().map(|(test, _)| *test).collect();
        let needing = Needing::new(needing);
        if needing.is_none() {
            alone.extend(rejected);
        }
        let mut automata = Vec::new();
        let (unicode, others): (Vec<_>, Vec<_>) = together.into_iter().partition(|(_, hir)| stops_early(hir));
        for part in [unicode, others] {
            automaton::build(&part, &mut automata, &mut alone);
        }
        Self { alone: alone.into(), needing, automata: automata.into() }
    }

    /// Says which tests of a text hold.
    pub(super) fn read(&self, tables: &Tables, text: &str, filling: &mut Filling<'_>) {
        for test in &self.alone {
            test.settle(tables, text, filling);
        }
        if let Some(needing) = &self.needing {
            needing.read(tables, text, filling);
        }
        for automaton in &self.automata {
            automaton.read(tables, text, filling);
        }
    }
}

/// Whether an automaton has to stop at text that is not ASCII: kept apart, so that it does not stop for the others.
fn stops_early(hir: &Hir) -> bool {
    hir.properties().look_set().contains_word_unicode()
}

impl Needing {
    fn new(tests: Vec<(Test, Vec<Box<[u8]>>)>) -> Option<Self> {
        let mut of_literal: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (at, (_, literals)) in tests.iter().enumerate() {
            for literal in literals {
                of_literal.entry(literal).or_default().push(at);
            }
        }
        if of_literal.is_empty() {
            return None;
        }
        let literals = Finder::new(of_literal.keys().copied())?;
        let of_literal = Lists::new(of_literal.into_values());
        Some(Self { tests: tests.into_iter().map(|(test, _)| test).collect(), literals, of_literal })
    }

    fn read(&self, tables: &Tables, text: &str, filling: &mut Filling<'_>) {
        let (mut marks, mut tried) = (std::mem::take(filling.marks), std::mem::take(filling.tried));
        tried.begin(self.tests.len());
        let complete = self.literals.find(text, &mut marks, |literal| {
            for at in self.of_literal.get(literal) {
                if tried.add(*at)
                    && let Some(test) = self.tests.get(*at)
                {
                    test.settle(tables, text, filling);
                }
            }
        });
        if !complete {
            try_others(&self.tests, &tried, tables, text, filling);
        }
        (*filling.marks, *filling.tried) = (marks, tried);
    }
}

/// Tries the expressions that are not marked.
fn try_others(tests: &[Test], marks: &Marks, tables: &Tables, text: &str, filling: &mut Filling<'_>) {
    for (at, test) in tests.iter().enumerate() {
        if !marks.has(at) {
            test.settle(tables, text, filling);
        }
    }
}

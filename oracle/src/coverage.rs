//! What of the language a number of policies reaches: every variant of the syntax tree, of the typed tree and of the core
//! program, with how often it was seen.
//!
//! The lists are made by the same macros that take the trees apart, with exhaustive matches: a variant that is added
//! there does not compile here until it is listed, and then fails the test until the generator writes it.

mod core;
mod syntax;
mod typed;

use std::{any::Any, collections::BTreeMap};

use limitrate_compiler::{checked::Checked, ir::Program};
use limitrate_grammar::ast::File;

pub use self::syntax::{Visitor, Walk};

/// How often each variant was seen, those that never were included.
#[derive(Debug, Clone)]
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Default for Coverage {
    fn default() -> Self {
        let names = syntax::NAMES.iter().chain(typed::NAMES).chain(self::core::NAMES);
        Self(names.map(|name| (*name, 0)).collect())
    }
}

impl Coverage {
    /// Adds a syntax tree.
    pub fn add_syntax(&mut self, file: &File) {
        file.walk(self);
    }

    /// Adds a typed tree.
    pub fn add_typed(&mut self, checked: &Checked) {
        typed::walk(checked, &mut |name| self.note(name));
    }

    /// Adds a core program.
    pub fn add_program(&mut self, program: &Program) {
        self::core::walk(program, &mut |name| self.note(name));
    }

    /// Adds what others saw.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name).or_default() += count;
        }
    }

    /// Every variant that was never seen.
    pub fn unseen(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name)
    }

    /// Every variant with how often it was seen.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(name, count)| (*name, *count))
    }

    fn note(&mut self, name: &'static str) {
        *self.0.entry(name).or_default() += 1;
    }
}

impl Visitor for Coverage {
    fn visit(&mut self, name: &'static str, _: &dyn Any) {
        if self.0.contains_key(name) {
            self.note(name);
        }
    }
}

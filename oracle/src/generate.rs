//! Random policies, as text. Nearly all of them are well typed; what the compiler rejects is counted and made anew.
//!
//! A policy declares some of a fixed stock of facts and things, and writes rules over what it declared. Names that a
//! policy invents end in a number that stands nowhere else in it, so that a name can be changed wherever it stands.

mod condition;
mod declare;
mod facts;
mod large;
mod limit;
mod rule;
mod value;

use std::fmt::Write as _;

use self::{declare::Table, facts::Fact};
use crate::random::Random;

pub use large::large;

/// The type of an expression, as far as the generator tells types apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ty {
    Bool,
    Int,
    /// Between 1 and 9, so that it divides.
    Few,
    Percent,
    /// An amount of the unit of this word.
    Amount(&'static str),
    /// A price, as it is written.
    Price(&'static str),
    Duration,
    Instant,
    Date,
    Clock,
    Text,
    Key,
    Ip,
    OneOf(&'static [&'static str]),
    Plan,
    /// Requests a minute.
    Rate,
}

/// A policy while it is written.
struct Writer<'r> {
    random: &'r mut Random,
    text: String,
    facts: Vec<Fact>,
    /// The facts of `std.http` are in scope.
    http: bool,
    images: bool,
    plans: Vec<&'static str>,
    hierarchy: bool,
    /// Sets by the type of their members.
    sets: Vec<(String, Ty)>,
    schedules: Vec<String>,
    calendars: Vec<String>,
    tables: Vec<Table>,
    functions: Vec<(String, Vec<Ty>, Ty)>,
    /// What is in scope in a block: `let`s, and the parameters of a function.
    lets: Vec<(String, Ty)>,
    /// Optional facts that are known to be there.
    present: Vec<&'static str>,
    /// What is known only after the response may be used.
    after: bool,
    next: usize,
}

/// A small policy with a bit of everything: a few rules over a few facts.
#[must_use]
pub fn policy(random: &mut Random) -> String {
    let mut writer = Writer::new(random);
    writer.declarations();
    let rules = 1 + writer.random.below(5);
    for _ in 0..rules {
        writer.rule();
    }
    writer.downgraded();
    writer.text
}

impl<'r> Writer<'r> {
    fn new(random: &'r mut Random) -> Self {
        Self {
            random,
            text: String::new(),
            facts: Vec::new(),
            http: false,
            images: false,
            plans: Vec::new(),
            hierarchy: false,
            sets: Vec::new(),
            schedules: Vec::new(),
            calendars: Vec::new(),
            tables: Vec::new(),
            functions: Vec::new(),
            lets: Vec::new(),
            present: Vec::new(),
            after: false,
            next: 0,
        }
    }

    /// A name that stands nowhere else: `limit_7`.
    fn name(&mut self, word: &str) -> String {
        self.next += 1;
        format!("{word}_{}", self.next)
    }

    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    /// One of some texts, made.
    fn one(&mut self, choices: &[&str]) -> String {
        self.random.pick(choices).to_owned()
    }

    /// A member of a list, copied.
    fn some<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        self.random.of(choices).cloned()
    }
}

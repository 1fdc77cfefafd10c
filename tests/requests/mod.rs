//! Random requests to any policy, and the policies of the examples.

use limitrate::{
    compiler::{ir::Program, pipeline::compile_with, request::Request},
    core::facts::{FactType, OwnedValue},
    prelude::*,
    runtime::load::FileLoader,
};

use crate::policies::{files, short};

/// Random facts of one request, each of its type.
pub(crate) struct Facts {
    pub(crate) values: Vec<Option<OwnedValue>>,
    pub(crate) now: Timestamp,
}

impl Request for Facts {
    fn value(&self, fact: FactId) -> Value<'_> {
        let value = self.values.get(usize::from(fact.0)).and_then(Option::as_ref);
        value.map_or(Value::Absent, OwnedValue::borrow)
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

/// The numbers that a request is made of, one after the other.
struct Numbers<'n> {
    numbers: &'n [u32],
    at: usize,
}

impl Numbers<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.at += 1;
        let number = self.numbers.get(self.at % self.numbers.len()).copied().unwrap_or(0);
        usize::try_from(number).unwrap() % bound.max(1)
    }

    fn one<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts.get(self.below(texts.len())).copied().unwrap_or("x")
    }
}

/// A request made of numbers, with texts and paths that the policy looks for.
pub(crate) fn facts(program: &Program, numbers: &[u32]) -> Facts {
    let mut numbers = Numbers { numbers, at: 0 };
    let paths: Vec<String> =
        program.tables.patterns.iter().map(|pattern| pattern.to_string().replace(['*', ':'], "x")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).chain(["/", "/v1"]).collect();
    let texts: Vec<&str> =
        program.tables.texts.iter().map(String::as_str).chain(["ada", "GET", "POST"]).collect();
    let values = program.facts.iter().zip((0..).map(FactId)).map(|(fact, id)| {
        if fact.decl.optional && numbers.below(3) == 0 {
            return None;
        }
        let number = i64::try_from(numbers.below(1_000)).unwrap();
        Some(match &fact.decl.ty {
            FactType::Bool => OwnedValue::Bool(number % 2 == 0),
            FactType::Int { min, max } => OwnedValue::Int(number.clamp(*min, *max)),
            FactType::String | FactType::Key if program.http.is_some_and(|http| http.path == id) => {
                OwnedValue::Str(numbers.one(&paths).into())
            }
            FactType::String | FactType::Key => OwnedValue::Str(numbers.one(&texts).into()),
            FactType::OneOf(members) | FactType::Plan(members) => {
                OwnedValue::Str(members.get(numbers.below(members.len())).cloned().unwrap_or_default())
            }
            FactType::Ip => OwnedValue::Ip(std::net::Ipv4Addr::new(203, 0, 113, 7).into()),
            FactType::Percent
            | FactType::Quantity(_)
            | FactType::Price(_)
            | FactType::Duration
            | FactType::Instant
            | FactType::Date
            | FactType::Clock => OwnedValue::Int(number),
        })
    });
    let values = values.collect();
    let day = i64::try_from(numbers.below(3_000)).unwrap();
    Facts { values, now: Timestamp(1_600_000_000_000_000_000 + day * 3_600_000_000_000 * 7) }
}

/// All examples, by their files.
pub(crate) fn examples() -> Vec<(String, Policy)> {
    let compiled = files("examples", "rl").into_iter().map(|path| {
        let text = std::fs::read(&path).unwrap();
        let accepted = compile_with(&short(&path), &text, Engine::Interpreter, &FileLoader::beside(&path));
        (short(&path), accepted.unwrap().policy)
    });
    compiled.collect()
}

//! LimitRate.

use std::{cell::RefCell, fmt::Write as _};

use limitrate::{
    compiler::{policy::Scratch, request::Request},
    core::facts::{FactId, Value},
    prelude::{Engine, Policy, Timestamp},
};

use crate::rules::{Attributes, Rule, Test, Text};

/// The rules as a policy.
pub fn text(rules: &[Rule]) -> String {
    let mut text = String::from(
        "edition 2026\nuse std.http\ninput {\n  plan_name : string\n  region : string\n  country_code : string\n  \
         org : key\n  hour_of_day : int\n  size : int\n}\n",
    );
    for (number, rule) in rules.iter().enumerate() {
        let methods = rule.tests.iter().find_map(|test| match test {
            Test::OneOf(Text::Method, methods) => Some(methods.as_slice()),
            _ => None,
        });
        let any = ["ANY".to_owned()];
        let targets: Vec<String> =
            methods.unwrap_or(&any).iter().map(|method| format!("{method} \"{}**\"", rule.prefix)).collect();
        let conditions: Vec<String> = rule.tests.iter().filter_map(condition).collect();
        write!(text, "rule r{number} {{\n  on {}\n  ", targets.join(", ")).unwrap();
        if !conditions.is_empty() {
            write!(text, "if {} then ", conditions.join(" and ")).unwrap();
        }
        writeln!(text, "limit {} req/min per org\n}}", rule.limit).unwrap();
    }
    text
}

fn condition(test: &Test) -> Option<String> {
    Some(match test {
        Test::OneOf(Text::Method, _) => return None,
        Test::OneOf(text, values) => {
            let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
            format!("{} in {{{}}}", name(*text), values.join(", "))
        }
        Test::Hours(from, to) => format!("hour_of_day >= {from} and hour_of_day < {to}"),
        Test::CostAtLeast(least) => format!("size >= {least}"),
    })
}

const fn name(text: Text) -> &'static str {
    match text {
        Text::Plan => "plan_name",
        Text::Method => "method",
        Text::Region => "region",
        Text::Country => "country_code",
        Text::Org => "org",
    }
}

/// From text to runnable.
pub fn compile(text: &str, engine: Engine) -> Policy {
    match limitrate::compile("rules.rl", text.as_bytes(), engine) {
        Ok(accepted) => accepted.policy,
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

/// A policy with the places of its facts.
pub struct Ours {
    policy: Policy,
    facts: usize,
    places: [usize; 8],
}

/// The facts of one request by their number.
struct Facts<'a> {
    values: [Value<'a>; 16],
}

impl Request for Facts<'_> {
    fn value(&self, fact: FactId) -> Value<'_> {
        self.values.get(usize::from(fact.0)).copied().unwrap_or(Value::Absent)
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_767_614_400_000_000_000)
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Ours {
    pub fn new(rules: &[Rule], engine: Engine) -> Self {
        let policy = compile(&text(rules), engine);
        if engine == Engine::Native {
            assert_eq!(policy.interpreted(), None, "machine code is to be measured");
        }
        let facts = &policy.program().facts;
        let names = ["plan_name", "method", "path", "region", "country_code", "org", "hour_of_day", "size"];
        let places = names.map(|name| facts.iter().position(|fact| &*fact.decl.name == name).unwrap());
        Self { facts: facts.len(), policy, places }
    }

    /// The smallest limit that applies.
    pub fn decide(&self, attributes: &Attributes) -> Option<u32> {
        let mut facts = Facts { values: [Value::Absent; 16] };
        let given = [
            Value::Str(&attributes.plan),
            Value::Str(&attributes.method),
            Value::Str(&attributes.path),
            Value::Str(&attributes.region),
            Value::Str(&attributes.country),
            Value::Str(&attributes.org),
            Value::Int(attributes.hour),
            Value::Int(attributes.cost),
        ];
        debug_assert!(self.facts <= facts.values.len());
        for (place, value) in self.places.into_iter().zip(given) {
            facts.values[place] = value;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            self.policy.decide(&facts, scratch);
            scratch.sites.iter().map(|site| site.ceiling as u32).min()
        })
    }
}

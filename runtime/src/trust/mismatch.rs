//! An engine that was wrong, with all it takes to see it again.

mod write;

use std::fmt;

use limitrate_compiler::{
    ir::Program,
    outcome::{RawCharge, RawOutcome},
    policy::{Serving, Stage},
    request::Request,
};
use limitrate_core::{
    facts::{FactId, OwnedValue, Phase, Value},
    literal,
    time::Timestamp,
};
use serde_json::{Map, Value as Json, json};

pub use self::write::MAX_MISMATCHES;

/// What one engine made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The stratum that decided.
    pub outcome: RawOutcome,
    /// The sites that apply.
    pub sites: Vec<RawCharge>,
}

/// An engine was wrong and has been set aside. What it said reached nobody.
#[derive(Debug)]
pub struct Mismatch<'a> {
    pub(super) program: &'a Program,
    pub(super) text: Option<&'a str>,
    /// The engine that was wrong.
    pub engine: Serving,
    /// The engine that decides from now on.
    pub serving: Serving,
    /// What it was asked for.
    pub stage: Stage,
    /// What it said; `None` where that could not be an answer, whatever the request.
    pub found: Option<Answer>,
    /// What the reference interpreter says; `None` where it was not needed to know better.
    pub expected: Option<Answer>,
    /// The request; `None` where it is known no more.
    pub(super) request: Option<Sent>,
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = match self.engine {
            Serving::Native => "machine code",
            Serving::Interpreter => "the interpreter",
            Serving::Reference => "the reference interpreter",
        };
        let wrong = match self.found {
            Some(_) => "decided otherwise than the reference interpreter",
            None => "wrote what it cannot have found",
        };
        write!(f, "{engine} {wrong} and was set aside; serving: {}", self.serving)
    }
}

/// The facts of a request and its instant.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    facts: Vec<(FactId, OwnedValue)>,
    now: Timestamp,
}

impl Sent {
    pub(super) fn of(program: &Program, request: &impl Request) -> Self {
        let known =
            (0..).map(FactId).zip(&program.facts).filter(|(_, fact)| fact.decl.phase == Phase::Request);
        let facts = known.filter_map(|(id, _)| Some((id, OwnedValue::of(request.value(id))?)));
        Self { facts: facts.collect(), now: request.now() }
    }
}

impl Mismatch<'_> {
    /// The request as a line of recorded traffic, which `rlc eval --facts` takes: its facts with defaults in place, and its
    /// instant. Empty where the request is not known.
    ///
    /// It holds what the request said, keys included: keep it as you keep your traffic.
    #[must_use]
    pub fn facts(&self) -> String {
        let Some(request) = &self.request else { return String::new() };
        let mut object = Map::new();
        object.insert("t".to_owned(), Json::String(literal::write_instant(request.now).to_string()));
        for (fact, value) in &request.facts {
            let value = match value.borrow() {
                Value::Absent => continue,
                Value::Bool(value) => Json::Bool(value),
                Value::Int(value) => Json::from(value),
                Value::Str(text) => Json::from(text),
                Value::Ip(ip) => Json::String(ip.to_string()),
            };
            object.insert(self.program.fact_name(*fact).to_owned(), value);
        }
        Json::Object(object).to_string()
    }

    /// The policy, where its text is known; else the program that it was compiled to.
    #[must_use]
    pub fn policy(&self) -> String {
        self.text.map_or_else(|| self.program.to_string(), str::to_owned)
    }

    /// What was said and what is right, as JSON.
    #[must_use]
    pub fn answers(&self) -> String {
        let stage = match self.stage {
            Stage::Decision => "decision",
            Stage::Report => "report",
        };
        let document = json!({
            "schema": "limitrate/mismatch/v1",
            "engine": self.engine.to_string(),
            "serving": self.serving.to_string(),
            "stage": stage,
            "found": self.found.as_ref().map(|answer| self.answer(answer)),
            "expected": self.expected.as_ref().map(|answer| self.answer(answer)),
        });
        format!("{document:#}\n")
    }

    fn answer(&self, answer: &Answer) -> Json {
        let outcome = match answer.outcome {
            RawOutcome::Deny => "deny",
            RawOutcome::Exempt => "exempt",
            RawOutcome::Charges => "charges",
        };
        let sites: Vec<Json> = answer.sites.iter().map(|site| self.site(answer.outcome, site)).collect();
        json!({ "outcome": outcome, "sites": sites })
    }

    fn site(&self, outcome: RawOutcome, raw: &RawCharge) -> Json {
        let program = self.program;
        let position = usize::try_from(raw.site).unwrap_or(usize::MAX);
        let origin = |at: usize| program.origins.get(at).map(|origin| origin.name.as_str());
        let name = match outcome {
            RawOutcome::Deny => program.denies.get(position).and_then(|site| origin(site.origin)),
            RawOutcome::Exempt => program.exempts.get(position).and_then(|site| origin(site.origin)),
            RawOutcome::Charges => {
                let limit = program.charges.get(position).map(|site| site.limit.0 as usize);
                limit.and_then(|limit| program.limits.get(limit)).map(|limit| limit.name.as_str())
            }
        };
        json!({ "site": raw.site, "name": name, "ceiling": raw.ceiling, "cost": raw.cost })
    }
}

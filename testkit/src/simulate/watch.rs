//! Looking over the shoulder of a simulation: each request and what became of it.

use limitrate_compiler::ir::Program;
use limitrate_core::time::Timestamp;
use limitrate_runtime::{Cause, Decision, Outcome};

use super::{AnyLimiter, tally::plan};
use crate::traffic::Record;

/// Is told of every decision of a simulation.
pub trait Watch {
    /// A request was decided.
    fn decided(&mut self, seen: &Seen<'_>);

    /// The replay begins again: everything told so far does not count.
    fn restarted(&mut self);
}

/// A decided request.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The number of its line, from 1.
    pub line: u64,
    /// When it came.
    pub at: Timestamp,
    program: &'a Program,
    decision: &'a Decision<'a>,
    record: &'a Record<'a>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(limiter: &'a AnyLimiter, decision: &'a Decision<'a>, record: &'a Record<'a>) -> Self {
        let program = limiter.policy().program();
        Self { line: record.line, at: record.at, program, decision, record }
    }

    /// Whether it went through.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.decision.outcome().passes()
    }

    /// What refused it: the first limit that did not fit, the rule that denies, or `input`.
    #[must_use]
    pub fn refused_by(&self) -> Option<&'a str> {
        if self.passes() {
            return None;
        }
        if let Cause::Input(_) = self.decision.cause() {
            Some("input")
        } else if self.decision.outcome() == Outcome::Deny {
            self.decision.rules().next()
        } else {
            self.decision.limited_by().next()
        }
    }

    /// The request's plan, as the policy declares it.
    #[must_use]
    pub fn plan(&self) -> Option<&'a str> {
        let plan = plan(self.program, self.program.plan_fact?, self.record);
        self.program.plans.get(plan).map(String::as_str)
    }
}

//! The facts of a response: they are added to what is kept of the request that they answer.

use limitrate_compiler::{Policy, ir::Program};
use limitrate_core::facts::{FactId, OwnedValue, Phase, Value};
use smallvec::SmallVec;

use super::{Binder, Bound, InputProblem, Problem, checked};
use crate::running::Snapshot;

/// Facts of the request whose text some slot compares with a fact of the response.
pub(super) fn kept(program: &Program) -> Box<[FactId]> {
    let compared = program.slots.iter().map(|slot| slot.facts()).filter_map(|both| match both {
        [Some(a), Some(b)] if is_response(program, a) != is_response(program, b) => {
            Some(if is_response(program, a) { b } else { a })
        }
        _ => None,
    });
    let mut kept: Vec<FactId> = compared.collect();
    kept.sort_unstable();
    kept.dedup();
    kept.into()
}

/// Whether a fact is known only after the response.
fn is_response(program: &Program, fact: FactId) -> bool {
    program.facts.get(usize::from(fact.0)).is_some_and(|fact| fact.decl.phase == Phase::Response)
}

impl Binder {
    /// What the settlement of a request will need of it.
    pub(crate) fn snapshot(&self, policy: &Policy, bound: &Bound<'_>) -> Snapshot {
        let kept = self.kept.iter().filter_map(|fact| Some((*fact, OwnedValue::of(bound.get(*fact))?)));
        Snapshot { frame: policy.keep(bound), kept: kept.collect() }
    }

    /// Fills `bound`, which is new, with the facts of a response, and those of its request that they are compared with. One that is
    /// malformed is absent, and reported.
    ///
    /// A fact that stands twice takes the later value; facts of the request are not looked at.
    pub(crate) fn respond<'a>(
        &self,
        program: &'a Program,
        request: &'a Snapshot,
        facts: &[(FactId, Value<'a>)],
        bound: &mut Bound<'a>,
        problems: &mut SmallVec<[InputProblem; 1]>,
    ) {
        self.begin(program, bound);
        for (fact, value) in &request.kept {
            bound.set(usize::from(fact.0), value.borrow());
        }
        for (fact, value) in facts.iter().filter(|(_, value)| *value != Value::Absent) {
            let position = usize::from(fact.0);
            let Some(declared) = program.facts.get(position) else {
                problems.push(InputProblem { fact: *fact, problem: Problem::Undeclared });
                continue;
            };
            if declared.decl.phase != Phase::Response {
                continue;
            }
            match (checked(&declared.decl, *value), &declared.decl.otherwise) {
                (Ok(value), _) => bound.set(position, value),
                (Err(_), Some(otherwise)) => bound.set(position, otherwise.borrow()),
                (Err(problem), None) => {
                    bound.set(position, Value::Absent);
                    problems.push(InputProblem { fact: *fact, problem });
                }
            }
        }
    }
}

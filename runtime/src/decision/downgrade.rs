//! The second pass of a request that every failing limit would rather have downgraded.

use limitrate_compiler::{Policy, ir::LimitInfo};
use limitrate_core::{
    charge::Mode,
    facts::{FactId, OwnedValue, Value},
    literal,
};

use super::{Decision, LimitDecision, LimitDecisions, Outcome, named};

/// The facts that `on exceed downgrade` changes in one request.
// A vector, since a `SmallVec` would tie a decision to exactly one lifetime of its policy.
pub(crate) type Changes<'p> = Vec<(FactId, &'p OwnedValue)>;

/// What became of changing some facts of a request that did not fit as it came.
#[derive(Debug, Clone)]
pub struct Downgrade<'p> {
    pub(crate) changes: Changes<'p>,
    /// The limits of the pass that the decision does not stand on: the first where the request passes, else the second.
    pub(crate) other: LimitDecisions,
}

impl<'p> Downgrade<'p> {
    /// The facts with the values that they take.
    pub fn changes(&self) -> impl Iterator<Item = (FactId, &'p OwnedValue)> {
        self.changes.iter().copied()
    }
}

impl<'p> Decision<'p> {
    /// The facts that are changed where the request was downgraded. The caller goes on with these.
    #[must_use]
    pub fn downgrade(&self) -> Option<&Downgrade<'p>> {
        if self.outcome == Outcome::Downgrade { self.tried() } else { None }
    }

    /// The facts of the request with those that the downgrade changes in place: the facts that the decision stands on.
    #[must_use]
    pub fn with_changes<'f>(&'f self, facts: &[(FactId, Value<'f>)]) -> Vec<(FactId, Value<'f>)> {
        let changes = self.downgrade().into_iter().flat_map(Downgrade::changes);
        let mut all: Vec<(FactId, Value<'f>)> = facts.to_vec();
        for (fact, value) in changes {
            all.retain(|(known, _)| *known != fact);
            all.push((fact, value.borrow()));
        }
        all
    }

    /// The names of the facts that the downgrade changes, with their values as the language writes them, without quotes.
    #[must_use]
    pub fn changed(&self) -> Vec<(String, String)> {
        let program = self.policy.program();
        let changes = self.downgrade().into_iter().flat_map(Downgrade::changes);
        let named = changes.filter_map(|(fact, value)| {
            let declared = program.facts.get(usize::from(fact.0))?;
            Some((declared.decl.name.to_string(), literal::write_fact(&declared.decl.ty, value.borrow())))
        });
        named.collect()
    }

    /// The downgrade that was tried, whether or not the request passes with it.
    #[must_use]
    pub fn tried(&self) -> Option<&Downgrade<'p>> {
        self.extra.as_ref().and_then(|extra| extra.downgrade.as_ref())
    }

    /// What limits made of the request as it came, by name.
    pub fn first_pass(&self) -> impl Iterator<Item = (&'p LimitInfo, &LimitDecision)> {
        let other = self.downgrade().map(|downgrade| &downgrade.other);
        pass(self.policy, other.unwrap_or(&self.limits))
    }

    /// What limits made of the request with its facts changed, by name; nothing where that was not tried, or a rule
    /// denies or exempts the request then.
    pub fn second_pass(&self) -> impl Iterator<Item = (&'p LimitInfo, &LimitDecision)> {
        let limits: &[LimitDecision] = match (self.outcome, self.tried()) {
            (Outcome::Downgrade, _) => &self.limits,
            (_, Some(tried)) => &tried.other,
            (_, None) => &[],
        };
        pass(self.policy, limits)
    }
}

fn pass<'d, 'p>(
    policy: &'p Policy,
    limits: &'d [LimitDecision],
) -> impl Iterator<Item = (&'p LimitInfo, &'d LimitDecision)> + use<'d, 'p> {
    named(policy, limits).filter(|(_, limit)| limit.mode != Mode::Shadow)
}

//! Checks that a program keeps the invariants that the interpreter and the code generator rely on.

use limitrate_core::charge::Mode;

use super::{ChargeSite, Exceed, Node, NodeId, Program, arithmetic, slot::Slot};
use crate::checked::Arithmetic;

/// An invariant that a program breaks: a bug of the compiler, never of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A node uses one that does not come before it.
    #[error("node {0} uses a node that does not come before it")]
    Order(usize),
    /// A node reads a slot that the frame does not have.
    #[error("node {0} reads a slot outside the frame")]
    Slot(usize),
    /// A price has a divisor outside its bounds.
    #[error("node {0} divides by what is no divisor of a price")]
    Divisor(usize),
    /// A site refers to a node, limit or origin that is not there.
    #[error("site {0} refers to something that is not there")]
    Site(usize),
    /// A slot refers to a fact or table entry that is not there.
    #[error("slot {0} refers to something that is not there")]
    Table(usize),
}

/// Checks the invariants of a program.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn verify(program: &Program) -> Result<(), Malformed> {
    for (i, node) in program.nodes.iter().enumerate() {
        let before = |id: NodeId| (id.0 as usize) < i;
        let ordered = match *node {
            Node::Const(_) => true,
            Node::Slot(slot) => {
                if slot.0 as usize >= program.slots.len() {
                    return Err(Malformed::Slot(i));
                }
                true
            }
            Node::Not(a) => before(a),
            Node::Arithmetic(Arithmetic::Price(divisor), _, _)
                if !(1..=arithmetic::MAX_DIVISOR).contains(&divisor) =>
            {
                return Err(Malformed::Divisor(i));
            }
            Node::And(a, b) | Node::Or(a, b) | Node::Compare(_, a, b) | Node::Arithmetic(_, a, b) => {
                before(a) && before(b)
            }
            Node::Select(a, b, c) => before(a) && before(b) && before(c),
        };
        if !ordered {
            return Err(Malformed::Order(i));
        }
    }
    for (i, slot) in program.slots.iter().enumerate() {
        if !slot_is_backed(program, *slot) {
            return Err(Malformed::Table(i));
        }
    }
    let node = |id: NodeId| (id.0 as usize) < program.nodes.len();
    let origin = |at: usize| at < program.origins.len();
    let denies = program.denies.iter().map(|d| node(d.when) && origin(d.origin));
    let exempts = program.exempts.iter().map(|e| node(e.when) && origin(e.origin));
    let charges = program.charges.iter().map(|c| {
        node(c.when)
            && node(c.ceiling)
            && node(c.cost)
            && origin(c.origin)
            && (c.limit.0 as usize) < program.limits.len()
            && c.settle.is_none_or(|(settlement, _)| settlement < program.settlements.len())
            && has_its_mode(program, c)
    });
    let reports = program.reports.iter().map(|r| node(r.when) && origin(r.origin));
    let settlements = program.settlements.iter().map(|s| node(s.known) && node(s.actual));
    match denies.chain(exempts).chain(charges).chain(reports).chain(settlements).position(|fine| !fine) {
        Some(site) => Err(Malformed::Site(site)),
        None => Ok(()),
    }
}

/// Whether a charge is in shadow where its limit is, and soft where it is allowed past the ceiling.
fn has_its_mode(program: &Program, charge: &ChargeSite) -> bool {
    let shadow = program.limits.get(charge.limit.0 as usize).is_some_and(|limit| limit.shadow);
    let wanted = match (shadow, &charge.exceed) {
        (true, _) => Mode::Shadow,
        (false, Exceed::Allow) => Mode::Soft,
        (false, Exceed::Reject | Exceed::Deny { .. } | Exceed::Downgrade { .. }) => Mode::Enforce,
    };
    charge.mode == wanted
}

fn slot_is_backed(program: &Program, slot: Slot) -> bool {
    let tables = &program.tables;
    let entry = match slot {
        Slot::Route(_, i) => i < tables.patterns.len(),
        Slot::InNets(_, i) => i < tables.nets.len(),
        Slot::Has(_, i) => i < tables.parts.len(),
        Slot::Like(_, i) => i < tables.globs.len(),
        Slot::Matches(_, i) => i < tables.regexes.len(),
        Slot::Rollout(_, i) => i < tables.rollouts.len(),
        Slot::Schedule(i) => i < tables.schedules.len(),
        Slot::SameText(..)
        | Slot::SameAddress(..)
        | Slot::Length(_)
        | Slot::Value(_)
        | Slot::Present(_)
        | Slot::Text(_)
        | Slot::Now => true,
    };
    entry && slot.facts().into_iter().flatten().all(|fact| usize::from(fact.0) < program.facts.len())
}

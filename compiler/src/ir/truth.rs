//! Which nodes are never anything but 0 or 1.

use limitrate_core::facts::FactType;

use super::{Node, NodeId, Program, slot::Slot};

/// The nodes of a program that are 0 or 1 for every request. `and` and `or` work on bits, so that only of these does one
/// operand settle the result.
#[derive(Debug)]
pub struct Truths(Box<[u64]>);

impl Truths {
    /// Finds them.
    #[must_use]
    pub fn of(program: &Program) -> Self {
        let mut truths = Self(vec![0; program.nodes.len().div_ceil(64)].into());
        for (id, node) in (0..).map(NodeId).zip(&program.nodes) {
            let is_truth = match *node {
                Node::Const(value) => matches!(value, 0 | 1),
                Node::Slot(slot) => {
                    program.slots.get(slot.0 as usize).is_some_and(|slot| slot_is_truth(program, *slot))
                }
                Node::Not(_) | Node::Compare(..) => true,
                Node::And(a, b) | Node::Or(a, b) | Node::Select(_, a, b) => {
                    truths.holds(a) && truths.holds(b)
                }
                Node::Arithmetic(..) => false,
            };
            if is_truth && let Some(word) = truths.0.get_mut(id.0 as usize / 64) {
                *word |= 1 << (id.0 % 64);
            }
        }
        truths
    }

    /// Whether a node is never anything but 0 or 1.
    #[must_use]
    #[inline]
    pub fn holds(&self, node: NodeId) -> bool {
        self.0.get(node.0 as usize / 64).is_some_and(|word| word >> (node.0 % 64) & 1 != 0)
    }
}

fn slot_is_truth(program: &Program, slot: Slot) -> bool {
    match slot {
        Slot::Value(fact) => {
            program.facts.get(usize::from(fact.0)).is_some_and(|fact| fact.decl.ty == FactType::Bool)
        }
        Slot::Present(_) | Slot::SameText(..) | Slot::SameAddress(..) | Slot::Schedule(_) => true,
        Slot::Text(_) | Slot::Length(_) | Slot::Rollout(..) | Slot::Now => false,
        Slot::Route(..) | Slot::InNets(..) | Slot::Has(..) | Slot::Like(..) | Slot::Matches(..) => true,
    }
}

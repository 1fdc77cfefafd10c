//! Builds the expression graph: every node once, constants folded, operands before their users.

use hashbrown::HashMap;

use super::{Node, NodeId, SlotId, arithmetic, slot::Slot};
use crate::checked::{Arithmetic, Comparison};

/// A graph that grows.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    known: HashMap<Node, NodeId>,
    slots: Vec<Slot>,
    known_slots: HashMap<Slot, SlotId>,
}

impl Graph {
    /// The finished nodes and slots.
    #[must_use]
    pub fn finish(self) -> (Vec<Node>, Vec<Slot>) {
        (self.nodes, self.slots)
    }

    fn node(&mut self, node: Node) -> NodeId {
        let next = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        *self.known.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            next
        })
    }

    fn value(&self, id: NodeId) -> Option<i64> {
        match self.nodes.get(id.0 as usize) {
            Some(Node::Const(value)) => Some(*value),
            _ => None,
        }
    }

    /// A constant.
    pub fn constant(&mut self, value: i64) -> NodeId {
        self.node(Node::Const(value))
    }

    /// A constant truth value.
    pub fn truth(&mut self, value: bool) -> NodeId {
        self.constant(i64::from(value))
    }

    /// What a slot holds.
    pub fn slot(&mut self, slot: Slot) -> NodeId {
        let next = SlotId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        let id = *self.known_slots.entry(slot).or_insert_with(|| {
            self.slots.push(slot);
            next
        });
        self.node(Node::Slot(id))
    }

    /// Logical not.
    pub fn not(&mut self, a: NodeId) -> NodeId {
        match (self.value(a), self.nodes.get(a.0 as usize)) {
            (Some(value), _) => self.truth(value == 0),
            (_, Some(Node::Not(inner))) => *inner,
            _ => self.node(Node::Not(a)),
        }
    }

    /// Logical and.
    pub fn and(&mut self, a: NodeId, b: NodeId) -> NodeId {
        match (self.value(a), self.value(b)) {
            (Some(0), _) | (_, Some(0)) => self.truth(false),
            (Some(_), _) => b,
            (_, Some(_)) => a,
            _ if a == b => a,
            _ => self.node(Node::And(a.min(b), a.max(b))),
        }
    }

    /// Logical or.
    pub fn or(&mut self, a: NodeId, b: NodeId) -> NodeId {
        match (self.value(a), self.value(b)) {
            (Some(0), _) => b,
            (_, Some(0)) => a,
            (Some(_), _) | (_, Some(_)) => self.truth(true),
            _ if a == b => a,
            _ => self.node(Node::Or(a.min(b), a.max(b))),
        }
    }

    /// A comparison.
    pub fn compare(&mut self, comparison: Comparison, a: NodeId, b: NodeId) -> NodeId {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.constant(arithmetic::compare(comparison, a, b)),
            _ => self.node(Node::Compare(comparison, a, b)),
        }
    }

    /// Saturating arithmetic.
    pub fn arithmetic(&mut self, operation: Arithmetic, a: NodeId, b: NodeId) -> NodeId {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.constant(arithmetic::apply(operation, a, b)),
            _ => self.node(Node::Arithmetic(operation, a, b)),
        }
    }

    /// A choice.
    pub fn select(&mut self, condition: NodeId, then: NodeId, otherwise: NodeId) -> NodeId {
        match self.value(condition) {
            Some(0) => otherwise,
            Some(_) => then,
            None if then == otherwise => then,
            None => self.node(Node::Select(condition, then, otherwise)),
        }
    }
}

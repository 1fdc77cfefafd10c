//! Evaluation on demand: only the nodes that an answer needs, and of the frame only what those read.

use super::Values;
use crate::ir::{Node, NodeId, Program, SlotId, arithmetic, truth::Truths};

/// What was evaluated for one request. Used again for the next without being cleared as a whole.
#[derive(Debug, Default)]
pub struct Demand {
    values: Values,
    /// By node: the request for which it was evaluated.
    stamps: Vec<u32>,
    stamp: u32,
    open: Vec<NodeId>,
}

impl Demand {
    /// Begins another request: nothing was evaluated for it.
    pub fn begin(&mut self, program: &Program) {
        if self.stamps.len() != program.nodes.len() || self.stamp == u32::MAX {
            self.stamps.clear();
            self.stamps.resize(program.nodes.len(), 0);
            self.values.0.resize(program.nodes.len(), 0);
            self.stamp = 0;
        }
        self.stamp += 1;
    }

    /// What was evaluated. Nodes that were not hold anything.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// Evaluates a node, without recursion; `slot` reads the frame.
    pub fn value(
        &mut self,
        program: &Program,
        truths: &Truths,
        node: NodeId,
        mut slot: impl FnMut(SlotId) -> i64,
    ) -> i64 {
        self.open.clear();
        self.open.push(node);
        while let Some(&id) = self.open.last() {
            let Some(node) = program.nodes.get(id.0 as usize).filter(|_| self.known(id).is_none()) else {
                self.open.pop();
                continue;
            };
            match self.step(*node, truths, &mut slot) {
                Ok(value) => {
                    self.set(id, value);
                    self.open.pop();
                }
                Err(needed) => self.open.push(needed),
            }
        }
        self.known(node).unwrap_or(0)
    }

    /// The value of a node, or the operand that is needed first.
    fn step(&self, node: Node, truths: &Truths, slot: &mut impl FnMut(SlotId) -> i64) -> Result<i64, NodeId> {
        let of = |id: NodeId| self.known(id).ok_or(id);
        Ok(match node {
            Node::Const(value) => value,
            Node::Slot(id) => slot(id),
            Node::Not(a) => i64::from(of(a)? == 0),
            Node::And(a, b) => match of(a)? {
                0 => 0,
                a => a & of(b)?,
            },
            Node::Or(a, b) => match of(a)? {
                1 if truths.holds(b) => 1,
                a => a | of(b)?,
            },
            Node::Compare(comparison, a, b) => arithmetic::compare(comparison, of(a)?, of(b)?),
            Node::Arithmetic(operation, a, b) => arithmetic::apply(operation, of(a)?, of(b)?),
            Node::Select(condition, a, b) => of(if of(condition)? != 0 { a } else { b })?,
        })
    }

    fn known(&self, id: NodeId) -> Option<i64> {
        let stamp = self.stamps.get(id.0 as usize)?;
        (*stamp == self.stamp).then(|| self.values.get(id))
    }

    fn set(&mut self, id: NodeId, value: i64) {
        let at = id.0 as usize;
        if let (Some(place), Some(stamp)) = (self.values.0.get_mut(at), self.stamps.get_mut(at)) {
            *place = value;
            *stamp = self.stamp;
        }
    }
}

//! Shapes: expressions with their slots and constants taken out, so that sites which differ in nothing else share code.

use hashbrown::HashMap;

use crate::ir::{Node, NodeId, Program, SlotId};

/// Expressions of more nodes have no code of their own: the code generator's time grows faster than the size of a
/// function. They are interpreted.
const MAX_NODES: usize = 1024;

/// What a shape computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Computes {
    /// Whether all of its roots are other than 0.
    Guard,
    /// Its two roots: a ceiling and a cost.
    Amounts,
}

/// An expression over numbered parameters: the same for all sites that share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shape {
    /// What it computes.
    pub computes: Computes,
    /// Operands before their users, by their position here. `Slot` and `Const` hold the position of a parameter: the
    /// offset of the slot in the frame in bytes, or the constant.
    pub nodes: Vec<Node>,
    /// The positions of what is asked for.
    pub roots: Vec<NodeId>,
    /// How many parameters there are.
    pub parameters: usize,
}

/// What one site gives to its shape.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) shape: Shape,
    pub(super) parameters: Vec<i64>,
    /// The slots that it reads.
    pub(super) slots: Vec<SlotId>,
}

/// Takes the slots and constants out of some expressions; `None` where there are too many nodes.
pub(super) fn fit(program: &Program, computes: Computes, roots: &[NodeId]) -> Option<Fitted> {
    let mut known: HashMap<NodeId, NodeId> = HashMap::new();
    let shape = Shape { computes, nodes: Vec::new(), roots: Vec::new(), parameters: 0 };
    let mut fitted = Fitted { shape, parameters: Vec::new(), slots: Vec::new() };
    for root in roots {
        let mut open = vec![*root];
        while let Some(&id) = open.last() {
            if known.contains_key(&id) {
                open.pop();
                continue;
            }
            let node = program.nodes.get(id.0 as usize).copied().unwrap_or(Node::Const(0));
            let before = open.len();
            let operands = node.operands().into_iter().flatten();
            open.extend(operands.filter(|operand| !known.contains_key(operand)));
            if open.len() == before {
                let next = fitted.shape.nodes.len();
                if next == MAX_NODES {
                    return None;
                }
                let node = fitted.node(node, &known);
                fitted.shape.nodes.push(node);
                known.insert(id, position(next));
                open.pop();
            }
            if open.len() > 4 * MAX_NODES {
                return None;
            }
        }
        fitted.shape.roots.push(of(&known, *root));
    }
    fitted.shape.parameters = fitted.parameters.len();
    Some(fitted)
}

impl Fitted {
    /// The node with its operands by their position here.
    fn node(&mut self, node: Node, known: &HashMap<NodeId, NodeId>) -> Node {
        let of = |id| of(known, id);
        match node {
            Node::Const(value) => {
                self.parameters.push(value);
                Node::Const(i64::try_from(self.parameters.len() - 1).unwrap_or(i64::MAX))
            }
            Node::Slot(slot) => {
                self.slots.push(slot);
                self.parameters.push(i64::from(slot.0) * 8);
                Node::Slot(SlotId(position(self.parameters.len() - 1).0))
            }
            Node::Not(a) => Node::Not(of(a)),
            Node::And(a, b) => Node::And(of(a), of(b)),
            Node::Or(a, b) => Node::Or(of(a), of(b)),
            Node::Compare(comparison, a, b) => Node::Compare(comparison, of(a), of(b)),
            Node::Arithmetic(operation, a, b) => Node::Arithmetic(operation, of(a), of(b)),
            Node::Select(a, b, c) => Node::Select(of(a), of(b), of(c)),
        }
    }
}

fn of(known: &HashMap<NodeId, NodeId>, id: NodeId) -> NodeId {
    known.get(&id).copied().unwrap_or(NodeId(0))
}

fn position(length: usize) -> NodeId {
    NodeId(u32::try_from(length).unwrap_or(u32::MAX))
}

//! Between which values each node of a program lies, whatever the request.

use limitrate_core::facts::FactType;

use crate::{
    checked::Arithmetic,
    ir::{ChargeSite, Node, NodeId, Program, arithmetic, slot::Slot},
};

/// A node's least and greatest value.
type Range = (i64, i64);

const ANY: Range = (i64::MIN, i64::MAX);
const TRUTH: Range = (0, 1);

/// The range of every node.
pub(super) struct Ranges(Vec<Range>);

impl Ranges {
    pub(super) fn of(program: &Program) -> Self {
        let mut ranges = Self(Vec::with_capacity(program.nodes.len()));
        // Operands come before the nodes that use them.
        for node in &program.nodes {
            let range = match *node {
                Node::Const(value) => (value, value),
                Node::Slot(slot) => {
                    program.slots.get(slot.0 as usize).map_or(ANY, |slot| of_slot(program, *slot))
                }
                Node::Not(_) | Node::And(..) | Node::Or(..) | Node::Compare(..) => TRUTH,
                Node::Arithmetic(operation, a, b) => of_arithmetic(operation, ranges.get(a), ranges.get(b)),
                Node::Select(condition, a, b) => match ranges.get(condition) {
                    (0, 0) => ranges.get(b),
                    (low, high) if low > 0 || high < 0 => ranges.get(a),
                    _ => hull(ranges.get(a), ranges.get(b)),
                },
            };
            ranges.0.push(range);
        }
        ranges
    }

    fn get(&self, node: NodeId) -> Range {
        self.0.get(node.0 as usize).copied().unwrap_or(ANY)
    }

    /// The lowest and highest ceiling of a charge; `None` where nothing bounds it.
    pub(super) fn ceiling(&self, site: &ChargeSite) -> Option<Range> {
        let (low, high) = self.get(site.ceiling);
        (high < i64::MAX).then_some((low.max(0), high.max(0)))
    }
}

fn hull(a: Range, b: Range) -> Range {
    (a.0.min(b.0), a.1.max(b.1))
}

fn of_slot(program: &Program, slot: Slot) -> Range {
    match slot {
        Slot::Value(fact) => match program.facts.get(usize::from(fact.0)).map(|fact| &fact.decl.ty) {
            Some(FactType::Bool) => TRUTH,
            // An optional fact that is absent reads as 0.
            Some(FactType::Int { min, max }) => ((*min).min(0), (*max).max(0)),
            Some(FactType::OneOf(members) | FactType::Plan(members)) => {
                (-1, i64::try_from(members.len()).unwrap_or(i64::MAX))
            }
            Some(FactType::Quantity(_) | FactType::Price(_) | FactType::Duration) => (0, i64::MAX),
            Some(
                FactType::Percent
                | FactType::Instant
                | FactType::Date
                | FactType::Clock
                | FactType::String
                | FactType::Key
                | FactType::Ip,
            )
            | None => ANY,
        },
        Slot::Present(_)
        | Slot::SameText(..)
        | Slot::SameAddress(..)
        | Slot::Route(..)
        | Slot::InNets(..)
        | Slot::Has(..)
        | Slot::Like(..)
        | Slot::Matches(..)
        | Slot::Schedule(_) => TRUTH,
        Slot::Text(_) | Slot::Length(_) | Slot::Rollout(..) => (0, i64::MAX),
        Slot::Now => ANY,
    }
}

/// Each operation takes its extremes at the ends of its operands, where a divisor is never 0.
fn of_arithmetic(operation: Arithmetic, a: Range, b: Range) -> Range {
    if matches!(operation, Arithmetic::Divide | Arithmetic::Ratio) && b.0 <= 0 && b.1 >= 0 {
        return ANY;
    }
    let ends = [(a.0, b.0), (a.0, b.1), (a.1, b.0), (a.1, b.1)];
    let values = ends.map(|(a, b)| arithmetic::apply(operation, a, b));
    let low = values.iter().copied().min().unwrap_or(i64::MIN);
    let high = values.iter().copied().max().unwrap_or(i64::MAX);
    (low, high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Arithmetic, arithmetic, of_arithmetic};

    const OPERATIONS: [Arithmetic; 9] = [
        Arithmetic::Add,
        Arithmetic::Sub,
        Arithmetic::Mul,
        Arithmetic::Scale,
        Arithmetic::Min,
        Arithmetic::Max,
        Arithmetic::Divide,
        Arithmetic::Ratio,
        Arithmetic::Price(1_000_000),
    ];

    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![-20..20_i64, -3_000_000..3_000_000_i64, any::<i64>()]
    }

    proptest! {
        #[test]
        fn a_result_lies_in_its_range(a in [value(), value(), value()], b in [value(), value(), value()]) {
            let ([mut a, mut b], operations) = ([a, b], OPERATIONS);
            a.sort_unstable();
            b.sort_unstable();
            for operation in operations {
                let (low, high) = of_arithmetic(operation, (a[0], a[2]), (b[0], b[2]));
                let value = arithmetic::apply(operation, a[1], b[1]);
                prop_assert!((low..=high).contains(&value), "{operation:?} {a:?} {b:?}");
            }
        }
    }
}

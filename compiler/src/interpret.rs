//! The reference meaning of a program: evaluate every node, then look at the sites in their strata.
//!
//! Written for clarity. Generated code must give the same bits; the crate `limitrate-oracle` compares them. So must [`demand`], which
//! evaluates no more than it is asked for.

pub mod demand;

use crate::{
    ir::{Node, NodeId, Program, arithmetic},
    outcome::{RawCharge, RawOutcome},
};

/// Reusable memory of the interpreter.
#[derive(Debug, Default, Clone)]
pub struct Values(Vec<i64>);

impl Values {
    /// What a node came out as; 0 for a node that was not evaluated.
    #[must_use]
    pub fn get(&self, node: NodeId) -> i64 {
        self.0.get(node.0 as usize).copied().unwrap_or(0)
    }

    /// Evaluates every node of `program` over `frame`. A frame that is too short reads as 0.
    pub fn evaluate(&mut self, program: &Program, frame: &[i64]) {
        self.0.clear();
        for node in &program.nodes {
            let value = match *node {
                Node::Const(value) => value,
                Node::Slot(slot) => frame.get(slot.0 as usize).copied().unwrap_or(0),
                Node::Not(a) => i64::from(self.get(a) == 0),
                Node::And(a, b) => self.get(a) & self.get(b),
                Node::Or(a, b) => self.get(a) | self.get(b),
                Node::Compare(comparison, a, b) => arithmetic::compare(comparison, self.get(a), self.get(b)),
                Node::Arithmetic(operation, a, b) => arithmetic::apply(operation, self.get(a), self.get(b)),
                Node::Select(condition, a, b) => self.get(if self.get(condition) != 0 { a } else { b }),
            };
            self.0.push(value);
        }
    }
}

/// Decides one request: denies before exempts before charges. `out` is cleared and gets the sites that apply.
pub fn decide(program: &Program, frame: &[i64], values: &mut Values, out: &mut Vec<RawCharge>) -> RawOutcome {
    values.evaluate(program, frame);
    out.clear();
    let site =
        |index: usize| RawCharge { site: i64::try_from(index).unwrap_or(i64::MAX), ceiling: 0, cost: 0 };
    for (i, deny) in program.denies.iter().enumerate() {
        if values.get(deny.when) != 0 {
            out.push(site(i));
        }
    }
    if !out.is_empty() {
        return RawOutcome::Deny;
    }
    for (i, exempt) in program.exempts.iter().enumerate() {
        if values.get(exempt.when) != 0 {
            out.push(site(i));
        }
    }
    if !out.is_empty() {
        return RawOutcome::Exempt;
    }
    for (i, charge) in program.charges.iter().enumerate() {
        if values.get(charge.when) != 0 {
            let (ceiling, cost) = (values.get(charge.ceiling), values.get(charge.cost));
            out.push(RawCharge { ceiling, cost, ..site(i) });
        }
    }
    RawOutcome::Charges
}

/// What these settlements of `program` come to, over the frame of a request to which the facts of its response were
/// added; `None` where one that it needs is missing. `out` is cleared first.
pub fn settle(
    program: &Program,
    frame: &[i64],
    wanted: impl IntoIterator<Item = usize>,
    values: &mut Values,
    out: &mut Vec<Option<i64>>,
) {
    values.evaluate(program, frame);
    out.clear();
    out.extend(wanted.into_iter().map(|wanted| {
        let settlement = program.settlements.get(wanted)?;
        (values.get(settlement.known) != 0).then(|| values.get(settlement.actual))
    }));
}

/// The shadow denies and exempts that apply, by their position in [`Program::reports`]. `out` is cleared first.
pub fn report(program: &Program, frame: &[i64], values: &mut Values, out: &mut Vec<u32>) {
    out.clear();
    if program.reports.is_empty() {
        return;
    }
    values.evaluate(program, frame);
    let applies = program.reports.iter().zip(0..).filter(|(site, _)| values.get(site.when) != 0);
    out.extend(applies.map(|(_, position)| position));
}

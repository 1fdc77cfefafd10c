//! Sites in the order in which they are evaluated, and what is left to evaluate of each once it is a candidate.

use std::ops::Range;

use hashbrown::HashMap;

use super::shape::{Computes, Shape, fit};
use crate::{
    classify::{Classifier, GroupId},
    ir::{Node, NodeId, Program, SlotId},
};

/// Where the sites of each stratum are in the one numbering of all: denies, exempts, charges, reports.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Strata {
    pub(super) exempts: u32,
    pub(super) charges: u32,
    pub(super) reports: u32,
    pub(super) end: u32,
}

impl Strata {
    pub(super) fn of(program: &Program) -> Self {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let exempts = count(program.denies.len());
        let charges = exempts.saturating_add(count(program.exempts.len()));
        let reports = charges.saturating_add(count(program.charges.len()));
        Self { exempts, charges, reports, end: reports.saturating_add(count(program.reports.len())) }
    }
}

/// A site as the program has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub(super) when: NodeId,
    /// Ceiling and cost, of a charge.
    pub(super) amounts: Option<(NodeId, NodeId)>,
}

/// Every site of a program, in order.
pub(super) fn written(program: &Program) -> impl Iterator<Item = Written> + '_ {
    let bare = |when| Written { when, amounts: None };
    let denies = program.denies.iter().map(move |site| bare(site.when));
    let exempts = program.exempts.iter().map(move |site| bare(site.when));
    let charges = program
        .charges
        .iter()
        .map(|site| Written { when: site.when, amounts: Some((site.ceiling, site.cost)) });
    let reports = program.reports.iter().map(move |site| bare(site.when));
    denies.chain(exempts).chain(charges).chain(reports)
}

/// What is left of a site.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The conditions that its selection did not settle and that are cheap to read.
    pub(crate) cheap: Guard,
    /// Those that are not: patterns, rollouts.
    pub(crate) costly: Guard,
    pub(crate) amounts: Amounts,
}

impl Site {
    /// Whether nothing of it is left.
    pub(super) fn is_settled(&self) -> bool {
        self.cheap.nodes.is_empty()
            && self.costly.nodes.is_empty()
            && matches!(self.amounts, Amounts::Fixed(..))
    }
}

/// Conditions that must all hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    /// Positions in the list of conditions; none where nothing is left.
    pub(super) nodes: Range<u32>,
    pub(crate) step: Option<u32>,
}

/// Ceiling and cost.
#[derive(Debug, Clone)]
pub(crate) enum Amounts {
    Fixed(i64, i64),
    Computed { ceiling: NodeId, cost: NodeId, step: Option<u32> },
}

/// Code that a site runs: what to read before, which body, with what.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "jit"), expect(dead_code, reason = "only code runs steps"))]
pub(super) struct Step {
    pub(super) groups: Range<u32>,
    pub(super) parameters: Range<u32>,
    pub(super) shape: u32,
}

/// What is left of all sites.
#[derive(Debug, Default)]
pub(super) struct Residues {
    pub(super) sites: Vec<Site>,
    pub(super) nodes: Vec<NodeId>,
    pub(super) steps: Vec<Step>,
    pub(super) groups: Vec<GroupId>,
    pub(super) parameters: Vec<i64>,
    pub(super) shapes: Vec<Shape>,
}

impl Residues {
    /// How many bytes they take, roughly.
    pub(super) fn bytes(&self) -> usize {
        let shapes: usize = self.shapes.iter().map(|shape| size_of_val(&*shape.nodes)).sum();
        size_of_val(&*self.sites)
            + size_of_val(&*self.nodes)
            + size_of_val(&*self.steps)
            + size_of_val(&*self.groups)
            + size_of_val(&*self.parameters)
            + shapes
    }
}

/// Builds [`Residues`], with each shape once.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    program: &'a Program,
    classifier: &'a Classifier,
    /// By node: whether it reads what costs much.
    costly: Vec<bool>,
    shapes: HashMap<Shape, u32>,
    pub(super) out: Residues,
}

impl<'a> Builder<'a> {
    pub(super) fn new(program: &'a Program, classifier: &'a Classifier) -> Self {
        let mut costly: Vec<bool> = Vec::with_capacity(program.nodes.len());
        for node in &program.nodes {
            let own = match *node {
                Node::Slot(slot) => program.slots.get(slot.0 as usize).is_some_and(|slot| slot.is_costly()),
                Node::Const(_)
                | Node::Not(_)
                | Node::And(..)
                | Node::Or(..)
                | Node::Compare(..)
                | Node::Arithmetic(..)
                | Node::Select(..) => {
                    let of = |id: &NodeId| costly.get(id.0 as usize).copied().unwrap_or(false);
                    node.operands().iter().flatten().any(of)
                }
            };
            costly.push(own);
        }
        Self { program, classifier, costly, shapes: HashMap::new(), out: Residues::default() }
    }

    /// Adds the next site, of which these conditions are left.
    pub(super) fn site(&mut self, site: Written, left: &[NodeId]) {
        let is_costly = |node: &&NodeId| self.costly.get(node.0 as usize).copied().unwrap_or(false);
        let cheap: Vec<NodeId> = left.iter().filter(|node| !is_costly(node)).copied().collect();
        let costly: Vec<NodeId> = left.iter().filter(is_costly).copied().collect();
        let (cheap, costly) = (self.guard(&cheap), self.guard(&costly));
        let amounts = match site.amounts {
            None => Amounts::Fixed(0, 0),
            Some((ceiling, cost)) => match (self.constant(ceiling), self.constant(cost)) {
                (Some(ceiling), Some(cost)) => Amounts::Fixed(ceiling, cost),
                _ => {
                    let step = self.step(Computes::Amounts, &[ceiling, cost]);
                    Amounts::Computed { ceiling, cost, step }
                }
            },
        };
        self.out.sites.push(Site { cheap, costly, amounts });
    }

    fn constant(&self, node: NodeId) -> Option<i64> {
        match self.program.nodes.get(node.0 as usize) {
            Some(Node::Const(value)) => Some(*value),
            _ => None,
        }
    }

    fn guard(&mut self, nodes: &[NodeId]) -> Guard {
        if nodes.is_empty() {
            return Guard::default();
        }
        let step = self.step(Computes::Guard, nodes);
        Guard { nodes: appended(&mut self.out.nodes, nodes), step }
    }

    fn step(&mut self, computes: Computes, roots: &[NodeId]) -> Option<u32> {
        let fitted = fit(self.program, computes, roots)?;
        let mut groups: Vec<GroupId> =
            fitted.slots.iter().map(|slot: &SlotId| self.classifier.group_of(*slot)).collect();
        groups.sort_unstable();
        groups.dedup();
        let next = count(self.out.shapes.len());
        let shape = match self.shapes.get(&fitted.shape) {
            Some(shape) => *shape,
            None => {
                self.out.shapes.push(fitted.shape.clone());
                self.shapes.insert(fitted.shape, next);
                next
            }
        };
        let groups = appended(&mut self.out.groups, &groups);
        let parameters = appended(&mut self.out.parameters, &fitted.parameters);
        self.out.steps.push(Step { groups, parameters, shape });
        Some(count(self.out.steps.len() - 1))
    }
}

/// Appends to a list and gives the positions.
fn appended<T: Copy>(list: &mut Vec<T>, items: &[T]) -> Range<u32> {
    let start = count(list.len());
    list.extend_from_slice(items);
    start..count(list.len())
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

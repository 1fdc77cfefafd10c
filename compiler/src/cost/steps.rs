//! Steps: how many nodes and statements are looked at for one request.
//!
//! A step is a value or condition that is computed, or a statement that is decided on; constants are none. What several
//! statements share is one step. Only rules that meet the request's route are counted: the others are never selected.

use crate::ir::{Node, NodeId, Program};

/// Counts the steps of rules and limits of plans.
pub(super) struct Steps<'p> {
    program: &'p Program,
    /// For each rule or plan, how many statements it has and what they need.
    origins: Vec<(usize, Vec<NodeId>)>,
    /// In which count each node and each origin was met last; 0 is never, 1 is in all.
    met: Vec<u32>,
    met_origins: Vec<u32>,
    count: u32,
    always: usize,
}

/// What is met in every count.
const ALWAYS: u32 = 1;

impl<'p> Steps<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        let mut origins: Vec<(usize, Vec<NodeId>)> = vec![(0, Vec::new()); program.origins.len()];
        let denies = program.denies.iter().map(|site| (site.origin, vec![site.when]));
        let exempts = program.exempts.iter().map(|site| (site.origin, vec![site.when]));
        let reports = program.reports.iter().map(|site| (site.origin, vec![site.when]));
        let charges = program.charges.iter();
        let charges = charges.map(|site| (site.origin, vec![site.when, site.ceiling, site.cost]));
        for (origin, needs) in denies.chain(exempts).chain(reports).chain(charges) {
            if let Some((statements, nodes)) = origins.get_mut(origin) {
                *statements += 1;
                nodes.extend(needs);
            }
        }
        Self {
            program,
            met: vec![0; program.nodes.len()],
            met_origins: vec![0; origins.len()],
            origins,
            count: ALWAYS,
            always: 0,
        }
    }

    /// Notes what is looked at for every request. To be called first.
    pub(super) fn always(&mut self, parts: &[usize]) {
        self.count = ALWAYS;
        self.always = self.look_at(parts);
    }

    /// The steps of requests that meet these parts, and those met always.
    pub(super) fn with(&mut self, parts: &[usize]) -> usize {
        self.count = self.count.saturating_add(1);
        self.always + self.look_at(parts)
    }

    fn look_at(&mut self, parts: &[usize]) -> usize {
        let mut steps = 0;
        let mut open: Vec<NodeId> = Vec::new();
        for part in parts {
            let (Some((statements, nodes)), Some(met)) =
                (self.origins.get(*part), self.met_origins.get_mut(*part))
            else {
                continue;
            };
            if *met == ALWAYS || *met == self.count {
                continue;
            }
            *met = self.count;
            steps += statements;
            open.extend(nodes);
        }
        while let Some(at) = open.pop() {
            let (Some(node), Some(met)) =
                (self.program.nodes.get(at.0 as usize), self.met.get_mut(at.0 as usize))
            else {
                continue;
            };
            if *met == ALWAYS || *met == self.count {
                continue;
            }
            *met = self.count;
            steps += usize::from(!matches!(node, Node::Const(_)));
            match *node {
                Node::Const(_) | Node::Slot(_) => {}
                Node::Not(a) => open.push(a),
                Node::And(a, b) | Node::Or(a, b) | Node::Compare(_, a, b) | Node::Arithmetic(_, a, b) => {
                    open.extend([a, b]);
                }
                Node::Select(a, b, c) => open.extend([a, b, c]),
            }
        }
        steps
    }
}

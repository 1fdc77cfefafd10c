//! What the nodes and sites of a program mean, as numbers that two programs can be compared by.
//!
//! Positions of facts, texts, plans and tables differ from program to program, so they are replaced by what they stand
//! for. The numbers are 64-bit hashes: equal meanings are equal, and different ones differ but for a chance of 2⁻⁶⁴.

use std::{
    collections::hash_map::DefaultHasher,
    fmt,
    hash::{Hash, Hasher},
};

use limitrate_core::facts::{FactId, FactType};

use crate::{
    checked::{Comparison, Counted},
    ir::{
        ChargeSite, Exceed, Node, NodeId, Piece, Program, SlotId,
        slot::{Slot, Subject},
    },
};

/// The meanings of one program.
pub(super) struct Meaning<'p> {
    program: &'p Program,
    /// Of each node.
    nodes: Vec<u64>,
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The meaning of what has no positions in it.
pub(super) fn words(value: impl fmt::Debug) -> u64 {
    hash(format!("{value:?}"))
}

impl<'p> Meaning<'p> {
    pub(super) fn of(program: &'p Program) -> Self {
        let mut meaning = Self { program, nodes: Vec::with_capacity(program.nodes.len()) };
        for node in &program.nodes {
            let of_node = meaning.compute(node);
            meaning.nodes.push(of_node);
        }
        meaning
    }

    /// What a node comes to.
    pub(super) fn node(&self, node: NodeId) -> u64 {
        self.nodes.get(node.0 as usize).copied().unwrap_or_default()
    }

    fn compute(&self, node: &Node) -> u64 {
        match node {
            Node::Const(value) => hash(("const", value)),
            Node::Slot(slot) => self.slot(*slot),
            Node::Not(a) => hash(("not", self.node(*a))),
            Node::And(a, b) => hash(("and", self.unordered(*a, *b))),
            Node::Or(a, b) => hash(("or", self.unordered(*a, *b))),
            Node::Compare(comparison, a, b) => {
                let (left, right) = (self.operand(*a, *b), self.operand(*b, *a));
                let equality = matches!(comparison, Comparison::Eq | Comparison::Ne);
                let sides = if equality { (left.min(right), left.max(right)) } else { (left, right) };
                hash(("compare", comparison, sides))
            }
            Node::Arithmetic(operation, a, b) => {
                hash(("arithmetic", operation, self.node(*a), self.node(*b)))
            }
            Node::Select(c, a, b) => hash(("select", self.node(*c), self.node(*a), self.node(*b))),
        }
    }

    fn unordered(&self, a: NodeId, b: NodeId) -> (u64, u64) {
        let (a, b) = (self.node(a), self.node(b));
        (a.min(b), a.max(b))
    }

    /// An operand of a comparison: a position beside a text, plan or member is the name at that position.
    fn operand(&self, operand: NodeId, beside: NodeId) -> u64 {
        let node = |id: NodeId| self.program.nodes.get(id.0 as usize);
        if let (Some(Node::Const(value)), Some(Node::Slot(slot))) = (node(operand), node(beside))
            && let Some(name) = self.name_at(*slot, *value)
        {
            return hash(("name", name));
        }
        self.node(operand)
    }

    /// What `value` stands for where `slot` holds it.
    fn name_at(&self, slot: SlotId, value: i64) -> Option<&str> {
        let position = usize::try_from(value).ok()?;
        let slot = self.program.slots.get(slot.0 as usize)?;
        if let Slot::Text(_) = slot {
            return self.program.tables.texts.get(position.checked_sub(1)?).map(String::as_str);
        }
        let Slot::Value(fact) = slot else { return None };
        let ty = &self.program.facts.get(usize::from(fact.0))?.decl.ty;
        let (FactType::OneOf(members) | FactType::Plan(members)) = ty else { return None };
        members.get(position).map(|name| &**name)
    }

    fn fact(&self, fact: FactId) -> &str {
        self.program.fact_name(fact)
    }

    /// A text that is looked at, and whether in lower case.
    fn subject(&self, of: Subject) -> (&str, bool) {
        (self.fact(of.fact), of.lower)
    }

    fn slot(&self, slot: SlotId) -> u64 {
        let tables = &self.program.tables;
        match self.program.slots.get(slot.0 as usize) {
            None => 0,
            Some(Slot::Value(fact)) => hash(("value", self.fact(*fact))),
            Some(Slot::Present(fact)) => hash(("present", self.fact(*fact))),
            Some(Slot::Text(of)) => hash(("text", self.subject(*of))),
            Some(Slot::SameText(a, b)) => {
                let (a, b) = (self.subject(*a), self.subject(*b));
                hash(("same", a.min(b), a.max(b)))
            }
            Some(Slot::SameAddress(a, b)) => {
                let (a, b) = (self.fact(*a), self.fact(*b));
                hash(("same address", a.min(b), a.max(b)))
            }
            Some(Slot::Length(fact)) => hash(("length", self.fact(*fact))),
            Some(Slot::Has(of, at)) => hash(("has", self.subject(*of), words(tables.parts.get(*at)))),
            Some(Slot::Route(fact, at)) => hash(("route", self.fact(*fact), words(tables.patterns.get(*at)))),
            Some(Slot::InNets(fact, at)) => hash(("nets", self.fact(*fact), words(tables.nets.get(*at)))),
            Some(Slot::Like(of, at)) => {
                hash(("like", self.subject(*of), tables.globs.get(*at).map(|(text, _)| text)))
            }
            Some(Slot::Matches(of, at)) => {
                hash(("matches", self.subject(*of), tables.regexes.get(*at).map(regex::Regex::as_str)))
            }
            Some(Slot::Rollout(fact, at)) => hash(("rollout", self.fact(*fact), tables.rollouts.get(*at))),
            Some(Slot::Schedule(at)) => hash(("schedule", words(tables.schedules.get(*at)))),
            Some(Slot::Now) => hash("now"),
        }
    }

    /// How much a charge allows and takes, and what it does when it does not fit; not when it applies.
    pub(super) fn amounts(&self, site: &ChargeSite) -> u64 {
        let settled = site.settle.and_then(|(at, lease)| {
            let settlement = self.program.settlements.get(at)?;
            Some((self.node(settlement.known), self.node(settlement.actual), lease.0))
        });
        let fixed = words((
            &site.algorithm,
            site.burst,
            site.starting,
            site.fail,
            site.mode,
            &site.warn,
            &site.block,
            site.overshoot,
        ));
        hash((self.node(site.ceiling), self.node(site.cost), settled, fixed, self.exceed(&site.exceed)))
    }

    fn exceed(&self, exceed: &Exceed) -> u64 {
        match exceed {
            Exceed::Reject => hash("reject"),
            Exceed::Allow => hash("allow"),
            Exceed::Deny { status, message } => hash(("deny", status, self.message(message))),
            Exceed::Downgrade { fact, to } => hash(("downgrade", self.fact(*fact), words(to))),
        }
    }

    fn message(&self, pieces: &[Piece]) -> Vec<u64> {
        pieces.iter().map(|piece| self.piece(piece)).collect()
    }

    fn piece(&self, piece: &Piece) -> u64 {
        match piece {
            Piece::Text(text) => hash(("text", text)),
            Piece::Fact(fact) => hash(("fact", self.fact(*fact))),
            Piece::Value(node, ty) => hash(("value", self.node(*node), words(ty))),
            Piece::Choice(node, texts) => hash(("choice", self.node(*node), texts)),
            Piece::Maybe(node, inner) => hash(("maybe", self.node(*node), self.piece(inner))),
        }
    }

    /// What an origin does, each site by itself.
    pub(super) fn effects(&self, origin: usize) -> Vec<u64> {
        let program = self.program;
        let denies = program.denies.iter().filter(|site| site.origin == origin);
        let exempts = program.exempts.iter().filter(|site| site.origin == origin);
        let reports = program.reports.iter().filter(|site| site.origin == origin);
        let charges = program.charges.iter().filter(|site| site.origin == origin);
        let mut effects: Vec<u64> = denies
            .map(|site| hash(("deny", self.node(site.when), site.status, self.message(&site.message))))
            .collect();
        effects.extend(exempts.map(|site| hash(("exempt", self.node(site.when), &site.reason))));
        effects.extend(reports.map(|site| hash(("report", self.node(site.when), site.deny))));
        effects.extend(charges.filter_map(|site| {
            let limit = program.limits.get(site.limit.0 as usize)?;
            let unit = match &limit.unit {
                Counted::Unit(unit) => unit.name(),
                Counted::InFlight => "in flight",
            };
            Some(hash(("limit", &limit.name, unit, self.node(site.when), self.amounts(site))))
        }));
        effects
    }
}

//! Prints a program, for tests and for people who debug the compiler.

use std::fmt;

use super::{
    Burst, ChargeSite, Exceed, Node, NodeId, Program,
    slot::{Slot, Subject},
};
use limitrate_core::{
    charge::Mode,
    facts::FactId,
    literal::{write_duration, write_percent},
};

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, slot) in self.slots.iter().enumerate() {
            write!(f, "s{i} = ")?;
            self.print_slot(*slot, f)?;
            writeln!(f)?;
        }
        for (i, node) in self.nodes.iter().enumerate() {
            write!(f, "v{i} = ")?;
            print_node(node, f)?;
            writeln!(f)?;
        }
        for deny in &self.denies {
            writeln!(f, "deny {} when {} by {}", deny.status, deny.when, self.origin_name(deny.origin))?;
        }
        for exempt in &self.exempts {
            writeln!(f, "exempt when {} by {}", exempt.when, self.origin_name(exempt.origin))?;
        }
        for charge in &self.charges {
            let limit = self.limits.get(charge.limit.0 as usize);
            let (name, word) = limit.map_or(("?", "?"), |l| (l.name.as_str(), l.word));
            write!(
                f,
                "charge {name} when {} ceiling {} cost {} {word}",
                charge.when, charge.ceiling, charge.cost
            )?;
            if let Burst::Fixed(burst) = charge.burst {
                write!(f, " burst {burst}")?;
            }
            print_clauses(charge, f)?;
            writeln!(f)?;
        }
        for report in &self.reports {
            let word = if report.deny { "deny" } else { "exempt" };
            writeln!(f, "shadow {word} when {} by {}", report.when, self.origin_name(report.origin))?;
        }
        for (i, settlement) in self.settlements.iter().enumerate() {
            writeln!(f, "settlement {i} known {} actual {}", settlement.known, settlement.actual)?;
        }
        for limit in &self.limits {
            writeln!(f, "limit {} is {}", limit.name, limit.identity)?;
        }
        Ok(())
    }
}

/// What a charge is beyond a plain one.
fn print_clauses(charge: &ChargeSite, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match charge.mode {
        Mode::Enforce => {}
        Mode::Soft => write!(f, " soft")?,
        Mode::Shadow => write!(f, " shadow")?,
    }
    if let Some((settlement, lease)) = charge.settle {
        write!(f, " settles {settlement} within {}", write_duration(lease))?;
    }
    for mark in &charge.warn {
        write!(f, " warns {}", write_percent(*mark))?;
    }
    if charge.overshoot > 0 {
        write!(f, " overshoots {}", write_percent(charge.overshoot))?;
    }
    match &charge.exceed {
        Exceed::Reject | Exceed::Allow => {}
        Exceed::Deny { status, .. } => write!(f, " denies {status}")?,
        Exceed::Downgrade { fact, to } => write!(f, " downgrades {} to {to:?}", fact.0)?,
    }
    if let Some(block) = charge.block {
        let (first, up_to) = (write_duration(block.first), write_duration(block.up_to));
        write!(f, " blocks {first} up to {up_to} forgets {}", write_duration(block.forget))?;
    }
    Ok(())
}

impl Program {
    fn origin_name(&self, origin: usize) -> &str {
        self.origins.get(origin).map_or("?", |o| o.name.as_str())
    }

    /// The name of a fact.
    #[must_use]
    pub fn fact_name(&self, fact: FactId) -> &str {
        self.facts.get(usize::from(fact.0)).map_or("?", |f| &f.decl.name)
    }

    fn subject(&self, subject: Subject) -> String {
        let name = self.fact_name(subject.fact);
        if subject.lower { format!("lower({name})") } else { name.to_owned() }
    }

    fn print_slot(&self, slot: Slot, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = &self.tables;
        match slot {
            Slot::Value(fact) => write!(f, "value {}", self.fact_name(fact)),
            Slot::Present(fact) => write!(f, "present {}", self.fact_name(fact)),
            Slot::Text(subject) => write!(f, "text {}", self.subject(subject)),
            Slot::SameText(a, b) => write!(f, "same {} {}", self.subject(a), self.subject(b)),
            Slot::SameAddress(a, b) => write!(f, "same {} {}", self.fact_name(a), self.fact_name(b)),
            Slot::Length(fact) => write!(f, "length {}", self.fact_name(fact)),
            Slot::Has(subject, i) => write!(f, "has {} {i}", self.subject(subject)),
            Slot::Route(_, i) => match tables.patterns.get(i) {
                Some(pattern) => write!(f, "route {pattern}"),
                None => write!(f, "route ?"),
            },
            Slot::InNets(fact, i) => write!(f, "nets {} {i}", self.fact_name(fact)),
            Slot::Like(subject, i) => write!(f, "like {} {i}", self.subject(subject)),
            Slot::Matches(subject, i) => write!(f, "matches {} {i}", self.subject(subject)),
            Slot::Rollout(fact, i) => {
                let rule = tables.rollouts.get(i).map_or("?", String::as_str);
                write!(f, "rollout {rule} by {}", self.fact_name(fact))
            }
            Slot::Schedule(i) => write!(f, "schedule {i}"),
            Slot::Now => write!(f, "now"),
        }
    }
}

fn print_node(node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match node {
        Node::Const(value) => write!(f, "{value}"),
        Node::Slot(slot) => write!(f, "s{}", slot.0),
        Node::Not(a) => write!(f, "not {a}"),
        Node::And(a, b) => write!(f, "and {a} {b}"),
        Node::Or(a, b) => write!(f, "or {a} {b}"),
        Node::Compare(comparison, a, b) => write!(f, "{} {a} {b}", format!("{comparison:?}").to_lowercase()),
        Node::Arithmetic(operation, a, b) => write!(f, "{} {a} {b}", format!("{operation:?}").to_lowercase()),
        Node::Select(c, a, b) => write!(f, "select {c} {a} {b}"),
    }
}

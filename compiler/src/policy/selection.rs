//! How the sites of a policy are selected: all of them where they are few, else through an index.

use crate::{
    classify::{Classifier, GroupId},
    index::{Index, Summary},
    interpret::{self, Values},
    ir::{Node, NodeId, Program, truth::Truths},
    outcome::{RawCharge, RawOutcome},
    pipeline::Engine,
};

/// How a policy selects its sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// By the size of the policy.
    #[default]
    Measured,
    /// All sites, one after the other.
    Straight,
    /// Through an index.
    Indexed,
}

/// The most sites, nodes and slots of a policy that is decided without an index: about what selecting costs.
const MOST_SITES: usize = 16;
/// The most sites where the interpreter decides for good, which evaluates every node of them.
const MOST_INTERPRETED_SITES: usize = 4;
const MOST_NODES: usize = 256;
const MOST_GROUPS: usize = 16;

/// How the sites of one policy are selected.
#[derive(Debug)]
pub(super) enum Selection {
    /// Everything is read and evaluated: the reference.
    Whole,
    /// No site reads anything of a request, so that this is the answer to all of them.
    Fixed(RawOutcome, Box<[RawCharge]>),
    /// These groups are read, and every site is evaluated.
    Straight(Box<[GroupId]>),
    Indexed(Box<Index>),
}

impl Selection {
    pub(super) fn new(
        program: &Program,
        classifier: &Classifier,
        truths: &Truths,
        engine: Engine,
        choice: Choice,
    ) -> Self {
        if engine == Engine::Reference {
            return Self::Whole;
        }
        let straight = match choice {
            Choice::Measured => Read::by_sites(program, MOST_NODES).filter(|read| {
                let sites = program.denies.len() + program.exempts.len() + program.charges.len();
                let most = if matches!(engine, Engine::Native | Engine::Tiered) {
                    MOST_SITES
                } else {
                    MOST_INTERPRETED_SITES
                };
                sites <= most && !read.costly && read.groups(classifier, program).len() <= MOST_GROUPS
            }),
            Choice::Straight => Read::by_sites(program, usize::MAX),
            Choice::Indexed => None,
        };
        match straight.map(|read| read.groups(classifier, program)) {
            Some(groups) if groups.is_empty() && choice == Choice::Measured => Self::fixed(program),
            Some(groups) => Self::Straight(groups.into()),
            None => Self::Indexed(Box::new(Index::new(program, classifier, truths))),
        }
    }

    /// The answer to every request, of sites that read nothing.
    fn fixed(program: &Program) -> Self {
        let (frame, mut sites) = (vec![0; program.slots.len()], Vec::new());
        let outcome = interpret::decide(program, &frame, &mut Values::default(), &mut sites);
        Self::Fixed(outcome, sites.into())
    }

    #[cfg(feature = "jit")]
    pub(super) fn index(&self) -> Option<&Index> {
        match self {
            Self::Indexed(index) => Some(index),
            Self::Whole | Self::Fixed(..) | Self::Straight(_) => None,
        }
    }

    pub(super) fn summary(&self, program: &Program) -> Summary {
        match self {
            Self::Whole => Summary::Whole,
            Self::Fixed(..) | Self::Straight(_) => Summary::Straight,
            Self::Indexed(index) => index.summary(program),
        }
    }
}

/// What some nodes read.
#[derive(Debug)]
pub(super) struct Read {
    /// By slot.
    pub(super) slots: Vec<bool>,
    /// Whether one of the slots costs much.
    costly: bool,
}

impl Read {
    /// What the sites of decisions and reports read; `None` where that takes more than `most` nodes.
    fn by_sites(program: &Program, most: usize) -> Option<Self> {
        let denies = program.denies.iter().map(|site| site.when);
        let exempts = program.exempts.iter().map(|site| site.when);
        let charges = program.charges.iter().flat_map(|site| [site.when, site.ceiling, site.cost]);
        let reports = program.reports.iter().map(|site| site.when);
        Self::by(program, denies.chain(exempts).chain(charges).chain(reports), most)
    }

    /// What these nodes read; `None` where that takes more than `most` nodes.
    pub(super) fn by(program: &Program, nodes: impl Iterator<Item = NodeId>, most: usize) -> Option<Self> {
        let mut read = Self { slots: vec![false; program.slots.len()], costly: false };
        let (mut seen, mut count) = (vec![false; program.nodes.len()], 0_usize);
        let mut open: Vec<NodeId> = nodes.collect();
        while let Some(id) = open.pop() {
            let at = id.0 as usize;
            let (Some(seen), Some(node)) = (seen.get_mut(at), program.nodes.get(at)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            count += 1;
            if count > most {
                return None;
            }
            if let Node::Slot(slot) = node
                && let Some(place) = read.slots.get_mut(slot.0 as usize)
            {
                *place = true;
                read.costly |= program.slots.get(slot.0 as usize).is_some_and(|slot| slot.is_costly());
            }
            open.extend(node.operands().into_iter().flatten());
        }
        Some(read)
    }

    /// The groups of the slots that are read.
    fn groups(&self, classifier: &Classifier, program: &Program) -> Vec<GroupId> {
        let slots = (0..).map(crate::ir::SlotId).zip(&program.slots).zip(&self.slots);
        let read = slots.filter(|(_, read)| **read);
        let mut groups: Vec<GroupId> = read.map(|((slot, _), _)| classifier.group_of(slot)).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

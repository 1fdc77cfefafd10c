//! The index of a policy: which of its sites a request can concern, without looking at the others.
//!
//! What the conditions of all sites imply of single dimensions is kept as rows of site bits, by the
//! value that a request brings. The rows of a request are intersected, summaries first, and only what remains is looked
//! at, in the order of evaluation: what the index does not settle of a site is evaluated, by the interpreter or
//! by code that sites of the same [shape] share.

mod choose;
mod condition;
mod dimension;
mod ranges;
mod rows;
pub mod shape;
mod site;
mod summary;
mod table;

use std::{collections::BTreeMap, rc::Rc};

use condition::{Condition, Conditions};
use dimension::{Brings, DimensionId, Dimensions};
use hashbrown::HashMap;
use ranges::Ranges;
use rows::{RowId, Rows, Selected, Walk};
use shape::Shape;
pub(crate) use site::{Amounts, Guard, Site};
use site::{Builder, Residues, Strata, written};
pub use summary::{DimensionSummary, Summary};
use table::{Class, Draft, Table};

use crate::{
    classify::{Classifier, Frame, GroupId},
    ir::{Node, NodeId, Program, truth::Truths},
    request::Request,
};

/// The index of one program.
#[derive(Debug)]
pub struct Index {
    dimensions: Box<[Dimension]>,
    /// By slot: the position plus one of the dimension that it is a test of.
    of_test: Box<[u8]>,
    rows: Rows,
    /// All sites that can apply.
    possible: RowId,
    strata: Strata,
    residues: Residues,
}

/// A dimension in use.
#[derive(Debug)]
struct Dimension {
    brings: Brings,
    groups: Box<[GroupId]>,
    table: Table,
    /// The sites that it says nothing of, where the rows of its table do not have them.
    rest: RowId,
    /// How many sites it tells apart.
    constrained: usize,
}

/// Memory of one thread's selections.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    selected: Selected,
    walk: Option<Walk>,
}

/// How many conditions of a site are looked at one by one, however many there are in the policy.
const CONDITIONS_PER_SITE: usize = 64;

/// How many are looked at beyond that in the whole policy.
const MORE_CONDITIONS: usize = 1 << 20;

impl Index {
    /// Builds the index of a program. Its size and the time for it are linear in that of the program.
    #[must_use]
    pub fn new(program: &Program, classifier: &Classifier, truths: &Truths) -> Self {
        let dimensions = Dimensions::of(program);
        let mut conditions = Conditions::new(program, truths, &dimensions);
        let mut more = MORE_CONDITIONS;
        let analysed: Vec<Analysed> = written(program)
            .map(|site| analyse(program, truths, &mut conditions, site.when, &mut more))
            .collect();
        let drafts = drafts(&analysed, dimensions.len());
        let mut rows = Rows::default();
        let chosen = choose::choose(drafts, &dimensions, analysed.len());
        let mut settled: Vec<Vec<DimensionId>> = vec![Vec::new(); analysed.len()];
        let alive = |site: &u32| analysed.get(*site as usize).is_some_and(|site| !site.whole.never);
        let all: Vec<u32> = (0..).take(analysed.len()).filter(alive).collect();
        let used: Vec<Dimension> = chosen
            .iter()
            .filter_map(|(id, draft)| {
                for site in draft.classes.iter().flat_map(|class| &class.sites) {
                    settled.get_mut(*site as usize)?.push(*id);
                }
                let rest: Vec<u32> = all
                    .iter()
                    .filter(|site| settled.get(**site as usize).is_some_and(|of| of.last() != Some(id)))
                    .copied()
                    .collect();
                let mut groups: Vec<GroupId> =
                    dimensions.slots(*id).map(|slot| classifier.group_of(slot)).collect();
                groups.sort_unstable();
                groups.dedup();
                let constrained = all.len().saturating_sub(rest.len());
                // One row to look at for a value, not two. Of tests, none may hold.
                let joined = !dimensions.is_tests(*id) && draft.may_add(rest.len());
                let (also, rest) = if joined { (rest, Vec::new()) } else { (Vec::new(), rest) };
                Some(Dimension {
                    brings: dimensions.brings(*id)?,
                    groups: groups.into(),
                    table: draft.table(&mut rows, &also),
                    rest: rows.add(&rest),
                    constrained,
                })
            })
            .collect();
        let mut residues = Builder::new(program, classifier);
        for ((site, analysed), settled) in written(program).zip(&analysed).zip(&settled) {
            residues.site(site, &analysed.left(&dimensions, settled));
        }
        Self {
            of_test: of_test(&chosen, &dimensions),
            dimensions: used.into(),
            possible: rows.add(&all),
            rows,
            strata: Strata::of(program),
            residues: residues.out,
        }
    }

    /// What the sites share that code is generated for.
    #[must_use]
    pub fn shapes(&self) -> &[Shape] {
        &self.residues.shapes
    }

    /// Selects the sites that a request can concern. Of the frame, this reads what the dimensions need.
    pub(crate) fn select(
        &self,
        program: &Program,
        classifier: &Classifier,
        request: &impl Request,
        frame: &mut Frame,
        candidates: &mut Candidates,
    ) {
        let selected = &mut candidates.selected;
        selected.clear();
        candidates.walk = None;
        for dimension in &self.dimensions {
            for group in &dimension.groups {
                classifier.read(program, request, *group, frame);
            }
        }
        for (dimension, number) in self.dimensions.iter().zip(1_u8..) {
            selected.row(&self.rows, dimension.rest);
            match dimension.brings {
                Brings::Value(slot) => {
                    let value = frame.slots().get(slot.0 as usize).copied().unwrap_or(0);
                    if let Some(row) = dimension.table.row(value) {
                        selected.row(&self.rows, row);
                    }
                }
                Brings::Tests(_) => {
                    for slot in frame.holding() {
                        if self.of_test.get(slot.0 as usize) == Some(&number)
                            && let Some(row) = dimension.table.row(i64::from(slot.0))
                        {
                            selected.row(&self.rows, row);
                        }
                    }
                }
            }
            if !selected.end_dimension() {
                return;
            }
        }
        if self.dimensions.is_empty() {
            selected.row(&self.rows, self.possible);
            if !selected.end_dimension() {
                return;
            }
        }
        candidates.walk = Some(selected.walk(0, self.strata.end));
    }

    /// The same for the reports only.
    pub(crate) fn only_reports(&self, candidates: &mut Candidates) {
        let Candidates { selected, walk } = candidates;
        *walk = walk.map(|_| selected.walk(self.strata.reports, self.strata.end));
    }

    /// The next site that is selected, in the order of evaluation.
    #[inline]
    pub(crate) fn next(&self, candidates: &mut Candidates) -> Option<(Place, &Site)> {
        let Candidates { selected, walk } = candidates;
        let site = walk.as_mut()?.next(&self.rows, selected)?;
        Some((self.strata.place(site), self.residues.sites.get(site as usize)?))
    }

    /// The conditions of a guard.
    pub(crate) fn nodes(&self, guard: &Guard) -> &[NodeId] {
        slice(&self.residues.nodes, &guard.nodes)
    }

    /// What a step reads, the shape it runs, and with what.
    #[cfg(feature = "jit")]
    #[inline]
    pub(crate) fn step(&self, step: u32) -> Option<(&[GroupId], usize, &[i64])> {
        let step = self.residues.steps.get(step as usize)?;
        let groups = slice(&self.residues.groups, &step.groups);
        Some((groups, step.shape as usize, slice(&self.residues.parameters, &step.parameters)))
    }
}

#[inline]
fn slice<'l, T>(list: &'l [T], positions: &std::ops::Range<u32>) -> &'l [T] {
    list.get(positions.start as usize..positions.end as usize).unwrap_or_default()
}

/// A site by its stratum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Deny(u32),
    Exempt(u32),
    Charge(u32),
    Report(u32),
}

impl Strata {
    #[inline]
    const fn place(self, site: u32) -> Place {
        if site >= self.reports {
            Place::Report(site - self.reports)
        } else if site >= self.charges {
            Place::Charge(site - self.charges)
        } else if site >= self.exempts {
            Place::Exempt(site - self.exempts)
        } else {
            Place::Deny(site)
        }
    }
}

/// The conditions of one site.
struct Analysed {
    conjuncts: Vec<(NodeId, Rc<Condition>)>,
    /// All of them together.
    whole: Condition,
}

impl Analysed {
    /// The conditions that remain where `settled` dimensions do their part.
    fn left(&self, dimensions: &Dimensions, settled: &[DimensionId]) -> Vec<NodeId> {
        if self.whole.never {
            return Vec::new();
        }
        let is_settled = |(dimension, set): &(DimensionId, Rc<Ranges>)| {
            settled.contains(dimension)
                && (!dimensions.is_tests(*dimension)
                    || self.whole.parts.iter().any(|(of, asked)| of == dimension && asked == set))
        };
        let remain = self.conjuncts.iter().filter(|(_, c)| !(c.exact && c.parts.iter().all(is_settled)));
        remain.map(|(node, _)| *node).collect()
    }
}

/// Takes a condition apart at its outermost `and`s, and finds what each implies. `more` is what is left for the policy.
fn analyse(
    program: &Program,
    truths: &Truths,
    conditions: &mut Conditions<'_>,
    when: NodeId,
    more: &mut usize,
) -> Analysed {
    let (mut open, mut conjuncts) = (vec![when], Vec::new());
    while let Some(id) = open.pop() {
        let next = program.nodes.get(id.0 as usize).copied();
        let operands = match next {
            Some(Node::And(a, b)) if truths.holds(a) && truths.holds(b) => Some((a, b)),
            _ => None,
        };
        let taken = conjuncts.len() + open.len();
        match operands {
            Some((a, b)) if taken < CONDITIONS_PER_SITE || *more > 0 => {
                *more -= usize::from(taken >= CONDITIONS_PER_SITE);
                open.extend([a, b]);
            }
            _ => conjuncts.push((id, conditions.of(id))),
        }
    }
    let all: Vec<Rc<Condition>> = conjuncts.iter().map(|(_, condition)| Rc::clone(condition)).collect();
    Analysed { whole: conditions.all(&all), conjuncts }
}

/// What the sites ask of each dimension, those of one set as one class.
fn drafts(analysed: &[Analysed], dimensions: usize) -> Vec<(DimensionId, Draft)> {
    let mut by_pointer: HashMap<(DimensionId, *const Ranges), usize> = HashMap::new();
    let mut by_set: HashMap<(DimensionId, Rc<Ranges>), usize> = HashMap::new();
    let mut classes: BTreeMap<DimensionId, Vec<Class>> = BTreeMap::new();
    for (site, analysed) in (0..).zip(analysed).filter(|(_, analysed)| !analysed.whole.never) {
        for (dimension, set) in &analysed.whole.parts {
            let classes = classes.entry(*dimension).or_default();
            let class = *by_pointer.entry((*dimension, Rc::as_ptr(set))).or_insert_with(|| {
                *by_set.entry((*dimension, Rc::clone(set))).or_insert_with(|| {
                    classes.push(Class { set: Rc::clone(set), sites: Vec::new() });
                    classes.len() - 1
                })
            });
            if let Some(class) = classes.get_mut(class) {
                class.sites.push(site);
            }
        }
    }
    debug_assert!(classes.len() <= dimensions);
    classes.into_iter().map(|(id, classes)| (id, Draft::new(classes, analysed.len()))).collect()
}

/// The dimension in use of each slot that is a test.
fn of_test(chosen: &[(DimensionId, Draft)], dimensions: &Dimensions) -> Box<[u8]> {
    let mut of_test = vec![0_u8; dimensions.slot_count()];
    for ((id, _), number) in chosen.iter().zip(1..) {
        if dimensions.is_tests(*id) {
            for slot in dimensions.slots(*id) {
                if let Some(place) = of_test.get_mut(slot.0 as usize) {
                    *place = number;
                }
            }
        }
    }
    of_test.into()
}

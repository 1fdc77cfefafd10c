//! What a condition implies of single dimensions.
//!
//! A condition becomes one set per dimension such that it can only hold where the request lies in all of them. Chains of
//! `and` and `or` are looked at as wholes, shared nodes once, and all work is bounded: where the bound is reached, nothing
//! is implied, which is always right.

use std::rc::Rc;

use hashbrown::HashMap;

use super::{
    dimension::{DimensionId, Dimensions},
    ranges::Ranges,
};
use crate::{
    checked::Comparison,
    ir::{Node, NodeId, Program, truth::Truths},
};

/// What a condition implies.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    /// It never holds.
    pub(super) never: bool,
    /// In ascending order of dimensions: where the request must lie. A set of tests holds the slots of which one must
    /// hold.
    pub(super) parts: Vec<(DimensionId, Rc<Ranges>)>,
    /// It holds wherever the parts do.
    pub(super) exact: bool,
}

impl Condition {
    const UNKNOWN: Self = Self { never: false, parts: Vec::new(), exact: false };
    const ALWAYS: Self = Self { never: false, parts: Vec::new(), exact: true };
    const NEVER: Self = Self { never: true, parts: Vec::new(), exact: true };

    const fn is_always(&self) -> bool {
        self.exact && !self.never && self.parts.is_empty()
    }

    fn part(&self, dimension: DimensionId) -> Option<&Rc<Ranges>> {
        let found = self.parts.binary_search_by_key(&dimension, |(of, _)| *of).ok()?;
        self.parts.get(found).map(|(_, set)| set)
    }

    fn ranges(&self) -> usize {
        self.parts.iter().map(|(_, set)| set.len()).sum()
    }
}

/// A node, or where it is false.
type Signed = (NodeId, bool);

/// How the condition of a node follows from others.
enum Form {
    Is(Condition),
    /// All of them; whether together they are all that is asked.
    All(Vec<Signed>, bool),
    Any(Vec<Signed>),
    /// The second where the first holds, else the third.
    Choice([Signed; 4]),
}

/// A node whose condition waits for those of others.
struct Open {
    of: Signed,
    form: Form,
    pending: Vec<Signed>,
}

/// Finds conditions.
#[derive(Debug)]
pub(super) struct Conditions<'a> {
    program: &'a Program,
    truths: &'a Truths,
    dimensions: &'a Dimensions,
    known: HashMap<Signed, Rc<Condition>>,
    /// How many more operands and ranges may be looked at.
    work: usize,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(program: &'a Program, truths: &'a Truths, dimensions: &'a Dimensions) -> Self {
        let work = (1 << 20) + 64 * program.nodes.len();
        Self { program, truths, dimensions, known: HashMap::new(), work }
    }

    /// What a condition implies.
    pub(super) fn of(&mut self, node: NodeId) -> Rc<Condition> {
        if let Some(known) = self.known.get(&(node, false)) {
            return Rc::clone(known);
        }
        let mut stack = Vec::new();
        self.open((node, false), &mut stack);
        while let Some(top) = stack.last_mut() {
            if let Some(next) = top.pending.pop() {
                if !self.known.contains_key(&next) {
                    self.open(next, &mut stack);
                }
                continue;
            }
            if let Some(Open { of, form, .. }) = stack.pop() {
                let condition = self.combine(&form);
                self.known.insert(of, Rc::new(condition));
            }
        }
        self.known.get(&(node, false)).cloned().unwrap_or_default()
    }

    /// What all of some conditions imply together.
    pub(super) fn all(&mut self, conditions: &[Rc<Condition>]) -> Condition {
        if conditions.iter().any(|condition| condition.never) {
            return Condition::NEVER;
        }
        let mut exact = conditions.iter().all(|condition| condition.exact);
        let mut sets: Vec<(DimensionId, &Rc<Ranges>)> = conditions
            .iter()
            .flat_map(|c| c.parts.iter().map(|(dimension, set)| (*dimension, set)))
            .collect();
        sets.sort_by_key(|(dimension, _)| *dimension);
        let mut parts = Vec::new();
        for group in sets.chunk_by(|a, b| a.0 == b.0) {
            let Some((dimension, first)) = group.first() else { continue };
            let same = group.iter().all(|(_, set)| Rc::ptr_eq(set, first) || set == first);
            if same {
                parts.push((*dimension, Rc::clone(first)));
            } else if self.dimensions.is_tests(*dimension) {
                // One test of each set must hold; only one of the sets can be asked for.
                exact = false;
                let fewest = group.iter().map(|(_, set)| *set).min_by_key(|set| set.len()).unwrap_or(first);
                parts.push((*dimension, Rc::clone(fewest)));
            } else if self.spend(group.iter().map(|(_, set)| set.len()).sum()) {
                let set = Ranges::intersection(group.iter().map(|(_, set)| set.as_ref()));
                if set.is_empty() {
                    return Condition::NEVER;
                }
                parts.push((*dimension, Rc::new(set)));
            } else {
                exact = false;
            }
        }
        Condition { never: false, parts, exact }
    }

    /// What any of some conditions implies.
    fn any(&mut self, conditions: &[Rc<Condition>]) -> Condition {
        let possible: Vec<&Rc<Condition>> = conditions.iter().filter(|condition| !condition.never).collect();
        let Some((first, others)) = possible.split_first() else { return Condition::NEVER };
        if possible.iter().any(|condition| condition.is_always()) {
            return Condition::ALWAYS;
        }
        if others.is_empty() {
            return (***first).clone();
        }
        let cost = possible.iter().map(|condition| condition.ranges() + 1).sum();
        if !self.spend(cost) {
            return Condition::UNKNOWN;
        }
        let mut exact =
            possible.iter().all(|condition| condition.exact && condition.parts.len() == first.parts.len());
        let (mut parts, mut differing) = (Vec::new(), 0);
        for (dimension, set) in &first.parts {
            let sets: Option<Vec<&Rc<Ranges>>> =
                possible.iter().map(|condition| condition.part(*dimension)).collect();
            let Some(sets) = sets else {
                exact = false;
                continue;
            };
            if sets.iter().all(|other| Rc::ptr_eq(other, set) || *other == set) {
                parts.push((*dimension, Rc::clone(set)));
                continue;
            }
            differing += 1;
            let union = Ranges::union(sets.iter().map(|set| set.as_ref()));
            if !union.is_all() {
                parts.push((*dimension, Rc::new(union)));
            }
        }
        // Where two dimensions differ, the sets also hold what mixes one condition's with another's.
        Condition { never: false, parts, exact: exact && differing <= 1 }
    }

    /// Takes from the bound; false where it is reached.
    fn spend(&mut self, work: usize) -> bool {
        let left = self.work.checked_sub(work);
        self.work = left.unwrap_or(0);
        left.is_some()
    }

    fn open(&mut self, of: Signed, stack: &mut Vec<Open>) {
        let form = self.form(of);
        let pending = match &form {
            Form::Is(_) => Vec::new(),
            Form::All(operands, _) | Form::Any(operands) => operands.clone(),
            Form::Choice(operands) => operands.to_vec(),
        };
        stack.push(Open { of, form, pending });
    }

    fn combine(&mut self, form: &Form) -> Condition {
        match form {
            Form::Is(condition) => condition.clone(),
            Form::All(operands, whole) => {
                let known = self.known_of(operands);
                let condition = self.all(&known);
                Condition { exact: condition.exact && *whole, ..condition }
            }
            Form::Any(operands) => {
                let known = self.known_of(operands);
                self.any(&known)
            }
            Form::Choice([holds, then, fails, otherwise]) => {
                let first = self.known_of(&[*holds, *then]);
                let second = self.known_of(&[*fails, *otherwise]);
                let both = [Rc::new(self.all(&first)), Rc::new(self.all(&second))];
                self.any(&both)
            }
        }
    }

    fn known_of(&self, operands: &[Signed]) -> Vec<Rc<Condition>> {
        operands.iter().map(|operand| self.known.get(operand).cloned().unwrap_or_default()).collect()
    }

    fn form(&mut self, of: Signed) -> Form {
        let (id, negated) = of;
        match self.node(id) {
            Node::Const(value) if (value != 0) == negated => Form::Is(Condition::NEVER),
            Node::Const(_) => Form::Is(Condition::ALWAYS),
            Node::Slot(slot) => Form::Is(match self.dimensions.of_slot(slot) {
                None => Condition::UNKNOWN,
                Some(dimension) if self.dimensions.is_tests(dimension) => {
                    if negated {
                        Condition::UNKNOWN
                    } else {
                        single(dimension, Ranges::one(i64::from(slot.0)))
                    }
                }
                Some(dimension) => {
                    single(dimension, Ranges::of(if negated { Comparison::Eq } else { Comparison::Ne }, 0))
                }
            }),
            Node::Not(a) => Form::All(vec![(a, !negated)], true),
            Node::And(a, b) if negated && !(self.truths.holds(a) && self.truths.holds(b)) => {
                Form::Is(Condition::UNKNOWN)
            }
            Node::And(..) | Node::Or(..) => {
                let all = matches!(self.node(id), Node::And(..)) != negated;
                match self.operands(of, all) {
                    Some((operands, whole)) if all => Form::All(operands, whole),
                    Some((operands, _)) => Form::Any(operands),
                    None => Form::Is(Condition::UNKNOWN),
                }
            }
            Node::Compare(comparison, a, b) => Form::Is(self.comparison(comparison, a, b, negated)),
            Node::Arithmetic(..) => Form::Is(Condition::UNKNOWN),
            Node::Select(c, a, b) => Form::Choice([(c, false), (a, negated), (c, true), (b, negated)]),
        }
    }

    /// The operands of a whole chain of `and` (`all`) or `or`, and whether they are all that it asks; `None` where the
    /// bound is reached.
    fn operands(&mut self, of: Signed, all: bool) -> Option<(Vec<Signed>, bool)> {
        let (mut open, mut operands, mut whole) = (vec![of], Vec::new(), true);
        while let Some((id, negated)) = open.pop() {
            if !self.spend(1) {
                return None;
            }
            let truths = |a, b| self.truths.holds(a) && self.truths.holds(b);
            match self.node(id) {
                Node::Not(a) => open.push((a, !negated)),
                Node::And(a, b) if !negated && all => {
                    whole &= truths(a, b);
                    open.extend([(a, false), (b, false)]);
                }
                Node::And(a, b) if negated && !all && truths(a, b) => open.extend([(a, true), (b, true)]),
                Node::Or(a, b) if negated == all => open.extend([(a, negated), (b, negated)]),
                Node::Const(_)
                | Node::Slot(_)
                | Node::And(..)
                | Node::Or(..)
                | Node::Compare(..)
                | Node::Arithmetic(..)
                | Node::Select(..) => operands.push((id, negated)),
            }
        }
        Some((operands, whole))
    }

    fn comparison(&self, comparison: Comparison, a: NodeId, b: NodeId, negated: bool) -> Condition {
        let (comparison, slot, constant) = match (self.node(a), self.node(b)) {
            (Node::Slot(slot), Node::Const(constant)) => (comparison, slot, constant),
            (Node::Const(constant), Node::Slot(slot)) => (mirrored(comparison), slot, constant),
            _ => return Condition::UNKNOWN,
        };
        match self.dimensions.of_slot(slot) {
            Some(dimension) if !self.dimensions.is_tests(dimension) => {
                let set = Ranges::of(comparison, constant);
                let set = if negated { set.complement() } else { set };
                if set.is_empty() { Condition::NEVER } else { single(dimension, set) }
            }
            _ => Condition::UNKNOWN,
        }
    }

    fn node(&self, id: NodeId) -> Node {
        self.program.nodes.get(id.0 as usize).copied().unwrap_or(Node::Const(0))
    }
}

fn single(dimension: DimensionId, set: Ranges) -> Condition {
    if set.is_all() {
        return Condition::ALWAYS;
    }
    Condition { never: false, parts: vec![(dimension, Rc::new(set))], exact: true }
}

/// The comparison with its sides exchanged.
const fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Eq | Comparison::Ne => comparison,
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
    }
}

//! Decides over an index: what is left of each site that was selected, by code where it is there.

#[cfg(feature = "jit")]
use crate::codegen::Code;
use crate::{
    classify::{Classifier, Frame},
    index::{Amounts, Candidates, Guard, Index, Place, Site},
    interpret::demand::Demand,
    ir::{NodeId, Program, truth::Truths},
    outcome::{RawCharge, RawOutcome},
    request::Request,
};

/// A request that is being decided.
pub(super) struct Deciding<'a, R> {
    pub(super) program: &'a Program,
    pub(super) classifier: &'a Classifier,
    pub(super) truths: &'a Truths,
    pub(super) request: &'a R,
    pub(super) frame: &'a mut Frame,
    pub(super) demand: &'a mut Demand,
    #[cfg(feature = "jit")]
    pub(super) code: Option<&'a Code>,
}

impl<R: Request> Deciding<'_, R> {
    /// Begins: nothing of the request was read.
    pub(super) fn begin(&mut self) {
        self.classifier.begin(self.program, self.frame);
        self.demand.begin(self.program);
    }

    /// Decides; `out` is cleared and gets the sites that apply.
    pub(super) fn decide(
        &mut self,
        index: &Index,
        candidates: &mut Candidates,
        out: &mut Vec<RawCharge>,
    ) -> RawOutcome {
        out.clear();
        index.select(self.program, self.classifier, self.request, self.frame, candidates);
        let mut outcome = RawOutcome::Charges;
        while let Some((place, site)) = index.next(candidates) {
            let (stratum, position) = match place {
                Place::Deny(position) => (RawOutcome::Deny, position),
                Place::Exempt(position) => (RawOutcome::Exempt, position),
                Place::Charge(position) => (RawOutcome::Charges, position),
                Place::Report(_) => break,
            };
            if stratum != outcome && !out.is_empty() {
                break;
            }
            if self.applies(index, site) {
                let (ceiling, cost) = self.amounts(index, &site.amounts);
                out.push(RawCharge { site: i64::from(position), ceiling, cost });
                outcome = stratum;
            }
        }
        outcome
    }

    /// The reports that apply, by their position; `out` is cleared first.
    pub(super) fn report(&mut self, index: &Index, candidates: &mut Candidates, out: &mut Vec<u32>) {
        out.clear();
        index.select(self.program, self.classifier, self.request, self.frame, candidates);
        index.only_reports(candidates);
        while let Some((place, site)) = index.next(candidates) {
            if let Place::Report(position) = place
                && self.applies(index, site)
            {
                out.push(position);
            }
        }
    }

    /// The value of a node.
    pub(super) fn value(&mut self, node: NodeId) -> i64 {
        let Self { program, classifier, request, frame, .. } = self;
        self.demand.value(program, self.truths, node, |slot| {
            classifier.read(program, *request, classifier.group_of(slot), frame);
            frame.slots().get(slot.0 as usize).copied().unwrap_or(0)
        })
    }

    fn applies(&mut self, index: &Index, site: &Site) -> bool {
        self.holds(index, &site.cheap) && self.holds(index, &site.costly)
    }

    fn holds(&mut self, index: &Index, guard: &Guard) -> bool {
        let nodes = index.nodes(guard);
        if nodes.is_empty() {
            return true;
        }
        match self.holds_by_code(index, guard.step) {
            Some(holds) => holds,
            None => nodes.iter().all(|node| self.value(*node) != 0),
        }
    }

    fn amounts(&mut self, index: &Index, amounts: &Amounts) -> (i64, i64) {
        match *amounts {
            Amounts::Fixed(ceiling, cost) => (ceiling, cost),
            Amounts::Computed { ceiling, cost, step } => match self.amounts_by_code(index, step) {
                Some([ceiling, cost]) => (ceiling, cost),
                None => (self.value(ceiling), self.value(cost)),
            },
        }
    }
}

#[cfg(feature = "jit")]
impl<R: Request> Deciding<'_, R> {
    fn holds_by_code(&mut self, index: &Index, step: Option<u32>) -> Option<bool> {
        self.run(index, step, |code, body, frame, given| code.holds(body, frame, given))
    }

    fn amounts_by_code(&mut self, index: &Index, step: Option<u32>) -> Option<[i64; 2]> {
        self.run(index, step, |code, body, frame, given| code.amounts(body, frame, given))
    }

    /// Runs the code of a step, once what it reads was read.
    #[inline]
    fn run<T>(
        &mut self,
        index: &Index,
        step: Option<u32>,
        call: impl FnOnce(&Code, usize, &[i64], &[i64]) -> Option<T>,
    ) -> Option<T> {
        let (code, (groups, shape, parameters)) = (self.code?, index.step(step?)?);
        for group in groups {
            self.classifier.read(self.program, self.request, *group, self.frame);
        }
        call(code, shape, self.frame.slots(), parameters)
    }
}

#[cfg(not(feature = "jit"))]
impl<R> Deciding<'_, R> {
    const fn holds_by_code(&mut self, _: &Index, _: Option<u32>) -> Option<bool> {
        None
    }

    const fn amounts_by_code(&mut self, _: &Index, _: Option<u32>) -> Option<[i64; 2]> {
        None
    }
}

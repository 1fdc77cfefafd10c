//! A compiled policy: its program, and the engines that decide it.

mod candidate;
mod selection;
mod settle;
mod tier;

use self::{candidate::Deciding, selection::Selection, settle::Settling, tier::Tier};
pub use self::{
    selection::Choice,
    tier::{Reason, Serving},
};
#[cfg(feature = "jit")]
use crate::outcome::judge::{Implausible, judge};
use crate::{
    classify::{Classifier, Frame},
    index::{Candidates, Summary},
    interpret::{self, Values, demand::Demand},
    ir::{NodeId, Program, truth::Truths},
    outcome::{RawCharge, RawOutcome},
    pipeline::Engine,
    request::Request,
};

/// A policy that is ready to decide. Shared between threads without locks; its machine code is unmapped with it.
#[derive(Debug)]
pub struct Policy {
    program: Program,
    classifier: Classifier,
    truths: Truths,
    selection: Selection,
    settling: Settling,
    #[cfg(feature = "jit")]
    codegen: crate::codegen::Options,
    tier: Tier,
}

/// How a policy is made ready, beside its engine. It decides the same whatever is said here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// How sites are selected.
    pub choice: Choice,
    /// What the code generator is told.
    #[cfg(feature = "jit")]
    pub codegen: crate::codegen::Options,
}

/// Reusable memory of one thread's decisions; never shrinks.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The sites that apply, after [`Policy::decide`].
    pub sites: Vec<RawCharge>,
    /// The slots of the request.
    frame: Frame,
    /// The slots of a request with those of its response, as far as settlements read them.
    whole: Vec<i64>,
    values: Values,
    demand: Demand,
    candidates: Candidates,
    /// What machine code finds of reports.
    #[cfg(feature = "jit")]
    found: Vec<RawCharge>,
    /// Where machine code wrote what no sites can have come to, so that it was set aside, and an interpreter gave the
    /// answer. Stays until somebody takes it, to say so.
    pub implausible: Option<Stage>,
}

/// What machine code is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The sites that apply to a request.
    Decision,
    /// The shadow rules that apply to it.
    Report,
}

impl Policy {
    /// Makes a program ready for `engine`, machine code included unless it is to come later. Where that cannot be had, the
    /// interpreter serves; see [`Self::interpreted`].
    #[must_use]
    pub fn new(program: Program, engine: Engine) -> Self {
        let policy = Self::interpreting(program, engine);
        if engine != Engine::Tiered {
            policy.generate();
        }
        policy
    }

    /// The same without machine code: the interpreter serves until [`Self::generate`] has been called, on any thread.
    #[must_use]
    pub fn interpreting(program: Program, engine: Engine) -> Self {
        Self::with_options(program, engine, Options::default())
    }

    /// As [`Self::interpreting`], made ready as `options` say.
    #[must_use]
    pub fn with_options(program: Program, engine: Engine, options: Options) -> Self {
        let (classifier, truths) = (Classifier::new(&program), Truths::of(&program));
        let selection = Selection::new(&program, &classifier, &truths, engine, options.choice);
        let settling = Settling::new(&program);
        Self {
            classifier,
            truths,
            selection,
            settling,
            #[cfg(feature = "jit")]
            codegen: options.codegen,
            tier: Tier::new(engine),
            program,
        }
    }

    /// Generates machine code, where the engine asks for it and it is not there. From then on it decides.
    ///
    /// Decisions go on meanwhile. Once is enough: whoever calls it again finds what became of it, and who calls it at the
    /// same time waits.
    pub fn generate(&self) {
        self.generate_if(|| true);
    }

    /// The same if it is still `wanted` when it begins; given up, it can be asked for again.
    pub fn generate_if(&self, wanted: impl FnOnce() -> bool) {
        #[cfg(feature = "jit")]
        self.tier.generate(wanted, || self.compile(&self.codegen));
        #[cfg(not(feature = "jit"))]
        if wanted() {
            self.tier.generate();
        }
    }

    /// The same with other settings of the code generator.
    #[cfg(feature = "jit")]
    pub fn generate_with(&self, options: &crate::codegen::Options) {
        self.tier.generate(|| true, || self.compile(options));
    }

    #[cfg(feature = "jit")]
    fn compile(
        &self,
        options: &crate::codegen::Options,
    ) -> Result<crate::codegen::Code, crate::codegen::CodegenError> {
        match self.selection.index() {
            Some(index) => crate::codegen::compile_shapes(&self.program, index.shapes(), options),
            None => crate::codegen::compile_with(&self.program, options),
        }
    }

    /// Decides with the machine code of another policy, as if the code generator had made a mistake: for tests of what
    /// happens then.
    #[cfg(feature = "jit")]
    #[doc(hidden)]
    pub fn generate_from(&self, other: &Self) {
        self.tier.generate(|| true, || other.compile(&other.codegen));
    }

    /// The engine that decides now.
    #[must_use]
    pub fn serving(&self) -> Serving {
        self.tier.serving()
    }

    /// Sets an engine that was found to be wrong aside for good, and all faster ones: from now on the next slower one
    /// decides, at last the reference interpreter. False where that had been done before.
    pub fn demote(&self, wrong: Serving) -> bool {
        self.tier.demote(wrong)
    }

    /// The program.
    #[must_use]
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// Why the policy is interpreted; `None` where machine code decides.
    #[must_use]
    pub fn interpreted(&self) -> Option<&Reason> {
        self.tier.interpreted()
    }

    /// The size of the machine code in bytes; 0 where there is none.
    #[must_use]
    pub fn code_size(&self) -> usize {
        #[cfg(feature = "jit")]
        if let Some(code) = self.tier.code() {
            return code.size();
        }
        0
    }

    /// How the sites of the policy are selected.
    #[must_use]
    pub fn plan(&self) -> Summary {
        self.selection.summary(&self.program)
    }

    /// Decides a request; what applies is left in `scratch.sites`.
    ///
    /// Pure: the same request gives the same answer.
    #[inline]
    pub fn decide(&self, request: &impl Request, scratch: &mut Scratch) -> RawOutcome {
        if self.tier.is_reference() {
            return self.decide_by_reference(request, scratch);
        }
        let Scratch { sites, frame, values, demand, candidates, .. } = scratch;
        let groups = match &self.selection {
            Selection::Whole => return self.decide_by_reference(request, scratch),
            Selection::Fixed(outcome, fixed) => {
                sites.clear();
                sites.extend(fixed.iter().copied());
                return *outcome;
            }
            Selection::Straight(groups) => groups,
            Selection::Indexed(index) => {
                let mut deciding = self.deciding(request, frame, demand);
                deciding.begin();
                return deciding.decide(index, candidates, sites);
            }
        };
        self.classifier.begin(&self.program, frame);
        for group in groups {
            self.classifier.read(&self.program, request, *group, frame);
        }
        #[cfg(feature = "jit")]
        if let Some(code) = self.tier.code() {
            match code.decide(frame.slots(), sites).and_then(|outcome| self.judged(outcome, sites)) {
                Ok(outcome) => return outcome,
                Err(Implausible) => self.distrust(Stage::Decision, &mut scratch.implausible),
            }
        }
        interpret::decide(&self.program, frame.slots(), values, sites)
    }

    /// The same by the reference interpreter, whatever engine the policy has.
    pub fn decide_by_reference(&self, request: &impl Request, scratch: &mut Scratch) -> RawOutcome {
        let Scratch { sites, frame, values, .. } = scratch;
        self.classifier.read_naively(&self.program, request, frame);
        interpret::decide(&self.program, frame.slots(), values, sites)
    }

    /// The shadow denies and exempts that apply to a request, by their position in [`Program::reports`].
    pub fn report(&self, request: &impl Request, scratch: &mut Scratch, out: &mut Vec<u32>) {
        out.clear();
        if self.program.reports.is_empty() {
            return;
        }
        let Scratch { frame, values, demand, candidates, .. } = scratch;
        if let Selection::Indexed(index) = &self.selection {
            let mut deciding = self.deciding(request, frame, demand);
            deciding.begin();
            return deciding.report(index, candidates, out);
        }
        self.classifier.read_all(&self.program, request, frame);
        #[cfg(feature = "jit")]
        if let Some(code) = self.tier.code() {
            let told = code.report(frame.slots(), &mut scratch.found);
            match told.and_then(|()| judge(&scratch.found, self.program.reports.len())) {
                Ok(()) => {
                    out.extend(scratch.found.iter().filter_map(|site| u32::try_from(site.site).ok()));
                    return;
                }
                Err(Implausible) => self.distrust(Stage::Report, &mut scratch.implausible),
            }
        }
        interpret::report(&self.program, frame.slots(), values, out);
    }

    /// The outcome, if the sites of its stratum can be what was found.
    #[cfg(feature = "jit")]
    fn judged(&self, outcome: RawOutcome, sites: &[RawCharge]) -> Result<RawOutcome, Implausible> {
        let known = match outcome {
            RawOutcome::Deny => self.program.denies.len(),
            RawOutcome::Exempt => self.program.exempts.len(),
            RawOutcome::Charges => self.program.charges.len(),
        };
        judge(sites, known).map(|()| outcome)
    }

    /// Sets machine code aside that wrote what it cannot have found.
    #[cfg(feature = "jit")]
    #[cold]
    fn distrust(&self, stage: Stage, noted: &mut Option<Stage>) {
        self.tier.demote(Serving::Native);
        *noted = Some(stage);
    }

    /// Every slot of the program for a request: for explanations.
    #[must_use]
    pub fn frame(&self, request: &impl Request) -> Vec<i64> {
        let mut frame = Frame::default();
        self.classifier.read_all(&self.program, request, &mut frame);
        frame.slots().to_vec()
    }

    /// What some nodes come to for a request: those of a message. Nodes that were not asked for hold anything.
    pub fn evaluate<'s>(
        &self,
        request: &impl Request,
        wanted: &[NodeId],
        scratch: &'s mut Scratch,
    ) -> &'s Values {
        if !wanted.is_empty() {
            let mut deciding = self.deciding(request, &mut scratch.frame, &mut scratch.demand);
            deciding.begin();
            for node in wanted {
                deciding.value(*node);
            }
        }
        scratch.demand.values()
    }

    fn deciding<'a, R>(
        &'a self,
        request: &'a R,
        frame: &'a mut Frame,
        demand: &'a mut Demand,
    ) -> Deciding<'a, R> {
        Deciding {
            program: &self.program,
            classifier: &self.classifier,
            truths: &self.truths,
            request,
            frame,
            demand,
            #[cfg(feature = "jit")]
            code: self.tier.code(),
        }
    }
}

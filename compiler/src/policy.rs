//! A compiled policy: its program, and the engines that decide it.

mod candidate;
mod selection;
mod settle;
mod tier;

use self::{candidate::Deciding, selection::Selection, settle::Settling, tier::Tier};
pub use self::{selection::Choice, tier::Reason};
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
}

impl Policy {
    /// Makes a program ready for `engine`, machine code included. Where that cannot be had, the interpreter serves; see
    /// [`Self::interpreted`].
    #[must_use]
    pub fn new(program: Program, engine: Engine) -> Self {
        let policy = Self::interpreting(program, engine);
        policy.generate();
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
    pub fn generate(&self) {
        #[cfg(feature = "jit")]
        self.tier.generate(|| self.compile());
        #[cfg(not(feature = "jit"))]
        self.tier.generate();
    }

    /// Sets machine code aside for good: from now on the interpreter decides.
    pub fn demote(&self) {
        self.tier.demote();
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

    #[cfg(feature = "jit")]
    fn compile(&self) -> Result<crate::codegen::Code, crate::codegen::CodegenError> {
        match self.selection.index() {
            Some(index) => crate::codegen::compile_shapes(&self.program, index.shapes(), &self.codegen),
            None => crate::codegen::compile_with(&self.program, &self.codegen),
        }
    }

    /// Decides a request; what applies is left in `scratch.sites`.
    ///
    /// Pure: the same request gives the same answer.
    pub fn decide(&self, request: &impl Request, scratch: &mut Scratch) -> RawOutcome {
        let Scratch { sites, frame, values, demand, candidates, .. } = scratch;
        let groups = match &self.selection {
            Selection::Whole => return self.decide_by_reference(request, scratch),
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
            return code.decide(frame.slots(), sites);
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
            code.report(frame.slots(), &mut scratch.found);
            out.extend(scratch.found.iter().filter_map(|site| u32::try_from(site.site).ok()));
            return;
        }
        interpret::report(&self.program, frame.slots(), values, out);
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

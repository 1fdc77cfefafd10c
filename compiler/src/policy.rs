//! A compiled policy: its program, and the engines that decide it.

mod tier;

use limitrate_core::facts::{FactId, Phase};

use self::tier::Tier;
pub use self::tier::{Reason, Serving};
#[cfg(feature = "jit")]
use crate::outcome::judge::{Implausible, judge};
use crate::{
    classify::{Classifier, Frame},
    interpret::{self, Values},
    ir::{NodeId, Program, slot::Slot},
    outcome::{RawCharge, RawOutcome},
    pipeline::Engine,
    request::Request,
};

/// A policy that is ready to decide. Shared between threads without locks; its machine code is unmapped with it.
#[derive(Debug)]
pub struct Policy {
    program: Program,
    classifier: Classifier,
    tier: Tier,
}

/// Reusable memory of one thread's decisions; never shrinks.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The sites that apply, after [`Policy::decide`].
    pub sites: Vec<RawCharge>,
    /// The slots of the request.
    frame: Frame,
    /// The slots of a request with those of its response.
    whole: Vec<i64>,
    values: Values,
    /// What machine code finds of settlements and reports.
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
    /// What its reservations come to.
    Settlement,
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
        Self { classifier: Classifier::new(&program), tier: Tier::new(engine), program }
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
        self.tier.generate(wanted, || self.compile(&crate::codegen::Options::default()));
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
        crate::codegen::compile_with(&self.program, options)
    }

    /// Decides with the machine code of another policy, as if the code generator had made a mistake: for tests of what
    /// happens then.
    #[cfg(feature = "jit")]
    #[doc(hidden)]
    pub fn generate_from(&self, other: &Self) {
        self.tier.generate(|| true, || other.compile(&crate::codegen::Options::default()));
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

    /// Decides a request; what applies is left in `scratch.sites`.
    ///
    /// Pure: the same request gives the same answer.
    pub fn decide(&self, request: &impl Request, scratch: &mut Scratch) -> RawOutcome {
        if self.tier.is_reference() {
            return self.decide_by_reference(request, scratch);
        }
        let Scratch { sites, frame, values, .. } = scratch;
        self.classifier.read_all(&self.program, request, frame);
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
        self.classifier.read_all(&self.program, request, frame);
        interpret::decide(&self.program, frame.slots(), values, sites)
    }

    /// The shadow denies and exempts that apply to a request, by their position in [`Program::reports`].
    pub fn report(&self, request: &impl Request, scratch: &mut Scratch, out: &mut Vec<u32>) {
        self.classifier.read_all(&self.program, request, &mut scratch.frame);
        #[cfg(feature = "jit")]
        if let Some(code) = self.tier.code() {
            let told = code.report(scratch.frame.slots(), &mut scratch.found);
            match told.and_then(|()| judge(&scratch.found, self.program.reports.len())) {
                Ok(()) => {
                    out.clear();
                    out.extend(scratch.found.iter().filter_map(|site| u32::try_from(site.site).ok()));
                    return;
                }
                Err(Implausible) => self.distrust(Stage::Report, &mut scratch.implausible),
            }
        }
        interpret::report(&self.program, scratch.frame.slots(), &mut scratch.values, out);
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

    /// What some nodes come to for a request: those of a message.
    pub fn evaluate<'s>(
        &self,
        request: &impl Request,
        wanted: &[NodeId],
        scratch: &'s mut Scratch,
    ) -> &'s Values {
        if !wanted.is_empty() {
            self.classifier.read_all(&self.program, request, &mut scratch.frame);
            scratch.values.evaluate(&self.program, scratch.frame.slots());
        }
        &scratch.values
    }
}

/// Settling what a request reserved.
impl Policy {
    /// What the settlements will need of a request once its response is known.
    #[must_use]
    pub fn keep(&self, request: &impl Request) -> Box<[i64]> {
        self.frame(request).into()
    }

    /// What each of [`Program::settlements`] comes to. `kept` is what [`Self::keep`] gave for the request; `response`
    /// has the facts of its response, and those of the request that they are compared with. `None` where the response
    /// lacks a fact that one needs.
    pub fn settle(
        &self,
        kept: &[i64],
        response: &impl Request,
        scratch: &mut Scratch,
        out: &mut Vec<Option<i64>>,
    ) {
        self.respond(kept, response, &mut scratch.whole);
        #[cfg(feature = "jit")]
        if let Some(code) = self.tier.code() {
            let settlements = self.program.settlements.len();
            let told = code.settle(&scratch.whole, &mut scratch.found);
            match told.and_then(|()| judge(&scratch.found, settlements)) {
                Ok(()) => return settled(&scratch.found, settlements, out),
                Err(Implausible) => self.distrust(Stage::Settlement, &mut scratch.implausible),
            }
        }
        interpret::settle(&self.program, &scratch.whole, &mut scratch.values, out);
    }

    /// The facts of the response without which a settlement is not known, whatever the others are.
    #[must_use]
    pub fn missing(&self, settlement: usize, kept: &[i64], response: &impl Request) -> Vec<FactId> {
        let program = &self.program;
        let Some(settlement) = program.settlements.get(settlement) else { return Vec::new() };
        let mut frame = Vec::new();
        self.respond(kept, response, &mut frame);
        let absent = program.slots.iter().zip(&frame).enumerate().filter_map(|(position, (slot, value))| {
            let Slot::Present(fact) = *slot else { return None };
            let declared = program.facts.get(usize::from(fact.0))?;
            (*value == 0 && declared.decl.phase == Phase::Response).then_some((position, fact))
        });
        let absent: Vec<(usize, FactId)> = absent.collect();
        let mut values = Values::default();
        let needed = absent.iter().filter(|(without, _)| {
            let mut frame = frame.clone();
            for (position, _) in absent.iter().filter(|(position, _)| position != without) {
                if let Some(place) = frame.get_mut(*position) {
                    *place = 1;
                }
            }
            values.evaluate(program, &frame);
            values.get(settlement.known) == 0
        });
        needed.map(|(_, fact)| *fact).collect()
    }

    /// The frame of a request with the facts of its response added.
    fn respond(&self, kept: &[i64], response: &impl Request, frame: &mut Vec<i64>) {
        frame.clear();
        frame.extend_from_slice(kept);
        frame.resize(self.program.slots.len(), 0);
        self.classifier.fill_response(&self.program, response, frame);
    }
}

/// Settlements by their position, from those that are known.
#[cfg(feature = "jit")]
fn settled(found: &[RawCharge], settlements: usize, out: &mut Vec<Option<i64>>) {
    out.clear();
    out.resize(settlements, None);
    for site in found {
        let place = usize::try_from(site.site).ok().and_then(|position| out.get_mut(position));
        if let Some(place) = place {
            *place = Some(site.cost);
        }
    }
}

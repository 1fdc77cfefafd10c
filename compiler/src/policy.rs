//! A compiled policy: its program, and the engine that decides it.

use std::fmt;

use crate::{
    interpret::{self, Values},
    ir::Program,
    outcome::{RawCharge, RawOutcome},
    pipeline::Engine,
};

/// A policy that is ready to decide. Shared between threads without locks; its machine code is unmapped with it.
#[derive(Debug)]
pub struct Policy {
    program: Program,
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    #[cfg(feature = "jit")]
    Native(crate::codegen::Code),
    Interpreter(Reason),
}

/// Why a policy is interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It was asked for.
    Chosen,
    /// This build has no code generator.
    NotBuilt,
    /// The platform refused executable memory, or has no code generator.
    Unavailable(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("the interpreter was chosen"),
            Self::NotBuilt => f.write_str("this build has no code generator"),
            Self::Unavailable(why) => write!(f, "no machine code here: {why}"),
        }
    }
}

/// Reusable memory of one thread's decisions; never shrinks.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The sites that apply, after [`Policy::decide`].
    pub sites: Vec<RawCharge>,
    values: Values,
    /// What machine code finds of settlements and reports.
    #[cfg(feature = "jit")]
    found: Vec<RawCharge>,
}

impl Policy {
    /// Makes a program ready for `engine`. Where machine code cannot be had, the interpreter serves; see
    /// [`Self::interpreted`].
    #[must_use]
    pub fn new(program: Program, engine: Engine) -> Self {
        let backend = match engine {
            Engine::Interpreter => Backend::Interpreter(Reason::Chosen),
            Engine::Native => native(&program),
        };
        Self { program, backend }
    }

    /// The program.
    #[must_use]
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// Why the policy is interpreted; `None` where machine code decides.
    #[must_use]
    pub const fn interpreted(&self) -> Option<&Reason> {
        match &self.backend {
            #[cfg(feature = "jit")]
            Backend::Native(_) => None,
            Backend::Interpreter(reason) => Some(reason),
        }
    }

    /// The size of the machine code in bytes; 0 where there is none.
    #[must_use]
    pub fn code_size(&self) -> usize {
        match &self.backend {
            #[cfg(feature = "jit")]
            Backend::Native(code) => code.size(),
            Backend::Interpreter(_) => 0,
        }
    }

    /// Decides over a frame of [`Program::slots`]; what applies is left in `scratch.sites`.
    ///
    /// Pure: the same frame gives the same answer. A frame that is too short is filled up with zeros by the interpreter
    /// and, for machine code, by a copy.
    pub fn decide(&self, frame: &[i64], scratch: &mut Scratch) -> RawOutcome {
        match &self.backend {
            #[cfg(feature = "jit")]
            Backend::Native(code) => code.decide(frame, &mut scratch.sites),
            Backend::Interpreter(_) => {
                interpret::decide(&self.program, frame, &mut scratch.values, &mut scratch.sites)
            }
        }
    }
}

impl Policy {
    /// What each of [`Program::settlements`] comes to over the frame of a request with the facts of its response.
    /// `None` where the response lacks a fact that one needs.
    pub fn settle(&self, frame: &[i64], scratch: &mut Scratch, out: &mut Vec<Option<i64>>) {
        match &self.backend {
            #[cfg(feature = "jit")]
            Backend::Native(code) => {
                code.settle(frame, &mut scratch.found);
                out.clear();
                out.resize(self.program.settlements.len(), None);
                for site in &scratch.found {
                    let place = usize::try_from(site.site).ok().and_then(|position| out.get_mut(position));
                    if let Some(place) = place {
                        *place = Some(site.cost);
                    }
                }
            }
            Backend::Interpreter(_) => {
                interpret::settle(&self.program, frame, &mut scratch.values, out);
            }
        }
    }

    /// The shadow denies and exempts that apply to a request, by their position in [`Program::reports`].
    pub fn report(&self, frame: &[i64], scratch: &mut Scratch, out: &mut Vec<u32>) {
        match &self.backend {
            #[cfg(feature = "jit")]
            Backend::Native(code) => {
                code.report(frame, &mut scratch.found);
                out.clear();
                out.extend(scratch.found.iter().filter_map(|site| u32::try_from(site.site).ok()));
            }
            Backend::Interpreter(_) => {
                interpret::report(&self.program, frame, &mut scratch.values, out);
            }
        }
    }
}

#[cfg(feature = "jit")]
fn native(program: &Program) -> Backend {
    match crate::codegen::compile(program) {
        Ok(code) => Backend::Native(code),
        Err(error) => Backend::Interpreter(Reason::Unavailable(error.to_string())),
    }
}

#[cfg(not(feature = "jit"))]
const fn native(_: &Program) -> Backend {
    Backend::Interpreter(Reason::NotBuilt)
}

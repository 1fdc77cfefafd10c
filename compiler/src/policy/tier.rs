//! Which engine decides: machine code once it is there, the interpreter before, and after it was found to be wrong.

#[cfg(feature = "jit")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{
    fmt,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

#[cfg(feature = "jit")]
use crate::codegen::{Code, CodegenError};
use crate::pipeline::Engine;

/// Why a policy is interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It was asked for.
    Chosen,
    /// This build has no code generator.
    NotBuilt,
    /// Machine code was not generated yet.
    Pending,
    /// The platform refused executable memory, or has no code generator.
    Unavailable(String),
    /// A faster engine decided otherwise than the reference interpreter, and was set aside.
    Demoted,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("the interpreter was chosen"),
            Self::NotBuilt => f.write_str("this build has no code generator"),
            Self::Pending => f.write_str("machine code is not ready yet"),
            Self::Unavailable(why) => write!(f, "no machine code here: {why}"),
            Self::Demoted => f.write_str("a faster engine decided otherwise than the reference interpreter"),
        }
    }
}

/// The engine that decides now, from the fastest to the one that is right by definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Serving {
    /// Machine code.
    Native,
    /// The interpreter over the index.
    Interpreter,
    /// The reference interpreter.
    Reference,
}

impl fmt::Display for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Interpreter => "interpreter",
            Self::Reference => "reference",
        })
    }
}

impl Serving {
    /// By their rank: the fastest first.
    const RANKED: [Self; 3] = [Self::Native, Self::Interpreter, Self::Reference];

    const fn rank(self) -> u8 {
        match self {
            Self::Native => 0,
            Self::Interpreter => 1,
            Self::Reference => 2,
        }
    }

    fn of_rank(rank: u8) -> Self {
        Self::RANKED.get(usize::from(rank)).copied().unwrap_or(Self::Reference)
    }
}

/// What generating machine code came to.
#[cfg(feature = "jit")]
type Generated = Result<Code, Reason>;
/// What stands for it where this build has no generator.
#[cfg(not(feature = "jit"))]
type Generated = Result<std::convert::Infallible, Reason>;

/// The engines of one policy.
#[derive(Debug)]
pub(super) struct Tier {
    engine: Engine,
    code: OnceLock<Generated>,
    /// Held while code is generated, so that it is generated once.
    generating: Mutex<()>,
    /// The rank of the fastest engine that is still trusted.
    trusted: AtomicU8,
}

impl Tier {
    /// Interpreted so far.
    pub(super) const fn new(engine: Engine) -> Self {
        let trusted = match engine {
            Engine::Native | Engine::Tiered => Serving::Native,
            Engine::Interpreter => Serving::Interpreter,
            Engine::Reference => Serving::Reference,
        };
        Self {
            engine,
            code: OnceLock::new(),
            generating: Mutex::new(()),
            trusted: AtomicU8::new(trusted.rank()),
        }
    }

    /// Generates machine code where the engine asks for it, it is not there, and it is wanted when its turn comes. Once:
    /// whoever asks meanwhile waits for it.
    #[cfg(feature = "jit")]
    pub(super) fn generate(
        &self,
        wanted: impl FnOnce() -> bool,
        generate: impl FnOnce() -> Result<Code, CodegenError>,
    ) {
        if !matches!(self.engine, Engine::Native | Engine::Tiered) {
            return;
        }
        // The lock guards no data that a panic could have left half done.
        let _one = self.generating.lock().unwrap_or_else(PoisonError::into_inner);
        if self.code.get().is_none() && self.trusted() == Serving::Native && wanted() {
            // A panic of the code generator is an error as any other: what it was working on is dropped.
            let generated = catch_unwind(AssertUnwindSafe(generate))
                .unwrap_or_else(|_| Err(CodegenError::Generate("it panicked".to_owned())));
            // Nobody else sets it under the lock.
            let _ = self.code.set(generated.map_err(|error| Reason::Unavailable(error.to_string())));
        }
    }

    /// Notes that there is no generator.
    #[cfg(not(feature = "jit"))]
    pub(super) fn generate(&self) {
        let _one = self.generating.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(self.engine, Engine::Native | Engine::Tiered) {
            let _ = self.code.set(Err(Reason::NotBuilt));
        }
    }

    /// The machine code to decide with.
    #[cfg(feature = "jit")]
    #[inline]
    pub(super) fn code(&self) -> Option<&Code> {
        match self.code.get() {
            Some(Ok(code)) if self.trusted.load(Ordering::Relaxed) == 0 => Some(code),
            _ => None,
        }
    }

    /// The fastest engine that is trusted, whether or not its code is there.
    fn trusted(&self) -> Serving {
        Serving::of_rank(self.trusted.load(Ordering::Relaxed))
    }

    /// Whether every decision is made by the reference interpreter.
    #[inline]
    pub(super) fn is_reference(&self) -> bool {
        self.trusted.load(Ordering::Relaxed) == Serving::Reference.rank()
    }

    /// The engine that decides now.
    pub(super) fn serving(&self) -> Serving {
        let trusted = self.trusted();
        let waits = trusted == Serving::Native && !matches!(self.code.get(), Some(Ok(_)));
        if waits { Serving::Interpreter } else { trusted }
    }

    /// Sets an engine and all faster ones aside for good; false where that had been done before.
    pub(super) fn demote(&self, wrong: Serving) -> bool {
        let next = (wrong.rank() + 1).min(Serving::Reference.rank());
        self.trusted.fetch_max(next, Ordering::Relaxed) < next
    }

    /// Why no machine code decides.
    pub(super) fn interpreted(&self) -> Option<&Reason> {
        let chosen = match self.engine {
            Engine::Native | Engine::Tiered => Serving::Native,
            Engine::Interpreter => Serving::Interpreter,
            Engine::Reference => Serving::Reference,
        };
        match (chosen, self.code.get()) {
            _ if self.trusted() > chosen => Some(&Reason::Demoted),
            (Serving::Interpreter | Serving::Reference, _) => Some(&Reason::Chosen),
            (Serving::Native, None) => Some(&Reason::Pending),
            (Serving::Native, Some(Err(reason))) => Some(reason),
            (Serving::Native, Some(Ok(_))) => None,
        }
    }
}

//! Which engine decides: machine code once it is there, the interpreter before, and after it was found to be wrong.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
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
    /// Machine code decided otherwise than the interpreter, and was set aside.
    Demoted,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("the interpreter was chosen"),
            Self::NotBuilt => f.write_str("this build has no code generator"),
            Self::Pending => f.write_str("machine code is not ready yet"),
            Self::Unavailable(why) => write!(f, "no machine code here: {why}"),
            Self::Demoted => f.write_str("machine code decided otherwise than the interpreter"),
        }
    }
}

/// The engines of one policy.
#[derive(Debug)]
pub(super) struct Tier {
    engine: Engine,
    #[cfg(feature = "jit")]
    code: OnceLock<Result<Code, Reason>>,
    /// What stands for the code where this build has no generator.
    #[cfg(not(feature = "jit"))]
    code: OnceLock<Result<std::convert::Infallible, Reason>>,
    demoted: AtomicBool,
}

impl Tier {
    /// Interpreted so far.
    pub(super) const fn new(engine: Engine) -> Self {
        Self { engine, code: OnceLock::new(), demoted: AtomicBool::new(false) }
    }

    /// Generates machine code where the engine asks for it; once, whoever asks again waits for it.
    #[cfg(feature = "jit")]
    pub(super) fn generate(&self, compile: impl FnOnce() -> Result<Code, CodegenError>) {
        if self.engine == Engine::Native {
            let unavailable = |error: CodegenError| Reason::Unavailable(error.to_string());
            self.code.get_or_init(|| compile().map_err(unavailable));
        }
    }

    /// Says that this build has no generator where the engine asks for code.
    #[cfg(not(feature = "jit"))]
    pub(super) fn generate(&self) {
        if self.engine == Engine::Native {
            self.code.get_or_init(|| Err(Reason::NotBuilt));
        }
    }

    /// The machine code to decide with.
    #[cfg(feature = "jit")]
    #[inline]
    pub(super) fn code(&self) -> Option<&Code> {
        match self.code.get() {
            Some(Ok(code)) if !self.demoted.load(Ordering::Relaxed) => Some(code),
            _ => None,
        }
    }

    /// Sets machine code aside for good.
    pub(super) fn demote(&self) {
        self.demoted.store(true, Ordering::Relaxed);
    }

    /// Why no machine code decides.
    pub(super) fn interpreted(&self) -> Option<&Reason> {
        match (self.engine, self.code.get()) {
            (Engine::Interpreter | Engine::Reference, _) => Some(&Reason::Chosen),
            (Engine::Native, None) => Some(&Reason::Pending),
            (Engine::Native, Some(Err(reason))) => Some(reason),
            (Engine::Native, Some(Ok(_))) => self.demoted.load(Ordering::Relaxed).then_some(&Reason::Demoted),
        }
    }
}

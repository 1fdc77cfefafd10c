//! Machine code: leaf functions over integers, one per run of sites, in memory of their own.
//!
//! Decisions, reports of shadows and settlements are entries of their own: what only a settlement needs costs no
//! decision anything.
//!
//! The code calls nothing, allocates nothing and has no relocations, so that it can be copied to where it runs: the
//! mapping is writable first and executable after, never both, and is unmapped when the last [`Code`] is dropped.
//! What it writes is judged before it is read. All `unsafe` of the crate is in `memory.rs` and `guard.rs`.

mod division;
#[cfg(all(debug_assertions, unix))]
mod guard;
mod memory;
mod translate;

use cranelift_codegen::{
    Context,
    control::ControlPlane,
    isa::OwnedTargetIsa,
    settings::{self, Configurable as _},
};
use cranelift_frontend::FunctionBuilderContext;

pub use memory::Code;
use memory::{Layout, Stratum};

pub use crate::outcome::judge::Implausible;
use crate::ir::Program;

/// Sites per function: the code generator's time grows faster than the size of a function.
const SITES_PER_FUNCTION: usize = 64;

/// Why there is no machine code. The policy is interpreted then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodegenError {
    /// The code generator does not know this processor.
    #[error("this processor is not supported: {0}")]
    Target(String),
    /// The code generator failed.
    #[error("the code generator failed: {0}")]
    Generate(String),
    /// The code would need relocations, which it must not.
    #[error("the generated code is not self-contained")]
    Relocation,
    /// The system refused the memory, or to make it executable.
    #[error("the system refused executable memory")]
    Memory(#[source] std::io::Error),
    /// It was given up halfway.
    #[error("the code is not wanted any more")]
    Abandoned,
}

/// How much the code generator checks of its own work. What it makes is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Verify the program given to the code generator; in builds with debug assertions by default.
    pub verify: bool,
    /// Check that registers are allocated to the right values; never by default. A failure is a panic of the code
    /// generator, for a fuzzer to find.
    pub check_registers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { verify: cfg!(debug_assertions), check_registers: false }
    }
}

impl Options {
    /// Everything that can be checked in a program that others trust.
    #[must_use]
    pub const fn paranoid() -> Self {
        Self { verify: true, check_registers: true }
    }
}

/// Compiles a program.
///
/// # Errors
///
/// See [`compile_with`].
pub fn compile(program: &Program) -> Result<Code, CodegenError> {
    compile_with(program, Options::default(), &|| true)
}

/// Compiles a program for as long as it is `wanted`, which is asked before each function.
///
/// # Errors
///
/// Where this machine has no code generator or refuses executable memory, or the code is not wanted any more. Nothing
/// stays mapped then.
pub fn compile_with(
    program: &Program,
    options: Options,
    wanted: &dyn Fn() -> bool,
) -> Result<Code, CodegenError> {
    let isa = target(options)?;
    let mut generator = Generator {
        isa,
        context: Context::new(),
        builder: FunctionBuilderContext::new(),
        bytes: Vec::new(),
        wanted,
    };
    let denies = program.denies.iter().map(|site| translate::Site::bare(site.when)).collect();
    let exempts = program.exempts.iter().map(|site| translate::Site::bare(site.when)).collect();
    let charges = program.charges.iter().map(translate::Site::charge).collect();
    let reports = program.reports.iter().map(|site| translate::Site::bare(site.when)).collect();
    let settlements = program.settlements.iter().map(translate::Site::settlement).collect();
    let layout = Layout {
        denies: generator.stratum(program, denies)?,
        exempts: generator.stratum(program, exempts)?,
        charges: generator.stratum(program, charges)?,
        reports: generator.stratum(program, reports)?,
        settlements: generator.stratum(program, settlements)?,
        slots: program.slots.len(),
    };
    Code::map(&generator.bytes, layout).map_err(CodegenError::Memory)
}

fn target(options: Options) -> Result<OwnedTargetIsa, CodegenError> {
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", "speed"),
        ("is_pic", "false"),
        ("unwind_info", "false"),
        ("preserve_frame_pointers", "true"),
        // A large frame must meet the guard page below the stack, not step over it. Inline, as the code calls nothing.
        ("enable_probestack", "true"),
        ("probestack_strategy", "inline"),
        ("enable_verifier", word(options.verify)),
        ("regalloc_checker", word(options.check_registers)),
    ] {
        flags.set(name, value).map_err(|error| CodegenError::Target(error.to_string()))?;
    }
    cranelift_native::builder()
        .map_err(|error| CodegenError::Target(error.to_owned()))?
        .finish(settings::Flags::new(flags))
        .map_err(|error| CodegenError::Target(error.to_string()))
}

/// A setting that is on or off, as the code generator reads it.
const fn word(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

struct Generator<'w> {
    /// Whether to go on.
    wanted: &'w dyn Fn() -> bool,
    isa: OwnedTargetIsa,
    context: Context,
    builder: FunctionBuilderContext,
    bytes: Vec<u8>,
}

impl Generator<'_> {
    /// Compiles the functions of one stratum.
    fn stratum(
        &mut self,
        program: &Program,
        sites: Vec<translate::Site>,
    ) -> Result<Stratum, CodegenError> {
        let mut functions = Vec::new();
        let mut first = 0;
        for chunk in sites.chunks(SITES_PER_FUNCTION) {
            if !(self.wanted)() {
                return Err(CodegenError::Abandoned);
            }
            functions.push(self.function(program, chunk, first)?);
            first += chunk.len();
        }
        Ok(Stratum { functions, sites: sites.len() })
    }

    fn function(
        &mut self,
        program: &Program,
        sites: &[translate::Site],
        first: usize,
    ) -> Result<usize, CodegenError> {
        self.context.clear();
        let config = self.isa.frontend_config();
        translate::function(program, sites, first, config, &mut self.context.func, &mut self.builder);
        let compiled = self
            .context
            .compile(&*self.isa, &mut ControlPlane::default())
            .map_err(|error| CodegenError::Generate(format!("{:?}", error.inner)))?;
        if !compiled.buffer.relocs().is_empty() {
            return Err(CodegenError::Relocation);
        }
        let align = usize::try_from(compiled.buffer.alignment.max(16)).unwrap_or(16);
        self.bytes.resize(self.bytes.len().next_multiple_of(align), 0);
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(compiled.code_buffer());
        Ok(offset)
    }
}

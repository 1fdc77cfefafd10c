//! Machine code: leaf functions over integers, in memory of their own.
//!
//! A small policy has one function per run of sites; decisions and reports of shadows are entries of their own;
//! settlements are interpreted. Of a policy with an index, each shape that sites share
//! is one function, called for candidates only.
//!
//! The code calls nothing, allocates nothing and has no relocations, so that it can be copied to where it runs: the
//! mapping is writable first and executable after, never both, and is unmapped when the last [`Code`] is dropped.
//! What it writes is judged before it is read. All `unsafe` of the crate is in `memory.rs` and `guard.rs`.

mod division;
#[cfg(all(debug_assertions, unix))]
mod guard;
mod memory;
mod options;
mod translate;

use cranelift_codegen::{
    Context,
    control::ControlPlane,
    isa::OwnedTargetIsa,
    settings::{self, Configurable as _},
};
use cranelift_frontend::FunctionBuilderContext;

pub use memory::Code;
use memory::{Body, Layout};
pub use options::{OptLevel, Options, Regalloc};

pub use crate::outcome::judge::Implausible;
use crate::{index::shape::Shape, ir::Program};

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
}

/// Compiles a program, all of its sites one after the other.
///
/// # Errors
///
/// Where this machine has no code generator or refuses executable memory. Nothing stays mapped then.
pub fn compile(program: &Program) -> Result<Code, CodegenError> {
    compile_with(program, &Options::default())
}

/// The same with other settings than those to serve with.
///
/// # Errors
///
/// As of [`compile`].
pub fn compile_with(program: &Program, options: &Options) -> Result<Code, CodegenError> {
    let mut generator = Generator::new(options)?;
    let denies = program.denies.iter().map(|site| translate::Site::bare(site.when)).collect();
    let exempts = program.exempts.iter().map(|site| translate::Site::bare(site.when)).collect();
    let charges = program.charges.iter().map(translate::Site::charge).collect();
    let reports = program.reports.iter().map(|site| translate::Site::bare(site.when)).collect();
    let sites = [program.denies.len(), program.exempts.len(), program.charges.len(), program.reports.len()];
    let layout = Layout {
        denies: generator.stratum(program, denies)?,
        exempts: generator.stratum(program, exempts)?,
        charges: generator.stratum(program, charges)?,
        reports: generator.stratum(program, reports)?,
        slots: program.slots.len(),
        most_sites: sites.into_iter().max().unwrap_or(0),
        bodies: Vec::new(),
    };
    Code::map(&generator.bytes, layout).map_err(CodegenError::Memory)
}

/// Compiles the shapes that the sites of a program share, each by its position.
///
/// # Errors
///
/// As of [`compile`].
pub fn compile_shapes(program: &Program, shapes: &[Shape], options: &Options) -> Result<Code, CodegenError> {
    let mut generator = Generator::new(options)?;
    let mut layout = Layout { slots: program.slots.len(), ..Layout::default() };
    for shape in shapes {
        generator.context.clear();
        let config = generator.isa.frontend_config();
        translate::body(shape, config, &mut generator.context.func, &mut generator.builder);
        let offset = generator.emit()?;
        layout.bodies.push(Body { offset, computes: shape.computes, parameters: shape.parameters });
    }
    Code::map(&generator.bytes, layout).map_err(CodegenError::Memory)
}

fn target(options: &Options) -> Result<OwnedTargetIsa, CodegenError> {
    let mut flags = settings::builder();
    let on = |wanted: bool| if wanted { "true" } else { "false" };
    for (name, value) in [
        ("opt_level", options.opt_level.name()),
        ("regalloc_algorithm", options.regalloc.name()),
        ("regalloc_checker", on(options.regalloc_checker)),
        ("enable_verifier", on(options.verify)),
        ("is_pic", "false"),
        ("unwind_info", "false"),
        ("preserve_frame_pointers", "true"),
        // A large frame must meet the guard page below the stack, not step over it. Inline, as the code calls nothing.
        ("enable_probestack", "true"),
        ("probestack_strategy", "inline"),
    ] {
        flags.set(name, value).map_err(|error| CodegenError::Target(error.to_string()))?;
    }
    cranelift_native::builder()
        .map_err(|error| CodegenError::Target(error.to_owned()))?
        .finish(settings::Flags::new(flags))
        .map_err(|error| CodegenError::Target(error.to_string()))
}

struct Generator {
    isa: OwnedTargetIsa,
    context: Context,
    builder: FunctionBuilderContext,
    bytes: Vec<u8>,
}

impl Generator {
    fn new(options: &Options) -> Result<Self, CodegenError> {
        let (context, builder) = (Context::new(), FunctionBuilderContext::new());
        Ok(Self { isa: target(options)?, context, builder, bytes: Vec::new() })
    }

    /// Compiles the functions of one stratum and gives their offsets.
    fn stratum(
        &mut self,
        program: &Program,
        sites: Vec<translate::Site>,
    ) -> Result<Vec<usize>, CodegenError> {
        let mut offsets = Vec::new();
        let mut first = 0;
        for chunk in sites.chunks(SITES_PER_FUNCTION) {
            offsets.push(self.function(program, chunk, first)?);
            first += chunk.len();
        }
        Ok(offsets)
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
        self.emit()
    }

    /// Compiles the function at hand and gives its offset.
    fn emit(&mut self) -> Result<usize, CodegenError> {
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

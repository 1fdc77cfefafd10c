//! The stages of a compilation, in order. Each takes what the one before made, so that none can be left out.

use limitrate_grammar::{ast, diagnostic::Diagnostics};

use crate::{
    check::check,
    checked::Test,
    cost, ir, lint,
    lower::lower,
    policy::Policy,
    resolve::{PlanLadder, resolve},
    source::{Loader, Sources, StandardLibrary},
};

/// A policy that does not compile: what is wrong, and the texts that the spans point into.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong; at least one error.
    pub diagnostics: Diagnostics,
    /// The texts.
    pub sources: Sources,
}

/// A policy that compiles, with everything the compiler has to say about it.
#[derive(Debug)]
pub struct Accepted {
    /// The policy, ready to decide.
    pub policy: Policy,
    /// The tests in its text.
    pub tests: Vec<Test>,
    /// The plans as written, for [`crate::plans::PlanMatrix`].
    pub plans: PlanLadder,
    /// Warnings.
    pub diagnostics: Diagnostics,
    /// The texts.
    pub sources: Sources,
}

/// Which engine a policy is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// Machine code where the platform allows it, else the interpreter.
    #[default]
    Native,
    /// The interpreter at once, and machine code from when it is ready: what makes it is left to
    /// [`Policy::generate`], which a limiter calls on a thread of its own.
    Tiered,
    /// The interpreter, over the same index as machine code.
    Interpreter,
    /// The reference interpreter: every node and every site for each request. What it says is what a policy means.
    Reference,
}

/// Compiles the policy in `bytes`, called `name` in diagnostics, with the standard library.
///
/// # Errors
///
/// Everything that is wrong with the text, at once.
pub fn compile(name: &str, bytes: &[u8], engine: Engine) -> Result<Accepted, Box<Rejected>> {
    compile_with(name, bytes, engine, &StandardLibrary)
}

/// Compiles a policy whose modules come from `loader`.
///
/// # Errors
///
/// Everything that is wrong with the text, at once.
pub fn compile_with(
    name: &str,
    bytes: &[u8],
    engine: Engine,
    loader: &dyn Loader,
) -> Result<Accepted, Box<Rejected>> {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let parsed = parse(name, bytes, &mut sources, &mut diagnostics);
    let resolved = resolve(parsed, &mut sources, loader, &mut diagnostics);
    let mut checked = check(&resolved, &sources, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(Box::new(Rejected { diagnostics, sources }));
    }
    lint::policy(&resolved, &checked, &sources, &mut diagnostics);
    let tests = std::mem::take(&mut checked.tests);
    let program = lower(checked);
    debug_assert_eq!(ir::verify(&program), Ok(()));
    let over = cost::over_steps(&program, &resolved.budgets);
    if !over.is_empty() {
        let mut all = Diagnostics::default();
        over.into_iter().for_each(|diagnostic| all.push(diagnostic));
        all.append(diagnostics);
        return Err(Box::new(Rejected { diagnostics: all, sources }));
    }
    lint::program(&program, &mut diagnostics);
    let policy = Policy::new(program, engine);
    Ok(Accepted { policy, tests, plans: resolved.plans, diagnostics, sources })
}

fn parse(name: &str, bytes: &[u8], sources: &mut Sources, diagnostics: &mut Diagnostics) -> ast::File {
    let source = sources.add(name, bytes);
    let parsed = limitrate_grammar::parse(source, bytes);
    diagnostics.append(parsed.diagnostics);
    parsed.file
}

//! One text, compiled once for each engine.

use std::sync::Arc;

use limitrate_compiler::{
    Engine, Policy,
    check::check,
    lower::lower,
    resolve::resolve,
    source::{Sources, Texts},
};
use limitrate_grammar::{
    ast::File,
    diagnostic::{Diagnostics, Severity},
};

use crate::coverage::Coverage;

/// What decides, with the word that a difference is reported with. The first is what a policy means; the others must say
/// the same. A further way to generate code is a line here.
pub const ENGINES: [(&str, Engine); 3] = [
    ("reference", Engine::Reference),
    ("interpreter", Engine::Interpreter),
    ("machine code", Engine::Native),
];

/// A policy for each of [`ENGINES`].
#[derive(Debug)]
pub struct Built {
    /// The policies, in the order of the engines.
    pub policies: Vec<Arc<Policy>>,
    /// The syntax tree.
    pub file: File,
}

/// Compiles a policy for every engine; its modules are those of the standard library and of `modules`.
///
/// # Errors
///
/// The first error of the compiler.
pub fn build(text: &str, modules: &Texts, coverage: Option<&mut Coverage>) -> Result<Built, String> {
    build_for(text, modules, &ENGINES.map(|(_, engine)| engine), coverage)
}

/// Compiles a policy for some engines.
///
/// # Errors
///
/// The first error of the compiler.
pub fn build_for(
    text: &str,
    modules: &Texts,
    engines: &[Engine],
    mut coverage: Option<&mut Coverage>,
) -> Result<Built, String> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let source = sources.add("generated.rl", text.as_bytes());
    let parsed = limitrate_grammar::parse(source, text.as_bytes());
    diagnostics.append(parsed.diagnostics);
    first_error(&diagnostics, text)?;
    let file = parsed.file.clone();
    let resolved = resolve(parsed.file, &mut sources, modules, &mut diagnostics);
    let mut policies = Vec::new();
    for engine in engines {
        let mut found = Diagnostics::default();
        let checked = check(&resolved, &sources, &mut found);
        diagnostics.append(found);
        first_error(&diagnostics, text)?;
        let first = policies.is_empty();
        if let Some(coverage) = coverage.as_deref_mut().filter(|_| first) {
            coverage.add_syntax(&file);
            coverage.add_typed(&checked);
        }
        let program = lower(checked);
        if let Some(coverage) = coverage.as_deref_mut().filter(|_| first) {
            coverage.add_program(&program);
        }
        policies.push(Arc::new(Policy::new(program, *engine)));
    }
    Ok(Built { policies, file })
}

fn first_error(diagnostics: &Diagnostics, text: &str) -> Result<(), String> {
    if !diagnostics.has_errors() {
        return Ok(());
    }
    let sorted = diagnostics.sorted();
    let first = sorted.iter().find(|diagnostic| diagnostic.severity() == Severity::Error);
    Err(first.map_or(String::new(), |diagnostic| {
        format!("{}: {}: {}", diagnostic.code, diagnostic.message, diagnostic.span().text(text))
    }))
}

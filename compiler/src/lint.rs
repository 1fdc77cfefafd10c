//! Lints: what compiles and is probably not meant.
//!
//! Each file has one question. None needs a solver: they look at single expressions, declarations and sites. They run
//! on policies without errors only, so that no mistake is told twice, and speak of the policy's own text, not of what
//! it imports.

mod constant;
mod coverage;
mod duplicate;
mod edges;
mod single;
mod unused;
mod walk;

use limitrate_grammar::{
    diagnostic::{Diagnostic, Diagnostics},
    span::SourceId,
};

use crate::{checked::Checked, ir::Program, resolve::Resolved, source::Sources};

/// Looks at a policy that has no errors.
pub(crate) fn policy(
    resolved: &Resolved,
    checked: &Checked,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) {
    let mut found = constant::lint(checked, sources);
    found.extend(coverage::lint(resolved, checked));
    found.extend(edges::lint(resolved, checked));
    found.extend(unused::lint(checked, sources));
    report(found, diagnostics);
}

/// Looks at what a policy was lowered to: there, conditions that mean the same are the same.
pub(crate) fn program(program: &Program, diagnostics: &mut Diagnostics) {
    report(duplicate::lint(program), diagnostics);
}

fn report(found: Vec<Diagnostic>, diagnostics: &mut Diagnostics) {
    let own = found.into_iter().filter(|diagnostic| diagnostic.span().source == SourceId(0));
    own.for_each(|diagnostic| diagnostics.push(diagnostic));
}

//! Diagnostics as people read them: a heading, the places in their source, what to do.
//!
//! ```text
//! error[RL0301]: this limit's key may be missing
//!    ╭─[api.rl:14:24]
//!  9 │   account : key?
//!    ·             ──┬─
//!    ·               ╰── declared optional here
//! 14 │   limit 20 req/min per account
//!    ·                        ───┬───
//!    ·                           ╰── what should count requests that have no account?
//!    ╰────
//!   help: say what absence means
//!         • fall back to the address     per account ?? ip
//! ```

mod advice;
mod said;
mod snippet;
mod view;

use std::cell::OnceCell;

use limitrate_compiler::{
    grammar::{
        diagnostic::{Diagnostic, Diagnostics, Severity},
        span::SourceId,
    },
    source::Sources,
};

use crate::{
    escape,
    position::Lines,
    ui::{Paint, Style},
};

pub(crate) use advice::wrap;
pub(crate) use said::Said;

/// Renders diagnostics of one compilation.
pub(crate) struct Renderer<'a> {
    sources: &'a Sources,
    lines: Vec<OnceCell<Lines<'a>>>,
    paint: Paint,
    width: usize,
}

impl<'a> Renderer<'a> {
    /// A renderer of diagnostics whose spans point into `sources`.
    pub(crate) fn new(sources: &'a Sources, paint: Paint, width: usize) -> Self {
        Self { sources, lines: sources.iter().map(|_| OnceCell::new()).collect(), paint, width }
    }

    /// A diagnostic, ending with a line end.
    pub(crate) fn render(&self, diagnostic: &Diagnostic) -> String {
        let (severity, style) = match diagnostic.severity() {
            Severity::Error => ("error", Style::Error),
            Severity::Warning => ("warning", Style::Warning),
        };
        let word = self.paint.style(style, format!("{severity}[{}]", diagnostic.code));
        let message = self.paint.style(Style::Strong, escape::clipped(&diagnostic.message));
        let mut text = format!("{word}: {message}\n");
        snippet::write(&mut text, self, diagnostic);
        advice::write(&mut text, self, diagnostic);
        text
    }

    /// The name and the lines of a source.
    fn source(&self, id: SourceId) -> Option<(&'a str, &Lines<'a>)> {
        let source = self.sources.get(id)?;
        let lines = self.lines.get(usize::from(id.0))?.get_or_init(|| Lines::new(&source.bytes));
        Some((&source.name, lines))
    }
}

/// All diagnostics in the order of the text, an empty line after each.
pub(crate) fn all(diagnostics: &Diagnostics, sources: &Sources, paint: Paint, width: usize) -> String {
    let renderer = Renderer::new(sources, paint, width);
    let mut text = String::new();
    for diagnostic in diagnostics.sorted() {
        text.push_str(&renderer.render(diagnostic));
        text.push('\n');
    }
    if diagnostics.suppressed() > 0 {
        text.push_str(&format!("… and {} more\n\n", diagnostics.suppressed()));
    }
    text
}

#[cfg(test)]
mod tests;

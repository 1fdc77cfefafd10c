//! What was said about files already: a module is compiled by itself and with each policy that uses it.

use std::collections::HashSet;

use limitrate_compiler::{grammar::diagnostic::Diagnostics, source::Sources};

use crate::{args::Format, render, ui::Ui};

/// The diagnostics that were shown, by file, place and code.
#[derive(Debug, Default)]
pub(crate) struct Said(HashSet<(String, u32, &'static str)>);

impl Said {
    /// Shows, as text, what was not said before.
    pub(crate) fn show(&mut self, diagnostics: &Diagnostics, sources: &Sources, ui: &mut Ui) {
        if ui.format() != Format::Text {
            return;
        }
        let mut fresh = Diagnostics::default();
        for diagnostic in diagnostics.sorted() {
            let span = diagnostic.span();
            let file = sources.get(span.source).map(|source| source.name.clone()).unwrap_or_default();
            if self.0.insert((file, span.start, diagnostic.code.as_str())) {
                fresh.push(diagnostic.clone());
            }
        }
        let all_are_fresh = fresh.sorted().len() == diagnostics.sorted().len();
        let shown = if all_are_fresh { diagnostics } else { &fresh };
        let text = render::all(shown, sources, ui.paint(), ui.width());
        ui.write(text);
    }
}

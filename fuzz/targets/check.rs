//! Any bytes can be compiled: to a policy, or to diagnostics that point into the texts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limitrate_compiler::{Engine, compile, source::Sources};
use limitrate_fuzz::check_diagnostics;
use limitrate_grammar::{diagnostic::Diagnostics, span::Span};

fn check(diagnostics: &Diagnostics, sources: &Sources) {
    let text_of = |span: Span| {
        let source = sources.get(span.source);
        source.expect("a diagnostic points into a text").bytes.as_slice()
    };
    check_diagnostics(&diagnostics.sorted(), text_of);
}

fuzz_target!(|bytes: &[u8]| {
    match compile("fuzz.rl", bytes, Engine::Reference) {
        Ok(accepted) => {
            check(&accepted.diagnostics, &accepted.sources);
            assert!(!accepted.diagnostics.has_errors());
        }
        Err(rejected) => {
            check(&rejected.diagnostics, &rejected.sources);
            assert!(rejected.diagnostics.has_errors());
        }
    }
});

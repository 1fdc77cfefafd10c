//! Any bytes can be parsed: no panic, a bounded number of diagnostics, spans inside the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limitrate_fuzz::check_diagnostics;
use limitrate_grammar::{parse, span::SourceId};

fuzz_target!(|bytes: &[u8]| {
    let parsed = parse(SourceId(0), bytes);
    check_diagnostics(&parsed.diagnostics.sorted(), |_| bytes);
});

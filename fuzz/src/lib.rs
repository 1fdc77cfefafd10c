//! What the fuzz targets share: where diagnostics may point, and requests made of bytes.

pub mod request;

use limitrate_grammar::{
    diagnostic::{Diagnostic, MAX_DIAGNOSTICS},
    span::Span,
};

/// Checks that there are no more diagnostics than a run may have, and that each points into the text that `text_of` gives
/// for its source, on whole characters.
pub fn check_diagnostics<'t>(diagnostics: &[&Diagnostic], text_of: impl Fn(Span) -> &'t [u8]) {
    assert!(diagnostics.len() <= MAX_DIAGNOSTICS, "{} diagnostics", diagnostics.len());
    for diagnostic in diagnostics {
        assert!(!diagnostic.labels.is_empty(), "nothing is pointed at: {diagnostic:?}");
        let fixes = diagnostic.fixes.iter().map(|fix| fix.span);
        for span in diagnostic.labels.iter().map(|label| label.span).chain(fixes) {
            let text = text_of(span);
            let (start, end) = (span.start as usize, span.end as usize);
            assert!(start <= end && end <= text.len(), "outside of the text: {diagnostic:?}");
            // A text that is not UTF-8 has no characters to be cut.
            if let Ok(text) = std::str::from_utf8(text) {
                let whole = text.is_char_boundary(start) && text.is_char_boundary(end);
                assert!(whole, "within a character: {diagnostic:?}");
            }
        }
    }
}

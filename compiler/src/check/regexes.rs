//! What regular expressions may compile to: each, and those of a policy together.

use std::collections::HashSet;

use limitrate_grammar::{code::Code, diagnostic::Diagnostic, span::Span};
use regex::RegexBuilder;

/// The compiled size that a regular expression may have, in bytes.
pub(crate) const MAX_REGEX_BYTES: usize = 1 << 20;

/// The compiled size that the different regular expressions of a policy may have together, in bytes.
const MAX_TOGETHER: usize = 64 << 20;

/// A regular expression counts as the smallest of these that it stays within: its own size nobody tells.
const SIZES: [usize; 4] = [4 << 10, 32 << 10, 256 << 10, MAX_REGEX_BYTES];

/// The regular expressions of a policy that compile.
#[derive(Debug, Default)]
pub(super) struct Regexes {
    known: HashSet<String>,
    /// What they count as, in bytes.
    together: usize,
}

impl Regexes {
    /// Adds a regular expression that stands at `span`, or says what is wrong with it. That all of them compile to too
    /// much is said once.
    pub(super) fn add(&mut self, text: &str, span: Span) -> Result<(), Box<Diagnostic>> {
        if self.known.contains(text) || self.together > MAX_TOGETHER {
            return Ok(());
        }
        let size = size(text).map_err(|error| {
            if matches!(error, regex::Error::CompiledTooBig(_)) {
                self.together += MAX_REGEX_BYTES; // so that a file full of them is not tried to its end
            }
            Box::new(no_regex(&error, span))
        })?;
        self.known.insert(text.to_owned());
        self.together += size;
        if self.together > MAX_TOGETHER {
            return Err(Box::new(
                Diagnostic::new(
                    Code::RL0210,
                    "the regular expressions of this policy are too large together",
                    span,
                    "compiles to too much with this one",
                )
                .help("ask with `starts_with`, `ends_with`, `contains` or `like` where that says the same"),
            ));
        }
        Ok(())
    }
}

/// What a regular expression counts as.
fn size(text: &str) -> Result<usize, regex::Error> {
    let fits = |size: &usize| RegexBuilder::new(text).size_limit(*size).build().is_ok();
    match SIZES.iter().find(|size| fits(size)) {
        Some(size) => Ok(*size),
        None => RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build().map(|_| MAX_REGEX_BYTES),
    }
}

/// The report of a regular expression that does not compile.
fn no_regex(error: &regex::Error, span: Span) -> Diagnostic {
    if let regex::Error::CompiledTooBig(_) = error {
        return Diagnostic::new(
            Code::RL0210,
            "this regular expression is too large",
            span,
            "compiles to too much",
        )
        .help("repeat less: `{1000}` writes what it repeats a thousand times");
    }
    let reason =
        error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Diagnostic::new(Code::RL0210, "this is no regular expression", span, reason)
        .help("a backslash before a sign that is meant as itself: `\\.`, `\\(`")
}

//! The facts of a request as they stand on the command line.

use std::path::Path;

use limitrate_core::{
    facts::{FactDecl, Phase},
    literal,
    time::Timestamp,
};
use limitrate_testkit::traffic::{
    Line, MAX_LINE_BYTES, Schema, Scratch, SkipReason, UnknownMembers, read_jsonl,
};

use crate::{
    escape,
    source::{self, closest},
    ui::Ui,
};

/// Why facts could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FactsError {
    /// The file that they should be in cannot be read.
    #[error(transparent)]
    Source(#[from] source::SourceError),
    /// They are no text.
    #[error("the facts cannot be read: not UTF-8")]
    NotUtf8,
}

/// The text that `--facts` names: itself, a file after `@`, or the standard input.
pub(super) fn read(argument: &str) -> Result<String, FactsError> {
    let path = match argument.strip_prefix('@') {
        Some(path) => path,
        None if argument == "-" => argument,
        None => return Ok(argument.to_owned()),
    };
    let bytes = source::read(Path::new(path), MAX_LINE_BYTES)?;
    String::from_utf8(bytes).map_err(|_| FactsError::NotUtf8)
}

/// Whether `--facts` names the standard input.
pub(super) fn from_stdin(argument: &str) -> bool {
    matches!(argument, "-" | "@-")
}

/// The facts with a time: their own, else `now`. Whether it is their own is said too.
pub(super) fn with_time(text: &str, schema: &Schema, now: Timestamp) -> (String, bool) {
    let members = text.trim_start().strip_prefix('{');
    match (read_jsonl(Line { number: 1, text }, schema, &mut Scratch::default()), members) {
        (Err(SkipReason::NoTime), Some(members)) => {
            let comma = if members.trim_start().starts_with('}') { "" } else { "," };
            (format!("{{\"t\":\"{}\"{comma}{members}", literal::write_instant(now)), false)
        }
        (read, _) => (text.to_owned(), read.is_ok()),
    }
}

/// Says which members no fact is declared for: a name may be mistyped.
pub(super) fn mention_unknown(unknown: &UnknownMembers, facts: &[FactDecl], ui: &mut Ui) {
    for (member, _) in unknown.by_count() {
        if facts.iter().any(|fact| *fact.name == *member && fact.phase == Phase::Response) {
            ui.note(format_args!(
                "`{member}` is known only after the response, so it was left out: \
                 write \"reply\": {{\"{member}\": …}}"
            ));
            continue;
        }
        let nearest = closest(member, facts.iter().map(|fact| &*fact.name));
        let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
        let member = escape::clipped(member);
        ui.note(format_args!("the policy has no fact `{member}`, so it was left out{hint}"));
    }
}

//! Prints a policy in the one form that all policies share.
//!
//! The tree says where lines break, the tokens say what stands on them: so comments stay, numbers stay as they were
//! written, and only blanks, letters of keywords and names of units change.

mod layout;
mod literal;
mod marks;
mod pieces;
mod printer;

use crate::{
    ast::ItemKind,
    diagnostic::Diagnostics,
    format::{marks::Marks, pieces::pieces, printer::Printer},
    parse::parse,
    span::SourceId,
};

/// The line that says which edition a policy is written in.
const EDITION: &str = "edition 2026\n";

/// Formats a whole policy. Formatting the result again changes nothing, and it parses to the same tree.
///
/// # Errors
///
/// What is wrong with the text, if it does not parse.
pub fn format(text: &str) -> Result<String, Diagnostics> {
    let parsed = parse(SourceId::default(), text.as_bytes());
    if parsed.diagnostics.has_errors() {
        return Err(parsed.diagnostics);
    }
    let marks = Marks::of(&parsed.file);
    let pieces = pieces(text, &marks);
    let mut printer = Printer::new(text, &pieces);
    printer.file(&parsed.file);
    let body = printer.finish();
    if parsed.file.items.iter().any(|item| matches!(item.kind, ItemKind::Edition(_))) {
        return Ok(body);
    }
    let joins = parsed
        .file
        .items
        .first()
        .is_some_and(|item| matches!(item.kind, ItemKind::Module(_) | ItemKind::Use(_)));
    let gap = if body.is_empty() || joins && !body.starts_with('#') { "" } else { "\n" };
    Ok([EDITION, gap, &body].concat())
}

//! What a test expects beside the outcome: warnings, and what shadow rules would have done.

use limitrate_compiler::grammar::ast::{Note, NoteKind};
use limitrate_core::literal;
use limitrate_runtime::Decision;

use super::Failure;
use crate::words;

/// Whether a decision brings what a note asks for, or does not where it must not.
pub(super) fn holds(note: &Note, decision: &Decision<'_>) -> bool {
    let found = match &note.kind {
        NoteKind::Warn(limit, mark) => decision.warnings().any(|warning| {
            let marked = mark.as_ref().is_none_or(|mark| warning.mark == Some(mark.node));
            warning.limit.name == limit.node && marked
        }),
        NoteKind::Shadow(name) => {
            decision.shadow().any(|(info, limit)| info.name == name.node && !limit.fits())
                || decision.reports().any(|report| report.rule == name.node)
        }
    };
    found == note.wanted
}

/// The failure of the `number`th of `count` requests.
pub(super) fn failure(decision: &Decision<'_>, note: &Note, (count, number): (u64, u64)) -> Box<Failure> {
    let happened = match &note.kind {
        NoteKind::Warn(..) => warned(decision),
        NoteKind::Shadow(name) => in_shadow(decision, &name.node),
    };
    let which = words::which_request(count, number);
    let message = format!("{which} at {} {happened}", words::instant(decision.now()));
    let not = if note.wanted { "" } else { "no " };
    let expected = match &note.kind {
        NoteKind::Warn(limit, None) => format!("expected `{not}warn {}`", limit.node),
        NoteKind::Warn(limit, Some(mark)) => {
            format!("expected `{not}warn {} at {}`", limit.node, literal::write_percent(mark.node))
        }
        NoteKind::Shadow(name) => format!("expected `{not}shadow {}`", name.node),
    };
    Failure::new(note.span, decision.now(), message, expected)
}

/// What limits warned of.
fn warned(decision: &Decision<'_>) -> String {
    let warnings = decision.warnings().map(|warning| match warning.mark {
        Some(mark) if !warning.exceeded => {
            format!("`{}` warned at {}", warning.limit.name, literal::write_percent(mark))
        }
        _ => format!("`{}` warned: it was exceeded", warning.limit.name),
    });
    let warnings: Vec<String> = warnings.collect();
    let outcome = decision.outcome().word();
    if warnings.is_empty() {
        format!("came out as `{outcome}`, and no limit warned")
    } else {
        format!("came out as `{outcome}`, and {}", warnings.join(", "))
    }
}

/// What became of the request in the shadow of a limit or rule.
fn in_shadow(decision: &Decision<'_>, name: &str) -> String {
    let outcome = decision.outcome().word();
    let report = decision.reports().find(|report| report.rule == name);
    if let Some(report) = report {
        let would = if report.deny { "denied" } else { "exempted" };
        return format!("came out as `{outcome}`, and rule `{name}` would have {would} it");
    }
    let Some((info, limit)) = decision.shadow().find(|(info, _)| info.name == name) else {
        return format!("came out as `{outcome}`, and `{name}` did not look at it in shadow");
    };
    let left = words::amount(info.unit, limit.verdict.status.remaining);
    let cost = words::amount(info.unit, limit.cost);
    let would = if limit.fits() { "would have let it pass" } else { "would have refused it" };
    format!("came out as `{outcome}`, and `{name}` {would}: {left} left, cost {cost}")
}

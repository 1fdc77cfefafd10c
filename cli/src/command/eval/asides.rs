//! What a decision says beside its limits: a downgrade, shadows, warnings, and what the request holds.

use limitrate_core::literal;
use limitrate_runtime::{Decision, store::Ticket};
use limitrate_testkit::words;

use crate::{
    escape,
    ui::{Style, Ui},
};

/// Prints the lines; none for most decisions. What a trace has shown is not said again.
pub(super) fn show(decision: &Decision<'_>, traced: bool, ui: &mut Ui) {
    if let Some(line) = refused_as_it_came(decision).filter(|_| !traced) {
        ui.line(format_args!("  {line}"));
    }
    for warning in decision.warnings() {
        let name = &warning.limit.name;
        let what = match warning.mark {
            _ if warning.exceeded => format!("{name} is past its ceiling"),
            Some(mark) => format!("{name} has reached {}", literal::write_percent(mark)),
            None => continue,
        };
        let warning = ui.paint().style(Style::Warning, format!("warning: {what}")).to_string();
        ui.line(format_args!("  {warning}"));
    }
    for line in in_shadow(decision).into_iter().filter(|_| !traced) {
        ui.line(ui.paint().style(Style::Dim, format!("  {line}")).to_string());
    }
    if let Some(Ticket(number)) = decision.ticket() {
        ui.line(format_args!("  held until the reply, as ticket {number:016x}"));
    }
}

/// `as it came, it does not fit: daily costs 10k tokens of 8000 tokens`
fn refused_as_it_came(decision: &Decision<'_>) -> Option<String> {
    decision.downgrade()?;
    let refusing = decision.first_pass().filter(|(_, limit)| limit.refuses());
    let refusing = refusing.map(|(info, limit)| {
        let cost = words::amount(info.unit, limit.cost);
        let ceiling = words::amount(info.unit, limit.ceiling);
        format!("{} costs {cost} of {ceiling}", info.name)
    });
    Some(format!("as it came, it does not fit: {}", refusing.collect::<Vec<_>>().join(", ")))
}

/// What limits and rules in shadow would have done.
fn in_shadow(decision: &Decision<'_>) -> Vec<String> {
    let limits = decision.shadow().map(|(info, limit)| {
        let would = if limit.fits() { "would let it pass" } else { "would refuse it" };
        let left = words::bare(info.unit, limit.verdict.status.remaining);
        format!(
            "in shadow: {} {would}, {left} of {} left",
            info.name,
            words::amount(info.unit, limit.ceiling)
        )
    });
    let rules = decision.reports().map(|report| {
        let would = if report.deny { "would deny it" } else { "would exempt it" };
        format!("in shadow: rule {} {would}", escape::line(report.rule))
    });
    limits.chain(rules).collect()
}

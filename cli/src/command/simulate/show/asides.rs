//! What limits said beside letting requests through and refusing them.

use limitrate_core::literal;
use limitrate_testkit::{simulate::Summary, words};

use super::{cell, heading, table};
use crate::{
    escape,
    figures::count,
    ui::{Style, Ui},
};

/// Prints warnings, settlements, and what shadow rules would have done; nothing where there is none of it.
pub(super) fn show(summary: &Summary, ui: &mut Ui) {
    let warnings = summary.warnings.iter().map(|warning| {
        let at = match (warning.exceeded, warning.mark) {
            (false, Some(mark)) => format!("at {}", literal::write_percent(mark)),
            (true, _) | (false, None) => "past its ceiling".to_owned(),
        };
        (format!("{} {at}", warning.limit), warning.requests, summary.requests)
    });
    table("warned", warnings.collect(), ui);
    settled(summary, ui);
    let limits = summary.shadow.limits.iter();
    let limits = limits.map(|limit| (limit.limit.clone(), limit.refused, limit.requests));
    table("would be refused by a limit in shadow, of the requests it judged", limits.collect(), ui);
    let rules = summary.shadow.rules.iter().map(|rule| {
        let would = if rule.outcome == "deny" { "would deny" } else { "would exempt" };
        (format!("{} {would}", rule.rule), rule.requests, summary.requests)
    });
    table("would be decided by a rule in shadow", rules.collect(), ui);
    keys(summary, ui);
}

/// `daily   1,204   $55.10 reserved, $31.27 spent`
fn settled(summary: &Summary, ui: &mut Ui) {
    if summary.settled.is_empty() {
        return;
    }
    heading("settled", ui);
    for limit in &summary.settled {
        let reserved = words::amount(limit.unit, limit.reserved);
        let actual = words::amount(limit.unit, limit.actual);
        let stood = match limit.stood + limit.expired {
            0 => String::new(),
            stood => format!(", {} stood as reserved", count(stood)),
        };
        let shadow = if limit.shadow { ", in shadow" } else { "" };
        let name = format!("{}{shadow}", limit.limit);
        let requests = count(limit.settled + limit.stood + limit.expired);
        let line = format!("  {:44}{requests:>12}  {reserved} reserved, {actual} spent{stood}", cell(&name));
        ui.line(line);
    }
}

/// The keys that limits in shadow would have refused most.
fn keys(summary: &Summary, ui: &mut Ui) {
    if summary.shadow.top_keys.is_empty() {
        return;
    }
    heading("keys a limit in shadow would refuse most", ui);
    for key in &summary.shadow.top_keys {
        let name = format!("{}  {}", key.limit, words::key(&key.key));
        let since = literal::write_instant(key.first);
        let line = format!("  {:44}{:>12}  since {since}", cell(&name), count(key.refused));
        ui.line(ui.paint().style(Style::Dim, escape::line(&line)).to_string());
    }
}

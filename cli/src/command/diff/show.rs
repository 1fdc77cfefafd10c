//! The difference of two policies as people read it.

use limitrate_compiler::diff::{Fate, LimitChange, NameChanges, PolicyDiff};
use limitrate_core::literal::write_instant;
use limitrate_testkit::compare::{Moved, TrafficDiff};

use super::{Versions, word};
use crate::{
    escape,
    figures::{count, many},
    place::Where,
    ui::{Style, Ui},
};

/// So many rows of a list are shown; the rest is counted.
const MAX_ROWS: usize = 20;

/// Prints everything but the warnings.
pub(super) fn diff(diff: &PolicyDiff, traffic: Option<&TrafficDiff>, versions: &Versions<'_>, ui: &mut Ui) {
    if diff.is_empty() {
        ui.line(format_args!("no changes: {} kept", many(diff.limits.len() as u64, "counter", "counters")));
    } else {
        counters(diff, versions, ui);
        names("plans", &diff.plans, ui);
        names("inputs", &diff.inputs, ui);
        names("rules", &diff.rules, ui);
    }
    if let Some(traffic) = traffic {
        moved(traffic, ui);
    }
}

fn heading(text: &str, ui: &mut Ui) {
    let text = ui.paint().style(Style::Strong, text).to_string();
    ui.line(text);
}

fn counters(diff: &PolicyDiff, versions: &Versions<'_>, ui: &mut Ui) {
    if diff.limits.is_empty() {
        return;
    }
    heading("counters", ui);
    let (old, new) = (Where::new(versions.old), Where::new(versions.new));
    let longest = |part: fn(&LimitChange) -> usize| diff.limits.iter().map(part).max().unwrap_or(0);
    let words = longest(|change| word(&change.fate).len());
    let names = longest(|change| change.name.chars().count());
    for change in &diff.limits {
        let place = match (change.new, change.old) {
            (Some(span), _) => new.at(span),
            (None, Some(span)) => old.at(span),
            (None, None) => String::new(),
        };
        let word = format!("{:words$}", word(&change.fate));
        let word = ui.paint().style(style(&change.fate), word).to_string();
        let place = ui.paint().style(Style::Dim, place).to_string();
        ui.line(format_args!("  {word}  {:names$}  {place}", change.name));
        for line in details(&change.fate) {
            ui.line(format_args!("  {:words$}    {}", "", escape::line(&line)));
        }
    }
}

const fn style(fate: &Fate) -> Style {
    match fate {
        Fate::Kept(_) | Fate::Renamed { .. } => Style::Good,
        Fate::Reset(_) => Style::Error,
        Fate::Dropped | Fate::New => Style::Warning,
    }
}

/// What there is to say about a limit beside the word.
fn details(fate: &Fate) -> Vec<String> {
    let changes = match fate {
        Fate::Kept(changes) => changes,
        Fate::Renamed { from, changes } => {
            let mut lines = vec![format!("was {from}")];
            lines.extend(changed(changes));
            return lines;
        }
        Fate::Reset(reasons) => return reasons.clone(),
        Fate::Dropped | Fate::New => return Vec::new(),
    };
    changed(changes)
}

fn changed(changes: &limitrate_compiler::diff::Changes) -> Vec<String> {
    if changes.before == changes.after && !changes.is_empty() {
        // What it is made of, or when it applies, stands elsewhere.
        return changes.after.iter().map(|text| format!("~ {text}")).collect();
    }
    let before = changes.before.iter().map(|text| format!("- {text}"));
    before.chain(changes.after.iter().map(|text| format!("+ {text}"))).collect()
}

fn names(kind: &str, changes: &NameChanges, ui: &mut Ui) {
    if changes.is_empty() {
        return;
    }
    ui.line("");
    heading(kind, ui);
    let kinds = [("added", &changes.added), ("removed", &changes.removed), ("changed", &changes.changed)];
    for (word, names) in kinds.into_iter().filter(|(_, names)| !names.is_empty()) {
        let more = names.len().saturating_sub(MAX_ROWS);
        let mut text = names.iter().take(MAX_ROWS).map(String::as_str).collect::<Vec<_>>().join(", ");
        if more > 0 {
            text.push_str(&format!(" and {} more", count(more as u64)));
        }
        ui.line(format_args!("  {word:8} {text}"));
    }
}

fn moved(traffic: &TrafficDiff, ui: &mut Ui) {
    ui.line("");
    heading(&format!("traffic: {} under both", many(traffic.requests, "request", "requests")), ui);
    list("newly refused", &traffic.newly_refused, Style::Error, ui);
    list("newly allowed", &traffic.newly_allowed, Style::Good, ui);
    if traffic.not_compared > 0 {
        ui.line(format_args!("  {} not compared", many(traffic.not_compared, "request", "requests")));
    }
}

fn list(title: &str, moved: &[Moved], style: Style, ui: &mut Ui) {
    let all: u64 = moved.iter().map(|row| row.requests).sum();
    let title = ui.paint().style(style, format!("{title:14}")).to_string();
    ui.line(format_args!("  {title}{:>10}", count(all)));
    for row in moved.iter().take(MAX_ROWS) {
        let plan = row.plan.as_ref().map_or_else(String::new, |plan| format!(", plan {plan}"));
        let name = format!("by {}{plan}", row.by);
        let example = row.examples.first().map_or_else(String::new, |(line, at)| {
            format!("first line {}, {}", count(*line), write_instant(*at))
        });
        let example = ui.paint().style(Style::Dim, example).to_string();
        ui.line(format_args!(
            "    {:12}{:>10}  {:30}  {example}",
            "",
            count(row.requests),
            escape::line(&name)
        ));
    }
    if let Some(more) = moved.len().checked_sub(MAX_ROWS).filter(|more| *more > 0) {
        ui.line(format_args!("    … {} more", count(more as u64)));
    }
}

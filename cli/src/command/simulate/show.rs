//! The summary of a simulation, as people read it.

mod asides;

use limitrate_core::{
    facts::{FactDecl, FactType, Phase},
    literal,
};
use limitrate_testkit::{
    simulate::{Summary, UnknownSummary},
    traffic::Format as Input,
    words,
};

use crate::{
    escape,
    figures::{count, many, percent, span},
    source::closest,
    ui::{Style, Ui},
};

/// The length of a bar that stands for all requests.
const BAR_CELLS: u64 = 40;

/// So many rows of a list are shown; the rest is counted.
const MAX_ROWS: usize = 10;

/// The width of the column of names.
const NAME_CHARS: usize = 44;

/// A name, a count, and the whole that it is a part of.
type Row = (String, u64, u64);

/// Prints the summary.
pub(super) fn summary(summary: &Summary, requests_per_second: u64, ui: &mut Ui) {
    if summary.requests == 0 {
        ui.line("no requests");
    } else {
        outcomes(summary, ui);
        refusals(summary, ui);
        keys(summary, ui);
        asides::show(summary, ui);
    }
    lines(summary, ui);
    cut_off(summary, ui);
    if summary.requests > 0 {
        ui.line(
            ui.paint()
                .style(Style::Dim, format!("\n{} requests a second", count(requests_per_second)))
                .to_string(),
        );
    }
}

fn heading(text: &str, ui: &mut Ui) {
    let text = ui.paint().style(Style::Strong, text).to_string();
    ui.line(format_args!("\n{text}"));
}

fn outcomes(summary: &Summary, ui: &mut Ui) {
    let mut text = many(summary.requests, "request", "requests");
    if let (Some(first), Some(last)) = (summary.first, summary.last) {
        let (from, to) = (literal::write_instant(first), literal::write_instant(last));
        text.push_str(&format!(" from {from} to {to} ({})", span(last.since(first))));
    }
    if summary.was_sorted {
        text.push_str(", sorted by time");
    }
    ui.line(text);
    ui.line("");
    let outcomes = summary.outcomes;
    let rows = [
        ("allow", outcomes.allow, Style::Good),
        ("exempt", outcomes.exempt, Style::Good),
        ("downgrade", outcomes.downgrade, Style::Warning),
        ("reject", outcomes.reject, Style::Error),
        ("deny", outcomes.deny, Style::Error),
    ];
    for (word, value, style) in rows {
        // Few policies downgrade.
        if word == "downgrade" && value == 0 {
            continue;
        }
        // At least a cell for what is there at all.
        let cells = value
            .saturating_mul(BAR_CELLS)
            .checked_div(summary.requests)
            .unwrap_or(0)
            .max(u64::from(value > 0));
        let bar = "█".repeat(usize::try_from(cells).unwrap_or(0));
        let bar = ui.paint().style(style, bar).to_string();
        let (value, part) = (count(value), percent(value, summary.requests));
        ui.line(format_args!("  {word:10}{value:>12}{part:>9}  {bar}").to_string().trim_end());
    }
}

fn refusals(summary: &Summary, ui: &mut Ui) {
    let limits = summary.limits.iter().filter(|limit| limit.requests > 0);
    let limits = limits.map(|limit| (limit.limit.clone(), limit.refused, limit.requests));
    table("refused by limit, of the requests it judged", limits.collect(), ui);
    let downgraded = summary.limits.iter().filter(|limit| limit.downgraded > 0);
    let downgraded = downgraded.map(|limit| (limit.limit.clone(), limit.downgraded, limit.requests));
    table("downgraded by limit, of the requests it judged", downgraded.collect(), ui);
    let plans = summary.plans.iter().map(|plan| (plan.plan.clone(), plan.refused, plan.requests));
    table("refused by plan", plans.collect(), ui);
    let refused = summary.refused();
    let routes = summary.routes.iter().map(|route| (route.route.clone(), route.refused, refused));
    table("refused by route, of all refused", routes.collect(), ui);
    let rules = summary.rules.iter().map(|rule| {
        let name = if rule.outcome == "deny" {
            format!("{} denied with {}", rule.rule, rule.status)
        } else {
            format!("{} exempted", rule.rule)
        };
        (name, rule.requests, summary.requests)
    });
    table("decided by rule", rules.collect(), ui);
    let inputs = summary.inputs.iter().map(|input| {
        (
            format!("{} {} (line {})", input.fact, input.problem, input.first_line),
            input.requests,
            summary.requests,
        )
    });
    table("denied for a fact", inputs.collect(), ui);
}

fn table(title: &str, rows: Vec<Row>, ui: &mut Ui) {
    if rows.is_empty() {
        return;
    }
    heading(title, ui);
    let more = rows.get(MAX_ROWS..).unwrap_or_default();
    for (name, part, whole) in rows.iter().take(MAX_ROWS) {
        let (name, part_of) = (cell(name), percent(*part, *whole));
        let same = *part == *whole && *part == 0;
        let of = if same { String::new() } else { format!("of {}", count(*whole)) };
        ui.line(
            format_args!("  {name:NAME_CHARS$}{:>12}  {of:18}{part_of:>8}", count(*part))
                .to_string()
                .trim_end(),
        );
    }
    if !more.is_empty() {
        let rest = more.iter().map(|(_, part, _)| part).sum();
        ui.line(format_args!(
            "  {:NAME_CHARS$}{:>12}",
            format!("… {} more", count(more.len() as u64)),
            count(rest)
        ));
    }
}

fn keys(summary: &Summary, ui: &mut Ui) {
    if summary.top_keys.is_empty() {
        return;
    }
    let all = many(summary.keys_refused, "key", "keys");
    heading(&format!("keys refused most, of {all} refused"), ui);
    for key in &summary.top_keys {
        let name = format!("{}  {}", key.limit, words::key(&key.key));
        let since = literal::write_instant(key.first);
        ui.line(format_args!("  {:NAME_CHARS$}{:>12}  since {since}", cell(&name), count(key.refused)));
    }
}

/// Lines that were left out, and members that no fact reads.
fn lines(summary: &Summary, ui: &mut Ui) {
    if summary.skipped > 0 {
        let title = format!("{} skipped", many(summary.skipped, "line", "lines"));
        let title = ui.paint().style(Style::Warning, title).to_string();
        ui.line(format_args!("\n{title}"));
    }
    for skip in &summary.skips {
        let numbers: Vec<String> = skip.lines.iter().map(u64::to_string).collect();
        let more = if skip.count > skip.lines.len() as u64 { ", …" } else { "" };
        let word = if skip.count == 1 { "line" } else { "lines" };
        let place = format!("{word} {}{more}", numbers.join(", "));
        ui.line(format_args!("  {:NAME_CHARS$}{:>12}  {place}", cell(skip.reason), count(skip.count)));
        let example = escape::line(&skip.example);
        if example != skip.reason {
            let first = skip.lines.first().copied().unwrap_or_default();
            ui.line(format_args!("    line {first}: {example}"));
        }
    }
}

fn cut_off(summary: &Summary, ui: &mut Ui) {
    let cut = summary.cut_off;
    let notes = [
        (cut.keys, "keys that were seldom refused are not listed; counts of the others may be low"),
        (cut.routes, "refused requests were of routes past those listed"),
        (cut.unknown_members, "more members had no fact"),
        (cut.charges, "charges found the store full, and were counted together or not at all"),
        (cut.ended_early, "requests ended before their reply, because too many were running"),
    ];
    for (number, what) in notes.into_iter().filter(|(number, _)| *number > 0) {
        ui.note(format_args!("{} {what}", count(number)));
    }
}

/// Advice on traffic that does not fit the policy, on the standard error.
pub(super) fn hints(summary: &Summary, facts: &[FactDecl], input: Input, ui: &mut Ui) {
    for UnknownSummary { member, count: times } in &summary.unknown_members {
        let known = facts.iter().map(|fact| &*fact.name);
        let nearest =
            closest(member, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let records = many(*times, "record", "records");
        if facts.iter().any(|fact| *fact.name == **member && fact.phase == Phase::Response) {
            ui.note(format_args!(
                "`{member}` in {records} is left unread: it is known only after the response, and belongs in `reply`"
            ));
            continue;
        }
        ui.note(format_args!(
            "`{}` in {records} is read by no fact of the policy{nearest}",
            escape::clipped(member)
        ));
    }
    if summary.requests == 0 && summary.skipped > 0 {
        other_format(summary, input, ui);
    }
    let denied = summary.denied_by_input();
    let (Some(input_problem), true) =
        (summary.inputs.first(), summary.requests > 0 && denied == summary.requests)
    else {
        return;
    };
    let name = &input_problem.fact;
    let Some(fact) = facts.iter().find(|fact| *fact.name == **name) else { return };
    let has_ip = facts.iter().any(|fact| &*fact.name == "ip") || input == Input::Combined;
    let value = match &fact.ty {
        FactType::Plan(members) | FactType::OneOf(members) => members.first().map_or("…", |member| member),
        FactType::Bool => "false",
        FactType::Int { .. }
        | FactType::Percent
        | FactType::Quantity(_)
        | FactType::Price(_)
        | FactType::Duration
        | FactType::Instant
        | FactType::Date
        | FactType::Clock
        | FactType::String
        | FactType::Key
        | FactType::Ip => "…",
    };
    let map = matches!(fact.ty, FactType::Key | FactType::String) && has_ip && &*fact.name != "ip";
    let mut advice = format!("give it a constant, --set {name}={value}");
    if map {
        advice = format!("derive it, e.g. --map {name}=ip, or {advice}");
    }
    let missing = if input_problem.problem == "is missing" {
        format!("no request has `{name}`")
    } else {
        format!("`{name}` {}", input_problem.problem)
    };
    ui.note(format_args!("every request was denied: {missing}: {advice}"));
}

/// Names the other format where no line is of this one.
fn other_format(summary: &Summary, input: Input, ui: &mut Ui) {
    let (reasons, what, advice): (&[&str], _, _) = match input {
        Input::Jsonl => (
            &["not JSON", "not a JSON object"],
            "a JSON object",
            "if this is an access log, say --input combined",
        ),
        Input::Combined => {
            (&["not a log line"], "a line of an access log", "if this is JSON, say --input jsonl")
        }
    };
    if summary.skips.iter().all(|skip| reasons.contains(&skip.reason)) {
        let lines = if summary.skipped == 1 {
            "the only line is not".to_owned()
        } else {
            format!("none of the {} lines is", count(summary.skipped))
        };
        ui.note(format_args!("{lines} {what}: {advice}"));
    }
}

/// A name in its column, cut in the middle where it is long: both ends tell.
fn cell(name: &str) -> String {
    let name = escape::line(name);
    let chars: Vec<char> = name.chars().collect();
    if chars.len() < NAME_CHARS {
        return name.into_owned();
    }
    let half = NAME_CHARS / 2 - 2;
    let (start, end) = (chars.iter().take(half), chars.iter().skip(chars.len() - half));
    start.chain(['…'].iter()).chain(end).collect()
}

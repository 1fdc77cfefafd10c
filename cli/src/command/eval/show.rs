//! A decision and its trace, as people read them.

use limitrate_compiler::ir::Program;
use limitrate_core::{
    charge::Mode,
    facts::{FactDecl, FactType, Value},
    literal,
    time::Nanos,
};
use limitrate_runtime::{
    Cause, Decision, InputProblem, LimitDecision, Limiter, Outcome, Problem, store::MemoryStore,
};
use limitrate_testkit::{traffic::Record, words};

use super::trace::{Statement, Trace};
use crate::{
    escape,
    figures::span,
    ui::{Style, Ui},
};

/// The status of a rejection that says no other.
const TOO_MANY_REQUESTS: u16 = 429;

/// Longer values are cut in the line that says what was asked.
const MAX_VALUE_CHARS: usize = 40;

/// What was asked and what the answer is.
pub(super) fn decision(decision: &Decision<'_>, record: &Record<'_>, ui: &mut Ui) {
    let program = decision.policy().program();
    let paint = ui.paint();
    let style = if decision.outcome().passes() { Style::Good } else { Style::Error };
    let answer = paint.style(style, format!("→ {}", answer(decision))).to_string();
    let asked = asked(program, record);
    ui.line(format_args!("{asked}{}{answer}", if asked.is_empty() { "" } else { "   " }));
    if let Cause::Input(problem) = decision.cause() {
        ui.line(format_args!("  {}", advice(program, *problem)));
    }
}

/// What to do about a fact that is missing, or what it may be where it is something else.
fn advice(program: &Program, problem: InputProblem) -> String {
    let name = program.fact_name(problem.fact);
    let allowed = program.facts.get(usize::from(problem.fact.0)).and_then(|fact| allowed(&fact.decl.ty));
    match (problem.problem, allowed) {
        (Problem::Missing, Some(allowed)) => {
            format!("give `{name}` in --facts, or with --set {name}=…; it is {allowed}")
        }
        (Problem::OutsideType | Problem::WrongKind, Some(allowed)) => format!("`{name}` is {allowed}"),
        _ => format!("give `{name}` in --facts, or with --set {name}=…"),
    }
}

/// The values that a fact may take, where its type does not allow all of a kind.
fn allowed(ty: &FactType) -> Option<String> {
    match ty {
        FactType::OneOf(members) | FactType::Plan(members) => Some(format!("one of {}", members.join(", "))),
        FactType::Int { min: i64::MIN, max: i64::MAX } => None,
        FactType::Int { min, max: i64::MAX } => Some(format!("at least {min}")),
        FactType::Int { min: i64::MIN, max } => Some(format!("at most {max}")),
        FactType::Int { min, max } => Some(format!("from {min} to {max}")),
        FactType::Percent => Some("at least 0%".to_owned()),
        FactType::Quantity(unit) => Some(format!("at least {}", literal::write_amount(0, *unit))),
        FactType::Price(unit) => Some(format!("at least {}", literal::write_price(0, *unit))),
        FactType::Duration => Some("at least 0 s".to_owned()),
        FactType::Ip => Some("an IPv4 or IPv6 address".to_owned()),
        FactType::Bool
        | FactType::Instant
        | FactType::Date
        | FactType::Clock
        | FactType::String
        | FactType::Key => None,
    }
}

/// What each limit made of the request.
pub(super) fn limits(
    limiter: &Limiter<MemoryStore>,
    decision: &Decision<'_>,
    record: &Record<'_>,
    ui: &mut Ui,
) {
    let program = decision.policy().program();
    let facts = decision.with_changes(&record.facts);
    let rows = decision.limits().map(|(info, limit)| {
        let site = program.charges.get(limit.site as usize);
        let position = site.map(|site| site.limit.0 as usize);
        let key = position.and_then(|position| limiter.counter(position, &facts)).map(|(_, key)| key);
        let costs = if site.is_some_and(|site| site.settle.is_some()) { "reserves" } else { "costs" };
        let status = limit.verdict.status;
        let left = format!(
            "{} of {} left",
            words::bare(info.unit, status.remaining),
            words::amount(info.unit, limit.ceiling)
        );
        let then = match limit.retry_after() {
            _ if is_soft(limit) => "taken past the ceiling".to_owned(),
            Some(wait) if limit.verdict.blocked => format!("blocked for {}", span(rounded_up(wait))),
            Some(wait) => format!("retry after {}", span(rounded_up(wait))),
            None if limit.fits() => format!("resets in {}", span(status.reset_after)),
            None => "can never fit".to_owned(),
        };
        let mark = if is_soft(limit) { "!" } else { mark(Some(limit.fits())) };
        let key = escape::line(&words::key(&key.unwrap_or_default())).into_owned();
        [
            mark.to_owned(),
            info.name.clone(),
            key,
            left,
            format!("{costs} {}", words::amount(info.unit, limit.cost)),
            then,
        ]
    });
    let rows: Vec<[String; 6]> = rows.collect();
    for line in aligned(&rows) {
        ui.line(format_args!("  {line}"));
    }
    if rows.is_empty() && decision.outcome() == Outcome::Allow {
        ui.line("  no limit applies to it");
    }
}

/// Whether a limit was passed, and lets that happen.
fn is_soft(limit: &LimitDecision) -> bool {
    limit.mode == Mode::Soft && !limit.fits()
}

/// The rules and plans that matched, with their statements; and the names of the rest.
pub(super) fn trace(trace: &Trace, ui: &mut Ui) {
    let paint = ui.paint();
    let place = |file: &str, line: usize| {
        format!("{}:{line}", escape::line(file.rsplit('/').next().unwrap_or_default()))
    };
    let mut rows: Vec<[String; 4]> = Vec::new();
    let mut refused = Vec::new();
    for matched in &trace.matched {
        // A plan is traced by its limits: where it begins is of no interest.
        let is_rule = matched.name.starts_with("rule ");
        let at = if is_rule { place(&matched.file, matched.line) } else { String::new() };
        rows.push([at, matched.name.clone(), String::new(), String::new()]);
        refused.push(false);
        for statement in &matched.statements {
            rows.push(row(&place(&statement.file, statement.line), statement));
            refused.push(statement.fits == Some(false));
        }
    }
    for (line, refused) in aligned(&rows).into_iter().zip(refused) {
        if refused {
            ui.line(format_args!("  {}", paint.style(Style::Error, line)));
        } else {
            ui.line(format_args!("  {line}"));
        }
    }
    if let Some(second) = &trace.second_pass {
        let limits = second
            .limits
            .iter()
            .map(|statement| format!("{} {} {}", statement.what, statement.why, mark(statement.fits)));
        let limits = limits.collect::<Vec<_>>().join("   ");
        let changes = escape::line(&second.with).into_owned();
        ui.line(format_args!("  second pass with {changes}:  {limits}").to_string().trim_end());
    }
    let plans = trace.other_plans.iter().map(|name| name.strip_prefix("plan ").unwrap_or(name).to_owned());
    for (what, names) in
        [("other routes", trace.other_routes.clone()), ("other plans", plans.collect::<Vec<_>>())]
    {
        if !names.is_empty() {
            ui.line(paint.style(Style::Dim, format!("  {what}: {}", names.join(", "))));
        }
    }
}

fn row(place: &str, statement: &Statement) -> [String; 4] {
    let mark = match (statement.applies, statement.fits) {
        (true, Some(fits)) => mark(Some(fits)),
        (true, None) if statement.why == "applies" => "●",
        (true, None) if statement.why == "would apply" => "○",
        _ => " ",
    };
    [
        place.to_owned(),
        format!("  {mark} {}", statement.what),
        escape::line(&statement.key).into_owned(),
        statement.why.clone(),
    ]
}

const fn mark(fits: Option<bool>) -> &'static str {
    match fits {
        Some(true) => "✓",
        Some(false) => "✗",
        None => " ",
    }
}

/// The rows with their columns under each other, without spaces at the end.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// `ALLOW`, `REJECT by api, retry after 5.1 s`, `DENY 413: …`
fn answer(decision: &Decision<'_>) -> String {
    let word = decision.outcome().word().to_uppercase();
    let said = decision.message();
    let said = if said.is_empty() { String::new() } else { format!(": {}", escape::line(said)) };
    if decision.outcome() == Outcome::Reject {
        let by: Vec<&str> = decision.limited_by().collect();
        let wait = decision.retry_after().map(|wait| format!("retry after {}", span(rounded_up(wait))));
        let wait = wait.unwrap_or_else(|| "can never fit".to_owned());
        let status = match decision.status() {
            TOO_MANY_REQUESTS => String::new(),
            status => format!(" {status}"),
        };
        return format!("{word}{status} by {}, {wait}{said}", by.join(", "));
    }
    if decision.outcome() == Outcome::Downgrade {
        let changes = decision.changed();
        let changes: Vec<String> =
            changes.iter().map(|(fact, value)| format!("{fact}={}", escape::line(value))).collect();
        return format!("{word} {}{said}", changes.join(" "));
    }
    if decision.outcome() == Outcome::Deny {
        return format!("{word} {}{said}", decision.status());
    }
    format!("{word}{said}")
}

/// To the next millisecond, so that a caller who waits so long is not early.
const fn rounded_up(wait: Nanos) -> Nanos {
    const MILLI: i64 = 1_000_000;
    Nanos(wait.0.saturating_add(MILLI - 1) / MILLI * MILLI)
}

/// The request in a line: method and path, then its other facts.
fn asked(program: &Program, record: &Record<'_>) -> String {
    let http = program.http.map(|http| [http.method, http.path]);
    let is_http = |fact| http.is_some_and(|facts| facts.contains(&fact));
    let mut words = Vec::new();
    for fact in http.into_iter().flatten() {
        words.extend(
            record
                .facts
                .iter()
                .rev()
                .find(|(id, _)| *id == fact)
                .and_then(|(id, value)| Some(shown(&program.facts.get(usize::from(id.0))?.decl, *value))),
        );
    }
    let mut line = words.join(" ");
    for (fact, value) in record.facts.iter().filter(|(fact, _)| !is_http(*fact)) {
        let Some(declared) = program.facts.get(usize::from(fact.0)) else { continue };
        let separator = if line.is_empty() { "" } else { "  " };
        line.push_str(&format!("{separator}{}={}", declared.decl.name, shown(&declared.decl, *value)));
    }
    line
}

/// A value as it is written in the language, cut where it is long.
fn shown(fact: &FactDecl, value: Value<'_>) -> String {
    let text = literal::write_fact(&fact.ty, value);
    let text = escape::line(&text);
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

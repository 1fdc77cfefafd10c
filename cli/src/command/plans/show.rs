//! The matrix of plans as people read it: a table where it fits, else a list for each plan.

use limitrate_compiler::{
    plans::{EntryKind, PlanCell, PlanMatrix, PlanRow},
    source::Sources,
};

use super::origin;
use crate::{
    escape,
    figures::many,
    place::Where,
    render::wrap,
    ui::{Style, Ui},
};

/// A column narrower than this is hard to read: then each plan gets a list of its own.
const MIN_COLUMN: usize = 24;

/// So many columns stand between two.
const GUTTER: usize = 2;

/// A line of a cell.
type Line = (Option<Style>, String);

/// Prints the matrix.
pub(super) fn matrix(matrix: &PlanMatrix, sources: &Sources, ui: &mut Ui) {
    if matrix.plans.is_empty() {
        ui.line("no plans");
        return;
    }
    let places = Where::new(sources);
    let names = matrix.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let left = ui.width().saturating_sub(2 + names);
    let column = (left / matrix.plans.len()).saturating_sub(GUTTER);
    if column >= MIN_COLUMN {
        table(matrix, &places, names, column, ui);
    } else {
        lists(matrix, &places, names, ui);
    }
    let of_kind = |kind| matrix.rows.iter().filter(|row| row.kind == kind).count() as u64;
    ui.line(format_args!(
        "\n{}, {}, {}",
        many(matrix.plans.len() as u64, "plan", "plans"),
        many(of_kind(EntryKind::Limit), "limit", "limits"),
        many(of_kind(EntryKind::Constant), "constant", "constants")
    ));
}

/// A column for each plan.
fn table(matrix: &PlanMatrix, places: &Where<'_>, names: usize, column: usize, ui: &mut Ui) {
    let heads = matrix.plans.iter().map(|plan| vec![(Some(Style::Strong), plan.name.clone())]);
    line_up("", names, &heads.collect::<Vec<_>>(), column, ui);
    let extends = matrix.plans.iter().map(|plan| match &plan.extends {
        Some(below) => vec![(Some(Style::Dim), format!("extends {below}"))],
        None => Vec::new(),
    });
    let extends: Vec<_> = extends.collect();
    if extends.iter().any(|cell| !cell.is_empty()) {
        line_up("", names, &extends, column, ui);
    }
    for row in &matrix.rows {
        ui.line("");
        let cells: Vec<Vec<Line>> =
            (0..).zip(&row.cells).map(|(at, cell)| lines(matrix, cell, at, places, column)).collect();
        line_up(&row.name, names, &cells, column, ui);
    }
}

/// A cell's lines: what is written, and below it where.
fn lines(matrix: &PlanMatrix, cell: &PlanCell, plan: usize, places: &Where<'_>, column: usize) -> Vec<Line> {
    let (text, written) = match cell {
        PlanCell::Absent => return vec![(Some(Style::Dim), "-".to_owned())],
        PlanCell::Removed(written) => ("no limit", written),
        PlanCell::Set(written) => (written.text.as_str(), written),
    };
    let style = matches!(cell, PlanCell::Removed(_)).then_some(Style::Warning);
    let mut lines: Vec<_> = wrap(&escape::line(text), column).into_iter().map(|line| (style, line)).collect();
    let from = origin(matrix, written, plan).map_or_else(String::new, |from| format!(" ({from})"));
    lines.extend(
        wrap(&format!("{}{from}", places.at(written.span)), column)
            .into_iter()
            .map(|line| (Some(Style::Dim), line)),
    );
    lines
}

/// Prints cells beside each other.
fn line_up(name: &str, names: usize, cells: &[Vec<Line>], column: usize, ui: &mut Ui) {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..height {
        let name = if at == 0 { name } else { "" };
        let mut line = format!("  {name:names$}");
        let mut blanks = 0;
        for cell in cells {
            blanks += GUTTER;
            let Some((style, text)) = cell.get(at) else {
                blanks += column;
                continue;
            };
            line.push_str(&" ".repeat(blanks));
            match style {
                Some(style) => line.push_str(&ui.paint().style(*style, text).to_string()),
                None => line.push_str(text),
            }
            blanks = column.saturating_sub(text.chars().count());
        }
        ui.line(line.trim_end());
    }
}

/// A list for each plan, one entry below the other.
fn lists(matrix: &PlanMatrix, places: &Where<'_>, names: usize, ui: &mut Ui) {
    for (at, plan) in matrix.plans.iter().enumerate() {
        if at > 0 {
            ui.line("");
        }
        let below = plan.extends.as_ref().map_or_else(String::new, |below| format!(" extends {below}"));
        let name = ui.paint().style(Style::Strong, &plan.name).to_string();
        ui.line(format_args!("{name}{}", ui.paint().style(Style::Dim, below)));
        let width = ui.width().saturating_sub(2 + names + GUTTER).max(MIN_COLUMN);
        let has = |row: &&PlanRow| row.cells.get(at).is_some_and(|cell| *cell != PlanCell::Absent);
        for row in matrix.rows.iter().filter(has) {
            let cell = row.cells.get(at).unwrap_or(&PlanCell::Absent);
            let cells = [lines(matrix, cell, at, places, width)];
            line_up(&row.name, names, &cells, width, ui);
        }
    }
}

//! What is printed: the figures as tables, and the ratios beside their goals.

use std::fmt::Write as _;

use crate::sample::Figure;

/// Where the quartiles lie further apart than this share of the median, a figure is marked.
const UNSTEADY: f64 = 0.15;

/// Columns of figures, one row for each contender.
#[derive(Debug)]
pub struct Section {
    pub title: &'static str,
    pub columns: Vec<Column>,
}

#[derive(Debug)]
pub struct Column {
    pub head: &'static str,
    pub figures: Vec<Figure>,
}

impl Section {
    /// The median of a contender, in nanoseconds.
    pub fn get(&self, head: &str, name: &str) -> f64 {
        let column = self.columns.iter().find(|column| column.head == head);
        let figure = column.and_then(|column| column.figures.iter().find(|figure| figure.name == name));
        figure.unwrap_or_else(|| panic!("{name} was not measured in `{head}`")).median
    }

    pub fn markdown(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for figure in self.columns.iter().flat_map(|column| &column.figures) {
            if !names.contains(&figure.name) {
                names.push(figure.name);
            }
        }
        let heads: Vec<&str> = self.columns.iter().map(|column| column.head).collect();
        let mut text = format!(
            "### {}\n\n| | {} |\n|---|{}\n",
            self.title,
            heads.join(" | "),
            "---:|".repeat(heads.len())
        );
        for name in names {
            write!(text, "| {name} |").unwrap();
            for column in &self.columns {
                match column.figures.iter().find(|figure| figure.name == name) {
                    Some(figure) => {
                        let unsteady = if figure.spread > UNSTEADY { " ~" } else { "" };
                        write!(text, " {}{unsteady} |", number(figure.median)).unwrap();
                    }
                    None => text.push_str(" |"),
                }
            }
            text.push('\n');
        }
        text
    }
}

/// What a ratio is to be.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// So many times as fast as the other.
    Faster(f64),
    /// At most so many times what the other needs.
    Within(f64),
    /// At most so much, whatever others need.
    AtMost(f64),
}

/// One goal, and what was measured.
#[derive(Debug)]
pub struct Row {
    pub what: &'static str,
    pub ours: f64,
    pub unit: &'static str,
    pub other: &'static str,
    pub theirs: f64,
    pub goal: Goal,
}

impl Row {
    fn reached(&self) -> bool {
        match self.goal {
            Goal::Faster(times) => self.theirs / self.ours >= times,
            Goal::Within(times) => self.ours / self.theirs <= times,
            Goal::AtMost(most) => self.ours <= most,
        }
    }

    fn markdown(&self) -> String {
        let Self { what, ours, unit, other, theirs, goal } = self;
        let (other, ratio, goal) = match goal {
            Goal::Faster(times) => {
                let other = format!("{other}: {} {unit}", number(*theirs));
                (other, format!("{} times as fast", number(theirs / ours)), format!("≥ {times}"))
            }
            Goal::Within(times) => {
                let other = format!("{other}: {} {unit}", number(*theirs));
                (other, format!("{:.2} of it", ours / theirs), format!("≤ {times}"))
            }
            Goal::AtMost(most) => (String::new(), String::new(), format!("≤ {} {unit}", number(*most))),
        };
        let verdict = if self.reached() { "reached" } else { "**missed**" };
        format!("| {what} | {} {unit} | {other} | {ratio} | {goal} | {verdict} |\n", number(*ours))
    }
}

/// The table of ratios.
pub fn ratios(rows: &[Row]) -> String {
    let mut text =
        String::from("| what | LimitRate | beside | ratio | goal | |\n|---|---:|---|---:|---:|---|\n");
    rows.iter().for_each(|row| text.push_str(&row.markdown()));
    let reached = rows.iter().filter(|row| row.reached()).count();
    writeln!(text, "\n{reached} of {} goals are reached.", rows.len()).unwrap();
    text
}

/// Three digits that count, thousands apart.
fn number(value: f64) -> String {
    let decimals = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    let plain = format!("{value:.decimals$}");
    let (whole, rest) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    if rest.is_empty() { text } else { format!("{text}.{rest}") }
}

//! The places of a diagnostic, drawn by miette.
//!
//! miette draws a box for each run of lines, with its own heading. Here the runs of one source share a box, headed by
//! the place of the cause, and only their lines are taken from what miette draws.

use std::{
    error::Error,
    fmt::{self, Display, Write as _},
    ops::Range,
};

use limitrate_compiler::grammar::{
    diagnostic::{Diagnostic, Severity},
    span::SourceId,
};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use super::{
    Renderer,
    view::{MAX_SPREAD, View},
};
use crate::{
    escape,
    position::{Lines, Position},
    ui::Style,
};

/// A mark over more lines than this is drawn at its first line only.
const MAX_LINES: usize = 6;

/// A label in one source, in lines and bytes.
#[derive(Debug, Clone)]
struct Mark {
    bytes: Range<usize>,
    first: usize,
    last: usize,
    text: String,
    cause: bool,
}

/// Neighbouring lines with the marks on them.
#[derive(Debug)]
struct Run {
    first: usize,
    last: usize,
    marks: Vec<Mark>,
}

/// The places in one source.
struct Framed<'r, 'a> {
    name: &'a str,
    lines: &'r Lines<'a>,
    /// Where the first label is, which the box is headed by.
    first: Position,
    runs: Vec<Run>,
}

/// Appends the places of a diagnostic, a box for each source, that of the cause first.
pub(super) fn write(text: &mut String, renderer: &Renderer<'_>, diagnostic: &Diagnostic) {
    let mut sources: Vec<SourceId> = Vec::new();
    for label in &diagnostic.labels {
        if !sources.contains(&label.span.source) {
            sources.push(label.span.source);
        }
    }
    let boxes: Vec<Framed<'_, '_>> =
        sources.into_iter().filter_map(|id| Framed::new(renderer, diagnostic, id)).collect();
    let width = boxes.iter().map(Framed::digits).max().unwrap_or(1);
    let theme = theme(renderer, diagnostic.severity());
    for framed in boxes {
        // Drawing into a string fails for no other reason than a span outside of the view.
        let _ = framed.write(text, renderer, &theme, width);
    }
}

/// The color of the cause is that of the diagnostic.
fn theme(renderer: &Renderer<'_>, severity: Severity) -> GraphicalTheme {
    if !renderer.paint.colored() {
        return GraphicalTheme::unicode_nocolor();
    }
    let mut theme = GraphicalTheme::unicode();
    if severity == Severity::Warning {
        theme.styles.error = theme.styles.warning;
    }
    theme
}

impl<'r, 'a> Framed<'r, 'a> {
    fn new(renderer: &'r Renderer<'a>, diagnostic: &Diagnostic, id: SourceId) -> Option<Self> {
        let (name, lines) = renderer.source(id)?;
        let labels = diagnostic.labels.iter().filter(|label| label.span.source == id);
        let marks: Vec<Mark> = labels
            .map(|label| Mark {
                cause: diagnostic.labels.first() == Some(label),
                ..Mark::new(lines, label.span.start as usize..label.span.end as usize, &label.text)
            })
            .collect();
        let first = lines.position(marks.first()?.bytes.start);
        Some(Self { name, lines, first, runs: runs(marks) })
    }

    fn digits(&self) -> usize {
        self.runs.iter().map(|run| digits(run.last + 1)).max().unwrap_or(1)
    }

    /// Appends the box, with `width` columns for the numbers of lines.
    fn write(
        &self,
        text: &mut String,
        renderer: &Renderer<'_>,
        theme: &GraphicalTheme,
        width: usize,
    ) -> fmt::Result {
        let place = format!("{}:{}:{}", escape::line(self.name), self.first.line, self.first.column);
        writeln!(text, "{:width$}  ╭─[{}]", "", renderer.paint.style(Style::Help, place))?;
        for run in &self.runs {
            let missing = width.saturating_sub(digits(run.last + 1));
            for line in draw(theme, self.lines, run)?.lines() {
                writeln!(text, "{:missing$}{}", "", line.trim_end())?;
            }
        }
        writeln!(text, "{:width$}  ╰────", "")
    }
}

const fn digits(number: usize) -> usize {
    match number.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    }
}

impl Mark {
    fn new(lines: &Lines<'_>, bytes: Range<usize>, text: &str) -> Self {
        let start = bytes.start.min(lines.bytes().len());
        let first = lines.line_of(start);
        let start = start.min(lines.range(first).end);
        let last = lines.line_of(bytes.end.saturating_sub(1).max(start));
        let mut text = escape::clipped(text);
        if last - first < MAX_LINES {
            let end = bytes.end.min(lines.range(last).end).max(start);
            return Self { bytes: start..end, first, last, text, cause: false };
        }
        if !text.is_empty() {
            text.push_str(&format!(" (as far as line {})", last + 1));
        }
        Self { bytes: start..lines.range(first).end, first, last: first, text, cause: false }
    }

    /// Whether both can be drawn in one run without getting in each other's way.
    fn goes_with(&self, other: &Self) -> bool {
        if self.last < other.first || other.last < self.first {
            return true;
        }
        let apart = self.bytes.end <= other.bytes.start || other.bytes.end <= self.bytes.start;
        let one_line = self.first == self.last && other.first == other.last;
        let spread = self.bytes.end.max(other.bytes.end) - self.bytes.start.min(other.bytes.start);
        let empty_at_the_same_place = self.bytes == other.bytes;
        apart && one_line && spread <= MAX_SPREAD && !empty_at_the_same_place
    }
}

impl Run {
    fn takes(&self, mark: &Mark) -> bool {
        mark.first <= self.last + 1 && self.marks.iter().all(|other| other.goes_with(mark))
    }

    /// What is marked on a line.
    fn focus(&self, line: usize, lines: &Lines<'_>) -> Range<usize> {
        let range = lines.range(line);
        let here = self.marks.iter().filter(|mark| mark.first <= line && line <= mark.last);
        let parts = here.map(|mark| mark.bytes.start.max(range.start)..mark.bytes.end.min(range.end));
        let whole = parts.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        whole.map_or(range.start..range.start, |focus| focus.start..focus.end.min(focus.start + MAX_SPREAD))
    }
}

/// Sorts marks into runs, in the order of the text.
fn runs(mut marks: Vec<Mark>) -> Vec<Run> {
    marks.sort_by_key(|mark| (mark.first, mark.bytes.start, mark.bytes.end));
    let mut runs: Vec<Run> = Vec::new();
    for mark in marks {
        match runs.iter_mut().find(|run| run.takes(&mark)) {
            Some(run) => {
                run.last = run.last.max(mark.last);
                run.marks.push(mark);
            }
            None => runs.push(Run { first: mark.first, last: mark.last, marks: vec![mark] }),
        }
    }
    runs
}

/// The lines of a run with its marks below them.
fn draw(theme: &GraphicalTheme, lines: &Lines<'_>, run: &Run) -> Result<String, fmt::Error> {
    let mut view = View::default();
    for line in run.first..=run.last {
        view.add(lines, line, run.focus(line, lines));
    }
    let labels = run.marks.iter().map(|mark| {
        let shown = view.shown(&mark.bytes);
        LabeledSpan::new((!mark.text.is_empty()).then(|| mark.text.clone()), shown.start, shown.len())
    });
    let drawing = Drawing { labels: labels.collect(), text: view.text, first: run.first };
    // miette goes through these in the order of the labels.
    let style = |mark: &Mark| if mark.cause { theme.styles.error } else { theme.styles.advice };
    let mut theme = theme.clone();
    theme.styles.highlights = run.marks.iter().map(style).collect();
    let handler =
        GraphicalReportHandler::new_themed(theme).with_context_lines(0).without_syntax_highlighting();
    let mut drawn = String::new();
    handler.render_report(&mut drawn, &drawing)?;
    // Before the lines stand an empty message and the heading of the box, after them its end.
    let mut body: Vec<&str> = drawn.lines().skip(2).collect();
    body.pop();
    Ok(body.join("\n"))
}

/// A run as miette takes it: a diagnostic without a message, over just the lines of the run.
#[derive(Debug)]
struct Drawing {
    text: String,
    first: usize,
    labels: Vec<LabeledSpan>,
}

impl Display for Drawing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Error for Drawing {}

impl miette::Diagnostic for Drawing {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

impl SourceCode for Drawing {
    /// Whatever the span, the whole run is its context.
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        _: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let span = SourceSpan::from((0, self.text.len()));
        let count = self.text.lines().count();
        Ok(Box::new(MietteSpanContents::new(self.text.as_bytes(), span, self.first, 0, count)))
    }
}

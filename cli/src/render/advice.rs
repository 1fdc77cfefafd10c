//! What to do about a diagnostic: its help and its fixes, with text to paste.

use std::fmt::Write as _;

use limitrate_compiler::grammar::diagnostic::{Diagnostic, Fix};

use super::Renderer;
use crate::{escape, ui::Style};

/// What follows `help:` is indented by this much.
const INDENT: usize = 8;

/// Titles are padded to at most so many columns, for the texts to stand below each other.
const MAX_TITLE: usize = 40;

/// At most so many lines of a fix are shown.
const MAX_FIX_LINES: usize = 12;

/// Appends the help and the fixes of a diagnostic.
pub(super) fn write(text: &mut String, renderer: &Renderer<'_>, diagnostic: &Diagnostic) {
    let fixes = &diagnostic.fixes;
    if is_said(diagnostic) {
        return;
    }
    let words = match (&diagnostic.help, fixes.as_slice()) {
        (None, []) => return,
        (Some(help), _) => escape::clipped(help),
        (None, [only]) if only.replacement.trim().is_empty() => escape::clipped(&only.title),
        (None, [only]) => {
            let title = escape::clipped(&only.title);
            match pasted(renderer, only).as_slice() {
                [line] if title.contains(line) => title,
                [line] => format!("{title}: {line}"),
                _ => format!("{title}:"),
            }
        }
        (None, _) => "one of these mends it".to_owned(),
    };
    let width = renderer.width.saturating_sub(INDENT).max(20);
    let heading = renderer.paint.style(Style::Help, "help:");
    for (number, line) in wrap(&words, width).iter().enumerate() {
        // Writing to a string cannot fail, here and below.
        let _ = if number == 0 {
            writeln!(text, "  {heading} {line}")
        } else {
            writeln!(text, "{:INDENT$}{line}", "")
        };
    }
    match (&diagnostic.help, fixes.as_slice()) {
        (None, [only]) => {
            let lines = pasted(renderer, only);
            if lines.len() != 1 {
                indented(text, renderer, &lines);
            }
        }
        (_, fixes) => bullets(text, renderer, fixes),
    }
}

/// Whether a label suggests the only fix there is already.
fn is_said(diagnostic: &Diagnostic) -> bool {
    let (None, [only]) = (&diagnostic.help, diagnostic.fixes.as_slice()) else { return false };
    let suggestion = format!("did you mean `{}`?", only.replacement);
    diagnostic.labels.iter().any(|label| label.text == suggestion && label.span == only.span)
}

/// A line for each fix: what it does, and what to paste.
fn bullets(text: &mut String, renderer: &Renderer<'_>, fixes: &[Fix]) {
    let titles: Vec<_> = fixes.iter().map(|fix| escape::clipped(&fix.title)).collect();
    let widest = titles.iter().map(|title| title.chars().count()).max().unwrap_or(0).min(MAX_TITLE);
    for (fix, title) in fixes.iter().zip(&titles) {
        let lines = pasted(renderer, fix);
        let pad = widest.saturating_sub(title.chars().count());
        let _ = match lines.as_slice() {
            [line] => writeln!(
                text,
                "{:INDENT$}• {title}{:pad$}   {}",
                "",
                "",
                renderer.paint.style(Style::Good, line)
            ),
            _ => writeln!(text, "{:INDENT$}• {title}", ""),
        };
        if lines.len() > 1 {
            indented(text, renderer, &lines);
        }
    }
}

fn indented(text: &mut String, renderer: &Renderer<'_>, lines: &[String]) {
    for line in lines.iter().take(MAX_FIX_LINES) {
        let _ = writeln!(text, "{:INDENT$}    {}", "", renderer.paint.style(Style::Good, line));
    }
    if lines.len() > MAX_FIX_LINES {
        let _ = writeln!(text, "{:INDENT$}    … and {} more lines", "", lines.len() - MAX_FIX_LINES);
    }
}

/// The lines to paste; a fix that only removes something names it.
fn pasted(renderer: &Renderer<'_>, fix: &Fix) -> Vec<String> {
    let safe = |text: &str| -> Vec<String> {
        let trimmed = text.trim_matches('\n').trim_end();
        let indent = trimmed.lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
        trimmed
            .lines()
            .map(|line| escape::clipped(line.get(indent..).unwrap_or(line)).replace("\\t", "  "))
            .filter(|line| !line.is_empty())
            .collect()
    };
    let lines = safe(&fix.replacement);
    if !lines.is_empty() {
        return lines;
    }
    let Some((_, source)) = renderer.source(fix.span.source) else { return Vec::new() };
    let bytes = source.bytes().get(fix.span.start as usize..fix.span.end as usize).unwrap_or_default();
    match safe(&String::from_utf8_lossy(bytes)).as_slice() {
        [line] if line.chars().count() <= MAX_TITLE => vec![format!("(without {line})")],
        _ => Vec::new(),
    }
}

/// Breaks text at spaces into lines of at most `width` characters, where words allow.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut columns = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if columns > 0 && columns + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            columns = 0;
        }
        if columns > 0 || (lines.is_empty() && !line.is_empty()) {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += length;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn words_are_kept_whole() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("immeasurable", 4), ["immeasurable"]);
    }
}

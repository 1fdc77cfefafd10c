//! Text from files, made safe to show: nothing in it moves the cursor, colors, hides or turns other text around.

use std::{borrow::Cow, fmt::Write as _, path::Path};

/// The most characters of a message that are shown: a name in it may be as long as a file.
const MAX_CLIPPED: usize = 480;

/// So many of them stand before the gap of a message that is longer.
const CLIPPED_HEAD: usize = 320;

/// Whether a character is shown by its code instead.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with unsafe characters as `\u{…}`, on one line.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_unsafe)
}

/// The text as [`line()`] has it, with `…` for the middle of one that no screen would hold.
pub(crate) fn clipped(text: &str) -> String {
    let at = |skipped: usize| text.char_indices().nth(skipped).map(|(byte, _)| byte);
    if text.len() <= MAX_CLIPPED || at(MAX_CLIPPED).is_none() {
        return line(text).into_owned();
    }
    let head = at(CLIPPED_HEAD).and_then(|end| text.get(..end)).unwrap_or_default();
    let tail = text.char_indices().rev().nth(MAX_CLIPPED - CLIPPED_HEAD - 1);
    let tail = tail.and_then(|(start, _)| text.get(start..)).unwrap_or_default();
    format!("{}…{}", line(head), line(tail))
}

/// The text with unsafe characters as `\u{…}`; its line ends and tabs stay.
pub(crate) fn block(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_unsafe(c) && c != '\n' && c != '\t')
}

/// A path as it is shown.
pub(crate) fn path(path: &Path) -> String {
    if path.as_os_str() == "-" { "<stdin>".to_owned() } else { line(&path.to_string_lossy()).into_owned() }
}

/// Appends a character, or its code.
pub(crate) fn push(text: &mut String, c: char) {
    if is_unsafe(c) {
        push_code(text, c);
    } else {
        text.push(c);
    }
}

fn push_code(text: &mut String, c: char) {
    // Writing to a string cannot fail.
    let _ = match c {
        '\t' => write!(text, "\\t"),
        '\n' => write!(text, "\\n"),
        '\r' => write!(text, "\\r"),
        c => write!(text, "\\u{{{:x}}}", u32::from(c)),
    };
}

fn escaped(text: &str, unsafe_here: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&unsafe_here) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if unsafe_here(c) { push_code(&mut safe, c) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::{block, clipped, line};

    #[test]
    fn what_a_terminal_would_obey_is_shown_by_its_code() {
        assert_eq!(line("a\u{1b}[31mb\u{202e}c\n"), "a\\u{1b}[31mb\\u{202e}c\\n");
        assert_eq!(block("a\u{7}\n\tb"), "a\\u{7}\n\tb");
        assert_eq!(line("größer · 字"), "größer · 字");
    }

    #[test]
    fn the_middle_of_a_text_without_an_end_in_sight_is_left_out() {
        let most = "ö".repeat(480);
        assert_eq!(clipped(&most), most);
        let long = format!("a{}\nz", "ö".repeat(100_000));
        let shown = clipped(&long);
        assert_eq!(shown, format!("a{}…{}\\nz", "ö".repeat(319), "ö".repeat(158)));
    }
}

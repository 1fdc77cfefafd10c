//! From bytes to text that the grammar can read.
//!
//! What must not stand in a policy is reported here and blanked out in a copy of the same length, so that it is
//! reported once and spans still fit.

use std::{borrow::Cow, ops::Range};

use crate::{
    MAX_SOURCE_BYTES,
    code::Code,
    diagnostic::{Diagnostic, Diagnostics},
    scan::{Token, TokenKind, tokens},
    span::{SourceId, Span, span},
};

/// Text ready for the grammar.
#[derive(Debug)]
pub(crate) struct Clean<'a> {
    /// The text, of the length of the source.
    pub(crate) text: Cow<'a, str>,
    /// Lines in which something was reported and blanked out, in order.
    pub(crate) damaged: Vec<Range<usize>>,
}

/// Checks the bytes of a source; `None` if they are no text at all.
pub(crate) fn decode<'a>(
    source: SourceId,
    bytes: &'a [u8],
    diagnostics: &mut Diagnostics,
) -> Option<&'a str> {
    let mut refuse = |message: String, offset: usize, label: &str| {
        diagnostics.push(Diagnostic::new(Code::RL0010, message, span(source, offset, offset + 1), label));
    };
    if bytes.len() > MAX_SOURCE_BYTES {
        let message = format!("this file has {} bytes; a policy has at most {MAX_SOURCE_BYTES}", bytes.len());
        refuse(message, 0, "");
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let offset = error.valid_up_to();
            let byte = bytes.get(offset).copied().unwrap_or_default();
            refuse(
                format!("byte {offset} of this file (0x{byte:02x}) is not UTF-8"),
                offset,
                "save the file as UTF-8",
            );
            return None;
        }
    };
    if let Some(offset) = text.find('\0') {
        refuse(format!("byte {offset} of this file is a NUL byte, so it is not text"), offset, "a NUL byte");
        return None;
    }
    Some(text)
}

/// Reports and blanks out what the grammar does not know: other comment styles, look-alike letters, unclosed strings.
pub(crate) fn clean<'a>(source: SourceId, text: &'a str, diagnostics: &mut Diagnostics) -> Clean<'a> {
    let mut cleaner = Cleaner { source, text, edits: Vec::new(), damaged: Vec::new(), diagnostics };
    let mut at = 0;
    if text.starts_with(BYTE_ORDER_MARK) {
        at = BYTE_ORDER_MARK.len_utf8();
        cleaner.edits.push((0..at, " ".repeat(at)));
    }
    // Of most texts, no character needs a look.
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n'));
    let mut characters = if is_plain { "" } else { text }.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let ends_line = c == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n');
        if at > 0 && is_hidden(c) || is_control(c) && !ends_line {
            cleaner.hidden(at, c);
        }
    }
    for token in tokens(text, at) {
        cleaner.token(token);
    }
    let Cleaner { edits, mut damaged, .. } = cleaner;
    damaged.sort_by_key(|range| (range.start, range.end));
    damaged.dedup();
    Clean { text: apply(text, &edits), damaged }
}

/// What some editors put before a text; it is no part of it.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Characters nobody sees, or that change the reading direction.
const fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | BYTE_ORDER_MARK)
}

/// Characters that move the cursor or command a terminal. A carriage return is one unless it ends a line with `\n`: some
/// viewers break the line there, and so show a comment as a rule.
fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n')
}

/// Replaces ranges, in order, by texts of the same length.
fn apply<'a>(text: &'a str, edits: &[(Range<usize>, String)]) -> Cow<'a, str> {
    if edits.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut copy = String::with_capacity(text.len());
    for (range, replacement) in edits {
        copy.push_str(text.get(copy.len()..range.start).unwrap_or_default());
        copy.push_str(replacement);
    }
    copy.push_str(text.get(copy.len()..).unwrap_or_default());
    Cow::Owned(copy)
}

struct Cleaner<'a, 'd> {
    source: SourceId,
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
    damaged: Vec<Range<usize>>,
    diagnostics: &'d mut Diagnostics,
}

impl Cleaner<'_, '_> {
    fn token(&mut self, token: Token) {
        match token.kind {
            TokenKind::OddComment => self.odd_comment(token),
            TokenKind::String { closed: false } => self.unclosed_string(token),
            TokenKind::OddString => self.odd_string(token),
            TokenKind::Word | TokenKind::Sign if !token.text(self.text).is_ascii() => self.look_alike(token),
            TokenKind::Word
            | TokenKind::Sign
            | TokenKind::Number
            | TokenKind::Comment
            | TokenKind::String { closed: true } => {}
        }
    }

    /// Reports what is at a range, and that its line is not worth more messages.
    fn report(&mut self, diagnostic: Diagnostic) {
        let at = diagnostic.span();
        self.diagnostics.push(diagnostic);
        if self
            .damaged
            .last()
            .is_some_and(|line| line.contains(&(at.start as usize)) && line.end >= at.end as usize)
        {
            return;
        }
        let start =
            self.text.get(..at.start as usize).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        let rest = self.text.get(at.end as usize..).unwrap_or_default();
        let line = rest.find('\n').unwrap_or(rest.len());
        let blank = rest.get(line..).map_or(0, |after| after.len() - after.trim_start().len());
        self.damaged.push(start..at.end as usize + line + blank);
    }

    fn span(&self, start: usize, end: usize) -> Span {
        span(self.source, start, end)
    }

    fn hidden(&mut self, at: usize, c: char) {
        let span = self.span(at, at + c.len_utf8());
        let code = u32::from(c);
        let bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let message = if c == '\r' {
            "a carriage return without a line feed stands here".to_owned()
        } else if is_control(c) {
            format!("a control character (U+{code:04X}) stands here")
        } else if bidi {
            format!("a hidden character (U+{code:04X}) changes the direction in which this line is shown")
        } else {
            format!("a hidden character (U+{code:04X}) stands here")
        };
        let diagnostic = Diagnostic::new(Code::RL0008, message, span, "here")
            .help("what a reviewer cannot see must not stand in a policy: delete it")
            .fix("delete the character", span, "");
        self.report(diagnostic);
    }

    fn odd_comment(&mut self, token: Token) {
        let comment = token.text(self.text);
        let opener = comment.get(..2).unwrap_or_default();
        let span = self.span(token.start, token.end);
        let body = comment.trim_start_matches(['/', '-', '*']).trim_end_matches("*/").trim();
        let hashed: Vec<String> = body
            .lines()
            .map(|line| {
                format!("# {}", line.trim().trim_start_matches('*').trim_start()).trim_end().to_owned()
            })
            .collect();
        let label = self.span(token.start, token.start + 2);
        let diagnostic = Diagnostic::new(
            Code::RL0003,
            format!("a comment begins with `#`, not with `{opener}`"),
            label,
            "",
        )
        .fix("write `#`", span, hashed.join("\n"));
        self.report(diagnostic);
        self.edits.push((token.start..token.end, blank(comment)));
    }

    fn unclosed_string(&mut self, token: Token) {
        let span = self.span(token.start, token.start + 1);
        let content = token.text(self.text);
        let end = self.span(token.end, token.end);
        // A brace at the end of the line was hardly meant as text.
        let brace = content.strip_suffix('{').map(str::trim_end).filter(|before| before.len() > 1);
        let close =
            brace.map_or(end, |before| self.span(token.start + before.len(), token.start + before.len()));
        let diagnostic = Diagnostic::new(Code::RL0002, "this string is never closed", span, "opened here")
            .label(end, "the line ends without a closing `\"`")
            .fix("close the string", close, "\"");
        self.report(diagnostic);
        let kept = brace.map_or(content, |before| before);
        let last = kept.char_indices().last().map_or(0, |(at, _)| at);
        if last == 0 {
            self.edits
                .push((token.start..token.end, format!("0{}", blank(content.get(1..).unwrap_or_default()))));
        } else {
            let tail = kept.get(last..).unwrap_or_default();
            self.edits.push((
                token.start + last..token.start + kept.len(),
                format!("{}\"", " ".repeat(tail.len() - 1)),
            ));
        }
    }

    fn odd_string(&mut self, token: Token) {
        let string = token.text(self.text);
        let quotes: [char; 4] = ['\u{201c}', '\u{201d}', '\u{201e}', '"'];
        let inner = string.trim_matches(quotes);
        let span = self.span(token.start, token.end);
        let diagnostic = Diagnostic::new(
            Code::RL0008,
            "strings stand between straight quotes `\"`",
            span,
            "typographic quotes",
        )
        .fix("write straight quotes", span, format!("\"{inner}\""));
        self.report(diagnostic);
        let inside = string.len() - inner.len();
        let open = string.find(inner).filter(|at| *at > 0).unwrap_or(inside);
        let close = inside.saturating_sub(open);
        let mut text = format!("{}\"{inner}", " ".repeat(open.saturating_sub(1)));
        if close > 0 {
            text.push_str(&format!("\"{}", " ".repeat(close - 1)));
        }
        self.edits.push((token.start..token.end, if close > 0 { text } else { blank(string) }));
    }

    fn look_alike(&mut self, token: Token) {
        let text = token.text(self.text);
        let span = self.span(token.start, token.end);
        let plain: String = text
            .chars()
            .filter_map(|c| if is_hidden(c) { Some(String::new()) } else { look_alike(c) })
            .collect();
        let odd = text.chars().find(|c| !c.is_ascii()).unwrap_or_default();
        let replacement: String = text
            .chars()
            .map(|c| match (c.is_ascii(), c.is_alphanumeric()) {
                (true, _) => c.to_string(),
                (false, true) => "_".repeat(c.len_utf8()),
                (false, false) => " ".repeat(c.len_utf8()),
            })
            .collect();
        self.edits.push((token.start..token.end, replacement));
        if is_hidden(odd) {
            return;
        }
        let code = u32::from(odd);
        let message = if look_alike(odd).as_deref() == Some(" ") {
            format!("this blank (U+{code:04X}) is not a plain one")
        } else if odd.is_alphabetic() {
            format!("`{odd}` (U+{code:04X}) is not a letter of a to z")
        } else {
            format!("the character `{odd}` (U+{code:04X}) has no meaning outside strings and comments")
        };
        let mut diagnostic = Diagnostic::new(Code::RL0008, message, span, "");
        let whole = text.chars().all(|c| look_alike(c).is_some());
        if whole && plain != text {
            diagnostic = diagnostic.fix(
                if plain.trim().is_empty() {
                    "write a plain blank".to_owned()
                } else {
                    format!("write `{plain}`")
                },
                span,
                plain,
            );
        } else {
            diagnostic = diagnostic.help("names and keywords use the letters a to z, digits and `_`");
        }
        self.report(diagnostic);
    }
}

fn blank(text: &str) -> String {
    text.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect()
}

/// The ASCII text that a character is mistaken for, or stands for.
fn look_alike(c: char) -> Option<String> {
    const PAIRS: &str =
        "аaеeоoрpсcхxуyіiјjѕsһhԁdԛqԝwАAВBЕEКKМMНHОOРPСCТTХXαaοoνvρpτtυuιiκkΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX";
    if c.is_ascii() {
        return Some(c.to_string());
    }
    let symbol = match c {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => " ",
        '\u{2264}' => "<=",
        '\u{2265}' => ">=",
        '\u{2260}' => "!=",
        '\u{21d2}' => "=>",
        '\u{2026}' => "..",
        '\u{d7}' => "*",
        '\u{f7}' => "/",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{201c}' | '\u{201d}' | '\u{201e}' => "\"",
        '\u{20ac}' => "eur",
        '\u{ff01}'..='\u{ff5e}' => {
            return u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).map(String::from);
        }
        _ => {
            let mut pairs = PAIRS.chars();
            while let (Some(odd), Some(plain)) = (pairs.next(), pairs.next()) {
                if odd == c {
                    return Some(plain.to_string());
                }
            }
            return None;
        }
    };
    Some(symbol.to_owned())
}

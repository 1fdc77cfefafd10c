//! Reads text before the grammar does: tokens, characters that do not belong in a policy, and how braces nest.
//!
//! Nothing here recurses, so any text is safe to look at. What a text means is left to [`crate::parse`].

pub(crate) mod region;
pub(crate) mod text;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// `user`, `limit`
    Word,
    /// `10`, `10k`, `5MiB`
    Number,
    /// `"text"`; unclosed, it ends at the end of its line.
    String {
        /// Whether it has its closing quote.
        closed: bool,
    },
    /// `“text”` between typographic quotes, on one line.
    OddString,
    /// `# …` to the end of the line, which is not part of it.
    Comment,
    /// `//` and `--` to the end of the line, `/*` to its `*/` or the end of the text.
    OddComment,
    /// An operator, or any other character.
    Sign,
}

/// A stretch of text between blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: TokenKind,
    /// Its first byte.
    pub(crate) start: usize,
    /// One past its last byte.
    pub(crate) end: usize,
}

impl Token {
    /// The token's characters.
    pub(crate) fn text(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Signs of more than one character, longest first.
const LONG_SIGNS: [&str; 14] =
    ["===", "!==", "==", "!=", "<=", ">=", "<>", "=>", "->", "??", "..", "&&", "||", "::"];

/// The token at or after byte `at`, comments included.
pub(crate) fn token(text: &str, at: usize) -> Option<Token> {
    let start = at + text.as_bytes().get(at..)?.iter().position(|byte| !is_blank(*byte))?;
    let rest = text.get(start..)?;
    let first = rest.chars().next()?;
    let to_line_end = || rest.find('\n').unwrap_or(rest.len());
    let (kind, length) = if first.is_alphabetic() || first == '_' {
        (TokenKind::Word, run(rest, |c| c.is_alphanumeric() || c == '_'))
    } else if first.is_ascii_digit() {
        (TokenKind::Number, run(rest, |c| c.is_ascii_alphanumeric() || c == '_'))
    } else if first == '"' {
        string(rest)
    } else if matches!(first, '\u{201c}' | '\u{201d}' | '\u{201e}') {
        odd_string(rest)
    } else if first == '#' {
        (TokenKind::Comment, rest.get(..to_line_end()).unwrap_or(rest).trim_end().len())
    } else if rest.starts_with("//") || rest.starts_with("--") {
        (TokenKind::OddComment, rest.get(..to_line_end()).unwrap_or(rest).trim_end().len())
    } else if rest.starts_with("/*") {
        (TokenKind::OddComment, rest.find("*/").map_or(rest.trim_end().len(), |end| end + 2))
    } else {
        let may_be_long = rest.as_bytes().get(1).is_some_and(|second| b"=><-?.&|:".contains(second));
        let long = LONG_SIGNS.iter().filter(|_| may_be_long).find(|sign| rest.starts_with(**sign));
        (TokenKind::Sign, long.map_or(first.len_utf8(), |sign| sign.len()))
    };
    Some(Token { kind, start, end: start + length })
}

/// The tokens from byte `at` on, comments included.
pub(crate) fn tokens(text: &str, at: usize) -> impl Iterator<Item = Token> {
    std::iter::successors(token(text, at), |last| token(text, last.end))
}

/// The first token at or after byte `at` that is no comment.
pub(crate) fn significant(text: &str, at: usize) -> Option<Token> {
    tokens(text, at).find(|token| token.kind != TokenKind::Comment)
}

/// Whether only blanks stand between the start of the line and byte `at`.
pub(crate) fn begins_line(text: &str, at: usize) -> bool {
    indent(text, at).is_some()
}

/// How many blanks stand between the start of the line and byte `at`; `None` if anything else does.
pub(crate) fn indent(text: &str, at: usize) -> Option<usize> {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let blanks = before.iter().rev().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
    let begins = before.len() == blanks || before.get(..before.len() - blanks)?.ends_with(b"\n");
    begins.then_some(blanks)
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    // Most words are ASCII, whose characters need not be put together.
    let plain =
        text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_')).unwrap_or(text.len());
    if text.as_bytes().get(plain).is_none_or(u8::is_ascii) {
        return plain;
    }
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn string(rest: &str) -> (TokenKind, usize) {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => {
                return (
                    TokenKind::String { closed: false },
                    rest.get(..index).unwrap_or(rest).trim_end().len(),
                );
            }
            '"' if !escaped => return (TokenKind::String { closed: true }, index + 1),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    (TokenKind::String { closed: false }, rest.trim_end().len())
}

fn odd_string(rest: &str) -> (TokenKind, usize) {
    let closing = |(_, c): &(usize, char)| matches!(c, '\u{201c}' | '\u{201d}' | '"' | '\n');
    match rest.char_indices().skip(1).find(closing) {
        Some((at, c)) if c != '\n' => (TokenKind::OddString, at + c.len_utf8()),
        _ => (TokenKind::Sign, rest.chars().next().map_or(1, char::len_utf8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        tokens(text, 0).map(|token| (token.kind, token.text(text))).collect()
    }

    #[test]
    fn comments_and_strings_hide_what_is_in_them() {
        let closed = TokenKind::String { closed: true };
        assert_eq!(
            kinds("a # \"b\" {\n\"c # \\\" d\" // e\n"),
            [
                (TokenKind::Word, "a"),
                (TokenKind::Comment, "# \"b\" {"),
                (closed, "\"c # \\\" d\""),
                (TokenKind::OddComment, "// e"),
            ]
        );
    }

    #[test]
    fn an_unclosed_string_ends_with_its_line() {
        let open = TokenKind::String { closed: false };
        assert_eq!(kinds("\"a \\\r\nb"), [(open, "\"a \\"), (TokenKind::Word, "b")]);
        assert_eq!(kinds("\""), [(open, "\"")]);
    }

    #[test]
    fn signs_are_read_as_long_as_they_are() {
        let signs: Vec<_> = kinds("a?? ..=>=<=!= ?").into_iter().map(|(_, text)| text).collect();
        assert_eq!(signs, ["a", "??", "..", "=>", "=", "<=", "!=", "?"]);
    }
}

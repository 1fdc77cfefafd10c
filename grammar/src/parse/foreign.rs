//! Words and signs of other languages, and what they are called here.

use crate::{
    code::Code,
    diagnostic::Diagnostic,
    parse::{reader::Reader, words::Place},
    scan::{Token, TokenKind},
    span::Span,
};

/// Says how what is `written` is written here.
pub(super) fn instead(written: &str, here: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::RL0007, format!("`{written}` is written `{here}`"), span, "").fix(
        format!("write `{here}`"),
        span,
        here,
    )
}

/// A sign that the grammar does not know here; `then` and `value` say what would fit.
pub(super) fn sign(reader: &Reader<'_, '_>, then: bool, value: bool, found: Token) -> Option<Diagnostic> {
    let text = found.text(reader.text);
    let span = reader.span(found.start, found.end);
    Some(match text {
        ";" => Diagnostic::new(
            Code::RL0007,
            "nothing ends with `;` here: the next word begins the next entry",
            span,
            "",
        )
        .fix("delete it", span, ""),
        "=>" | "->" if then => instead(text, "then", span),
        ":" if then => Diagnostic::new(Code::RL0007, "a condition ends with `then`, not with `:`", span, "")
            .fix("write `then`", span, " then"),
        "{" if then => {
            Diagnostic::new(Code::RL0007, "a condition ends with `then`, also before a brace", span, "").fix(
                "add `then`",
                span.before(),
                "then ",
            )
        }
        "'" => single_quotes(reader, found),
        "-" | "$" if value && (text == "-" || is_negative_money(reader, found)) => {
            Diagnostic::new(Code::RL0013, "there are no negative numbers", span, "")
                .help("amounts, durations and statuses begin at 0")
        }
        "|" | "&" => instead(text, if text == "|" { "or" } else { "and" }, span),
        _ => return None,
    })
}

/// `$-5`
fn is_negative_money(reader: &Reader<'_, '_>, dollar: Token) -> bool {
    reader.text.get(dollar.end..).is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with('-'))
}

/// The closing quote is looked for in so many characters.
const MAX_QUOTED: usize = 200;

fn single_quotes(reader: &Reader<'_, '_>, found: Token) -> Diagnostic {
    let rest = reader.text.get(found.end..).unwrap_or_default();
    let message = "text stands between double quotes";
    let end = rest.char_indices().take(MAX_QUOTED).find(|(_, c)| matches!(c, '\'' | '\n'));
    match end {
        Some((length, '\'')) => {
            let span = reader.span(found.start, found.end + length + 1);
            let text = rest.get(..length).unwrap_or_default();
            Diagnostic::new(Code::RL0007, message, span, "").fix(
                "write double quotes",
                span,
                format!("\"{text}\""),
            )
        }
        _ => Diagnostic::new(Code::RL0007, message, reader.span(found.start, found.end), ""),
    }
}

/// A word of another language where none of this one's fits.
pub(super) fn word(reader: &Reader<'_, '_>, found: Token, place: Place) -> Option<Diagnostic> {
    if found.kind != TokenKind::Word {
        return None;
    }
    let text = found.text(reader.text);
    let span = reader.span(found.start, found.end);
    let here = match text {
        "elif" | "elsif" | "elseif" | "elsIf" | "elseIf" => "else if",
        "unless" => "if not",
        "when" | "where" => "if",
        "switch" | "case" | "select" => "match",
        "otherwise" | "default" => "else",
        "do" => "then",
        "var" | "const" | "val" | "local" => "let",
        "import" | "include" | "require" => "use",
        "function" | "func" | "def" => "fn",
        "throttle" | "ratelimit" | "rate_limit" | "quota" if place == Place::Statement => "limit",
        "block" | "forbid" | "refuse" | "reject" if place == Place::Statement => "deny",
        "allow" | "skip" | "permit" | "bypass" | "allowlist" if place == Place::Statement => "exempt",
        "policy" if place == Place::Item => "rule",
        "tier" if place == Place::Item => "plan",
        "inputs" | "facts" if place == Place::Item => "input",
        "assert" if place == Place::Step => "expect",
        "sleep" | "advance" if place == Place::Step => "wait",
        _ => return None,
    };
    Some(instead(text, here, span))
}

/// `and also`, where `also` was read as a name.
pub(super) fn also(reader: &Reader<'_, '_>, before: Token) -> Option<Diagnostic> {
    (before.text(reader.text) == "also").then(|| {
        let span = reader.span(before.start, before.end);
        Diagnostic::new(Code::RL0007, "`and` stands alone", span, "").fix("delete `also`", span, "")
    })
}

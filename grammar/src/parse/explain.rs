//! What to say when the grammar does not fit: one cause, at most three things that would fit, and a fix where one is
//! certain.

use pest::error::{Error, ErrorVariant, InputLocation};

use crate::{
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        foreign,
        name::RESERVED,
        reader::{Broken, Read, Reader},
        syntax::Rule,
        wanted::{first_words, is_operator, keyword, wanted},
        words::{self, CLAUSE_WORDS, Place, shorten},
    },
    scan::{Token, TokenKind, begins_line, region::ITEM_WORDS, significant, tokens},
};

/// Where a phrase stopped fitting, and what would have.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) start: usize,
    pub(super) at: usize,
    pub(super) expected: Vec<Rule>,
    /// The length of the line, which making the error cost.
    pub(super) line_length: usize,
}

impl Failure {
    /// What went wrong in a phrase that begins at byte `base`.
    pub(super) fn new(error: &Error<Rule>, base: usize) -> Self {
        let offset = match error.location {
            InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
        };
        let expected = match &error.variant {
            ErrorVariant::ParsingError { positives, .. } => positives.clone(),
            ErrorVariant::CustomError { .. } => Vec::new(),
        };
        Self { start: base, at: base + offset, expected, line_length: error.line().len() }
    }

    pub(super) fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    /// Whether any value would fit: after an operator, the grammar names its forms one by one.
    pub(super) fn expects_value(&self) -> bool {
        self.expects(Rule::expr) || self.expects(Rule::open_paren) && self.expects(Rule::unlimited)
    }
}

/// Says what is wrong where a phrase stopped fitting.
pub(super) fn explain(reader: &Reader<'_, '_>, failure: &Failure, place: Place) -> Diagnostic {
    let found = significant(reader.text, failure.at);
    let before = tokens(reader.text, failure.start)
        .take_while(|token| token.start < found.map_or(reader.text.len(), |found| found.start))
        .filter(|token| token.kind != TokenKind::Comment)
        .last();
    let Some(found) = found.filter(|found| found.start < reader.end) else {
        return cut_short(reader, failure, before);
    };
    foreign::sign(reader, failure.expects(Rule::k_then), failure.expects_value(), found)
        .or_else(|| before.and_then(|before| misspelt_exceed(reader, before)))
        .or_else(|| foreign::word(reader, found, place))
        .or_else(|| before.and_then(|before| foreign::also(reader, before)))
        .or_else(|| before.and_then(|before| unit(reader, before, found)))
        .or_else(|| window_as_key(reader, before, found))
        .or_else(|| reserved_name(reader, failure, found))
        .or_else(|| misspelt(reader, failure, found))
        .or_else(|| no_outcome(reader, failure, found))
        .unwrap_or_else(|| {
            let line_ends = before.is_some_and(|_| begins_line(reader.text, found.start));
            if line_ends && !wanted(reader, failure, before).is_empty() {
                return cut_short(reader, failure, before);
            }
            unexpected(reader, failure, before, found)
        })
}

/// Something is missing at the end of a line or of the text.
fn cut_short(reader: &Reader<'_, '_>, failure: &Failure, before: Option<Token>) -> Diagnostic {
    let end = reader.text.get(..reader.end).map_or(reader.end, |text| text.trim_end().len());
    let (start, end) = before.map_or((end, end), |before| (before.start, before.end));
    let span = reader.span(start, end);
    let wanted = match wanted(reader, failure, before).as_str() {
        "" => "more".to_owned(),
        wanted => wanted.to_owned(),
    };
    let message = match span.text(reader.text) {
        "" => format!("expected {wanted}, found the end of the text"),
        text => format!("expected {wanted} after `{}`", shorten(text)),
    };
    helped(reader, failure, end, Diagnostic::new(Code::RL0001, message, span, ""))
}

/// `send …` on one line, `expect used …` on the next.
fn no_outcome(reader: &Reader<'_, '_>, failure: &Failure, found: Token) -> Option<Diagnostic> {
    (failure.expects(Rule::outcome) && found.text(reader.text) == "used").then(|| {
        let span = reader.span(failure.start, failure.start + "send".len());
        Diagnostic::new(Code::RL0001, "this `send` does not say what it expects", span, "")
            .help("end it with `expect allow`, `expect deny` or `expect reject by …`")
    })
}

/// `10 requets/min`, `10 req/minite`
fn unit(reader: &Reader<'_, '_>, before: Token, found: Token) -> Option<Diagnostic> {
    let word = found.text(reader.text);
    let previous = before.text(reader.text);
    let rate = matches!(previous, "/" | "per");
    if found.kind != TokenKind::Word || !(before.kind == TokenKind::Number || rate) || is_keyword(word) {
        return None;
    }
    let (what, known) =
        if rate { ("unit of time", &words::TIME_UNITS[..]) } else { ("unit", &words::UNITS[..]) };
    let next = significant(reader.text, found.end).map_or("", |next| next.text(reader.text));
    if previous == "per" || (words::similar(word, known).is_none() && next != "/" && !rate) {
        return None;
    }
    Some(words::unknown(what, word, known, reader.span(found.start, found.end)))
}

/// `per user per minute`
fn window_as_key(reader: &Reader<'_, '_>, before: Option<Token>, found: Token) -> Option<Diagnostic> {
    let word = found.text(reader.text);
    let is_time = words::TIME_UNITS.contains(&word);
    (is_time && before.is_some_and(|before| before.text(reader.text) == "per")).then(|| {
        let message = format!("`{word}` is a unit of time, not a key");
        Diagnostic::new(Code::RL0001, message, reader.span(found.start, found.end), "")
            .help(format!("the window stands beside the number: `1000 req/{word} per user`"))
    })
}

/// A word of the language where a name belongs.
fn reserved_name(reader: &Reader<'_, '_>, failure: &Failure, found: Token) -> Option<Diagnostic> {
    let names = [Rule::ident, Rule::decl, Rule::dotted, Rule::dotted_decl, Rule::key, Rule::path];
    let word = found.text(reader.text);
    let is_name = failure.expected.iter().all(|rule| names.contains(rule)) && !failure.expected.is_empty();
    (is_name && RESERVED.contains(&word)).then(|| {
        let span = reader.span(found.start, found.end);
        Diagnostic::new(Code::RL0001, format!("expected a name, found the keyword `{word}`"), span, "")
    })
}

/// A word close to one that fits.
fn misspelt(reader: &Reader<'_, '_>, failure: &Failure, found: Token) -> Option<Diagnostic> {
    let word = found.text(reader.text);
    if found.kind != TokenKind::Word || is_keyword(word) {
        return None;
    }
    let names: Vec<String> = failure.expected.iter().filter_map(|rule| keyword(*rule)).collect();
    let begin = failure.expected.iter().flat_map(|rule| first_words(*rule));
    let known: Vec<&str> = names.iter().map(String::as_str).chain(begin.copied()).collect();
    let meant = words::similar(word, &known)?;
    let span = reader.span(found.start, found.end);
    let message = format!("expected `{meant}`, found `{}`", shorten(word));
    Some(Diagnostic::new(Code::RL0005, message, span, format!("did you mean `{meant}`?")).fix(
        format!("write `{meant}`"),
        span,
        meant,
    ))
}

/// `on exeed allow`, where the word was read as a method.
fn misspelt_exceed(reader: &Reader<'_, '_>, before: Token) -> Option<Diagnostic> {
    let word = before.text(reader.text);
    let meant = (word != "exceed").then(|| words::similar(word, &["exceed"])).flatten()?;
    let span = reader.span(before.start, before.end);
    Some(words::unknown("word", word, &[meant], span))
}

fn unexpected(reader: &Reader<'_, '_>, failure: &Failure, before: Option<Token>, found: Token) -> Diagnostic {
    let text = shorten(found.text(reader.text));
    let span = reader.span(found.start, found.end);
    let what = match found.kind {
        TokenKind::String { .. } | TokenKind::OddString => format!("the text {text}"),
        TokenKind::Word
        | TokenKind::Number
        | TokenKind::Sign
        | TokenKind::Comment
        | TokenKind::OddComment => {
            format!("`{text}`")
        }
    };
    let diagnostic = match wanted(reader, failure, before).as_str() {
        "" => Diagnostic::new(Code::RL0001, format!("{what} does not fit here"), span, ""),
        wanted => Diagnostic::new(Code::RL0001, format!("expected {wanted}, found {what}"), span, ""),
    };
    if text == "/" && failure.expects(Rule::string) {
        return diagnostic.help("paths stand in quotes: `\"/v1/items\"`");
    }
    let at = reader.text.get(..found.start).unwrap_or_default().trim_end().len();
    helped(reader, failure, at, diagnostic)
}

/// Adds what is known to help when `then` or `else` is missing after byte `at`.
fn helped(reader: &Reader<'_, '_>, failure: &Failure, at: usize, diagnostic: Diagnostic) -> Diagnostic {
    if failure.expects(Rule::k_then) {
        return diagnostic.help("a condition ends with `then`: `if region == \"US\" then limit …`").fix(
            "add `then`",
            reader.span(at, at),
            " then",
        );
    }
    if failure.expects(Rule::k_else) && failure.expected.iter().any(|rule| is_operator(*rule)) {
        return diagnostic.help("where a value is expected, `if` needs its `else`");
    }
    diagnostic
}

fn is_keyword(word: &str) -> bool {
    RESERVED.contains(&word) || is_clause_word(word)
}

fn is_clause_word(word: &str) -> bool {
    CLAUSE_WORDS.iter().any(|clause| clause.split(' ').next() == Some(word))
}

impl Reader<'_, '_> {
    /// Reports what stands here and begins nothing that may stand in this place.
    pub(super) fn unknown_entry<T>(&mut self, place: Place) -> Read<T> {
        let Some(token) = self.peek() else { return Err(Broken) };
        if self.last_entry == Some(Rule::limit_entry) && is_clause_word(token.text(self.text)) {
            // The limit before it ended because this clause does not fit the grammar.
            self.phrase(Rule::clause_phrase, place)?;
        }
        self.fail_at(token.end);
        if self.amiss && matches!(token.text(self.text), "else" | "ELSE") {
            return Err(Broken); // its `if` may be what could not be read
        }
        let mut diagnostic = self.unknown(token, place);
        if let Some(closer) = self.closer.filter(|_| place == Place::Item && !self.is_at_margin(token)) {
            let span = self.span(closer.start, closer.end);
            diagnostic = diagnostic.label(span, "the item before it ends here");
        }
        self.refuse(diagnostic)
    }

    fn unknown(&self, token: Token, place: Place) -> Diagnostic {
        let word = token.text(self.text);
        let span = self.span(token.start, token.end);
        let entry = place.entry();
        if let Some(diagnostic) =
            foreign::sign(self, false, false, token).or_else(|| foreign::word(self, token, place))
        {
            return diagnostic;
        }
        if let Some(diagnostic) = self.limit_name_without_colon(token) {
            return diagnostic;
        }
        if token.kind != TokenKind::Word {
            let message = format!("expected {entry}, found `{}`", shorten(word));
            return Diagnostic::new(Code::RL0001, message, span, "").help(place.example());
        }
        if is_clause_word(word) {
            let message = format!("`{word}` belongs to a limit, and no limit stands before it");
            return Diagnostic::new(Code::RL0001, message, span, "");
        }
        if matches!(word, "then" | "THEN" | "else" | "ELSE") {
            let message = format!("`{word}` without an `if` before it");
            return Diagnostic::new(Code::RL0001, message, span, "")
                .help("`else` follows the statement, or the closing brace, of its `if … then`");
        }
        if ITEM_WORDS.contains(&word) && place != Place::Item && word != "limit" {
            let message = format!("`{word}` begins an item of its own, and cannot stand inside another");
            return Diagnostic::new(Code::RL0001, message, span, "")
                .help("close the block before it with `}`");
        }
        self.misspelt_entry(token, place)
    }

    fn misspelt_entry(&self, token: Token, place: Place) -> Diagnostic {
        let word = token.text(self.text);
        let span = self.span(token.start, token.end);
        let before =
            tokens(self.text, self.last_start).take_while(|before| before.start < token.start).last();
        if let Some(unit) = before.and_then(|before| unit(self, before, token)) {
            return unit;
        }
        let after_limit = self.last_entry == Some(Rule::limit_entry);
        if after_limit && words::similar(word, place.words()).is_none() {
            let known: Vec<&str> = CLAUSE_WORDS.into_iter().chain(place.words().iter().copied()).collect();
            let diagnostic = words::unknown("word", word, &known, span);
            return if diagnostic.fixes.is_empty() { diagnostic.help(place.example()) } else { diagnostic };
        }
        if place == Place::Item {
            let next = significant(self.text, token.end).map_or("", |next| next.text(self.text));
            if next == "=" {
                let message =
                    format!("constants such as `{}` outside plans are not supported yet", shorten(word));
                return Diagnostic::new(Code::RL0009, message, span, "").help("write `let` inside the rule");
            }
            if matches!(word, "limit" | "deny" | "exempt" | "if" | "match" | "let" | "on") {
                let message = format!("`{word}` stands inside a rule");
                return Diagnostic::new(Code::RL0001, message, span, "")
                    .help(format!("write a rule around it: `rule api {{ {word} … }}`"));
            }
        }
        let diagnostic = words::unknown(place.noun(), word, place.words(), span);
        if diagnostic.fixes.is_empty() { diagnostic.help(place.example()) } else { diagnostic }
    }

    /// `limit rpm 10 req/min`: the name was read as the ceiling.
    fn limit_name_without_colon(&self, token: Token) -> Option<Diagnostic> {
        let limit =
            significant(self.text, self.last_start).filter(|first| first.text(self.text) == "limit")?;
        let name = significant(self.text, limit.end).filter(|name| name.kind == TokenKind::Word)?;
        let value = token.kind == TokenKind::Number || matches!(token.text(self.text), "$" | "if" | "match");
        let next = significant(self.text, name.end)?;
        (value && self.last_entry == Some(Rule::limit_entry) && next == token).then(|| {
            let span = self.span(name.start, name.end);
            Diagnostic::new(Code::RL0001, "the name of a limit ends with a colon", span, "").fix(
                "write `:` after the name",
                span.after(),
                ":",
            )
        })
    }

    /// Whether `name =` stands here; hyphens are reported when the name is read.
    pub(super) fn begins_constant(&self) -> bool {
        self.peek().is_some_and(|token| {
            token.kind == TokenKind::Word
                && tokens(self.text, token.end)
                    .filter(|next| next.kind != TokenKind::Comment)
                    .find(|next| next.kind != TokenKind::Word && next.text(self.text) != "-")
                    .is_some_and(|next| next.text(self.text) == "=")
        })
    }
}

//! The words that may begin an entry at each place, and what a wrong word was meant to be.

use crate::{
    code::Code,
    diagnostic::Diagnostic,
    scan::{Token, TokenKind, region::ITEM_WORDS, significant},
    span::Span,
};

/// Where in a policy an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the top.
    Item,
    /// In a rule.
    Statement,
    /// In a `match` of statements.
    Arm,
    /// In `input`.
    Attribute,
    /// In a plan.
    PlanEntry,
    /// In a budget.
    Bound,
    /// In a test.
    Step,
}

/// The words that begin a statement.
pub(super) const STATEMENT_WORDS: [&str; 8] =
    ["limit", "deny", "exempt", "if", "match", "let", "on", "guard"];

/// The words that begin a clause of a limit.
pub(super) const CLAUSE_WORDS: [&str; 19] = [
    "per",
    "globally",
    "burst",
    "starting",
    "using",
    "aligned",
    "for at most",
    "costing",
    "reserve",
    "settle",
    "refund when",
    "warn at",
    "was",
    "on exceed",
    "at most",
    "resets in",
    "fail",
    "on",
    "overshoot",
];

/// The words that begin a step of a test.
pub(super) const STEP_WORDS: [&str; 7] = ["given", "at", "wait", "set", "send", "reply", "expect"];

/// The words that begin a line of a budget.
const BOUND_WORDS: [&str; 3] = ["charges", "round trips", "steps"];

/// The units a message may suggest.
pub(super) const UNITS: [&str; 26] = [
    "req", "request", "requests", "calls", "points", "tokens", "ktok", "Mtok", "usd", "eur", "bytes", "KiB",
    "MiB", "GiB", "ms", "s", "second", "seconds", "min", "minute", "minutes", "h", "hour", "hours", "day",
    "days",
];

/// The units of time a message may suggest after a slash.
pub(super) const TIME_UNITS: [&str; 20] = [
    "ms",
    "s",
    "sec",
    "second",
    "seconds",
    "min",
    "minute",
    "minutes",
    "h",
    "hour",
    "hours",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "milliseconds",
];

impl Place {
    /// The words that begin an entry here.
    pub(super) const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Item => &ITEM_WORDS,
            Self::Statement => &STATEMENT_WORDS,
            Self::Arm => &["else"],
            Self::Attribute => &[],
            Self::PlanEntry => &["limit", "no limit"],
            Self::Bound => &BOUND_WORDS,
            Self::Step => &STEP_WORDS,
        }
    }

    /// What an entry here is called.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Statement => "statement",
            Self::Arm => "arm",
            Self::Attribute => "attribute",
            Self::PlanEntry => "plan entry",
            Self::Bound => "bound",
            Self::Step => "test step",
        }
    }

    /// The same with its article.
    pub(super) const fn entry(self) -> &'static str {
        match self {
            Self::Item => "an item such as `rule`",
            Self::Statement => "a statement such as `limit`",
            Self::Arm => "an arm such as `\"us\" => …`",
            Self::Attribute => "an attribute such as `user : key`",
            Self::PlanEntry => "a limit or a constant",
            Self::Bound => "a bound such as `charges <= 8 per request`",
            Self::Step => "a step such as `send`",
        }
    }

    /// Help that shows what may stand here.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::Item => "a policy is made of items such as `rule`, `plan` and `input`",
            Self::Statement => "a rule is made of statements such as `limit`, `deny` and `if`",
            Self::Arm => "an arm is written `\"us\" => limit 10 req/min per user`",
            Self::Attribute => "an attribute is written `region : string = \"unknown\"`",
            Self::PlanEntry => {
                "a plan is made of limits, `no limit name` and constants such as `max_upload = 5 MiB`"
            }
            Self::Bound => "a budget bounds `charges`, `round trips` and `steps`: `charges <= 8 per request`",
            Self::Step => "a test is made of steps such as `given`, `send` and `expect used`",
        }
    }

    /// Whether reading can go on at a word after a broken entry; `fresh` if the word begins a line or follows a brace.
    pub(super) fn resumes_at(self, text: &str, token: Token, fresh: bool) -> bool {
        let word = token.text(text);
        let next = || {
            significant(text, token.end)
                .filter(|next| next.kind == TokenKind::Sign)
                .map(|next| next.text(text))
        };
        match self {
            Self::Item => false,
            Self::Statement => match word {
                "limit" | "deny" | "exempt" | "guard" | "let" => true,
                _ => fresh && (STATEMENT_WORDS.contains(&word) || word == "IF" || is_misspelt(word, self)),
            },
            Self::Arm => fresh,
            Self::Attribute => next() == Some(":") || fresh && next() == Some("."),
            Self::PlanEntry => {
                word == "limit"
                    || fresh && word == "no"
                    || next() == Some("=")
                    || fresh && is_misspelt(word, self)
            }
            Self::Bound => {
                fresh && (matches!(word, "charges" | "round" | "steps") || is_misspelt(word, self))
            }
            Self::Step => match word {
                "given" | "wait" | "send" => true,
                _ => fresh && (STEP_WORDS.contains(&word) || is_misspelt(word, self)),
            },
        }
    }
}

fn is_misspelt(word: &str, place: Place) -> bool {
    similar(word, place.words()).is_some()
}

/// The word of `known` that `word` was probably meant to be.
pub(super) fn similar<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.len() > 40 {
        return None;
    }
    let lower = word.to_lowercase();
    let bound = 1 + lower.len() / 4;
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&lower, &known.to_lowercase()), *known))
        .filter(|(distance, known)| *distance <= bound && *distance < known.len())
        .min()
        .map(|(_, known)| known)
}

/// At most 40 characters of a text.
pub(super) fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 40 { line.chars().take(40).chain(['…']).collect() } else { line.to_owned() }
}

/// Says that `word` is no `what`, and which one was probably meant.
pub(super) fn unknown(what: &str, word: &str, known: &[&str], span: Span) -> Diagnostic {
    let message = format!("I don't know the {what} `{}`", shorten(word));
    match similar(word, known) {
        Some(meant) => Diagnostic::new(Code::RL0005, message, span, format!("did you mean `{meant}`?")).fix(
            format!("write `{meant}`"),
            span,
            meant,
        ),
        None => Diagnostic::new(Code::RL0005, message, span, ""),
    }
}

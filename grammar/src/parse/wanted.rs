//! What would have fitted, in words: at most three things.

use crate::{
    parse::{explain::Failure, reader::Reader, syntax::Rule},
    scan::Token,
};

/// The keyword that a grammar rule stands for.
pub(super) fn keyword(rule: Rule) -> Option<String> {
    format!("{rule:?}").strip_prefix("k_").map(str::to_owned)
}

/// The words that a phrase may begin with, of phrases inside others.
pub(super) const fn first_words(rule: Rule) -> &'static [&'static str] {
    match rule {
        Rule::note => &["warn", "shadow", "no"],
        Rule::deny_entry => &["deny"],
        Rule::downgrade => &["downgrade"],
        Rule::block => &["block"],
        Rule::odd_queue_up => &["queue"],
        _ => &[],
    }
}

/// The rank of what nobody misses: operators that might go on with an expression.
const RANK_OPERATOR: u8 = 9;

/// Whether a rule is an operator.
pub(super) fn is_operator(rule: Rule) -> bool {
    noun(rule).0 == RANK_OPERATOR
}

/// What would fit: at most three things, the likeliest first.
pub(super) fn wanted(reader: &Reader<'_, '_>, failure: &Failure, before: Option<Token>) -> String {
    let before = before.map_or("", |before| before.text(reader.text));
    if failure.expects_value() {
        return match before {
            "limit" => "a rate such as `100 req/min`".to_owned(),
            _ => "a value".to_owned(),
        };
    }
    if matches!(before, "most" | "wait") && failure.expects(Rule::number) {
        return "a duration such as `30 s`".to_owned();
    }
    let mut nouns: Vec<(u8, String)> = failure.expected.iter().map(|rule| noun(*rule)).collect();
    nouns.sort();
    nouns.dedup();
    let best = nouns.first().map_or(RANK_OPERATOR, |(rank, _)| *rank);
    let kept: Vec<String> = nouns
        .into_iter()
        .filter(|(rank, noun)| {
            !noun.is_empty() && *rank < RANK_OPERATOR && (*rank == best || best > 1 && *rank < 7)
        })
        .map(|(_, noun)| noun)
        .take(3)
        .collect();
    match kept.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} or {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} or {}", rest.join(" or ")),
    }
}

/// How much a rule tells about what was meant, small is much, and what it is called.
fn noun(rule: Rule) -> (u8, String) {
    let (rank, text) = match rule {
        Rule::expr | Rule::literal | Rule::operand => (2, "a value"),
        Rule::ident | Rule::decl | Rule::dotted | Rule::dotted_decl | Rule::path => (2, "a name"),
        Rule::key | Rule::key_call => (2, "a key such as `user`"),
        Rule::string => (2, "a text in quotes"),
        Rule::number | Rule::digits => (2, "a number"),
        Rule::percent => (2, "a share such as `30%`"),
        Rule::duration => (2, "a duration such as `30 s`"),
        Rule::clock => (2, "a time such as `09:00`"),
        Rule::date | Rule::day => (2, "a day such as `2026-12-25`"),
        Rule::instant => (2, "an instant such as `2026-03-02T16:59:30Z`"),
        Rule::days | Rule::weekday | Rule::week_span => (2, "a day such as `mon`"),
        Rule::type_expr | Rule::type_word => (2, "a type such as `string` or `key`"),
        Rule::module_name => (2, "a module such as `std.http`"),
        Rule::verb => (2, "a method such as `GET`"),
        Rule::target => (2, "a path such as `\"/v1/**\"`"),
        Rule::pattern | Rule::patterns => (2, "a value to match"),
        Rule::arm | Rule::arm_head => (2, "an arm such as `\"us\" => …`"),
        Rule::outcome | Rule::outcome_word => (2, "`allow`, `reject` or `deny`"),
        Rule::binds | Rule::bind => (2, "a fact such as `user = \"ada\"`"),
        Rule::level => (2, "a level such as `org`"),
        Rule::note => (2, "`warn …` or `shadow …`"),
        Rule::deny_entry => (3, "`deny`"),
        Rule::downgrade => (3, "`downgrade`"),
        Rule::block => (3, "`block for …`"),
        Rule::comparison => (1, "a comparison such as `==`"),
        Rule::at_most => (1, "`<=`"),
        Rule::colon => (1, "`:`"),
        Rule::equals => (1, "`=`"),
        Rule::arrow => (1, "`=>`"),
        Rule::open_brace => (1, "`{`"),
        Rule::open_paren => (1, "`(`"),
        Rule::close_brace => (3, "`}`"),
        Rule::close_paren => (3, "`)`"),
        Rule::close_bracket => (3, "`]`"),
        Rule::range_dots => (1, "`..`"),
        Rule::dots => (3, "`..`"),
        Rule::above => (7, "`>`"),
        Rule::comma => (7, "`,`"),
        _ => match keyword(rule).as_deref() {
            Some("and" | "or" | "not" | "in" | "is" | "like" | "matches") | None => (RANK_OPERATOR, ""),
            Some(word @ ("then" | "else" | "expect" | "limit")) => return (1, format!("`{word}`")),
            Some(word) => return (4, format!("`{word}`")),
        },
    };
    (rank, text.to_owned())
}

//! Readers of recorded traffic: good and bad lines of each format, order, and files that are none.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail by panicking")]

#[path = "traffic/combined.rs"]
mod combined;
#[path = "traffic/jsonl.rs"]
mod jsonl;
#[path = "traffic/order.rs"]
mod order;
#[path = "traffic/schema.rs"]
mod schema;

use limitrate_core::facts::{FactDecl, FactId, FactType, Value};
use limitrate_core::unit::Unit;
use limitrate_testkit::traffic::{Line, Record, Schema, Scratch, SkipReason};

/// Facts that cover every type, the members of a combined log among them.
fn facts() -> Vec<FactDecl> {
    let members = || ["free", "pro"].map(Box::from).into();
    [
        ("method", FactType::String),
        ("path", FactType::String),
        ("query", FactType::String),
        ("ip", FactType::Ip),
        ("referer", FactType::String),
        ("user_agent", FactType::String),
        ("remote_user", FactType::Key),
        ("user", FactType::Key),
        ("plan", FactType::Plan(members())),
        ("tier", FactType::OneOf(members())),
        ("internal", FactType::Bool),
        ("count", FactType::Int { min: 0, max: 100 }),
        ("share", FactType::Percent),
        ("prompt_tokens", FactType::Quantity(Unit::Tokens)),
        ("spend", FactType::Quantity(Unit::Usd)),
        ("body_size", FactType::Quantity(Unit::Bytes)),
        ("age", FactType::Duration),
        ("since", FactType::Instant),
        ("born", FactType::Date),
        ("opens", FactType::Clock),
        ("usage.output", FactType::Quantity(Unit::Tokens)),
        ("response.status", FactType::Int { min: 0, max: 999 }),
        ("response.size", FactType::Quantity(Unit::Bytes)),
    ]
    .into_iter()
    .map(|(name, ty)| FactDecl { optional: true, ..FactDecl::new(name, ty) })
    .collect()
}

fn id(name: &str) -> FactId {
    let at = facts().iter().position(|fact| &*fact.name == name).expect("a declared fact");
    FactId(u16::try_from(at).expect("few facts"))
}

fn schema() -> Schema {
    Schema::new(&facts(), &[], &[]).expect("a schema")
}

/// How a line is read in one of the formats.
type Read = for<'a> fn(Line<'a>, &'a Schema, &'a mut Scratch) -> Result<Record<'a>, SkipReason>;

/// The reason why a line is skipped, in words.
fn reason(read: Read, text: &str) -> String {
    match read(Line { number: 1, text }, &schema(), &mut Scratch::default()) {
        Ok(record) => panic!("{text} was read as {record:?}"),
        Err(reason) => reason.to_string(),
    }
}

/// Asserts that exactly these facts stand in a list.
fn assert_facts(found: &[(FactId, Value<'_>)], expected: &[(&str, Value<'_>)]) {
    let mut found = found.to_vec();
    found.sort_by_key(|(id, _)| *id);
    let mut expected: Vec<_> = expected.iter().map(|(name, value)| (id(name), *value)).collect();
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(found, expected);
}

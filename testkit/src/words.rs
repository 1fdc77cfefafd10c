//! Figures in the words of failures, traces and summaries.

use limitrate_compiler::{
    checked::{Counted, KeySource},
    ir::{LimitInfo, Program},
};
use limitrate_core::{literal, time::Timestamp};

/// An amount with what is counted: `500 req`, `$0.98`, `4 in flight`.
#[must_use]
pub fn amount(unit: Counted, value: i64) -> String {
    match unit {
        Counted::Unit(unit) => literal::write_amount(value, unit).to_string(),
        Counted::InFlight => format!("{} in flight", literal::write_count(value)),
    }
}

/// An amount next to another of the same unit: `500` of `500 req`.
#[must_use]
pub fn bare(unit: Counted, value: i64) -> String {
    let text = amount(unit, value);
    match unit {
        Counted::Unit(unit) => {
            text.strip_suffix(unit.name()).map_or(text.clone(), |bare| bare.trim_end().to_owned())
        }
        Counted::InFlight => literal::write_count(value).to_string(),
    }
}

/// The values of a key: `user=ada, region=us-east`; nothing for a limit without one.
#[must_use]
pub fn key(key: &[(String, String)]) -> String {
    let parts: Vec<String> = key.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join(", ")
}

/// ` for user=ada`; nothing for a limit without a key.
pub(crate) fn for_key(parts: &[(String, String)]) -> String {
    if parts.is_empty() { String::new() } else { format!(" for {}", key(parts)) }
}

/// `the request`, `request 3 of 5`
pub(crate) fn which_request(count: u64, number: u64) -> String {
    if count == 1 { "the request".to_owned() } else { format!("request {number} of {count}") }
}

/// An instant in UTC.
pub(crate) fn instant(at: Timestamp) -> String {
    literal::write_instant(at).to_string()
}

/// The first fact of each part of a limit's key.
pub(crate) fn key_facts<'p>(program: &'p Program, info: &LimitInfo) -> Vec<&'p str> {
    let first = |sources: &[KeySource]| {
        sources.iter().flat_map(KeySource::facts).next().map(|fact| program.fact_name(fact))
    };
    info.keys.iter().filter_map(|part| first(&part.alternatives)).collect()
}

//! Counter keys: from a limit's identity and the facts of a request to the hash that names the counter.

use limitrate_compiler::{
    checked::{KeyPart, KeySource},
    ir::{LimitInfo, Program},
};
use limitrate_core::{facts::Value, key::CounterKey, net::client_network};

use crate::bind::Bound;

/// The hashed identities of a policy's limits.
#[derive(Debug)]
pub(crate) struct LimitKeys(Box<[CounterKey]>);

impl LimitKeys {
    pub(crate) fn new(program: &Program, secret: u64) -> Self {
        let hashed =
            program.limits.iter().map(|limit| CounterKey::of_limit(limit.identity.as_bytes(), secret));
        Self(hashed.collect())
    }

    /// The key of the limit itself.
    pub(crate) fn limit(&self, limit: usize) -> CounterKey {
        self.0.get(limit).copied().unwrap_or(CounterKey(0))
    }

    /// The key of the counter that a request is charged on.
    pub(crate) fn counter(&self, limit: usize, info: &LimitInfo, bound: &Bound<'_>) -> CounterKey {
        info.keys.iter().fold(self.limit(limit), |key, part| {
            let (tag, source) = chosen(part, bound);
            match source {
                Some(KeySource::Literal(text)) => key.with_part(tag, text.as_bytes()),
                Some(KeySource::Fact(fact)) => match bound.get(*fact) {
                    Value::Str(text) => key.with_part(tag, text.as_bytes()),
                    Value::Int(number) => key.with_part(tag, &number.to_le_bytes()),
                    Value::Bool(value) => key.with_part(tag, &[u8::from(value)]),
                    Value::Ip(ip) => key.with_part(tag, client_network(ip).as_bytes()),
                    Value::Absent => key.with_part(tag, &[]),
                },
                None => key,
            }
        })
    }
}

/// The first alternative that is there, with its position plus one: values of different facts never collide.
fn chosen<'p>(part: &'p KeyPart, bound: &Bound<'_>) -> (u64, Option<&'p KeySource>) {
    let found = part.alternatives.iter().zip(1..).find(|(source, _)| match source {
        KeySource::Literal(_) => true,
        KeySource::Fact(fact) => bound.get(*fact) != Value::Absent,
    });
    found.map_or((0, None), |(source, tag)| (tag, Some(source)))
}

/// The values of a key by name, for people: `{"user": "ada"}`.
pub(crate) fn shown(program: &Program, info: &LimitInfo, bound: &Bound<'_>) -> Vec<(String, String)> {
    info.keys
        .iter()
        .filter_map(|part| {
            Some(match chosen(part, bound).1? {
                KeySource::Literal(text) => {
                    let names: Vec<&str> = part
                        .alternatives
                        .iter()
                        .filter_map(|source| match source {
                            KeySource::Fact(fact) => Some(program.fact_name(*fact)),
                            KeySource::Literal(_) => None,
                        })
                        .collect();
                    (names.first().copied().unwrap_or("key").to_owned(), text.clone())
                }
                KeySource::Fact(fact) => {
                    let value = match bound.get(*fact) {
                        Value::Str(text) => text.to_owned(),
                        Value::Int(number) => number.to_string(),
                        Value::Bool(value) => value.to_string(),
                        Value::Ip(ip) => shown_network(ip),
                        Value::Absent => return None,
                    };
                    (program.fact_name(*fact).to_owned(), value)
                }
            })
        })
        .collect()
}

/// An address as it counts: itself, or its /64 network.
fn shown_network(ip: std::net::IpAddr) -> String {
    match ip {
        std::net::IpAddr::V4(_) => ip.to_string(),
        std::net::IpAddr::V6(_) => format!("{}/64", client_network(ip).address()),
    }
}

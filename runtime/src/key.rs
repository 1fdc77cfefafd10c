//! Counter keys: from a limit's identity and the facts of a request to the hash that names the counter.

use limitrate_compiler::{
    checked::{KeyPart, KeySource},
    ir::{LimitInfo, Program},
};
use limitrate_core::{
    facts::Value,
    key::{CounterKey, bucket_of},
    net::{CLIENT_BITS_V4, CLIENT_BITS_V6, client_network, prefix},
};

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
            let (tag, source) = chosen(&part.alternatives, bound);
            source.map_or(key, |source| with_bytes(source, bound, |bytes| key.with_part(tag, bytes)))
        })
    }
}

/// The first alternative that is there, with its position plus one: values of different facts never collide.
fn chosen<'p>(alternatives: &'p [KeySource], bound: &Bound<'_>) -> (u64, Option<&'p KeySource>) {
    let found = alternatives.iter().zip(1..).find(|(source, _)| is_there(source, bound));
    found.map_or((0, None), |(source, tag)| (tag, Some(source)))
}

fn is_there(source: &KeySource, bound: &Bound<'_>) -> bool {
    match source {
        KeySource::Literal(_) => true,
        KeySource::Fact(fact) | KeySource::Prefix(fact, ..) => bound.get(*fact) != Value::Absent,
        KeySource::Bucket(alternatives, _) => alternatives.iter().any(|source| is_there(source, bound)),
    }
}

/// What `read` makes of the bytes that a source stands for.
fn with_bytes<T>(source: &KeySource, bound: &Bound<'_>, read: impl FnOnce(&[u8]) -> T) -> T {
    if let KeySource::Bucket(alternatives, buckets) = source {
        return read(&bucket(alternatives, *buckets, bound).to_le_bytes());
    }
    with_flat_bytes(source, bound, read)
}

/// The same of a source that is no bucket.
fn with_flat_bytes<T>(source: &KeySource, bound: &Bound<'_>, read: impl FnOnce(&[u8]) -> T) -> T {
    match source {
        KeySource::Literal(text) => read(text.as_bytes()),
        KeySource::Fact(fact) => match bound.get(*fact) {
            Value::Str(text) => read(text.as_bytes()),
            Value::Int(number) => read(&number.to_le_bytes()),
            Value::Bool(value) => read(&[u8::from(value)]),
            Value::Ip(ip) => read(client_network(ip).as_bytes()),
            Value::Absent => read(&[]),
        },
        KeySource::Prefix(fact, v4, v6) => match bound.get(*fact) {
            Value::Ip(ip) => read(prefix(ip, *v4, *v6).as_bytes()),
            Value::Absent | Value::Str(_) | Value::Int(_) | Value::Bool(_) => read(&[]),
        },
        KeySource::Bucket(..) => read(&[]),
    }
}

/// The bucket that a key's value falls into. The compiler puts no bucket into a bucket.
fn bucket(alternatives: &[KeySource], buckets: u32, bound: &Bound<'_>) -> u32 {
    let (tag, source) = chosen(alternatives, bound);
    source.map_or(0, |source| with_flat_bytes(source, bound, |bytes| bucket_of(tag, bytes, buckets)))
}

/// The values of a key by name, for people: `{"user": "ada"}`.
pub(crate) fn shown(program: &Program, info: &LimitInfo, bound: &Bound<'_>) -> Vec<(String, String)> {
    info.keys.iter().filter_map(|part| shown_part(program, part, bound)).collect()
}

fn shown_part(program: &Program, part: &KeyPart, bound: &Bound<'_>) -> Option<(String, String)> {
    let source = chosen(&part.alternatives, bound).1?;
    // A constant or a bucket goes by the name of the first fact of its part.
    let facts: Vec<_> = part.alternatives.iter().flat_map(KeySource::facts).collect();
    let first = facts.first().map_or("key", |fact| program.fact_name(*fact));
    let (name, value) = match source {
        KeySource::Literal(text) => (first, text.clone()),
        KeySource::Bucket(alternatives, buckets) => {
            (first, format!("bucket {}", bucket(alternatives, *buckets, bound)))
        }
        KeySource::Prefix(fact, v4, v6) => match bound.get(*fact) {
            Value::Ip(ip) => (program.fact_name(*fact), shown_network(ip, *v4, *v6)),
            Value::Absent | Value::Str(_) | Value::Int(_) | Value::Bool(_) => return None,
        },
        KeySource::Fact(fact) => {
            let value = match bound.get(*fact) {
                Value::Str(text) => text.to_owned(),
                Value::Int(number) => number.to_string(),
                Value::Bool(value) => value.to_string(),
                Value::Ip(ip) => shown_network(ip, CLIENT_BITS_V4, CLIENT_BITS_V6),
                Value::Absent => return None,
            };
            (program.fact_name(*fact), value)
        }
    };
    Some((name.to_owned(), value))
}

/// The network that an address counts under; itself where that is all of it.
fn shown_network(ip: std::net::IpAddr, v4_bits: u8, v6_bits: u8) -> String {
    let (bits, all) = if ip.is_ipv4() { (v4_bits, 32) } else { (v6_bits, 128) };
    let address = prefix(ip, v4_bits, v6_bits).address();
    if bits >= all { address.to_string() } else { format!("{address}/{bits}") }
}

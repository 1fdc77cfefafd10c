//! Counter keys: from a limit's identity and the facts of a request to the hash that names the counter.

use limitrate_compiler::{
    checked::{KeyPart, KeySource},
    ir::{LimitId, LimitInfo, Program},
};
use limitrate_core::{
    facts::{FactId, Value},
    key::{CounterKey, bucket_of, group_of},
    net::{CLIENT_BITS_V4, CLIENT_BITS_V6, client_network, prefix},
};
use smallvec::SmallVec;

use crate::bind::Bound;

/// The tag of a part's first alternative.
const FIRST: u64 = 1;

/// The hashed identities of a policy's limits.
#[derive(Debug)]
pub(crate) struct LimitKeys {
    hashed: Box<[CounterKey]>,
    secret: u64,
}

impl LimitKeys {
    pub(crate) fn new(program: &Program, secret: u64) -> Self {
        let hashed =
            program.limits.iter().map(|limit| CounterKey::of_limit(limit.identity.as_bytes(), secret));
        Self { hashed: hashed.collect(), secret }
    }

    /// The key of the limit itself.
    pub(crate) fn limit(&self, limit: LimitId) -> CounterKey {
        self.hashed.get(limit.0 as usize).copied().unwrap_or(CounterKey(0))
    }

    /// How the counters of a limit are found.
    pub(crate) fn plan(&self, program: &Program, limit: LimitId) -> KeyPlan {
        let info = program.limits.get(limit.0 as usize);
        let parts = info.into_iter().flat_map(|info| &info.keys).map(|part| Part::new(&part.alternatives));
        KeyPlan { limit: self.limit(limit), parts: parts.collect(), secret: self.secret }
    }
}

/// How the counters of one limit are found, prepared once.
#[derive(Debug)]
pub(crate) struct KeyPlan {
    limit: CounterKey,
    parts: SmallVec<[Part; 3]>,
    /// What groups are hashed under.
    secret: u64,
}

/// A part of a key.
#[derive(Debug)]
enum Part {
    /// The value of one fact, as nearly every part is.
    Fact(FactId),
    /// The first of these that is there.
    Alternatives(Box<[KeySource]>),
}

impl KeyPlan {
    /// The key of the limit itself.
    #[inline]
    pub(crate) const fn limit(&self) -> CounterKey {
        self.limit
    }

    /// The key of the counter that a request is charged on.
    pub(crate) fn counter(&self, bound: &Bound<'_>) -> CounterKey {
        self.parts.iter().fold(self.limit, |key, part| part.add(key, bound))
    }
}

impl KeyPlan {
    /// The group of the counter: that of all counters whose keys begin alike. What counts globally is one group.
    pub(crate) fn group(&self, bound: &Bound<'_>) -> u16 {
        self.parts.first().map_or(0, |part| part.group(bound, self.secret))
    }
}

impl Part {
    fn group(&self, bound: &Bound<'_>, secret: u64) -> u16 {
        let group =
            |tag: u64, source: &KeySource| with_bytes(source, bound, |bytes| group_of(tag, bytes, secret));
        match self {
            Self::Fact(fact) => group(FIRST, &KeySource::Fact(*fact)),
            Self::Alternatives(alternatives) => {
                let (tag, source) = chosen(alternatives, bound);
                source.map_or(0, |source| group(tag, source))
            }
        }
    }

    fn new(alternatives: &[KeySource]) -> Self {
        match alternatives {
            [KeySource::Fact(fact)] => Self::Fact(*fact),
            _ => Self::Alternatives(alternatives.into()),
        }
    }

    /// The key with this part; as it is where none of the part's alternatives is there.
    #[inline]
    fn add(&self, key: CounterKey, bound: &Bound<'_>) -> CounterKey {
        match self {
            Self::Fact(fact) => match bound.get(*fact) {
                Value::Str(text) => key.with_part(FIRST, text.as_bytes()),
                Value::Absent => key,
                value @ (Value::Int(_) | Value::Bool(_) | Value::Ip(_)) => {
                    with_value(value, |bytes| key.with_part(FIRST, bytes))
                }
            },
            Self::Alternatives(alternatives) => {
                let (tag, source) = chosen(alternatives, bound);
                source.map_or(key, |source| with_bytes(source, bound, |bytes| key.with_part(tag, bytes)))
            }
        }
    }
}

/// The first alternative that is there, with its position plus one: values of different facts never collide.
fn chosen<'p>(alternatives: &'p [KeySource], bound: &Bound<'_>) -> (u64, Option<&'p KeySource>) {
    let found = alternatives.iter().zip(FIRST..).find(|(source, _)| is_there(source, bound));
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
        KeySource::Fact(fact) => with_value(bound.get(*fact), read),
        KeySource::Prefix(fact, v4, v6) => match bound.get(*fact) {
            Value::Ip(ip) => read(prefix(ip, *v4, *v6).as_bytes()),
            Value::Absent | Value::Str(_) | Value::Int(_) | Value::Bool(_) => read(&[]),
        },
        KeySource::Bucket(..) => read(&[]),
    }
}

/// The same of the value of a fact.
fn with_value<T>(value: Value<'_>, read: impl FnOnce(&[u8]) -> T) -> T {
    match value {
        Value::Str(text) => read(text.as_bytes()),
        Value::Int(number) => read(&number.to_le_bytes()),
        Value::Bool(value) => read(&[u8::from(value)]),
        Value::Ip(ip) => read(client_network(ip).as_bytes()),
        Value::Absent => read(&[]),
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

//! Requests made of bytes: values of each fact's type, near those that the policy looks at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use limitrate_compiler::{ir::Program, request::Request};
use limitrate_core::{
    facts::{FactId, FactType, OwnedValue, Value},
    time::Timestamp,
};

/// A request that nobody sent.
#[derive(Debug)]
pub struct Made {
    facts: Vec<Option<OwnedValue>>,
    now: Timestamp,
}

impl Request for Made {
    fn value(&self, fact: FactId) -> Value<'_> {
        let value = self.facts.get(usize::from(fact.0)).and_then(Option::as_ref);
        value.map_or(Value::Absent, OwnedValue::borrow)
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

impl Made {
    /// A request for `program` of what `bytes` say; where they end, of zeros.
    pub fn new(program: &Program, bytes: &mut Bytes<'_>) -> Self {
        let now = Timestamp(bytes.number());
        let facts = program.facts.iter().map(|fact| {
            // Absent where it may be, one time in eight.
            let decl = &fact.decl;
            (!(decl.optional && bytes.byte().is_multiple_of(8))).then(|| value(program, &decl.ty, bytes))
        });
        Self { facts: facts.collect(), now }
    }
}

fn value(program: &Program, ty: &FactType, bytes: &mut Bytes<'_>) -> OwnedValue {
    match ty {
        FactType::Bool => OwnedValue::Bool(bytes.byte() & 1 == 1),
        FactType::Int { min, max } => OwnedValue::Int(bytes.number().clamp(*min, *max)),
        FactType::Percent | FactType::Quantity(_) | FactType::Price(_) | FactType::Duration => {
            OwnedValue::Int(bytes.number() & i64::MAX)
        }
        FactType::Instant | FactType::Date | FactType::Clock => OwnedValue::Int(bytes.number()),
        FactType::String | FactType::Key => OwnedValue::Str(text(program, bytes).into()),
        FactType::Ip => OwnedValue::Ip(address(bytes)),
        FactType::OneOf(members) | FactType::Plan(members) => {
            let member = members.get(usize::from(bytes.byte()) % members.len().max(1));
            OwnedValue::Str(member.cloned().unwrap_or_default())
        }
    }
}

/// A text that the policy mentions, or one that it may not.
fn text(program: &Program, bytes: &mut Bytes<'_>) -> String {
    let tables = &program.tables;
    let choice = usize::from(bytes.byte());
    match (choice % 4, choice / 4) {
        (0 | 1, at) if !tables.texts.is_empty() => tables.texts[at % tables.texts.len()].to_string(),
        (2, at) if !tables.parts.is_empty() => {
            let (_, part) = &tables.parts[at % tables.parts.len()];
            format!("a{part}b")
        }
        (_, at) => ["", "/", "/v1/a", "GET", "POST", "é", "a.b@c", "A-1"][at % 8].to_owned(),
    }
}

fn address(bytes: &mut Bytes<'_>) -> IpAddr {
    let number = bytes.number();
    if number & 1 == 0 {
        IpAddr::V4(Ipv4Addr::from_bits((number >> 1) as u32))
    } else {
        IpAddr::V6(Ipv6Addr::from_bits((u128::from(number as u64) << 64) | 1))
    }
}

/// Bytes that are used up one after the other.
#[derive(Debug)]
pub struct Bytes<'b>(pub &'b [u8]);

impl Bytes<'_> {
    /// Whether any are left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number: small, at an end of its range, round, or any.
    fn number(&mut self) -> i64 {
        let kind = self.byte();
        match kind % 8 {
            0..=2 => i64::from(self.byte()),
            3 => i64::MAX - i64::from(self.byte()),
            4 => i64::MIN + i64::from(self.byte()),
            5 => 1_000_000 * i64::from(self.byte()),
            6 => 1_772_452_800_000_000_000 + 3_600_000_000_000 * i64::from(self.byte()),
            _ => (0..8).fold(0, |number, _| (number << 8) | i64::from(self.byte())),
        }
    }
}

//! Random requests for the generated policies. A new fact is a line in [`INPUT`](super::policy::INPUT), one here and
//! one in the expressions that use it.

use std::net::IpAddr;

use limitrate::prelude::*;
use proptest::prelude::*;

/// The facts of one request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) now: Timestamp,
    values: Vec<(&'static str, Owned)>,
}

#[derive(Debug, Clone)]
enum Owned {
    Absent,
    Bool(bool),
    Int(i64),
    Str(String),
    Ip(IpAddr),
}

impl Request {
    /// The facts as a limiter takes them.
    pub(crate) fn bind(&self, id: impl Fn(&str) -> FactId) -> Vec<(FactId, Value<'_>)> {
        self.values
            .iter()
            .map(|(name, owned)| {
                let value = match owned {
                    Owned::Absent => Value::Absent,
                    Owned::Bool(value) => Value::Bool(*value),
                    Owned::Int(value) => Value::Int(*value),
                    Owned::Str(text) => Value::Str(text),
                    Owned::Ip(value) => Value::Ip(*value),
                };
                (id(name), value)
            })
            .collect()
    }
}

fn text(choices: &'static [&'static str]) -> impl Strategy<Value = Owned> {
    prop::sample::select(choices).prop_map(|text| Owned::Str(text.to_owned()))
}

fn maybe(strategy: impl Strategy<Value = Owned> + 'static) -> BoxedStrategy<Owned> {
    prop_oneof![1 => Just(Owned::Absent), 2 => strategy].boxed()
}

/// Amounts around the literals of the policies, and the ends of the range.
fn amount() -> BoxedStrategy<Owned> {
    prop_oneof![
        4 => 0_i64..40,
        1 => Just(i64::MAX),
        1 => 0_i64..=i64::MAX,
        1 => (0_i64..64).prop_map(|kib| kib << 10),
    ]
    .prop_map(Owned::Int)
    .boxed()
}

fn integer() -> BoxedStrategy<Owned> {
    prop_oneof![4 => -20_i64..40, 1 => any::<i64>(), 1 => Just(i64::MIN)].prop_map(Owned::Int).boxed()
}

fn address() -> BoxedStrategy<Owned> {
    let v4 = (0_u32..4, 0_u32..3)
        .prop_map(|(net, host)| IpAddr::from((0x0A00_0000 + (net << 8) + host).to_be_bytes()));
    let v6 = (0_u128..3).prop_map(|host| IpAddr::from(((0x2001_0DB8_u128 << 96) + host).to_be_bytes()));
    prop_oneof![v4, v6].prop_map(Owned::Ip).boxed()
}

/// One request at an instant of the years 2020 to 2030.
pub(crate) fn request() -> impl Strategy<Value = Request> {
    let facts: Vec<(&'static str, BoxedStrategy<Owned>)> = vec![
        ("user", text(&["ada", "bob", "eve"]).boxed()),
        ("account", maybe(text(&["a1", "a2"]))),
        ("nick", maybe(text(&["ada", "x", ""]))),
        ("name", text(&["ada", "bob", "Ada", "BOB", "other", "a-long-name"]).boxed()),
        ("region", text(&["us", "eu", "ap"]).boxed()),
        ("tier", maybe(text(&["a", "b", "unheard-of"]))),
        ("plan", text(&["free", "pro", "max"]).boxed()),
        ("size", amount()),
        ("hits", maybe(amount())),
        ("n", integer()),
        ("m", (0_i64..=100).prop_map(Owned::Int).boxed()),
        ("beta", any::<bool>().prop_map(Owned::Bool).boxed()),
        ("ratio", maybe((0_i64..3_000_000).prop_map(Owned::Int))),
        ("wait", amount()),
        ("method", text(&["GET", "HEAD", "POST", "get"]).boxed()),
        ("path", text(&["/", "/v1/items", "/v1//items/", "/v1/items/7?q", "/other"]).boxed()),
        ("ip", address()),
        ("far", address()),
        ("tok", amount()),
        ("pics", amount()),
        ("few", (1_i64..=9).prop_map(Owned::Int).boxed()),
    ];
    let names: Vec<&'static str> = facts.iter().map(|(name, _)| *name).collect();
    let values: Vec<BoxedStrategy<Owned>> = facts.into_iter().map(|(_, value)| value).collect();
    (1_577_836_800_i64..1_893_456_000, 0_i64..1_000_000_000, values).prop_map(
        move |(seconds, nanos, values)| Request {
            now: Timestamp(seconds * 1_000_000_000 + nanos),
            values: names.iter().copied().zip(values).collect(),
        },
    )
}

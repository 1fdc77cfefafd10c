//! The value of one fact: near what the policy mentions, or at the ends of its type.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use limitrate_core::facts::{FactDecl, FactType, OwnedValue, Phase};

use super::Source;
use crate::random::Random;

/// Values that many policies share.
const TEXTS: &[&str] = &["ada", "bob", "eve", "Ada", "x", "", "a-long-name", "small", "unheard-of"];
const METHODS: &[&str] = &["GET", "GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "BREW"];
const PATHS: &[&str] =
    &["/", "/v1/items", "/v1/items/7", "/other", "/v1//items/", "/v1/%69tems/7?q=1", "/v1/./x/../items"];

impl Source {
    /// A value for a fact of this phase; often none where it need not be there.
    pub(super) fn given(&self, random: &mut Random, position: usize, phase: Phase) -> Option<OwnedValue> {
        let decl = self.schema.get(position).filter(|decl| decl.phase == phase)?;
        let absent = match (decl.optional, decl.default.is_some()) {
            (true, _) => 40,
            (false, true) => 25,
            (false, false) => 0,
        };
        let absent = if phase == Phase::Response { absent + 10 } else { absent };
        (!random.chance(absent)).then(|| self.value(random, decl))
    }

    fn value(&self, random: &mut Random, decl: &FactDecl) -> OwnedValue {
        match &decl.ty {
            FactType::Bool => OwnedValue::Bool(random.chance(50)),
            FactType::Int { min, max } => OwnedValue::Int(self.number(random).clamp(*min, *max)),
            FactType::Percent | FactType::Quantity(_) | FactType::Price(_) | FactType::Duration => {
                OwnedValue::Int(self.number(random).max(0))
            }
            FactType::Instant => OwnedValue::Int(self.number(random)),
            FactType::Date => OwnedValue::Int(self.number(random).clamp(-100_000, 100_000)),
            FactType::Clock => OwnedValue::Int(self.number(random).clamp(0, 86_399_999_999_999)),
            FactType::String => self.text(random, &decl.name),
            FactType::Key => {
                let users = ["ada", "bob", "eve"];
                match random.below(8) {
                    0 => self.text(random, ""),
                    _ => OwnedValue::Str(random.pick(&users).into()),
                }
            }
            FactType::Ip => OwnedValue::Ip(self.address(random)),
            FactType::OneOf(members) | FactType::Plan(members) => match random.below(50) {
                0 => OwnedValue::Str("unheard-of".into()),
                _ => OwnedValue::Str(random.of(members).cloned().unwrap_or_default()),
            },
        }
    }

    /// A number that the policy mentions, one beside it, or any other.
    fn number(&self, random: &mut Random) -> i64 {
        match random.below(20) {
            0..=7 => {
                let near = random.of(&self.mentioned.numbers).copied().unwrap_or_default();
                near.saturating_add(random.between(-1, 1))
            }
            8..=15 => random.between(-2, 40),
            16 => random.between(0, 64) << 10,
            17 => random.of(&[i64::MAX, i64::MIN, i64::MAX - 1]).copied().unwrap_or_default(),
            18 => random.between(0, 4_000_000_000),
            _ => random.between(i64::MIN, i64::MAX),
        }
    }

    fn text(&self, random: &mut Random, fact: &str) -> OwnedValue {
        let text = match fact {
            "method" => random.pick(METHODS).to_owned(),
            "path" => self.path(random),
            _ if random.chance(70) && !self.mentioned.texts.is_empty() => {
                let known = random.of(&self.mentioned.texts).cloned().unwrap_or_default();
                near(random, known)
            }
            _ => random.pick(TEXTS).to_owned(),
        };
        OwnedValue::Str(text.into())
    }

    /// A path that one of the policy's patterns matches, or nearly.
    fn path(&self, random: &mut Random) -> String {
        if self.mentioned.paths.is_empty() || random.chance(25) {
            return random.pick(PATHS).to_owned();
        }
        let pattern = random.of(&self.mentioned.paths).cloned().unwrap_or_default();
        let segments = pattern.split('/').skip(1).map(|segment| match segment {
            "**" => random.pick(&["", "a", "a/b", "items/7"]).to_owned(),
            "*" => random.pick(&["items", "7", "x"]).to_owned(),
            named if named.starts_with(':') => random.pick(&["7", "items", ":id"]).to_owned(),
            other => other.to_owned(),
        });
        let path = format!("/{}", segments.collect::<Vec<_>>().join("/"));
        match random.below(10) {
            0 => format!("{path}/"),
            1 => format!("/{path}"),
            2 => format!("{path}?page=2"),
            3 => format!("{path}/more"),
            4 => path.replace('i', "%69"),
            5 => near(random, path),
            _ => path,
        }
    }

    /// An address in a network that the policy mentions, just outside it, or anywhere.
    fn address(&self, random: &mut Random) -> IpAddr {
        match random.of(&self.mentioned.nets) {
            Some(net) if random.chance(70) => beside(random, *net),
            _ => {
                let v4 = Ipv4Addr::new(10, 0, random.pick_byte(3), random.pick_byte(4));
                match random.below(6) {
                    0 => IpAddr::V6(Ipv6Addr::from((0x2001_0DB8_u128 << 96) | u128::from(random.bits() % 4))),
                    1 => IpAddr::V6(v4.to_ipv6_mapped()),
                    2 => IpAddr::V4(Ipv4Addr::from(random.pick_bits())),
                    _ => IpAddr::V4(v4),
                }
            }
        }
    }
}

impl Random {
    fn pick_byte(&mut self, below: usize) -> u8 {
        u8::try_from(self.below(below)).unwrap_or(0)
    }

    fn pick_bits(&mut self) -> u32 {
        u32::try_from(self.bits() >> 32).unwrap_or(0)
    }
}

/// The first or last address of a network, or the one before or after it.
fn beside(random: &mut Random, net: IpNet) -> IpAddr {
    let step = random.below(5);
    match net {
        IpNet::V4(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            IpAddr::V4(Ipv4Addr::from_bits(match step {
                0 => first.wrapping_sub(1),
                1 => last,
                2 => last.wrapping_add(1),
                3 => first.wrapping_add(1).min(last),
                _ => first,
            }))
        }
        IpNet::V6(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            IpAddr::V6(Ipv6Addr::from_bits(match step {
                0 => first.wrapping_sub(1),
                1 => last,
                2 => last.wrapping_add(1),
                3 => first.wrapping_add(1).min(last),
                _ => first,
            }))
        }
    }
}

/// A text, or one that is nearly it: in other letters, longer or shorter by one, what a glob may stand for.
fn near(random: &mut Random, text: String) -> String {
    match random.below(12) {
        0 => text.to_ascii_uppercase(),
        1 => format!("{text}x"),
        2 => format!("x{text}"),
        3 => {
            let mut shorter = text;
            shorter.pop();
            shorter
        }
        4 => text.replace('*', "anything"),
        5 => text.replace('*', ""),
        6 => text.to_ascii_lowercase(),
        _ => text,
    }
}

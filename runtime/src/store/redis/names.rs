//! What keys are called in Redis: `{prefix}:v1:{group}:{key}`, the last two in hexadecimal digits.
//!
//! The group stands in braces, so a Cluster keeps what is of one group in one slot. Names have one length, whatever was counted: a
//! key is a hash already, and no byte of what a client sent is in a name.

use limitrate_core::key::CounterKey;
use redis::cluster_routing::Slot;

/// The layout of names and values.
pub(super) const LAYOUT: u32 = 1;

/// How many journals there are: so many that each node of most Clusters keeps some.
pub(super) const JOURNALS: u8 = 64;

/// The digits of a key.
const DIGITS: usize = 32;

/// What is kept together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Group {
    /// Counters of one group, with all that is beside them.
    Of(u16),
    /// What the store says of itself.
    Meta,
    /// One of its [`JOURNALS`].
    Journal(u8),
}

impl Group {
    /// The group of a key.
    pub(super) const fn of(key: CounterKey) -> Self {
        Self::Of(key.group())
    }

    /// The slot of a Cluster that keeps it.
    pub(super) fn slot(self) -> Slot {
        match self {
            Self::Of(group) => Slot::for_key(format!("{group:04x}")),
            Self::Meta => Slot::for_key("meta"),
            Self::Journal(number) => Slot::for_key(format!("j{number:02x}")),
        }
    }
}

/// The names of one prefix.
#[derive(Debug)]
pub(super) struct Names {
    prefix: String,
    /// Up to the group's brace.
    begin: String,
    layout: String,
    secret: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            begin: format!("{prefix}:v{LAYOUT}:{{"),
            layout: format!("{prefix}:{{meta}}:layout"),
            secret: format!("{prefix}:{{meta}}:v{LAYOUT}:secret"),
        }
    }

    /// The name of what stands under a key.
    pub(super) fn of(&self, key: CounterKey) -> String {
        let mut name = String::with_capacity(self.begin.len() + 6 + DIGITS);
        name.push_str(&self.begin);
        push_digits(&mut name, &key.group().to_be_bytes());
        name.push_str("}:");
        push_digits(&mut name, &key.0.to_be_bytes());
        name
    }

    /// The key that a name is of; `None` if it is not one of ours.
    pub(super) fn read(&self, name: &[u8]) -> Option<CounterKey> {
        let rest = name.strip_prefix(self.begin.as_bytes())?;
        let (_, digits) = rest.split_at_checked(4)?;
        let digits = str::from_utf8(digits.strip_prefix(b"}:")?).ok()?;
        let key = CounterKey(u128::from_str_radix(digits, 16).ok()?);
        (self.of(key).as_bytes() == name).then_some(key)
    }

    /// Matches all names of keys.
    pub(super) fn pattern(&self) -> String {
        format!("{}*", self.begin)
    }

    /// The name of a journal.
    pub(super) fn journal(&self, number: u8) -> String {
        format!("{}:{{j{number:02x}}}:v{LAYOUT}:journal", self.prefix)
    }

    /// Where the newest layout of this prefix is told, and the secret of this one.
    pub(super) fn meta(&self) -> [&str; 2] {
        [&self.layout, &self.secret]
    }
}

fn push_digits(name: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            name.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + (digit - 10) }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_no_other_is() {
        let names = Names::new("limitrate");
        let key = CounterKey(0x0123_4567_89ab_cdef_0000_0000_0000_00ff);
        let name = names.of(key);
        assert_eq!(name, "limitrate:v1:{0123}:0123456789abcdef00000000000000ff");
        assert_eq!(names.read(name.as_bytes()), Some(key));
        for other in [
            "limitrate:v1:{0124}:0123456789abcdef00000000000000ff",
            "limitrate:v1:{0123}:+123456789abcdef00000000000000ff",
            "limitrate:v1:{0123}:0123456789ABCDEF00000000000000ff",
            "limitrate:v2:{0123}:0123456789abcdef00000000000000ff",
            "limitrate:v1:{0123}:0123456789abcdef00000000000000ff0",
            "limitrate:v1:{01",
            "",
        ] {
            assert_eq!(names.read(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_is_beside_a_counter_is_in_its_slot() {
        let names = Names::new("a:b");
        let counter = CounterKey::of_limit(b"limit", 7).in_group(0xBEEF);
        let beside = counter.beside(1, 2);
        for key in [counter, beside] {
            assert_eq!(Slot::for_key(names.of(key)), Group::Of(0xBEEF).slot());
        }
        for name in names.meta() {
            assert_eq!(Slot::for_key(name), Group::Meta.slot());
        }
        for number in 0..JOURNALS {
            let name = names.journal(number);
            assert_eq!(Slot::for_key(&name), Group::Journal(number).slot());
            assert_eq!(names.read(name.as_bytes()), None);
        }
    }

    #[test]
    fn no_name_is_longer_than_128_bytes() {
        let names = Names::new(&"p".repeat(super::super::options::LONGEST_PREFIX));
        assert!(names.of(CounterKey(u128::MAX)).len() <= 128);
        assert!(names.meta().iter().all(|name| name.len() <= 128));
        assert!(names.journal(JOURNALS - 1).len() <= 128);
    }
}

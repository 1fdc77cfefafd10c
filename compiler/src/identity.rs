//! What a counter is, as the language defines it: two policies keep a limit's counters where its identity is the same.
//!
//! Ceilings, bursts, costs, conditions and where a rule stands are no part of it, and neither is how fast a bucket
//! refills or how long a lease lasts: a state can be judged by other numbers, but not by other units, windows or keys.

use std::fmt;

use limitrate_core::{algorithm::Algorithm, literal::write_duration, window::Window};

use crate::checked::{Checked, Counted, KeyPart, Shape};

/// How a limit's counters keep their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// `fixed_window`
    FixedWindow,
    /// `sliding_window`
    SlidingWindow,
    /// `sliding_log`
    SlidingLog,
    /// `gcra`, `token_bucket` and `leaky_bucket`
    Bucket,
    /// `in flight`
    InFlight,
}

impl Family {
    /// The family of an algorithm.
    #[must_use]
    pub const fn of(algorithm: &Algorithm) -> Self {
        match algorithm {
            Algorithm::FixedWindow(_) => Self::FixedWindow,
            Algorithm::SlidingWindow(_) => Self::SlidingWindow,
            Algorithm::SlidingLog(_) => Self::SlidingLog,
            Algorithm::Bucket(_) => Self::Bucket,
            Algorithm::InFlight(_) => Self::InFlight,
        }
    }

    /// The family in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::FixedWindow => "fixed window",
            Self::SlidingWindow => "sliding window",
            Self::SlidingLog => "sliding log",
            Self::Bucket => "a bucket",
            Self::InFlight => "in flight",
        }
    }
}

/// The identity of a limit's counters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterIdentity {
    /// The limit's name, or the one that `was` gives it, after the name of an imported module; a share's ends in `.share`.
    pub name: String,
    /// What is counted.
    pub unit: String,
    /// How the state is kept.
    pub family: Family,
    /// The window's length, alignment and zone, in words; empty for what has none.
    pub window: String,
    /// The names of the parts of the key, fallbacks included.
    pub key: Vec<String>,
    /// Whether they are counters of a shadow.
    pub shadow: bool,
}

/// One thing in which two identities differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What: `window`.
    pub what: &'static str,
    /// Of the first.
    pub from: String,
    /// Of the second.
    pub to: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.what, self.from, self.to)
    }
}

impl CounterIdentity {
    /// The identity of the limit that goes by `name` and counts in this shape by these keys.
    #[must_use]
    pub fn new(checked: &Checked, name: String, shape: &Shape, keys: &[KeyPart], shadow: bool) -> Self {
        Self {
            name,
            unit: match &shape.unit {
                Counted::Unit(unit) => unit.name().to_owned(),
                Counted::InFlight => "in flight".to_owned(),
            },
            family: Family::of(&shape.algorithm),
            window: window_words(&shape.algorithm),
            key: keys.iter().map(|part| key_words(checked, part)).collect(),
            shadow,
        }
    }

    /// In what `other` differs; empty where both are the same counters.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let said = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        let pairs = [
            ("name", self.name.clone(), other.name.clone()),
            ("unit", self.unit.clone(), other.unit.clone()),
            ("algorithm", self.family.words().to_owned(), other.family.words().to_owned()),
            ("window", said(&self.window), said(&other.window)),
            ("key", self.key_text(), other.key_text()),
            ("mode", self.mode().to_owned(), other.mode().to_owned()),
        ];
        let differing = pairs.into_iter().filter(|(_, from, to)| from != to);
        differing.map(|(what, from, to)| Difference { what, from, to }).collect()
    }

    fn key_text(&self) -> String {
        if self.key.is_empty() { "globally".to_owned() } else { format!("per {}", self.key.join(", ")) }
    }

    const fn mode(&self) -> &'static str {
        if self.shadow { "shadow" } else { "enforced" }
    }
}

/// The identity as one text. Different identities have different texts: names hold no `|`, and constants of a key are
/// quoted.
impl fmt::Display for CounterIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {} | {}", self.name, self.unit, self.family.words())?;
        if !self.window.is_empty() {
            write!(f, " of {}", self.window)?;
        }
        write!(f, " | {}", self.key_text())?;
        if self.shadow {
            write!(f, " | shadow")?;
        }
        Ok(())
    }
}

/// The window of an algorithm in words; empty for a bucket and for what is in flight.
fn window_words(algorithm: &Algorithm) -> String {
    match algorithm {
        Algorithm::FixedWindow(Window::Rolling(span))
        | Algorithm::SlidingLog(span)
        | Algorithm::SlidingWindow(span) => write_duration(*span).to_string(),
        Algorithm::FixedWindow(Window::Aligned(span)) => format!("{}, aligned", write_duration(*span)),
        Algorithm::FixedWindow(Window::Calendar(period, zone)) => {
            format!("a calendar {} in {}", period.word(), zone.name())
        }
        Algorithm::Bucket(_) | Algorithm::InFlight(_) => String::new(),
    }
}

/// A part of a key with its fallbacks: `account ?? ip`.
fn key_words(checked: &Checked, part: &KeyPart) -> String {
    let words = part.alternatives.iter().map(|source| source.words(&checked.facts));
    words.collect::<Vec<_>>().join(" ?? ")
}

#[cfg(test)]
mod tests {
    use super::{CounterIdentity, Family};

    fn per_user() -> CounterIdentity {
        CounterIdentity {
            name: "api".to_owned(),
            unit: "req".to_owned(),
            family: Family::SlidingWindow,
            window: "1 min".to_owned(),
            key: vec!["user".to_owned()],
            shadow: false,
        }
    }

    #[test]
    fn an_identity_is_one_text() {
        assert_eq!(per_user().to_string(), "api | req | sliding window of 1 min | per user");
        let shadow = CounterIdentity {
            name: "shared.limits.api".to_owned(),
            family: Family::Bucket,
            window: String::new(),
            key: Vec::new(),
            shadow: true,
            ..per_user()
        };
        assert_eq!(shadow.to_string(), "shared.limits.api | req | a bucket | globally | shadow");
    }

    #[test]
    fn differences_are_named_one_by_one() {
        let other = CounterIdentity {
            window: "1 h".to_owned(),
            key: vec!["org".to_owned(), "user".to_owned()],
            ..per_user()
        };
        let said: Vec<String> = per_user().differences(&other).iter().map(ToString::to_string).collect();
        assert_eq!(said, ["window: 1 min -> 1 h", "key: per user -> per org, user"]);
        assert_eq!(per_user().differences(&per_user()), []);
    }
}

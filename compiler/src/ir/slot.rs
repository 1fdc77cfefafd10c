//! Slots: what the frame of a request holds. They are computed before the decision function is called, so that it deals
//! with integers only.

use limitrate_core::facts::FactId;

/// The text of a fact, as it is or in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The fact.
    pub fact: FactId,
    /// Whether its ASCII letters are read in lower case.
    pub lower: bool,
}

impl From<FactId> for Subject {
    fn from(fact: FactId) -> Self {
        Self { fact, lower: false }
    }
}

/// What a slot holds. A slot of an absent fact holds 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The fact as an integer in its base unit; members of enums and plans by position.
    Value(FactId),
    /// 1 if the request has the fact.
    Present(FactId),
    /// The position plus one of the text in [`super::Tables::texts`]; 0 for any other text.
    Text(Subject),
    /// 1 if both facts are there and have the same text.
    SameText(Subject, Subject),
    /// 1 if both facts are there and are the same address.
    SameAddress(FactId, FactId),
    /// The length of the text in bytes.
    Length(FactId),
    /// 1 if the normalised path matches this pattern.
    Route(FactId, usize),
    /// 1 if the address lies in this set.
    InNets(FactId, usize),
    /// 1 if the text has this text in it: a position in [`super::Tables::parts`].
    Has(Subject, usize),
    /// 1 if the text matches this glob.
    Like(Subject, usize),
    /// 1 if the text contains a match of this regular expression.
    Matches(Subject, usize),
    /// Where the fact's value lies in the rollout of a rule: a number below a million, the same each time.
    Rollout(FactId, usize),
    /// 1 if this schedule holds now.
    Schedule(usize),
    /// The instant, in nanoseconds since the epoch.
    Now,
}

impl Slot {
    /// Whether it is a test of a text or an address against a table: 1 where it holds, else 0. A request passes few of
    /// the many that a policy may have.
    #[must_use]
    pub const fn is_test(self) -> bool {
        match self {
            Self::Route(..) | Self::InNets(..) | Self::Has(..) | Self::Like(..) | Self::Matches(..) => true,
            Self::Value(_)
            | Self::Present(_)
            | Self::Text(_)
            | Self::SameText(..)
            | Self::SameAddress(..)
            | Self::Length(_)
            | Self::Rollout(..)
            | Self::Schedule(_)
            | Self::Now => false,
        }
    }

    /// Whether reading it costs more than deciding without it: a pattern is run over a text, or a text is hashed.
    #[must_use]
    pub const fn is_costly(self) -> bool {
        match self {
            Self::Has(..) | Self::Like(..) | Self::Matches(..) | Self::Rollout(..) => true,
            Self::Value(_)
            | Self::Present(_)
            | Self::Text(_)
            | Self::SameText(..)
            | Self::SameAddress(..)
            | Self::Length(_)
            | Self::Route(..)
            | Self::InNets(..)
            | Self::Schedule(_)
            | Self::Now => false,
        }
    }

    /// The facts it is computed from.
    #[must_use]
    pub const fn facts(self) -> [Option<FactId>; 2] {
        match self {
            Self::Value(fact)
            | Self::Present(fact)
            | Self::Length(fact)
            | Self::Route(fact, _)
            | Self::InNets(fact, _)
            | Self::Rollout(fact, _) => [Some(fact), None],
            Self::Text(subject)
            | Self::Has(subject, _)
            | Self::Like(subject, _)
            | Self::Matches(subject, _) => [Some(subject.fact), None],
            Self::SameText(a, b) => [Some(a.fact), Some(b.fact)],
            Self::SameAddress(a, b) => [Some(a), Some(b)],
            Self::Schedule(_) | Self::Now => [None, None],
        }
    }
}

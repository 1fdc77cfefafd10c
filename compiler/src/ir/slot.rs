//! Slots: what the frame of a request holds. They are computed before the decision function is called, so that it deals
//! with integers only.

use limitrate_core::facts::FactId;

/// What a slot holds. A slot of an absent fact holds 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The fact as an integer in its base unit; members of enums and plans by position.
    Value(FactId),
    /// 1 if the request has the fact.
    Present(FactId),
    /// The position plus one of the fact's text in [`super::Tables::texts`]; 0 for any other text.
    Text(FactId),
    /// 1 if both facts are there and have the same text.
    SameText(FactId, FactId),
    /// 1 if the normalised path matches this pattern.
    Route(FactId, usize),
    /// 1 if the address lies in this set.
    InNets(FactId, usize),
    /// 1 if the text matches this glob.
    Like(FactId, usize),
    /// 1 if the text contains a match of this regular expression.
    Matches(FactId, usize),
    /// Where the fact's value lies in the rollout of a rule: a number below a million, the same each time.
    Rollout(FactId, usize),
    /// 1 if this schedule holds now.
    Schedule(usize),
    /// The instant, in nanoseconds since the epoch.
    Now,
}

impl Slot {
    /// The fact it is computed from, if it is one.
    #[must_use]
    pub const fn fact(self) -> Option<FactId> {
        match self {
            Self::Value(fact)
            | Self::Present(fact)
            | Self::Text(fact)
            | Self::SameText(fact, _)
            | Self::Route(fact, _)
            | Self::InNets(fact, _)
            | Self::Like(fact, _)
            | Self::Matches(fact, _)
            | Self::Rollout(fact, _) => Some(fact),
            Self::Schedule(_) | Self::Now => None,
        }
    }
}

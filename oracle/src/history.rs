//! Histories: requests near what a policy mentions, with time that moves on, stands still and steps back, and replies.

mod mentioned;
mod request;

use std::sync::Arc;

use limitrate_compiler::ir::Program;
use limitrate_core::{
    facts::{FactDecl, OwnedValue, Phase},
    time::Timestamp,
};

pub use self::mentioned::Mentioned;
use crate::random::Random;

/// How far the clock may step back from the latest instant it showed: a store forgets what is idle only later than that.
const MOST_BACK: i64 = 900_000_000;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Instants at which histories begin: the one of tests, clocks put forward and back, the turn of a year and of a month.
const STARTS: &[i64] = &[
    1_767_614_400 * SECOND,
    1_774_747_800 * SECOND,
    1_792_889_700 * SECOND,
    1_772_953_100 * SECOND,
    1_798_761_590 * SECOND,
    1_767_657_500 * SECOND,
    1_769_903_995 * SECOND,
];

/// The values of some facts, by their position in the schema.
pub type Facts = Vec<(usize, OwnedValue)>;

/// What happens at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: Act,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A request comes.
    Send(Facts),
    /// A request that came before is answered: so many before the last one.
    Reply {
        /// How many requests came after it.
        back: usize,
        /// What is known with the response.
        facts: Facts,
    },
    /// Nothing is known of the answer to such a request.
    Release {
        /// How many requests came after it.
        back: usize,
    },
}

/// What requests for a policy are made of.
#[derive(Debug)]
pub struct Source {
    /// The facts that the policy declares or imports.
    pub schema: Arc<[FactDecl]>,
    mentioned: Mentioned,
}

impl Source {
    /// For a program, whose text mentions these values.
    #[must_use]
    pub fn new(program: &Program, mentioned: Mentioned) -> Self {
        Self { schema: program.facts.iter().map(|fact| fact.decl.clone()).collect(), mentioned }
    }

    /// A history with so many requests.
    #[must_use]
    pub fn history(&self, random: &mut Random, requests: usize) -> Vec<Step> {
        let mut now = random.of(STARTS).copied().unwrap_or_default();
        let (mut latest, mut sent) = (now, 0);
        let mut steps = Vec::with_capacity(requests + requests / 2);
        // Requests come again and again with few changes, so that counters fill.
        let mut usual: Vec<Facts> = (0..3).map(|_| self.request(random)).collect();
        while sent < requests {
            now = moved(random, now, latest);
            latest = latest.max(now);
            let act = match random.below(10) {
                0 | 1 if sent > 0 => {
                    let facts = self.response(random);
                    Act::Reply { back: random.below(sent.min(6)), facts }
                }
                2 if sent > 0 && random.chance(25) => Act::Release { back: random.below(sent.min(4)) },
                _ => {
                    sent += 1;
                    Act::Send(self.next(random, &mut usual))
                }
            };
            steps.push(Step { at: Timestamp(now), act });
        }
        steps
    }

    /// A request: new, as usual, or as usual but for one fact.
    fn next(&self, random: &mut Random, usual: &mut [Facts]) -> Facts {
        let place = random.below(usual.len());
        let Some(known) = usual.get_mut(place) else { return self.request(random) };
        match random.below(10) {
            0..=2 => *known = self.request(random),
            3..=6 => {
                let position = random.below(self.schema.len());
                known.retain(|(fact, _)| *fact != position);
                if let Some(value) = self.given(random, position, Phase::Request) {
                    known.push((position, value));
                }
            }
            _ => {}
        }
        let mut facts = known.clone();
        if random.chance(3) {
            self.spoil(random, &mut facts);
        }
        facts
    }

    fn request(&self, random: &mut Random) -> Facts {
        self.facts(random, Phase::Request)
    }

    fn response(&self, random: &mut Random) -> Facts {
        let mut facts = self.facts(random, Phase::Response);
        if random.chance(10) {
            self.spoil(random, &mut facts);
        }
        facts
    }

    fn facts(&self, random: &mut Random, phase: Phase) -> Facts {
        let positions = 0..self.schema.len();
        positions.filter_map(|position| Some((position, self.given(random, position, phase)?))).collect()
    }

    /// Takes a fact away, or makes its value one of another kind.
    fn spoil(&self, random: &mut Random, facts: &mut Facts) {
        let place = random.below(facts.len());
        if random.chance(40) && place < facts.len() {
            facts.swap_remove(place);
        } else if let Some((_, value)) = facts.get_mut(place) {
            *value = match random.below(4) {
                0 => OwnedValue::Bool(true),
                1 => OwnedValue::Int(-1),
                2 => OwnedValue::Str("unheard-of".into()),
                _ => OwnedValue::Int(i64::MIN),
            };
        }
    }
}

/// The next instant: often the same, else a little later, at the edge of a window, far later, or a little back.
fn moved(random: &mut Random, now: i64, latest: i64) -> i64 {
    match random.below(16) {
        0..=5 => now,
        6 | 7 => now + random.between(1, 500_000_000),
        8 | 9 => now + random.between(1, 12) * SECOND,
        10 => now + random.between(1, 90 * SECOND),
        11 | 12 => {
            let window = random.of(&[10 * SECOND, MINUTE, HOUR, DAY, 15 * MINUTE]).copied().unwrap_or(MINUTE);
            (now - now.rem_euclid(window) + window).saturating_add(random.between(-1, 1)).max(now)
        }
        13 => now + random.between(1, 30) * MINUTE,
        14 if random.chance(30) => now + random.between(1, 40) * DAY / 4,
        _ if random.chance(30) => (now - random.between(1, MOST_BACK)).max(latest - MOST_BACK),
        _ => now + 1,
    }
}

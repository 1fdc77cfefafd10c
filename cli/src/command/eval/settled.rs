//! What the reservations of a request come to by the `reply` that stands among its facts.

use std::fmt;

use limitrate_runtime::{Decision, Fate, Limiter, store::MemoryStore};
use limitrate_testkit::{traffic::Record, words};
use serde::Serialize;

/// One reservation.
#[derive(Debug, Serialize)]
pub(super) struct Settled {
    /// The limit.
    limit: String,
    /// What it counts.
    unit: String,
    /// What was reserved, in base units.
    reserved: i64,
    /// What the request really cost; null where the reservation stands.
    actual: Option<i64>,
    /// The facts that the reply lacks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    #[serde(skip)]
    words: String,
}

/// Answers the request, if it passes and its facts have a reply.
pub(super) fn by_reply(
    limiter: &Limiter<MemoryStore>,
    decision: &Decision<'_>,
    record: &Record<'_>,
) -> Vec<Settled> {
    let Some(reply) = &record.reply else { return Vec::new() };
    let replied = limiter.reply(
        &limiter.running(decision),
        &reply.facts_with_status(limiter),
        record.at.after(reply.after),
    );
    let settled = replied.settled.iter().map(|settled| {
        let amount = |value| words::amount(settled.limit.unit, value);
        let reserved = amount(settled.reserved);
        let program = limiter.policy().program();
        let (actual, missing, words) = match &settled.fate {
            Fate::Settled { actual } => {
                (Some(*actual), Vec::new(), format!("{reserved} → {}", amount(*actual)))
            }
            Fate::Stands { missing } => {
                let missing: Vec<String> =
                    missing.iter().map(|fact| program.fact_name(*fact).to_owned()).collect();
                let words = format!("{reserved} stands, without {}", missing.join(", "));
                (None, missing, words)
            }
            Fate::Gone => (None, Vec::new(), format!("{reserved} stands, it had expired")),
        };
        let limit = settled.limit.name.clone();
        let unit = settled.limit.unit.name().to_owned();
        Settled { limit, unit, reserved: settled.reserved, actual, missing, words }
    });
    settled.collect()
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settled: {} {}", self.limit, self.words)
    }
}

//! Entries as bytes.
//!
//! The first byte says the layout and what stands there; integers follow, little-endian. A reader checks every length, so
//! that bytes which are not an entry are told apart from one. Layouts are never changed, only added to: what one version
//! wrote, later ones read.

use limitrate_core::{
    algorithm::{
        Hold, LeaseId, Place, Refusal, State, Status, bucket, fixed_window, in_flight, sliding_log,
        sliding_window,
    },
    block,
    charge::{Counted, Verdict},
    time::{Nanos, Timestamp},
    warning,
};

use super::{Entry, Judged};
use crate::store::Charged;

/// The first byte of each kind of entry.
mod tag {
    pub(super) const FIXED_WINDOW: u8 = 0x01;
    pub(super) const SLIDING_LOG: u8 = 0x02;
    pub(super) const SLIDING_WINDOW: u8 = 0x03;
    pub(super) const BUCKET: u8 = 0x04;
    pub(super) const IN_FLIGHT: u8 = 0x05;
    pub(super) const HOLD_FIXED_WINDOW: u8 = 0x11;
    pub(super) const HOLD_SLIDING_LOG: u8 = 0x12;
    pub(super) const HOLD_SLIDING_WINDOW: u8 = 0x13;
    pub(super) const HOLD_BUCKET: u8 = 0x14;
    pub(super) const HOLD_NOWHERE: u8 = 0x15;
    pub(super) const BLOCK: u8 = 0x20;
    pub(super) const WARNING: u8 = 0x21;
    pub(super) const RECEIPT: u8 = 0x22;
    pub(super) const JUDGED: u8 = 0x23;
}

/// Bytes that are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes that begin with {first:#04x} are no entry of a counter")]
pub struct Damaged {
    /// How many there are.
    pub length: usize,
    /// The first one; 0 if there is none.
    pub first: u8,
}

impl Entry {
    /// Appends the entry's bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Counter(State::FixedWindow(state)) => {
                write(bytes, tag::FIXED_WINDOW, &[state.start.0, state.end.0, state.used]);
            }
            Self::Counter(State::SlidingLog(log)) => {
                write(bytes, tag::SLIDING_LOG, &[]);
                log.entries().for_each(|(at, cost)| integers(bytes, &[at.0, cost]));
            }
            Self::Counter(State::SlidingWindow(state)) => {
                write(bytes, tag::SLIDING_WINDOW, &[state.index, state.current, state.previous]);
            }
            Self::Counter(State::Bucket(state)) => {
                write(bytes, tag::BUCKET, &[state.tat.0, state.linger.0]);
            }
            Self::Counter(State::InFlight(leases)) => {
                write(bytes, tag::IN_FLIGHT, &[leases.latest().0]);
                for (id, until, weight) in leases.leases() {
                    integers(bytes, &[id.0.cast_signed(), until.0, weight]);
                }
            }
            Self::Hold(hold) => encode_hold(bytes, hold),
            Self::Block(block) => write(bytes, tag::BLOCK, &[i64::from(block.level), block.until.0]),
            Self::Warning(warning) => write(bytes, tag::WARNING, &[warning.mark, warning.until.0]),
            Self::Receipt(charged) => encode_receipt(bytes, charged),
            Self::Judged(judged) => encode_judged(bytes, judged),
        }
    }

    /// Reads an entry.
    ///
    /// # Errors
    ///
    /// [`Damaged`] if these bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let damaged = Damaged { length: bytes.len(), first: bytes.first().copied().unwrap_or(0) };
        let (tag, rest) = bytes.split_first().ok_or(damaged)?;
        if *tag == tag::JUDGED {
            return read_judged(rest).map(|judged| Self::Judged(Box::new(judged))).ok_or(damaged);
        }
        let (words, []) = rest.as_chunks::<8>() else { return Err(damaged) };
        let words: Vec<i64> = words.iter().map(|word| i64::from_le_bytes(*word)).collect();
        read(*tag, &words).ok_or(damaged)
    }
}

fn write(bytes: &mut Vec<u8>, tag: u8, words: &[i64]) {
    bytes.push(tag);
    integers(bytes, words);
}

fn integers(bytes: &mut Vec<u8>, words: &[i64]) {
    words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
}

fn encode_hold(bytes: &mut Vec<u8>, hold: &Hold) {
    let reserved = hold.reserved;
    match hold.place {
        Place::FixedWindow { start, end } => {
            write(bytes, tag::HOLD_FIXED_WINDOW, &[reserved, start.0, end.0]);
        }
        Place::SlidingLog(at) => write(bytes, tag::HOLD_SLIDING_LOG, &[reserved, at.0]),
        Place::SlidingWindow(index) => write(bytes, tag::HOLD_SLIDING_WINDOW, &[reserved, index]),
        Place::Bucket { tat, ceiling, lingers } => {
            write(bytes, tag::HOLD_BUCKET, &[reserved, tat.0, ceiling, i64::from(lingers)]);
        }
        Place::Nowhere => write(bytes, tag::HOLD_NOWHERE, &[reserved]),
    }
}

fn encode_receipt(bytes: &mut Vec<u8>, charged: &Charged) {
    write(bytes, tag::RECEIPT, &[i64::from(charged.taken), charged.now.0]);
    for verdict in &charged.verdicts {
        let (judged, wait) = match verdict.judged {
            Ok(()) => (0, 0),
            Err(Refusal::Wait(wait)) => (1, wait.0),
            Err(Refusal::Never) => (2, 0),
        };
        let counted = match verdict.counted {
            Counted::Own => 0,
            Counted::Shared => 1,
            Counted::Nowhere => 2,
        };
        let Status { remaining, reset_after } = verdict.status;
        let (is_warned, mark) = verdict.warned.map_or((0, 0), |mark| (1, mark));
        let blocked = i64::from(verdict.blocked);
        integers(bytes, &[judged, wait, remaining, reset_after.0, counted, blocked, is_warned, mark]);
    }
}

/// What stood under each key follows with its length, which is -1 where nothing did.
fn encode_judged(bytes: &mut Vec<u8>, judged: &Judged) {
    write(bytes, tag::JUDGED, &[i64::from(judged.taken), judged.now.0]);
    for before in &judged.before {
        let Some((entry, idle_at)) = before else {
            integers(bytes, &[-1]);
            continue;
        };
        let mut value = idle_at.0.to_le_bytes().to_vec();
        entry.encode(&mut value);
        integers(bytes, &[i64::try_from(value.len()).unwrap_or(i64::MAX)]);
        bytes.extend_from_slice(&value);
    }
}

fn read_judged(bytes: &[u8]) -> Option<Judged> {
    let (taken, rest) = word(bytes)?;
    let (now, mut rest) = word(rest)?;
    let mut before = Vec::new();
    while !rest.is_empty() {
        let (length, value) = word(rest)?;
        if length == -1 {
            rest = value;
            before.push(None);
            continue;
        }
        let (value, after) = value.split_at_checked(usize::try_from(length).ok()?)?;
        let (idle_at, entry) = word(value)?;
        // Only what is judged: answers do not hold answers.
        if entry.first() == Some(&tag::JUDGED) {
            return None;
        }
        before.push(Some((Entry::decode(entry).ok()?, Timestamp(idle_at))));
        rest = after;
    }
    Some(Judged { taken: boolean(taken)?, now: Timestamp(now), before })
}

fn word(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((i64::from_le_bytes(*word), rest))
}

fn read(tag: u8, words: &[i64]) -> Option<Entry> {
    Some(match (tag, words) {
        (tag::FIXED_WINDOW, &[start, end, used]) => {
            let (start, end) = (Timestamp(start), Timestamp(end));
            Entry::Counter(State::FixedWindow(fixed_window::State { start, end, used }))
        }
        (tag::SLIDING_LOG, words) => {
            let (pairs, []) = words.as_chunks::<2>() else { return None };
            let entries = pairs.iter().map(|[at, cost]| (Timestamp(*at), *cost));
            Entry::Counter(State::SlidingLog(sliding_log::State::from_entries(entries)?))
        }
        (tag::SLIDING_WINDOW, &[index, current, previous]) => {
            Entry::Counter(State::SlidingWindow(sliding_window::State { index, current, previous }))
        }
        (tag::BUCKET, &[tat, linger]) => {
            Entry::Counter(State::Bucket(bucket::State { tat: Timestamp(tat), linger: Nanos(linger) }))
        }
        (tag::IN_FLIGHT, [latest, leases @ ..]) => {
            let (leases, []) = leases.as_chunks::<3>() else { return None };
            let leases = leases
                .iter()
                .map(|[id, until, weight]| (LeaseId(id.cast_unsigned()), Timestamp(*until), *weight));
            Entry::Counter(State::InFlight(in_flight::State::from_leases(Timestamp(*latest), leases)?))
        }
        (tag::HOLD_FIXED_WINDOW, &[reserved, start, end]) => {
            hold(reserved, Place::FixedWindow { start: Timestamp(start), end: Timestamp(end) })
        }
        (tag::HOLD_SLIDING_LOG, &[reserved, at]) => hold(reserved, Place::SlidingLog(Timestamp(at))),
        (tag::HOLD_SLIDING_WINDOW, &[reserved, index]) => hold(reserved, Place::SlidingWindow(index)),
        (tag::HOLD_BUCKET, &[reserved, tat, ceiling, lingers]) => {
            hold(reserved, Place::Bucket { tat: Timestamp(tat), ceiling, lingers: boolean(lingers)? })
        }
        (tag::HOLD_NOWHERE, &[reserved]) => hold(reserved, Place::Nowhere),
        (tag::BLOCK, &[level, until]) => {
            Entry::Block(block::State { level: u32::try_from(level).ok()?, until: Timestamp(until) })
        }
        (tag::WARNING, &[mark, until]) => Entry::Warning(warning::State { mark, until: Timestamp(until) }),
        (tag::RECEIPT, [taken, now, verdicts @ ..]) => {
            let (verdicts, []) = verdicts.as_chunks::<8>() else { return None };
            Entry::Receipt(Box::new(Charged {
                taken: boolean(*taken)?,
                now: Timestamp(*now),
                verdicts: verdicts.iter().map(verdict).collect::<Option<_>>()?,
                degraded: false,
            }))
        }
        _ => return None,
    })
}

const fn hold(reserved: i64, place: Place) -> Entry {
    Entry::Hold(Hold { reserved, place })
}

const fn boolean(word: i64) -> Option<bool> {
    match word {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn verdict(words: &[i64; 8]) -> Option<Verdict> {
    let [judged, wait, remaining, reset_after, counted, blocked, is_warned, mark] = *words;
    Some(Verdict {
        judged: match judged {
            0 => Ok(()),
            1 => Err(Refusal::Wait(Nanos(wait))),
            2 => Err(Refusal::Never),
            _ => return None,
        },
        status: Status { remaining, reset_after: Nanos(reset_after) },
        counted: match counted {
            0 => Counted::Own,
            1 => Counted::Shared,
            2 => Counted::Nowhere,
            _ => return None,
        },
        blocked: boolean(blocked)?,
        warned: boolean(is_warned)?.then_some(mark),
    })
}

#[cfg(test)]
mod tests;

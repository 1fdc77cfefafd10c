//! Schedules: recurring stretches of the local week, such as `mon..fri 09:00..17:00 in "America/New_York"`.
//!
//! Civil time is mapped to instants by one rule: an edge falls on the first instant at which the local clock shows
//! it or anything later. An edge in a gap of the clock thereby moves to the end of the gap, an edge in a fold is its
//! first occurrence, and edges keep their order whatever the clock does. Reading schedules is left to the compiler.

mod moved;

use jiff::civil::{Date, DateTime};
use jiff::tz::AmbiguousOffset;
use jiff::{SignedDuration, ToSpan};

use crate::time::{NANOS_PER_SECOND, Nanos, Timestamp, saturate};
use crate::window::Zone;

pub use moved::MovedEdge;

/// Nanoseconds in 24 hours.
const DAY: Nanos = Nanos::from_secs(24 * 60 * 60);

/// A recurring stretch of time: it holds while any of its spans does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The spans of a week.
    pub spans: Vec<WeekSpan>,
    /// The zone whose clock the spans are read on.
    pub zone: Zone,
    /// Days since the epoch on which no span starts. A span that started the evening before goes on.
    pub except: Vec<i32>,
}

/// One span on each of several days of the week. Past midnight it belongs to the day it starts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WeekSpan {
    /// The first day it starts on; 0 is Monday.
    pub first_day: u8,
    /// The last day it starts on; before `first_day`, the days wrap around the week.
    pub last_day: u8,
    /// When it starts, since local midnight.
    pub from: Nanos,
    /// When it ends, since local midnight: of the next day unless it is after `from`.
    pub until: Nanos,
}

/// Whether a schedule holds, and the stretch of time over which that is known not to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Active {
    /// Whether the schedule holds.
    pub holds: bool,
    /// The answer is valid from this instant on,
    pub from: Timestamp,
    /// and before this one, except for an instant at the very end of the range of time.
    pub until: Timestamp,
}

impl Schedule {
    /// Whether the schedule holds at `now`, for the caller to keep while the answer is valid: at most one local day.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Active {
        let instant = i128::from(now.0);
        let day = self.day_of(now);
        let mut active = Stretch { holds: false, from: self.midnight(day), until: self.midnight(next(day)) };
        // INVARIANT: a span lasts at most until the same clock of the next day, so only those that start on this day
        // and the one before it touch this day.
        for start in [previous(day), day] {
            for span in self.spans.iter().filter(|span| self.starts(**span, start)) {
                let opens = self.instant_of(clock(start, span.from));
                let closes = self.instant_of(span.end(start));
                active.narrow(instant, opens, closes);
            }
        }
        active.saturated()
    }

    /// Whether `span` starts on `date`.
    fn starts(&self, span: WeekSpan, date: Date) -> bool {
        span.starts_on(date) && !self.except.iter().any(|day| i64::from(*day) == days_since_epoch(date))
    }

    /// The day that `now` belongs to: the last one whose midnight is not after it.
    ///
    /// That is the date on the clock, except where the clock has been set back across midnight.
    fn day_of(&self, now: Timestamp) -> Date {
        let instant = jiff::Timestamp::from_nanosecond(i128::from(now.0));
        // Every `i64` of nanoseconds is within jiff's range, so the default never stands in.
        let mut day = self.zone.time_zone().to_datetime(instant.unwrap_or_default()).date();
        // A clock is never set back by more than a day.
        for _ in 0..2 {
            if self.midnight(next(day)) > i128::from(now.0) {
                break;
            }
            day = next(day);
        }
        day
    }

    fn midnight(&self, date: Date) -> i128 {
        self.instant_of(date.at(0, 0, 0, 0))
    }

    /// The first instant at which the local clock shows `civil` or later, in nanoseconds since the epoch.
    fn instant_of(&self, civil: DateTime) -> i128 {
        let zone = self.zone.time_zone();
        match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => nanos(civil, offset),
            AmbiguousOffset::Fold { before, .. } => nanos(civil, before),
            AmbiguousOffset::Gap { before, after } => {
                // The clock jumps over `civil` somewhere in between these two.
                let (least, most) = (nanos(civil, after), nanos(civil, before));
                let Ok(start) = jiff::Timestamp::from_nanosecond(least) else { return most };
                zone.following(start)
                    .map(|change| (change.timestamp().as_nanosecond(), change.offset()))
                    .take_while(|(at, _)| *at <= most)
                    .find(|(_, offset)| *offset == after)
                    .map_or(most, |(at, _)| at)
            }
        }
    }
}

impl WeekSpan {
    fn starts_on(&self, date: Date) -> bool {
        let day = date.weekday().to_monday_zero_offset().unsigned_abs();
        if self.first_day <= self.last_day {
            (self.first_day..=self.last_day).contains(&day)
        } else {
            day >= self.first_day || day <= self.last_day
        }
    }

    /// The end on the clock, for a span that starts on `date`.
    fn end(&self, date: Date) -> DateTime {
        let day = if self.until > self.from { date } else { next(date) };
        clock(day, self.until)
    }
}

/// A stretch of time with one answer, wider than [`Timestamp`] so that no edge is lost at the end of its range.
struct Stretch {
    holds: bool,
    from: i128,
    until: i128,
}

impl Stretch {
    /// Takes a span from `opens` to `closes` into account, as seen at `now`.
    fn narrow(&mut self, now: i128, opens: i128, closes: i128) {
        if opens >= closes {
            return;
        }
        self.holds |= opens <= now && now < closes;
        for edge in [opens, closes] {
            if edge <= now {
                self.from = self.from.max(edge);
            } else {
                self.until = self.until.min(edge);
            }
        }
    }

    fn saturated(&self) -> Active {
        Active {
            holds: self.holds,
            from: Timestamp(saturate(self.from)),
            until: Timestamp(saturate(self.until)),
        }
    }
}

fn next(date: Date) -> Date {
    date.saturating_add(1.day())
}

fn previous(date: Date) -> Date {
    date.saturating_sub(1.day())
}

/// So long after midnight of `date` by the clock; within the day.
fn clock(date: Date, since_midnight: Nanos) -> DateTime {
    let within = since_midnight.0.clamp(0, DAY.0);
    date.at(0, 0, 0, 0).saturating_add(SignedDuration::from_nanos(within))
}

fn days_since_epoch(date: Date) -> i64 {
    date.duration_since(jiff::civil::date(1970, 1, 1)).as_secs() / (DAY.0 / NANOS_PER_SECOND)
}

/// The instant at which a clock so far from UTC shows `civil`.
fn nanos(civil: DateTime, offset: jiff::tz::Offset) -> i128 {
    let local = civil.duration_since(jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0)).as_nanos();
    local - i128::from(offset.seconds()) * i128::from(NANOS_PER_SECOND)
}

#[cfg(test)]
mod tests;

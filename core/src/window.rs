//! The stretch of time over which a limit counts.

use jiff::{
    ToSpan,
    civil::{Date, Time},
    tz::{AmbiguousOffset, TimeZone},
};

use crate::time::{Nanos, Timestamp, saturate};

/// How a window of a fixed-window limit begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// A span that starts at the key's first charge after the last one ended.
    Rolling(Nanos),
    /// A span that starts at multiples of its length since the Unix epoch.
    Aligned(Nanos),
    /// A day, week, month or year of a time zone, with its real length across clock changes.
    Calendar(Period, Zone),
}

/// One window on the clock: from `start` on, up to but without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The window's first instant.
    pub start: Timestamp,
    /// The first instant after it. The last representable instant stands for any later one.
    pub end: Timestamp,
}

impl Window {
    /// The window that a charge at `now` begins; `now` lies in it.
    ///
    /// A span below one nanosecond counts as one. Bounds beyond the range of [`Timestamp`] stay at its ends.
    #[must_use]
    pub fn beginning_at(&self, now: Timestamp) -> Bounds {
        match self {
            Self::Rolling(span) => Bounds { start: now, end: now.after(Nanos(span.0.max(1))) },
            Self::Aligned(span) => {
                let span = i128::from(span.0.max(1));
                let start = i128::from(now.0).div_euclid(span) * span;
                Bounds { start: Timestamp(saturate(start)), end: Timestamp(saturate(start + span)) }
            }
            Self::Calendar(period, zone) => {
                // Every instant of 64-bit nanoseconds has a date in the calendar; the fallback is never taken.
                calendar(*period, zone, now).unwrap_or(Bounds { start: now, end: Timestamp::MAX })
            }
        }
    }

    /// Whether the clock alone says when this window begins, charges or not.
    #[must_use]
    pub const fn is_set_by_clock(&self) -> bool {
        match self {
            Self::Rolling(_) => false,
            Self::Aligned(_) | Self::Calendar(..) => true,
        }
    }
}

fn calendar(period: Period, zone: &Zone, now: Timestamp) -> Option<Bounds> {
    let zone = zone.time_zone();
    let instant = jiff::Timestamp::from_nanosecond(i128::from(now.0)).ok()?;
    let mut first = period.first_day(zone.to_datetime(instant).date());
    let mut end = first_instant(zone, period.following(first))?;
    if end <= now {
        // A clock set back over midnight lives the evening twice; the new period has begun at the first midnight.
        first = period.following(first);
        end = first_instant(zone, period.following(first))?;
    }
    Some(Bounds { start: first_instant(zone, first)?, end })
}

/// Midnight of this date; if clocks skip it, the instant at which they are put forward; if it comes twice, the first.
fn first_instant(zone: &TimeZone, date: Date) -> Option<Timestamp> {
    let midnight = zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight()));
    let skipped = match midnight.offset() {
        AmbiguousOffset::Gap { .. } => true,
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => false,
    };
    let mut instant = midnight.compatible().ok()?;
    if skipped {
        let just_after = instant.checked_add(1.nanosecond()).ok()?;
        instant = zone.preceding(just_after).next()?.timestamp();
    }
    Some(Timestamp(saturate(instant.as_nanosecond())))
}

/// A calendar period: it begins at local midnight, of a Monday, the 1st, or the 1st of January.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday's midnight to the next.
    Week,
    /// From the 1st of a month to the 1st of the next.
    Month,
    /// From 1 January to the next.
    Year,
}

impl Period {
    /// The word after the slash: `day`, `week`, `month`, `year`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The first day of the period that this date lies in.
    fn first_day(self, date: Date) -> Date {
        match self {
            Self::Day => date,
            Self::Week => date.saturating_sub(date.weekday().to_monday_zero_offset().days()),
            Self::Month => date.first_of_month(),
            Self::Year => date.first_of_year(),
        }
    }

    /// The first day of the period after the one that begins on `first`.
    fn following(self, first: Date) -> Date {
        first.saturating_add(match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Year => 1.year(),
        })
    }
}

/// A time zone of the IANA database built into the binary, so that all machines agree on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of this IANA name, such as `Europe/Berlin`; `None` if the database has no such name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        jiff::tz::TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// Every name the database has.
    #[must_use]
    pub fn names() -> Vec<String> {
        jiff::tz::TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The zone for calendar arithmetic.
    #[must_use]
    pub const fn time_zone(&self) -> &TimeZone {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Period, Window, Zone};
    use crate::time::{Nanos, Timestamp};

    fn at(instant: &str) -> Timestamp {
        let instant: jiff::Timestamp = instant.parse().unwrap();
        Timestamp::from_millis(instant.as_millisecond())
    }

    /// The window of this zone's calendar, as first instant and hours.
    #[track_caller]
    fn assert_window(period: Period, zone: &str, now: &str, start: &str, hours: i64) {
        let bounds = Window::Calendar(period, Zone::named(zone).unwrap()).beginning_at(at(now));
        assert_eq!(bounds.start, at(start));
        assert_eq!(bounds.end.since(bounds.start), Nanos::from_secs(hours * 3_600));
    }

    #[test]
    fn days_last_from_local_midnight_to_midnight_across_clock_changes() {
        assert_window(Period::Day, "Europe/Berlin", "2026-01-15T12:00:00Z", "2026-01-14T23:00:00Z", 24);
        assert_window(Period::Day, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", 23);
        assert_window(Period::Day, "Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z", 25);
        assert_window(Period::Day, "America/New_York", "2026-03-08T05:00:00Z", "2026-03-08T05:00:00Z", 23);
        assert_window(Period::Day, "America/New_York", "2026-11-02T04:59:59Z", "2026-11-01T04:00:00Z", 25);
    }

    #[test]
    fn weeks_begin_on_monday() {
        assert_window(Period::Week, "UTC", "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", 168);
        assert_window(Period::Week, "UTC", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", 168);
        assert_window(Period::Week, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-22T23:00:00Z", 167);
    }

    #[test]
    fn months_and_years_have_their_length() {
        assert_window(Period::Month, "UTC", "2026-02-28T23:59:59Z", "2026-02-01T00:00:00Z", 28 * 24);
        assert_window(Period::Month, "UTC", "2028-02-29T00:00:00Z", "2028-02-01T00:00:00Z", 29 * 24);
        assert_window(
            Period::Month,
            "America/New_York",
            "2026-03-31T12:00:00Z",
            "2026-03-01T05:00:00Z",
            31 * 24 - 1,
        );
        assert_window(Period::Year, "UTC", "2028-12-31T23:59:59Z", "2028-01-01T00:00:00Z", 366 * 24);
        assert_window(Period::Year, "Asia/Kolkata", "2026-12-31T18:29:59Z", "2025-12-31T18:30:00Z", 365 * 24);
    }

    #[test]
    fn a_day_without_midnight_starts_at_its_first_instant() {
        // Beirut put clocks forward at midnight; Toronto, in 1919, from 23:30 to 00:30.
        assert_window(Period::Day, "Asia/Beirut", "2022-03-27T12:00:00Z", "2022-03-26T22:00:00Z", 23);
        let toronto = Window::Calendar(Period::Day, Zone::named("America/Toronto").unwrap());
        let bounds = toronto.beginning_at(at("1919-03-31T12:00:00Z"));
        assert_eq!(bounds.start, at("1919-03-31T04:30:00Z"));
        // Samoa had no 30 December 2011.
        assert_window(Period::Day, "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", 24);
        assert_window(Period::Day, "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", 24);
    }

    #[test]
    fn an_evening_lived_twice_belongs_to_the_day_that_has_begun() {
        // St. John's went from 00:01 on 7 November 2010 (02:31 UTC) back to 23:01 on the 6th.
        let zone = "America/St_Johns";
        assert_window(Period::Day, zone, "2010-11-07T02:29:59Z", "2010-11-06T02:30:00Z", 24);
        assert_window(Period::Day, zone, "2010-11-07T02:30:00Z", "2010-11-07T02:30:00Z", 25);
        assert_window(Period::Day, zone, "2010-11-07T03:00:00Z", "2010-11-07T02:30:00Z", 25);
        assert_window(Period::Day, zone, "2010-11-08T03:29:59Z", "2010-11-07T02:30:00Z", 25);
    }

    #[test]
    fn spans_align_with_the_epoch_on_both_sides() {
        let window = Window::Aligned(Nanos(100));
        assert_eq!(window.beginning_at(Timestamp(0)), Bounds { start: Timestamp(0), end: Timestamp(100) });
        assert_eq!(window.beginning_at(Timestamp(-1)), Bounds { start: Timestamp(-100), end: Timestamp(0) });
    }

    #[test]
    fn windows_at_the_ends_of_time_stay_in_range() {
        for now in [Timestamp::MIN, Timestamp::MAX] {
            for period in [Period::Day, Period::Week, Period::Month, Period::Year] {
                for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
                    let bounds = Window::Calendar(period, Zone::named(zone).unwrap()).beginning_at(now);
                    assert!(bounds.start <= now && now <= bounds.end);
                }
            }
        }
    }
}

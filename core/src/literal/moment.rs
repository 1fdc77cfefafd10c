//! Instants, days and times of day.

use std::fmt;

use jiff::civil::{Date, date};

use crate::{
    literal::LiteralError,
    time::{NANOS_PER_SECOND, Nanos, Timestamp},
};

const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;

/// Reads an instant in the form of RFC 3339, `2026-03-02T16:59:30-05:00`.
///
/// # Errors
///
/// [`LiteralError::NoSuchMoment`] for another form, a missing offset, or an instant outside the years 1677 to 2262.
pub fn parse_instant(text: &str) -> Result<Timestamp, LiteralError> {
    let none = || LiteralError::NoSuchMoment(text.to_owned(), "instant");
    let plain = |b: u8| b.is_ascii_digit() || b"-+:.TtZz".contains(&b);
    if !text.bytes().all(plain) || !matches!(text.as_bytes().get(10), Some(b'T' | b't')) {
        return Err(none());
    }
    let instant: jiff::Timestamp = text.parse().map_err(|_| none())?;
    i64::try_from(instant.as_nanosecond()).map(Timestamp).map_err(|_| none())
}

/// Reads a day, `2026-12-25`, as days since 1970-01-01.
///
/// # Errors
///
/// [`LiteralError::NoSuchMoment`] for another form or a day that no month has.
pub fn parse_date(text: &str) -> Result<i32, LiteralError> {
    let none = || LiteralError::NoSuchMoment(text.to_owned(), "day");
    let fields: Vec<&str> = text.split('-').collect();
    let [year, month, day] = fields.as_slice() else { return Err(none()) };
    if [year.len(), month.len(), day.len()] != [4, 2, 2]
        || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    {
        return Err(none());
    }
    let year = year.parse().map_err(|_| none())?;
    let month = month.parse().map_err(|_| none())?;
    let day = day.parse().map_err(|_| none())?;
    let day = Date::new(year, month, day).map_err(|_| none())?;
    Ok(day
        .duration_since(date(1970, 1, 1))
        .as_hours()
        .checked_div(24)
        .and_then(|days| i32::try_from(days).ok()))
    .and_then(|days| days.ok_or_else(none))
}

/// Reads a time of day, `09:00` or `23:59:59`, as nanoseconds after midnight.
///
/// # Errors
///
/// [`LiteralError::NoSuchMoment`] for another form or a time that no day has.
pub fn parse_clock(text: &str) -> Result<Nanos, LiteralError> {
    let none = || LiteralError::NoSuchMoment(text.to_owned(), "time of day");
    let mut seconds: i64 = 0;
    let fields: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&fields.len()) {
        return Err(none());
    }
    for (field, (bound, scale)) in fields.into_iter().zip([(24, 3_600), (60, 60), (60, 1)]) {
        if field.len() != 2 || !field.bytes().all(|b| b.is_ascii_digit()) {
            return Err(none());
        }
        let value: i64 = field.parse().map_err(|_| none())?;
        if value >= bound {
            return Err(none());
        }
        seconds += value * scale;
    }
    Ok(Nanos::from_secs(seconds))
}

/// An instant in UTC: `2026-03-02T21:59:30Z`.
#[must_use]
pub fn write_instant(at: Timestamp) -> impl fmt::Display {
    // INVARIANT: jiff holds every instant of 64-bit nanoseconds, so the epoch never stands in.
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// The day so many days after 1970-01-01: `2026-12-25`.
#[must_use]
pub fn write_date(days: i32) -> impl fmt::Display {
    let epoch = date(1970, 1, 1);
    epoch.saturating_add(jiff::SignedDuration::from_hours(i64::from(days).saturating_mul(24)))
}

/// A time of day: `09:00`, with seconds if it has any.
#[must_use]
pub fn write_clock(at: Nanos) -> String {
    let seconds = at.0.rem_euclid(NANOS_PER_DAY) / NANOS_PER_SECOND;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if seconds == 0 {
        format!("{hours:02}:{minutes:02}")
    } else {
        format!("{hours:02}:{minutes:02}:{seconds:02}")
    }
}

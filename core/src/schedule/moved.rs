//! Edges of schedules that fall where the clock changes: skipped when it is put forward, twice when it is put back.

use jiff::{civil::Date, tz::AmbiguousOffset};

use super::{Schedule, WeekSpan, clock, next, previous};
use crate::{
    literal,
    time::{Nanos, Timestamp},
};

/// An edge that the local clock skips, or shows twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovedEdge {
    /// The local day, in days since the epoch.
    pub day: i32,
    /// The time on the clock, since local midnight.
    pub time: Nanos,
    /// Whether the clock shows it twice; else it skips it.
    pub twice: bool,
    /// The instant that the edge falls on.
    pub at: Timestamp,
}

/// At most so many changes of the clock are looked at.
const MAX_CHANGES: usize = 64;

impl Schedule {
    /// The edges of `span` that a change of the clock moves, between two instants, in the order of time.
    #[must_use]
    pub fn moved_edges(&self, span: WeekSpan, from: Timestamp, until: Timestamp) -> Vec<MovedEdge> {
        let zone = self.zone.time_zone();
        let Ok(start) = jiff::Timestamp::from_nanosecond(i128::from(from.0)) else { return Vec::new() };
        let changes = zone
            .following(start)
            .map(|change| change.timestamp())
            .take_while(|at| at.as_nanosecond() < i128::from(until.0))
            .take(MAX_CHANGES);
        let mut moved = Vec::new();
        for change in changes {
            // What a change skips or repeats lies on the day it is made, or on one beside it.
            let day = zone.to_datetime(change).date();
            for date in [previous(day), day, next(day)] {
                self.moved_on(span, date, &mut moved);
            }
        }
        moved.sort_by_key(|edge| (edge.at, edge.day, edge.time));
        moved.dedup();
        moved
    }

    /// The edges that are due on `date`, the end of a span from the evening before included.
    fn moved_on(&self, span: WeekSpan, date: Date, moved: &mut Vec<MovedEdge>) {
        let overnight = span.until <= span.from;
        let ends = if overnight { previous(date) } else { date };
        let edges = [(self.starts(span, date), span.from), (self.starts(span, ends), span.until)];
        for (_, time) in edges.into_iter().filter(|(due, _)| *due) {
            let civil = clock(date, time);
            let twice = match self.zone.time_zone().to_ambiguous_timestamp(civil).offset() {
                AmbiguousOffset::Unambiguous { .. } => continue,
                AmbiguousOffset::Fold { .. } => true,
                AmbiguousOffset::Gap { .. } => false,
            };
            let day = i32::try_from(super::days_since_epoch(date)).unwrap_or_default();
            let at = Timestamp(crate::time::saturate(self.instant_of(civil)));
            moved.push(MovedEdge { day, time, twice, at });
        }
    }
}

impl std::fmt::Display for MovedEdge {
    /// `2026-03-29 02:30`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", literal::write_date(self.day), literal::write_clock(self.time))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        schedule::{Schedule, WeekSpan},
        time::{Nanos, Timestamp},
        window::Zone,
    };

    /// The moved edges of a daily span, in hours and minutes, over 2026.
    fn moved(zone: &str, from: (i64, i64), until: (i64, i64)) -> Vec<(String, bool)> {
        let time = |(hours, minutes): (i64, i64)| Nanos::from_secs((hours * 60 + minutes) * 60);
        let span = WeekSpan { first_day: 0, last_day: 6, from: time(from), until: time(until) };
        let schedule = Schedule { spans: vec![span], zone: Zone::named(zone).unwrap(), except: Vec::new() };
        let (start, end) =
            (Timestamp::from_millis(1_767_225_600_000), Timestamp::from_millis(1_798_761_600_000));
        let edges = schedule.moved_edges(span, start, end);
        edges.into_iter().map(|edge| (edge.to_string(), edge.twice)).collect()
    }

    #[test]
    fn an_edge_in_the_gap_and_in_the_fold_is_found() {
        let found = moved("Europe/Berlin", (2, 30), (9, 0));
        assert_eq!(found, [("2026-03-29 02:30".to_owned(), false), ("2026-10-25 02:30".to_owned(), true)]);
        assert_eq!(moved("Europe/Berlin", (22, 0), (2, 0)).len(), 2, "the end of a night counts too");
    }

    #[test]
    fn edges_outside_a_change_stay() {
        assert_eq!(moved("Europe/Berlin", (9, 0), (17, 0)), []);
        assert_eq!(moved("Europe/Berlin", (1, 59), (3, 0)), [], "two is skipped, three is not");
        assert_eq!(moved("UTC", (2, 30), (3, 30)), []);
    }
}

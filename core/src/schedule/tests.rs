use jiff::civil::DateTime;
use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60 * NANOS_PER_SECOND;
const HOUR: i64 = 60 * MINUTE;

fn at(instant: &str) -> Timestamp {
    let instant: jiff::Timestamp = instant.parse().expect("an instant");
    Timestamp(i64::try_from(instant.as_nanosecond()).expect("in range"))
}

fn clock_of(text: &str) -> Nanos {
    let (hours, minutes) = text.split_once(':').expect("a clock");
    Nanos(hours.parse::<i64>().expect("hours") * HOUR + minutes.parse::<i64>().expect("minutes") * MINUTE)
}

fn span(first_day: u8, last_day: u8, from: &str, until: &str) -> WeekSpan {
    WeekSpan { first_day, last_day, from: clock_of(from), until: clock_of(until) }
}

fn schedule(zone: &str, spans: &[WeekSpan]) -> Schedule {
    Schedule { spans: spans.to_vec(), zone: Zone::named(zone).expect("a zone"), except: Vec::new() }
}

#[test]
fn office_hours_hold_from_opening_until_just_before_closing() {
    let hours = schedule("America/New_York", &[span(0, 4, "09:00", "17:00")]);
    assert!(!hours.at(at("2026-03-02T08:59:59-05:00")).holds);
    assert!(hours.at(at("2026-03-02T09:00:00-05:00")).holds);
    assert!(!hours.at(at("2026-03-02T17:00:00-05:00")).holds);
    assert!(!hours.at(at("2026-03-01T12:00:00-05:00")).holds, "a Sunday");
    let active = hours.at(at("2026-03-02T12:00:00-05:00"));
    assert_eq!(active.from, at("2026-03-02T09:00:00-05:00"));
    assert_eq!(active.until, at("2026-03-02T17:00:00-05:00"));
}

#[test]
fn a_span_past_midnight_belongs_to_the_day_it_starts_on() {
    let friday_night = schedule("Europe/Paris", &[span(4, 4, "22:00", "06:00")]);
    assert!(friday_night.at(at("2026-03-06T22:00:00+01:00")).holds);
    assert!(friday_night.at(at("2026-03-07T05:59:00+01:00")).holds, "Saturday morning");
    assert!(!friday_night.at(at("2026-03-06T05:00:00+01:00")).holds, "Friday morning");
    assert!(!friday_night.at(at("2026-03-07T22:00:00+01:00")).holds, "Saturday night");
}

#[test]
fn equal_clocks_make_a_whole_day() {
    let mondays = schedule("UTC", &[span(0, 0, "09:00", "09:00")]);
    assert!(mondays.at(at("2026-03-02T09:00:00Z")).holds);
    assert!(mondays.at(at("2026-03-03T08:59:59Z")).holds);
    assert!(!mondays.at(at("2026-03-03T09:00:00Z")).holds);
}

#[test]
fn days_may_wrap_around_the_week() {
    let weekend = schedule("UTC", &[span(5, 0, "00:00", "00:00")]);
    let holds = ["03-06", "03-07", "03-08", "03-09", "03-10"]
        .map(|day| weekend.at(at(&format!("2026-{day}T12:00:00Z"))).holds);
    assert_eq!(holds, [false, true, true, true, false], "Friday to Tuesday");
}

#[test]
fn an_excepted_day_drops_the_spans_that_start_on_it_only() {
    let mut nights = schedule("Europe/Paris", &[span(0, 6, "22:00", "06:00")]);
    nights.except.push(20_812); // 2026-12-25
    assert!(nights.at(at("2026-12-25T03:00:00+01:00")).holds, "began the evening before");
    assert!(!nights.at(at("2026-12-25T23:00:00+01:00")).holds);
    assert!(!nights.at(at("2026-12-26T03:00:00+01:00")).holds);
    assert!(nights.at(at("2026-12-26T23:00:00+01:00")).holds);
}

#[test]
fn an_edge_in_a_gap_moves_to_the_end_of_the_gap() {
    // New York goes from 02:00 to 03:00 on 2026-03-08.
    let starts_in_it = schedule("America/New_York", &[span(6, 6, "02:30", "04:00")]);
    assert!(!starts_in_it.at(at("2026-03-08T06:59:59Z")).holds);
    assert!(starts_in_it.at(at("2026-03-08T07:00:00Z")).holds);
    let ends_in_it = schedule("America/New_York", &[span(6, 6, "01:00", "02:30")]);
    assert!(ends_in_it.at(at("2026-03-08T06:59:59Z")).holds);
    assert!(!ends_in_it.at(at("2026-03-08T07:00:00Z")).holds);
    let within_it = schedule("America/New_York", &[span(6, 6, "02:10", "02:50")]);
    assert!(!within_it.at(at("2026-03-08T07:00:00Z")).holds);
}

#[test]
fn an_edge_in_a_fold_is_its_first_occurrence() {
    // New York goes from 02:00 back to 01:00 on 2026-11-01, at 06:00Z.
    let starts_in_it = schedule("America/New_York", &[span(6, 6, "01:30", "03:00")]);
    assert!(!starts_in_it.at(at("2026-11-01T05:29:59Z")).holds);
    assert!(starts_in_it.at(at("2026-11-01T05:30:00Z")).holds);
    assert!(starts_in_it.at(at("2026-11-01T06:10:00Z")).holds, "01:10 once more, after the start");
    let ends_in_it = schedule("America/New_York", &[span(6, 6, "00:00", "01:30")]);
    assert!(!ends_in_it.at(at("2026-11-01T05:30:00Z")).holds);
    assert!(!ends_in_it.at(at("2026-11-01T06:10:00Z")).holds, "01:10 once more, after the end");
}

#[test]
fn a_day_that_the_zone_skipped_has_no_spans() {
    // Samoa had no 2011-12-30, a Friday.
    let fridays = schedule("Pacific/Apia", &[span(4, 4, "09:00", "17:00")]);
    assert!(!fridays.at(at("2011-12-30T09:59:59Z")).holds);
    assert!(!fridays.at(at("2011-12-30T10:00:00Z")).holds);
}

#[test]
fn the_ends_of_the_range_of_time_have_an_answer() {
    for zone in ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"] {
        let always = schedule(zone, &[span(0, 6, "00:00", "00:00")]);
        assert!(always.at(Timestamp(i64::MIN)).holds);
        assert!(always.at(Timestamp(i64::MAX)).holds);
        assert!(!schedule(zone, &[]).at(Timestamp(i64::MAX)).holds);
    }
}

/// Whether `civil` is inside a span, by trying all days around it.
fn covers(schedule: &Schedule, civil: DateTime) -> bool {
    (-3..=1).any(|days: i64| {
        let date = civil.date().saturating_add(days.days());
        let weekday = u8::try_from(date.weekday().to_monday_zero_offset()).expect("0..7");
        let number = date.duration_since(jiff::civil::date(1970, 1, 1)).as_hours() / 24;
        let midnight = date.at(0, 0, 0, 0);
        schedule.spans.iter().any(|span| {
            let mut days = Vec::new();
            let mut day = span.first_day;
            while day != span.last_day {
                days.push(day);
                day = (day + 1) % 7;
            }
            days.push(day);
            let length = match (span.until.0 - span.from.0).rem_euclid(24 * HOUR) {
                0 => 24 * HOUR,
                length => length,
            };
            let from = midnight + SignedDuration::from_nanos(span.from.0);
            days.contains(&weekday)
                && !schedule.except.iter().any(|except| i64::from(*except) == number)
                && from <= civil
                && civil < from + SignedDuration::from_nanos(length)
        })
    })
}

/// The answer for each of `minutes` minutes from `start`, by walking them with a clock that never goes back.
fn walk(schedule: &Schedule, start: i64, minutes: i64) -> Vec<bool> {
    let shown = |minute: i64| {
        let instant = jiff::Timestamp::from_second((start + minute * MINUTE) / NANOS_PER_SECOND);
        schedule.zone.time_zone().to_datetime(instant.expect("in range"))
    };
    let mut latest = shown(-48 * 60);
    let mut answers = Vec::new();
    for minute in -48 * 60..minutes {
        latest = latest.max(shown(minute));
        if minute >= 0 {
            answers.push(covers(schedule, latest));
        }
    }
    answers
}

fn any_span() -> impl Strategy<Value = WeekSpan> {
    (0..7_u8, 0..7_u8, 0..96_i64, 0..96_i64).prop_map(|(first_day, last_day, from, until)| WeekSpan {
        first_day,
        last_day,
        from: Nanos(from * 15 * MINUTE),
        until: Nanos(until * 15 * MINUTE),
    })
}

/// Near a change of clock, or anywhere.
fn any_place() -> impl Strategy<Value = (&'static str, i64)> {
    let near = prop::sample::select(vec![
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"), // half an hour back
        ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),   // no midnight
        ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),   // back to the day before
        ("America/St_Johns", "2010-11-07T02:31:00Z"),    // back across midnight, at 00:01
        ("Pacific/Apia", "2011-12-30T10:00:00Z"),        // a day left out
    ])
    .prop_map(|(zone, instant)| (zone, at(instant).0));
    let far = (prop::sample::select(vec!["UTC", "Asia/Kathmandu", "Europe/Paris"]), 0..20_000_i64)
        .prop_map(|(zone, day)| (zone, day * 24 * HOUR));
    prop_oneof![4 => near, 1 => far]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn every_minute_and_every_stretch_agree_with_a_walk(
        (zone, around) in any_place(),
        spans in prop::collection::vec(any_span(), 1..4),
        except_after in prop::option::of(-1..3_i64),
        asked in prop::collection::vec(0..48 * 60_i64, 12),
    ) {
        let start = around - 24 * HOUR;
        let except = except_after.map(|days| i32::try_from(around / (24 * HOUR) + days).expect("in range"));
        let schedule = Schedule {
            spans,
            zone: Zone::named(zone).expect("a zone"),
            except: except.into_iter().collect(),
        };
        let answers = walk(&schedule, start, 48 * 60);
        for minute in asked {
            let now = Timestamp(start + minute * MINUTE);
            let active = schedule.at(now);
            prop_assert!(active.from <= now && now < active.until);
            for (other, holds) in (0_i64..).zip(&answers) {
                let instant = Timestamp(start + other * MINUTE);
                if active.from <= instant && instant < active.until {
                    prop_assert_eq!(active.holds, *holds, "at minute {}, asked at {}", other, minute);
                }
            }
        }
    }
}

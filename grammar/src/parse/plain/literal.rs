//! Plain literals that begin with a digit or `$`: numbers, percentages, amounts, durations and rates.

use limitrate_core::{
    literal::{PPM_PER_PERCENT, calendar_unit, parse_number, time_unit},
    time::Nanos,
    unit::{NANOS_PER_MONEY, Unit},
};

use super::{
    cursor::{Cursor, belongs_to_word},
    expr::is_reserved,
};
use crate::ast::{Literal, RateWindow};

impl<'a> Cursor<'a> {
    /// The literal that begins at `start`.
    pub(super) fn measure(&mut self, start: usize) -> Option<Literal> {
        let literal = if self.byte(start) == Some(b'$') {
            let number = self.number(start + 1)?;
            let value = parse_number(number, NANOS_PER_MONEY).ok()?;
            self.perhaps_rate(value, Unit::Usd)?
        } else {
            let number = self.number(start)?;
            self.measured(number)?
        };
        let may_go_on = |byte| belongs_to_word(byte) || matches!(byte, b'.' | b':' | b'-' | b'%' | b'$');
        (!self.byte(self.at()).is_some_and(may_go_on)).then_some(literal)
    }

    /// The number that begins at `start`, with its decimals and its `k`, `M` or `G`.
    fn number(&mut self, start: usize) -> Option<&'a str> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || byte == b'_';
        if !self.byte(start)?.is_ascii_digit() {
            return None;
        }
        let mut end = self.end_of(start, is_digit);
        if self.byte(end) == Some(b'.') && self.byte(end + 1).is_some_and(|byte| byte.is_ascii_digit()) {
            end = self.end_of(end + 1, is_digit);
        }
        let ends_there = !self.byte(end + 1).is_some_and(belongs_to_word);
        if matches!(self.byte(end), Some(b'k' | b'M' | b'G')) && ends_there {
            end += 1;
        }
        // An address, a date, a time of day.
        if matches!(self.byte(end), Some(b'.' | b':' | b'-')) {
            return None;
        }
        self.step_to(end);
        Some(self.slice(start, end))
    }

    /// What a number without `$` counts.
    fn measured(&mut self, number: &str) -> Option<Literal> {
        let end = self.at();
        if self.byte(end) == Some(b'%') {
            self.step_to(end + 1);
            return Some(Literal::Percent(parse_number(number, PPM_PER_PERCENT).ok()?));
        }
        let next = self.next_inside(end);
        let word = self.word_at(next);
        if word.is_empty() {
            if self.byte(next) == Some(b'/') {
                return self.perhaps_rate(parse_number(number, 1).ok()?, Unit::Requests);
            }
            return Some(Literal::Int(parse_number(number, 1).ok()?));
        }
        if let Some((unit, scale)) = Unit::from_word(word) {
            self.step_to(next + word.len());
            return self.perhaps_rate(parse_number(number, scale).ok()?, unit);
        }
        if is_time_unit(word) {
            self.step_to(next + word.len());
            return Some(Literal::Duration(Nanos(parse_number(number, time_unit(word)?).ok()?)));
        }
        // A word of the language may follow a number; any other may be a unit, or want to be one.
        let follows = is_reserved(word) && !matches!(word, "in" | "IN" | "per")
            || matches!(word, "burst" | "starting" | "aligned" | "for" | "resets" | "fail" | "warn");
        if next == end || !follows {
            return None;
        }
        Some(Literal::Int(parse_number(number, 1).ok()?))
    }

    /// An amount, which a slash and a window make a rate.
    fn perhaps_rate(&mut self, value: i64, unit: Unit) -> Option<Literal> {
        let next = self.next_inside(self.at());
        match self.byte(next) {
            Some(b'/') => {
                self.step_to(next + 1);
                Some(Literal::Rate(value, Some(unit), self.window()?))
            }
            // `60 req per minute`
            _ if self.word_at(next) == "per" => None,
            _ => Some(Literal::Amount(value, unit)),
        }
    }

    /// What stands after a rate's slash.
    fn window(&mut self) -> Option<RateWindow> {
        let mut next = self.next_inside(self.at());
        let mut count = None;
        if self.byte(next)?.is_ascii_digit() {
            count = Some(self.number(next)?);
            next = self.next_inside(self.at());
        }
        let word = self.word_at(next);
        if !is_time_unit(word) {
            return None;
        }
        self.step_to(next + word.len());
        if let (None, Some(period)) = (count, calendar_unit(word)) {
            return Some(RateWindow::Calendar(period));
        }
        let scale = time_unit(word)?;
        let span = match count {
            Some(count) => parse_number(count, scale).ok()?,
            None => scale,
        };
        (span != 0).then_some(RateWindow::Span(Nanos(span)))
    }
}

/// Whether a word is a unit of time.
pub(super) fn is_time_unit(word: &str) -> bool {
    matches!(
        word,
        "milliseconds"
            | "millisecond"
            | "ms"
            | "seconds"
            | "second"
            | "sec"
            | "s"
            | "minutes"
            | "minute"
            | "min"
            | "hours"
            | "hour"
            | "h"
            | "days"
            | "day"
            | "weeks"
            | "week"
            | "months"
            | "month"
            | "years"
            | "year"
    )
}

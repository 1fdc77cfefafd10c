//! Schedules and calendars.

use crate::{
    ast::{Calendar, ItemKind, Schedule, WeekSpan},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        reader::{Read, Reader},
        syntax::{Node, Rule},
        words::{self, Place},
    },
    span::Spanned,
};

/// The days of a week as the language writes them.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl<'a> Reader<'a, '_> {
    /// `schedule nights = daily 22:00..06:00 in "Europe/Paris" except holidays`
    pub(super) fn schedule_item(&mut self) -> Read<ItemKind> {
        let node = self.phrase(Rule::schedule_item, Place::Item)?;
        let mut names = node.all(Rule::decl);
        let (Some(name), except) = (names.next(), names.next()) else { return self.unreadable(&node) };
        let name = self.name(&name);
        let mut spans = Vec::new();
        for span in node.all(Rule::week_span) {
            spans.push(self.week_span(&span)?);
        }
        let zone = node.child(Rule::string).map(|zone| self.string(&zone));
        let except = except.map(|name| self.name(&name));
        Ok(ItemKind::Schedule(Schedule { name, spans, zone, except }))
    }

    fn week_span(&mut self, node: &Node<'a>) -> Read<WeekSpan> {
        let days = self.need(node, Rule::days)?;
        let (first_day, last_day) = self.days(&days)?;
        self.check_dots(node);
        let mut clocks = node.all(Rule::clock);
        let (Some(from), Some(until)) = (clocks.next(), clocks.next()) else { return self.unreadable(node) };
        let from = self.clock(&from)?;
        let until = self.clock(&until)?;
        Ok(WeekSpan { first_day, last_day, from, until, span: self.span_of(node) })
    }

    fn days(&mut self, node: &Node<'a>) -> Read<(u8, u8)> {
        self.check_dots(node);
        let mut days = Vec::new();
        for day in node.all(Rule::weekday) {
            days.push(self.weekday(&day)?);
        }
        Ok(match days.as_slice() {
            [] => (0, 6),
            [day] => (*day, *day),
            [first, last, ..] => (*first, *last),
        })
    }

    fn weekday(&mut self, node: &Node<'a>) -> Read<u8> {
        let word = node.text();
        let known = (0_u8..).zip(WEEKDAYS).find(|(_, day)| *day == word);
        if let Some((index, _)) = known {
            return Ok(index);
        }
        let span = self.span_of(node);
        let lower = word.to_ascii_lowercase();
        if let Some((index, day)) = (0_u8..).zip(WEEKDAYS).find(|(_, day)| lower.starts_with(day)) {
            let diagnostic = Diagnostic::new(Code::RL0005, format!("`{word}` is written `{day}`"), span, "")
                .fix(format!("write `{day}`"), span, day);
            self.report(diagnostic);
            return Ok(index);
        }
        self.refuse(
            words::unknown("day of the week", word, &WEEKDAYS, span)
                .help("the days are mon, tue, … sun, or `daily`"),
        )
    }

    /// Reports a dash where two dots belong.
    fn check_dots(&mut self, node: &Node<'a>) {
        for dots in node.all(Rule::dots).filter(|dots| dots.text() != "..") {
            let span = self.span_of(&dots);
            self.report(Diagnostic::new(Code::RL0007, "a span is written with two dots", span, "").fix(
                "write `..`",
                span,
                "..",
            ));
        }
    }

    /// `calendar holidays = 2026-12-25, …`
    pub(super) fn calendar_item(&mut self) -> Read<ItemKind> {
        let node = self.phrase(Rule::calendar_item, Place::Item)?;
        let name = self.need(&node, Rule::decl)?;
        let name = self.name(&name);
        let mut days = Vec::new();
        for day in node.all(Rule::day) {
            if let Ok(value) = self.date(&day) {
                days.push(Spanned { node: value, span: self.span_of(&day) });
            }
        }
        let zone = node.child(Rule::string).map(|zone| self.string(&zone));
        Ok(ItemKind::Calendar(Calendar { name, days, zone }))
    }
}

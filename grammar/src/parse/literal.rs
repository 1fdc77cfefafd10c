//! Literals: from their text to numbers in base units.

use limitrate_core::{
    literal::{self, LiteralError, PPM_PER_PERCENT, parse_number, time_unit},
    time::Nanos,
    unit::{NANOS_PER_MONEY, Unit},
};

use crate::{
    ast::{Day, Literal, RateWindow},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        reader::{Read, Reader},
        syntax::{Node, Rule},
    },
    span::Spanned,
};

impl<'a> Reader<'a, '_> {
    /// Whether a node is one of the literals that [`Self::literal`] reads.
    pub(super) fn literal(&mut self, node: &Node<'a>) -> Read<Literal> {
        Ok(match node.rule() {
            Rule::number => Literal::Int(self.number(node, 1)?),
            Rule::boolean => Literal::Bool(node.text() == "true"),
            Rule::percent => Literal::Percent(self.percent(node)?),
            Rule::amount => {
                let (value, unit) = self.amount(node)?;
                Literal::Amount(value, unit)
            }
            Rule::duration => Literal::Duration(self.duration(node)?),
            Rule::rate => self.rate(node)?,
            Rule::flight => Literal::InFlight(self.child_number(node, 1)?),
            Rule::string => Literal::String(self.string(node).node),
            Rule::ipv4 | Rule::ipv6 => self.network(node)?,
            Rule::date | Rule::day => Literal::Date(self.date(node)?),
            Rule::clock => Literal::Clock(self.clock(node)?),
            Rule::instant => Literal::Instant(self.instant(node)?),
            Rule::unlimited => Literal::Unlimited,
            Rule::counted => {
                let (value, unit) = self.counted(node)?;
                Literal::Amount(value, unit)
            }
            Rule::price => self.price(node)?,
            Rule::odd_price => return self.no_price(node),
            Rule::odd_exponent => return self.exponent(node),
            _ => return self.unreadable(node),
        })
    }

    /// A number of digits only, such as a status.
    pub(super) fn integer(&mut self, node: &Node<'a>) -> Read<Spanned<i64>> {
        let value = self.number(node, 1)?;
        Ok(self.spanned(node, value))
    }

    pub(super) fn number(&mut self, node: &Node<'a>, scale: i64) -> Read<i64> {
        self.scaled(node, node.text(), scale)
    }

    pub(super) fn child_number(&mut self, node: &Node<'a>, scale: i64) -> Read<i64> {
        let number = self.need(node, Rule::number)?;
        self.scaled(node, number.text(), scale)
    }

    /// The number `text`, times `scale`; what is wrong with it is said of all of `node`.
    pub(super) fn scaled(&mut self, node: &Node<'a>, text: &str, scale: i64) -> Read<i64> {
        parse_number(text, scale).or_else(|error| {
            let span = self.span_of(node);
            let written = node.text();
            let diagnostic = match error {
                LiteralError::TooPrecise(_) if scale == 1 => {
                    Diagnostic::new(Code::RL0013, format!("`{written}` must be a whole number"), span, "")
                }
                LiteralError::TooPrecise(_) => Diagnostic::new(
                    Code::RL0013,
                    format!("`{written}` has more decimals than its unit can hold"),
                    span,
                    "",
                )
                .help("values are exact: bytes are whole, money has nine decimals, a price twelve, percentages four"),
                _ => {
                    let help = if node.is(Rule::window) || node.is(Rule::duration) {
                        "a span of time is at most some 292 years: 106_751 days"
                    } else {
                        "the largest number is 9_223_372_036_854_775_807; money goes up to some 9.2 billion"
                    };
                    Diagnostic::new(Code::RL0013, format!("`{written}` is too large"), span, "").help(help)
                }
            };
            self.refuse(diagnostic)
        })
    }

    /// Parts per million.
    pub(super) fn percent(&mut self, node: &Node<'a>) -> Read<i64> {
        self.scaled(node, node.text().trim_end_matches('%'), PPM_PER_PERCENT)
    }

    pub(super) fn amount(&mut self, node: &Node<'a>) -> Read<(i64, Unit)> {
        if let Some(money) = node.child(Rule::money) {
            return Ok((
                self.scaled(node, money.text().trim_start_matches('$'), NANOS_PER_MONEY)?,
                Unit::Usd,
            ));
        }
        if let Some(odd) = node.child(Rule::odd_unit) {
            return self.odd_byte_unit(&odd);
        }
        let word = self.need(node, Rule::unit)?;
        let word = if word.text() == "token" { "tokens" } else { word.text() };
        let Some((unit, scale)) = Unit::from_word(word) else { return self.unreadable(node) };
        Ok((self.child_number(node, scale)?, unit))
    }

    fn odd_byte_unit<T>(&mut self, node: &Node<'a>) -> Read<T> {
        let span = self.span_of(node);
        let word = node.text();
        let message = format!("`{word}` is counted in thousands by some and in 1024s by others");
        let mut diagnostic = Diagnostic::new(Code::RL0012, message, span, "which one?");
        diagnostic = match word.as_bytes().first() {
            Some(b'k' | b'K') => diagnostic.fix("1024 bytes: `KiB`", span, "KiB"),
            Some(b'm' | b'M') => diagnostic.fix("1024 KiB: `MiB`", span, "MiB"),
            Some(b'g' | b'G') => diagnostic.fix("1024 MiB: `GiB`", span, "GiB"),
            _ => diagnostic,
        };
        self.refuse(diagnostic.help("bytes are written in `bytes`, `KiB`, `MiB` and `GiB`"))
    }

    pub(super) fn duration(&mut self, node: &Node<'a>) -> Read<Nanos> {
        if let Some(odd) = node.child(Rule::odd_timeunit) {
            return self.odd_time_unit(&odd, false);
        }
        let word = self.need(node, Rule::timeunit)?;
        let Some(scale) = time_unit(word.text()) else {
            let span = self.span_of(&word);
            let message = format!("`{}` has no fixed length", word.text());
            let diagnostic = Diagnostic::new(Code::RL0012, message, span, "")
                .help("write days, or a rate over a calendar window such as `1000 req/month`");
            return self.refuse(diagnostic);
        };
        Ok(Nanos(self.child_number(node, scale)?))
    }

    /// Months and years are units of windows only.
    fn odd_time_unit<T>(&mut self, node: &Node<'a>, window: bool) -> Read<T> {
        let span = self.span_of(node);
        let word = node.text();
        let (message, words): (String, &[&str]) = match word {
            "m" | "M" if window => {
                (format!("`{word}` may be minutes, milliseconds or months"), &["min", "ms", "month"])
            }
            "m" | "M" => (format!("`{word}` may be minutes or milliseconds"), &["min", "ms"]),
            "mo" => ("months are written `month`".to_owned(), &["month"]),
            "mins" => ("minutes are written `min`".to_owned(), &["min"]),
            "hr" | "hrs" => ("hours are written `h` or `hour`".to_owned(), &["h"]),
            "secs" => ("seconds are written `s`".to_owned(), &["s"]),
            "d" => ("days are written `day`".to_owned(), &["day"]),
            "w" => ("weeks are written `week`".to_owned(), &["week"]),
            _ => ("years are written `year`".to_owned(), &["year"]),
        };
        let mut diagnostic = Diagnostic::new(Code::RL0012, message, span, "which unit of time?");
        for word in words {
            diagnostic = diagnostic.fix(format!("write `{word}`"), span, *word);
        }
        self.refuse(diagnostic)
    }

    fn rate(&mut self, node: &Node<'a>) -> Read<Literal> {
        let (value, unit) = match (node.child(Rule::amount), node.child(Rule::counted)) {
            (Some(amount), _) => self.amount(&amount)?,
            (None, Some(counted)) => self.counted(&counted)?,
            (None, None) => (self.child_number(node, 1)?, Unit::Requests),
        };
        if let Some(odd) = node.child(Rule::odd_window) {
            let odd = self.need(&odd, Rule::odd_timeunit)?;
            return self.odd_time_unit(&odd, true);
        }
        let window = self.need(node, Rule::window)?;
        Ok(Literal::Rate(value, Some(unit), self.window(&window)?))
    }

    /// What stands after a rate's slash.
    pub(super) fn window(&mut self, window: &Node<'a>) -> Read<RateWindow> {
        let word = self.need(window, Rule::timeunit)?;
        let count = window.child(Rule::number);
        if let (None, Some(period)) = (&count, literal::calendar_unit(word.text())) {
            return Ok(RateWindow::Calendar(period));
        }
        let Some(scale) = time_unit(word.text()) else {
            let span = self.span_of(window);
            let message = format!("several {0} have no fixed length", word.text());
            let diagnostic = Diagnostic::new(Code::RL0012, message, span, "")
                .help("a window is a whole calendar `month` or `year`, or a span such as `30 days`");
            return self.refuse(diagnostic);
        };
        let span = match count {
            Some(count) => self.scaled(window, count.text(), scale)?,
            None => scale,
        };
        if span == 0 {
            let at = self.span_of(window);
            return self.refuse(Diagnostic::new(
                Code::RL0013,
                "a window must be longer than nothing",
                at,
                "",
            ));
        }
        Ok(RateWindow::Span(Nanos(span)))
    }

    fn network(&mut self, node: &Node<'a>) -> Read<Literal> {
        let text = node.text();
        let network = text.parse::<ipnet::IpNet>().map(|network| network.trunc());
        if let Ok(network) = network.or_else(|_| text.parse::<std::net::IpAddr>().map(Into::into)) {
            return Ok(Literal::Net(network));
        }
        let span = self.span_of(node);
        let form = if node.is(Rule::ipv4) { "203.0.113.0/24" } else { "2001:db8::/32" };
        let diagnostic =
            Diagnostic::new(Code::RL0013, format!("`{text}` is no address or network"), span, "")
                .help(format!("a network is written `{form}`, a single address without the slash"));
        self.refuse(diagnostic)
    }

    pub(super) fn date(&mut self, node: &Node<'a>) -> Read<Day> {
        literal::parse_date(node.text()).map(Day).or_else(|_| {
            let span = self.span_of(node);
            let diagnostic =
                Diagnostic::new(Code::RL0011, format!("there is no day `{}`", node.text()), span, "")
                    .help("days are written year-month-day: `2026-12-25`");
            self.refuse(diagnostic)
        })
    }

    pub(super) fn clock(&mut self, node: &Node<'a>) -> Read<Nanos> {
        let text = node.text();
        literal::parse_clock(text).or_else(|_| {
            let span = self.span_of(node);
            let mut diagnostic =
                Diagnostic::new(Code::RL0011, format!("there is no time of day `{text}`"), span, "");
            let padded = format!("0{text}");
            if literal::parse_clock(&padded).is_ok() {
                diagnostic = diagnostic.fix("write two digits", span, padded);
            } else if text.starts_with("24:00") {
                diagnostic = diagnostic.fix("midnight is `00:00`", span, "00:00");
            } else {
                diagnostic = diagnostic.help("times of day go from `00:00` to `23:59:59`");
            }
            self.refuse(diagnostic)
        })
    }

    pub(super) fn instant(&mut self, node: &Node<'a>) -> Read<limitrate_core::time::Timestamp> {
        let text = node.text();
        literal::parse_instant(text).or_else(|_| {
            let span = self.span_of(node);
            let diagnostic = if literal::parse_instant(&format!("{text}Z")).is_ok() {
                Diagnostic::new(Code::RL0011, "an instant needs its offset from UTC", span, "")
                    .fix("UTC: add `Z`", span.after(), "Z")
                    .help("or an offset such as `-05:00`")
            } else {
                Diagnostic::new(Code::RL0011, format!("there is no instant `{text}`"), span, "")
                    .help("instants are written `2026-03-02T16:59:30Z`, or with an offset such as `-05:00`")
            };
            self.refuse(diagnostic)
        })
    }

    /// The text between the quotes, unescaped.
    pub(super) fn string(&mut self, node: &Node<'a>) -> Spanned<String> {
        let span = self.span_of(node);
        let inner = node.text().strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
        let mut text = String::with_capacity(inner.len());
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(c @ ('"' | '\\')) => text.push(c),
                Some(c) => text.extend(['\\', c]),
                None => text.push('\\'),
            }
        }
        Spanned { node: text, span }
    }
}

//! How a limit counts: the algorithm that its clauses name or imply, and the clauses that go with it.

use limitrate_core::{
    algorithm::Algorithm,
    window::{Window, Zone},
};
use limitrate_grammar::{
    ast::{self, RateWindow},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::{Checker, clause::Clauses, limit::is_literal};
use crate::checked::Counted;

/// The words after `using`.
const ALGORITHMS: [&str; 6] =
    ["fixed_window", "sliding_log", "sliding_window", "token_bucket", "leaky_bucket", "gcra"];

impl Checker<'_> {
    pub(super) fn in_flight(
        &mut self,
        limit: &ast::Limit,
        clauses: &Clauses<'_>,
    ) -> Option<(&'static str, Algorithm, Counted)> {
        let why = "this limit counts what runs at once";
        for (words, span) in [
            ("burst", clauses.burst.map(|(_, span)| span)),
            ("starting", clauses.starting.map(|(_, span)| span)),
            ("aligned", clauses.aligned),
            ("resets in", clauses.zone.map(|(_, span)| span)),
            ("using", clauses.using.map(|(_, span)| span)),
            ("reserve", clauses.reserve.map(|(_, _, span)| span)),
            ("settle", clauses.settle.map(|(_, span)| span)),
            ("refund when", clauses.refund.map(|(_, span)| span)),
        ] {
            if let Some(span) = span {
                self.meaningless(words, span, why);
            }
        }
        let Some((lease, _)) = clauses.lease else {
            if self.cut_short(limit.span) {
                return None;
            }
            self.report(
                Diagnostic::new(
                    Code::RL0504,
                    "say how long a request may stay in flight",
                    limit.ceiling.span,
                    "a request whose end is never seen would count for ever",
                )
                .fix("end it after two minutes", limit.span.after(), " for at most 2 min"),
            );
            return None;
        };
        Some(("in_flight", Algorithm::InFlight(lease), Counted::InFlight))
    }

    /// The algorithm that the clauses name or imply.
    pub(super) fn algorithm(
        &mut self,
        clauses: &Clauses<'_>,
        window: RateWindow,
        limit: &ast::Limit,
    ) -> Option<(&'static str, Algorithm)> {
        let (ceiling, end) = (limit.ceiling.span, limit.span.after());
        if let Some((_, span)) = clauses.lease
            && !clauses.reserves()
        {
            self.meaningless("for at most", span, "only what is in flight or reserved has a lease");
        }
        let calendar = matches!(window, RateWindow::Calendar(_));
        let word = match clauses.using {
            Some((name, _)) => match ALGORITHMS.into_iter().find(|word| *word == name.node) {
                Some(word) => word,
                None => {
                    let mut diagnostic = self.unknown("algorithm", &name.node, name.span, ALGORITHMS);
                    if diagnostic.fixes.is_empty() {
                        diagnostic = diagnostic.help(format!("the algorithms are {}", ALGORITHMS.join(", ")));
                    }
                    self.missing(&name.node, diagnostic);
                    return None;
                }
            },
            None if calendar || clauses.aligned.is_some() => "fixed_window",
            None if clauses.starting.is_some() => "token_bucket",
            None if clauses.burst.is_some() => "gcra",
            None => "sliding_window",
        };
        let fits = self.fitting(word, clauses, calendar);
        let span = match window {
            RateWindow::Span(span) => span,
            RateWindow::Calendar(period) if word == "fixed_window" => {
                let zone = self.calendar_zone(clauses, ceiling, fits.then_some(end));
                return Some((word, Algorithm::FixedWindow(Window::Calendar(period, zone))));
            }
            RateWindow::Calendar(period) => {
                let written = self.text(ceiling).to_owned();
                let spanned = match period {
                    limitrate_core::window::Period::Day => "24 h",
                    limitrate_core::window::Period::Week => "7 days",
                    limitrate_core::window::Period::Month => "30 days",
                    limitrate_core::window::Period::Year => "365 days",
                };
                let fixed = written
                    .rsplit_once('/')
                    .filter(|_| is_literal(&written))
                    .map(|(amount, _)| format!("{amount}/{spanned}"));
                let mut diagnostic = Diagnostic::new(
                    Code::RL0503,
                    format!("`{word}` cannot count by the calendar"),
                    ceiling,
                    format!("a calendar {}", period.word()),
                );
                diagnostic = match fixed {
                    Some(fixed) => diagnostic.fix("count over a span of that length", ceiling, fixed),
                    None => diagnostic.help(format!("count over a span of that length: `/{spanned}`")),
                };
                self.report(diagnostic);
                return None;
            }
        };
        let algorithm = match word {
            "fixed_window" if clauses.aligned.is_some() => Algorithm::FixedWindow(Window::Aligned(span)),
            "fixed_window" => Algorithm::FixedWindow(Window::Rolling(span)),
            "sliding_log" => Algorithm::SlidingLog(span),
            "sliding_window" => Algorithm::SlidingWindow(span),
            _ => Algorithm::Bucket(span),
        };
        Some((word, algorithm))
    }

    /// Reports clauses that say nothing to this algorithm; gives whether all fit.
    fn fitting(&mut self, word: &str, clauses: &Clauses<'_>, calendar: bool) -> bool {
        let bucket = matches!(word, "token_bucket" | "leaky_bucket" | "gcra");
        let mut fits = true;
        let mut odd = |span: Option<Span>, words: &str, why: &str| {
            if let Some(span) = span {
                self.meaningless(words, span, why);
                fits = false;
            }
        };
        let why = match clauses.using {
            None if calendar => {
                "a calendar window has no burst; write the window as a span, such as `/24 h`, to have one"
                    .to_owned()
            }
            _ => format!("`{word}` has no burst: the whole ceiling may come at once"),
        };
        odd(clauses.burst.filter(|_| !bucket).map(|(_, span)| span), "burst", &why);
        let fills = matches!(word, "token_bucket" | "gcra");
        let why = format!("`{word}` has nothing to start with");
        odd(clauses.starting.filter(|_| !fills).map(|(_, span)| span), "starting", &why);
        let why = if calendar { "the calendar aligns it" } else { "only a fixed window is aligned" };
        odd(clauses.aligned.filter(|_| calendar || word != "fixed_window"), "aligned", why);
        let why = "a span knows no time zone; only a bare day, week, month or year does";
        odd(clauses.zone.filter(|_| !calendar).map(|(_, span)| span), "resets in", why);
        fits
    }

    fn calendar_zone(&mut self, clauses: &Clauses<'_>, ceiling: Span, end: Option<Span>) -> Zone {
        match clauses.zone {
            Some((name, _)) => self.zone(name).unwrap_or(Zone::UTC),
            None => {
                // Where another clause is wrong, the window may not stay a calendar's.
                let Some(end) = end.filter(|_| !self.unread()) else { return Zone::UTC };
                self.report(
                    Diagnostic::new(
                        Code::RL1301,
                        "this window turns at midnight in UTC",
                        ceiling,
                        "no `resets in` says where",
                    )
                    .help("or name your own zone: `resets in \"Europe/Berlin\"`")
                    .fix("say so", end, " resets in \"UTC\""),
                );
                Zone::UTC
            }
        }
    }
}

//! Limits that are right and probably not what was meant: each report can be answered in the text.

use limitrate_core::{algorithm::Algorithm, time::Nanos, window::Window};
use limitrate_grammar::{ast, code::Code, diagnostic::Diagnostic, span::Span};

use super::{Checker, clause::Clauses, limit::WHOLE};
use crate::{
    checked::{Arithmetic, Counted, Limit},
    ir::arithmetic,
};

/// A day: fixed windows from here on are budgets, whose edges are far apart.
const DAY: Nanos = Nanos(86_400_000_000_000);

/// Up to this ceiling a sliding window lets through much less than it says: after all of it was taken at once, the next
/// request waits for half a window more than one of a log would.
const COARSE_CEILING: i64 = 2;

impl Checker<'_> {
    /// Reports what is odd about a limit without errors of its own.
    pub(super) fn practice(&mut self, written: &ast::Limit, clauses: &Clauses<'_>, limit: &Limit) {
        self.share_of_nothing(clauses, limit);
        if self.cut_short(written.span) {
            return; // a clause that answers may not have been read
        }
        self.never_fits(limit);
        self.edge_of_window(written, clauses, limit);
        self.coarse_window(written, clauses, limit);
        self.money_without_store(written, clauses, limit);
    }

    /// A share of a constant ceiling that is rounded down to nothing.
    fn share_of_nothing(&mut self, clauses: &Clauses<'_>, limit: &Limit) {
        let (Some(share), Some((_, span, _))) = (&limit.share, clauses.share) else { return };
        let part = |ceiling: i64| arithmetic::apply(Arithmetic::Scale, ceiling, share.ppm);
        let nothing =
            limit.ceiling.leaves().into_iter().find(|(ceiling, _)| *ceiling > 0 && part(*ceiling) == 0);
        let Some((ceiling, of)) = nothing else { return };
        // The least share, in whole percents, that comes to one unit.
        let whole = WHOLE / 100;
        let least =
            (1..=100).find(|percent| arithmetic::apply(Arithmetic::Scale, ceiling, percent * whole) > 0);
        let mut diagnostic = Diagnostic::new(
            Code::RL0511,
            "this share comes to less than one, and so to nothing",
            span,
            "refuses everybody",
        )
        .label(of, "a part of this, rounded down");
        if let Some(least) = least {
            diagnostic = diagnostic.fix("the least share that lets one through", span, format!("{least}%"));
        }
        self.report(diagnostic);
    }

    /// Keeps a report for the end: it is shown where nothing is wrong, as a mistake may be what it comes from.
    fn advise(&mut self, diagnostic: Diagnostic) {
        self.advice.push(diagnostic);
    }

    /// Shows what was kept, unless there are errors.
    pub(super) fn report_advice(&mut self) {
        if self.diagnostics.has_errors() {
            return;
        }
        for diagnostic in std::mem::take(&mut self.advice) {
            self.report(diagnostic);
        }
    }

    /// A constant cost above the lowest constant ceiling, or burst.
    fn never_fits(&mut self, limit: &Limit) {
        let Some((cost, span)) = limit.cost.as_ref().and_then(|cost| Some((cost.constant()?, cost.span)))
        else {
            return;
        };
        let ceilings = limit.ceiling.leaves();
        let lowest = match (&limit.shape.algorithm, limit.burst) {
            (Algorithm::Bucket(_), Some(burst)) => Some((burst, limit.span)),
            (Algorithm::Bucket(_), None) if limit.word == "gcra" => Some((1, limit.span)),
            (
                Algorithm::Bucket(_)
                | Algorithm::FixedWindow(_)
                | Algorithm::SlidingWindow(_)
                | Algorithm::SlidingLog(_)
                | Algorithm::InFlight(_),
                _,
            ) => ceilings.into_iter().min_by_key(|(ceiling, _)| *ceiling),
        };
        let Some((lowest, place)) = lowest.filter(|(lowest, _)| cost > *lowest) else { return };
        let most = match limit.shape.unit {
            Counted::Unit(unit) => limitrate_core::literal::write_amount(lowest, unit).to_string(),
            Counted::InFlight => lowest.to_string(),
        };
        let diagnostic = Diagnostic::new(
            Code::RL1012,
            format!("one request takes more than `{}` ever lets through", limit.name),
            span,
            "what one request takes",
        )
        .help("raise the ceiling or the `burst`, or lower the cost");
        self.advise(if place == limit.span {
            diagnostic.label(place, format!("at most {most} at once"))
        } else {
            diagnostic.label(place, "at most this much")
        });
    }

    /// `aligned` over less than a day: twice the ceiling may pass around the window's edge.
    fn edge_of_window(&mut self, written: &ast::Limit, clauses: &Clauses<'_>, limit: &Limit) {
        let Algorithm::FixedWindow(Window::Aligned(span) | Window::Rolling(span)) = &limit.shape.algorithm
        else {
            return;
        };
        let (Some(aligned), None, true) = (clauses.aligned, clauses.using, *span < DAY) else { return };
        self.advise(
            Diagnostic::new(
                Code::RL1302,
                "twice the ceiling may pass around the edge of this window",
                written.ceiling.span,
                "all of it just before, and all of it just after",
            )
            .label(aligned, "begins a new count on the clock")
            .fix("have no such edge", aligned, "using sliding_window")
            .fix("say that it is meant", written.span.after(), " using fixed_window"),
        );
    }

    /// A sliding window, inferred, over so small a ceiling that it lets through much less.
    fn coarse_window(&mut self, written: &ast::Limit, clauses: &Clauses<'_>, limit: &Limit) {
        let (Algorithm::SlidingWindow(_), None) = (&limit.shape.algorithm, clauses.using) else { return };
        let small = limit.ceiling.leaves().into_iter().find(|(n, _)| (1..=COARSE_CEILING).contains(n));
        let Some((_, span)) = small else { return };
        let end = written.span.after();
        let mut diagnostic = Diagnostic::new(
            Code::RL1306,
            "a sliding window over so few lets through less than this",
            span,
            "after all of it was taken, the next waits for up to two windows",
        )
        .fix("count exactly", end, " using sliding_log");
        if matches!(limit.shape.unit, Counted::Unit(unit) if unit.costs_one_by_default()) {
            diagnostic = diagnostic.fix("space requests evenly", end, " using gcra");
        }
        self.advise(diagnostic.fix("say that it is meant", end, " using sliding_window"));
    }

    /// Money without a choice of what happens when the store is away.
    fn money_without_store(&mut self, written: &ast::Limit, clauses: &Clauses<'_>, limit: &Limit) {
        let Counted::Unit(unit) = limit.shape.unit else { return };
        if !unit.is_money() || clauses.fail.is_some() {
            return;
        }
        self.advise(
            Diagnostic::new(
                Code::RL1304,
                "without its store this limit counts in each instance apart",
                written.ceiling.span,
                "money, and no `fail` says what happens then",
            )
            .fix("no store, no spending", written.span.after(), " fail closed")
            .fix("say that it is meant", written.span.after(), " fail local"),
        );
    }

    /// `exempt` without saying why.
    pub(super) fn exempt_without_reason(&mut self, span: Span) {
        if self.cut_short(span) {
            return;
        }
        self.advise(Diagnostic::new(Code::RL1305, "this does not say why", span, "passes uncounted").fix(
            "give the reason",
            span,
            "exempt \"…\"",
        ));
    }
}

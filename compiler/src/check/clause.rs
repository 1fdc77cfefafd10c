//! The clauses of a limit, each at most once.

use limitrate_core::time::Nanos;
use limitrate_grammar::{
    ast::{self, ClauseKind},
    code::Code,
    diagnostic::Diagnostic,
    span::{Span, Spanned},
};

use super::Checker;

/// The clauses of one limit, sorted by what they say.
#[derive(Default)]
pub(super) struct Clauses<'a> {
    pub(super) per: Option<&'a ast::Keys>,
    pub(super) globally: Option<Span>,
    pub(super) burst: Option<(&'a ast::Expr, Span)>,
    pub(super) starting: Option<(&'a ast::Expr, Span)>,
    pub(super) using: Option<(&'a ast::Name, Span)>,
    pub(super) aligned: Option<Span>,
    pub(super) lease: Option<(Nanos, Span)>,
    pub(super) costing: Option<(&'a ast::Expr, Span)>,
    pub(super) reserve: Option<(&'a ast::Expr, Option<&'a ast::Expr>, Span)>,
    pub(super) settle: Option<(&'a ast::Expr, Span)>,
    pub(super) refund: Option<(&'a ast::Expr, Span)>,
    pub(super) warn: &'a [Spanned<i64>],
    pub(super) exceed: Option<(&'a ast::Exceed, Span)>,
    pub(super) was: Option<(&'a ast::Name, Span)>,
    pub(super) share: Option<(i64, Span, &'a ast::Keys)>,
    pub(super) zone: Option<(&'a Spanned<String>, Span)>,
    pub(super) fail: Option<ast::FailMode>,
    pub(super) on: Option<&'a ast::On>,
    pub(super) overshoot: Option<(&'a Spanned<i64>, Span)>,
}

impl Checker<'_> {
    /// Sorts the clauses; reports those that stand twice and those that exclude each other.
    pub(super) fn clauses<'a>(&mut self, limit: &'a ast::Limit) -> Clauses<'a> {
        let mut out = Clauses::default();
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for clause in &limit.clauses {
            let words = clause.kind.words();
            if let Some((_, first)) = seen.iter().find(|(seen, _)| *seen == words) {
                self.report(
                    Diagnostic::new(
                        Code::RL0506,
                        format!("`{words}` stands twice"),
                        clause.span,
                        "the second one",
                    )
                    .label(*first, "the first one")
                    .fix("delete the second one", clause.span, ""),
                );
                continue;
            }
            seen.push((words, clause.span));
            match &clause.kind {
                ClauseKind::Per(keys) => out.per = Some(keys),
                ClauseKind::Globally => out.globally = Some(clause.span),
                ClauseKind::Burst(value) => out.burst = Some((value, clause.span)),
                ClauseKind::Starting(value) => out.starting = Some((value, clause.span)),
                ClauseKind::Using(name) => out.using = Some((name, clause.span)),
                ClauseKind::Aligned => out.aligned = Some(clause.span),
                ClauseKind::ForAtMost(lease) => out.lease = Some((lease.node, clause.span)),
                ClauseKind::Costing(value) => out.costing = Some((value, clause.span)),
                ClauseKind::Reserve(value, settle) => {
                    out.reserve = Some((value, settle.as_ref(), clause.span));
                }
                ClauseKind::Settle(value) => out.settle = Some((value, clause.span)),
                ClauseKind::Refund(value) => out.refund = Some((value, clause.span)),
                ClauseKind::Warn(marks) => out.warn = marks,
                ClauseKind::Exceed(exceed) => out.exceed = Some((exceed, clause.span)),
                ClauseKind::Was(name) => out.was = Some((name, clause.span)),
                ClauseKind::Share(ppm, keys) => out.share = Some((ppm.node, ppm.span, keys)),
                ClauseKind::ResetsIn(zone) => out.zone = Some((zone, clause.span)),
                ClauseKind::Fail(mode) => {
                    self.local_share(*mode, clause.span);
                    out.fail = Some(*mode);
                }
                ClauseKind::On(on) => out.on = Some(on),
                ClauseKind::Overshoot(most) => out.overshoot = Some((most, clause.span)),
            }
        }
        if let (Some(globally), Some(per)) = (out.globally, out.per) {
            self.report(
                Diagnostic::new(
                    Code::RL0503,
                    "a limit counts by a key or globally, not both",
                    globally,
                    "one counter for all",
                )
                .label(per.span, "one counter for each")
                .fix("count by the key", globally, ""),
            );
        }
        out
    }

    /// Reports a clause that has no meaning for this kind of limit.
    pub(super) fn meaningless(&mut self, words: &str, span: Span, why: &str) {
        self.report(Diagnostic::new(Code::RL0503, format!("`{words}` has no meaning here"), span, why).fix(
            "leave it out",
            span,
            "",
        ));
    }
}

//! What a limit does short of and beyond its ceiling: warnings, other answers than a plain reject, and blocks.

use limitrate_core::{charge::Block, facts::Phase};
use limitrate_grammar::{
    ast::{self, ExceedAction},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::{Checker, clause::Clauses, fact_id, limit::WHOLE};
use crate::{checked::Exceed, resolve::Symbol};

/// The status of `on exceed deny` where none is written.
const EXCEED_STATUS: u16 = 429;

/// The most marks at which one limit warns.
const MAX_MARKS: usize = 16;

impl Checker<'_> {
    /// The marks of `warn at`: ascending parts of the ceiling.
    pub(super) fn marks(&mut self, clauses: &Clauses<'_>) -> Vec<i64> {
        if let Some(mark) = clauses.warn.iter().find(|mark| mark.node <= 0 || mark.node > WHOLE) {
            self.report(Diagnostic::new(
                Code::RL0203,
                "a limit warns at more than 0% and at most 100% of its ceiling",
                mark.span,
                "outside this range",
            ));
            return Vec::new();
        }
        if let Some(extra) = clauses.warn.get(MAX_MARKS) {
            let message = format!("a limit warns at {MAX_MARKS} marks at most");
            self.report(Diagnostic::new(Code::RL0509, message, extra.span, "one too many"));
            return Vec::new();
        }
        let pairs = clauses.warn.iter().zip(clauses.warn.iter().skip(1));
        if let Some((before, mark)) = pairs.into_iter().find(|(before, mark)| mark.node <= before.node) {
            let again = clauses.warn.iter().find(|first| first.node == mark.node && first.span != mark.span);
            let message = if again.is_some() {
                "this mark stands twice"
            } else {
                "marks stand in the order in which they are reached"
            };
            let mut written: Vec<_> =
                clauses.warn.iter().map(|mark| (mark.node, self.text(mark.span).to_owned())).collect();
            written.sort_unstable();
            written.dedup_by_key(|(mark, _)| *mark);
            let sorted: Vec<String> = written.into_iter().map(|(_, text)| text).collect();
            let all = clauses.warn.iter().map(|mark| mark.span).reduce(Span::to).unwrap_or(mark.span);
            let (ours, span, theirs) = match again {
                Some(again) => ("the second one", again.span, "the first one"),
                None => ("reached first", before.span, "stands before it"),
            };
            self.report(Diagnostic::new(Code::RL0503, message, mark.span, ours).label(span, theirs).fix(
                "put them in order",
                all,
                sorted.join(", "),
            ));
            return Vec::new();
        }
        clauses.warn.iter().map(|mark| mark.node).collect()
    }

    /// What happens to a request that does not fit.
    pub(super) fn exceed(&mut self, clauses: &Clauses<'_>) -> Exceed {
        let Some((exceed, span)) = clauses.exceed else { return Exceed::Reject };
        match &exceed.action {
            None | Some(ExceedAction::Reject) => Exceed::Reject,
            Some(ExceedAction::Allow) => {
                if let Some(block) = &exceed.block {
                    let why = "a request that does not fit is allowed, so nothing begins a block";
                    self.meaningless("block", block.span, why);
                }
                Exceed::Allow
            }
            Some(ExceedAction::Deny { status, message }) => Exceed::Deny {
                status: self.status_or(status.as_ref(), EXCEED_STATUS),
                message: message.as_ref().map(|message| self.message(message)).unwrap_or_default(),
            },
            Some(ExceedAction::Downgrade(name, to)) => self.downgrade(name, to, span).unwrap_or_default(),
        }
    }

    fn downgrade(&mut self, name: &ast::Name, to: &ast::Expr, span: Span) -> Option<Exceed> {
        let Some(Symbol::Input(position)) = self.resolved.symbol(&name.node, name.span) else {
            self.unknown_fact(&name.node, name.span);
            return None;
        };
        let fact = fact_id(position)?;
        let declared = self.out.facts.get(position)?;
        if declared.decl.phase == Phase::Response {
            let declared = declared.span;
            self.report(
                Diagnostic::new(
                    Code::RL0503,
                    format!("`{}` is known only after the response", name.node),
                    name.span,
                    "too late to be changed",
                )
                .label(declared, "declared here"),
            );
            return None;
        }
        self.mark_used(fact);
        let to = self.value_of_fact(fact, to, "the value to downgrade to")?;
        Some(Exceed::Downgrade { fact, to, span })
    }

    /// `block for D doubling up to D2 forget after D3`.
    pub(super) fn block_for(&mut self, clauses: &Clauses<'_>) -> Option<Block> {
        let block = clauses.exceed.and_then(|(exceed, _)| exceed.block.as_ref())?;
        let up_to = block.up_to.as_ref().unwrap_or(&block.first);
        let forget = block.forget.as_ref().unwrap_or(up_to);
        for length in [&block.first, up_to, forget] {
            if length.node.0 <= 0 {
                self.report(Diagnostic::new(
                    Code::RL0203,
                    "a block lasts some time",
                    length.span,
                    "over as it begins",
                ));
                return None;
            }
        }
        if block.up_to.is_some() && up_to.node <= block.first.node {
            self.report(
                Diagnostic::new(
                    Code::RL0203,
                    "a block that doubles grows beyond the first one",
                    up_to.span,
                    "no longer than the first",
                )
                .label(block.first.span, "the first one")
                .help("write the longest last: `block for 1 min doubling up to 1 h`"),
            );
            return None;
        }
        Some(Block { first: block.first.node, up_to: up_to.node, forget: forget.node })
    }

    /// The name that the limit's counters had before.
    pub(super) fn was(&mut self, clauses: &Clauses<'_>, name: &str) -> Option<String> {
        let (was, span) = clauses.was?;
        let old = self.resolved.qualified(&was.node, was.span);
        if old == name {
            self.meaningless("was", span, "the limit has this name already");
            return None;
        }
        Some(old)
    }
}

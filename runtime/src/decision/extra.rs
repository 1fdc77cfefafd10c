//! What only some policies ask of a decision: warnings, the reports of shadow rules, what a reservation is settled with.

use std::sync::Arc;

use limitrate_compiler::ir::LimitInfo;
use limitrate_core::charge::Mode;
use smallvec::SmallVec;

use super::{Decision, Downgrade};
use crate::{running::Snapshot, store::Ticket};

/// What few policies ask for, so that plain ones do not pay for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extra<'p> {
    /// The sites of the policy's `reports` that apply.
    pub(crate) reports: SmallVec<[u32; 4]>,
    pub(crate) downgrade: Option<Downgrade<'p>>,
    /// The request, where it reserves.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
}

/// A `deny` or `exempt` of a shadow rule that would have applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShadowRule<'p> {
    /// The rule.
    pub rule: &'p str,
    /// Whether it would deny.
    pub deny: bool,
    /// The position in the policy's `reports`.
    pub site: u32,
}

/// What a limit wants its operator to know, though the request passes.
#[derive(Debug, Clone, Copy)]
pub struct Warning<'p> {
    /// The limit.
    pub limit: &'p LimitInfo,
    /// The highest mark of `warn at` that its use reached with this request, in parts per million of the ceiling, for the
    /// first time in the key's window.
    pub mark: Option<i64>,
    /// Whether the request went past the ceiling, by `on exceed allow`.
    pub exceeded: bool,
}

impl<'p> Decision<'p> {
    /// What limits warn of, by name. Those in shadow warn of nothing.
    pub fn warnings(&self) -> impl Iterator<Item = Warning<'p>> {
        let passes = self.outcome.passes();
        self.limits().filter_map(move |(info, limit)| {
            let exceeded = passes && limit.mode == Mode::Soft && !limit.fits();
            let mark = limit.verdict.warned;
            (exceeded || mark.is_some()).then_some(Warning { limit: info, mark, exceeded })
        })
    }

    /// The denies and exempts of shadow rules that would apply to the request, whatever became of it.
    pub fn reports(&self) -> impl Iterator<Item = ShadowRule<'p>> {
        let program = self.policy.program();
        let sites: &[u32] = self.extra.as_ref().map_or(&[], |extra| &extra.reports);
        sites.iter().filter_map(move |&position| {
            let site = program.reports.get(position as usize)?;
            let rule = program.origins.get(site.origin)?.name.as_str();
            Some(ShadowRule { rule, deny: site.deny, site: position })
        })
    }

    /// Names what the request holds until it is answered; `None` where it holds nothing.
    #[must_use]
    pub fn ticket(&self) -> Option<Ticket> {
        let program = self.policy.program();
        let holds = self.outcome.passes() && self.limits.iter().any(|limit| limit.is_held(program));
        holds.then_some(self.ticket)
    }
}

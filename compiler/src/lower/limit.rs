//! Limits: a charge for each way a limit is enforced, and one more for its share.

use limitrate_core::{algorithm::Algorithm, charge::Mode, time::Nanos};

use super::{Guard, Lowering};
use crate::{
    checked::{self, Arithmetic, KeyPart, Limit},
    identity::CounterIdentity,
    ir::{Burst, ChargeSite, Exceed, LimitId, LimitInfo, NodeId, arithmetic},
};

/// What the charges of one limit have in common.
struct Common {
    ceiling: NodeId,
    cost: NodeId,
    settle: Option<(usize, Nanos)>,
    burst: Burst,
}

impl Lowering<'_> {
    pub(super) fn limit(&mut self, limit: &Limit, guard: Guard) {
        let unlimited = self.unlimited(&limit.ceiling);
        let limited = self.graph.not(unlimited);
        let guard = self.guarded(guard, limited);
        let ceiling = self.value(&limit.ceiling);
        let cost = match &limit.cost {
            Some(cost) => self.value(cost),
            None => self.graph.constant(1),
        };
        let settle = limit.settle.as_ref().map(|settle| (self.settlement(&settle.actual), settle.lease));
        let common = Common { ceiling, cost, settle, burst: burst(limit) };
        for (when, shadow) in [(guard.enforced, false), (guard.shadow, true)] {
            if let Some(when) = when {
                self.charges(limit, &common, (when, guard.origin), shadow);
            }
        }
    }

    /// The charge of a limit, and that of its share: it has every clause of its limit, and counts apart.
    fn charges(&mut self, limit: &Limit, common: &Common, (when, origin): (NodeId, usize), shadow: bool) {
        let own = &limit.shape.keys;
        let id = self.limit_info(limit, &limit.name, own, shadow);
        let when_own = self.unless_skipped(own, when);
        let site = self.site(limit, (when_own, origin), id, shadow);
        let site = ChargeSite {
            ceiling: common.ceiling,
            cost: common.cost,
            settle: common.settle,
            burst: common.burst,
            starting: limit.starting,
            ..site
        };
        if let Some(share) = &limit.share {
            let ppm = self.graph.constant(share.ppm);
            let part = |amount: i64| arithmetic::apply(Arithmetic::Scale, amount, share.ppm);
            let id = self.limit_info(limit, &format!("{}.share", limit.name), &share.keys, shadow);
            let when = self.unless_skipped(&share.keys, when);
            let of_share = self.site(limit, (when, origin), id, shadow);
            let ceiling = self.graph.arithmetic(Arithmetic::Scale, common.ceiling, ppm);
            self.out.charges.push(ChargeSite {
                ceiling,
                cost: common.cost,
                settle: common.settle,
                burst: match common.burst {
                    Burst::Fixed(burst) => Burst::Fixed(part(burst).max(1)),
                    Burst::Ceiling => Burst::Ceiling,
                },
                starting: limit.starting.map(|amount| part(amount).max(1)),
                ..of_share
            });
        }
        self.out.charges.push(site);
    }

    /// What a limit's clauses say of each of its charges.
    fn site(
        &mut self,
        limit: &Limit,
        (when, origin): (NodeId, usize),
        id: LimitId,
        shadow: bool,
    ) -> ChargeSite {
        let exceed = self.exceed(&limit.exceed);
        let mode = match (&exceed, shadow) {
            (_, true) => Mode::Shadow,
            (Exceed::Allow, false) => Mode::Soft,
            (Exceed::Reject | Exceed::Deny { .. } | Exceed::Downgrade { .. }, false) => Mode::Enforce,
        };
        let nothing = self.graph.constant(0);
        ChargeSite {
            when,
            limit: id,
            origin,
            algorithm: limit.shape.algorithm.clone(),
            ceiling: nothing,
            cost: nothing,
            burst: Burst::Ceiling,
            starting: None,
            fail: limit.fail,
            mode,
            settle: None,
            warn: limit.warn.clone(),
            exceed,
            block: limit.block,
            overshoot: limit.overshoot,
            span: limit.span,
        }
    }

    fn exceed(&mut self, exceed: &checked::Exceed) -> Exceed {
        match exceed {
            checked::Exceed::Reject => Exceed::Reject,
            checked::Exceed::Deny { status, message } => {
                Exceed::Deny { status: *status, message: self.message(message) }
            }
            checked::Exceed::Allow => Exceed::Allow,
            checked::Exceed::Downgrade { fact, to, .. } => Exceed::Downgrade { fact: *fact, to: to.clone() },
        }
    }

    /// A limit whose key has a missing optional level is skipped.
    fn unless_skipped(&mut self, keys: &[KeyPart], when: NodeId) -> NodeId {
        keys.iter().filter_map(|part| part.skip_without).fold(when, |when, fact| {
            let present = self.fact_present(fact);
            self.graph.and(when, present)
        })
    }

    fn limit_info(&mut self, limit: &Limit, name: &str, keys: &[KeyPart], shadow: bool) -> LimitId {
        let found = self.limits.get(&(name.to_owned(), shadow)).copied();
        let position = found.unwrap_or_else(|| {
            let suffix = name.strip_prefix(limit.name.as_str()).unwrap_or_default();
            let was = limit.was.as_ref().map(|was| format!("{was}{suffix}"));
            let counted = was.clone().unwrap_or_else(|| name.to_owned());
            let counter = CounterIdentity::new(self.checked, counted, &limit.shape, keys, shadow);
            self.limits.insert((name.to_owned(), shadow), self.out.limits.len());
            self.out.limits.push(LimitInfo {
                name: name.to_owned(),
                unit: limit.shape.unit,
                algorithm: limit.shape.algorithm.clone(),
                word: limit.word,
                keys: keys.to_vec(),
                shadow,
                was,
                identity: counter.to_string(),
                counter,
            });
            self.out.limits.len() - 1
        });
        LimitId(u32::try_from(position).unwrap_or(u32::MAX))
    }
}

/// The capacity of a limit's bucket: as written, one for `gcra`, else the ceiling.
fn burst(limit: &Limit) -> Burst {
    match (limit.burst, &limit.shape.algorithm) {
        (Some(burst), _) => Burst::Fixed(burst),
        (None, Algorithm::Bucket(_)) if limit.word == "gcra" => Burst::Fixed(1),
        _ => Burst::Ceiling,
    }
}

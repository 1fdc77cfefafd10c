//! A decision over a ledger: every enforced part is judged before any is taken, and shadow ones are decided one by one after
//! that. Blocks and warnings come last.

use limitrate_core::{
    charge::{Charge, Counted, Mode, Verdict},
    time::{Nanos, Timestamp},
    warning,
};

use super::Ledger;
use crate::store::{
    Entry, Ticket, Verdicts,
    beside::{block_key, warning_key},
    memory::part::{Parts, blocked_for, merge, part_on},
};

/// See [`LocalStore::charge`](crate::store::LocalStore::charge).
pub(super) fn charge(
    ledger: &mut Ledger,
    now: Timestamp,
    charges: &[Charge<'_>],
    ticket: Ticket,
) -> (bool, Verdicts) {
    let mut parts = Parts::new();
    merge(&mut parts, charges.iter().copied(), Counted::Own);
    let mut deciding = Deciding { ledger, parts, now, ticket };
    deciding.judge(false);
    let fits = deciding.parts.iter().all(|part| part.judged.is_ok() || part.charge.mode != Mode::Enforce);
    if fits {
        deciding.take(false);
    }
    deciding.judge(true);
    if fits {
        deciding.take(true);
    }
    deciding.set_off_blocks(fits);
    deciding.warn();
    (fits, charges.iter().filter_map(|charge| deciding.verdict(charge)).collect())
}

struct Deciding<'l, 'p> {
    ledger: &'l mut Ledger,
    parts: Parts<'p>,
    now: Timestamp,
    ticket: Ticket,
}

impl Deciding<'_, '_> {
    /// Judges the shadow parts, or the others.
    fn judge(&mut self, shadow: bool) {
        for part in self.parts.iter_mut().filter(|part| part.is_shadow() == shadow) {
            let Charge { counter, mode, block, .. } = part.charge;
            let judged = part.judging(self.now).judge(self.ledger.state(counter));
            let running = block
                .and_then(|_| self.ledger.block(counter, mode))
                .and_then(|block| block.remaining(self.now));
            part.blocked = running.is_some();
            part.judged = running.map_or(judged, |remaining| blocked_for(remaining, judged));
        }
    }

    /// Takes the shadow parts that fit, or the others, which all do or are taken regardless.
    fn take(&mut self, shadow: bool) {
        for part in self.parts.iter_mut().filter(|part| part.is_shadow() == shadow) {
            part.taken = part.judged.is_ok() || part.is_regardless();
            if part.taken {
                self.ledger.take_cost(self.now, &part.charge, part.reserved, self.ticket);
            }
        }
    }

    /// Sets off the blocks of what did not fit. A shadow charge does so only where it would have been taken.
    fn set_off_blocks(&mut self, fits: bool) {
        for part in &mut self.parts {
            let Charge { counter, mode, block, .. } = part.charge;
            let counts = fits || mode != Mode::Shadow;
            let Some(block) = block.filter(|_| counts && !part.blocked && part.judged.is_err()) else {
                continue;
            };
            let state = block.set_off(self.ledger.block(counter, mode), self.now);
            self.ledger.put(block_key(counter, mode), Entry::Block(state), block.forgotten_at(&state));
            let remaining = state.remaining(self.now).unwrap_or(Nanos::ZERO);
            part.judged = blocked_for(remaining, part.judged);
            part.blocked = true;
        }
    }

    /// Tells the marks that were reached by what was taken.
    fn warn(&mut self) {
        for part in &mut self.parts {
            let Charge { counter, algorithm, terms, cost, hold, warn, .. } = part.charge;
            let is_spent = part.taken && (cost > 0 || hold.is_some());
            if !is_spent || warn.is_empty() {
                continue;
            }
            let state = self.ledger.state(counter);
            let Some(mark) = warning::reached(warn, algorithm, state, terms, self.now) else { continue };
            let last = self.ledger.warning(counter);
            let Some(given) = warning::given(mark, last, algorithm, state, self.now) else { continue };
            part.warned = Some(mark);
            self.ledger.put(warning_key(counter), Entry::Warning(given), given.until);
        }
    }

    fn verdict(&self, charge: &Charge<'_>) -> Option<Verdict> {
        let part = part_on(&self.parts, charge.counter, charge.mode)?;
        let status = part.judging(self.now).status(self.ledger.state(charge.counter));
        let verdict = Verdict::new(part.judged, status, Counted::Own);
        Some(Verdict { blocked: part.blocked, warned: part.warned, ..verdict })
    }
}

//! A call to the store that asks for leases beside what it charges.
//!
//! A lease is a further charge on the same counter, taken if it fits once the call's own ones were: to the store it is one in
//! shadow, whose answer changes nothing for the others.

use std::mem;

use limitrate_core::{
    algorithm::{Algorithm, Refusal},
    charge::{Charge, Counted, Fail, Mode, Verdict},
    lease::most_leased,
    time::Timestamp,
};
use smallvec::SmallVec;

use super::{
    record::Told,
    slot::{MAX_UNITS, terms_of},
    table::{Place, Table},
};
use crate::store::{Call, Charged};

/// The most charges of one call, leases included.
const MAX_CHARGES: usize = 64;

/// Whether a charge may be decided by what is leased of its counter.
#[inline]
pub(super) fn is_leasable(charge: &Charge<'_>) -> bool {
    charge.overshoot > 0
        && charge.mode == Mode::Enforce
        && charge.hold.is_none()
        && charge.block.is_none()
        && charge.cost >= 0
        && !matches!(charge.algorithm, Algorithm::InFlight(_))
}

/// Whether a call may be decided here: all of it, and one that is not to be remembered by the store.
#[inline]
pub(super) fn may_be_local(call: &Call, charges: &[Charge<'_>]) -> bool {
    call.request.is_none() && !charges.is_empty() && charges.iter().all(is_leasable)
}

/// What one instance may have leased of a charge's counter.
fn most_here(charge: &Charge<'_>, instances: i64) -> i64 {
    let most = most_leased(charge.terms.ceiling, charge.overshoot);
    (most / instances.max(1)).min(MAX_UNITS)
}

/// A call's charges, and the leases it asks for.
#[derive(Debug)]
pub(super) struct Plan<'c, 't> {
    table: &'t Table,
    /// The call's own ones first.
    charges: SmallVec<[Charge<'c>; 8]>,
    own: usize,
    leases: SmallVec<[Asked<'t>; 4]>,
    /// Whether each counter is charged once, so that its verdict is that of its charge.
    is_plain: bool,
}

/// A lease that is asked for. Dropped without an answer, it is given up: its units, if they were taken, stand as used.
#[derive(Debug)]
struct Asked<'t> {
    table: &'t Table,
    place: Place,
    /// Where its charge stands in the call.
    at: usize,
    units: i64,
    is_answered: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.table.give_up(self.place);
        }
    }
}

impl<'c, 't> Plan<'c, 't> {
    /// Plans a call that [may be local](may_be_local) and was not.
    pub(super) fn new(table: &'t Table, call: &Call, charges: &[Charge<'c>]) -> Self {
        let is_first = |at: usize, charge: &Charge<'_>| {
            charges.iter().take(at).all(|other| other.counter != charge.counter)
        };
        let is_plain = charges.iter().enumerate().all(|(at, charge)| is_first(at, charge));
        let own = charges.len();
        let mut plan = Self { table, charges: charges.into(), own, leases: SmallVec::new(), is_plain };
        if !is_plain || own > MAX_CHARGES / 2 {
            return plan;
        }
        for charge in charges {
            let most = most_here(charge, table.instances());
            let Some((place, units)) = table.ask(charge, terms_of(charge), call, most) else { continue };
            let at = plan.charges.len();
            plan.leases.push(Asked { table, place, at, units, is_answered: false });
            plan.charges.push(Charge {
                cost: units,
                mode: Mode::Shadow,
                fail: Fail::Closed,
                warn: &[],
                ..*charge
            });
        }
        plan
    }

    /// What to charge.
    pub(super) fn charges(&self) -> &[Charge<'c>] {
        &self.charges
    }

    /// Keeps what was leased, notes what was said, and leaves what the call's own charges came to.
    pub(super) fn finish(mut self, call: &Call, mut charged: Charged) -> Charged {
        // What was decided without the store says nothing of its counters.
        if !charged.degraded && self.is_plain {
            self.keep(call, &charged);
            let noted = self.charges.iter().zip(&charged.verdicts).take(self.own);
            for (charge, verdict) in noted.filter(|(_, verdict)| verdict.counted == Counted::Own) {
                let told = self.told(charge, call, verdict, charged.now);
                self.table.note(charge, terms_of(charge), call, &told);
            }
        }
        charged.verdicts.truncate(self.own);
        if !charged.degraded {
            // What is leased here is left, too.
            for (charge, verdict) in self.charges.iter().zip(&mut charged.verdicts) {
                let remaining = &mut verdict.status.remaining;
                *remaining = remaining.saturating_add(self.table.units(charge.counter));
            }
        }
        charged
    }

    /// What the store said of a charge's counter, at this instant by its clock.
    fn told(&self, charge: &Charge<'_>, call: &Call, verdict: &Verdict, at: Timestamp) -> Told {
        let fits_at = match verdict.judged {
            Ok(()) => None,
            Err(Refusal::Wait(wait)) => Some(call.now.after(wait)),
            Err(Refusal::Never) => Some(Timestamp::MAX),
        };
        let most = most_here(charge, self.table.instances());
        Told { status: verdict.status, fits_at, most, is_apart: at != call.now }
    }

    fn keep(&mut self, call: &Call, charged: &Charged) {
        let mut leases = mem::take(&mut self.leases);
        for lease in &mut leases {
            let Some(verdict) = charged.verdicts.get(lease.at) else { continue };
            let Some(charge) = self.charges.get(lease.at) else { continue };
            if charged.taken && verdict.judged.is_ok() && verdict.counted == Counted::Own {
                lease.is_answered = true;
                let told = self.told(charge, call, verdict, charged.now);
                lease.table.install(lease.place, lease.units, &told, call);
                metrics::counter!("limitrate_leases_taken_total").increment(1);
                metrics::counter!("limitrate_leased_units_total").increment(lease.units.unsigned_abs());
            }
        }
        // Those that were not taken are dropped here, and asked for no more.
    }
}

//! What calls that name themselves were answered, for when they are made again.

use limitrate_core::{
    algorithm::Refusal,
    charge::{Charge, Mode, Verdict},
    key::CounterKey,
    time::Timestamp,
};

use super::{Ledger, deciding};
use crate::store::{Call, Charged, Entry, beside::receipt_key, contract::RECEIPT_KEPT, entry::Judged};

impl Ledger {
    /// What a call was answered whose receipt this is, if it is remembered.
    pub(super) fn answered(
        &self,
        receipt: CounterKey,
        now: Timestamp,
        call: &Call,
        charges: &[Charge<'_>],
    ) -> Option<Charged> {
        let row = self.rows.get(&receipt).filter(|row| now < row.idle_at)?;
        match row.entry.as_ref()? {
            Entry::Receipt(charged) => Some(charged.as_ref().clone()),
            Entry::Judged(judged) => Some(again(judged, call, charges)),
            Entry::Counter(_) | Entry::Hold(_) | Entry::Block(_) | Entry::Warning(_) => None,
        }
    }
}

/// The answer of a call from what it was judged by.
fn again(judged: &Judged, call: &Call, charges: &[Charge<'_>]) -> Charged {
    let mut ledger = Ledger::new();
    let mut before = judged.before.iter();
    let unnamed = Call { request: None, ..*call };
    Ledger::keys_of_charges(&unnamed, charges, |key| ledger.load(key, before.next().cloned().flatten()));
    let (taken, mut verdicts) = deciding::charge(&mut ledger, judged.now, charges, call.ticket);
    if taken != judged.taken {
        // By terms that have changed since then. What was decided stands.
        let told = if judged.taken { Ok(()) } else { Err(Refusal::Wait(RECEIPT_KEPT)) };
        let enforced = charges.iter().zip(&mut verdicts).filter(|(charge, _)| charge.mode == Mode::Enforce);
        enforced.for_each(|(_, verdict)| *verdict = Verdict { judged: told, blocked: false, ..*verdict });
    }
    Charged { taken: judged.taken, now: judged.now, verdicts, degraded: false }
}

/// Where the receipt of a call is kept, if it names itself and charges anything.
pub(super) fn receipt_of(call: &Call, charges: &[Charge<'_>]) -> Option<CounterKey> {
    Some(receipt_key(charges.first()?.counter, call.request?))
}

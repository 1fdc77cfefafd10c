//! What an attempt took and did not finish is given back, by itself or by whoever finds its note.
//!
//! The last place has the last word. If it has taken its charges, the decision is taken and stays. If it has not, it is told that the
//! attempt was given up, as is every other place: whatever of the attempt comes later changes nothing. Doing so again is harmless.

use std::time::Duration;

use limitrate_core::time::{Nanos, Timestamp};

use super::note::{Note, Share};
use crate::store::{
    Call, Lease, Ledger, Settlement, StoreError,
    redis::{Inner, Outcome, link::Until},
};

/// How long a place knows that an attempt was given up: longer than a process stands still that goes on with it afterwards.
const GIVEN_UP: Nanos = Nanos::from_secs(3_600);

/// How long a place is waited for, so that one that does not answer holds up no other.
const LONGEST_STEP: Duration = Duration::from_secs(1);

impl Inner {
    /// Gives back what an attempt took at all places that can be reached, unless the decision is taken. Whether it was given back.
    pub(super) async fn give_back(&self, note: &Note, may_be_decided: bool) -> Result<bool, StoreError> {
        let Some((last, others)) = note.shares.split_last() else { return Ok(false) };
        if may_be_decided && self.is_decided(note, last).await? {
            return Ok(false);
        }
        let mut outcome = Outcome::default();
        for share in others {
            outcome.note(self.give_back_at(note, share).await);
        }
        outcome.of(true)
    }

    /// Whether the last place has taken its charges. If it has not, it will not do so any more.
    async fn is_decided(&self, note: &Note, last: &Share) -> Result<bool, StoreError> {
        let outcome = note.outcome_key(last);
        let sharing = note.shared_keys(last).map(|[_, sharing]| sharing);
        let work = |ledger: &mut Ledger, now: Timestamp| {
            let is_taken = match sharing {
                Some(sharing) => ledger.is_shared(sharing, now),
                None => ledger.outcome(outcome) == Some(true),
            };
            if !is_taken {
                give_up(ledger, note, last, now);
            }
            is_taken
        };
        let keys = [outcome].into_iter().chain(sharing).collect();
        self.exchange(&note.call(last), keys, Until::after(LONGEST_STEP), work).await
    }

    /// Gives back what an attempt took at a place, unless another one relies on it too.
    async fn give_back_at(&self, note: &Note, share: &Share) -> Result<(), StoreError> {
        let work = |ledger: &mut Ledger, now: Timestamp| {
            give_up(ledger, note, share, now);
            if let Some([receipt, sharing]) = note.shared_keys(share) {
                if ledger.unshare(sharing, note.attempt, now) != Some(true) {
                    return;
                }
                ledger.drop_entry(receipt);
            }
            put_back(ledger, now, share);
        };
        self.exchange(&note.call(share), note.keys(share), Until::after(LONGEST_STEP), work).await
    }
}

impl Note {
    /// The call at a place, as far as giving back goes.
    const fn call(&self, share: &Share) -> Call {
        Call { clock: self.clock, ..Call::at(self.now, share.ticket) }
    }
}

/// Writes that an attempt was given up.
fn give_up(ledger: &mut Ledger, note: &Note, share: &Share, now: Timestamp) {
    let outcome = note.outcome_key(share);
    if ledger.outcome(outcome).is_none() {
        ledger.put_outcome(outcome, false, now, now.after(GIVEN_UP));
    }
}

/// Puts back what was taken.
pub(super) fn put_back(ledger: &mut Ledger, now: Timestamp, share: &Share) {
    for part in &share.parts {
        let (counter, ticket, algorithm) = (part.counter, share.ticket, &part.algorithm);
        if part.weight > 0 {
            ledger.take_back(&Lease { counter, limit: counter, ticket }, part.weight);
        }
        ledger.settle(now, &[Settlement { counter, limit: counter, algorithm, ticket, actual: 0 }]);
    }
}

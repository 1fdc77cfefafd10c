//! What a decision over several places needs of a ledger: to know a call again, to know which attempts to make it share what was
//! taken, and what became of an attempt.

use limitrate_core::{
    algorithm::{LeaseId, State, in_flight},
    charge::Charge,
    key::CounterKey,
    time::Timestamp,
};

use super::{Ledger, receipt_of};
use crate::store::{Call, Charged, Entry, Verdicts};

/// How many attempts to make one call are kept in mind.
const MOST_SHARING: usize = 64;

impl Ledger {
    /// Whether [`Self::charge`] answers a call from its receipt.
    pub(in crate::store) fn remembers(&self, now: Timestamp, call: &Call, charges: &[Charge<'_>]) -> bool {
        receipt_of(call, charges).is_some_and(|key| self.answered(key, now, call, charges).is_some())
    }

    /// What became of an attempt, if that is written under this key: whether it took.
    pub(in crate::store) fn outcome(&self, key: CounterKey) -> Option<bool> {
        match self.rows.get(&key).and_then(|row| row.entry.as_ref()) {
            Some(Entry::Receipt(charged)) => Some(charged.taken),
            Some(
                Entry::Counter(_) | Entry::Hold(_) | Entry::Block(_) | Entry::Warning(_) | Entry::Judged(_),
            )
            | None => None,
        }
    }

    /// Writes what became of an attempt.
    pub(in crate::store) fn put_outcome(
        &mut self,
        key: CounterKey,
        taken: bool,
        now: Timestamp,
        until: Timestamp,
    ) {
        let charged = Charged { taken, now, verdicts: Verdicts::new(), degraded: false };
        self.put(key, Entry::Receipt(Box::new(charged)), until);
    }

    /// Writes that an attempt relies on what was taken, with all others that do.
    pub(in crate::store) fn share(
        &mut self,
        key: CounterKey,
        attempt: u64,
        now: Timestamp,
        until: Timestamp,
    ) {
        let mut sharing = self.sharing(key, now);
        sharing.retain(|(id, ..)| id.0 != attempt);
        let until = sharing.last().map_or(until, |(_, last, _)| until.max(*last));
        // The oldest are over, unless so many are under way at once: then one of the others gives back what all rely on.
        sharing.drain(..(sharing.len() + 1).saturating_sub(MOST_SHARING));
        sharing.push((LeaseId(attempt), until, 1));
        self.put_sharing(key, now, sharing, until);
    }

    /// Takes an attempt out of those that rely on what was taken. Whether it was the last of them; `None` if it was none.
    pub(in crate::store) fn unshare(
        &mut self,
        key: CounterKey,
        attempt: u64,
        now: Timestamp,
    ) -> Option<bool> {
        let mut sharing = self.sharing(key, now);
        let position = sharing.iter().position(|(id, ..)| id.0 == attempt)?;
        sharing.remove(position);
        match sharing.last() {
            Some(&(_, until, _)) => {
                self.put_sharing(key, now, sharing, until);
                Some(false)
            }
            None => {
                self.drop_entry(key);
                Some(true)
            }
        }
    }

    /// Whether any attempt relies on what was taken.
    pub(in crate::store) fn is_shared(&self, key: CounterKey, now: Timestamp) -> bool {
        !self.sharing(key, now).is_empty()
    }

    /// Drops what stands under a key.
    pub(in crate::store) fn drop_entry(&mut self, key: CounterKey) {
        self.take(key);
    }

    /// Attempts that share are kept as leases are: each ends by itself.
    fn sharing(&self, key: CounterKey, now: Timestamp) -> Vec<(LeaseId, Timestamp, i64)> {
        let Some(State::InFlight(sharing)) = self.state(key) else { return Vec::new() };
        sharing.leases().filter(|(_, until, _)| now < *until).collect()
    }

    fn put_sharing(
        &mut self,
        key: CounterKey,
        now: Timestamp,
        sharing: Vec<(LeaseId, Timestamp, i64)>,
        until: Timestamp,
    ) {
        if let Some(sharing) = in_flight::State::from_leases(now, sharing) {
            self.put(key, Entry::Counter(State::InFlight(sharing)), until);
        }
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::time::Nanos;

    use super::*;

    const KEY: CounterKey = CounterKey(7);

    #[test]
    fn what_attempts_share_is_given_back_by_the_last_of_them() {
        let (now, until) = (Timestamp(0), Timestamp(100));
        let mut ledger = Ledger::new();
        assert_eq!(ledger.unshare(KEY, 1, now), None);
        for attempt in [1, 2, 1] {
            ledger.share(KEY, attempt, now, until);
        }
        assert_eq!(ledger.unshare(KEY, 3, now), None);
        assert_eq!(ledger.unshare(KEY, 1, now), Some(false));
        assert!(ledger.is_shared(KEY, now));
        assert_eq!(ledger.unshare(KEY, 1, now), None);
        assert_eq!(ledger.unshare(KEY, 2, now), Some(true));
        assert!(!ledger.is_shared(KEY, now));
    }

    #[test]
    fn a_call_that_is_made_ever_again_is_kept_in_mind_in_so_many_attempts() {
        let (now, until) = (Timestamp(0), Timestamp(100));
        let mut ledger = Ledger::new();
        let attempts = 3 * u64::try_from(MOST_SHARING).unwrap();
        (0..attempts).for_each(|attempt| ledger.share(KEY, attempt, now, until));
        assert_eq!(ledger.sharing(KEY, now).len(), MOST_SHARING);
        assert_eq!(ledger.unshare(KEY, 0, now), None);
        assert_eq!(ledger.unshare(KEY, attempts - 1, now), Some(false));
    }

    #[test]
    fn an_attempt_shares_for_as_long_as_it_said() {
        let mut ledger = Ledger::new();
        ledger.share(KEY, 1, Timestamp(0), Timestamp(100));
        ledger.share(KEY, 2, Timestamp(50), Timestamp(150));
        assert_eq!(ledger.unshare(KEY, 2, Timestamp(100)), Some(true));
        // By a clock that stepped back, none ends before one that came earlier.
        ledger.share(KEY, 1, Timestamp(50), Timestamp(150));
        ledger.share(KEY, 2, Timestamp(0), Timestamp(100));
        assert!(ledger.is_shared(KEY, Timestamp(149)) && !ledger.is_shared(KEY, Timestamp(150)));
    }

    #[test]
    fn an_outcome_is_read_back() {
        let mut ledger = Ledger::new();
        assert_eq!(ledger.outcome(KEY), None);
        for taken in [false, true] {
            ledger.put_outcome(KEY, taken, Timestamp(0), Timestamp(0).after(Nanos(5)));
            assert_eq!(ledger.outcome(KEY), Some(taken));
        }
        ledger.drop_entry(KEY);
        assert_eq!(ledger.outcome(KEY), None);
    }
}

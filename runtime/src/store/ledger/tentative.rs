//! What a decision over several places needs of a ledger: to know a call again, and to mark whose work an entry is.

use limitrate_core::{
    algorithm::{Hold, Place},
    charge::Charge,
    key::CounterKey,
    time::Timestamp,
};

use super::{Ledger, Row, receipt_of};
use crate::store::{Call, Entry};

impl Ledger {
    /// Whether [`Self::charge`] answers a call from its receipt.
    pub(in crate::store) fn remembers(&self, now: Timestamp, call: &Call, charges: &[Charge<'_>]) -> bool {
        let row = receipt_of(call, charges).and_then(|key| self.rows.get(&key));
        matches!(row, Some(Row { entry: Some(Entry::Receipt(_)), idle_at, .. }) if now < *idle_at)
    }

    /// Puts a mark under a key.
    pub(in crate::store) fn put_mark(&mut self, key: CounterKey, mark: u64, until: Timestamp) {
        let hold = Hold { reserved: mark.cast_signed(), place: Place::Nowhere };
        self.put(key, Entry::Hold(hold), until);
    }

    /// Whether this mark stands under a key.
    pub(in crate::store) fn has_mark(&self, key: CounterKey, mark: u64) -> bool {
        let entry = self.rows.get(&key).and_then(|row| row.entry.as_ref());
        matches!(entry, Some(Entry::Hold(hold)) if hold.reserved == mark.cast_signed())
    }

    /// Drops what stands under a key.
    pub(in crate::store) fn drop_entry(&mut self, key: CounterKey) {
        self.take(key);
    }
}

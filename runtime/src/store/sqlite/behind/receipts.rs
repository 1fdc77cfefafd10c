//! What calls that named themselves were answered, for when they are made again. They are not written: a restart forgets them.

use std::collections::HashMap;

use limitrate_core::{key::CounterKey, time::Timestamp};
use parking_lot::Mutex;

use crate::store::{Charged, contract::RECEIPT_KEPT};

/// How many locks there are.
const STRIPES: usize = 64;

/// How many answers each keeps. Beyond them, those of calls that come first are kept.
const MAX_KEPT: usize = 4_096;

/// Answers by the name of their call.
#[derive(Debug)]
pub(super) struct Receipts(Box<[Mutex<HashMap<CounterKey, Charged>>]>);

impl Default for Receipts {
    fn default() -> Self {
        Self((0..STRIPES).map(|_| Mutex::default()).collect())
    }
}

impl Receipts {
    /// What the call was answered before, or is answered now.
    pub(super) fn once(
        &self,
        name: CounterKey,
        now: Timestamp,
        charge: impl FnOnce() -> Option<Charged>,
    ) -> Option<Charged> {
        let is_kept = |charged: &Charged| now < charged.now.after(RECEIPT_KEPT);
        let mut kept = self.0.get(stripe(name))?.lock();
        if let Some(charged) = kept.get(&name).filter(|charged| is_kept(charged)) {
            return Some(charged.clone());
        }
        let charged = charge()?;
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, charged| is_kept(charged));
        }
        if kept.len() < MAX_KEPT {
            kept.insert(name, charged.clone());
        }
        Some(charged)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the mask leaves fewer bits than any integer has")]
const fn stripe(name: CounterKey) -> usize {
    name.0 as usize & (STRIPES - 1)
}

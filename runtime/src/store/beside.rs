//! The keys of what is kept beside a counter: its reservations, blocks, warnings, and receipts of calls.
//!
//! They differ from the counter's key in the lower half only, so a store that places keys by the upper half keeps all of
//! them in one place.

use limitrate_core::{charge::Mode, key::CounterKey};

use super::{RequestId, Ticket};

/// What is kept beside a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Beside {
    Hold = 1,
    Block,
    ShadowBlock,
    Warning,
    Receipt,
}

/// The reservation of a decision.
#[must_use]
pub fn hold_key(counter: CounterKey, ticket: Ticket) -> CounterKey {
    counter.beside(Beside::Hold as u64, ticket.0)
}

/// The block of a counter: shadow charges set off blocks of their own.
#[must_use]
pub fn block_key(counter: CounterKey, mode: Mode) -> CounterKey {
    let beside = match mode {
        Mode::Enforce | Mode::Soft => Beside::Block,
        Mode::Shadow => Beside::ShadowBlock,
    };
    counter.beside(beside as u64, 0)
}

/// The last warning of a counter.
#[must_use]
pub fn warning_key(counter: CounterKey) -> CounterKey {
    counter.beside(Beside::Warning as u64, 0)
}

/// The receipt of a call that named itself, beside the first counter it charged.
#[must_use]
pub fn receipt_key(counter: CounterKey, request: RequestId) -> CounterKey {
    counter.beside(Beside::Receipt as u64, request.folded())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_a_counter_has_a_key_of_its_own_in_the_same_place() {
        let counter = CounterKey::of_limit(b"limit", 7);
        let mut keys = vec![
            counter,
            hold_key(counter, Ticket(0)),
            hold_key(counter, Ticket(1)),
            block_key(counter, Mode::Enforce),
            block_key(counter, Mode::Shadow),
            warning_key(counter),
            receipt_key(counter, RequestId::of(b"a")),
            receipt_key(counter, RequestId::of(b"b")),
        ];
        assert!(keys.iter().all(|key| key.0 >> 64 == counter.0 >> 64));
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 8);
        assert_eq!(block_key(counter, Mode::Soft), block_key(counter, Mode::Enforce));
    }
}

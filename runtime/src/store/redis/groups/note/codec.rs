//! Notes as bytes. A reader checks every length, and leaves alone what a newer version wrote.

use limitrate_core::{
    algorithm::Algorithm,
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};

use super::{Note, Part, Share};
use crate::store::{ClockOf, RequestId, Ticket};

/// The first byte of this layout.
const LAYOUT: u8 = 1;

/// What is said of the call, in one byte.
mod flag {
    pub(super) const BY_CALLER: u8 = 1;
    pub(super) const NAMED: u8 = 2;
}

impl Note {
    /// As bytes. `None` if it has more places, or counters at one, than any decision has.
    pub(in super::super) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(64 + 48 * self.shares.len());
        let by_caller = if self.clock == ClockOf::Caller { flag::BY_CALLER } else { 0 };
        let named = if self.request.is_some() { flag::NAMED } else { 0 };
        bytes.extend_from_slice(&[LAYOUT, by_caller | named]);
        bytes.extend_from_slice(&self.attempt.to_le_bytes());
        bytes.extend_from_slice(&self.request.map_or(0, |request| request.0).to_le_bytes());
        bytes.extend_from_slice(&self.now.0.to_le_bytes());
        bytes.push(u8::try_from(self.shares.len()).ok()?);
        for share in &self.shares {
            bytes.extend_from_slice(&share.first.0.to_le_bytes());
            bytes.extend_from_slice(&share.ticket.0.to_le_bytes());
            bytes.push(u8::try_from(share.parts.len()).ok()?);
            for part in &share.parts {
                let (kind, span) = written(&part.algorithm);
                bytes.extend_from_slice(&part.counter.0.to_le_bytes());
                bytes.push(kind);
                bytes.extend_from_slice(&span.to_le_bytes());
                bytes.extend_from_slice(&part.weight.to_le_bytes());
            }
        }
        Some(bytes)
    }

    /// From bytes; `None` if they are no note of this layout.
    pub(in super::super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = Bytes(bytes);
        let [LAYOUT, flags] = rest.take::<2>()? else { return None };
        let attempt = u64::from_le_bytes(rest.take()?);
        let request = RequestId(u128::from_le_bytes(rest.take()?));
        let now = Timestamp(i64::from_le_bytes(rest.take()?));
        let shares = (0..rest.count()?).map(|_| rest.share()).collect::<Option<_>>()?;
        rest.0.is_empty().then_some(Self {
            attempt,
            request: (flags & flag::NAMED != 0).then_some(request),
            clock: if flags & flag::BY_CALLER == 0 { ClockOf::Store } else { ClockOf::Caller },
            now,
            shares,
        })
    }
}

/// What is not read yet.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn count(&mut self) -> Option<u8> {
        self.take().map(|[count]| count)
    }

    fn share(&mut self) -> Option<Share> {
        let first = CounterKey(u128::from_le_bytes(self.take()?));
        let ticket = Ticket(u64::from_le_bytes(self.take()?));
        let parts = (0..self.count()?).map(|_| self.part()).collect::<Option<_>>()?;
        Some(Share { first, ticket, parts })
    }

    fn part(&mut self) -> Option<Part> {
        let counter = CounterKey(u128::from_le_bytes(self.take()?));
        let kind = self.count()?;
        let algorithm = read(kind, i64::from_le_bytes(self.take()?))?;
        Some(Part { counter, algorithm, weight: i64::from_le_bytes(self.take()?) })
    }
}

/// An algorithm as far as giving back needs it: a reservation says itself which fixed window it is of.
const fn written(algorithm: &Algorithm) -> (u8, i64) {
    match algorithm {
        Algorithm::FixedWindow(_) => (1, 1),
        Algorithm::SlidingLog(span) => (2, span.0),
        Algorithm::SlidingWindow(span) => (3, span.0),
        Algorithm::Bucket(span) => (4, span.0),
        Algorithm::InFlight(span) => (5, span.0),
    }
}

const fn read(kind: u8, span: i64) -> Option<Algorithm> {
    let span = Nanos(span);
    Some(match kind {
        1 => Algorithm::FixedWindow(Window::Rolling(span)),
        2 => Algorithm::SlidingLog(span),
        3 => Algorithm::SlidingWindow(span),
        4 => Algorithm::Bucket(span),
        5 => Algorithm::InFlight(span),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_and_nothing_else_is() {
        let span = Nanos::from_secs(60);
        let part = |number, algorithm| Part { counter: CounterKey(number), algorithm, weight: 3 };
        let parts = vec![
            part(1, Algorithm::FixedWindow(Window::Rolling(Nanos(1)))),
            part(2, Algorithm::SlidingLog(span)),
            part(3, Algorithm::SlidingWindow(span)),
            part(4, Algorithm::Bucket(span)),
            part(u128::MAX, Algorithm::InFlight(span)),
        ];
        let shares = vec![
            Share { first: CounterKey(1), ticket: Ticket(7), parts },
            Share { first: CounterKey(6), ticket: Ticket(8), parts: vec![] },
        ];
        for (request, clock) in [(None, ClockOf::Store), (Some(RequestId(5)), ClockOf::Caller)] {
            let note = Note { attempt: 9, request, clock, now: Timestamp(-2), shares: shares.clone() };
            let bytes = note.encode().unwrap();
            assert_eq!(Note::decode(&bytes), Some(note));
            for length in 0..bytes.len() {
                assert_eq!(Note::decode(&bytes[..length]), None, "{length}");
            }
            assert_eq!(Note::decode(&[&bytes[..], &[0]].concat()), None);
            assert_eq!(Note::decode(&[&[LAYOUT + 1], &bytes[1..]].concat()), None);
        }
    }
}

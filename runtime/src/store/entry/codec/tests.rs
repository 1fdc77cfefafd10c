use limitrate_core::{
    algorithm::{Algorithm, LeaseId, Refusal, State, Status, Terms},
    block,
    charge::{Counted, Verdict},
    time::{Nanos, Timestamp},
    warning,
    window::Window,
};
use proptest::prelude::*;

use super::{
    super::{Entry, Judged},
    Damaged,
};
use crate::store::Charged;

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::FixedWindow(Window::Rolling(Nanos(1_000))),
    Algorithm::SlidingLog(Nanos(1_000)),
    Algorithm::SlidingWindow(Nanos(1_000)),
    Algorithm::Bucket(Nanos(1_000)),
    Algorithm::InFlight(Nanos(1_000)),
];

fn bytes(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    bytes
}

#[track_caller]
fn round_trip(entry: &Entry) {
    assert_eq!(Entry::decode(&bytes(entry)).as_ref(), Ok(entry));
}

proptest! {
    /// Whatever a history leaves of a counter and reserves of it is read as it was written.
    #[test]
    fn counters_and_reservations_are_read_as_they_were_written(
        which in 0..ALGORITHMS.len(),
        starting in proptest::option::of(0_i64..9),
        charges in proptest::collection::vec((0_i64..700, 0_i64..5), 1..12),
    ) {
        let (algorithm, terms) = (&ALGORITHMS[which], Terms { ceiling: 100, burst: 50, starting });
        let (mut state, mut now) = (None, Timestamp(1_000_000));
        for (number, (step, cost)) in (0..).zip(charges) {
            now = now.after(Nanos(step));
            let place = algorithm.reserve(&mut state, terms, now, cost, LeaseId(number));
            let hold = limitrate_core::algorithm::Hold { reserved: cost, place };
            round_trip(&Entry::Hold(hold));
        }
        if let Some(state) = state {
            let again = Entry::decode(&bytes(&Entry::Counter(state.clone())));
            let Ok(Entry::Counter(again)) = again else { return Err(TestCaseError::fail("no counter")) };
            for later in [0, 1, 500, 1_000, 3_000] {
                let at = now.after(Nanos(later));
                prop_assert_eq!(algorithm.status(Some(&again), terms, at), algorithm.status(Some(&state), terms, at));
                prop_assert_eq!(algorithm.judge(Some(&again), terms, at, 7), algorithm.judge(Some(&state), terms, at, 7));
            }
            prop_assert_eq!(bytes(&Entry::Counter(again)), bytes(&Entry::Counter(state)));
        }
    }

    /// Bytes that nobody wrote are refused or are an entry, and never a panic.
    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(entry) = Entry::decode(&bytes) {
            let mut again = Vec::new();
            entry.encode(&mut again);
            prop_assert_eq!(again, bytes);
        }
    }
}

#[test]
fn what_is_beside_a_counter_is_read_as_it_was_written() {
    round_trip(&Entry::Block(block::State { level: u32::MAX, until: Timestamp::MAX }));
    round_trip(&Entry::Warning(warning::State { mark: 800_000, until: Timestamp(-1) }));
    let status = Status { remaining: 3, reset_after: Nanos(9) };
    let verdicts = [
        Verdict::new(Ok(()), status, Counted::Own),
        Verdict { blocked: true, ..Verdict::new(Err(Refusal::Wait(Nanos(7))), status, Counted::Shared) },
        Verdict { warned: Some(5), ..Verdict::new(Err(Refusal::Never), status, Counted::Nowhere) },
    ];
    let charged =
        Charged { taken: true, now: Timestamp(4), verdicts: verdicts.into_iter().collect(), degraded: false };
    round_trip(&Entry::Receipt(Box::new(charged)));
    let block = Entry::Block(block::State { level: 2, until: Timestamp(9) });
    let judged =
        Judged { taken: true, now: Timestamp(-3), before: vec![None, Some((block, Timestamp(5))), None] };
    round_trip(&Entry::Judged(Box::new(judged.clone())));
    // It holds no other of its kind.
    let nested = (Entry::Judged(Box::new(judged)), Timestamp(1));
    let nesting = Judged { taken: false, now: Timestamp(0), before: vec![Some(nested)] };
    let mut bytes = Vec::new();
    Entry::Judged(Box::new(nesting)).encode(&mut bytes);
    Entry::decode(&bytes).unwrap_err();
}

#[test]
fn damaged_bytes_say_what_they_are() {
    let whole = bytes(&Entry::Block(block::State { level: 1, until: Timestamp(2) }));
    for cut in 0..whole.len() {
        assert!(Entry::decode(&whole[..cut]).is_err(), "{cut}");
    }
    assert_eq!(Entry::decode(&[]), Err(Damaged { length: 0, first: 0 }));
    assert_eq!(
        Entry::decode(&[0x7F, 1]).unwrap_err().to_string(),
        "2 bytes that begin with 0x7f are no entry of a counter"
    );
    // A log whose entries are not in order.
    let mut log = vec![0x02];
    for word in [5_i64, 1, 4, 1] {
        log.extend_from_slice(&word.to_le_bytes());
    }
    assert!(Entry::decode(&log).is_err());
    assert!(matches!(Entry::decode(&log[..17]), Ok(Entry::Counter(State::SlidingLog(_)))));
}

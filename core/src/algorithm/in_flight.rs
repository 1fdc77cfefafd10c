//! In-flight limits: how much may be held at once. Each holding is a lease, which ends by release or at its expiry.
//!
//! A clock that steps back before the newest lease began is taken to stand there: a lease that was dropped as expired
//! never counts again.

use std::collections::VecDeque;

use super::{LeaseId, Refusal, Status, wait_until};
use crate::time::{Nanos, Timestamp, saturate};

/// The most leases kept for one counter. At the bound a further charge waits until the first lease ends; one taken
/// regardless joins the last lease, and ends with it.
pub const MAX_LEASES: usize = 100_000;

/// Below this capacity, memory of leases that have ended is not given back.
const SMALL_CAPACITY: usize = 64;

/// The leases held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State(Box<Leases>);

// INVARIANT: leases are in ascending order of expiry; `weight` is the sum of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leases {
    held: VecDeque<Lease>,
    weight: i128,
    /// When the newest lease began: the clock does not go back before it.
    latest: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lease {
    id: LeaseId,
    /// The first instant at which it is no longer held.
    until: Timestamp,
    weight: i64,
}

impl Default for Leases {
    fn default() -> Self {
        Self { held: VecDeque::new(), weight: 0, latest: Timestamp::MIN }
    }
}

impl State {
    /// How many bytes are allocated for it.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Leases>() + self.0.held.capacity() * size_of::<Lease>()
    }

    /// Ends the lease of this id. False if there is none: it was released before, or dropped after its expiry.
    pub fn release(&mut self, id: LeaseId) -> bool {
        let leases = &mut *self.0;
        let before = leases.held.len();
        let mut released = 0;
        leases.held.retain(|lease| {
            let stays = lease.id != id;
            released += if stays { 0 } else { i128::from(lease.weight) };
            stays
        });
        leases.weight -= released;
        leases.held.len() < before
    }

    /// When the newest lease began: an instant before it is taken for it.
    #[must_use]
    pub fn latest(&self) -> Timestamp {
        self.0.latest
    }

    /// The leases by the order of their ends, those that have expired but were not dropped yet included: what names each,
    /// the first instant at which it is no longer held, and how much it holds.
    pub fn leases(&self) -> impl Iterator<Item = (LeaseId, Timestamp, i64)> {
        self.0.held.iter().map(|lease| (lease.id, lease.until, lease.weight))
    }

    /// The state that [`Self::latest`] and [`Self::leases`] were of. `None` if no state has such leases: they are in the order
    /// of their ends, none holds less than 0, and there are at most [`MAX_LEASES`].
    #[must_use]
    pub fn from_leases(
        latest: Timestamp,
        leases: impl IntoIterator<Item = (LeaseId, Timestamp, i64)>,
    ) -> Option<Self> {
        let mut state = Leases { latest, ..Leases::default() };
        for (id, until, weight) in leases {
            let is_later = state.held.back().is_none_or(|last| last.until <= until);
            if !is_later || weight < 0 || state.held.len() >= MAX_LEASES {
                return None;
            }
            state.weight += i128::from(weight);
            state.held.push_back(Lease { id, until, weight });
        }
        Some(Self(Box::new(state)))
    }

    /// From this instant on the state equals no state at all.
    pub(super) fn idle_at(&self) -> Timestamp {
        self.0.held.back().map_or(self.0.latest, |last| last.until.max(self.0.latest))
    }

    /// One lease, or `None` for no use.
    pub(super) fn with_used(at_most: Nanos, now: Timestamp, used: i64) -> Option<Self> {
        (used > 0).then(|| {
            let mut leases = Self::default();
            leases.take(at_most, now, used, LeaseId(0));
            leases
        })
    }

    pub(super) fn take(&mut self, at_most: Nanos, now: Timestamp, cost: i64, id: LeaseId) {
        let leases = &mut *self.0;
        leases.latest = leases.latest.max(now);
        let clock = leases.latest;
        while let Some(first) = leases.held.front().filter(|lease| lease.until <= clock) {
            leases.weight -= i128::from(first.weight);
            leases.held.pop_front();
        }
        if leases.held.capacity() > SMALL_CAPACITY && leases.held.len() < leases.held.capacity() / 4 {
            leases.held.shrink_to(leases.held.capacity() / 2);
        }
        let until = clock.after(at_most.max(Nanos(1)));
        if leases.held.len() >= MAX_LEASES
            && let Some(last) = leases.held.back_mut()
        {
            let joined = last.weight.saturating_add(cost);
            leases.weight += i128::from(joined) - i128::from(last.weight);
            *last = Lease { id: last.id, until: last.until.max(until), weight: joined };
            return;
        }
        leases.weight += i128::from(cost);
        let place = leases.held.partition_point(|lease| lease.until <= until);
        leases.held.insert(place, Lease { id, until, weight: cost });
    }
}

/// What is held at an instant.
struct View<'a> {
    leases: &'a Leases,
    /// Where the leases begin that have not expired.
    first: usize,
    weight: i128,
}

impl<'a> View<'a> {
    fn new(leases: &'a Leases, now: Timestamp) -> Self {
        let clock = leases.latest.max(now);
        let (mut first, mut weight) = (0, leases.weight);
        for expired in leases.held.iter().take_while(|lease| lease.until <= clock) {
            first += 1;
            weight -= i128::from(expired.weight);
        }
        Self { leases, first, weight }
    }

    fn is_full(&self) -> bool {
        self.leases.held.len() - self.first >= MAX_LEASES
    }

    /// How much more fits under a ceiling.
    fn room(&self, ceiling: i64) -> i64 {
        if self.is_full() { 0 } else { saturate(i128::from(ceiling) - self.weight).max(0) }
    }

    /// The first expiry from which on no more than `most` is held, of what is held now.
    fn at_most_from(&self, most: i64) -> Option<Timestamp> {
        let mut weight = self.weight;
        self.leases.held.iter().skip(self.first).find_map(|lease| {
            weight -= i128::from(lease.weight);
            (weight <= i128::from(most)).then_some(lease.until)
        })
    }
}

/// Judges a cost between 1 and the ceiling.
pub(super) fn judge(state: Option<&State>, ceiling: i64, now: Timestamp, cost: i64) -> Result<(), Refusal> {
    let Some(state) = state else { return Ok(()) };
    let view = View::new(&state.0, now);
    if cost <= view.room(ceiling) {
        return Ok(());
    }
    let fits_at = view.at_most_from(ceiling.saturating_sub(cost)).unwrap_or(now);
    Err(wait_until(i128::from(fits_at.0), now))
}

pub(super) fn used(state: Option<&State>, now: Timestamp) -> i64 {
    state.map_or(0, |state| saturate(View::new(&state.0, now).weight))
}

pub(super) fn status(state: Option<&State>, ceiling: i64, now: Timestamp) -> Status {
    let Some(state) = state else { return Status { remaining: ceiling.max(0), reset_after: Nanos::ZERO } };
    let view = View::new(&state.0, now);
    let until_last =
        state.0.held.iter().skip(view.first).next_back().map_or(Nanos::ZERO, |last| last.until.since(now));
    Status { remaining: view.room(ceiling), reset_after: until_last }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, LeaseId, Refusal, State, Status, Terms};
    use super::MAX_LEASES;
    use crate::time::{Nanos, Timestamp};

    const AT_MOST_100: Algorithm = Algorithm::InFlight(Nanos(100));
    const TWO: Terms = Terms { ceiling: 2, burst: 0, starting: None };

    fn holding(leases: &[(i64, u64)]) -> Option<State> {
        let mut state = None;
        for &(now, id) in leases {
            AT_MOST_100.take(&mut state, TWO, Timestamp(now), 1, LeaseId(id));
        }
        state
    }

    fn release(state: &mut Option<State>, id: u64) -> bool {
        if let Some(State::InFlight(leases)) = state { leases.release(LeaseId(id)) } else { false }
    }

    #[test]
    fn a_release_makes_room_once() {
        let mut state = holding(&[(0, 1), (10, 2)]);
        assert_eq!(AT_MOST_100.judge(state.as_ref(), TWO, Timestamp(20), 1), Err(Refusal::Wait(Nanos(80))));
        assert!(release(&mut state, 2));
        assert!(!release(&mut state, 2));
        assert_eq!(AT_MOST_100.judge(state.as_ref(), TWO, Timestamp(20), 1), Ok(()));
        assert_eq!(AT_MOST_100.judge(state.as_ref(), TWO, Timestamp(20), 2), Err(Refusal::Wait(Nanos(80))));
    }

    #[test]
    fn the_lease_of_a_crashed_holder_expires() {
        let mut state = holding(&[(0, 1), (10, 2)]);
        let status = AT_MOST_100.status(state.as_ref(), TWO, Timestamp(100));
        assert_eq!(status, Status { remaining: 1, reset_after: Nanos(10) });
        AT_MOST_100.take(&mut state, TWO, Timestamp(100), 1, LeaseId(3));
        assert!(!release(&mut state, 1), "it ended by expiry");
        assert_eq!(AT_MOST_100.used(state.as_ref(), Timestamp(100)), Some(2));
    }

    #[test]
    fn an_expired_lease_does_not_come_back_with_the_clock() {
        let state = holding(&[(0, 1), (100, 2)]);
        assert_eq!(AT_MOST_100.used(state.as_ref(), Timestamp(50)), Some(1));
        assert_eq!(AT_MOST_100.status(state.as_ref(), TWO, Timestamp(50)).reset_after, Nanos(150));
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn at_the_bound_a_charge_waits_for_the_first_lease_and_none_is_lost() {
        let terms = Terms { ceiling: i64::MAX, ..TWO };
        let mut state = None;
        for id in (0..).take(MAX_LEASES) {
            AT_MOST_100.take(&mut state, terms, Timestamp(0), 1, LeaseId(id));
        }
        assert_eq!(AT_MOST_100.judge(state.as_ref(), terms, Timestamp(1), 1), Err(Refusal::Wait(Nanos(99))));
        assert_eq!(AT_MOST_100.status(state.as_ref(), terms, Timestamp(1)).remaining, 0);
        AT_MOST_100.take(&mut state, terms, Timestamp(1), 5, LeaseId(u64::MAX));
        assert_eq!(AT_MOST_100.used(state.as_ref(), Timestamp(1)), Some(100_005));
        assert_eq!(AT_MOST_100.used(state.as_ref(), Timestamp(100)), Some(6));
    }

    #[test]
    fn setting_use_replaces_all_leases() {
        let mut state = holding(&[(0, 1), (10, 2)]);
        assert!(AT_MOST_100.set_used(&mut state, Timestamp(20), 7));
        assert_eq!(AT_MOST_100.used(state.as_ref(), Timestamp(20)), Some(7));
        assert!(AT_MOST_100.set_used(&mut state, Timestamp(20), 0));
        assert_eq!(state, None);
    }
}

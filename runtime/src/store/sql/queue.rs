//! Where calls wait until a connection takes a batch of them.
//!
//! Calls on one counter are never under way on two connections at once: the second would only wait for the first one's lock, and
//! keep others waiting with it. They stay until the first is done, in the order they came, and go together then.
//!
//! A batch costs more than a call in it, so what waits is not spread over all connections: two batches share it, and a further
//! connection takes one when it would be as large as those, or when calls have waited a while for it to become so.
//!
//! Calls on a counter that somebody else holds, a process that stopped for example, go apart from others from then on, over
//! one connection, until one of them comes through: else each of them would hold up all that go with it.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    time::Duration,
};

use limitrate_core::key::CounterKey;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, oneshot},
    task,
    time::{self, Instant},
};

use super::dialect::Reply;
use crate::store::{StoreError, job::Job};

/// How many calls wait at most; more are refused.
pub(super) const MAX_WAITING: usize = 8_192;

/// How many calls a batch has at most.
const MAX_CALLS: usize = 256;

/// How many batches share what waits.
const SHARING: usize = 2;

/// Up to so many calls, a batch takes what waits and leaves nothing to another one.
const UNSHARED_CALLS: usize = 16;

/// How long calls wait for a further batch to become as large as those under way.
const GATHERING: Duration = Duration::from_millis(2);

/// How many keys a batch has at most, unless a single call has more.
const MAX_KEYS: usize = 2_048;

/// How many waiting calls are looked at for a batch.
const MAX_LOOKED_AT: usize = 1_024;

/// How many counters are known to be held by somebody else at most. Beyond them, all are tried again.
const MAX_HELD: usize = 1_024;

/// What a connection is to do next.
pub(super) enum Work {
    /// Calls to execute in one transaction.
    Batch(Vec<Box<dyn Job>>),
    /// Something by itself.
    Errand(Errand),
}

/// What is done apart from calls.
pub(super) enum Errand {
    /// A script that only reads.
    Read(String, oneshot::Sender<Result<Reply, StoreError>>),
    /// To drop rows that are idle: how many were.
    Sweep(oneshot::Sender<Result<usize, StoreError>>),
}

/// What waits.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    errands: VecDeque<Errand>,
    /// Counters of the batches under way.
    busy: HashSet<CounterKey>,
    /// How many batches are under way, and how many calls in them.
    batches: usize,
    calls: usize,
    /// Counters that somebody else held when they were last wanted.
    held: HashSet<CounterKey>,
    /// How many connections there are to do what waits.
    connections: usize,
    is_closed: bool,
}

/// Why nothing more may wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closed,
}

impl Queue {
    /// Has a call wait.
    pub(super) fn push(&self, job: Box<dyn Job>) -> Result<(), Refused> {
        self.add(|state| state.jobs.push_back(job))
    }

    /// Has an errand wait.
    pub(super) fn send(&self, errand: Errand) -> Result<(), Refused> {
        self.add(|state| state.errands.push_back(errand))
    }

    fn add(&self, add: impl FnOnce(&mut State)) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Refused::Closed);
        }
        if state.jobs.len() + state.errands.len() >= MAX_WAITING {
            return Err(Refused::Full);
        }
        add(&mut state);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Lets nothing more in. What waits is still done.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.wake.notify_waiters();
        self.wake.notify_one();
    }

    /// A connection comes in.
    pub(super) fn enter(&self) {
        self.state.lock().connections += 1;
    }

    /// A connection leaves. After the last one nothing is done any more, so what waits is let go, and nothing let in.
    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        state.connections = state.connections.saturating_sub(1);
        let left = if state.connections == 0 {
            state.is_closed = true;
            (mem::take(&mut state.jobs), mem::take(&mut state.errands))
        } else {
            Default::default()
        };
        drop(state);
        // Tells them, outside of the lock.
        drop(left);
        // What it was woken for may be somebody else's now.
        self.wake.notify_one();
    }

    /// Waits for work. `None` once the queue is closed and empty.
    pub(super) async fn next(&self) -> Option<Work> {
        // Until when calls are left waiting for others.
        let mut gathered = None;
        loop {
            let woken = self.wake.notified();
            let mut woken = std::pin::pin!(woken);
            // From here on a wake-up counts, so none is missed between looking and waiting.
            woken.as_mut().enable();
            let (work, is_last, is_gathering) = {
                let mut state = self.state.lock();
                let is_gathering = state.is_gathering();
                let is_over = gathered.is_some_and(|gathered| gathered <= Instant::now());
                let work = if is_gathering && !is_over { state.take_errand() } else { state.take() };
                (work, state.is_empty(), is_gathering && !is_over)
            };
            if work.is_some() || (is_last && self.is_closed()) {
                if !is_last || self.is_closed() {
                    // Whoever waits too may find more, or that it is over.
                    self.wake.notify_one();
                }
                return work;
            }
            if is_gathering {
                let until = *gathered.get_or_insert_with(|| Instant::now() + GATHERING);
                if time::timeout_at(until, woken).await.is_err() {
                    continue;
                }
            } else {
                gathered = None;
                woken.await;
            }
            // Callers that were woken together come together: the first is not sent off alone.
            task::yield_now().await;
        }
    }

    /// Says that a batch of some calls is done, what its counters were, and which of them somebody else holds.
    pub(super) fn done(&self, calls: usize, counters: &[CounterKey], held: &[CounterKey]) {
        let mut state = self.state.lock();
        state.batches = state.batches.saturating_sub(1);
        state.calls = state.calls.saturating_sub(calls);
        for counter in counters {
            state.busy.remove(counter);
            state.held.remove(counter);
        }
        if state.held.len() + held.len() > MAX_HELD {
            state.held.clear();
        }
        state.held.extend(held);
        drop(state);
        self.wake.notify_one();
    }

    fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }
}

impl State {
    /// Work that can be done now.
    fn take(&mut self) -> Option<Work> {
        self.take_errand().or_else(|| {
            let batch = self.take_batch();
            (!batch.is_empty()).then_some(Work::Batch(batch))
        })
    }

    fn take_errand(&mut self) -> Option<Work> {
        self.errands.pop_front().map(Work::Errand)
    }

    /// Whether what waits had better wait for more: enough batches are under way, and larger ones than it would make.
    fn is_gathering(&self) -> bool {
        self.batches >= SHARING && self.jobs.len() * self.batches < self.calls
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.errands.is_empty()
    }

    fn take_batch(&mut self) -> Vec<Box<dyn Job>> {
        let mut batch: Vec<Box<dyn Job>> = Vec::new();
        let mut kept = VecDeque::new();
        // Counters of calls that must wait: later calls on them wait too, or they would overtake.
        let mut waiting: HashSet<CounterKey> = HashSet::new();
        let mut keys = 0;
        let share = (self.jobs.len() + self.calls).div_ceil(SHARING).max(UNSHARED_CALLS);
        // Counters of the batch, once it has its share: what else wants them could not go with another one.
        let mut own: Option<HashSet<CounterKey>> = None;
        // Whether the batch is of calls that will have to wait. One such batch is enough at a time.
        let mut is_apart = false;
        let may_be_apart = self.held.is_disjoint(&self.busy);
        for _ in 0..MAX_LOOKED_AT {
            if batch.len() >= MAX_CALLS {
                break;
            }
            let Some(job) = self.jobs.pop_front() else { break };
            if job.is_abandoned() {
                continue;
            }
            let counters = &job.keys().counters;
            let more = job.keys().all().count();
            let has_room = batch.is_empty() || keys + more <= MAX_KEYS;
            let is_free = |key: &CounterKey| !self.busy.contains(key) && !waiting.contains(key);
            let is_held = counters.iter().any(|key| self.held.contains(key));
            if batch.len() >= share && own.is_none() {
                own = Some(batch.iter().flat_map(|job| &job.keys().counters).copied().collect());
            }
            let is_shared = own.as_ref().is_none_or(|own| counters.iter().any(|key| own.contains(key)));
            let fits =
                is_shared && if batch.is_empty() { !is_held || may_be_apart } else { is_held == is_apart };
            if has_room && fits && counters.iter().all(is_free) {
                keys += more;
                if let Some(own) = &mut own {
                    own.extend(counters);
                }
                is_apart = is_held;
                batch.push(job);
            } else {
                waiting.extend(counters);
                kept.push_back(job);
            }
        }
        self.batches += usize::from(!batch.is_empty());
        self.calls += batch.len();
        for job in &batch {
            self.busy.extend(&job.keys().counters);
        }
        kept.append(&mut self.jobs);
        self.jobs = mem::take(&mut kept);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::job::{Keys, Task};

    type Waiting = oneshot::Receiver<Result<(), StoreError>>;

    fn job(counters: &[u128]) -> (Box<dyn Job>, Waiting) {
        let counters = counters.iter().map(|key| CounterKey(*key)).collect();
        Task::boxed(Keys { counters, ..Keys::default() }, |_, _| ())
    }

    fn push(state: &mut State, counters: &[u128]) -> Waiting {
        let (job, answer) = job(counters);
        state.jobs.push_back(job);
        answer
    }

    fn counters(batch: &[Box<dyn Job>]) -> Vec<Vec<u128>> {
        batch.iter().map(|job| job.keys().counters.iter().map(|key| key.0).collect()).collect()
    }

    #[test]
    fn calls_on_a_counter_go_together_and_then_wait_until_it_is_done() {
        let mut state = State::default();
        let _answers = [push(&mut state, &[1]), push(&mut state, &[1, 2])];
        assert_eq!(counters(&state.take_batch()), [vec![1], vec![1, 2]]);
        let _more = [push(&mut state, &[2, 3]), push(&mut state, &[3]), push(&mut state, &[4])];
        assert_eq!(counters(&state.take_batch()), [vec![4]], "the second would overtake the first on 3");
        state.busy.clear();
        assert_eq!(counters(&state.take_batch()), [vec![2, 3], vec![3]]);
    }

    #[test]
    fn two_batches_share_what_waits_and_a_further_one_is_as_large_as_they_are() {
        let mut state = State::default();
        let mut answers: Vec<_> = (0..64).map(|key| push(&mut state, &[key])).collect();
        assert_eq!(state.take_batch().len(), 32);
        assert_eq!(state.take_batch().len(), 32);
        answers.extend((64..95).map(|key| push(&mut state, &[key])));
        assert!(state.is_gathering());
        answers.push(push(&mut state, &[95]));
        assert!(!state.is_gathering());
    }

    #[test]
    fn few_calls_and_calls_on_one_counter_are_not_shared_out() {
        let mut state = State::default();
        let _few: Vec<_> = (0..16).map(|key| push(&mut state, &[key])).collect();
        assert_eq!(state.take_batch().len(), 16);
        let mut state = State::default();
        let _many: Vec<_> = (0..64).map(|_| push(&mut state, &[1])).collect();
        let _other = push(&mut state, &[2]);
        assert_eq!(state.take_batch().len(), 64);
        assert_eq!(counters(&state.take_batch()), [vec![2]]);
    }

    #[test]
    fn calls_on_what_somebody_else_holds_go_apart_until_one_comes_through() {
        let queue = Queue::default();
        let keys = [CounterKey(1), CounterKey(2), CounterKey(3)];
        queue.done(3, &keys, &keys[..2]);
        let pushed = |counters: &[u128]| push(&mut queue.state.lock(), counters);
        let batch = || counters(&queue.state.lock().take_batch());
        let _answers = [pushed(&[3]), pushed(&[1]), pushed(&[4]), pushed(&[2]), pushed(&[1, 5])];
        assert_eq!(batch(), [vec![3], vec![4]]);
        assert_eq!(batch(), [vec![1], vec![2], vec![1, 5]]);
        let _more = [pushed(&[1, 6]), pushed(&[7])];
        assert_eq!(batch(), [vec![7]]);
        queue.done(3, &[CounterKey(1), CounterKey(2), CounterKey(5)], &[CounterKey(2)]);
        let _last = [pushed(&[2]), pushed(&[8])];
        assert_eq!(batch(), [vec![1, 6], vec![8]], "the first has come through");
        assert_eq!(batch(), [vec![2]]);
    }

    #[test]
    fn what_waits_is_let_go_when_the_last_connection_leaves() {
        let queue = Queue::default();
        queue.enter();
        queue.enter();
        let (waiting, mut answer) = job(&[1]);
        queue.push(waiting).unwrap();
        queue.leave();
        assert!(matches!(answer.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        queue.leave();
        assert!(matches!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        assert_eq!(queue.push(job(&[1]).0), Err(Refused::Closed));
    }

    #[test]
    fn a_call_whose_caller_is_gone_is_dropped() {
        let mut state = State::default();
        drop(push(&mut state, &[1]));
        let _stays = push(&mut state, &[2]);
        assert_eq!(counters(&state.take_batch()), [vec![2]]);
        assert!(state.jobs.is_empty());
    }

    #[test]
    fn batches_and_the_queue_are_bounded() {
        let queue = Queue::default();
        let answers: Vec<_> = (0..MAX_WAITING as u128)
            .map(|key| {
                let (job, answer) = job(&[key]);
                queue.push(job).unwrap();
                answer
            })
            .collect();
        assert_eq!(queue.push(job(&[0]).0), Err(Refused::Full));
        assert_eq!(queue.state.lock().take_batch().len(), MAX_CALLS);
        queue.close();
        assert_eq!(queue.push(job(&[0]).0), Err(Refused::Closed));
        drop(answers);
    }
}

//! Where calls wait until a connection takes a batch of them.
//!
//! Calls on one counter are never under way on two connections at once: the second would only wait for the first one's lock, and
//! keep others waiting with it. They stay until the first is done, in the order they came, and go together then.

use std::{
    collections::{HashSet, VecDeque},
    mem,
};

use limitrate_core::key::CounterKey;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, oneshot},
    task,
};

use super::{dialect::Reply, job::Job};
use crate::store::StoreError;

/// How many calls wait at most; more are refused.
pub(super) const MAX_WAITING: usize = 8_192;

/// How many calls a batch has at most.
const MAX_CALLS: usize = 256;

/// How many keys a batch has at most, unless a single call has more.
const MAX_KEYS: usize = 2_048;

/// How many waiting calls are looked at for a batch.
const MAX_LOOKED_AT: usize = 1_024;

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
    Sweep(Option<i64>, oneshot::Sender<Result<usize, StoreError>>),
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

    /// Waits for work. `None` once the queue is closed and empty.
    pub(super) async fn next(&self) -> Option<Work> {
        loop {
            let woken = self.wake.notified();
            let mut woken = std::pin::pin!(woken);
            // From here on a wake-up counts, so none is missed between looking and waiting.
            woken.as_mut().enable();
            let (work, is_last) = {
                let mut state = self.state.lock();
                (state.take(), state.is_empty())
            };
            if work.is_some() || (is_last && self.is_closed()) {
                if !is_last || self.is_closed() {
                    // Whoever waits too may find more, or that it is over.
                    self.wake.notify_one();
                }
                return work;
            }
            woken.await;
            // Callers that were woken together come together: the first is not sent off alone.
            task::yield_now().await;
        }
    }

    /// Says that the calls on some counters are done.
    pub(super) fn done(&self, counters: &[CounterKey]) {
        let mut state = self.state.lock();
        for counter in counters {
            state.busy.remove(counter);
        }
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
        if let Some(errand) = self.errands.pop_front() {
            return Some(Work::Errand(errand));
        }
        let batch = self.take_batch();
        (!batch.is_empty()).then_some(Work::Batch(batch))
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
            if has_room && counters.iter().all(is_free) {
                keys += more;
                batch.push(job);
            } else {
                waiting.extend(counters);
                kept.push_back(job);
            }
        }
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
    use super::{
        super::job::{Keys, Task},
        *,
    };

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

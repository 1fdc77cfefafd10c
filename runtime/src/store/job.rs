//! One caller's call, waiting to be executed with others.

use limitrate_core::{key::CounterKey, time::Timestamp};
use smallvec::SmallVec;
use tokio::sync::oneshot;

use crate::store::{Ledger, StoreError};

/// The keys that a call needs.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Counters, whose rows are locked: they keep others off what is beside them as well.
    pub(super) counters: SmallVec<[CounterKey; 8]>,
    /// What is only read before, and written under the locks of its counters.
    pub(super) others: SmallVec<[CounterKey; 8]>,
    /// Whether the call goes by a clock of its caller's.
    pub(super) is_by_the_caller: bool,
    /// Whether all of them are dropped, which can be done to what is damaged too.
    pub(super) is_reset: bool,
}

impl Keys {
    /// One counter and nothing else.
    pub(super) fn counter(counter: CounterKey) -> Self {
        Self { counters: SmallVec::from_slice(&[counter]), ..Self::default() }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = CounterKey> {
        self.counters.iter().chain(&self.others).copied()
    }
}

/// A call that waits.
pub(super) trait Job: Send {
    /// The keys it needs.
    fn keys(&self) -> &Keys;

    /// Whether its caller is gone.
    fn is_abandoned(&self) -> bool;

    /// Executes it on loaded entries; the instant is the server's. Done again if what it did came to nothing.
    fn execute(&mut self, ledger: &mut Ledger, clock: Timestamp);

    /// Tells the caller what came of it, or why nothing did.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

/// A [`Job`] by a closure.
pub(super) struct Task<T, F> {
    keys: Keys,
    work: F,
    result: Option<T>,
    /// Nothing once it was answered.
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
}

impl<T, F> Task<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut Ledger, Timestamp) -> T + Send + 'static,
{
    /// A job, and where its answer will come.
    pub(super) fn boxed(keys: Keys, work: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { keys, work, result: None, reply: Some(reply) }), answer)
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut Ledger, Timestamp) -> T + Send + 'static,
{
    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn is_abandoned(&self) -> bool {
        self.reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn execute(&mut self, ledger: &mut Ledger, clock: Timestamp) {
        self.result = Some((self.work)(ledger, clock));
    }

    fn answer(mut self: Box<Self>, failure: Option<StoreError>) {
        let answer = match (failure, self.result.take()) {
            (Some(failure), _) => Err(failure),
            (None, Some(result)) => Ok(result),
            (None, None) => Err(StoreError::Closed),
        };
        self.tell(answer);
    }
}

impl<T, F> Task<T, F> {
    fn tell(&mut self, answer: Result<T, StoreError>) {
        if let Some(reply) = self.reply.take() {
            // A caller who left in the meantime wants no answer.
            let _ = reply.send(answer);
        }
    }
}

/// Who executed it ended in the midst of it.
#[derive(Debug, thiserror::Error)]
#[error("the connection's task ended while the call was executed")]
struct Ended;

impl<T, F> Drop for Task<T, F> {
    /// One that was executed but not answered may be on its way to the server, or there. Others were not begun, and are told
    /// so by nobody being there to answer.
    fn drop(&mut self) {
        if self.result.is_some() {
            self.tell(Err(StoreError::Lost(Ended.into())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_executed_and_never_answered_is_lost() {
        for is_executed in [false, true] {
            let (mut job, mut answer) = Task::boxed(Keys::default(), |_, _| ());
            if is_executed {
                job.execute(&mut Ledger::new(), Timestamp(0));
            }
            drop(job);
            let lost = matches!(answer.try_recv(), Ok(Err(StoreError::Lost(_))));
            assert_eq!(lost, is_executed);
        }
    }
}

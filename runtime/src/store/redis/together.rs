//! Settlements, releases and refunds of the same counters, made in one where they come at once.
//!
//! Each takes two trips, and nobody else may change its counter in between. One after the other, a counter could be settled as often
//! as two trips fit into a second. So a call that comes while others on its counter are under way waits, and goes with all that wait
//! when those are done. A task of its own makes them, so that a caller who leaves takes nobody along.

use std::{fmt, sync::Arc};

use limitrate_core::{key::CounterKey, time::Timestamp};
use tokio::sync::oneshot;

use super::{
    Inner,
    link::{Link, Until, too_many},
    names::Group,
};
use crate::store::{
    Call, ClockOf, Ledger, StoreError,
    job::{Job, Keys, Task},
};

/// A call that waits to be made.
pub(super) struct Waiting {
    job: Box<dyn Job>,
    call: Call,
    until: Until,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("call", &self.call).finish_non_exhaustive()
    }
}

impl Waiting {
    /// Whether its caller is gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.job.is_abandoned()
    }

    /// The call alone, for whom there is no room.
    pub(super) fn into_job(self) -> Box<dyn Job> {
        self.job
    }

    /// Whether both can be made in one: they are of one place, and go by one clock.
    pub(super) fn goes_with(&self, other: &Self) -> bool {
        let group = |waiting: &Self| waiting.job.keys().counters.first().copied().map(Group::of);
        let is_by_the_store = |waiting: &Self| waiting.call.clock == ClockOf::Store;
        is_by_the_store(self) && is_by_the_store(other) && group(self) == group(other)
    }
}

/// A call that was begun, whoever makes it.
#[derive(Debug)]
pub(super) struct Begun<T> {
    answer: oneshot::Receiver<Result<T, StoreError>>,
    until: Until,
}

impl<T> Begun<T> {
    /// Waits for its answer.
    pub(super) async fn answer(self) -> Result<T, StoreError> {
        match self.until.wait(self.answer).await {
            // Nobody is there to answer: the runtime ended before it was made.
            Ok(answer) => answer.unwrap_or(Err(StoreError::Closed)),
            Err(_) => Err(self.until.timeout()),
        }
    }
}

impl Inner {
    /// Begins to execute a call over these keys, all of one place.
    pub(super) fn begin<T: Send + 'static>(
        self: &Arc<Self>,
        call: &Call,
        keys: impl IntoIterator<Item = CounterKey>,
        until: Until,
        work: impl FnMut(&mut Ledger, Timestamp) -> T + Send + 'static,
    ) -> Begun<T> {
        let keys = Keys { counters: keys.into_iter().collect(), ..Keys::default() };
        let first = keys.counters.first().copied();
        let (job, answer) = Task::boxed(keys, work);
        let waiting = Waiting { job, call: *call, until };
        let home = first.and_then(|first| Some((first, self.nodes.home(Group::of(first))?)));
        let inner = Arc::clone(self);
        match home {
            Some((first, home)) => match home.lane(first).add(waiting) {
                Ok(true) => {
                    let serving = Serving { home, first, is_over: false };
                    self.runtime.spawn(serving.serve(inner));
                }
                Ok(false) => {}
                Err(job) => job.answer(Some(too_many())),
            },
            // It is found out where that is as it is made.
            None => drop(self.runtime.spawn(async move { inner.execute(vec![waiting]).await })),
        }
        Begun { answer, until }
    }

    /// Executes calls of one place in one, and answers them.
    async fn execute(&self, batch: Vec<Waiting>) {
        let Err((mut error, batch)) = self.try_to_execute(batch).await else { return };
        if !matches!(error, StoreError::Corrupt { .. }) || batch.len() < 2 {
            batch.into_iter().for_each(|waiting| waiting.job.answer(Some(error.again())));
            return;
        }
        // A damaged counter keeps nobody from settling others.
        for waiting in batch {
            if let Err((mut error, alone)) = self.try_to_execute(vec![waiting]).await {
                alone.into_iter().for_each(|waiting| waiting.job.answer(Some(error.again())));
            }
        }
    }

    async fn try_to_execute(&self, mut batch: Vec<Waiting>) -> Result<(), (StoreError, Vec<Waiting>)> {
        let Some(call) = batch.first().map(|first| first.call) else { return Ok(()) };
        let until =
            batch.iter().fold(Until::after(call.deadline), |until, waiting| until.or_later(waiting.until));
        let keys = batch.iter().flat_map(|waiting| waiting.job.keys().all()).collect();
        let work = |ledger: &mut Ledger, now: Timestamp| {
            batch.iter_mut().for_each(|waiting| waiting.job.execute(ledger, now));
        };
        match self.exchange(&call, keys, until, work).await {
            Ok(()) => {
                batch.into_iter().for_each(|waiting| waiting.job.answer(None));
                Ok(())
            }
            Err(error) => Err((error, batch)),
        }
    }
}

/// Somebody makes what waits in a lane. Dropped before it is over, nobody does, and what waits is let go.
struct Serving {
    home: Link,
    first: CounterKey,
    is_over: bool,
}

impl Serving {
    async fn serve(mut self, inner: Arc<Inner>) {
        loop {
            let batch = self.home.lane(self.first).take();
            if batch.is_empty() {
                self.is_over = true;
                return;
            }
            inner.execute(batch).await;
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if !self.is_over {
            drop(self.home.lane(self.first).let_go());
        }
    }
}

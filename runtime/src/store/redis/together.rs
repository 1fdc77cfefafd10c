//! Settlements, releases and refunds of the same counters, made in one where they come at once.
//!
//! Each takes two trips, and nobody else may change its counter in between. One after the other, a counter could be settled as often
//! as two trips fit into a second. So a call that comes while others on its counter are under way waits, and goes with all that wait
//! when those are done. A task of its own makes them, so that a caller who leaves takes nobody along.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{
            AtomicU8,
            Ordering::{AcqRel, Acquire},
        },
    },
    time::Duration,
};

use limitrate_core::{key::CounterKey, time::Timestamp};
use tokio::{sync::oneshot, time::timeout};

use super::{
    Inner,
    link::{Link, Until, too_many},
    names::Group,
};
use crate::store::{
    Call, ClockOf, Ledger, StoreError,
    job::{Job, Keys, Task},
};

/// How often it is looked whether anybody still waits for a batch.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How far a call has come, and whether its caller is there: who leaves before it was begun knows that nothing was sent.
#[derive(Debug, Default)]
struct Progress(AtomicU8);

const WAITS: u8 = 0;
const BEGUN: u8 = 1;
const LEFT: u8 = 2;

impl Progress {
    /// Begins it, or goes on with it; false if its caller left before.
    fn begin(&self) -> bool {
        self.0.compare_exchange(WAITS, BEGUN, AcqRel, Acquire).unwrap_or_else(|now| now) != LEFT
    }

    /// Its caller leaves; whether it had not begun.
    fn leave(&self) -> bool {
        self.0.swap(LEFT, AcqRel) == WAITS
    }

    fn is_left(&self) -> bool {
        self.0.load(Acquire) == LEFT
    }
}

/// A call that waits to be made.
pub(super) struct Waiting {
    job: Box<dyn Job>,
    call: Call,
    until: Until,
    progress: Arc<Progress>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("call", &self.call).finish_non_exhaustive()
    }
}

impl Waiting {
    /// Whether its caller is gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.progress.is_left()
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

/// A call that was given to whoever makes it. Dropped, its caller has left.
#[derive(Debug)]
pub(super) struct Given<T> {
    answer: oneshot::Receiver<Result<T, StoreError>>,
    until: Until,
    progress: Arc<Progress>,
    home: Option<Link>,
}

impl<T> Given<T> {
    /// Waits for its answer.
    pub(super) async fn answer(mut self) -> Result<T, StoreError> {
        match self.until.wait(&mut self.answer).await {
            // Nobody is there to answer: the runtime ended before it was made.
            Ok(answer) => answer.unwrap_or(Err(StoreError::Closed)),
            Err(_) => {
                if let Some(home) = &self.home {
                    home.note(true);
                }
                Err(match self.progress.leave() {
                    true => StoreError::Unreachable("nothing could be sent before the deadline".into()),
                    false => self.until.timeout(),
                })
            }
        }
    }
}

impl<T> Drop for Given<T> {
    fn drop(&mut self) {
        self.progress.leave();
    }
}

impl Inner {
    /// Has a call over these keys, all of one place, executed: alone, or with others that wait.
    pub(super) fn give<T: Send + 'static>(
        self: &Arc<Self>,
        call: &Call,
        keys: impl IntoIterator<Item = CounterKey>,
        until: Until,
        work: impl FnMut(&mut Ledger, Timestamp) -> T + Send + 'static,
    ) -> Given<T> {
        let keys = Keys { counters: keys.into_iter().collect(), ..Keys::default() };
        let first = keys.counters.first().copied();
        let (job, answer) = Task::boxed(keys, work);
        let progress = Arc::<Progress>::default();
        let waiting = Waiting { job, call: *call, until, progress: Arc::clone(&progress) };
        let home = first.and_then(|first| Some((first, self.nodes.home(Group::of(first))?)));
        let inner = Arc::clone(self);
        let given = Given { answer, until, progress, home: home.as_ref().map(|(_, home)| home.clone()) };
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
        given
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

    /// The same, but for the answers where it fails.
    async fn try_to_execute(&self, mut batch: Vec<Waiting>) -> Result<(), (StoreError, Vec<Waiting>)> {
        batch.retain(|waiting| !waiting.is_abandoned());
        let Some(Waiting { call, until, .. }) = batch.first() else { return Ok(()) };
        let call = *call;
        let until = batch.iter().fold(*until, |until, waiting| until.or_later(waiting.until));
        let keys = batch.iter().flat_map(|waiting| waiting.job.keys().all()).collect();
        let callers: Vec<_> = batch.iter().map(|waiting| Arc::clone(&waiting.progress)).collect();
        let work = |ledger: &mut Ledger, now: Timestamp| {
            let there = batch.iter_mut().filter(|waiting| waiting.progress.begin());
            there.for_each(|waiting| waiting.job.execute(ledger, now));
        };
        match while_anybody_waits(&callers, self.exchange(&call, keys, until, work)).await {
            Some(Ok(())) => {
                batch.into_iter().for_each(|waiting| waiting.job.answer(None));
                Ok(())
            }
            Some(Err(error)) => Err((error, batch)),
            None => Ok(()),
        }
    }
}

/// Goes on as long as any of these callers is there.
async fn while_anybody_waits<T>(callers: &[Arc<Progress>], future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    loop {
        match timeout(LOOK_EVERY, &mut future).await {
            Ok(result) => return Some(result),
            Err(_) if callers.iter().all(|caller| caller.is_left()) => return None,
            Err(_) => {}
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

//! A connection to one server, which many calls share, and which is made anew when it is lost.
//!
//! A call that was sent is never sent again. While there is no connection, one task tries to make one, and calls wait for it as
//! long as they may; after it failed, calls fail at once for a while, so that nobody storms a server that has just come back.

mod both;
mod dial;
mod lanes;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use limitrate_core::key::CounterKey;
use parking_lot::Mutex;
use redis::{Cmd, RedisError, Value, aio::MultiplexedConnection};
use tokio::{
    runtime::Handle,
    sync::{MutexGuard, Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};

pub(super) use self::dial::Target;
use self::lanes::{Lane, Lanes};
use super::fault::{self, Failure};
use crate::store::StoreError;

/// The most calls that wait for one server at once. Further ones fail.
const MOST_WAITING: usize = 16_384;

/// How long making a connection may take, asking Sentinels included.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// After the first failure in a row to connect, calls fail at once for this long; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// How much earlier a caller may have begun to wait than the call that it waits for.
const A_LITTLE: Duration = Duration::from_millis(5);

/// Longer deadlines are this one: clocks end somewhere.
const LONGEST_DEADLINE: Duration = Duration::from_secs(86_400 * 365);

/// Until when a call is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Until {
    at: Instant,
    deadline: Duration,
}

impl Until {
    /// So long from now.
    pub(super) fn after(deadline: Duration) -> Self {
        Self { at: Instant::now() + deadline.min(LONGEST_DEADLINE), deadline }
    }

    /// Until half of the time that is left is over.
    pub(super) fn half(self) -> Self {
        let left = self.at.saturating_duration_since(Instant::now());
        Self::after(left / 2)
    }

    /// The error of one that may have been applied.
    pub(super) const fn timeout(&self) -> StoreError {
        StoreError::Timeout(self.deadline)
    }

    /// The same, or so long from now if that is sooner.
    pub(super) fn or_after(self, deadline: Duration) -> Self {
        let other = Self::after(deadline);
        if other.at < self.at { other } else { self }
    }

    /// The same, or another if that is later.
    pub(super) fn or_later(self, other: Self) -> Self {
        if other.at > self.at { other } else { self }
    }

    /// Waits for something as long as that.
    pub(super) async fn wait<T>(
        self,
        future: impl Future<Output = T>,
    ) -> Result<T, tokio::time::error::Elapsed> {
        timeout_at(self.at, future).await
    }

    /// Whether it is over for a caller who waits as long and began to a little earlier.
    fn is_nearly_over(&self) -> bool {
        Instant::now() + A_LITTLE >= self.at
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.at
    }
}

/// A connection that is there.
#[derive(Debug)]
struct Live {
    connection: MultiplexedConnection,
    /// How many answers came over it.
    answers: AtomicU64,
}

#[derive(Debug)]
enum Phase {
    Live(Arc<Live>),
    /// The other end is dropped once it is over.
    Dialing(watch::Receiver<()>),
    Down {
        since: Instant,
        pause: Duration,
        error: Option<RedisError>,
    },
    Closed,
}

#[derive(Debug)]
struct Inner {
    target: Target,
    /// Which of the links of a store it is.
    number: usize,
    runtime: Handle,
    phase: Mutex<Phase>,
    waiting: Semaphore,
    lanes: Lanes,
    /// How many connections there were.
    generation: AtomicU64,
    /// Whether the last call over a connection failed, be it that the server refused it or did not answer.
    is_failing: AtomicBool,
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub(super) struct Link(Arc<Inner>);

impl Link {
    /// Not yet connected. Connections live on this runtime. The number says which of the links of a store it is.
    pub(super) fn new(target: Target, number: usize, runtime: Handle) -> Self {
        let phase = Phase::Down { since: Instant::now(), pause: Duration::ZERO, error: None };
        Self(Arc::new(Inner {
            target,
            number,
            runtime,
            phase: Mutex::new(phase),
            waiting: Semaphore::new(MOST_WAITING),
            lanes: Lanes::new(),
            generation: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        }))
    }

    /// How many connections there were: a new one may lead to a server that was restarted, or to another one.
    pub(super) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Relaxed)
    }

    /// Which of the links of a store it is.
    pub(super) fn number(&self) -> usize {
        self.0.number
    }

    /// Whether a connection was wanted and is not there, or was of no use to the last call.
    pub(super) fn is_missing(&self) -> bool {
        match &*self.0.phase.lock() {
            Phase::Live(_) => self.0.is_failing.load(Ordering::Relaxed),
            Phase::Down { error: None, .. } => self.generation() > 0,
            Phase::Down { .. } | Phase::Dialing(_) | Phase::Closed => true,
        }
    }

    /// Sends a command, after `ASKING` if it is one for keys that are on their way, and waits for its answer.
    pub(super) async fn call(&self, command: &Cmd, asking: bool, until: Until) -> Result<Value, Failure> {
        let Ok(_place) = self.0.waiting.try_acquire() else { return Err(too_many().into()) };
        let live = self.live(until).await?;
        let mut connection = live.connection.clone();
        let sent = async {
            if asking {
                // Apart from the rest, which every call moves and which should be small.
                Box::pin(asked(command, &mut connection)).await
            } else {
                command.query_async(&mut connection).await
            }
        };
        self.answered(&live, sent, until).await
    }

    /// Sends something, and waits for the answer.
    async fn answered<T>(
        &self,
        live: &Arc<Live>,
        sent: impl Future<Output = Result<T, RedisError>>,
        until: Until,
    ) -> Result<T, Failure> {
        let answers = live.answers.load(Ordering::Relaxed);
        let _unanswered = Unanswered { link: self, live, answers, until };
        match timeout_at(until.at, sent).await {
            Ok(Ok(answer)) => {
                live.answers.fetch_add(1, Ordering::Relaxed);
                self.note(false);
                Ok(answer)
            }
            Ok(Err(error)) => {
                if error.is_unrecoverable_error() || error.is_io_error() || fault::is_demoted(&error) {
                    self.abandon(live);
                } else {
                    live.answers.fetch_add(1, Ordering::Relaxed);
                }
                let failure = fault::after_sending(error);
                self.note(failure.is_of_the_server());
                Err(failure)
            }
            Err(_) => {
                self.note(true);
                Err(until.timeout().into())
            }
        }
    }

    /// Notes whether a call failed. Nearly always that is what was noted before: a line that all read is not written then.
    pub(super) fn note(&self, is_failing: bool) {
        if self.0.is_failing.load(Ordering::Relaxed) != is_failing {
            self.0.is_failing.store(is_failing, Ordering::Relaxed);
        }
    }

    /// Waits for the turn of a call that takes several trips on a counter.
    pub(super) async fn turn(&self, key: CounterKey, until: Until) -> Result<MutexGuard<'_, ()>, StoreError> {
        let turn = until.wait(self.lane(key).turn()).await;
        turn.map_err(|_| StoreError::Unavailable {
            what: "calls on the same counter took until the deadline".to_owned(),
            cause: "it was not this one's turn".into(),
        })
    }

    /// Where calls on a counter wait that are made together.
    pub(super) fn lane(&self, key: CounterKey) -> &Lane {
        self.0.lanes.of(key)
    }

    /// Whether this is the same one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Lets go of the connection for good.
    pub(super) fn close(&self) {
        *self.0.phase.lock() = Phase::Closed;
    }

    /// The connection, which is made if there is none.
    async fn live(&self, until: Until) -> Result<Arc<Live>, StoreError> {
        loop {
            let mut dialing = {
                let mut phase = self.0.phase.lock();
                match &*phase {
                    Phase::Live(live) => return Ok(Arc::clone(live)),
                    Phase::Closed => return Err(StoreError::Closed),
                    Phase::Dialing(dialing) => dialing.clone(),
                    Phase::Down { since, pause, error } => {
                        if let Some(error) = error
                            && since.elapsed() < *pause
                        {
                            return Err(fault::before_sending(error.clone(), &self.0.target));
                        }
                        let dialing = self.dial(*pause);
                        *phase = Phase::Dialing(dialing.clone());
                        dialing
                    }
                }
            };
            if timeout_at(until.at, dialing.changed()).await.is_err() {
                let what = format!("there was no connection to {} before the deadline", self.0.target);
                return Err(StoreError::Unreachable(what.into()));
            }
            self.take_note_of_a_stopped_runtime();
        }
    }

    /// Begins to make a connection, after a pause of that length if it is not the first try.
    fn dial(&self, pause: Duration) -> watch::Receiver<()> {
        let (done, dialing) = watch::channel(());
        let inner = Arc::downgrade(&self.0);
        let target = self.0.target.clone();
        self.0.runtime.spawn(async move {
            let dialed = timeout(DIAL_TIMEOUT, target.dial()).await.unwrap_or_else(|_| Err(too_slow()));
            if let Some(inner) = inner.upgrade() {
                inner.set_dialed(dialed, pause);
            }
            drop(done);
        });
        dialing
    }

    /// A task that was dropped has said nothing.
    fn take_note_of_a_stopped_runtime(&self) {
        let mut phase = self.0.phase.lock();
        if let Phase::Dialing(dialing) = &*phase
            && dialing.has_changed().is_err()
        {
            *phase = Phase::Closed;
        }
    }

    /// Has the next call make a connection anew.
    fn abandon(&self, live: &Arc<Live>) {
        let mut phase = self.0.phase.lock();
        if let Phase::Live(current) = &*phase
            && Arc::ptr_eq(current, live)
        {
            *phase = Phase::Down { since: Instant::now(), pause: Duration::ZERO, error: None };
        }
    }
}

/// A call that was sent. Where it ends at its deadline and nothing came over its connection since, what is behind that may be gone
/// without a word.
struct Unanswered<'l> {
    link: &'l Link,
    live: &'l Arc<Live>,
    answers: u64,
    until: Until,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if self.until.is_nearly_over() && self.live.answers.load(Ordering::Relaxed) == self.answers {
            self.link.abandon(self.live);
        }
    }
}

impl Inner {
    fn set_dialed(&self, dialed: Result<MultiplexedConnection, RedisError>, pause: Duration) {
        let mut phase = self.phase.lock();
        if matches!(*phase, Phase::Closed) {
            return;
        }
        *phase = match dialed {
            Ok(connection) => {
                self.generation.fetch_add(1, Ordering::Relaxed);
                Phase::Live(Arc::new(Live { connection, answers: AtomicU64::new(0) }))
            }
            Err(error) => {
                tracing::warn!(server = %self.target, %error, "no connection to Redis");
                let pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                Phase::Down { since: Instant::now(), pause, error: Some(error) }
            }
        };
    }
}

/// Sends a command after `ASKING`.
async fn asked(command: &Cmd, connection: &mut MultiplexedConnection) -> Result<Value, RedisError> {
    let mut both = redis::pipe();
    both.cmd("ASKING").ignore().add_command(command.clone());
    let answer = both.query_async(connection).await.map(|[answer]: [Value; 1]| answer);
    answer.map_err(fault::of_pipeline)
}

/// What a caller is told for whom there is no room.
pub(super) fn too_many() -> StoreError {
    StoreError::Unavailable {
        what: format!("{MOST_WAITING} calls wait for it already"),
        cause: "the queue is full".into(),
    }
}

fn too_slow() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "it took too long to connect").into()
}

//! Replays recorded traffic against a policy in virtual time, and sums up who was refused by what.
//!
//! A request is decided at the instant of its record, holds its leases and reservations until its reply, and is settled by
//! what the reply says; one without a reply ends at once, and its reservations stand. Nothing here reads a clock: the same traffic gives the same summary on every machine. Memory is bounded
//! whatever the traffic holds; where a bound cuts something off, the summary says so.

mod asides;
mod keys;
mod names;
mod rewind;
mod running;
mod skips;
mod summary;
mod tally;
mod watch;

use std::{
    fmt,
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    sync::Arc,
};

use limitrate_compiler::Policy;
use limitrate_core::time::Timestamp;
use limitrate_runtime::{
    DecisionRecord, Limiter, LimiterOptions,
    store::{LocalStore, MemoryOptions, MemoryStore},
};

pub use rewind::Rewind;
pub use summary::{
    Cutoffs, InputSummary, KeySummary, LimitSummary, Outcomes, PlanSummary, RouteSummary, RuleSummary,
    SettledSummary, ShadowRuleSummary, ShadowSummary, SkipSummary, Summary, UnknownSummary, WarningSummary,
};
pub use watch::{Seen, Watch};

use crate::{
    ManualClock,
    limiter::repeatable,
    traffic::{Progress, Record, Replay, Replayed, SkipReason},
};
use running::{Replying, RunningRequests};
use skips::Skips;
use tally::Tally;

/// What a simulation is given beside its policy.
#[derive(Default)]
pub struct SimulationOptions {
    /// Gets one [`DecisionRecord`] a line.
    pub decisions: Option<Box<dyn Rewind>>,
    /// Is told how far the reader has come.
    pub progress: Option<Box<dyn FnMut(Progress)>>,
    /// How counters in memory are kept.
    pub memory: MemoryOptions,
    /// Where the counters are kept instead of in memory. They are named under a secret of the replay's own, so that none is
    /// another's: what a service counts in the same store is neither read nor changed.
    pub store: Option<Arc<dyn LocalStore>>,
    /// Is told of every decision.
    pub watch: Option<Box<dyn Watch>>,
}

impl fmt::Debug for SimulationOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulationOptions").field("memory", &self.memory).finish_non_exhaustive()
    }
}

/// A policy that takes recorded traffic in; see [`TrafficFile::replay`](crate::traffic::TrafficFile::replay).
pub struct Simulation {
    policy: Arc<Policy>,
    memory: MemoryOptions,
    store: Option<Arc<dyn LocalStore>>,
    progress: Option<Box<dyn FnMut(Progress)>>,
    decisions: Option<BufWriter<Box<dyn Rewind>>>,
    watch: Option<Box<dyn Watch>>,
    /// Why decisions could not be written; the replay has ended then.
    failed: Option<io::Error>,
    replay: State,
}

/// A limiter over whatever store the simulation has.
type AnyLimiter = Limiter<Arc<dyn LocalStore>>;

/// What a simulation has taken in.
struct State {
    limiter: AnyLimiter,
    running: RunningRequests,
    tally: Tally,
    skips: Skips,
}

impl State {
    fn new(policy: &Arc<Policy>, memory: MemoryOptions, store: Option<Arc<dyn LocalStore>>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::default()));
        let options = repeatable(clock);
        // In a store that others use too, each replay begins with keys that nobody has.
        let apart = LimiterOptions::default();
        let limiter = match store {
            Some(store) => {
                let (secret, instance) = (apart.secret, apart.instance);
                Limiter::with(policy.clone(), store, LimiterOptions { secret, instance, ..options })
            }
            None => Limiter::with(
                policy.clone(),
                Arc::new(MemoryStore::new(memory)) as Arc<dyn LocalStore>,
                options,
            ),
        };
        Self {
            limiter,
            running: RunningRequests::default(),
            tally: Tally::new(policy.program()),
            skips: Skips::default(),
        }
    }
}

impl Simulation {
    /// A simulation of `policy` that has taken nothing in.
    #[must_use]
    pub fn new(policy: Arc<Policy>, options: SimulationOptions) -> Self {
        let SimulationOptions { decisions, progress, memory, store, watch } = options;
        let replay = State::new(&policy, memory, store.clone());
        let decisions = decisions.map(BufWriter::new);
        Self { policy, memory, store, progress, decisions, watch, failed: None, replay }
    }

    /// The summary of everything taken in; `replayed` is what the reader says of the file.
    ///
    /// # Errors
    ///
    /// Decisions could not be written.
    pub fn finish(mut self, replayed: &Replayed) -> io::Result<Summary> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some(decisions) = &mut self.decisions {
            decisions.flush()?;
        }
        let State { limiter, mut running, mut tally, skips } = self.replay;
        let mut replying = Replying { limiter: &limiter, asides: &mut tally.asides };
        running.reply_until(&mut replying, Timestamp::MAX);
        let mut summary = tally.summary(self.policy.program());
        summary.counters = self.store.is_none().then(|| limiter.store().len());
        summary.cut_off.ended_early = running.ended_early();
        summary.skipped = skips.total();
        summary.skips = skips.summary();
        summary.was_sorted = replayed.was_sorted;
        let unknown = replayed.unknown.by_count().into_iter();
        summary.unknown_members =
            unknown.map(|(member, count)| UnknownSummary { member: member.to_owned(), count }).collect();
        summary.cut_off.unknown_members = replayed.unknown.others();
        Ok(summary)
    }

    fn decide(&mut self, record: &Record<'_>) -> io::Result<()> {
        let State { limiter, running, tally, .. } = &mut self.replay;
        let limiter = &*limiter;
        running.reply_until(&mut Replying { limiter, asides: &mut tally.asides }, record.at);
        let decision = limiter.decide_at(&record.facts, record.at);
        tally.note(limiter, &decision, record);
        if let Some(watch) = &mut self.watch {
            watch.decided(&Seen::new(limiter, &decision, record));
        }
        let held = limiter.running(&decision);
        if !held.is_empty() {
            let mut replying = Replying { limiter, asides: &mut tally.asides };
            match &record.reply {
                Some(reply) => running.hold(&mut replying, held, reply, record.at),
                None => replying.without_reply(&held, record.at),
            }
        }
        if let Some(decisions) = &mut self.decisions {
            let line = DecisionRecord::new(tally.requests(), limiter, &decision, &record.facts);
            serde_json::to_writer(&mut *decisions, &line)?;
            decisions.write_all(b"\n")?;
        }
        Ok(())
    }

    fn rewind(&mut self) -> io::Result<()> {
        let Some(decisions) = &mut self.decisions else { return Ok(()) };
        decisions.flush()?;
        decisions.get_mut().rewind()
    }

    /// Keeps the first error, and ends the replay.
    fn ended(&mut self, result: io::Result<()>) -> ControlFlow<()> {
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
        if self.failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Replay for Simulation {
    fn record(&mut self, record: &Record<'_>) -> ControlFlow<()> {
        if self.failed.is_some() {
            return ControlFlow::Break(());
        }
        let result = self.decide(record);
        self.ended(result)
    }

    fn restart(&mut self) {
        self.replay = State::new(&self.policy, self.memory, self.store.clone());
        if let Some(watch) = &mut self.watch {
            watch.restarted();
        }
        let result = self.rewind();
        // If it failed, the next record ends the replay.
        let _ = self.ended(result);
    }

    fn skipped(&mut self, line: u64, reason: SkipReason) {
        self.replay.skips.note(line, &reason);
    }

    fn progress(&mut self, progress: Progress) {
        if let Some(told) = &mut self.progress {
            told(progress);
        }
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("requests", &self.replay.tally.requests()).finish_non_exhaustive()
    }
}

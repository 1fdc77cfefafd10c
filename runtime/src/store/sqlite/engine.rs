//! Executing calls on the file: many of them in one transaction, over entries that are kept warm in between.
//!
//! Where other processes share the file, the transaction begins before anything is read, and what was kept is forgotten if
//! anybody else has written. Where the file is ours alone, what is kept is true without asking; calls that change nothing
//! need no transaction, and those that change one row no more than its statement.

use std::{mem, path::Path, sync::Arc};

use limitrate_core::{charge::Charge, key::CounterKey};
use smallvec::{SmallVec, smallvec};

use super::{fault::Fault, file::File, sweep::Sweep, work::Step};
use crate::store::{Call, Charged, Ledger};

/// How much is kept warm, in bytes.
const WARM_BYTES: usize = 32 * 1024 * 1024;

/// What a small entry takes there.
const ENTRY_BYTES: usize = 192;

/// A file with what is known of it.
#[derive(Debug)]
pub(super) struct Engine {
    file: File,
    is_alone: bool,
    ledger: Ledger,
    /// About how many bytes the ledger has.
    warm: usize,
    /// What the file said of others' writing when the ledger was last true.
    version: Option<i64>,
    sweep: Sweep,
    /// Whether the last calls failed for want of room.
    lacks_room: bool,
}

/// What came of calls.
pub(super) struct Outcome {
    path: Arc<Path>,
    /// Of each, or of all at once.
    written: SmallVec<[Result<(), Fault>; 1]>,
}

impl Outcome {
    /// Tells the callers. Not while the engine is locked: they come back before it is free, and would have to queue again.
    pub(super) fn tell(&self, steps: &mut Vec<Box<dyn Step>>) {
        for (step, written) in steps.drain(..).zip(self.written.iter().cycle()) {
            step.tell(&self.path, written.as_ref().copied());
        }
    }
}

impl Engine {
    pub(super) fn new(file: File, is_alone: bool) -> Self {
        let (ledger, sweep) = (Ledger::new(), Sweep::default());
        Self { file, is_alone, ledger, warm: 0, version: None, sweep, lacks_room: false }
    }

    /// Executes calls in one transaction. What each is to be told.
    pub(super) fn run(&mut self, steps: &mut [Box<dyn Step>]) -> Outcome {
        metrics::histogram!("limitrate_store_batch_calls", "store" => "sqlite").record(count(steps.len()));
        let path = Arc::clone(self.file.path());
        let written = match self.attempt(steps) {
            // Only some of them can be to blame.
            Err(fault) if fault.is_damage() && steps.len() > 1 => {
                steps.iter_mut().map(|step| self.attempt(std::slice::from_mut(step))).collect()
            }
            written => {
                self.lacks_room = written.as_ref().is_err_and(Fault::is_of_room);
                smallvec![written]
            }
        };
        Outcome { path, written }
    }

    /// Brings what was written to its place, where it is time.
    pub(super) fn collect(&mut self) {
        if self.file.is_full() || mem::take(&mut self.lacks_room) {
            self.file.collect();
        }
    }

    fn attempt(&mut self, steps: &mut [Box<dyn Step>]) -> Result<(), Fault> {
        let done = self.execute(steps).and_then(|()| self.finish());
        self.end(done)
    }

    /// Executes one call at once, if there is nothing else to be done first.
    pub(super) fn charge(&mut self, call: &Call, charges: &[Charge<'_>]) -> Option<Result<Charged, Fault>> {
        if self.file.is_full() || self.sweep.is_owed() {
            return None;
        }
        let charged = self.load(|tell| Ledger::keys_of_charges(call, charges, tell)).and_then(|()| {
            self.sweep.note_now(call.now);
            let charged = self.ledger.charge(call.now, call, charges);
            self.write()?;
            self.finish()?;
            Ok(charged)
        });
        Some(self.end(charged))
    }

    fn execute(&mut self, steps: &mut [Box<dyn Step>]) -> Result<(), Fault> {
        if !self.is_alone {
            self.enter()?;
        }
        for step in steps.iter_mut().filter(|step| step.is_wanted()) {
            if step.looks_at_file() {
                self.enter()?;
                self.write()?;
            }
            match self.load(|tell| step.keys(tell)) {
                Ok(()) => step.execute(&mut self.ledger, &self.file),
                Err(fault) if fault.is_damage() => step.fail(fault),
                Err(fault) => return Err(fault),
            }
            if let Some(now) = step.now() {
                self.sweep.note_now(now);
            }
        }
        self.write()
    }

    /// Begins a transaction, if none is open.
    fn enter(&mut self) -> Result<(), Fault> {
        if self.file.is_within() {
            return Ok(());
        }
        self.file.begin()?;
        self.notice_others()
    }

    /// Forgets what is kept if anybody else has written. Wants a transaction, so that nobody does from here on.
    fn notice_others(&mut self) -> Result<(), Fault> {
        if self.is_alone {
            return Ok(());
        }
        let version = self.file.version()?;
        if self.version.replace(version) != Some(version) {
            self.forget();
        }
        Ok(())
    }

    /// Reads the entries of keys that are not known.
    fn load(&mut self, keys: impl FnOnce(&mut dyn FnMut(CounterKey))) -> Result<(), Fault> {
        let mut unknown = SmallVec::<[CounterKey; 8]>::new();
        keys(&mut |key| {
            if !self.ledger.has(key) {
                unknown.push(key);
            }
        });
        for key in unknown {
            let found = self.file.read(key)?;
            self.warm += ENTRY_BYTES + found.as_ref().map_or(0, |(bytes, ..)| *bytes);
            self.ledger.load(key, found.map(|(_, entry, idle_at)| (entry, idle_at)));
        }
        Ok(())
    }

    /// Writes what the calls have changed.
    fn write(&mut self) -> Result<(), Fault> {
        let rows = self.ledger.changes().take(2).count();
        if rows == 0 {
            return Ok(());
        }
        // A statement is a transaction by itself, if nothing else is to be in it.
        if rows > 1 || !self.is_alone || self.sweep.is_owed() {
            self.enter()?;
        }
        for (key, entry) in self.ledger.changes() {
            let bytes = self.file.write(key, entry)?;
            // Lists grow.
            self.warm += bytes.saturating_sub(ENTRY_BYTES);
        }
        // A key that is still warm after its row was swept is no new one, and none is warm for ever.
        let new = self.ledger.mark_written();
        self.sweep.note_new(new);
        Ok(())
    }

    /// Applies what was written.
    fn finish(&mut self) -> Result<(), Fault> {
        if !self.file.is_within() {
            return Ok(());
        }
        if self.sweep.is_owed() {
            self.sweep.step(&mut self.file)?;
        }
        self.file.commit()
    }

    /// Leaves no transaction open, and nothing half done in what is kept.
    fn end<T>(&mut self, done: Result<T, Fault>) -> Result<T, Fault> {
        if done.is_err() {
            self.file.roll_back();
        }
        if done.is_err() || self.warm > WARM_BYTES {
            self.forget();
        }
        done
    }

    fn forget(&mut self) {
        self.ledger.clear();
        self.warm = 0;
    }

    /// Uses spare time to drop what is idle; false if there is nothing to do, or somebody else is at the file.
    pub(super) fn tidy(&mut self) -> bool {
        if !self.sweep.is_of_use() {
            return false;
        }
        let begun = self.file.begin_at_once().and_then(|()| self.notice_others());
        let done = begun.and_then(|()| self.sweep.step(&mut self.file)).and_then(|()| self.file.commit());
        let done = self.end(done);
        if let Err(fault) = &done {
            tracing::debug!(error = %self.file.error(fault), "idle counters stay in the file until the next call");
        }
        done.is_ok()
    }
}

/// A small number for a metric.
fn count(calls: usize) -> f64 {
    u32::try_from(calls).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests;

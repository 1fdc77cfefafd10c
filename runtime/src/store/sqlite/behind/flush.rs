//! The thread that writes behind.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use limitrate_core::{key::CounterKey, time::Timestamp};
use tokio::sync::oneshot;

use super::{
    super::{
        fault::Fault,
        file::{File, note_damaged},
        sweep::Sweep,
        thread::Ending,
    },
    Desk,
    notes::Noted,
};
use crate::store::{Answer, Entry, Kept, LocalStore, MemoryStore, StoreError};

/// How many rows are written in one transaction.
const ROWS: usize = 4_096;

/// How many may wait for a flush at a time.
const MAX_WAITING: usize = 64;

type Reply = oneshot::Sender<Result<(), StoreError>>;

enum Message {
    Flush(Reply),
    Close(Reply),
}

/// The thread; dropping it writes what is not written yet, and closes the file.
#[derive(Debug)]
pub(super) struct Flusher {
    // Before the thread, which ends when nobody can ask it any more.
    queue: SyncSender<Message>,
    _thread: Ending,
}

impl Flusher {
    pub(super) fn start(file: File, desk: Arc<Desk>, every: Duration) -> Result<Self, StoreError> {
        let (queue, asked) = sync_channel(MAX_WAITING);
        let flush = Flush { file, desk, sweep: Sweep::default(), has_failed: false };
        let thread = Ending::start(move || flush.serve(&asked, every)).map_err(no_thread)?;
        Ok(Self { queue, _thread: thread })
    }

    pub(super) fn flush(&self) -> Answer<'_, ()> {
        self.ask(Message::Flush)
    }

    pub(super) fn close(&self) -> Answer<'_, ()> {
        let closed = self.ask(Message::Close);
        Box::pin(async move {
            match closed.await {
                Err(StoreError::Closed) => Ok(()),
                answer => answer,
            }
        })
    }

    fn ask(&self, message: impl FnOnce(Reply) -> Message + Send + 'static) -> Answer<'_, ()> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.queue.try_send(message(reply)).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Unavailable {
                    what: format!("{MAX_WAITING} callers wait for its file already"),
                    cause: "the queue is full".into(),
                },
                TrySendError::Disconnected(_) => StoreError::Closed,
            })?;
            answer.await.map_err(|_| StoreError::Closed)?
        })
    }
}

fn no_thread(error: io::Error) -> StoreError {
    StoreError::Unavailable {
        what: "no thread can be started for its file".to_owned(),
        cause: Box::new(error),
    }
}

struct Flush {
    file: File,
    desk: Arc<Desk>,
    sweep: Sweep,
    /// Whether the last flush did, so that only the first one is told.
    has_failed: bool,
}

impl Flush {
    fn serve(mut self, asked: &Receiver<Message>, every: Duration) {
        loop {
            match asked.recv_timeout(every) {
                Ok(Message::Flush(reply)) => {
                    let flushed = self.flush().map_err(|fault| self.file.error(&fault));
                    drop(reply.send(flushed));
                }
                Ok(Message::Close(reply)) => {
                    let flushed = self.flush().map_err(|fault| self.file.error(&fault));
                    // Whoever hears of it may open the file.
                    drop(self);
                    drop(reply.send(flushed));
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let flushed = self.flush();
                    self.tell(flushed);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let flushed = self.flush();
                    self.tell(flushed);
                    return;
                }
            }
        }
    }

    /// Tells when flushes begin to fail, and when they do no more.
    fn tell(&mut self, flushed: Result<(), Fault>) {
        let has_failed = flushed.is_err();
        if let Err(fault) = flushed {
            let error = self.file.error(&fault);
            metrics::counter!("limitrate_store_flush_failures_total", "store" => "sqlite", "kind" => error.word()).increment(1);
            if !self.has_failed {
                tracing::error!(%error, "what was decided cannot be written: a restart would forget it");
            }
        } else if self.has_failed {
            tracing::info!("what was decided is written again");
        }
        self.has_failed = has_failed;
    }

    /// Writes what was noted. What cannot be written stays noted.
    fn flush(&mut self) -> Result<(), Fault> {
        if let Some(earliest) = self.desk.take_earliest() {
            self.sweep.note_now(earliest);
        }
        let flushed = match self.desk.notes.take() {
            Noted::Keys(keys) => self.write(keys),
            Noted::Everything => {
                let written = self.write_everything();
                if written.is_err() {
                    self.desk.notes.give_back(Noted::Everything);
                }
                written
            }
        };
        if flushed.is_err() {
            self.file.roll_back();
        }
        if self.file.is_full() || flushed.as_ref().is_err_and(Fault::is_of_room) {
            self.file.collect();
        }
        flushed
    }

    fn write(&mut self, keys: Vec<CounterKey>) -> Result<(), Fault> {
        metrics::histogram!("limitrate_store_batch_calls", "store" => "sqlite").record(count(keys.len()));
        for (number, part) in keys.chunks(ROWS).enumerate() {
            if let Err(fault) = self.write_part(part) {
                let unwritten = keys.get(number * ROWS..).unwrap_or_default();
                self.desk.notes.give_back(Noted::Keys(unwritten.to_vec()));
                return Err(fault);
            }
        }
        if keys.is_empty() && self.sweep.is_of_use() {
            self.write_part(&[])?;
        }
        Ok(())
    }

    fn write_part(&mut self, keys: &[CounterKey]) -> Result<(), Fault> {
        self.file.begin()?;
        for key in keys {
            let kept = self.desk.memory.kept(*key);
            self.file.write(*key, kept.as_ref().map(|kept| (&kept.entry, kept.idle_at)))?;
        }
        self.sweep.note_new(keys.len());
        if self.sweep.is_owed() || keys.is_empty() {
            self.sweep.step(&mut self.file)?;
        }
        self.file.commit()
    }

    /// Writes all that stands in memory instead of what stood in the file, in one transaction.
    fn write_everything(&mut self) -> Result<(), Fault> {
        self.file.begin()?;
        self.file.clear()?;
        let mut keys = Vec::new();
        LocalStore::snapshot(&self.desk.memory, Timestamp::MIN, &mut |kept| keys.push(kept.key));
        // Read once more, as notes want it: a snapshot takes no counter out.
        for key in keys {
            let kept = self.desk.memory.kept(key);
            self.file.write(key, kept.as_ref().map(|kept| (&kept.entry, kept.idle_at)))?;
        }
        self.file.commit()
    }
}

/// Fills the memory with what stands in the file. What is damaged there begins anew, as if its counters were reset.
pub(super) fn fill(memory: &MemoryStore, file: &File) -> Result<(), Fault> {
    let (mut behind, mut left, mut damaged) = (None, 0, 0);
    loop {
        let page = file.page(behind, ROWS)?;
        damaged += page.damaged;
        behind = page.last;
        let mut kept = page.kept;
        // A caller of this store is answered at once, and has no reason to ask again.
        kept.retain(|Kept { entry, .. }| !matches!(entry, Entry::Receipt(_) | Entry::Judged(_)));
        let found = kept.len();
        // Nothing is idle by then, for all that we know.
        left += found - LocalStore::restore(memory, Timestamp::MIN, kept);
        if behind.is_none() {
            break;
        }
    }
    note_damaged(damaged);
    if left > 0 {
        tracing::warn!(
            left,
            "the memory has no room for all counters of the file: those without it begin anew"
        );
    }
    Ok(())
}

/// A small number for a metric.
fn count(rows: usize) -> f64 {
    u32::try_from(rows).map_or(f64::from(u32::MAX), f64::from)
}

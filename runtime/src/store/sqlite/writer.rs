//! The thread that owns the file, and the queue of those who wait for it.
//!
//! Whoever waits while a transaction is written is in the next one: the more wait, the fewer transactions for each.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};

use super::{
    engine::Engine,
    thread::Ending,
    work::{Job, Step, Work},
};
use crate::store::{Answer, StoreError};

/// How many calls may wait. More are refused at once: they could not be answered in time.
const MAX_WAITING: usize = 16_384;

/// How many calls are executed in one transaction.
const MAX_BATCH: usize = 512;

/// An engine that is there until it is closed.
pub(super) type Shared = Arc<Mutex<Option<Engine>>>;

enum Message {
    Step(Box<dyn Step>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// The queue, and the thread behind it; dropping it answers who waits, and closes the file.
#[derive(Debug)]
pub(super) struct Writer {
    // Before the thread, which ends when nobody can ask it any more.
    queue: SyncSender<Message>,
    _thread: Ending,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(engine: Shared) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(MAX_WAITING);
        let thread = Ending::start(move || {
            serve(&waiting, &engine);
            // Closes the file.
            engine.lock().take();
        })?;
        Ok(Self { queue, _thread: thread })
    }

    /// Has something done, and waits for what comes of it; within a deadline, if there is one. What was not begun by then
    /// is not begun any more.
    pub(super) fn ask<W: Work>(&self, deadline: Option<Duration>, work: W) -> Answer<'_, W::Answer> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.send(Message::Step(Box::new(Job::new(work, reply))))?;
            let answered = match deadline {
                Some(deadline) => {
                    timeout(deadline, answer).await.map_err(|_| StoreError::Timeout(deadline))?
                }
                None => answer.await,
            };
            // What was waiting when the file was closed was not begun.
            answered.map_err(|_| StoreError::Closed)?
        })
    }

    /// Has everything done that waits, and the file closed.
    pub(super) fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            match self.send(Message::Close(reply)) {
                Ok(()) => answer.await.map_err(|_| StoreError::Closed)?,
                Err(StoreError::Closed) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        self.queue.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => {
                let what = format!("{MAX_WAITING} calls wait for its file already");
                StoreError::Unavailable { what, cause: "the queue is full".into() }
            }
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }
}

fn serve(waiting: &Receiver<Message>, engine: &Shared) {
    let mut steps: Vec<Box<dyn Step>> = Vec::new();
    while let Ok(first) = waiting.recv() {
        let mut next = Some(first);
        let closing = loop {
            match next.take() {
                Some(Message::Step(step)) => steps.push(step),
                Some(Message::Close(reply)) => break Some(reply),
                None => {}
            }
            match waiting.try_recv() {
                Ok(message) if steps.len() < MAX_BATCH => next = Some(message),
                Ok(Message::Step(step)) => {
                    run(&mut steps, engine);
                    steps.push(step);
                }
                Ok(Message::Close(reply)) => break Some(reply),
                Err(TryRecvError::Empty) if !steps.is_empty() => run(&mut steps, engine),
                Err(TryRecvError::Empty) if engine.lock().as_mut().is_some_and(Engine::tidy) => {}
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break None,
            }
        };
        run(&mut steps, engine);
        if let Some(reply) = closing {
            engine.lock().take();
            // Nobody may wait any more.
            drop(reply.send(Ok(())));
            return;
        }
    }
}

fn run(steps: &mut Vec<Box<dyn Step>>, engine: &Shared) {
    if steps.is_empty() {
        return;
    }
    let outcome = engine.lock().as_mut().map(|engine| engine.run(steps));
    if let Some(outcome) = outcome {
        outcome.tell(steps);
    }
    if let Some(engine) = engine.lock().as_mut() {
        engine.collect();
    }
}

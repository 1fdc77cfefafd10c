//! Every process that shares a Cluster looks at the journals now and then, for notes of decisions that nobody finished.
//!
//! Its task ends with the store, which it keeps alive no longer than a turn takes. Turns come at uneven times, each looks at some of
//! the journals, and takes no more than so many notes of each; a note that somebody works on is put off for others.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use super::{journal::Written, note::Note};
use crate::store::{
    StoreError,
    redis::{Inner, link::Until, names::JOURNALS},
};

/// How many turns it takes to look at all journals.
const TURNS: u8 = 4;

/// How many notes of one journal are worked on in one turn.
const AT_ONCE: usize = 64;

/// How long a journal is waited for at most.
const LONGEST_LOOK: Duration = Duration::from_millis(500);

/// Where when a note is due begins in it.
const DUE_BYTES: usize = 8;

/// Looks at the journals as long as the store is there.
pub(in super::super) fn keep_sweeping(inner: &Arc<Inner>) {
    let store = Arc::downgrade(inner);
    inner.runtime.spawn(async move {
        let mut turn = random();
        while let Some(pause) = pause(&store) {
            sleep(pause).await;
            let Some(inner) = store.upgrade() else { return };
            turn = turn.wrapping_add(1);
            if inner.sweep(turn).await.is_err() {
                return;
            }
        }
    });
}

/// How long it is to the next turn. `None` if there is no store any more.
fn pause(store: &Weak<Inner>) -> Option<Duration> {
    let whole = store.upgrade()?.journals.give_back_after / u32::from(TURNS);
    // From a half to one and a half.
    Some(whole / 2 + whole.mul_f64(f64::from(random()) / f64::from(u8::MAX)))
}

fn random() -> u8 {
    let [byte, ..] = RandomState::new().hash_one(0).to_le_bytes();
    byte
}

impl Inner {
    /// Looks at the journals of a turn, all at the same time. An error says that the store is closed.
    async fn sweep(self: &Arc<Self>, turn: u8) -> Result<(), StoreError> {
        let mut looks = JoinSet::new();
        for journal in (0..JOURNALS).filter(|journal| journal % TURNS == turn % TURNS) {
            let inner = Arc::clone(self);
            looks.spawn(async move { inner.look_through(journal).await });
        }
        while let Some(looked) = looks.join_next().await {
            match looked {
                Ok(Err(StoreError::Closed)) => return Err(StoreError::Closed),
                Ok(Err(error)) => tracing::debug!(%error, "a journal cannot be looked at"),
                Ok(Ok(())) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Gives back what the notes of a journal that are due name, all at the same time: one that waits for a node holds up no other.
    async fn look_through(self: &Arc<Self>, journal: u8) -> Result<(), StoreError> {
        self.take_out(journal, Until::after(LONGEST_LOOK)).await?;
        let mut works = JoinSet::new();
        for (since, written) in self.due(journal, AT_ONCE, Until::after(LONGEST_LOOK)).await? {
            let inner = Arc::clone(self);
            works.spawn(async move { inner.work_on(since, written).await });
        }
        if works.is_empty() {
            return Ok(());
        }
        works.join_all().await;
        self.take_out(journal, Until::after(LONGEST_LOOK)).await
    }

    /// Gives back what a note names that is due for so long.
    async fn work_on(&self, since: Duration, written: Written) {
        if since > self.journals.tried() {
            metrics::counter!("limitrate_store_stranded_total", "store" => "redis").increment(1);
            tracing::warn!("what a decision took is not given back: nobody could for too long");
            self.journals.is_done(written);
            return;
        }
        let bytes = written.member.get(DUE_BYTES..).unwrap_or_default();
        // One that cannot be read is of a newer version, which reads it.
        let Some(note) = Note::decode(bytes) else { return };
        match self.give_back(&note, true).await {
            Ok(is_given_back) => {
                if is_given_back {
                    metrics::counter!("limitrate_store_given_back_total", "store" => "redis").increment(1);
                    tracing::info!("what a decision took that nobody finished is given back");
                }
                self.journals.is_done(written);
            }
            Err(error) => tracing::debug!(%error, "what a decision took cannot be given back yet"),
        }
    }
}

//! One attempt to make a decision over several groups. Unless it comes to an end, because a place fails or because whoever waited
//! for it gave up, what it took is given back, without having anybody wait for it.

use std::sync::Arc;

use limitrate_core::{charge::Charge, time::Nanos};

use super::{
    Numbered, Place,
    journal::Written,
    note::{Note, Share, tentative},
    step::{Step, Taking},
};
use crate::store::{
    Call, StoreError,
    redis::{Inner, link::Until, names::Group},
};

/// See the [module](self).
pub(super) struct Attempt<'t> {
    inner: &'t Arc<Inner>,
    call: &'t Call,
    note: Note,
    /// As it stands in a journal, once that is known.
    written: Option<Written>,
    /// How long what is taken can be given back.
    kept: Nanos,
    /// Whether anything may be taken.
    may_have_taken: bool,
    /// Whether all may be.
    may_be_decided: bool,
    is_over: bool,
}

impl<'t> Attempt<'t> {
    /// Nothing yet.
    pub(super) fn new(inner: &'t Arc<Inner>, call: &'t Call, places: &[Numbered<'_, '_>]) -> Self {
        Self {
            inner,
            call,
            note: Note::of(call, places.iter().map(|(_, place)| place.as_slice())),
            written: None,
            kept: inner.journals.kept(call),
            may_have_taken: false,
            may_be_decided: false,
            is_over: false,
        }
    }

    /// The note of it.
    pub(super) const fn note(&self) -> &Note {
        &self.note
    }

    /// The call at a place.
    pub(super) const fn call_at(&self, share: &Share) -> Call {
        Call { ticket: share.ticket, ..*self.call }
    }

    /// Takes the charges of the place of this number, if all of them fit. The last one decides.
    pub(super) async fn take(
        &mut self,
        number: usize,
        place: &Place<'_, '_>,
        until: Until,
    ) -> Result<Step, StoreError> {
        if until.is_over() {
            // What is sent now may be given up already, and nobody waits for it.
            return Err(StoreError::Unreachable("the deadline passed before all nodes were asked".into()));
        }
        let had_taken = self.may_have_taken;
        self.may_have_taken = true;
        self.may_be_decided = number + 1 == self.note.shares.len();
        let step = self.take_one(number, place, until).await;
        let is_without_effect = match &step {
            Ok(step) => !step.charged.taken,
            Err(error) => !error.may_have_applied(),
        };
        if is_without_effect {
            (self.may_have_taken, self.may_be_decided) = (had_taken, false);
        }
        step
    }

    async fn take_one(
        &mut self,
        number: usize,
        place: &Place<'_, '_>,
        until: Until,
    ) -> Result<Step, StoreError> {
        let unknown = || StoreError::Corrupt { what: "a decision has no such place".to_owned() };
        let share = self.note.shares.get(number).ok_or_else(unknown)?;
        let held: Vec<Charge<'_>> = tentative(place.iter().map(|(_, charge)| **charge), self.kept);
        let taking = Taking {
            note: &self.note,
            share,
            is_last: self.may_be_decided,
            call: self.call_at(share),
            held,
            kept: self.kept,
        };
        if number > 0 {
            return self.inner.take_step(&taking, until).await;
        }
        let bytes = self.note.encode().ok_or_else(unknown)?;
        let near = Group::of(share.first);
        let writing = self.inner.writing(self.call, &bytes, self.note.attempt, near);
        self.inner.take_first(&taking, &writing, &mut self.written, until).await
    }

    /// It is over: all that it took stays, or nothing is left of it.
    pub(super) fn finish(mut self) {
        self.is_over = true;
        if let Some(written) = self.written.take() {
            self.inner.journals.is_done(written);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let written = self.written.take();
        let inner = Arc::clone(self.inner);
        if !self.may_have_taken {
            written.into_iter().for_each(|written| inner.journals.is_done(written));
            return;
        }
        let (note, may_be_decided) = (self.note.clone(), self.may_be_decided);
        self.inner.runtime.spawn(async move {
            let given_back = inner.give_back(&note, may_be_decided).await;
            match (given_back, written) {
                (Ok(_), written) => {
                    written.into_iter().for_each(|written| inner.journals.is_done(written));
                }
                (Err(error), Some(_)) => {
                    tracing::debug!(%error, "what one node took is given back when its note is due");
                }
                (Err(error), None) => {
                    metrics::counter!("limitrate_store_stranded_total", "store" => "redis").increment(1);
                    tracing::warn!(%error, "what one node took cannot be given back: it counts until its window passes");
                }
            }
        });
    }
}

//! A store whose answers are in the file before they are given.

use std::sync::Arc;

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey};
use parking_lot::Mutex;

use super::{
    engine::Engine,
    file::{File, note_damaged},
    options::{Durability, SqliteOptions},
    work::{ChargeAll, Count, Page, Refund, ReleaseAll, Reset, Restore, SetUsed, SettleAll, Used},
    writer::{Shared, Writer},
};
use crate::store::{
    Answer, Call, Charged, Kept, Lease, OwnedCharge, OwnedSettlement, Settlement, Settlements, Store,
    StoreError,
};

/// How many rows are told or kept in one step.
pub(super) const PAGE_ROWS: usize = 1_024;

/// See [`Durability::Full`] and [`Durability::Normal`].
#[derive(Debug)]
pub(super) struct Strict {
    writer: Writer,
    /// Where no other process can be in the way, and no flush is waited for, a lone caller needs no other thread.
    at_once: Option<Shared>,
    secret: u64,
}

impl Strict {
    pub(super) fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        let (file, secret) = File::open(options)?;
        let engine = Arc::new(Mutex::new(Some(Engine::new(file, options.is_alone()))));
        let is_quick = options.is_alone() && options.durability == Durability::Normal;
        let at_once = is_quick.then(|| Arc::clone(&engine));
        let writer = Writer::start(engine).map_err(|error| StoreError::Unavailable {
            what: "no thread can be started for its file".to_owned(),
            cause: Box::new(error),
        })?;
        Ok(Self { writer, at_once, secret })
    }
}

impl Store for Strict {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        Box::pin(async move {
            if let Some(charged) = self.charge_at_once(call, charges) {
                return Ok(charged);
            }
            let charges = charges.iter().map(OwnedCharge::from).collect();
            self.writer.ask(Some(call.deadline), ChargeAll { call, charges }).await
        })
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        let settlements = settlements.iter().map(OwnedSettlement::from).collect();
        self.writer.ask(Some(call.deadline), SettleAll { now: call.now, settlements })
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        self.writer.ask(Some(call.deadline), ReleaseAll { now: call.now, leases: leases.to_vec() })
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.writer.ask(Some(call.deadline), Refund { now: call.now, charge: charge.into() })
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        self.writer.ask(Some(call.deadline), Used { now: call.now, counter, algorithm: algorithm.clone() })
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        let what = Used { now: call.now, counter, algorithm: algorithm.clone() };
        self.writer.ask(Some(call.deadline), SetUsed { what, used })
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.writer.ask(Some(call.deadline), Reset(counter))
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        Box::pin(async move {
            let (mut behind, mut damaged) = (None, 0);
            loop {
                // Each page has the deadline for itself: there is no saying how many there are.
                let page = Page { behind, rows: PAGE_ROWS };
                let page = self.writer.ask(Some(call.deadline), page).await?;
                behind = page.last;
                damaged += page.damaged;
                page.kept.into_iter().filter(|kept| call.now < kept.idle_at).for_each(&mut *tell);
                if behind.is_none() {
                    note_damaged(damaged);
                    return Ok(());
                }
            }
        })
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        Box::pin(async move {
            let (mut kept, mut restored) = (kept.into_iter(), 0);
            loop {
                let part: Vec<Kept> = kept.by_ref().take(PAGE_ROWS).collect();
                if part.is_empty() {
                    return Ok(restored);
                }
                restored +=
                    self.writer.ask(Some(call.deadline), Restore { now: call.now, kept: part }).await?;
            }
        })
    }

    fn len(&self) -> Answer<'_, usize> {
        self.writer.ask(None, Count)
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        Box::pin(std::future::ready(Ok(Some(self.secret))))
    }

    fn charge_at_once(&self, call: Call, charges: &[Charge<'_>]) -> Option<Charged> {
        let mut engine = self.at_once.as_ref()?.try_lock()?;
        // What failed was taken back, and is told by whoever asks again.
        engine.as_mut()?.charge(&call, charges)?.ok()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.writer.close()
    }
}

//! What callers ask of the file, and how each is told what came of it.

use limitrate_core::{algorithm::Algorithm, key::CounterKey, time::Timestamp};
use smallvec::SmallVec;
use tokio::sync::oneshot;

use super::{
    fault::Fault,
    file::{File, Rows},
};
use crate::store::{
    Call, Charged, Kept, Lease, Ledger, OwnedCharge, OwnedSettlement, Settlements, StoreError,
    beside::hold_key,
};

/// One call, owned: its caller waits elsewhere.
pub(super) trait Work: Send + 'static {
    /// What the caller is told.
    type Answer: Send + 'static;

    /// The caller's instant.
    fn now(&self) -> Option<Timestamp> {
        None
    }

    /// The keys whose entries are looked at.
    fn keys(&self, tell: &mut dyn FnMut(CounterKey)) {
        let _ = tell;
    }

    /// Whether it looks at the file itself: what those before it changed is written first.
    fn looks_at_file(&self) -> bool {
        false
    }

    /// Does it, over the entries of its keys.
    fn execute(&mut self, ledger: &mut Ledger, file: &File) -> Result<Self::Answer, Fault>;
}

/// A call with the one who waits for it.
pub(super) trait Step: Send {
    /// Whether anybody still waits. If not, it is not begun.
    fn is_wanted(&self) -> bool;
    /// See [`Work::now`].
    fn now(&self) -> Option<Timestamp>;
    /// See [`Work::keys`].
    fn keys(&self, tell: &mut dyn FnMut(CounterKey));
    /// See [`Work::looks_at_file`].
    fn looks_at_file(&self) -> bool;
    /// Does the work, once or anew; nobody is told yet.
    fn execute(&mut self, ledger: &mut Ledger, file: &File);
    /// It cannot be done, for a reason of its own.
    fn fail(&mut self, fault: Fault);
    /// Tells the caller what came of it, or why nothing did.
    fn tell(self: Box<Self>, path: &std::path::Path, written: Result<(), &Fault>);
}

/// The usual [`Step`].
pub(super) struct Job<W: Work> {
    work: W,
    done: Option<Result<W::Answer, Fault>>,
    reply: oneshot::Sender<Result<W::Answer, StoreError>>,
}

impl<W: Work> Job<W> {
    pub(super) const fn new(work: W, reply: oneshot::Sender<Result<W::Answer, StoreError>>) -> Self {
        Self { work, done: None, reply }
    }
}

impl<W: Work> Step for Job<W> {
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn now(&self) -> Option<Timestamp> {
        self.work.now()
    }

    fn keys(&self, tell: &mut dyn FnMut(CounterKey)) {
        self.work.keys(tell);
    }

    fn looks_at_file(&self) -> bool {
        self.work.looks_at_file()
    }

    fn execute(&mut self, ledger: &mut Ledger, file: &File) {
        self.done = Some(self.work.execute(ledger, file));
    }

    fn fail(&mut self, fault: Fault) {
        self.done = Some(Err(fault));
    }

    fn tell(self: Box<Self>, path: &std::path::Path, written: Result<(), &Fault>) {
        let Self { done, reply, .. } = *self;
        let answer = match (done, written) {
            (Some(Err(fault)), _) => Err(fault.error(path)),
            (_, Err(fault)) => Err(fault.error(path)),
            (Some(Ok(answer)), Ok(())) => Ok(answer),
            // It was not wanted any more.
            (None, Ok(())) => return,
        };
        // A caller who has gone needs no answer.
        drop(reply.send(answer));
    }
}

/// [`Store::charge`](crate::store::Store::charge).
pub(super) struct ChargeAll {
    pub(super) call: Call,
    pub(super) charges: SmallVec<[OwnedCharge; 1]>,
}

impl Work for ChargeAll {
    type Answer = Charged;

    fn now(&self) -> Option<Timestamp> {
        Some(self.call.now)
    }

    fn keys(&self, tell: &mut dyn FnMut(CounterKey)) {
        let charges: SmallVec<[_; 4]> = self.charges.iter().map(OwnedCharge::borrow).collect();
        Ledger::keys_of_charges(&self.call, &charges, tell);
    }

    fn execute(&mut self, ledger: &mut Ledger, _: &File) -> Result<Charged, Fault> {
        let charges: SmallVec<[_; 4]> = self.charges.iter().map(OwnedCharge::borrow).collect();
        Ok(ledger.charge(self.call.now, &self.call, &charges))
    }
}

/// [`Store::settle`](crate::store::Store::settle).
pub(super) struct SettleAll {
    pub(super) now: Timestamp,
    pub(super) settlements: Vec<OwnedSettlement>,
}

impl Work for SettleAll {
    type Answer = Settlements;

    fn now(&self) -> Option<Timestamp> {
        Some(self.now)
    }

    fn keys(&self, tell: &mut dyn FnMut(CounterKey)) {
        for settlement in self.settlements.iter().map(OwnedSettlement::borrow) {
            tell(settlement.counter);
            tell(hold_key(settlement.counter, settlement.ticket));
        }
    }

    fn execute(&mut self, ledger: &mut Ledger, _: &File) -> Result<Settlements, Fault> {
        let settlements: SmallVec<[_; 4]> = self.settlements.iter().map(OwnedSettlement::borrow).collect();
        Ok(ledger.settle(self.now, &settlements))
    }
}

/// [`Store::release`](crate::store::Store::release).
pub(super) struct ReleaseAll {
    pub(super) now: Timestamp,
    pub(super) leases: Vec<Lease>,
}

impl Work for ReleaseAll {
    type Answer = usize;

    fn now(&self) -> Option<Timestamp> {
        Some(self.now)
    }

    fn keys(&self, tell: &mut dyn FnMut(CounterKey)) {
        self.leases.iter().for_each(|lease| tell(lease.counter));
    }

    fn execute(&mut self, ledger: &mut Ledger, _: &File) -> Result<usize, Fault> {
        Ok(ledger.release(self.now, &self.leases))
    }
}

/// [`Store::refund`](crate::store::Store::refund).
pub(super) struct Refund {
    pub(super) now: Timestamp,
    pub(super) charge: OwnedCharge,
}

impl Work for Refund {
    type Answer = ();

    fn now(&self) -> Option<Timestamp> {
        Some(self.now)
    }

    fn keys(&self, tell: &mut dyn FnMut(CounterKey)) {
        tell(self.charge.borrow().counter);
    }

    fn execute(&mut self, ledger: &mut Ledger, _: &File) -> Result<(), Fault> {
        ledger.refund(self.now, &self.charge.borrow());
        Ok(())
    }
}

/// [`Store::used`](crate::store::Store::used).
pub(super) struct Used {
    pub(super) now: Timestamp,
    pub(super) counter: CounterKey,
    pub(super) algorithm: Algorithm,
}

impl Work for Used {
    type Answer = Option<i64>;

    fn keys(&self, tell: &mut dyn FnMut(CounterKey)) {
        tell(self.counter);
    }

    fn execute(&mut self, ledger: &mut Ledger, _: &File) -> Result<Option<i64>, Fault> {
        Ok(ledger.used(self.now, self.counter, &self.algorithm))
    }
}

/// [`Store::set_used`](crate::store::Store::set_used).
pub(super) struct SetUsed {
    pub(super) what: Used,
    pub(super) used: i64,
}

impl Work for SetUsed {
    type Answer = bool;

    fn now(&self) -> Option<Timestamp> {
        Some(self.what.now)
    }

    fn keys(&self, tell: &mut dyn FnMut(CounterKey)) {
        self.what.keys(tell);
    }

    fn execute(&mut self, ledger: &mut Ledger, _: &File) -> Result<bool, Fault> {
        Ok(ledger.set_used(self.what.now, self.what.counter, &self.what.algorithm, self.used))
    }
}

/// [`Store::reset`](crate::store::Store::reset). It reads nothing: what is damaged can be reset too.
pub(super) struct Reset(pub(super) CounterKey);

impl Work for Reset {
    type Answer = bool;

    fn looks_at_file(&self) -> bool {
        true
    }

    fn execute(&mut self, ledger: &mut Ledger, file: &File) -> Result<bool, Fault> {
        let mut was_there = false;
        for key in Ledger::keys_of_counter(self.0) {
            let removed = file.remove(key)?;
            was_there |= removed && key == self.0;
            ledger.load(key, None);
        }
        Ok(was_there)
    }
}

/// [`Store::restore`](crate::store::Store::restore), of a part.
pub(super) struct Restore {
    pub(super) now: Timestamp,
    pub(super) kept: Vec<Kept>,
}

impl Work for Restore {
    type Answer = usize;

    fn now(&self) -> Option<Timestamp> {
        Some(self.now)
    }

    fn keys(&self, tell: &mut dyn FnMut(CounterKey)) {
        self.kept.iter().for_each(|kept| tell(kept.key));
    }

    fn execute(&mut self, ledger: &mut Ledger, _: &File) -> Result<usize, Fault> {
        // It may have to be done anew.
        Ok(self.kept.iter().filter(|kept| ledger.restore(self.now, Kept::clone(kept))).count())
    }
}

/// A part of [`Store::snapshot`](crate::store::Store::snapshot): so many rows behind a key.
pub(super) struct Page {
    pub(super) behind: Option<CounterKey>,
    pub(super) rows: usize,
}

impl Work for Page {
    type Answer = Rows;

    fn looks_at_file(&self) -> bool {
        true
    }

    fn execute(&mut self, _: &mut Ledger, file: &File) -> Result<Rows, Fault> {
        file.page(self.behind, self.rows)
    }
}

/// [`Store::len`](crate::store::Store::len).
pub(super) struct Count;

impl Work for Count {
    type Answer = usize;

    fn looks_at_file(&self) -> bool {
        true
    }

    fn execute(&mut self, _: &mut Ledger, file: &File) -> Result<usize, Fault> {
        file.len()
    }
}

//! A history with a call of every kind, any of which may fail, and be made again.

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey};
use limitrate_runtime::store::{
    Call, Kept, Lease, MemoryOptions, MemoryStore, RequestId, Settlement, Store, StoreError, Ticket,
};

use super::{FIXED, IN_FLIGHT, LOG, MINUTE, NOW, Trial};
use crate::{Blocking, Failing, FlakyStore, blocking::DEADLINE};

/// What is asked for, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Charges on all counters but the last two, twice: the second decision is never settled.
    Charge(u64),
    /// The first decision turns out to cost less.
    Settle,
    /// The first decision ends its lease.
    Release,
    /// Some of what the log counts is given back.
    Refund,
    /// The use of the fourth counter becomes another.
    SetUsed,
    /// The fifth counter is forgotten.
    Reset,
    /// What is kept is told.
    Snapshot,
    /// A sixth counter is brought from elsewhere.
    Restore,
    /// Nothing changes.
    Look,
}

/// All of them.
pub const STEPS: [Step; 10] = [
    Step::Charge(1),
    Step::Charge(2),
    Step::Settle,
    Step::Release,
    Step::Refund,
    Step::SetUsed,
    Step::Reset,
    Step::Snapshot,
    Step::Restore,
    Step::Look,
];

impl Step {
    /// Whether making it twice is making it once.
    #[must_use]
    pub const fn is_repeatable(self) -> bool {
        !matches!(self, Self::Refund)
    }
}

/// What is in use of the six counters.
pub type Picture = Vec<Option<i64>>;

/// The history, on counters of its own.
#[derive(Debug)]
pub struct EveryKind {
    trial: Trial,
    kept: Vec<Kept>,
}

impl EveryKind {
    /// The history on the counters of a trial.
    ///
    /// # Errors
    ///
    /// None: what is brought from elsewhere is made in memory.
    pub async fn of(trial: Trial) -> Result<Self, StoreError> {
        let elsewhere = MemoryStore::new(MemoryOptions::default());
        let charge = Charge { cost: 6, ..trial.charge(6, &FIXED, 100) };
        Store::charge(&elsewhere, call(9), &[charge]).await?;
        let mut kept = Vec::new();
        Store::snapshot(&elsewhere, call(9), &mut |told| kept.push(told)).await?;
        Ok(Self { trial, kept })
    }

    fn counter(&self, number: u64) -> CounterKey {
        self.trial.key(number)
    }

    fn charges(&self) -> [Charge<'static>; 4] {
        let charge = |number, algorithm: &'static Algorithm, cost| Charge {
            cost,
            ..self.trial.charge(number, algorithm, 100)
        };
        let held = Charge { hold: Some(MINUTE), ..charge(1, &FIXED, 5) };
        [held, charge(2, &IN_FLIGHT, 1), charge(3, &LOG, 3), charge(5, &FIXED, 4)]
    }

    /// Asks a store for one step. Whether it answered, where it may say that it did not.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn make(&self, step: Step, store: &dyn Store) -> Result<bool, StoreError> {
        let plain = Call { request: None, ..call(9) };
        let [held, slot, log, _] = self.charges();
        match step {
            Step::Charge(number) => {
                let charged = store.charge(call(number), &self.charges()).await?;
                assert!(charged.taken || charged.degraded, "{charged:?}");
                return Ok(!charged.degraded);
            }
            Step::Settle => {
                let Charge { counter, limit, algorithm, .. } = held;
                let settlement = Settlement { counter, limit, algorithm, ticket: Ticket(1), actual: 2 };
                store.settle(plain, &[settlement]).await?;
            }
            Step::Release => {
                let lease = Lease { counter: slot.counter, limit: slot.limit, ticket: Ticket(1) };
                store.release(plain, &[lease]).await?;
            }
            Step::Refund => store.refund(plain, &Charge { cost: 2, ..log }).await?,
            Step::SetUsed => {
                store.set_used(plain, self.counter(4), &FIXED, 7).await?;
            }
            Step::Reset => {
                store.reset(plain, self.counter(5)).await?;
            }
            Step::Snapshot => {
                let mut told = Vec::new();
                store.snapshot(plain, &mut |kept| told.push(kept.key)).await?;
                assert!([1, 2, 3, 4].map(|number| self.counter(number)).iter().all(|key| told.contains(key)));
            }
            Step::Restore => {
                store.restore(plain, self.kept.clone()).await?;
            }
            Step::Look => {
                store.used(plain, held.counter, &FIXED).await?;
            }
        }
        Ok(true)
    }

    /// What is in use.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn picture(&self, store: &dyn Store) -> Result<Picture, StoreError> {
        let mut picture = Picture::new();
        for (number, algorithm) in (1..).zip([&FIXED, &IN_FLIGHT, &LOG, &FIXED, &FIXED, &FIXED]) {
            picture.push(store.used(call(9), self.counter(number), algorithm).await?);
        }
        Ok(picture)
    }

    /// What is in use before the first step, and after each.
    ///
    /// # Errors
    ///
    /// None: it is played in memory.
    pub async fn pictures(&self) -> Result<Vec<Picture>, StoreError> {
        let memory = MemoryStore::new(MemoryOptions::default());
        let mut pictures = vec![self.picture(&memory).await?];
        for step in STEPS {
            self.make(step, &memory).await?;
            pictures.push(self.picture(&memory).await?);
        }
        Ok(pictures)
    }

    /// A charge on a counter that is none of the six.
    #[must_use]
    pub fn bystander(&self) -> Charge<'static> {
        self.trial.charge(7, &LOG, 1_000)
    }
}

/// A call of a decision that is named as it is numbered.
fn call(number: u64) -> Call {
    let request = Some(RequestId::of(&number.to_le_bytes()));
    Call { request, deadline: DEADLINE, ..Call::at(NOW, Ticket(number)) }
}

/// A call of any kind that fails was made or was not, as its error says; made again, it counts once.
pub fn whichever_kind_of_call_fails_it_was_made_or_was_not<S: Store>(store: &Blocking<S>, trial: Trial) {
    for failing in [Failing::Before, Failing::After] {
        for (n, failed) in STEPS.into_iter().enumerate() {
            store.wait(async {
                let kinds = EveryKind::of(trial.renewed()).await.unwrap();
                let pictures = kinds.pictures().await.unwrap();
                let flaky = FlakyStore::new(store.store(), n as u64, failing);
                for (at, step) in STEPS.into_iter().enumerate() {
                    let made = kinds.make(step, &flaky).await;
                    assert_eq!(made.is_err(), step == failed, "{step:?}");
                    let Err(error) = made else { continue };
                    let is_made = failing == Failing::After;
                    assert_eq!(error.may_have_applied(), is_made, "{error:?}");
                    let picture = kinds.picture(store.store()).await.unwrap();
                    assert_eq!(picture, pictures[at + usize::from(is_made)], "{step:?} {failing:?}");
                    if !is_made || step.is_repeatable() {
                        assert!(kinds.make(step, &flaky).await.unwrap());
                    }
                }
                let picture = kinds.picture(store.store()).await.unwrap();
                assert_eq!(Some(&picture), pictures.last(), "{failed:?} {failing:?}");
            });
        }
    }
}

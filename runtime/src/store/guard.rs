//! What stands between a limiter and a store that may be away: a deadline, a breaker, and each limit's `fail` clause.
//!
//! A guarded store always answers charges. While the store does, nothing changes. A call that it does not answer in time, or
//! refuses, is decided by the `fail` clauses of its limits and says so ([`Charged::degraded`]); it is not made again, since
//! it may have been applied. After a few failures in a row the store is left alone: calls are decided at once, and now and
//! then a task of its own probes whether it answers again. Then a few calls go through, and soon all. Of a store that keeps
//! counters at several places, each is left alone by itself; shadow charges at one of them are then counted nowhere, and change
//! nothing for the others.
//!
//! Settlements and releases that find the store away are kept, and made when it is back: they are safe to make twice, and
//! what nobody settles is counted as it was reserved.

pub mod breaker;
mod concerned;
mod fallback;
mod late;
mod places;
mod probing;

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey, time::Nanos};
use smallvec::SmallVec;
use tokio::time::{Instant, timeout};

use self::{
    breaker::{BreakerOptions, State},
    concerned::{Concerned, Place},
    fallback::{Fallback, probe, with_uncounted},
    late::Late,
    places::{LeftOut, Places, Recording},
    probing::Probing,
};
use super::{
    Answer, Call, Charged, Kept, Lease, LocalStore, MemoryOptions, Settled, Settlement, Settlements, Store,
    StoreError, Ticket,
};

/// How long a refusal says to wait that comes of a store being away, where no probe is due sooner.
const RETRY: Duration = Duration::from_secs(1);

/// Told when the store is left alone, or asked again.
pub type OnSwitch = Box<dyn Fn(Switch) + Send + Sync>;

/// The store was left alone, or is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Switch {
    /// It did not answer several times in a row: the `fail` clauses decide.
    Away {
        /// The kind of the last failure: [`StoreError::word`], or `uncounted` where all that is known is that shadow charges were
        /// counted nowhere.
        why: &'static str,
    },
    /// It answered a probe: a few calls go to it.
    Recovering,
    /// It answers: all calls go to it.
    Back,
}

/// How a store is guarded.
#[derive(Default)]
pub struct GuardOptions {
    /// When the breaker opens, and how it closes again.
    pub breaker: BreakerOptions,
    /// The counters of this process, for limits that `fail local`.
    pub fallback: MemoryOptions,
    /// Told of every switch, on the thread of the call that made it.
    pub on_switch: Option<OnSwitch>,
}

impl fmt::Debug for GuardOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardOptions").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

/// A store that answers charges even while the one behind it does not. Must be used within a tokio runtime with time.
#[derive(Debug, Clone)]
pub struct Guarded(Arc<Guard>);

struct Guard {
    store: Arc<dyn Store>,
    places: Places,
    fallback: Fallback,
    late: Arc<Late>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Guarded {
    /// Guards a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, options: GuardOptions) -> Self {
        let GuardOptions { breaker, fallback, on_switch } = options;
        Self(Arc::new(Guard {
            store,
            places: Places::new(breaker, on_switch),
            fallback: Fallback::new(fallback),
            late: Arc::default(),
        }))
    }

    /// Whether calls go to the store; of several places, to the one that is worst off.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.places.state()
    }

    /// How many settlements and releases wait for the store to be back.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.late.len()
    }

    /// Asks the store about these counters, or says why not. What came of it is recorded.
    ///
    /// The call begins when `begin` is called, so that one that is not permitted does not.
    async fn ask<'s, T>(
        &'s self,
        call: Call,
        counters: impl Iterator<Item = CounterKey>,
        begin: impl FnOnce(&'s dyn Store) -> Answer<'s, T>,
    ) -> Result<T, StoreError> {
        let store = &*self.0.store;
        let (recording, _) = self.permit(call, &Concerned::of(store, counters))?;
        let result = within(call, begin(store)).await;
        recording.record(store, result.as_ref().err());
        if result.is_ok() {
            self.catch_up(call);
        }
        result
    }

    /// Asks the store to charge, without shadow charges at places that are left alone.
    async fn ask_to_charge(&self, call: Call, charges: &[Charge<'_>]) -> Result<Charged, StoreError> {
        let store = &*self.0.store;
        let concerned = Concerned::of_charges(store, charges);
        let (recording, left_out) = self.permit(call, &concerned)?;
        let is_left_out = |index| concerned.is_at(index, &left_out);
        let some: Option<SmallVec<[Charge<'_>; 4]>> = (!left_out.is_empty()).then(|| {
            let told = (0..).zip(charges).filter(|(index, _)| !is_left_out(*index));
            told.map(|(_, charge)| *charge).collect()
        });
        let told = some.as_deref().unwrap_or(charges);
        let begun = Instant::now();
        let mut result = within(call, store.charge(call, told)).await;
        // What came last had at least a quarter of the time.
        let had_time = begun.elapsed() <= call.deadline / 4 * 3;
        if some.is_some() {
            metrics::counter!("limitrate_store_shadows_missed_total", "store" => "guarded")
                .increment(left_out.len() as u64);
            result = result.map(|charged| with_uncounted(charged, charges, is_left_out));
        }
        recording.record_charged(store, &concerned, result.as_ref(), had_time);
        match &result {
            Ok(_) => {
                if call.request.is_some() {
                    self.0.fallback.forget(call, told);
                }
                self.catch_up(call);
            }
            Err(error) if error.may_have_applied() && call.request.is_none() => {
                self.0.late.keep_leases(leases_of(call, told).into_iter());
            }
            Err(_) => {}
        }
        result
    }

    /// Asks for a call, and probes where that is due. Which places are to be left out of the call.
    fn permit(&self, call: Call, concerned: &Concerned) -> Result<(Recording<'_>, LeftOut), StoreError> {
        let allowed = self.0.places.permit(&*self.0.store, concerned);
        for (recording, place) in allowed.probes {
            self.probe(call, Probing::new(self.0.clone(), recording), place);
        }
        Ok((allowed.call.ok_or(StoreError::Skipped)?, allowed.left_out))
    }

    /// Makes what waits for the store, in a task of its own, where anything does.
    fn catch_up(&self, call: Call) {
        if let Some(making) = self.0.late.begin() {
            let guarded = self.clone();
            tokio::spawn(async move {
                let is_asked = |place| guarded.0.places.is_asked(place);
                making.make_up(&*guarded.0.store, call, is_asked).await;
            });
        }
    }

    /// Looks whether a place answers again, in a task of its own: no caller waits for it.
    fn probe(&self, call: Call, probing: Probing, place: Place) {
        let guarded = self.clone();
        tokio::spawn(async move {
            let charges = [probe(place)];
            let call = Call { ticket: Ticket(0), request: None, ..call };
            let result = within(call, guarded.0.store.charge(call, &charges)).await;
            probing.record(result.as_ref().err());
            if result.is_ok() {
                guarded.catch_up(call);
            }
        });
    }
}

impl Guard {
    /// When to ask again while the store is away.
    fn retry(&self, charges: &[Charge<'_>]) -> Nanos {
        let concerned = Concerned::of_charges(&*self.store, charges);
        let next = self.places.next_probe(&concerned);
        let wait = next.map_or(RETRY, |wait| wait.clamp(Duration::from_millis(1), RETRY));
        Nanos(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Store for Guarded {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        Box::pin(async move {
            Ok(match self.ask_to_charge(call, charges).await {
                Ok(charged) => charged,
                Err(_) => {
                    metrics::counter!("limitrate_degraded_decisions_total").increment(1);
                    self.0.fallback.charge(call, charges, self.0.retry(charges))
                }
            })
        })
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        Box::pin(async move {
            let mut settled = self.0.fallback.settle(call.now, settlements);
            let elsewhere: Vec<Settlement<'_>> = open(settlements, &settled).copied().collect();
            if elsewhere.is_empty() {
                return Ok(settled);
            }
            let counters = elsewhere.iter().map(|settlement| settlement.counter);
            match self.ask(call, counters, |store| store.settle(call, &elsewhere)).await {
                Ok(answers) => {
                    let gone = settled.iter_mut().filter(|settled| **settled == Settled::Gone);
                    gone.zip(answers).for_each(|(place, answer)| *place = answer);
                    Ok(settled)
                }
                Err(error) => {
                    self.0.late.keep_settlements(&elsewhere);
                    Err(error)
                }
            }
        })
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        Box::pin(async move {
            let local = self.0.fallback.local();
            let (here, elsewhere): (Vec<Lease>, Vec<Lease>) =
                leases.iter().partition(|lease| LocalStore::release(local, call.now, **lease));
            if elsewhere.is_empty() {
                return Ok(here.len());
            }
            let counters = elsewhere.iter().map(|lease| lease.counter);
            match self.ask(call, counters, |store| store.release(call, &elsewhere)).await {
                Ok(released) => Ok(here.len() + released),
                Err(error) => {
                    self.0.late.keep_leases(elsewhere.into_iter());
                    Err(error)
                }
            }
        })
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            let counters = std::iter::once(charge.counter);
            self.ask(call, counters, |store| store.refund(call, charge)).await
        })
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        Box::pin(async move {
            self.ask(call, std::iter::once(counter), |store| store.used(call, counter, algorithm)).await
        })
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            self.ask(call, std::iter::once(counter), |store| store.set_used(call, counter, algorithm, used))
                .await
        })
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        Box::pin(async move {
            LocalStore::reset(self.0.fallback.local(), counter);
            self.ask(call, std::iter::once(counter), |store| store.reset(call, counter)).await
        })
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        self.0.store.snapshot(call, tell)
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        self.0.store.restore(call, kept)
    }

    fn len(&self) -> Answer<'_, usize> {
        self.0.store.len()
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        self.0.store.secret()
    }

    fn shared_by(&self, instances: NonZeroU32) -> NonZeroU32 {
        self.0.store.shared_by(instances)
    }

    fn is_grouped(&self) -> bool {
        self.0.store.is_grouped()
    }

    fn place_of(&self, counter: CounterKey) -> usize {
        self.0.store.place_of(counter)
    }

    fn is_missing(&self, place: usize) -> bool {
        self.0.store.is_missing(place)
    }

    fn has_place(&self, place: usize) -> bool {
        self.0.store.has_place(place)
    }

    fn charge_at_once(&self, call: Call, charges: &[Charge<'_>]) -> Option<Charged> {
        self.0.places.are_well().then(|| self.0.store.charge_at_once(call, charges)).flatten()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.0.store.close()
    }
}

/// The leases that charges hold in the store if they were applied there although no answer came: the request goes on without
/// them, so they are given back.
fn leases_of(call: Call, charges: &[Charge<'_>]) -> Vec<Lease> {
    let in_flight = charges.iter().filter(|charge| matches!(charge.algorithm, Algorithm::InFlight(_)));
    in_flight
        .map(|charge| Lease { counter: charge.counter, limit: charge.limit, ticket: call.ticket })
        .collect()
}

/// An answer, as long as its call has time.
async fn within<T>(call: Call, answer: Answer<'_, T>) -> Result<T, StoreError> {
    timeout(call.deadline, answer).await.unwrap_or(Err(StoreError::Timeout(call.deadline)))
}

/// The settlements that found nothing to settle.
fn open<'a, 'p>(
    settlements: &'a [Settlement<'p>],
    settled: &'a Settlements,
) -> impl Iterator<Item = &'a Settlement<'p>> {
    settlements
        .iter()
        .zip(settled)
        .filter(|(_, settled)| **settled == Settled::Gone)
        .map(|(settlement, _)| settlement)
}

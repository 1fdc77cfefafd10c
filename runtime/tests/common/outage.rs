//! A guarded store that is broken for real: what is decided meanwhile, what is counted, and how soon it goes on.

use std::{cell::Cell, future::pending, sync::Arc, time::Duration};

use limitrate_core::{
    algorithm::{Algorithm, Refusal, Terms},
    charge::{Charge, Counted, Fail},
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Call, Charged, ClockOf, GuardOptions, Guarded, Store, StoreError, Ticket, guard::breaker::State,
};
use limitrate_testkit::server::{over_within, recovers, until};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

use crate::common::Measured;

/// How long a call may take here.
const DEADLINE: Duration = Duration::from_millis(400);

/// How long tasks run between two decisions.
const TURN: Duration = Duration::from_millis(10);

/// Every kind of failure that a guard counts.
const KINDS: [&str; 9] = [
    "timeout",
    "unreachable",
    "lost",
    "unavailable",
    "denied",
    "corrupt",
    "newer_layout",
    "address",
    "uncounted",
];

const DAY: Algorithm = Algorithm::SlidingWindow(Nanos::from_secs(86_400));

/// How a store is broken.
pub(crate) struct Outage<'o> {
    /// Printed with how long it took to recover.
    pub(crate) name: &'o str,
    /// What its failures may be counted as.
    pub(crate) kinds: &'o [&'static str],
    /// How soon it goes on once the fault is over.
    pub(crate) within: Duration,
    /// Whether what was counted before is there afterwards.
    pub(crate) keeps: bool,
}

/// All on this thread, so that what is counted is heard.
struct Place {
    on: Runtime,
    guarded: Guarded,
    degraded: Cell<u32>,
    /// Decisions on the open limit that the store made.
    counted: Cell<i64>,
}

impl Place {
    fn charge(number: u128, fail: Fail) -> Charge<'static> {
        let (key, terms) = (CounterKey(number << 64), Terms { ceiling: 10_000, burst: 0, starting: None });
        Charge { fail, ..Charge::new(key, key, &DAY, terms, 1) }
    }

    fn call(deadline: Duration) -> Call {
        Call { clock: ClockOf::Store, deadline, ..Call::at(Timestamp(1_800_000_000_000_000_000), Ticket(0)) }
    }

    /// Decides in time, whatever is broken.
    fn decide(&self, charge: Charge<'_>) -> Charged {
        let charges = [charge];
        let decide = || self.on.block_on(self.guarded.charge(Self::call(DEADLINE), &charges));
        let charged = over_within(Duration::ZERO..=DEADLINE, decide).unwrap();
        self.degraded.set(self.degraded.get() + u32::from(charged.degraded));
        charged
    }

    /// Whether the store did not decide for a limit that is open then.
    fn is_degraded(&self) -> bool {
        let charged = self.decide(Self::charge(2, Fail::Open));
        assert!(charged.taken);
        assert_eq!(charged.verdicts[0].counted == Counted::Nowhere, charged.degraded);
        self.counted.set(self.counted.get() + i64::from(!charged.degraded));
        // Probes are made by tasks of their own, which go on while their runtime does.
        let _ = self.on.block_on(async { timeout(TURN, pending::<()>()).await });
        charged.degraded
    }

    /// What the `fail` clauses say of a store that is left alone, for which nobody waits.
    fn assert_left_alone(&self) {
        let closed = self.decide(Self::charge(1, Fail::Closed));
        assert!(!closed.taken && closed.degraded);
        assert!(matches!(closed.verdicts[0].judged, Err(Refusal::Wait(wait)) if wait > Nanos::ZERO));
        let few = Terms { ceiling: 10, burst: 0, starting: None };
        let local = Charge { terms: few, ..Self::charge(3, Fail::Local(300_000)) };
        let local: Vec<_> = (0..10).map(|_| self.decide(local)).collect();
        assert!(local.iter().all(|charged| charged.degraded));
        assert_eq!(local.iter().filter(|charged| charged.taken).count(), 3, "30 % of 10");
        for _ in 0..100 {
            let open = self.decide(Self::charge(2, Fail::Open));
            assert!(open.taken && open.degraded);
        }
    }

    /// How much of the open limit is used, by the store.
    fn used(&self) -> Result<Option<i64>, StoreError> {
        let counter = Self::charge(2, Fail::Open).counter;
        self.on.block_on(self.guarded.used(Self::call(Duration::from_secs(5)), counter, &DAY))
    }
}

impl Outage<'_> {
    /// Breaks a store, sees what becomes of decisions, and mends it.
    pub(crate) fn bear(
        &self,
        connect: impl AsyncFnOnce() -> Result<Arc<dyn Store>, StoreError>,
        begin: impl FnOnce(),
        end: impl FnOnce(),
    ) {
        let measured = Measured::default();
        let _listening = measured.listen();
        let on = Builder::new_current_thread().enable_all().build().unwrap();
        let store = on.block_on(connect()).unwrap();
        let guarded = on.block_on(async { Guarded::new(store, GuardOptions::default()) });
        let place = Place { on, guarded, degraded: Cell::new(0), counted: Cell::new(0) };
        let failures = |kind: &str| measured.of(&format!("limitrate_store_failures_total{{kind={kind}}}"));
        // A machine that has much else to do may be late.
        for fail in [Fail::Closed, Fail::Local(300_000)] {
            until("it decides", || !place.decide(Place::charge(1, fail)).degraded);
        }
        until("it is well", || !place.is_degraded() && place.guarded.state() == State::Closed);
        let before = KINDS.map(failures);
        begin();
        until("it is left alone", || {
            place.is_degraded();
            place.guarded.state() == State::Open
        });
        over_within(Duration::ZERO..=DEADLINE, || place.assert_left_alone());
        let since: Vec<_> =
            KINDS.iter().zip(before).map(|(kind, before)| (*kind, failures(kind) - before)).collect();
        let of_these: f64 =
            since.iter().filter(|(kind, _)| self.kinds.contains(kind)).map(|(_, count)| count).sum();
        assert!(of_these >= 5.0, "{since:?}");
        // But for calls that were late.
        let others = since.iter().filter(|(kind, _)| !self.kinds.contains(kind) && *kind != "timeout");
        assert!(others.into_iter().all(|(_, count)| *count == 0.0), "{since:?}");
        let switches = |to: &str| measured.of(&format!("limitrate_store_switches_total{{to={to}}}"));
        assert!(switches("away") >= 1.0);
        assert_eq!(measured.of("limitrate_store_away"), 1.0);
        end();
        recovers(self.name, self.within, || !place.is_degraded());
        until("all is asked of it", || {
            place.is_degraded();
            place.guarded.state() == State::Closed
        });
        until("it decides again", || !place.decide(Place::charge(1, Fail::Closed)).degraded);
        assert_eq!(measured.of("limitrate_store_away"), 0.0);
        assert!(switches("recovering") >= 1.0 && switches("back") >= 1.0);
        assert_eq!(measured.of("limitrate_degraded_decisions_total"), f64::from(place.degraded.get()));
        // What is unknown may have been counted, what was decided by clauses was not.
        let unknown = KINDS.iter().map(|kind| failures(kind)).sum::<f64>();
        let mut used = Err(StoreError::Skipped);
        until("it tells what is used", || {
            used = place.used();
            used.is_ok()
        });
        let (used, counted) = (used.unwrap().unwrap(), place.counted.get());
        assert!(!self.keeps || used >= counted, "{used} of {counted}");
        assert!(f64::from(i32::try_from(used - counted).unwrap()) <= unknown, "{used} of {counted}");
    }
}

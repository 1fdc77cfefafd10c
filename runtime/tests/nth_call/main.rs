//! One call to a store fails, or two do, whichever they are: what stands before the store bears it.
//!
//! A store of which every call may fail is in the suite of every store; here are the layers around one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod guarded;
mod layered;
mod limiter;

use std::{sync::Arc, time::Duration};

use limitrate_core::{
    charge::{Charge, Fail},
    time::Timestamp,
};
use limitrate_runtime::store::{
    Call, GuardOptions, Guarded, MemoryOptions, MemoryStore, Store, Ticket,
    guard::breaker::{BreakerOptions, State},
};
use limitrate_testkit::{Failing, FlakyStore};
use tokio::runtime::Builder;

/// A store in memory of which two calls fail.
type Twice = FlakyStore<Arc<FlakyStore<Arc<MemoryStore>>>>;

/// How much later the second call is that fails; what one failure leaves to be made is made by then.
const NEXT: u64 = 3;

/// Which calls fail, and how.
#[derive(Debug, Clone, Copy)]
struct Fate {
    first: (u64, Failing),
    second: (u64, Failing),
    /// How many failures open the breaker.
    opens_after: u32,
}

impl Fate {
    /// One of so many calls and one of the next few, in every way.
    fn all(calls: u64) -> impl Iterator<Item = Self> {
        const WAYS: [Failing; 2] = [Failing::Before, Failing::After];
        let of = move |from, to| (from..to).flat_map(|call| WAYS.map(|way| (call, way)));
        of(0, calls).flat_map(move |first| {
            let later = of(first.0, first.0 + NEXT);
            later.flat_map(move |second| [1, 5].map(|opens_after| Self { first, second, opens_after }))
        })
    }

    fn store(self, memory: &Arc<MemoryStore>) -> Arc<Twice> {
        let inner = FlakyStore::new(Arc::clone(memory), self.second.0, self.second.1);
        Arc::new(FlakyStore::new(Arc::new(inner), self.first.0, self.first.1))
    }

    fn guarded(self, store: &Arc<Twice>) -> Guarded {
        let breaker = BreakerOptions {
            failures: self.opens_after,
            probe_after: Duration::from_millis(100),
            ..BreakerOptions::default()
        };
        Guarded::new(Arc::clone(store) as Arc<dyn Store>, GuardOptions { breaker, ..GuardOptions::default() })
    }
}

fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(MemoryOptions::default()))
}

/// Runs something under a clock that stands still unless it is told to go on.
fn paused<T>(what: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(what)
}

/// Lets a second pass, and tasks run.
async fn pass() {
    tokio::time::advance(Duration::from_secs(1)).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Has somebody else decide until the store is asked by all again, and owes nothing.
async fn until_well(guarded: &Guarded, now: Timestamp, bystander: Charge<'_>) {
    for _ in 0..40 {
        if guarded.waiting() == 0 && guarded.state() == State::Closed {
            return;
        }
        pass().await;
        for _ in 0..8 {
            let open = Charge { fail: Fail::Open, ..bystander };
            assert!(guarded.charge(Call::at(now, Ticket(u64::MAX)), &[open]).await.unwrap().taken);
        }
        pass().await;
    }
    panic!("{} calls wait, and the breaker is {:?}", guarded.waiting(), guarded.state());
}

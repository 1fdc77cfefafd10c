//! Memory as a store that has to be waited for, beside memory asked directly: what the contract of stores costs.

use std::{
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{Call, LocalStore, MemoryOptions, MemoryStore, Store, Ticket, Verdicts};

const BUCKET: Algorithm = Algorithm::Bucket(Nanos::from_secs(60));
const TERMS: Terms = Terms { ceiling: i64::MAX / 4, burst: i64::MAX / 4, starting: None };
const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const DECISIONS: u64 = 200_000;
const SAMPLES: usize = 15;

/// Prints the figures of this section.
pub(super) fn run() {
    let store = MemoryStore::new(MemoryOptions::default());
    let charges = [1, 2, 3].map(|number: u64| {
        let key = CounterKey::of_limit(&number.to_le_bytes(), 0);
        Charge::new(key, key, &BUCKET, TERMS, 1)
    });
    let mut verdicts = Verdicts::new();
    let mut directly = || {
        black_box(LocalStore::charge(&store, NOW, black_box(&charges), Ticket(0), &mut verdicts));
    };
    let call = Call::at(NOW, Ticket(0));
    let asked: &dyn Store = &store;
    let mut at_once = || drop(black_box(asked.charge_at_once(call, black_box(&charges))));
    let mut waited_for = || {
        let answer = pin!(Store::charge(asked, call, black_box(&charges)));
        let polled = answer.poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(black_box(polled), Poll::Ready(Ok(_))));
    };
    let mut samples: [Vec<f64>; 3] = Default::default();
    for _ in 0..SAMPLES {
        let contenders: [&mut dyn FnMut(); 3] = [&mut directly, &mut at_once, &mut waited_for];
        for (samples, contender) in samples.iter_mut().zip(contenders) {
            samples.push(timed(contender));
        }
    }
    let [bare, at_once, waited_for] = samples.map(median);
    println!("three charges, asked directly:  {bare:7.1} ns");
    println!("as a store, answered at once:   {at_once:7.1} ns  {:.2}x", at_once / bare);
    println!("as a store, waited for:         {waited_for:7.1} ns  {:.2}x", waited_for / bare);
}

/// Nanoseconds of one operation.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn timed(operation: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    (0..DECISIONS).for_each(|_| operation());
    start.elapsed().as_secs_f64() * 1e9 / DECISIONS as f64
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap()
}

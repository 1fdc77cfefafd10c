//! Checks against counters in memory: one hot key, a million keys, one and two threads, and limits with conditions.

mod clock;
mod flat;
pub mod governor;
pub mod keys;
mod limitador;
pub mod ours;

use std::{cell::RefCell, hint::black_box};

use self::{
    clock::Ticked,
    flat::Flat,
    keys::{HOT, Order, USERS, Writer},
    ours::Ours,
};
use crate::{
    report::{Column, Section},
    sample::{Contender, Effort, Figure, measure},
};

/// What a limiter of keys allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// So much at once that nothing is ever refused, and so slow that no key is forgotten.
    Open,
    /// Three at once, and one in an hour.
    Three,
}

impl Rate {
    const fn interval(self) -> i64 {
        match self {
            Self::Open => 10_000_000_000,
            Self::Three => 3_600_000_000_000,
        }
    }

    const fn burst(self) -> i64 {
        match self {
            Self::Open => 400_000_000,
            Self::Three => 3,
        }
    }
}

/// A limiter with one limit for each key.
pub trait Keyed: Sync {
    fn allows(&self, key: &String) -> bool;
}

/// Checks that a limiter lets three requests of each key pass, and not one more.
fn verify(name: &str, limiter: &impl Keyed) {
    let mut writer = Writer::default();
    for turn in 0..5 {
        for user in 0..100 {
            assert_eq!(limiter.allows(writer.key(user)), turn < 3, "{name}, request {turn}");
        }
    }
}

/// The limiters that are compared, each with its name.
struct Limiters {
    flat: Flat,
    ours: Ours,
    ours_precise: Ours,
    tuned: governor::Governor<ahash::RandomState, ::governor::clock::QuantaUpkeepClock>,
    shipped: governor::Governor<std::hash::RandomState, ::governor::clock::DefaultClock>,
}

pub const FLAT: &str = "hand-written table";
pub const OURS: &str = "LimitRate, as shipped";
pub const PRECISE: &str = "LimitRate, precise clock";
pub const TUNED: &str = "governor, ahash and ticked clock";
pub const SHIPPED: &str = "governor, as shipped";
pub const TUNED_ONCE: &str = "governor, one check, ahash and ticked clock";
pub const SHIPPED_ONCE: &str = "governor, one check, as shipped";
pub const LIMITADOR: &str = "limitador";

impl Limiters {
    fn new(rate: Rate) -> Self {
        Self {
            flat: Flat::new(rate, Ticked::start()),
            ours: ours::one(rate),
            ours_precise: ours::one_precise(rate),
            tuned: governor::tuned(rate),
            shipped: governor::as_shipped(rate),
        }
    }

    fn verify(&self) {
        verify(FLAT, &self.flat);
        verify(OURS, &self.ours);
        verify(PRECISE, &self.ours_precise);
        verify(TUNED, &self.tuned);
        verify(SHIPPED, &self.shipped);
    }

    /// Makes every counter, so that none is made while it is timed.
    fn fill(&self) {
        let mut writer = Writer::default();
        for user in 0..USERS as u32 {
            let key = writer.key(user);
            assert!(
                self.flat.allows(key)
                    && self.ours.allows(key)
                    && self.ours_precise.allows(key)
                    && self.tuned.allows(key)
                    && self.shipped.allows(key)
            );
        }
    }

    fn hot(&self, effort: Effort) -> Column {
        let key = HOT.to_owned();
        let contenders = vec![
            hot(FLAT, &self.flat, &key),
            hot(OURS, &self.ours, &key),
            hot(PRECISE, &self.ours_precise, &key),
            hot(TUNED, &self.tuned, &key),
            hot(SHIPPED, &self.shipped, &key),
        ];
        Column { head: "one hot key", figures: measure(effort, contenders) }
    }

    fn hot_on_two(&self, effort: Effort) -> Column {
        let key = HOT.to_owned();
        let contenders = vec![
            hot_on_two(FLAT, &self.flat, &key),
            hot_on_two(OURS, &self.ours, &key),
            hot_on_two(PRECISE, &self.ours_precise, &key),
            hot_on_two(TUNED, &self.tuned, &key),
            hot_on_two(SHIPPED, &self.shipped, &key),
        ];
        Column { head: "one hot key, 2 threads", figures: measure(effort, contenders) }
    }

    /// A batch at a time; governor has none.
    fn many_at_once(&self, head: &'static str, order: &[u32], effort: Effort) -> Column {
        let (mut decisions, mut precise) = (Vec::new(), Vec::new());
        let contenders = vec![
            at_once(FLAT, order, |keys| self.flat.allows_batch(keys)),
            at_once(OURS, order, move |keys| self.ours.allows_batch(keys, &mut decisions)),
            at_once(PRECISE, order, move |keys| self.ours_precise.allows_batch(keys, &mut precise)),
        ];
        Column { head, figures: measure(effort, contenders) }
    }

    fn many(&self, head: &'static str, order: &[u32], effort: Effort) -> Column {
        let contenders = vec![
            many(FLAT, &self.flat, order),
            many(OURS, &self.ours, order),
            many(PRECISE, &self.ours_precise, order),
            many(TUNED, &self.tuned, order),
            many(SHIPPED, &self.shipped, order),
        ];
        Column { head, figures: measure(effort, contenders) }
    }

    fn many_on_two(&self, head: &'static str, order: &[u32], effort: Effort) -> Column {
        let contenders = vec![
            many_on_two(FLAT, &self.flat, order),
            many_on_two(OURS, &self.ours, order),
            many_on_two(PRECISE, &self.ours_precise, order),
            many_on_two(TUNED, &self.tuned, order),
            many_on_two(SHIPPED, &self.shipped, order),
        ];
        Column { head, figures: measure(effort, contenders) }
    }
}

fn hot<'a>(name: &'static str, limiter: &'a impl Keyed, key: &'a String) -> Contender<'a> {
    Contender::new(name, move || assert!(limiter.allows(black_box(key))))
}

fn hot_on_two<'a>(name: &'static str, limiter: &'a impl Keyed, key: &'a String) -> Contender<'a> {
    Contender::on_two_threads(name, move |_, count| {
        for _ in 0..count {
            assert!(limiter.allows(black_box(key)));
        }
    })
}

fn many<'a>(name: &'static str, limiter: &'a impl Keyed, order: &'a [u32]) -> Contender<'a> {
    let (mut at, mut writer) = (0, Writer::default());
    Contender::new(name, move || {
        at = (at + 1) % order.len();
        assert!(limiter.allows(writer.key(order[at])));
    })
}

fn many_on_two<'a>(name: &'static str, limiter: &'a impl Keyed, order: &'a [u32]) -> Contender<'a> {
    thread_local! {
        static AT: RefCell<usize> = const { RefCell::new(0) };
    }
    Contender::on_two_threads(name, move |thread, count| {
        let mut writer = Writer::default();
        let mut at = AT.take() + thread * order.len() / 2;
        for _ in 0..count {
            at = (at + 1) % order.len();
            assert!(limiter.allows(writer.key(order[at])));
        }
        AT.set(at);
    })
}

/// How many checks a batch has.
const BATCH: usize = 16;

fn at_once<'a>(
    name: &'static str,
    order: &'a [u32],
    mut allowed: impl FnMut([&str; BATCH]) -> usize + 'a,
) -> Contender<'a> {
    let (mut at, mut writers) = (0, [(); BATCH].map(|()| Writer::default()));
    Contender::batches(name, move |count| {
        for _ in 0..count.div_ceil(BATCH as u64) {
            at = (at + BATCH) % (order.len() - BATCH);
            let mut users = order[at..].iter();
            let keys = writers.each_mut().map(|writer| writer.key(*users.next().unwrap()).as_str());
            assert_eq!(allowed(keys), BATCH);
        }
    })
}

/// One limit for each key.
pub fn keyed(effort: Effort) -> Section {
    Limiters::new(Rate::Three).verify();
    let limiters = Limiters::new(Rate::Open);
    let mut columns = vec![limiters.hot(effort), limiters.hot_on_two(effort)];
    limiters.fill();
    // Each counter is met about once before a sample, and about once in it.
    let effort = Effort { sample: effort.sample * 8, warm_up: USERS as u64, ..effort };
    let uniform = keys::recorded(Order::Uniform, 3);
    columns.push(limiters.many("1M keys, uniform", &uniform, effort));
    columns.push(limiters.many_on_two("1M keys, uniform, 2 threads", &uniform, effort));
    columns.push(limiters.many_at_once("1M keys, uniform, 16 at once", &uniform, effort));
    let zipf = keys::recorded(Order::Zipf, 4);
    columns.push(limiters.many("1M keys, zipf", &zipf, effort));
    Section { title: "One limit for each key, ns a check (on each thread)", columns }
}

/// Limits with conditions, several limits, refusals.
pub fn limits(effort: Effort) -> Section {
    let columns = vec![
        Column { head: "3 in a hierarchy", figures: hierarchy(effort) },
        Column { head: "1 refused", figures: refused(effort) },
        Column { head: "1 with 1 condition", figures: condition(effort) },
        Column { head: "10 with 2 conditions each", figures: ten(effort) },
    ];
    Section { title: "Limits on a hot key, ns a decision", columns }
}

fn hierarchy(effort: Effort) -> Vec<Figure> {
    let ours = ours::three();
    let (tuned, shipped) = (governor::tuned(Rate::Open), governor::as_shipped(Rate::Open));
    let keys = ["org-17", "org-17/team-4", "org-17/team-4/ada"].map(str::to_owned);
    let contenders = vec![
        Contender::new(OURS, || assert!(ours.decide(black_box(["org-17", "team-4", "ada"])))),
        Contender::new(TUNED_ONCE, || assert!(tuned.allows(black_box(&keys[2])))),
        Contender::new(SHIPPED_ONCE, || assert!(shipped.allows(black_box(&keys[2])))),
        // Three checks one after the other: what was taken before the one that refuses stays taken.
        Contender::new(TUNED, || assert!(black_box(&keys).iter().all(|key| tuned.allows(key)))),
        Contender::new(SHIPPED, || assert!(black_box(&keys).iter().all(|key| shipped.allows(key)))),
    ];
    measure(effort, contenders)
}

fn refused(effort: Effort) -> Vec<Figure> {
    let ours = ours::refusing();
    let (tuned, shipped) = (governor::tuned(Rate::Three), governor::as_shipped(Rate::Three));
    let limitador = limitador::condition(1);
    let values = [("user", HOT), ("plan", "free")];
    let key = HOT.to_owned();
    (0..3).for_each(|_| assert!(tuned.allows(&key) && shipped.allows(&key)));
    assert!(limitador.allows(values));
    let contenders = vec![
        Contender::new(OURS, || assert!(!ours.decide(black_box([HOT])))),
        Contender::new(TUNED, || assert!(!tuned.allows(black_box(&key)))),
        Contender::new(SHIPPED, || assert!(!shipped.allows(black_box(&key)))),
        Contender::new(LIMITADOR, || {
            black_box(limitador.allows(black_box(values)));
        }),
    ];
    measure(effort, contenders)
}

fn condition(effort: Effort) -> Vec<Figure> {
    let (ours, limitador) = (ours::condition(), limitador::condition(u64::MAX));
    let contenders = vec![
        Contender::new(OURS, || assert!(ours.decide(black_box([HOT, "free"])))),
        Contender::new(LIMITADOR, || {
            assert!(limitador.allows(black_box([("user", HOT), ("plan", "free")])));
        }),
    ];
    measure(effort, contenders)
}

fn ten(effort: Effort) -> Vec<Figure> {
    let (ours, limitador) = (ours::ten(), limitador::ten());
    let contenders = vec![
        Contender::new(OURS, || assert!(ours.decide(black_box([HOT, "r1", "t1"])))),
        Contender::new(LIMITADOR, || {
            assert!(limitador.allows(black_box([("user", HOT), ("region", "r1"), ("tier", "t1")])));
        }),
    ];
    measure(effort, contenders)
}

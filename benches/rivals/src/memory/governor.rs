//! governor: as its documentation shows it, and with the hash and the clock that make it fastest.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock, QuantaUpkeepClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};

use super::{Keyed, Rate};

pub struct Governor<S, C: Clock>(
    RateLimiter<String, DashMapStateStore<String, S>, C, NoOpMiddleware<C::Instant>>,
)
where
    S: BuildHasher + Default + Clone;

pub fn as_shipped(rate: Rate) -> Governor<RandomState, DefaultClock> {
    Governor(RateLimiter::dashmap(quota(rate)))
}

pub fn tuned(rate: Rate) -> Governor<ahash::RandomState, QuantaUpkeepClock> {
    let clock = QuantaUpkeepClock::from_interval(Duration::from_millis(1)).unwrap();
    Governor(RateLimiter::dashmap_with_clock_and_hasher(quota(rate), clock, ahash::RandomState::default()))
}

fn quota(rate: Rate) -> Quota {
    let burst = NonZeroU32::new(rate.burst() as u32).unwrap();
    Quota::with_period(Duration::from_nanos(rate.interval() as u64)).unwrap().allow_burst(burst)
}

impl<S, C> Keyed for Governor<S, C>
where
    S: BuildHasher + Default + Clone + Sync + Send,
    C: Clock + Sync,
    C::Instant: Sync,
{
    fn allows(&self, key: &String) -> bool {
        self.0.check_key(key).is_ok()
    }
}

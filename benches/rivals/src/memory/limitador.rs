//! limitador: limits with conditions in CEL, counted in its memory store.

use std::collections::HashMap;

use limitador::{
    RateLimiter,
    limit::{Context, Limit, Namespace},
};

pub struct Limitador {
    limiter: RateLimiter,
    namespace: Namespace,
}

/// One limit behind one condition.
pub fn condition(max: u64) -> Limitador {
    with([("one".to_owned(), vec!["plan == 'free'".to_owned()])], max)
}

/// Ten limits with two conditions each, of which two apply at most.
pub fn ten() -> Limitador {
    let conditions = |n| vec![format!("region == 'r{}'", n % 5), format!("tier == 't{}'", n % 2)];
    with((0..10).map(|n| (format!("l{n}"), conditions(n))), u64::MAX)
}

fn with(limits: impl IntoIterator<Item = (String, Vec<String>)>, max: u64) -> Limitador {
    let limiter = RateLimiter::new(1_000);
    for (id, conditions) in limits {
        let conditions: Vec<_> =
            conditions.into_iter().map(|condition| condition.try_into().unwrap()).collect();
        let user = "user".try_into().unwrap();
        assert!(limiter.add_limit(Limit::with_id(id, "ns", max, 60, conditions, vec![user])));
    }
    Limitador { limiter, namespace: "ns".into() }
}

impl Limitador {
    pub fn allows<const N: usize>(&self, values: [(&str, &str); N]) -> bool {
        let values: HashMap<String, String> =
            values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let checked = self.limiter.check_rate_limited_and_update(&self.namespace, &Context::from(values), 1);
        !checked.unwrap().limited
    }
}

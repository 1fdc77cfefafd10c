//! LimitRate: a policy and the memory store.

use std::{fmt::Write as _, sync::Arc};

use limitrate::{
    prelude::{Clock, Engine, FactId, Limiter, LimiterOptions, Value},
    runtime::store::{MemoryOptions, MemoryStore},
};

use super::{Keyed, Rate};

/// A limiter with its facts.
pub struct Ours {
    limiter: Limiter,
    facts: Vec<FactId>,
}

/// A limiter of the policy in `text`, which reads these facts.
pub fn limiter(text: &str, facts: &[&str], clock: Option<Arc<dyn Clock>>) -> Ours {
    let policy = Arc::new(crate::policies::ours::compile(text, Engine::Native));
    assert_eq!(policy.interpreted(), None, "machine code is to be measured");
    let mut options = LimiterOptions::default();
    if let Some(clock) = clock {
        options.clock = clock;
    }
    let limiter = Limiter::with(policy, MemoryStore::new(MemoryOptions::default()), options);
    let facts = facts.iter().map(|name| limiter.fact(name).unwrap()).collect();
    Ours { limiter, facts }
}

/// One limit for each user.
pub fn one(rate: Rate, clock: Option<Arc<dyn Clock>>) -> Ours {
    let text = format!("input {{ user : key }}\nrule api {{ limit {} per user }}", written(rate));
    limiter(&text, &["user"], clock)
}

/// Three limits of a hierarchy, taken all or none.
pub fn three(clock: Arc<dyn Clock>) -> Ours {
    let rate = written(Rate::Open);
    let text = format!(
        "hierarchy org > team > user\ninput {{ org : key  team : key  user : key }}\n\
         rule api {{\n  limit a: {rate} per org\n  limit b: {rate} per team\n  limit c: {rate} per user\n}}"
    );
    limiter(&text, &["org", "team", "user"], Some(clock))
}

/// One limit behind one condition.
pub fn condition(clock: Arc<dyn Clock>) -> Ours {
    let text = "input { user : key  plan_name : string }\n\
                rule api { if plan_name == \"free\" then limit 1G req/min per user }";
    limiter(text, &["user", "plan_name"], Some(clock))
}

/// Ten limits with two conditions each, of which one or two apply.
pub fn ten(clock: Arc<dyn Clock>) -> Ours {
    let mut text = String::from("input { user : key  region : string  tier : string }\n");
    for n in 0..10 {
        let (region, tier) = (n % 5, n % 2);
        writeln!(
            text,
            "rule r{n} {{ if region == \"r{region}\" and tier == \"t{tier}\" then limit 1G req/min per user }}"
        )
        .unwrap();
    }
    limiter(&text, &["user", "region", "tier"], Some(clock))
}

/// Nothing fits, ever.
pub fn refusing(clock: Arc<dyn Clock>) -> Ours {
    let text = "input { user : key }\nrule api { limit 1 req/year per user resets in \"UTC\" }";
    let ours = limiter(text, &["user"], Some(clock));
    assert!(ours.decide([super::keys::HOT]));
    ours
}

fn written(rate: Rate) -> String {
    match rate {
        Rate::Open => "1G req/s using gcra burst 10M req".to_owned(),
        Rate::Three => "1 req/hour using gcra burst 3 req".to_owned(),
    }
}

impl Ours {
    /// Decides on a request with these texts for its facts.
    pub fn decide<const N: usize>(&self, texts: [&str; N]) -> bool {
        let mut facts = [(self.facts[0], Value::Absent); N];
        for ((place, fact), text) in facts.iter_mut().zip(&self.facts).zip(texts) {
            *place = (*fact, Value::Str(text));
        }
        self.limiter.decide(&facts).outcome().passes()
    }
}

impl Keyed for Ours {
    fn allows(&self, key: &String) -> bool {
        self.limiter.decide(&[(self.facts[0], Value::Str(key))]).outcome().passes()
    }
}

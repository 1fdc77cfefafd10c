//! LimitRate: a policy and the memory store.

use std::{fmt::Write as _, sync::Arc};

use limitrate::{
    prelude::{Clock, Decision, Engine, FactId, Limiter, LimiterOptions, SystemClock, Value},
    runtime::store::{MemoryOptions, MemoryStore},
};

use super::{Keyed, Rate};

/// A limiter with its facts. But for what a function says, it has the options that it has by default.
pub struct Ours {
    limiter: Limiter,
    facts: Vec<FactId>,
}

/// A limiter of the policy in `text`, which reads these facts; with the clock that it has by default.
fn limiter(text: &str, facts: &[&str]) -> Ours {
    limiter_by(text, facts, LimiterOptions::default().clock)
}

fn limiter_by(text: &str, facts: &[&str], clock: Arc<dyn Clock>) -> Ours {
    let policy = Arc::new(crate::policies::ours::compile(text, Engine::Native));
    assert_eq!(policy.interpreted(), None, "machine code is to be measured");
    let options = LimiterOptions { clock, ..LimiterOptions::default() };
    let limiter = Limiter::with(policy, MemoryStore::new(MemoryOptions::default()), options);
    let facts = facts.iter().map(|name| limiter.fact(name).unwrap()).collect();
    Ours { limiter, facts }
}

/// One limit for each user.
pub fn one(rate: Rate) -> Ours {
    limiter(&one_text(rate), &["user"])
}

/// The same by a clock that is exact to the nanosecond.
pub fn one_precise(rate: Rate) -> Ours {
    limiter_by(&one_text(rate), &["user"], Arc::new(SystemClock))
}

fn one_text(rate: Rate) -> String {
    format!("input {{ user : key }}\nrule api {{ limit {} per user }}", written(rate))
}

/// Three limits of a hierarchy, taken all or none.
pub fn three() -> Ours {
    let rate = written(Rate::Open);
    let text = format!(
        "hierarchy org > team > user\ninput {{ org : key  team : key  user : key }}\n\
         rule api {{\n  limit a: {rate} per org\n  limit b: {rate} per team\n  limit c: {rate} per user\n}}"
    );
    limiter(&text, &["org", "team", "user"])
}

/// One limit behind one condition.
pub fn condition() -> Ours {
    let text = "input { user : key  plan_name : string }\n\
                rule api { if plan_name == \"free\" then limit 1G req/min per user }";
    limiter(text, &["user", "plan_name"])
}

/// Ten limits with two conditions each, of which one or two apply.
pub fn ten() -> Ours {
    let mut text = String::from("input { user : key  region : string  tier : string }\n");
    for n in 0..10 {
        let (region, tier) = (n % 5, n % 2);
        writeln!(
            text,
            "rule r{n} {{ if region == \"r{region}\" and tier == \"t{tier}\" then limit 1G req/min per user }}"
        )
        .unwrap();
    }
    limiter(&text, &["user", "region", "tier"])
}

/// Nothing fits, ever.
pub fn refusing() -> Ours {
    let text = "input { user : key }\nrule api { limit 1 req/year per user resets in \"UTC\" }";
    let ours = limiter(text, &["user"]);
    assert!(ours.decide([super::keys::HOT]));
    ours
}

fn written(rate: Rate) -> String {
    match rate {
        Rate::Open => "1 req/10 s using gcra burst 400M req".to_owned(),
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

impl Ours {
    /// Checks so many users at once; says how many pass.
    pub fn allows_batch<'p, const N: usize>(
        &'p self,
        users: [&str; N],
        decisions: &mut Vec<Decision<'p>>,
    ) -> usize {
        self.limiter.decide_many(&users.map(|user| [(self.facts[0], Value::Str(user))]), decisions);
        decisions.iter().filter(|decision| decision.outcome().passes()).count()
    }
}

impl Keyed for Ours {
    fn allows(&self, key: &String) -> bool {
        self.limiter.decide(&[(self.facts[0], Value::Str(key))]).outcome().passes()
    }
}

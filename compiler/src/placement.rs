//! Where counters live together, and so how many times a store is asked for one decision.
//!
//! Counters whose keys begin alike can be kept in one place and charged in one step.

use crate::ir::Program;

/// The most groups of counters one request can touch: each costs one round trip to a store that is shared.
///
/// Limits whose first key part is the same share a group; those that count `globally` share one too.
#[must_use]
pub fn round_trips(program: &Program) -> usize {
    let mut roots: Vec<_> = Vec::new();
    for limit in &program.limits {
        let root = limit.keys.first();
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots.len()
}

#[cfg(test)]
mod tests {
    use super::round_trips;
    use crate::{Engine, compile};

    #[test]
    fn limits_share_a_round_trip_when_their_keys_begin_alike() {
        let trips = |limits: &str| {
            let text = format!("input {{ org : key  user : key }}\nrule r {{\n{limits}\n}}\n");
            round_trips(compile("r.rl", text.as_bytes(), Engine::Interpreter).unwrap().policy.program())
        };
        assert_eq!(trips(""), 0);
        assert_eq!(trips("limit a: 1 req/s per org\nlimit b: 1 req/s per org, user"), 1);
        assert_eq!(
            trips("limit a: 1 req/s per org\nlimit b: 1 req/s per user\nlimit c: 1 req/s per user, org"),
            2
        );
        assert_eq!(
            trips("limit a: 1 req/s globally\nlimit b: 2 req/s globally\nlimit c: 1 req/s per org"),
            2
        );
    }
}

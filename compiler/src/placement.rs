//! Where counters live together, and so how many times a store is asked for one decision.
//!
//! Counters whose keys begin alike can be kept in one place and charged in one step.

mod groups;

pub(crate) use groups::Groups;

use crate::ir::Program;

/// The most groups of counters one request can touch: each costs one round trip to a store that is shared.
///
/// Limits whose first key part is the same share a group; those that count `globally` share one too. Limits that no
/// request meets together, in the branches of one `if` or on routes apart, are not added up.
#[must_use]
pub fn round_trips(program: &Program) -> usize {
    program.routes.round_trips()
}

#[cfg(test)]
mod tests {
    use super::round_trips;
    use crate::{Engine, compile};

    fn trips(rules: &str) -> usize {
        let text = format!("use std.http\ninput {{ org : key  user : key  vip : bool }}\n{rules}\n");
        round_trips(compile("r.rl", text.as_bytes(), Engine::Interpreter).unwrap().policy.program())
    }

    #[test]
    fn limits_share_a_round_trip_when_their_keys_begin_alike() {
        let trips = |limits: &str| trips(&format!("rule r {{\n{limits}\n}}"));
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

    #[test]
    fn limits_that_no_request_meets_together_do_not_add_up() {
        let branches = "if vip then limit a: 1 req/s per org else limit b: 1 req/s per user";
        assert_eq!(trips(&format!("rule r {{ {branches} }}")), 1);
        assert_eq!(trips(&format!("rule r {{ {branches} limit c: 1 req/s per user }}")), 2);
        let routes =
            "rule a { on GET \"/a\" limit 1 req/s per org }\nrule b { on GET \"/b\" limit 1 req/s per user }";
        assert_eq!(trips(routes), 1);
        assert_eq!(trips(&format!("{routes}\nrule c {{ on ANY \"/**\" limit 1 req/s globally }}")), 2);
    }
}

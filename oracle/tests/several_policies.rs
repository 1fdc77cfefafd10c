//! Limiters of different policies on one thread: none sees what another left in the memory that they share.

use std::sync::Arc;

use limitrate_compiler::{Engine, compile};
use limitrate_core::{facts::Value, time::Timestamp};
use limitrate_runtime::{Limiter, Outcome};

const INPUT: &str = "use std.http\ninput { user : key  n : int }\n";

#[test]
fn a_number_of_one_policy_is_no_test_of_another() {
    // Both read two slots: the place of a route in one is that of a number in the other.
    let routed = "rule a { on \"/a\" deny 418 }  rule b { if n == 7 then limit 1 req/min per user }";
    let swapped = "rule b { if n == 7 then limit 1 req/min per user }  rule a { on \"/a\" deny 418 }";
    for engine in [Engine::Reference, Engine::Interpreter, Engine::Native] {
        let limiters = [routed, swapped].map(|rules| {
            let accepted = compile("test.rl", format!("{INPUT}{rules}").as_bytes(), engine).unwrap();
            Limiter::new(Arc::new(accepted.policy))
        });
        for _ in 0..3 {
            for limiter in &limiters {
                let facts = [
                    (limiter.fact("user").unwrap(), Value::Str("ada")),
                    (limiter.fact("n").unwrap(), Value::Int(1)),
                    (limiter.fact("method").unwrap(), Value::Str("GET")),
                    (limiter.fact("path").unwrap(), Value::Str("/other")),
                ];
                assert_eq!(limiter.decide_at(&facts, Timestamp(0)).outcome(), Outcome::Allow, "{engine:?}");
            }
        }
    }
}

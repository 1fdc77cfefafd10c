//! `block for …`.

use limitrate_core::time::Nanos;
use limitrate_runtime::Outcome;

use super::{HOUR, MINUTE, SECOND, Test, user};

const LOGINS: &str = "
    input { user : key }
    rule login {
      limit logins: 2 req/min per user using fixed_window
        on exceed block for 10 min doubling up to 1 hour forget after 3 hour
    }";

/// Exhausts the limit, and is refused: for how long.
fn provoke(test: &Test) -> Nanos {
    let ada = [user("ada")];
    while test.outcome(&ada) == Outcome::Allow {}
    let refused = test.decide(&ada);
    assert!(refused.limits().all(|(_, limit)| limit.verdict.blocked));
    refused.retry_after().unwrap()
}

fn wait_for(test: &mut Test, wait: Nanos) {
    test.wait(Nanos(wait.0 - 1));
    assert_eq!(test.outcome(&[user("ada")]), Outcome::Reject);
    test.wait(Nanos(1));
}

#[test]
fn each_block_is_twice_as_long_up_to_the_longest_and_is_forgotten_after_a_while() {
    let mut test = Test::new(LOGINS);
    for minutes in [10, 20, 40, 60, 60] {
        let wait = provoke(&test);
        assert_eq!(wait, Nanos(minutes * MINUTE.0));
        wait_for(&mut test, wait);
    }
    test.wait(Nanos(3 * HOUR.0));
    assert_eq!(provoke(&test), Nanos(10 * MINUTE.0));
}

#[test]
fn a_block_does_not_grow_while_it_runs_and_blocks_nobody_else() {
    let mut test = Test::new(LOGINS);
    provoke(&test);
    test.wait(MINUTE);
    for _ in 0..100 {
        assert_eq!(test.decide(&[user("ada")]).retry_after(), Some(Nanos(9 * MINUTE.0)));
    }
    assert_eq!(test.outcome(&[user("bob")]), Outcome::Allow);
}

#[test]
fn without_doubling_every_block_is_as_long() {
    let mut test = Test::new(
        "input { user : key }
         rule login { limit 1 req/s per user using fixed_window on exceed block for 30 s }",
    );
    for _ in 0..3 {
        let wait = provoke(&test);
        assert_eq!(wait, Nanos(30 * SECOND.0));
        wait_for(&mut test, wait);
    }
}

#[test]
fn a_request_that_another_limit_refuses_sets_off_no_block() {
    let test = Test::new(
        "input { user : key }
         rule login {
           limit all: 1 req/min globally using fixed_window
           limit logins: 2 req/min per user using fixed_window on exceed block for 10 min
         }",
    );
    test.pass(&[user("ada")]);
    for _ in 0..5 {
        let refused = test.decide(&[user("ada")]);
        assert!(refused.limits().all(|(_, limit)| !limit.verdict.blocked));
    }
}

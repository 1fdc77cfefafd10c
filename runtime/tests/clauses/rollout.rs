//! `rollout n% by …`.

use limitrate_runtime::Outcome;

use super::{Test, user};

fn text(percent: u32) -> String {
    format!(
        "input {{ user : key }}
         rule ceiling rollout {percent}% by user {{ limit ceiling: 0 req/min per user using fixed_window }}"
    )
}

/// The users for whom the limit is enforced.
fn enforced(percent: u32) -> Vec<usize> {
    let test = Test::new(&text(percent));
    (0..1_000).filter(|n| test.outcome(&[user(&n.to_string())]) == Outcome::Reject).collect()
}

#[test]
fn the_same_users_are_in_every_time_and_stay_in_as_it_grows() {
    assert_eq!(enforced(0), [0_usize; 0]);
    let (ten, fifty) = (enforced(10), enforced(50));
    assert_eq!(enforced(10), ten);
    assert!(
        (50..150).contains(&ten.len()) && (400..600).contains(&fifty.len()),
        "{} {}",
        ten.len(),
        fifty.len()
    );
    assert!(ten.iter().all(|user| fifty.contains(user)));
    assert_eq!(enforced(100).len(), 1_000);
}

#[test]
fn for_everybody_else_it_is_a_shadow() {
    let test = Test::new(&text(0));
    let decision = test.decide(&[user("ada")]);
    assert_eq!((decision.outcome(), decision.limits().count()), (Outcome::Allow, 0));
    let (info, limit) = decision.shadow().next().unwrap();
    assert_eq!((info.name.as_str(), limit.fits()), ("ceiling", false));
}

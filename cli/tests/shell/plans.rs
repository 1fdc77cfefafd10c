use crate::Place;

const POLICY: &str = r#"edition 2026

input {
  user: key
  plan: plan
}

plan free {
  limit rpm: 10 req/min per user burst 5 req  # small
  limit daily: 100 req/24 h per user
  cap = 5
}

plan pro extends free {
  limit rpm: 60 req/min
    per user
    burst 20 req
  no limit daily
}

rule api { if plan.cap > 4 then limit cap: 100 req/s per user }
"#;

#[test]
fn each_plan_is_a_column_with_the_line_of_each_cell() {
    let ran = Place::with(&[("p.rl", POLICY)]).rlc(&["plans", "p.rl"]);
    assert_eq!(
        ran.out,
        "         free                                          pro
                                                       extends free

  rpm    10 req/min per user burst 5 req               60 req/min per user burst 20 req
         p.rl:9                                        p.rl:15

  daily  100 req/24 h per user                         no limit
         p.rl:10                                       p.rl:18

  cap    5                                             5
         p.rl:11                                       p.rl:11 (free)

2 plans, 2 limits, 1 constant
"
    );
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
}

#[test]
fn plans_that_do_not_fit_beside_each_other_are_lists() {
    let place = Place::with(&[("p.rl", POLICY)]);
    let mut command = crate::command(place.0.path());
    let ran = crate::run(command.env("COLUMNS", "50").args(["plans", "p.rl"]));
    assert!(
        ran.out.contains("\npro extends free\n  rpm    60 req/min per user burst 20 req\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.lines().all(|line| line.chars().count() <= 50), "{}", ran.out);
}

#[test]
fn json_says_what_is_set_removed_and_inherited() {
    let ran = Place::with(&[("p.rl", POLICY)]).rlc(&["plans", "p.rl", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["schema"], "limitrate/plans/v1");
    assert_eq!(json["plans"][1]["extends"], "free");
    assert_eq!(json["limits"][1]["name"], "daily");
    assert_eq!(json["limits"][1]["cells"][1]["state"], "removed");
    assert_eq!(json["limits"][1]["cells"][1]["place"]["line"], 18);
    assert_eq!(json["constants"][0]["cells"][1]["inherited_from"], "free");
}

#[test]
fn a_policy_without_plans_says_so() {
    let ran = Place::with(&[("p.rl", crate::GOOD)]).rlc(&["plans", "p.rl"]);
    assert_eq!((ran.out.as_str(), ran.code), ("no plans\n", 0));
}

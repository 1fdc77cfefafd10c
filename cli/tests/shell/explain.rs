use serde_json::Value;

use crate::Place;

#[test]
fn a_page_is_printed_whatever_the_case_of_the_code() {
    let ran = Place::new().rlc(&["explain", "rl0301"]);
    assert!(ran.out.starts_with("RL0301: "), "{}", ran.out);
    assert!(!ran.out.contains("```") && !ran.out.contains("\n# "), "{}", ran.out);
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
}

#[test]
fn every_code_is_listed_and_has_a_page() {
    let list = Place::new().rlc(&["explain"]);
    assert_eq!((list.err.as_str(), list.code), ("", 0));
    assert!(list.out.lines().count() > 30);
    for line in list.out.lines() {
        let code = line.split_whitespace().next().unwrap();
        let ran = Place::new().rlc(&["explain", code]);
        assert!(ran.out.starts_with(code), "{code}: {}", ran.out);
        assert_eq!(ran.code, 0);
    }
}

#[test]
fn an_unknown_code_is_answered_with_one_that_may_be_meant() {
    for wrong in ["RL301", "301", "RL0310x", "rl03O1"] {
        let ran = Place::new().rlc(&["explain", wrong]);
        assert!(ran.err.contains(&format!("there is no code `{wrong}`; did you mean RL0")), "{}", ran.err);
        assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    }
    let ran = Place::new().rlc(&["explain", "help"]);
    assert_eq!(ran.err, "error: there is no code `help`; `rlc explain` lists them all\n");
    assert_eq!(ran.code, 3);
}

#[test]
fn programs_get_the_page_as_it_is_written() {
    let ran = Place::new().rlc(&["explain", "--format", "json", "RL0301"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema"], "limitrate/explain/v1");
    assert_eq!(document["codes"][0]["severity"], "error");
    assert!(document["codes"][0]["page"].as_str().unwrap().starts_with("# RL0301: "));
}

use limitrate_testkit::geo::{Place as Where, database};

use crate::Place;

const POLICY: &str = "edition 2026\nuse std.http\nuse std.geo (eu)\n\nrule where {\n  \
    if country in eu then deny 451 \"not in {country}\"\n  limit 100 req/min per ip\n}\n";

fn place() -> Place {
    let germany = Where { country: Some("DE"), ..Where::default() };
    let place = Place::with(&[("geo.rl", POLICY)]);
    place.write("geo.mmdb", database(&[("203.0.113.0/24", germany)]).unwrap());
    place
}

#[test]
fn a_database_tells_where_an_address_is() {
    let place = place();
    let eval = |ip: &str, more: &[&str]| {
        let fact = format!("ip={ip}");
        place.rlc(&[&["eval", "geo.rl", "--geo", "geo.mmdb", "--set", &fact], more].concat())
    };
    let ran = eval("203.0.113.7", &[]);
    assert!(ran.out.contains("not in DE") && ran.out.contains("country=DE"), "{ran:?}");
    assert_eq!(ran.code, 2);
    assert_eq!(eval("198.51.100.7", &[]).code, 0);
    assert_eq!(eval("203.0.113.7", &["--set", "country=CH"]).code, 0, "what is given is not replaced");
}

#[test]
fn replayed_traffic_is_told_where_it_comes_from() {
    let place = place();
    let line = |ip: &str| format!("{{\"t\":\"2026-01-05T12:00:00Z\",\"ip\":\"{ip}\"}}\n");
    place.write("traffic.jsonl", [line("203.0.113.7"), line("198.51.100.7")].concat());
    let command = ["simulate", "geo.rl", "--traffic", "traffic.jsonl", "--format", "json"];
    let denied = |ran: &crate::Ran| {
        let summary: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        summary["outcomes"]["deny"].as_u64().unwrap()
    };
    let located = place.rlc(&[&command[..], &["--geo", "geo.mmdb"]].concat());
    assert_eq!(denied(&located), 1, "{located:?}");
    assert_eq!(denied(&place.rlc(&command)), 0);
}

#[test]
fn a_file_that_is_no_database_is_told() {
    let place = place();
    for file in ["geo.rl", "missing.mmdb"] {
        let ran = place.rlc(&["eval", "geo.rl", "--geo", file, "--set", "ip=203.0.113.7"]);
        assert!(ran.err.starts_with(&format!("error: cannot use {file} for --geo: ")), "{}", ran.err);
        assert_eq!(ran.code, 3);
    }
}

#[test]
fn a_database_that_tells_nothing_the_policy_looks_at_is_mentioned() {
    let place = place();
    place.write("plain.rl", crate::GOOD);
    let ran = place.rlc(&["eval", "plain.rl", "--geo", "geo.mmdb", "--set", "ip=203.0.113.7"]);
    assert!(ran.err.contains("the policy looks at no fact that --geo tells"), "{}", ran.err);
    assert_eq!(ran.code, 0);
}

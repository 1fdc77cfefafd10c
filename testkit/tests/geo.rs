//! What databases know of an address becomes facts of the request.
#![cfg(feature = "geo")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::sync::Arc;

use limitrate_compiler::{Engine, Policy, compile};
use limitrate_core::facts::{FactId, Value};
use limitrate_runtime::{
    Limiter, Outcome,
    enrich::geo::{GeoDatabase, GeoError, GeoFacts},
};
use limitrate_testkit::geo::{NoNetwork, Place, database};

const BERLIN: Place<'_> = Place {
    country: Some("DE"),
    continent: Some("EU"),
    subdivision: Some("BE"),
    city: Some("Berlin"),
    asn: None,
};

const POLICY: &str = "use std.http
use std.geo (eu)
rule where { if country in eu then deny 451 \"{city}, {subdivision}, {continent}, AS{asn}\" }
";

fn policy(text: &str) -> Arc<Policy> {
    Arc::new(compile("geo.rl", text.as_bytes(), Engine::Interpreter).unwrap().policy)
}

fn opened(networks: &[(&str, Place<'_>)]) -> Arc<GeoDatabase> {
    Arc::new(GeoDatabase::from_bytes(database(networks).unwrap()).unwrap())
}

fn id(policy: &Policy, name: &str) -> FactId {
    let position = policy.program().facts.iter().position(|fact| &*fact.decl.name == name);
    FactId(u16::try_from(position.unwrap()).unwrap())
}

/// What is told of an address: the facts by name.
fn told(geo: &GeoFacts, policy: &Policy, ip: &str) -> Vec<String> {
    let mut facts = vec![(id(policy, "ip"), Value::Str(ip))];
    geo.tell(&mut facts).unwrap();
    let name = |fact: FactId| policy.program().fact_name(fact).to_owned();
    facts.iter().skip(1).map(|(fact, value)| format!("{} {value:?}", name(*fact))).collect()
}

#[test]
fn what_the_databases_know_of_an_address_is_told_each_by_the_first_that_has_it() {
    let policy = policy(POLICY);
    let asn = Place { asn: Some(64_500), ..Place::default() };
    let databases = vec![opened(&[("203.0.113.0/24", BERLIN)]), opened(&[("203.0.0.0/16", asn)])];
    let geo = GeoFacts::new(policy.program(), databases);
    let limiter = Limiter::new(policy.clone());
    let mut facts = vec![(id(&policy, "ip"), Value::Str("203.0.113.7"))];
    geo.tell(&mut facts).unwrap();
    let decision = limiter.decide(&facts);
    assert_eq!(decision.outcome(), Outcome::Deny);
    assert_eq!(decision.message(), "Berlin, BE, EU, AS64_500");
}

#[test]
fn a_fact_that_is_given_is_not_replaced() {
    let policy = policy(POLICY);
    let geo = GeoFacts::new(policy.program(), vec![opened(&[("203.0.113.0/24", BERLIN)])]);
    let country = id(&policy, "country");
    let mut facts = vec![(id(&policy, "ip"), Value::Str("203.0.113.7")), (country, Value::Str("CH"))];
    geo.tell(&mut facts).unwrap();
    assert_eq!(facts.iter().filter(|(fact, _)| *fact == country).count(), 1);
    assert_eq!(facts[1].1, Value::Str("CH"));
}

#[test]
fn addresses_of_both_versions_are_found_and_others_are_nowhere() {
    let policy = policy("use std.http\nrule where { if country == \"DE\" then deny }");
    let networks = [("203.0.113.0/24", BERLIN), ("2001:db8::/32", BERLIN)];
    let geo = GeoFacts::new(policy.program(), vec![opened(&networks)]);
    let germany = ["country Str(\"DE\")"];
    for ip in ["203.0.113.0", "203.0.113.255", "::ffff:203.0.113.9", "2001:db8:1::1"] {
        assert_eq!(told(&geo, &policy, ip), germany, "{ip}");
    }
    for ip in ["203.0.114.0", "203.0.112.255", "2001:db9::1", "::1", "no address"] {
        assert!(told(&geo, &policy, ip).is_empty(), "{ip}");
    }
}

#[test]
fn of_networks_within_each_other_the_later_says_what_holds() {
    let policy = policy("use std.http\nrule where { if country == \"DE\" then deny }");
    let us = Place { country: Some("US"), ..Place::default() };
    let networks = [("0.0.0.0/0", us), ("203.0.113.0/24", BERLIN), ("203.0.113.8/32", us)];
    let geo = GeoFacts::new(policy.program(), vec![opened(&networks)]);
    for (ip, country) in
        [("203.0.113.7", "DE"), ("203.0.113.8", "US"), ("203.0.113.9", "DE"), ("8.8.8.8", "US")]
    {
        assert_eq!(told(&geo, &policy, ip), [format!("country Str({country:?})")], "{ip}");
    }
}

#[test]
fn only_facts_that_the_policy_takes_from_the_library_and_looks_at_are_told() {
    let own =
        "use std.http\ninput { city : string? }\nrule r { if city == \"x\" then deny  limit 1 req/s per ip }";
    let policy = policy(own);
    let geo = GeoFacts::new(policy.program(), vec![opened(&[("203.0.113.0/24", BERLIN)])]);
    assert_eq!(geo.facts().count(), 0);
    assert!(told(&geo, &policy, "203.0.113.7").is_empty());
}

#[test]
fn a_default_of_the_policy_stands_in_where_no_database_knows() {
    let text = "use std.http\nuse std.geo\ninput { country : string = \"ZZ\" }\n\
                rule r { if country == \"ZZ\" then deny }";
    let policy = policy(text);
    let geo = GeoFacts::new(policy.program(), vec![opened(&[("203.0.113.0/24", BERLIN)])]);
    let limiter = Limiter::new(policy.clone());
    for (ip, outcome) in [("203.0.113.7", Outcome::Allow), ("198.51.100.7", Outcome::Deny)] {
        let mut facts = vec![(id(&policy, "ip"), Value::Str(ip))];
        geo.tell(&mut facts).unwrap();
        assert_eq!(limiter.decide(&facts).outcome(), outcome, "{ip}");
    }
}

#[test]
fn what_is_no_database_is_refused() {
    for bytes in [Vec::new(), vec![0; 64], b"\xAB\xCD\xEFMaxMind.com".to_vec()] {
        assert!(matches!(GeoDatabase::from_bytes(bytes), Err(GeoError::NoDatabase(_))));
    }
    assert!(matches!(GeoDatabase::open("/nowhere.mmdb"), Err(GeoError::Unreadable(_))));
}

#[test]
fn a_database_whose_places_are_cut_off_is_an_error_and_never_a_guess() {
    let policy = policy("use std.http\nrule where { if country == \"DE\" then deny }");
    let whole = database(&[("203.0.113.0/24", BERLIN)]).unwrap();
    let at = whole.windows(8).position(|part| part == b"iso_code").unwrap();
    let mut broken = whole;
    broken[at - 2] = 0xFF;
    let database = Arc::new(GeoDatabase::from_bytes(broken).unwrap());
    let geo = GeoFacts::new(policy.program(), vec![database]);
    let mut facts = vec![(id(&policy, "ip"), Value::Str("203.0.113.7"))];
    assert!(matches!(geo.tell(&mut facts), Err(GeoError::Malformed { .. })));
    assert_eq!(facts.len(), 1);
}

#[test]
fn a_text_that_is_no_network_makes_no_database() {
    for text in ["203.0.113.0", "203.0.113.0/33", "x/8", "::/129"] {
        assert_eq!(database(&[(text, BERLIN)]), Err(NoNetwork(text.into())));
    }
}

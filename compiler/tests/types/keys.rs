//! Keys: what may be one, what a level of the hierarchy adds, and which limits are skipped.

use limitrate_compiler::grammar::code::Code;

use crate::{assert_codes, compiled};

const NONE: &[Code] = &[];

fn in_rule(body: &str) -> String {
    format!(
        "use std.http\nhierarchy org > team? > user\ninput {{\n  org : key\n  team : key?\n  user : key\n  \
         region : string\n  tier : one of \"a\", \"b\"\n  plan : plan\n  size : bytes\n  at : instant\n  n : int\n}}\n\
         plan free {{ size = 1 MiB }}\nset office = 10.0.0.0/8\nschedule open = daily 09:00..17:00 in \"UTC\"\n\
         rule api {{ {body} }}\n"
    )
}

/// The keys of the first limit as text: alternatives with `|`, `?` where it skips.
fn keys(body: &str) -> String {
    let policy = compiled(&in_rule(body));
    let program = policy.program();
    let limit = program.limits.first().unwrap();
    let parts: Vec<String> = limit
        .keys
        .iter()
        .map(|part| {
            let sources: Vec<String> =
                part.alternatives.iter().map(|source| source.words(&program.facts)).collect();
            format!("{}{}", sources.join("|"), if part.skip_without.is_some() { "?" } else { "" })
        })
        .collect();
    parts.join(", ")
}

#[test]
fn a_level_brings_the_root_with_it_and_an_optional_one_skips() {
    assert_eq!(keys("limit 1 req/s per user"), "org, user");
    assert_eq!(keys("limit 1 req/s per team"), "org, team?");
    assert_eq!(keys("limit 1 req/s per org"), "org");
    assert_eq!(keys("limit 1 req/s per user, org"), "org, user");
    assert_eq!(keys("limit 1 req/s per team, user"), "org, team?, user");
    assert_eq!(keys("limit 1 req/s per region"), "region");
    assert_eq!(keys("limit 1 req/s per region, user"), "region, org, user");
    assert_eq!(keys("limit 1 req/s per team ?? org"), "org, team|org");
    assert_eq!(keys("limit 1 req/s per team ?? \"none\""), "org, team|\"none\"");
    assert_eq!(keys("limit 1 req/s per ip"), "ip");
    assert_eq!(keys("limit 1 req/s globally"), "");
}

#[test]
fn the_key_of_a_rule_holds_for_limits_without_one() {
    let keys = |limits: &str| {
        let text = format!("input {{ user : key  org : key }}\nrule api per user {{ {limits} }}\n");
        let policy = compiled(&text);
        let program = policy.program();
        program.limits.iter().map(|limit| (limit.name.clone(), limit.keys.len())).collect::<Vec<_>>()
    };
    assert_eq!(keys("limit 1 req/s"), [("api".to_owned(), 1)]);
    assert_eq!(keys("limit 1 req/s globally"), [("api".to_owned(), 0)]);
    assert_eq!(keys("limit 1 req/s per user, org"), [("api".to_owned(), 2)]);
}

#[test]
fn a_key_is_an_identity() {
    let no_key: &[Code] = &[Code::RL0202];
    assert_codes(
        &[
            ("limit 1 req/s per user", NONE),
            ("limit 1 req/s per region", NONE),
            ("limit 1 req/s per tier", NONE),
            ("limit 1 req/s per plan", NONE),
            ("limit 1 req/s per n", NONE),
            ("limit 1 req/s per ip", NONE),
            ("limit 1 req/s per size", no_key),
            ("limit 1 req/s per at", no_key),
            ("limit 1 req/s per office", no_key),
            ("limit 1 req/s per open", no_key),
            ("limit 1 req/s per free", no_key),
            ("limit 1 req/s per nobody", &[Code::RL0101]),
            ("let who = user  limit 1 req/s per who", &[Code::RL0009]),
            ("limit 1 req/s", &[Code::RL0501]),
            ("limit 1 req/s per user globally", &[Code::RL0503]),
        ],
        in_rule,
    );
}

#[test]
fn a_share_divides_something_narrower() {
    assert_codes(
        &[
            ("limit 10 req/s per org at most 30% per user", NONE),
            ("limit 1 req/s per org at most 100% per user", NONE),
            ("limit 10 req/s per org at most 30% per team", NONE),
            ("limit 10 req/s globally at most 30% per ip", NONE),
            ("limit 1 req/s per user at most 30% per user", &[Code::RL0503]),
            ("limit 1 req/s per user at most 30% per org", &[Code::RL0503]),
            ("limit 1 req/s per org at most 30% per user", &[Code::RL0511]),
            ("limit 1 req/s per org at most 0% per user", &[Code::RL0203]),
            ("limit 1 req/s per org at most 101% per user", &[Code::RL0203]),
        ],
        in_rule,
    );
}

#[test]
fn a_hierarchy_agrees_with_its_inputs() {
    assert_codes(
        &[
            ("org : key  user : key }  hierarchy org > user", NONE),
            ("org : key  user : key? }  hierarchy org > user?", NONE),
            ("org : key  user : key? }  hierarchy org > user", &[Code::RL0301]),
            ("org : key  user : key }  hierarchy org > user?", &[Code::RL0202]),
            ("org : key?  user : key }  hierarchy org? > user", &[Code::RL0301]),
            ("org : key  user : key? = \"me\" }  hierarchy org > user", NONE),
            ("org : key }  hierarchy org > user", &[Code::RL0101]),
            ("org : key  user : key }  hierarchy org > user > org", &[Code::RL0102]),
        ],
        |row| format!("input {{ {row}\n"),
    );
}

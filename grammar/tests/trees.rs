//! The trees of whole policies.

mod common;

use common::{EXAMPLES, outline, read};

#[test]
fn every_example_has_its_tree() {
    for (name, text) in EXAMPLES {
        let parsed = read(text);
        assert!(parsed.diagnostics.is_empty(), "{name}: {:?}", parsed.diagnostics.sorted());
        insta::assert_snapshot!(name, outline(&parsed.file));
    }
}

#[test]
fn a_span_ends_where_its_text_ends() {
    let text = "rule api {   # a comment\n  if a == b   # another\n  then limit 10 req/min  # a third\n}\n\n";
    let parsed = read(text);
    let item = parsed.file.items.first().expect("one item");
    assert_eq!(item.span.text(text), text.trim_end());
    let limitrate_grammar::ast::ItemKind::Rule(rule) = &item.kind else { panic!("a rule") };
    let stmt = rule.body.first().expect("one statement");
    assert_eq!(stmt.span.text(text), "if a == b   # another\n  then limit 10 req/min");
}

#[test]
fn other_spellings_make_the_same_tree() {
    let pairs = [
        ("rule a { limit 60 requests per minute }", "rule a { limit 60 req/min }"),
        ("rule a { limit = 1000 per minute }", "rule a { limit 1000 req/min }"),
        ("rule a { limit 100/min }", "rule a { limit 100 req/60 s }"),
        (
            "rule a { IF (x == 1 AND NOT y) THEN deny ELSE exempt }",
            "rule a { if x == 1 and not y then deny else exempt }",
        ),
        ("rule a { if x NOT IN {1, 2,} then deny }", "rule a { if (x not in {1, 2}) then { deny } }"),
        (
            "rule a { match x { 1 => deny, else => exempt, } }",
            "rule a { match x { 1 => { deny } else => exempt } }",
        ),
        ("set a = {\"x\", \"y\"}", "set a = \"x\", \"y\""),
        ("set a = 10.1.2.3/8", "set a = 10.0.0.0/8"),
        ("rule a { limit 1.5k req/24 hours }", "rule a { limit 1500 req/24 h }"),
        (
            "rule a { limit b: 5 MiB/s costing 1024 KiB }",
            "rule a { limit b: 5120 KiB / second costing 1MiB }",
        ),
    ];
    for (one, other) in pairs {
        assert_eq!(complete(one), complete(other), "{one}");
    }
}

fn complete(text: &str) -> String {
    let parsed = read(text);
    assert!(parsed.diagnostics.is_empty(), "{text}: {:?}", parsed.diagnostics.sorted());
    outline(&parsed.file)
}

#[test]
fn operators_bind_from_or_to_times() {
    let loose = "rule a { if not a == b + c * d ?? e or f and g in h then deny }";
    let grouped = "rule a { if (not (a == ((b + (c * d)) ?? e))) or (f and (g in h)) then deny }";
    // `??` binds looser than `+`.
    assert_eq!(complete(loose), complete(grouped));
    assert_ne!(
        complete(loose),
        complete("rule a { if not (a == b + c * d ?? e or f) and g in h then deny }")
    );
}

#[test]
fn strings_keep_backslashes_that_escape_nothing() {
    let tree = complete(r#"rule a { if path matches "^/wp-\\d\.\"x\"\n" then deny }"#);
    assert!(tree.contains(r#""^/wp-\\d\\.\"x\"\n""#), "{tree}");
}

#[test]
fn the_pattern_of_the_next_arm_is_no_part_of_a_statement() {
    let tree = complete(
        "rule a { match x { 1 => exempt \"x\" => deny 5 => deny 403 \"y\", \"z\" => exempt else => exempt \"e\" } }",
    );
    assert_eq!(tree.matches("MatchArm").count(), 5, "{tree}");
    let tree =
        complete("rule a { match x { 1 => limit 5 req/s fail local 5% => limit 6 req/s fail local 7% } }");
    assert_eq!(tree.matches("MatchArm").count(), 2, "{tree}");
}

#[test]
fn commas_between_arms_are_no_keys() {
    let tree = complete("rule a { match x { \"a\" => limit 5 req/s per ip, \"b\", \"c\" => exempt } }");
    assert_eq!(tree.matches("MatchArm").count(), 2, "{tree}");
}

//! What is read by hand is what the grammar reads, complaints included.

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*, sample::select};

use crate::{Parsed, parse::parse_with, span::SourceId};

fn same(text: &str) {
    let source = SourceId(3);
    let (quick, whole) =
        (parse_with(source, text.as_bytes(), true), parse_with(source, text.as_bytes(), false));
    assert_eq!(quick.file, whole.file, "{text}");
    assert_eq!(quick.diagnostics.sorted(), whole.diagnostics.sorted(), "{text}");
}

/// Every policy below a folder.
fn policies(folder: &Path, visit: &mut impl FnMut(String)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            policies(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rl") {
            visit(String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
        }
    }
}

#[test]
fn every_policy_of_the_repository_is_read_alike() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut count = 0;
    for folder in ["examples", "stdlib/std", "compiler/tests", "grammar/tests"] {
        policies(&root.join(folder), &mut |text| {
            same(&text);
            count += 1;
        });
    }
    assert!(count > 100, "only {count} policies were found");
}

#[test]
fn plain_rules_are_read_without_the_grammar() {
    let text = "rule a {\n  on GET \"/a\", \"/b/**\" # both\n  if (a.b + 2 * f(c, \"x\",) ?? d >= 5 KiB) and not e in {1, 2} \
                or g is missing then limit daily: $2.50/day per a, b ?? c.d burst 10% using gcra aligned\n}";
    let mut parsed =
        Parsed { file: crate::ast::File::default(), diagnostics: crate::diagnostic::Diagnostics::default() };
    let regions =
        crate::parse::prepare(SourceId(0), text.as_bytes(), &mut parsed.diagnostics).unwrap().regions;
    let mut reader = crate::parse::Reader::new(SourceId(0), text, &[], &mut parsed.diagnostics);
    for region in regions {
        reader.enter(region);
        assert!(reader.plain_rule_head().is_some());
        assert!(reader.plain_on().is_some());
        assert!(reader.plain_if_head().is_some());
        assert!(reader.plain_limit().is_some());
        assert_eq!(reader.peek_text(), "}");
    }
    same(text);
}

/// Words, signs and literals as they stand in rules, and some that come near them.
const PIECES: &[&str] = &[
    "a",
    "user",
    "plan.max",
    "in",
    "IN",
    "not",
    "NOT",
    "is",
    "missing",
    "present",
    "and",
    "AND",
    "or",
    "if",
    "then",
    "THEN",
    "else",
    "limit",
    "deny",
    "per",
    "globally",
    "burst",
    "starting",
    "costing",
    "using",
    "gcra",
    "aligned",
    "on",
    "exceed",
    "GET",
    "ANY",
    "get",
    "like",
    "matches",
    "for",
    "at",
    "most",
    "fail",
    "open",
    "resets",
    "overshoot",
    "5%",
    "flight",
    "minute",
    "min",
    "s",
    "month",
    "m",
    "MB",
    "true",
    "unlimited",
    "null",
    "images",
    "daily",
    "forget",
    "match",
    "let",
    "f(",
    "f (",
    "header(\"x\")",
    "(",
    ")",
    "{",
    "}",
    ",",
    ":",
    "=",
    "==",
    "!=",
    "===",
    "<=",
    "<",
    ">",
    ">=",
    "<>",
    "=>",
    "->",
    "??",
    "?",
    "+",
    "-",
    "*",
    "/",
    "%",
    "..",
    ".",
    "[",
    "]",
    "&&",
    "!",
    "#c\n",
    "\n",
    "\"x\"",
    "\"/a/**\"",
    "\"a\\n\"",
    "\"",
    "1",
    "10k",
    "1_0",
    "5M",
    "1.5",
    "80%",
    "$2",
    "$2.50",
    "5 MiB",
    "5MiB",
    "10 req",
    "10 req/min",
    "10/min",
    "1 req/10 s",
    "5 min",
    "5min",
    "7 days",
    "1 month",
    "3 images",
    "1e5",
    "1e-7",
    "5eur",
    "2026-12-25",
    "09:00",
    "10.0.0.1",
    "fe80::1",
    "ab:",
    "10.0.0.0/8",
    "4 in flight",
    "10 req per min",
    "99999999999999999999",
    "0 req/0 s",
    "1.5 req",
    "5 GB",
    "1 and",
    "$2/Mtok",
    "5 s in",
    "5 burst",
    "1then",
    "-1",
    "é",
];

fn pieces() -> impl Strategy<Value = String> {
    vec((select(PIECES), select(vec![" ", " ", " ", "", "\n", "\t", " # c\n"])), 0..14)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, gap)| format!("{piece}{gap}")).collect())
}

/// Well-formed more often than not.
fn operand() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        8 => select(PIECES).prop_map(str::to_owned),
        8 => select(vec!["a", "b.c", "\"x\"", "5", "10 req", "{\"a\", \"b\"}", "$5/day", "3 s", "true"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let op = select(vec!["and", "or", "==", "<", "in", "not in", "+", "*", "/", "-", "??", "like"]);
        prop_oneof![
            4 => (inner.clone(), op, inner.clone(), select(vec![" ", " ", ""]))
                .prop_map(|(a, op, b, gap)| format!("{a}{gap}{op}{gap}{b}")),
            1 => inner.clone().prop_map(|a| format!("({a})")),
            1 => inner.clone().prop_map(|a| format!("not {a}")),
            1 => inner.clone().prop_map(|a| format!("{a} is missing")),
            1 => vec(inner, 0..3).prop_map(|list| format!("at_least({})", list.join(", "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn pieces_in_any_order_are_read_alike(
        head in pieces(), condition in pieces(), limit in pieces(), targets in pieces(),
    ) {
        same(&format!("rule {head} {{ }}\nrule b {{ on {targets}\n if {condition} then limit {limit} }}"));
        same(&format!("rule c {{ on \"/x\" if a then limit {limit}\n deny }} plan p {{ limit {limit} }}"));
    }

    #[test]
    fn expressions_are_read_alike(condition in operand(), ceiling in operand(), rest in pieces()) {
        same(&format!("rule a {{ if {condition} then limit {ceiling} {rest} }}"));
        same(&format!("rule a {{ match x {{ \"a\" => limit {ceiling} per a, b {rest} \"b\", c => deny }} }}"));
    }
}

//! What holds for every text: no panic, spans inside the text, and a formatter that changes no meaning.

mod common;

use common::{EXAMPLES, outline, read};
use limitrate_grammar::{ast::ItemKind, diagnostic::Diagnostics, format, parse, span::SourceId};
use proptest::{collection::vec, prelude::*, sample::select, string::string_regex};

/// Every span must lie in the text, on whole characters.
fn check_spans(text: &str, diagnostics: &Diagnostics) {
    for diagnostic in diagnostics.sorted() {
        let fixes = diagnostic.fixes.iter().map(|fix| fix.span);
        for span in diagnostic.labels.iter().map(|label| label.span).chain(fixes) {
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{diagnostic:?} in {text:?}");
        }
    }
}

/// Stands for a gap between two tokens, which may hold a comment or a new line.
const GAP: char = '\u{1}';

fn word() -> impl Strategy<Value = String> {
    select(vec![
        "a",
        "b",
        "user",
        "plan.max",
        "region",
        "usage.input",
        "period",
        "iffy",
        "min",
        "matches_x",
        "daily",
    ])
    .prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "user", "rpm", "my_limit", "period", "daily"]).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    select(vec![r#""x""#, r#""with # and { and }""#, r#""esc \" \\ \d \n""#, r#""""#, r#""é // --""#])
        .prop_map(str::to_owned)
}

fn literal() -> impl Strategy<Value = String> {
    let fixed = select(vec![
        "42",
        "10k",
        "1_000",
        "80%",
        "0.5%",
        "5 MiB",
        "5MiB",
        "1 byte",
        "$0.25",
        "$20k",
        "15 eur",
        "10 calls",
        "1 point",
        "2 Mtok",
        "30 s",
        "5.1 seconds",
        "1 day",
        "2 weeks",
        "60 req/min",
        "1 req/10 s",
        "1000 per minute",
        "100/min",
        "5 requests per 2 hours",
        "$500/month",
        "10k req / day",
        "5MiB/s",
        "4 in flight",
        "true",
        "unlimited",
        "2001:db8::/32",
        "::1",
        "203.0.113.7",
        "10.0.0.0/8",
        "2026-12-25",
        "09:00",
        "2026-03-02T16:59:30-05:00",
    ]);
    prop_oneof![4 => fixed.prop_map(str::to_owned), 1 => text()]
}

/// Joins tokens with gaps.
fn join(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(&GAP.to_string())
}

fn list(parts: &[String]) -> String {
    parts.join(&format!("{GAP},{GAP}"))
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![literal(), name()]
}

fn expr() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![literal(), word()];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let operators = ["or", "AND", "+", "-", "*", "/", "??"];
        let comparisons = ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "NOT IN", "like", "matches"];
        prop_oneof![
            (inner.clone(), select(operators.to_vec()), inner.clone())
                .prop_map(|(a, op, b)| join(&[&a, op, "(", &b, ")"])),
            (inner.clone(), select(comparisons.to_vec()), inner.clone())
                .prop_map(|(a, op, b)| join(&["(", "(", &a, ")", op, "(", &b, ")", ")"])),
            (inner.clone(), any::<bool>()).prop_map(|(a, yes)| join(&[
                "(",
                &a,
                ")",
                "is",
                if yes { "present" } else { "missing" }
            ])),
            inner.clone().prop_map(|a| join(&["not", "(", &a, ")"])),
            vec(inner.clone(), 1..3).prop_map(|all| join(&["{", &list(&all), "}"])),
            vec(inner.clone(), 0..3).prop_map(|all| format!("at_least({})", list(&all))),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| join(&["if", &a, "then", &b, "else", &c])),
            (inner.clone(), vec((pattern(), inner), 1..3), any::<bool>()).prop_map(
                |(subject, arms, comma)| {
                    let comma = if comma { "," } else { "" };
                    let arms: Vec<_> = arms
                        .iter()
                        .map(|(pattern, body)| join(&[pattern, "=>", "(", body, ")", comma]))
                        .collect();
                    join(&["match", &subject, "{", &arms.join(&GAP.to_string()), "else", "=>", "1", "}"])
                }
            ),
        ]
    })
}

fn clause() -> impl Strategy<Value = String> {
    let fixed = select(vec![
        "globally",
        "using gcra",
        "aligned",
        "for at most 2minutes",
        "at most 30% per user , region",
        "fail open",
        "resets in \"UTC\"",
        "fail local 25%",
        "fail closed",
        "per user , account ?? ip ?? \"none\"",
        "warn at 50% , 80%",
        "was old_name",
        "on exceed allow",
        "on exceed reject block for 5min",
        "on exceed block for 1 min doubling up to 1hour forget after 1 day",
        "on exceed deny 429 \"slow { down\" block for 1 min doubling up to 60 min",
        "on exceed deny",
    ]);
    prop_oneof![
        3 => fixed.prop_map(|text| text.to_owned()),
        1 => (select(vec!["burst", "starting", "costing", "settle", "refund when", "on exceed downgrade model to"]), expr())
            .prop_map(|(word, value)| join(&[word, "(", &value, ")"])),
        1 => (expr(), expr()).prop_map(|(reserve, settle)| join(&["reserve", "(", &reserve, ")", "settle", "(", &settle, ")"])),
    ]
}

fn limit() -> impl Strategy<Value = String> {
    let head = prop_oneof![
        Just("limit".to_owned()),
        Just(join(&["limit", "="])),
        name().prop_map(|name| join(&["limit", &name, ":"]))
    ];
    (head, expr(), vec(clause(), 0..5)).prop_map(|(head, ceiling, clauses)| {
        join(&[&head, "(", &ceiling, ")", &clauses.join(&GAP.to_string())])
    })
}

fn stmt() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        limit(),
        Just("exempt".to_owned()),
        text().prop_map(|text| join(&["exempt", &text])),
        text().prop_map(|text| join(&["deny", "403", &text])),
        (name(), expr()).prop_map(|(name, value)| join(&["let", &name, "=", "(", &value, ")"])),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let block =
            vec(inner.clone(), 0..3).prop_map(|stmts| join(&["{", &stmts.join(&GAP.to_string()), "}"]));
        let body = prop_oneof![inner, block].boxed();
        let arm = (pattern(), body.clone(), any::<bool>())
            .prop_map(|(pattern, body, comma)| join(&[&pattern, "=>", &body, if comma { "," } else { "" }]));
        prop_oneof![
            (expr(), body.clone()).prop_map(|(condition, then)| join(&["IF", &condition, "then", &then])),
            (expr(), body.clone(), body).prop_map(|(condition, then, otherwise)| join(&[
                "if", &condition, "then", &then, "else", &otherwise
            ])),
            (word(), vec(arm, 0..3)).prop_map(|(subject, arms)| join(&[
                "match",
                &subject,
                "{",
                &arms.join(&GAP.to_string()),
                "}"
            ])),
        ]
    })
}

fn step() -> impl Strategy<Value = String> {
    let fixed = select(vec![
        "at 2026-03-02T16:59:30-05:00",
        "wait 31seconds",
        "wait 5 min",
        "reply",
        "reply 500",
        "send GET \"/x\" expect allow",
        "send 3 POST \"/x\" reply 200 expect reject by daily.share , retry after >= 5.1 sec",
        "send ANY \"/\" expect deny 403",
        "reply 500 with a = 5 , usage.input = 1 ktok",
        "send GET \"/x\" reply with a = 5 expect allow , warn daily at 80% , no shadow search",
        "send GET \"/x\" expect downgrade a = \"s\" , b = 1 , no warn daily.share",
        "set used daily for org \"acme\" for user \"u\" = 99_999 requests",
        "expect used daily == 5 req",
    ]);
    prop_oneof![
        fixed.prop_map(|text| text.to_owned()),
        vec((word(), expr()), 1..3).prop_map(|binds| {
            let binds: Vec<_> =
                binds.iter().map(|(name, value)| join(&[name, "=", "(", value, ")"])).collect();
            join(&["given", &list(&binds)])
        }),
    ]
}

fn item() -> impl Strategy<Value = String> {
    let fixed = select(vec![
        "use std.http",
        "use shared.nets ( office , partners )",
        "hierarchy org > team ? > user",
        "edition 2026",
        "calendar h = 2026-12-25 , 2027-01-01",
        "schedule s = mon..fri 09:00..17:00 , daily 22:00..06:00 in \"Europe/Paris\" except h",
        "input { a : one of \"x\" , \"y\" ? = \"x\" else \"y\" b.c : int in 1..100 d : key ? }",
        "set n = 10.0.0.0/8 , ::1",
        "budget { charges <= 8 per request round trips <= 3 per request steps <= 2k per request }",
        "input { a : tokens ? after response = 5 tokens  b : int after response }",
    ]);
    let gap = GAP.to_string();
    let heads =
        select(vec![("", ""), ("", ""), ("shadow", ""), ("", "rollout 10% by user"), ("", "per a , b")]);
    let rule = (name(), heads, vec(stmt(), 0..4), any::<bool>()).prop_map(
        move |(name, (before, after), stmts, on)| {
            let on = if on { "on GET \"/a\" , \"/b\"" } else { "" };
            join(&[before, "rule", &name, after, "{", on, &stmts.join(&gap), "}"])
        },
    );
    let entry = prop_oneof![
        limit(),
        name().prop_map(|name| join(&["no", "limit", &name])),
        (name(), expr()).prop_map(|(name, value)| join(&[&name, "=", "(", &value, ")"])),
    ];
    let gap = GAP.to_string();
    let plan = (name(), vec(entry, 0..4))
        .prop_map(move |(name, entries)| join(&["plan", &name, "{", &entries.join(&gap), "}"]));
    let gap = GAP.to_string();
    let test = vec(step(), 0..4).prop_map(move |steps| join(&["test", "\"t\"", "{", &steps.join(&gap), "}"]));
    prop_oneof![2 => fixed.prop_map(|text| text.to_owned()), 3 => rule, 1 => plan, 1 => test]
}

/// A whole policy, with blanks, new lines and comments where tokens meet.
fn policy() -> impl Strategy<Value = String> {
    let gaps = vec(
        select(vec![
            " ",
            " ",
            " ",
            " ",
            " ",
            "  ",
            "\n",
            "\n\n\n",
            "\r\n\t",
            " # c\n",
            "\n# c\n",
            "\n\n## c\n\n",
        ]),
        1..40,
    );
    (vec(item(), 0..5), gaps).prop_map(|(items, gaps)| {
        let mut gaps = gaps.iter().cycle();
        let text = items.join("\n");
        text.chars()
            .map(|c| {
                if c == GAP {
                    gaps.next().map_or(" ".to_owned(), |gap| (*gap).to_owned())
                } else {
                    c.to_string()
                }
            })
            .collect()
    })
}

fn without_edition(text: &str) -> String {
    let mut file = read(text).file;
    file.items.retain(|item| !matches!(item.kind, ItemKind::Edition(_)));
    outline(&file)
}

fn comments(text: &str) -> usize {
    text.matches("# c").count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_never_panic(bytes in vec(any::<u8>(), 0..2_000)) {
        let parsed = parse(SourceId(0), &bytes);
        prop_assert!(bytes.is_empty() || parsed.diagnostics.sorted().len() <= 100);
    }

    #[test]
    fn signs_and_words_in_any_order_never_panic(
        parts in vec(select(vec![
            "rule", "limit", "if", "then", "else", "match", "{", "}", "(", ")", "[", "]", "=>", "=", "==", ":", ",", "10",
            "req/min", "per", "\"", "\"x\"", "#", "\n", "test", "input", "plan", "send", "on", "-", "..", "$", "%", "not",
            "é", "\u{202e}", "“", "//", "/*", "?", "??", "a", "a.b", "use", "set", "in", "at", "most", "'", ";",
        ]), 0..120),
        gap in select(vec!["", " ", "\n"]),
    ) {
        let text = parts.join(gap);
        check_spans(&text, &read(&text).diagnostics);
        let _ = format(&text);
    }

    #[test]
    fn damaged_examples_never_panic(
        example in select(EXAMPLES.to_vec()),
        damage in vec((any::<prop::sample::Index>(), 0_usize..30, string_regex("[ -~\u{e9}\n]{0,3}").expect("a regex")), 1..6),
    ) {
        let mut chars: Vec<char> = example.1.chars().collect();
        for (at, length, insert) in damage {
            let start = at.index(chars.len().max(1)).min(chars.len());
            let end = (start + length).min(chars.len());
            chars.splice(start..end, insert.chars());
        }
        let text: String = chars.into_iter().collect();
        check_spans(&text, &read(&text).diagnostics);
        let _ = format(&text);
    }

    #[test]
    fn formatting_keeps_the_tree_and_the_comments_and_is_final(text in policy()) {
        let parsed = read(&text);
        prop_assert!(parsed.diagnostics.is_empty(), "{}\n{:?}", text, parsed.diagnostics.sorted());
        let once = format(&text).map_err(|_| TestCaseError::fail("it parses"))?;
        prop_assert_eq!(without_edition(&once), without_edition(&text), "{}", once);
        prop_assert_eq!(comments(&once), comments(&text), "{}", once);
        let twice = format(&once).map_err(|_| TestCaseError::fail("it parses again"))?;
        prop_assert_eq!(twice, once);
    }
}

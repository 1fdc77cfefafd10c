//! What is said about broken policies, code by code.

mod common;

use common::{complaints, read};
use limitrate_grammar::{parse, span::SourceId};

/// Each text with what is said about it.
fn answers(texts: &[&str]) -> String {
    let mut all = Vec::new();
    for text in texts {
        let said = complaints(text);
        assert!(!said.is_empty(), "nothing is said about {text}");
        fixes_mend(text);
        all.push(format!(
            "{}\n---\n{said}",
            text.escape_default().to_string().replace("\\n", "\n").replace("\\\"", "\"").replace("\\'", "'")
        ));
    }
    all.join("\n========\n")
}

/// Applies each fix by itself: what it is for must be gone, and nothing new said in its place.
fn fixes_mend(text: &str) {
    let before = read(text).diagnostics;
    let before = before.sorted();
    for diagnostic in &before {
        for fix in &diagnostic.fixes {
            let mut mended = text.to_owned();
            mended.replace_range(fix.span.start as usize..fix.span.end as usize, &fix.replacement);
            let after = read(&mended).diagnostics;
            let after = after.sorted().len();
            assert!(after < before.len(), "`{}` does not mend {text}:\n{}", fix.title, complaints(&mended));
        }
    }
}

macro_rules! snapshots {
    ($($name:ident: $texts:expr;)*) => {$(
        #[test]
        fn $name() {
            let said = answers(&$texts);
            insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(stringify!($name), said) });
        }
    )*};
}

snapshots! {
    rl0001_unexpected_text: [
        "rule a { if x == 1 limit 10 req/min per user }",
        "rule a {\n  if x ==\n  then exempt\n}",
        "rule a {\n  limit\n}",
        "rule { exempt }",
        "rule a limit 5 req/s }",
        "rule a { limit 1000 per user per minute }",
        "rule a { limit rpm 10 req/min per user }",
        "rule a { limit rpm = 10 req/min per user }",
        "rule a { limit 5 req/s per }",
        "rule a { limit 5 req/s per user using }",
        "rule a { limit 5 req/s at most per user }",
        "rule a { limit 5 req/s for at most }",
        "rule a { limit 5 req/s fail open 5% }",
        "rule a { burst 5 req }",
        "rule a { deny 403 else exempt }",
        "rule a { exempt on GET \"/x\" }",
        "rule a globally { limit 5 req/s }",
        "rule a { if x < y < z then exempt }",
        "rule a { limit b: if x then 5 req/s per user }",
        "rule a { let x 5 }",
        "rule a {\n  rule b { exempt }\n}",
        "rule a { 5 }",
        "limit 5 req/s",
        "rule a { exempt }\n}\nrule b { exempt }",
        "input { user key }",
        "input {\n  user :\n  org : key\n}",
        "input { user : one of x }",
        "plan a { b = }",
        "plan a { 5 = 6 }",
        "plan a extends { }",
        "edition\nuse std.http",
        "set a = 1,",
        "input { a : one of \"x\", b : key }",
        "hierarchy org >\nuse std.http",
        "set a 5",
        "schedule a = mon 9..17",
        "calendar a = xmas",
        "test x { }",
        "test \"x\" { given user \"ada\" }",
        "test \"x\" { send \"/x\" expect allow }",
        "test \"x\" { send GET /x expect allow }",
        "test \"x\" {\n  send GET \"/x\"\n  expect used a == 5 req\n}",
        "test \"x\" { send GET \"/x\" }",
        "test \"x\" { wait }",
        "test \"x\" { expect used a 5 req }",
        "test \"x\" { send GET \"/x\" expect allow, }",
        "test \"x\" { send GET \"/x\" expect allow, warn a at }",
        "test \"x\" { send GET \"/x\" reply with expect allow }",
        "test \"x\" { send GET \"/x\" expect downgrade }",
        "rule a { limit 5 req/s per ip on exceed }",
        "rule a { limit 5 req/s per ip on exceed 429 }",
        "rule a { limit 5 req/s per ip on exceed block 5 s }",
        "rule a { limit 5 req/s per ip on exceed block for 5 s doubling to 1 min }",
        "rule a { limit 5 req/s per ip on exceed downgrade model \"small\" }",
        "rule a { limit 5 req/s per ip warn at }",
        "rule a { limit 5 req/s per ip warn 80% }",
        "rule a { limit 5 req/s per ip refund response.status < 400 }",
        "rule a { limit 5 req/s per ip was }",
        "rule a rollout 10% user { exempt }",
        "rule a rollout by user { exempt }",
        "input { a : int after }",
        "edition 2026use std.http",
        "rule a {\n  if x == 100or y in ::ffor z then exempt\n}",
        "rule a { deny 403exempt }",
    ];
    rl0002_unclosed: [
        "rule a {\n  limit 5 req/s per ip\n\nrule b { exempt }",
        "rule a {\n  if x then {\n    deny\n}\nrule b { exempt }",
        "rule a { if (x == 1 then exempt }",
        "rule a { exempt \"no end\n}\nrule b { exempt }",
        "test \"no end {\n  wait 5 s\n}",
        "rule a { if x in {1, 2 then exempt }",
    ];
    rl0003_wrong_comment: [
        "// note\nrule a { exempt }",
        "rule a { exempt } -- note",
        "/* one\n * two\n */\nrule a { exempt }",
    ];
    rl0004_assignment_for_comparison: [
        "rule a { if x = 1 then exempt }",
        "test \"x\" { expect used a = 5 req }",
    ];
    rl0005_unknown_words: [
        "rul a { exempt }",
        "rule a { limt 10 req/min per user }",
        "rule a { limit 10 req/min per user brust 5 req }",
        "rule a { limit 10 req/min per user frobnicate }",
        "rule a { limit 10 req/min per user resrve x settle y }",
        "rule a { limit 10 req/min per user on exeed allow }",
        "rule a { limit 10 req/min per user on exceed alow }",
        "test \"x\" { send GET \"/x\" expect allow, wrn a }",
        "rule a { limit 10 req/minite per user }",
        "rule a { if x thn exempt }",
        "rule a { limit 5 req/s fail opn }",
        "rule a { on GTE \"/x\" exempt }",
        "rule a { on get \"/x\" exempt }",
        "rule a { reject }",
        "plan a { limt b: 5 req/s }",
        "plan a exends b { }",
        "schedule a = monday..fri 09:00..17:00",
        "schedule a = weekdays 09:00..17:00",
        "test \"x\" { sned GET \"/x\" expect allow }",
        "test \"x\" { send GET \"/x\" expect alow }",
        "test \"x\" { send GET \"/x\" expct allow }",
        "frobnicate { }",
        "budget { chages <= 8 per request }",
        "budget {\n  charges <= 8 per request\n  memory <= 8 MiB\n}",
    ];
    rl0007_other_languages: [
        "rule a { if x && y || !z then exempt }",
        "rule a { if x === 1 then exempt if y <> 2 then exempt }",
        "rule a { if x then exempt elif y then deny }",
        "rule a { unless x then exempt }",
        "rule a { if x { exempt } }",
        "rule a { if x: exempt }",
        "rule a { if x => exempt }",
        "rule a { if x and also y then exempt }",
        "rule a { exempt; }",
        "rule a { if x == null then exempt }",
        "rule a { if x == True then exempt }",
        "rule a { if x is not missing then exempt }",
        "rule a { deny 'no' }",
        "rule a { match x { 1 -> exempt 2: deny _ => exempt } }",
        "rule a { switch x { 1 => exempt } }",
        "rule a { allow }",
        "schedule a = mon-fri 09:00..17:00",
        "import std.http",
        "policy a { exempt }",
    ];
    rl0008_confusable: [
        "rule a { if \u{430}dmin == 1 then exempt }",
        "rule a { exempt \u{201c}staff\u{201d} }",
        "rule a {\u{a0}exempt }",
        "rule a { if x \u{2265} 5 then exempt }",
        "rule a { exempt } # safe \u{202e} text",
        "rule a { exempt \"a\u{200b}b\" }",
        "rule \u{fc}ber { exempt }",
    ];
    rl0009_not_supported: [
        "prove \"x\": plan a within plan b",
        "tenant \"acme\" of platform.base\nset limit a: 5 req/s",
        "signal load : percent = 0%\nadjust base {\n  when load > 85% scale by 50%\n}",
        "breaker b per upstream {\n  stay open for 30 s\n}",
        "x = 5",
        "rule a { guard b else deny 503 \"later\" }",
        "rule a { limit 5 req/s per ip on exceed queue 100 req per user for at most 30 s by fair, weight }",
        "rule a { limit 5 req/s per ip queue 50 req for at most 10 s }",
        "plan a { limit b: 5 req/s per ip tenants may set 1 req/s .. 9 req/s }",
        "test \"x\" { send GET \"/x\" expect queue }",
        "test \"x\" { send GET \"/x\" expect downgrade model = \"s\"  send GET \"/x\" expect queue  reply 200 with x = 5 }",
    ];
    rl0011_no_such_moment: [
        "calendar a = 2026-02-30, 25/12/2026",
        "schedule a = daily 9:00..17:00",
        "schedule a = daily 08:00..24:00",
        "schedule a = daily 08:00..25:00",
        "test \"x\" { at 2026-03-02 }",
        "test \"x\" { at 2026-03-02T16:59:30 }",
        "test \"x\" { at 2026-03-02T26:59:30Z }",
    ];
    rl0012_ambiguous_unit: [
        "rule a { limit 10 req/m per ip }",
        "rule a { limit 10 MB/s per ip }",
        "rule a { limit 10 in flight for at most 5 m }",
        "rule a { limit 10 req/2 months per ip }",
        "test \"x\" { wait 1 month }",
        "test \"x\" { wait 2 hrs }",
    ];
    rl0013_out_of_range: [
        "rule a { limit 99999999999999999999 req/s per ip }",
        "rule a { limit 1.5 req/s per ip }",
        "rule a { limit $0.0000000001/s per ip }",
        "rule a { limit 5 req/0 s per ip }",
        "rule a { limit -5 req/s per ip }",
        "rule a { if ip in {300.1.2.3} then deny }",
        "rule a { if ip in {10.0.0.0/40} then deny }",
        "input { a : int in 9..1 }",
        "rule a { limit $1e-07/s per ip }",
        "rule a { if x > 2.5E3 then deny }",
        "rule a { limit $-5/s per ip }",
        "table t by m : (v usd/Mtok) {\n  else => -$1/Mtok\n}",
    ];
    rl0014_bad_names: [
        "rule my-rule { exempt }",
        "rule MyRule { exempt }",
        "rule limit { exempt }",
        "plan a { Max-Size = 5 }",
        "input { userId : key }",
    ];
}

#[test]
fn rl0006_nested_too_deeply() {
    let texts = [
        format!("rule a {{ if {}x then exempt }}", "(".repeat(70)),
        format!("rule a {{ if x {} then exempt }}", "or x ".repeat(300)),
        format!("rule a {{ if x then exempt {} }}", "else if x then exempt ".repeat(70)),
    ];
    insta::assert_snapshot!(texts.map(|text| complaints(&text)).join("========\n"));
}

#[test]
fn rl0010_not_a_text() {
    let texts: [&[u8]; 2] = [b"rule a { \xff }", b"rule a { \0 }"];
    let said = texts.map(|bytes| {
        let diagnostics = parse(SourceId(0), bytes).diagnostics;
        diagnostics
            .sorted()
            .iter()
            .map(|d| format!("{} {:?}: {}\n", d.code, d.span(), d.message))
            .collect::<String>()
    });
    insta::assert_snapshot!(said.concat());
}

#[test]
fn a_long_name_is_named_by_its_length() {
    insta::assert_snapshot!(complaints(&format!("rule {} {{ exempt }}", "a".repeat(200))));
}

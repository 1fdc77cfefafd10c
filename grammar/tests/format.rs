//! The formatter on whole policies.

#![expect(clippy::panic, reason = "a helper that fails fails its test")]

mod common;

use std::{fs, path::Path};

use common::{EXAMPLES, outline, read};
use limitrate_grammar::format;

/// Formats, and checks what holds for every text.
fn formatted(text: &str) -> String {
    let once = format(text).unwrap_or_else(|diagnostics| panic!("{text}\n{:?}", diagnostics.sorted()));
    assert_eq!(format(&once).ok().as_deref(), Some(once.as_str()), "formatting twice changes nothing");
    let mut tree = read(text).file;
    let mut again = read(&once).file;
    let edition = |item: &limitrate_grammar::ast::Item| {
        !matches!(item.kind, limitrate_grammar::ast::ItemKind::Edition(_))
    };
    tree.items.retain(edition);
    again.items.retain(edition);
    assert_eq!(outline(&again), outline(&tree), "the tree stays the same");
    once
}

#[test]
fn every_example_has_its_form() {
    for (name, text) in EXAMPLES {
        insta::assert_snapshot!(format!("formatted_{name}"), formatted(text));
    }
}

#[test]
fn the_policies_of_the_workspace_are_formatted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut count = 0;
    for folder in ["examples", "stdlib/std", "cli/templates"] {
        let files = fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let paths = files.filter_map(|file| file.ok().map(|file| file.path()));
        for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "rl")) {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            assert_eq!(formatted(&text), text, "{path:?}");
            count += 1;
        }
    }
    assert!(count > 0);
}

#[test]
fn comments_stay_where_they_were_written() {
    let text = r#"# about the file

## about the rule
rule a { # after the brace
  # before the limit
  limit b:   # in the limit
    # above the ceiling
    10 req/min per user   # after the key
    burst 5 req # after the burst


  # before the end
}   # after the end
rule empty { # nothing here
}
rule c { if x # the condition
  then deny # refused
  else { # otherwise
  } # done
  match x { # arms
    # the first
    "a" => exempt # why
    , else => deny
    # no more
  }
}
# the end"#;
    insta::assert_snapshot!(formatted(text));
}

#[test]
fn long_limits_put_each_clause_on_its_own_line() {
    let text = r#"rule a {
  limit a_rather_long_name_for_a_limit: 100k req/day per organisation, user resets in "Europe/Berlin" costing weight_of_request fail local 25%
  limit b: match region { "us" => 5 req/s, "eu" => if x then 1 req/s else 2 req/s } per user, region using token_bucket burst 10 req
  limit c: if a_rather_long_condition == "with a long text in it" and another_condition then 100 req/min else 200 req/min per user
  if a_rather_long_condition == "with a long text in it" and another_condition then limit d: 100 req/min per user
}
set long = 203.0.113.0/24, 2001:db8:42::/48, 203.0.114.0/24, 2001:db8:43::/48, 203.0.115.0/24, 2001:db8:44::/48, 10.0.0.1"#;
    insta::assert_snapshot!(formatted(text));
}

#[test]
fn every_construct_has_its_form() {
    let text = r#"module  a.b
use std.http use std.time


hierarchy  org>team ?>user
input{a:one of"x","y"="x"else"y" b.c :int in 1..100 ?  d : percent=80% }
plan free{limit a:10 req/s  no limit b  c=(5MiB)  d = if x then 1 else 2}
schedule s=mon..fri 09:00..17:00,sat 10:00 .. 12:30:15 in"Europe/Paris"except h
schedule n = daily 22:00..06:00
calendar h=2026-12-25,2027-01-01

calendar g=2026-12-26
rule a per user,account??ip ?? "none"{on GET "/a",POST "/b" limit=100/min exempt deny deny 403"no"
let y=(a+b)*c-d/e
if not(a in{1,2}and b not in office)or c is missing and f(a,b) is present then{deny}else if x ?? y like"a*" then exempt else{limit 1 req/s globally limit z:4 in flight per user for at most 2minutes starting 5 requests aligned fail closed at most 30 % per user}
match a{"x","y"=>{deny exempt}z=>limit unlimited,else=>exempt}}
test "t"{given a="x",b.c=5 at 2026-03-02T16:59:30-05:00 wait 31seconds
set used a.share for org"acme"for user"u"=99_999 requests
send 100 GET"/v1/x"with a="y",b.c=6 reply 500 expect reject by a.share,retry after>=5.1 seconds
send POST "/" expect deny 403 send HEAD "/" expect exempt send ANY "/" expect reject
reply 200 expect used a==3 req}"#;
    let text = text.replace("30 %", "30%");
    insta::assert_snapshot!(formatted(&text));
}

#[test]
fn imports_stand_on_one_line_while_they_fit() {
    assert_eq!(
        formatted("module a.b use a.c(x,y) use  d"),
        "edition 2026\nmodule a.b\nuse a.c (x, y)\nuse d\n"
    );
    let names: Vec<String> = (10..40).map(|number| format!("name_{number}")).collect();
    let long = formatted(&format!("use a.c ({})", names.join(", ")));
    assert_eq!(long.lines().count(), 32, "{long}");
    assert_eq!(formatted(&long), long);
}

#[test]
fn the_edition_is_written_where_it_is_missing() {
    assert_eq!(formatted(""), "edition 2026\n");
    assert_eq!(formatted("use std.http"), "edition 2026\nuse std.http\n");
    assert_eq!(formatted("# note\nuse std.http"), "edition 2026\n\n# note\nuse std.http\n");
    assert_eq!(formatted("rule a { exempt }"), "edition 2026\n\nrule a {\n  exempt\n}\n");
    assert_eq!(formatted("\u{feff}edition 2026\r\n"), "edition 2026\n");
    assert_eq!(formatted("# only a comment"), "edition 2026\n\n# only a comment\n");
}

#[test]
fn a_rate_over_lines_is_a_rate() {
    let rate = |written: &str| formatted(&format!("rule r {{\n  limit a: {written} per ip\n}}\n"));
    let plain = rate("12 req/10 s");
    for written in ["12 req\n / 10 s", "12 requests /\n 10 s", "(12 req\n/\n10 s)"] {
        assert_eq!(rate(written).replace(['(', ')'], ""), plain, "{written:?}");
    }
    assert!(rate("12 req / # slowly\n 10 s").contains("# slowly"));
}

#[test]
fn a_text_with_errors_is_not_formatted() {
    assert!(format("rule a { limt 5 req/s }").is_err());
    assert!(format("prove \"x\": plan a within plan b").is_err());
}

#[test]
fn what_touches_without_a_blank_is_refused_or_keeps_its_meaning() {
    let texts = [
        "edition 2026use std.http",
        "rule a { if x == 100or true then deny }",
        "rule a { if x == 100_or true then deny }",
        "rule a { if x == $5or true then deny }",
        "rule a { if x == 80%or true then deny }",
        "rule a { if x == \"a\"or true then deny\"b\"exempt }",
        "rule a { if x in ::ffor true then deny }",
        "rule a { if x in 2001:db8::/32or true then deny }",
        "rule a { if x == 5then deny }",
        "rule a { deny 403exempt }",
        "rule a { deny 403\"no\"exempt }",
        "rule a { limit 100per user }",
        "rule a { limit 5 req/10s per user on exceed deny 429block for 5s }",
        "rule a { limit 5req/min per user burst 20req fail local 25%using gcra }",
        "rule a { limit 5 images/s per user burst 20images }",
        "rule a { limit 4 in flight per user for at most 2min}",
        "input { a : int in 1..100b : key }",
        "input { a : int in 1..100 = 5b : key }",
        "calendar c = 2026-12-25rule a { exempt }",
        "schedule s = mon..fri 09:00..17:00in \"UTC\"",
        "test \"t\" { wait 31s send 3GET\"/\"reply 500expect allow }",
        "test \"t\" { expect used a == 5send GET \"/\" expect allow }",
        "test \"t\" { at 2026-03-02T16:59:30Zsend GET \"/\" expect allow }",
        "budget { charges <= 8per request steps <= 2kper request }",
    ];
    let refused: Vec<&str> = texts.into_iter().filter(|text| format(text).is_err()).collect();
    texts.iter().filter(|text| !refused.contains(text)).for_each(|text| _ = formatted(text));
    insta::assert_snapshot!(refused.join("\n"));
}

#[test]
fn a_module_whose_name_has_a_hyphen_stays_one() {
    let text = "edition 2026\nuse a-b.c (d)\n";
    assert_eq!(formatted(text), text);
}

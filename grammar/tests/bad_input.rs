//! Texts that are hostile, broken or huge: never a panic, never a cascade, always in good time.

#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod common;

use std::thread;

use common::{complaints, outline, read};
use limitrate_grammar::{
    MAX_NESTING, MAX_SOURCE_BYTES,
    ast::{File, ItemKind},
    code::Code,
    parse,
    span::SourceId,
};

fn codes(text: &str) -> Vec<Code> {
    read(text).diagnostics.sorted().iter().map(|diagnostic| diagnostic.code).collect()
}

fn codes_of(bytes: &[u8]) -> Vec<Code> {
    parse(SourceId(0), bytes).diagnostics.sorted().iter().map(|diagnostic| diagnostic.code).collect()
}

/// Runs `task` where the stack is small.
fn on_a_small_stack(task: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(512 << 10).spawn(task).expect("a thread starts");
    thread.join().expect("the stack is large enough");
}

#[test]
fn an_empty_text_is_a_policy_without_items() {
    for text in ["", "\n", "  \r\n\t", "# only a comment", "\u{feff}"] {
        let parsed = read(text);
        assert!(parsed.diagnostics.is_empty(), "{text:?}");
        assert_eq!(parsed.file, File::default());
    }
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    let unix = "use std.http\n# note\nrule a {\n  limit 5 req/s\n  per ip\n}\n";
    let tree = outline(&read(unix).file);
    for text in [unix.replace('\n', "\r\n"), format!("\u{feff}{unix}"), unix.replace("\n  ", "\r\n\t")] {
        let parsed = read(&text);
        assert!(parsed.diagnostics.is_empty(), "{text:?}");
        assert_eq!(outline(&parsed.file), tree);
    }
}

#[test]
fn bytes_that_are_no_text_are_named_by_their_offset() {
    assert_eq!(codes_of(b"rule a { \xff }"), [Code::RL0010]);
    assert_eq!(codes_of(b"rule a \0{}"), [Code::RL0010]);
    assert_eq!(codes_of(&vec![b' '; MAX_SOURCE_BYTES + 1]), [Code::RL0010]);
    let parsed = parse(SourceId(0), b"rule a { \xff }");
    let message = parsed.diagnostics.sorted().first().map(|diagnostic| diagnostic.message.clone());
    assert!(message.is_some_and(|message| message.contains("byte 9")));
}

#[test]
fn hidden_characters_are_found_in_comments_and_strings_too() {
    for c in ['\u{202e}', '\u{2066}', '\u{200b}', '\u{200f}', '\u{feff}'] {
        assert_eq!(codes(&format!("# a {c} comment\nrule a {{ exempt }}")), [Code::RL0008]);
        assert_eq!(codes(&format!("rule a {{ exempt \"{c}\" }}")), [Code::RL0008]);
        assert_eq!(codes(&format!("rule a{c} {{ exempt }}")), [Code::RL0008]);
    }
    assert!(codes("rule a { exempt \"für Ünïcode — gerne\" } # auch hier: é").is_empty());
}

#[test]
fn nesting_is_bounded_without_recursion() {
    let many = 100_000;
    let deep = [
        format!("rule a {{ if {}x{} then exempt }}", "(".repeat(many), ")".repeat(many)),
        format!("rule a {{ if {}x then exempt }}", "(".repeat(many)),
        format!("rule a {{ if {}x then exempt }}", "not ".repeat(many)),
        format!("rule a {{ if {}x then exempt }}", "!".repeat(many)),
        format!("rule a {{ if {}x then exempt }}", "(not ".repeat(many)),
        format!("rule a {}", "{ if x then ".repeat(many)),
        format!("rule a {{ {} exempt }}", "if x then ".repeat(many)),
        format!("rule a {{ if x then exempt {} }}", "else if x then exempt ".repeat(many)),
        format!("rule a {{ limit {} 1 }}", "if x then 1 else ".repeat(many)),
        format!("rule a {{ limit {} 1 }}", "match x { 1 => if y then 2 else ".repeat(many)),
        format!("rule a {{ limit {}x{} }}", "f(".repeat(many), ")".repeat(many)),
        format!("rule a {{ if x in {} then exempt }}", "{".repeat(many)),
        format!("rule a {{ limit x{} }}", "[x".repeat(many)),
        format!("rule a {{ if x {} then exempt }}", "or x ".repeat(many / 10)),
        format!("rule a {{ limit x {} }}", "+ x ".repeat(many / 10)),
        format!("rule a {{ if x {} then exempt }}", "= if y ".repeat(many)),
    ];
    for text in deep {
        let start: String = text.chars().take(40).collect();
        on_a_small_stack(move || {
            let found = codes(&text);
            assert!(!found.is_empty() && found.len() <= 3, "{start}: {found:?}");
        });
    }
    on_a_small_stack(move || assert_eq!(codes(&"}".repeat(many)).first(), Some(&Code::RL0001)));
}

#[test]
fn nesting_up_to_the_bound_is_read() {
    let depth = MAX_NESTING - 4;
    let texts = [
        format!("rule a {{ if {}x{} then exempt }}", "(".repeat(depth), ")".repeat(depth)),
        format!("rule a {{ if {}x then exempt }}", "not ".repeat(depth)),
        format!("rule a {{ limit {} 1 req/s }}", "if x then 2 req/s else ".repeat(depth)),
        format!("rule a {{ limit {}x{} }}", "f(".repeat(depth), ")".repeat(depth)),
        format!("rule a {{ {} exempt {} }}", "if x then {".repeat(depth / 2), "}".repeat(depth / 2)),
        format!("rule a {{ if x {} then exempt }}", "or x ".repeat(200)),
    ];
    for text in texts {
        assert!(codes(&text).is_empty(), "{text}\n{}", complaints(&text));
    }
    let siblings = format!("rule a {{ {} }}", "if x then { exempt } ".repeat(1_000));
    assert!(codes(&siblings).is_empty());
    let constants = format!("plan a {{ {} }}", "x = if a then 1 else 2\n".repeat(1_000));
    assert!(codes(&constants).is_empty());
}

#[test]
fn what_is_never_closed_is_blamed_on_its_own_item() {
    let text = "rule a {\n  limit 5 req/s per ip\n\nrule b {\n  limit c: 5 req/s per ip\n}\n\ntest \"t\" {\n  wait 5 s\n}\n";
    let parsed = read(text);
    let found: Vec<_> =
        parsed.diagnostics.sorted().iter().map(|d| (d.code, d.span().start as usize)).collect();
    assert_eq!(found, [(Code::RL0002, "rule a ".len())]);
    assert_eq!(parsed.file.items.len(), 3);
    let inner = "rule a {\n  if x then {\n    deny\n}\nrule b { exempt }\n";
    let parsed = read(inner);
    let found: Vec<_> = parsed.diagnostics.sorted().iter().map(|d| d.span().start as usize).collect();
    assert_eq!(found, [inner.find("{\n    deny").expect("the inner brace")], "indentation tells which brace");
    let string = "rule a { exempt \"no end\n}\nrule b { exempt }\n";
    assert_eq!(codes(string), [Code::RL0002]);
    let title = "test \"no end {\n  wait 5 s\n}\nrule b { exempt }\n";
    assert_eq!(codes(title), [Code::RL0002]);
}

#[test]
fn a_brace_too_few_or_too_many_is_one_report_and_the_next_item_is_read() {
    let next = "\nrule next { exempt }\n";
    let first = "rule a {\n  limit b: 5 req/s per ip\n  if x then {\n    deny\n  } else deny\n  exempt\n}\n";
    let test = "test \"t\" {\n  given user = \"ada\"\n  set used b for user \"ada\" = 5 req\n  send GET \"/\" expect allow\n}\n";
    let input = "input {\n  plan : plan\n  set : string\n  rule : key\n}\n";
    let mut texts: Vec<String> = Vec::new();
    for item in [first, test, input] {
        texts.push(format!("{}{next}", item.replacen('{', "", 1)));
        texts.push(format!("{}{next}", item.replacen('{', "{ }", 1)));
        texts.push(format!("{}{next}", item.replacen('{', "{{", 1)));
        texts.push(format!("{item}}}{next}"));
        texts.push(format!("{}{next}", item.trim_end().trim_end_matches('}')));
        texts.extend(
            (0..item.len())
                .filter(|at| *at > 10 && item[*at..].starts_with(' '))
                .map(|at| format!("{}}}{}{next}", &item[..at], &item[at..])),
        );
    }
    for text in texts {
        let parsed = read(&text);
        let found = parsed.diagnostics.sorted().len();
        assert!((1..=2).contains(&found), "{text}\n{}", complaints(&text));
        let Some(ItemKind::Rule(last)) = parsed.file.items.last().map(|item| &item.kind) else {
            panic!("no rule at the end of {text}")
        };
        assert_eq!(last.name.node, "next", "{text}");
    }
}

#[test]
fn items_to_the_right_of_the_margin_are_found_again_where_the_text_is_indented() {
    let text = "  rule a per per {\n    exempt\n  }\n  rul b { exempt }\n  rule c { exempt }\n";
    let parsed = read(text);
    assert_eq!(parsed.diagnostics.sorted().len(), 2, "{}", complaints(text));
    assert_eq!(parsed.file.items.len(), 1);
    let line = "rule a per per { exempt } rule b { exempt }";
    assert_eq!(codes(line).len(), 1, "{}", complaints(line));
    assert_eq!(read(line).file.items.len(), 1);
}

#[test]
fn each_bad_statement_is_reported_once_and_the_good_ones_are_read() {
    let text = "rule a {\n  limt 5 req/s per ip\n  deny 403\n  limit x: 5 req/s pr ip\n  if q thn exempt\n  exempt\n}\n\
                plan p {\n  a = \n  b = 5\n  c 6\n}\ninput {\n  x key\n  y : key\n}\n";
    let parsed = read(text);
    assert_eq!(parsed.diagnostics.sorted().len(), 6, "{}", complaints(text));
    let ItemKind::Rule(rule) = &parsed.file.items[0].kind else { panic!("a rule") };
    assert_eq!(rule.body.len(), 4, "deny, the limit up to its bad clause, both exempts");
}

#[test]
fn numbers_end_where_64_bits_end() {
    assert!(codes("plan p { a = 9223372036854775807 }").is_empty());
    assert_eq!(codes("plan p { a = 9223372036854775808 }"), [Code::RL0013]);
    assert!(codes("plan p { a = $9_223_372_036.854775807 }").is_empty());
    assert_eq!(codes("plan p { a = $9_223_372_036.854775808 }"), [Code::RL0013]);
    assert_eq!(codes("plan p { a = $0.0000000001 }"), [Code::RL0013]);
    assert_eq!(codes(&format!("plan p {{ a = {} }}", "9".repeat(100_000))), [Code::RL0013]);
    assert_eq!(codes("rule a { limit 5 req/999999999999 weeks }"), [Code::RL0013]);
}

#[test]
fn control_characters_hide_nothing() {
    for (text, says) in [
        ("# c\rrule api { deny 403 }\n", "a carriage return without a line feed stands here"),
        ("rule api { deny 403 \"a\u{1b}[2Jb\" }", "a control character (U+001B) stands here"),
        ("# bell \u{7} and\u{9b}", "a control character (U+0007) stands here"),
    ] {
        let parsed = read(text);
        let first = parsed.diagnostics.sorted().first().map(|d| (d.code, d.message.clone()));
        assert_eq!(first, Some((Code::RL0008, says.to_owned())), "{text:?}");
    }
}

#[test]
fn long_names_are_refused_shortly() {
    let name = "a".repeat(100_000);
    for text in [
        format!("rule {name} {{ exempt }}"),
        format!("rule a {{ if {name} then exempt }}"),
        format!("{name} b"),
    ] {
        let parsed = read(&text);
        let all = parsed.diagnostics.sorted();
        assert_eq!(all.len(), 1);
        assert!(all.iter().all(|diagnostic| diagnostic.message.len() < 200));
    }
}

#[test]
fn a_long_line_is_read_in_one_pass() {
    let members = "203.0.113.0/24, ".repeat(20_000);
    let text = format!("set a = {members} 10.0.0.1");
    let parsed = read(&text);
    assert!(parsed.diagnostics.is_empty());
    let ItemKind::Set(set) = &parsed.file.items[0].kind else { panic!("a set") };
    assert_eq!(set.members.len(), 20_001);
    let comment = format!("# {}\nrule a {{ exempt \"{}\" }}", "x".repeat(2 << 20), "y".repeat(2 << 20));
    assert!(read(&comment).diagnostics.is_empty());
}

#[test]
fn ten_thousand_errors_are_counted_in_linear_time() {
    let lines = format!("rule a {{\n{}}}", "  limt 5 req/s\n".repeat(10_000));
    let line = format!("rule a {{ {} }}", "limit % deny 5 5 exempt ".repeat(5_000));
    let items = "rul a { exempt }\n".repeat(10_000);
    let letters = format!("rule a {{ {} }}", "\u{430}\u{431} ".repeat(100_000));
    for (text, least) in [(lines, 9_900), (line, 1), (items, 9_900), (letters, 99_900)] {
        let parsed = read(&text);
        assert!(parsed.diagnostics.suppressed() >= least, "{}", parsed.diagnostics.suppressed());
    }
}

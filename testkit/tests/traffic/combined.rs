use limitrate_core::facts::Value::{Int, Ip, Str};
use limitrate_core::time::{Nanos, Timestamp};
use limitrate_testkit::traffic::{Line, Record, Schema, Scratch, read_combined};
use proptest::prelude::*;

use super::{assert_facts, facts, reason, schema};

const EXAMPLE: &str = r#"192.0.2.1 - ada [10/Oct/2000:13:55:36 -0700] "GET /a/b?x=1&y HTTP/1.1" 200 2326 "http://example.com/" "Agent/1.0 (\"x\")""#;

fn read(text: &str, check: impl FnOnce(&Record<'_>)) {
    let (schema, mut scratch) = (schema(), Scratch::default());
    check(&read_combined(Line { number: 3, text }, &schema, &mut scratch).expect("a record"));
}

#[test]
fn a_line_gives_its_fields() {
    read(EXAMPLE, |record| {
        assert_eq!(record.at, Timestamp::from_millis(971_211_336_000));
        assert_eq!(record.line, 3);
        assert_facts(
            &record.facts,
            &[
                ("ip", Ip([192, 0, 2, 1].into())),
                ("remote_user", Str("ada")),
                ("method", Str("GET")),
                ("path", Str("/a/b")),
                ("query", Str("x=1&y")),
                ("referer", Str("http://example.com/")),
                ("user_agent", Str("Agent/1.0 (\"x\")")),
            ],
        );
        let reply = record.reply.as_ref().expect("a reply");
        assert_eq!((reply.after, reply.status), (Nanos::ZERO, 200));
        assert_facts(&reply.facts, &[("response.status", Int(200)), ("response.size", Int(2326))]);
    });
}

#[test]
fn what_is_a_dash_is_absent() {
    read(r#"2001:db8::1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/2.0" 304 - "-" "-""#, |record| {
        assert_facts(
            &record.facts,
            &[
                ("ip", Ip("2001:db8::1".parse().expect("an address"))),
                ("method", Str("GET")),
                ("path", Str("/")),
            ],
        );
        let reply = record.reply.as_ref().expect("a reply");
        assert_facts(&reply.facts, &[("response.status", Int(304)), ("response.size", Int(0))]);
    });
    read(r#"- - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/2.0" - 0 "-" "-""#, |record| {
        assert_eq!(record.reply, None);
    });
}

#[test]
fn odd_requests_that_are_http_are_read() {
    for (request, method, path, query) in [
        ("GET /old", "GET", "/old", None),
        ("GET /a b c HTTP/1.1", "GET", "/a b c", None),
        ("OPTIONS * HTTP/1.1", "OPTIONS", "*", None),
        ("GET /? HTTP/1.1", "GET", "/", Some("")),
        ("GET /a?b?c HTTP/1.1", "GET", "/a", Some("b?c")),
        (r"GET /\xc3\xa9\x22 HTTP/1.1", "GET", "/\u{e9}\"", None),
        (r"GET /\xff?\x41 HTTP/1.1", "GET", r"/\xFF", Some("A")),
        (r"GET /\q\ HTTP/1.1", "GET", r"/\q\", None),
        ("M-SEARCH /x HTTP/1.1", "M-SEARCH", "/x", None),
        ("CONNECT example.com:443 HTTP/1.1", "CONNECT", "example.com:443", None),
    ] {
        let text = format!(r#"- - - [10/Oct/2000:13:55:36 +0000] "{request}" 200 0 "-" "-""#);
        read(&text, |record| {
            let mut expected = vec![("method", Str(method)), ("path", Str(path))];
            expected.extend(query.map(|query| ("query", Str(query))));
            assert_facts(&record.facts, &expected);
        });
    }
}

#[test]
fn users_may_have_spaces_and_brackets() {
    for user in ["ada lovelace", "x [y]", "x [10/Oct/2000:13:55:36 +0000]"] {
        let text = format!(r#"- - {user} [11/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 0"#);
        read(&text, |record| {
            assert_facts(
                &record.facts,
                &[("remote_user", Str(user)), ("method", Str("GET")), ("path", Str("/"))],
            );
        });
    }
}

#[test]
fn fields_after_the_user_agent_are_counted() {
    let (schema, mut scratch) = (schema(), Scratch::default());
    let text = format!("{EXAMPLE} 0.012 \"-\"");
    read_combined(Line { number: 1, text: &text }, &schema, &mut scratch).expect("a record");
    assert_eq!(scratch.unknown.by_count(), [("fields after the user agent", 1)]);
}

#[test]
fn a_field_without_a_fact_need_not_be_of_a_type() {
    let schema = Schema::new(&facts()[1..3], &[], &[]).expect("a schema");
    let text = r#"host.example - - [10/Oct/2000:13:55:36 +0000] "GET /x HTTP/1.1" 200 5"#;
    let mut scratch = Scratch::default();
    let record = read_combined(Line { number: 1, text }, &schema, &mut scratch).expect("a record");
    assert_eq!(record.facts.len(), 1, "the path");
}

#[test]
fn a_bad_line_has_a_reason() {
    let with_request = |request: &str| format!("- - - [10/Oct/2000:13:55:36 +0000] \"{request}\" 400 0");
    for (text, expected) in [
        ("hello".to_owned(), "not a log line: expected an address at byte 1"),
        ("a b c".to_owned(), "not a log line: expected a user and a time in brackets at byte 5"),
        (
            r#"a b c [x] "GET / HTTP/1.1" 200 0"#.to_owned(),
            r#"bad time: "x" (expected day/month/year:hour:minute:second zone)"#,
        ),
        (
            r#"- - - [30/Feb/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 0"#.to_owned(),
            r#"bad time: "30/Feb/2000:13:55:36 +0000" (expected day/month/year:hour:minute:second zone)"#,
        ),
        (with_request("-"), r#"no HTTP request: "-""#),
        (with_request(""), r#"no HTTP request: """#),
        (with_request(r"\x16\x03\x01"), r#"no HTTP request: "\u{16}\u{3}\u{1}""#),
        (with_request("GET"), r#"no HTTP request: "GET""#),
        (with_request("GET HTTP/1.1"), r#"no HTTP request: "GET HTTP/1.1""#),
        (with_request("GET /a b"), r#"no HTTP request: "GET /a b""#),
        (with_request("G(T / HTTP/1.1"), r#"no HTTP request: "G(T / HTTP/1.1""#),
        (
            r#"- - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1 200 0"#.to_owned(),
            "not a log line: expected a request in quotes at byte 36",
        ),
        (
            r#"- - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 2xx 0"#.to_owned(),
            "not a log line: expected a status at byte 53",
        ),
        (
            r#"- - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200"#.to_owned(),
            "not a log line: expected a size at byte 56",
        ),
        (
            r#"- - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 5 x"#.to_owned(),
            "not a log line: expected a referer in quotes at byte 59",
        ),
        (
            r#"somewhere - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 5"#.to_owned(),
            r#"wrong type for `ip` (expected ip, found string "somewhere")"#,
        ),
    ] {
        assert_eq!(reason(read_combined, &text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = read_combined(Line { number: 1, text: &text }, &schema(), &mut Scratch::default());
    }

    #[test]
    fn no_mutation_of_a_line_makes_the_reader_panic(
        at in 0..EXAMPLE.len(),
        length in 0..20_usize,
        piece in r#"[ \[\]":/0-9?éxcf\\-]{0,6}"#,
    ) {
        let mut text = EXAMPLE.to_owned();
        text.replace_range(at..(at + length).min(EXAMPLE.len()), &piece);
        let _ = read_combined(Line { number: 1, text: &text }, &schema(), &mut Scratch::default());
    }
}

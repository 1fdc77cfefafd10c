use limitrate_core::facts::Value::{Absent, Bool, Int, Ip, Str};
use limitrate_core::time::{Nanos, Timestamp};
use limitrate_testkit::traffic::{Line, Record, Schema, Scratch, read_jsonl};
use proptest::prelude::*;

use super::{assert_facts, reason, schema};

const EXAMPLE: &str = r#"{"t":"2026-03-02T16:59:30-05:00","method":"POST","path":"/v1/chat","user":"ada","plan":"free","reply":{"after_ms":812,"status":200,"usage.output":900}}"#;

fn with_record<T>(text: &str, schema: &Schema, check: impl FnOnce(&Record<'_>) -> T) -> T {
    let mut scratch = Scratch::default();
    let record = read_jsonl(Line { number: 7, text }, schema, &mut scratch);
    check(&record.expect("a record"))
}

#[test]
fn a_record_holds_time_facts_and_reply() {
    with_record(EXAMPLE, &schema(), |record| {
        assert_eq!(record.at, Timestamp::from_millis(1_772_488_770_000));
        assert_eq!(record.line, 7);
        assert_facts(
            &record.facts,
            &[
                ("method", Str("POST")),
                ("path", Str("/v1/chat")),
                ("user", Str("ada")),
                ("plan", Str("free")),
            ],
        );
        let reply = record.reply.as_ref().expect("a reply");
        assert_eq!((reply.after, reply.status), (Nanos(812_000_000), 200));
        assert_facts(&reply.facts, &[("usage.output", Int(900)), ("response.status", Int(200))]);
    });
}

#[test]
fn values_are_read_by_the_declared_type() {
    for (member, name, value) in [
        (r#""internal":true"#, "internal", Bool(true)),
        (r#""count":42"#, "count", Int(42)),
        (r#""count":"10k""#, "count", Int(10_000)),
        (r#""count":-7"#, "count", Int(-7)),
        (r#""share":"80%""#, "share", Int(800_000)),
        (r#""share":800000"#, "share", Int(800_000)),
        (r#""prompt_tokens":4096"#, "prompt_tokens", Int(4096)),
        (r#""prompt_tokens":"4k tokens""#, "prompt_tokens", Int(4000)),
        (r#""spend":"$0.25""#, "spend", Int(250_000_000)),
        (r#""body_size":"5 MiB""#, "body_size", Int(5 << 20)),
        (r#""age":"5.1 s""#, "age", Int(5_100_000_000)),
        (r#""since":"1970-01-01T00:00:01Z""#, "since", Int(1_000_000_000)),
        (r#""born":"1970-01-11""#, "born", Int(10)),
        (r#""opens":"00:01""#, "opens", Int(60_000_000_000)),
        (r#""ip":"192.0.2.1""#, "ip", Ip([192, 0, 2, 1].into())),
        (r#""ip":"::ffff:192.0.2.1""#, "ip", Ip([192, 0, 2, 1].into())),
        (r#""plan":"gold""#, "plan", Str("gold")),
        (r#""user":12345678901234567890"#, "user", Str("12345678901234567890")),
        (r#""user":-1"#, "user", Str("-1")),
        (r#""path":"/caf\u00e9\n\"""#, "path", Str("/caf\u{e9}\n\"")),
        (r#""\u0070ath":"/x""#, "path", Str("/x")),
        (r#""since":"1970-01-01T00:00:01\u005a""#, "since", Int(1_000_000_000)),
    ] {
        with_record(&format!(r#"{{"t":0,{member}}}"#), &schema(), |record| {
            assert_facts(&record.facts, &[(name, value)]);
        });
    }
}

#[test]
fn null_and_missing_members_are_absent() {
    with_record(r#"{"path":null,"t":5,"reply":null}"#, &schema(), |record| {
        assert_facts(&record.facts, &[]);
        assert_eq!((record.at, &record.reply), (Timestamp::from_millis(5), &None));
        assert!(!record.facts.iter().any(|(_, value)| *value == Absent));
    });
}

#[test]
fn a_reply_may_say_little() {
    for (text, after, status) in [
        (r#"{"t":0,"reply":{}}"#, 0, 200),
        (r#"{"t":0,"reply":{"after_ms":0.5,"status":null}}"#, 500_000, 200),
        (r#"{"t":0,"reply":{"after_ms":null,"response.status":503}}"#, 0, 503),
        (r#"{"t":0,"reply":{"status":0,"size":7}}"#, 0, 0),
    ] {
        with_record(text, &schema(), |record| {
            let reply = record.reply.as_ref().expect("a reply");
            assert_eq!((reply.after, reply.status), (Nanos(after), status), "{text}");
        });
    }
    with_record(r#"{"t":0,"reply":{"status":404,"size":7}}"#, &schema(), |record| {
        let reply = record.reply.as_ref().expect("a reply");
        assert_facts(&reply.facts, &[("response.status", Int(404)), ("response.size", Int(7))]);
    });
}

#[test]
fn a_bad_line_has_a_reason() {
    for (text, expected) in [
        ("{", "not JSON at byte 1"),
        (r#"{"t":0}}"#, "not JSON at byte 8"),
        (r#"{"t":0,"path":"/x}"#, "not JSON at byte 18"),
        ("[1]", "not a JSON object"),
        ("\"x\"", "not a JSON object"),
        ("7", "not a JSON object"),
        ("{}", "no time: the member `t` is missing"),
        (r#"{"t":null}"#, "bad time: null (expected RFC 3339 or integer milliseconds)"),
        (r#"{"t":1.5}"#, "bad time: number 1.5 (expected RFC 3339 or integer milliseconds)"),
        (r#"{"t":"noon"}"#, "bad time: string \"noon\" (expected RFC 3339 or integer milliseconds)"),
        (
            r#"{"t":"2026-03-02T16:59:30"}"#,
            "bad time: string \"2026-03-02T16:59:30\" (expected RFC 3339 or integer milliseconds)",
        ),
        (
            r#"{"t":9223372036854775807}"#,
            "bad time: number 9223372036854775807 (expected RFC 3339 or integer milliseconds)",
        ),
        (r#"{"t":0,"t":0}"#, "`t` stands there twice"),
        (r#"{"t":0,"user":"a","user":"b"}"#, "`user` stands there twice"),
        (r#"{"t":0,"reply":{"status":1,"response.status":1}}"#, "`reply.response.status` stands there twice"),
        (r#"{"t":0,"reply":null,"reply":{}}"#, "`reply` stands there twice"),
        (
            r#"{"t":0,"prompt_tokens":"abc"}"#,
            "wrong type for `prompt_tokens` (expected tokens, found string \"abc\")",
        ),
        (
            r#"{"t":0,"prompt_tokens":"5"}"#,
            "wrong type for `prompt_tokens` (expected tokens, found string \"5\")",
        ),
        (r#"{"t":0,"spend":0.25}"#, "wrong type for `spend` (expected usd, found number 0.25)"),
        (r#"{"t":0,"count":true}"#, "wrong type for `count` (expected int, found true)"),
        (r#"{"t":0,"path":7}"#, "wrong type for `path` (expected string, found number 7)"),
        (r#"{"t":0,"path":["x"]}"#, "wrong type for `path` (expected string, found array)"),
        (r#"{"t":0,"path":{"x":[1]}}"#, "wrong type for `path` (expected string, found object)"),
        (r#"{"t":0,"ip":"localhost"}"#, "wrong type for `ip` (expected ip, found string \"localhost\")"),
        (r#"{"t":0,"internal":1}"#, "wrong type for `internal` (expected bool, found number 1)"),
        (
            r#"{"t":0,"count":9223372036854775808}"#,
            "number out of range for `count`: number 9223372036854775808",
        ),
        (r#"{"t":0,"count":1e300}"#, "number out of range for `count`: number 1e300"),
        (r#"{"t":0,"spend":"$99999999999"}"#, "number out of range for `spend`: string \"$99999999999\""),
        (r#"{"t":0,"reply":7}"#, "wrong type for `reply` (expected object, found number 7)"),
        (r#"{"t":0,"reply":"x"}"#, "wrong type for `reply` (expected object, found string \"x\")"),
        (
            r#"{"t":0,"reply":{"status":"200"}}"#,
            "wrong type for `reply.status` (expected a status of three digits, found string \"200\")",
        ),
        (
            r#"{"t":0,"reply":{"after_ms":-1}}"#,
            "wrong type for `reply.after_ms` (expected milliseconds, found number -1)",
        ),
        (
            r#"{"t":0,"reply":{"usage.output":"x"}}"#,
            "wrong type for `reply.usage.output` (expected tokens, found string \"x\")",
        ),
    ] {
        assert_eq!(reason(read_jsonl, text), expected, "{text}");
    }
}

#[test]
fn a_long_bad_value_is_shortened() {
    let text = format!(r#"{{"t":"{}"}}"#, "é".repeat(1000));
    assert!(reason(read_jsonl, &text).len() < 200);
}

#[test]
fn members_without_a_fact_are_counted_by_name() {
    let schema = schema();
    let mut scratch = Scratch::default();
    for text in [
        r#"{"t":0,"plna":"free","reply":{"usage.outptu":1,"size":1}}"#,
        r#"{"t":0,"plna":{"a":[1,{"b":2}]},"trace":"x"}"#,
    ] {
        let record = read_jsonl(Line { number: 1, text }, &schema, &mut scratch).expect("a record");
        let spare = record.into_spare();
        scratch.restore(spare);
    }
    let expected = vec![("plna", 2), ("reply.usage.outptu", 1), ("trace", 1)];
    assert_eq!(scratch.unknown.by_count(), expected);
}

#[test]
fn names_without_a_fact_take_bounded_memory() {
    let schema = schema();
    let mut scratch = Scratch::default();
    for number in 0..1000 {
        let text = format!(r#"{{"t":0,"x{number}":1}}"#);
        read_jsonl(Line { number, text: &text }, &schema, &mut scratch).expect("a record");
    }
    assert_eq!(scratch.unknown.by_count().len(), 64);
    assert_eq!(scratch.unknown.others(), 936);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = read_jsonl(Line { number: 1, text: &text }, &schema(), &mut Scratch::default());
    }

    #[test]
    fn no_mutation_of_a_line_makes_the_reader_panic(
        at in 0..EXAMPLE.len(),
        length in 0..20_usize,
        piece in r#"[\[\]{}":,0-9eE.tn\\u-]{0,6}"#,
    ) {
        let mut text = EXAMPLE.to_owned();
        text.replace_range(at..(at + length).min(EXAMPLE.len()), &piece);
        let schema = schema();
        let mut scratch = Scratch::default();
        // The memory of one line must not show in the next.
        let _ = read_jsonl(Line { number: 1, text: &text }, &schema, &mut scratch);
        let again = read_jsonl(Line { number: 7, text: EXAMPLE }, &schema, &mut scratch).expect("a record");
        with_record(EXAMPLE, &schema, |record| assert_eq!(*record, again));
    }
}

use limitrate_core::facts::Value::{Bool, Int, Ip, Str};
use limitrate_core::facts::{FactDecl, FactType};
use limitrate_testkit::traffic::{Format, FormatError, Line, Schema, SchemaError, Scratch, read_jsonl};

use super::{assert_facts, facts, id};

fn schema(set: &[(&str, &str)], mapped: &[(&str, &str)]) -> Result<Schema, SchemaError> {
    Schema::new(&facts(), set, mapped)
}

#[test]
fn a_constant_stands_in_every_record_and_replaces_the_recorded_value() {
    let schema = schema(&[("plan", "pro"), ("spend", "$2"), ("internal", "true")], &[]).expect("a schema");
    let constants: Vec<_> = schema.constants().collect();
    assert_eq!(
        constants,
        [(id("plan"), Str("pro")), (id("internal"), Bool(true)), (id("spend"), Int(2_000_000_000))]
    );
    let mut scratch = Scratch::default();
    let text = r#"{"t":0,"plan":"free"}"#;
    let record = read_jsonl(Line { number: 1, text }, &schema, &mut scratch).expect("a record");
    assert_eq!(record.facts, constants);
    assert!(scratch.unknown.is_empty(), "replaced, not unknown");
}

#[test]
fn a_mapped_fact_takes_the_value_of_another_member() {
    let schema = schema(&[], &[("user", "ip"), ("prompt_tokens", "n"), ("usage.output", "reply.out")]);
    let schema = schema.expect("a schema");
    let mut scratch = Scratch::default();
    let text = r#"{"t":0,"user":"ada","ip":"192.0.2.1","n":7,"reply":{"out":9,"usage.output":1}}"#;
    let record = read_jsonl(Line { number: 1, text }, &schema, &mut scratch).expect("a record");
    assert_facts(
        &record.facts,
        &[("user", Str("192.0.2.1")), ("ip", Ip([192, 0, 2, 1].into())), ("prompt_tokens", Int(7))],
    );
    assert_facts(&record.reply.expect("a reply").facts, &[("usage.output", Int(9))]);
    assert!(scratch.unknown.is_empty());
}

#[test]
fn a_mapped_fact_is_blamed_by_its_name() {
    let schema = schema(&[], &[("count", "name")]).expect("a schema");
    for (text, expected) in [
        (r#"{"t":0,"name":"ada"}"#, r#"wrong type for `count` (expected int, found string "ada" in `name`)"#),
        (r#"{"t":0,"name":1.5}"#, "wrong type for `count` (expected int, found number 1.5 in `name`)"),
        (
            r#"{"t":0,"name":100000000000000000000}"#,
            "number out of range for `count`: number 100000000000000000000 in `name`",
        ),
    ] {
        let mut scratch = Scratch::default();
        let read = read_jsonl(Line { number: 1, text }, &schema, &mut scratch);
        assert_eq!(read.expect_err("no number").to_string(), expected);
    }
}

#[test]
fn a_fact_mapped_to_a_constant_is_that_constant() {
    let schema = schema(&[("ip", "192.0.2.9")], &[("user", "ip")]).expect("a schema");
    let constants: Vec<_> = schema.constants().collect();
    assert_eq!(constants, [(id("ip"), Ip([192, 0, 2, 9].into())), (id("user"), Str("192.0.2.9"))]);
}

#[test]
fn a_mistake_in_a_constant_or_mapping_has_a_message() {
    for (set, mapped, expected) in [
        (vec![("plna", "free")], vec![], "the policy has no fact `plna`"),
        (vec![], vec![("usr", "ip")], "the policy has no fact `usr`"),
        (vec![("plan", "free"), ("plan", "pro")], vec![], "`plan` is set or mapped twice"),
        (vec![("user", "ada")], vec![("user", "ip")], "`user` is set or mapped twice"),
        (vec![("plan", "gold")], vec![], r#"`plan` is never "gold": it is one of "free", "pro""#),
        (vec![("count", "101")], vec![], r#""101" is out of range for `count`"#),
        (
            vec![("prompt_tokens", "5")],
            vec![],
            r#"`prompt_tokens` is of type tokens, and "5" is not: write `5 tokens`"#,
        ),
        (vec![("spend", "0.25")], vec![], r#"`spend` is of type usd, and "0.25" is not: write `$0.25`"#),
        (vec![("share", "80")], vec![], r#"`share` is of type percent, and "80" is not: write `80%`"#),
        (vec![("age", "6")], vec![], r#"`age` is of type duration, and "6" is not: write `6 s`"#),
        (vec![("age", "6 req")], vec![], r#"`age` is of type duration, and "6 req" is not"#),
        (vec![], vec![("user", "")], "`user` is mapped to a member without a name"),
    ] {
        assert_eq!(schema(&set, &mapped).expect_err("a mistake").to_string(), expected);
    }
}

#[test]
fn a_fact_of_a_name_that_records_use_must_come_from_elsewhere() {
    let facts = [FactDecl { optional: true, ..FactDecl::new("t", FactType::String) }];
    let error = Schema::new(&facts, &[], &[]).expect_err("reserved");
    assert_eq!(error, SchemaError::ReservedName("t".into()));
    assert!(Schema::new(&facts, &[], &[("t", "team")]).is_ok());
}

#[test]
fn a_fact_called_status_is_not_the_status_of_the_reply() {
    let facts = [FactDecl { optional: true, ..FactDecl::new("status", FactType::String) }];
    let schema = Schema::new(&facts, &[], &[]).expect("a schema");
    let mut scratch = Scratch::default();
    let text = r#"{"t":0,"status":"open","reply":{"status":404}}"#;
    let record = read_jsonl(Line { number: 1, text }, &schema, &mut scratch).expect("a record");
    assert_eq!(record.facts.len(), 1);
    assert!(record.reply.is_some_and(|reply| reply.status == 404 && reply.facts.is_empty()));
}

#[test]
fn the_format_is_told_by_the_name_or_the_beginning() {
    for (path, beginning, expected) in [
        (Some("a.jsonl"), "", Ok(Format::Jsonl)),
        (Some("a.NDJSON"), "x", Ok(Format::Jsonl)),
        (Some("access.log"), "192.0.2.1 - -", Ok(Format::Combined)),
        (Some("access.log"), "{\"t\":0}", Ok(Format::Jsonl)),
        (Some("access.log.1"), " \n{", Ok(Format::Jsonl)),
        (None, "\u{feff}{", Ok(Format::Jsonl)),
        (None, "", Ok(Format::Combined)),
        (Some("a.csv"), "t,path", Err(FormatError::Csv)),
        (Some("a.json"), "[\n{", Err(FormatError::JsonArray)),
    ] {
        assert_eq!(Format::detect(path.map(str::as_ref), beginning.as_bytes()), expected, "{path:?}");
    }
    for compressed in [[0x1f, 0x8b, 8, 0], [0x28, 0xb5, 0x2f, 0xfd]] {
        assert_eq!(Format::detect(Some("a.jsonl".as_ref()), &compressed), Err(FormatError::Compressed));
    }
    assert_eq!("csv".parse::<Format>(), Err(FormatError::Csv));
    assert_eq!("combined".parse::<Format>(), Ok(Format::Combined));
    assert_eq!("xml".parse::<Format>(), Err(FormatError::Unknown));
}

//! Any line can be read as recorded traffic: to a record, or to a reason why it is skipped.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use limitrate_compiler::{Engine, compile};
use limitrate_core::facts::FactDecl;
use limitrate_testkit::traffic::{
    Line, MAX_UNKNOWN_NAME_BYTES, MAX_UNKNOWN_NAMES, Schema, Scratch, read_combined, read_jsonl,
};

/// A fact of every type, and those that logs have.
const POLICY: &str = "use std.http
use std.ai
unit images, image
input {
  user     : key
  plan     : one of \"free\", \"pro\"
  beta     : bool = false
  seats    : int in 1..100 = 1
  share    : percent = 10%
  age      : duration = 1 day
  size     : bytes = 0 B
  pictures : images = 0 images
  at       : instant = 2026-01-01T00:00:00Z
  note     : string = \"\"
  peer     : ip = 192.0.2.1
  used     : bytes after response
}
rule api { limit 5 req/min per user }
";

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let policy = compile("fuzz.rl", POLICY.as_bytes(), Engine::Reference).expect("a valid policy").policy;
    let facts: Vec<FactDecl> = policy.program().facts.iter().map(|fact| fact.decl.clone()).collect();
    Schema::new(&facts, &[], &[]).expect("a valid schema")
});

fuzz_target!(|text: &str| {
    let mut scratch = Scratch::default();
    for (number, text) in (1..).zip(text.lines()) {
        let line = Line { number, text };
        if let Ok(record) = read_jsonl(line, &SCHEMA, &mut scratch) {
            assert_eq!(record.line, number);
        }
        if let Ok(record) = read_combined(line, &SCHEMA, &mut scratch) {
            assert_eq!(record.line, number);
        }
    }
    let unknown = scratch.unknown.by_count();
    assert!(unknown.len() <= MAX_UNKNOWN_NAMES, "{} names", unknown.len());
    // A name that was cut ends in three dots.
    let most = MAX_UNKNOWN_NAME_BYTES + '…'.len_utf8();
    assert!(unknown.iter().all(|(name, _)| name.len() <= most), "{unknown:?}");
});

//! Every token of real policies is deleted, doubled, replaced and swapped, one at a time: nothing panics, one mistake
//! stays a few diagnostics, and they point at it.
//!
//! `cargo test --test mutations -- --nocapture` prints how often each code was met.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod policies;

use std::{collections::BTreeMap, fs, ops::Range, path::Path, thread};

use limitrate_compiler::grammar::{diagnostic::Diagnostic, span::SourceId};

use crate::policies::diagnostics;

/// A mistake in one token may be reported so many times.
const MOST_DIAGNOSTICS: usize = 3;

/// About so many mutants in a thousand more may be said: where a word that begins an item is lost, the whole of a block
/// stands in another.
const MOST_WORDY_PER_MILLE: usize = 10;

/// A message names so many alternatives at most.
const MOST_ALTERNATIVES: usize = 3;

/// Words of the language, to stand where others were.
const KEYWORDS: [&str; 24] = [
    "rule", "plan", "input", "limit", "if", "then", "else", "match", "per", "on", "using", "burst", "deny",
    "exempt", "let", "not", "and", "in", "is", "send", "expect", "given", "fail", "globally",
];

/// Numbers, amounts and units, to stand where others were.
const MEASURES: [&str; 16] = [
    "0",
    "1",
    "9223372036854775808",
    "1_000",
    "5%",
    "$3",
    "2 MiB",
    "3 tokens",
    "10 req/min",
    "1 req/month",
    "4 in flight",
    "unlimited",
    "30 s",
    "09:00",
    "2026-02-30",
    "10.0.0.0/33",
];

/// About so many mutants in a thousand something may be said elsewhere: where a brace is lost or added, the lines after it
/// stand in another block than was meant, and a test may name what is another limit now.
const MOST_ASTRAY_PER_MILLE: usize = 2;

/// Words that no policy of the run declares, and signs that stand in few places.
const STRANGERS: [&str; 6] = ["stranger", "7", "\"text\"", "}", "==", "per"];

/// The words that begin an item at the left margin.
const ITEM_WORDS: [&str; 12] = [
    "edition",
    "module",
    "use",
    "hierarchy",
    "input",
    "plan",
    "set",
    "schedule",
    "calendar",
    "rule",
    "test",
    "prove",
];

/// Every algorithm, and every clause that goes with one.
const TOUR: &str = r#"edition 2026
use std.http

input {
  user : key
  org  : key
}

rule tour {
  on ANY "/v1/**"
  limit fixed:     1000 req/hour    per user  using fixed_window
  limit exact:      100 req/min     per user  using sliding_log
  limit smooth:     100 req/min     per user  using sliding_window
  limit bursty:       1 req/10 s    per user  using token_bucket  burst 10 req  starting 5 req
  limit spaced:      60 req/min     per user  using gcra          burst 10 req
  limit parallel:     4 in flight   per user  for at most 2 min
  limit bandwidth:   10 MiB/s       per org   using token_bucket  burst 64 MiB  costing body_size
  limit month:      $500/month      per org   using fixed_window  resets in "Europe/Berlin"  costing $0.002  fail closed
}
"#;

/// Choices: sets, `match`, conditions.
const REGIONS: &str = r#"edition 2026
use std.http

input {
  user   : key
  region : one of "us-east", "eu-west", "ap-south", "other"
}

set office = 203.0.113.0/24, 2001:db8:42::/48

rule geography {
  if ip in office then exempt "our own staff"

  limit regional: match region {
      "us-east"  => 100 req/min
      "eu-west"  => 150 req/min
      "ap-south" =>  80 req/min
      "other"    =>  40 req/min
    } per user, region

  limit worldwide: 250 req/min per user

  if region == "other" then {
    limit unknown_origin: 5000 req/min globally
  }
}

test "regions add up to the worldwide ceiling" {
  given user = "ada", ip = 198.51.100.7
  at 2026-06-01T12:00:00Z
  send 100 GET "/v1/x" with region = "us-east"    expect allow
  send GET "/v1/x"     with region = "us-east"    expect reject by regional
  send 150 GET "/v1/x" with region = "eu-west"    expect allow
  send GET "/v1/x"     with region = "ap-south"   expect reject by worldwide
}
"#;

/// Conditions in capitals, limits written with `=`.
const CAPITALS: &str = r#"use std.http

input {
  user              : key
  geographic_region : string
  time_of_day       : one of "business_hours", "after_hours"
}

rule api per user {
  IF (geographic_region == "US" AND time_of_day == "business_hours")
  THEN limit = 1000 per minute
  ELSE limit = 500 per minute
}
"#;

/// Every example, and some policies of our own.
fn policies() -> Vec<(String, String)> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let files = fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let mut policies: Vec<(String, String)> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rl"))
        .map(|path| {
            (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
        })
        .collect();
    policies.sort();
    let own = [("tour", TOUR), ("geography", REGIONS), ("capitals", CAPITALS)];
    policies.extend(own.map(|(name, text)| (name.to_owned(), text.to_owned())));
    policies
}

/// The tokens of a policy, comments left out.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let length = match rest[0] {
            b'#' => {
                at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                continue;
            }
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'"' => 2 + rest[1..].iter().position(|byte| *byte == b'"').unwrap(),
            byte if word(byte) => rest.iter().position(|byte| !word(*byte)).unwrap_or(rest.len()),
            b'=' | b'?' | b'.' | b'!' if rest.len() > 1 && (rest[1] == rest[0] || rest[..2] == *b"=>") => 2,
            _ => 1,
        };
        tokens.push(at..at + length);
        at += length;
    }
    tokens
}

/// A text with one mistake.
struct Mutant {
    what: String,
    text: String,
    /// The item it is in, and the words that were touched.
    item: Range<usize>,
    words: Vec<String>,
}

/// Where the item around byte `at` begins and ends, by the words at the left margin.
fn item_around(text: &str, at: usize) -> Range<usize> {
    let begins = |line: &str| ITEM_WORDS.iter().any(|word| line.starts_with(word));
    let mut starts = vec![0];
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        if begins(line) {
            starts.push(position);
        }
        position += line.len();
    }
    starts.push(text.len());
    let next = starts.iter().position(|start| *start > at).unwrap_or(starts.len() - 1);
    starts[next - 1]..starts[next]
}

fn mutants(text: &str) -> Vec<Mutant> {
    let tokens = tokens(text);
    let mut mutants = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let old = &text[token.clone()];
        let next = tokens.get(i + 1).cloned().unwrap_or(token.clone());
        // A step that shares no factor with most lengths reaches tokens of every kind.
        let other = &text[tokens[(i * 37 + 11) % tokens.len()].clone()];
        let stranger = STRANGERS[i % STRANGERS.len()];
        let keyword = KEYWORDS[i * 7 % KEYWORDS.len()];
        let measure = MEASURES[i * 5 % MEASURES.len()];
        let swapped = format!(" {} {old} ", &text[next.clone()]);
        let changes = [
            ("delete", token.clone(), String::new()),
            ("double", token.clone(), format!("{old} {old}")),
            ("replace", token.clone(), format!(" {other} ")),
            ("estrange", token.clone(), format!(" {stranger} ")),
            ("keyword", token.clone(), format!(" {keyword} ")),
            ("measure", token.clone(), format!(" {measure} ")),
            ("swap", token.start..next.end, swapped),
        ];
        for (what, range, new) in changes {
            if new.trim() == old {
                continue;
            }
            let mutated = format!("{}{new}{}", &text[..range.start], &text[range.end..]);
            let around = item_around(text, token.start);
            let item = around.start..(around.end + new.len()).saturating_sub(range.len());
            mutants.push(Mutant {
                what: format!("{what} `{old}` at {}, now `{new}`", token.start),
                text: mutated,
                item,
                words: vec![old.to_owned(), new.trim().to_owned(), text[next.clone()].to_owned()],
            });
        }
    }
    mutants
}

/// Whether more is said than one mistake is worth.
fn too_many(found: &[Diagnostic]) -> Option<String> {
    (found.len() > MOST_DIAGNOSTICS).then(|| format!("{} diagnostics", found.len()))
}

/// What is said elsewhere than at the mistake.
fn astray<'a>(mutant: &Mutant, found: impl IntoIterator<Item = &'a Diagnostic>) -> Option<String> {
    found.into_iter().find_map(|diagnostic| {
        let label = diagnostic.labels.iter().any(|label| {
            let (start, end) = (label.span.start as usize, label.span.end as usize);
            label.span.source == SourceId(0) && start <= mutant.item.end && end >= mutant.item.start
        });
        let under = diagnostic.span().text(&mutant.text);
        let in_item = !under.is_empty() && mutant.text[mutant.item.clone()].contains(under);
        let touched = mutant.words.iter().any(|word| {
            !word.is_empty() && (under.contains(word.as_str()) || diagnostic.message.contains(word.as_str()))
        });
        let near = label || in_item || touched;
        (!near).then(|| format!("{} elsewhere: {} at `{under}`", diagnostic.code, diagnostic.message))
    })
}

/// Spans and texts that no diagnostic may have, whatever the mistake.
fn malformed(mutant: &Mutant, found: &[Diagnostic]) -> Option<String> {
    found.iter().find_map(|diagnostic| {
        let labels = diagnostic.labels.iter().map(|label| label.span);
        let spans = labels.chain(diagnostic.fixes.iter().map(|fix| fix.span));
        let mut outside = spans.filter(|span| {
            span.source == SourceId(0) && mutant.text.get(span.start as usize..span.end as usize).is_none()
        });
        let silent = diagnostic.message.is_empty() || diagnostic.labels.is_empty();
        match outside.next() {
            Some(span) => Some(format!("{} has a span outside the text: {span:?}", diagnostic.code)),
            None => silent.then(|| format!("{} says nothing", diagnostic.code)),
        }
    })
}

/// The longest list of alternatives in a text: "`a`, `b` or `c`" has three.
fn alternatives(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    let mut parts = text.split('`');
    parts.next();
    // What stands between backquotes, and what stands after it up to the next.
    while let (Some(_), Some(between)) = (parts.next(), parts.next()) {
        run += 1;
        longest = longest.max(run);
        if ![", ", " or ", " and ", ", or ", ", and "].contains(&between) {
            run = 0;
        }
    }
    longest
}

/// What offers more alternatives than anyone reads.
fn endless(found: &[Diagnostic]) -> Option<String> {
    found.iter().find_map(|diagnostic| {
        let labels = diagnostic.labels.iter().map(|label| label.text.as_str());
        let mut texts = labels.chain(diagnostic.help.as_deref()).chain([diagnostic.message.as_str()]);
        let long = texts.find(|text| alternatives(text) > MOST_ALTERNATIVES)?;
        Some(format!("{} lists too much: {long}", diagnostic.code))
    })
}

/// What was seen of the mutants of one policy.
#[derive(Default)]
struct Tally {
    mutants: usize,
    codes: BTreeMap<&'static str, usize>,
    counts: BTreeMap<usize, usize>,
    /// Mutants about which something malformed is said.
    wrong: Vec<String>,
    /// Mutants about which too much is said.
    wordy: Vec<String>,
    /// Mutants about which something is said elsewhere.
    astray: Vec<String>,
}

fn tally(name: &str, text: &str) -> Tally {
    let mut tally = Tally::default();
    assert_eq!(diagnostics(text), [], "{name}");
    for mutant in mutants(text) {
        let found = diagnostics(&mutant.text);
        tally.mutants += 1;
        *tally.counts.entry(found.len()).or_default() += 1;
        for diagnostic in &found {
            *tally.codes.entry(diagnostic.code.as_str()).or_default() += 1;
        }
        let wrong = malformed(&mutant, &found).or_else(|| endless(&found));
        let said = || {
            let lines = found.iter().map(|d| format!("\n    {} {} at {}", d.code, d.message, d.span().start));
            lines.collect::<String>()
        };
        if let Some(wordy) = too_many(&found) {
            tally.wordy.push(format!("{name}: {}: {wordy}{}", mutant.what, said()));
        }
        if let Some(wrong) = wrong {
            tally.wrong.push(format!("{name}: {}: {wrong}{}", mutant.what, said()));
        } else if let Some(astray) = astray(&mutant, &found) {
            tally.astray.push(format!("{name}: {}: {astray}{}", mutant.what, said()));
        }
    }
    tally
}

#[test]
fn a_mistake_in_one_token_is_a_few_diagnostics_that_point_at_it() {
    let policies = policies();
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let running: Vec<_> =
            policies.iter().map(|(name, text)| scope.spawn(move || tally(name, text))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for tally in &tallies {
        tally.codes.iter().for_each(|(code, count)| *codes.entry(code).or_default() += count);
        tally.counts.iter().for_each(|(number, count)| *counts.entry(*number).or_default() += count);
    }
    let mutants: usize = tallies.iter().map(|tally| tally.mutants).sum();
    let wrong: Vec<&str> = tallies.iter().flat_map(|tally| tally.wrong.iter().map(String::as_str)).collect();
    let astray: Vec<&str> =
        tallies.iter().flat_map(|tally| tally.astray.iter().map(String::as_str)).collect();
    let wordy: Vec<&str> = tallies.iter().flat_map(|tally| tally.wordy.iter().map(String::as_str)).collect();
    println!("{mutants} mutants, by their number of diagnostics:");
    for (number, count) in &counts {
        println!("{number:>4} {count:>6} {}", "#".repeat(count * 60 / mutants));
    }
    println!("{} about which too much is said:\n{}", wordy.len(), wordy.join("\n"));
    for (code, count) in &codes {
        println!("{code} {count}");
    }
    println!("{} about which something is said elsewhere:\n{}", astray.len(), astray.join("\n"));
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    assert!(wordy.len() * 1000 <= mutants * MOST_WORDY_PER_MILLE, "{} of {mutants}", wordy.len());
    assert!(astray.len() * 1000 <= mutants * MOST_ASTRAY_PER_MILLE, "{}", astray.join("\n"));
}

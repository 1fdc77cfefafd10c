//! Every policy in the documentation is what the text around it says it is.
//!
//! A block marked `rl` compiles without a warning and passes the tests it holds; one marked `rl fails RL0301` is
//! reported with exactly that code. Blocks of Rust are documentation tests of the crate. Links lead somewhere.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod policies;

use std::{fs, path::PathBuf};

use limitrate::compiler::grammar::code::Code;
use policies::{Outcome, files, outcome, short};

/// A fenced block of a page.
struct Block {
    /// What stands after the fence.
    info: String,
    text: String,
    /// Where it begins: `docs/language.md:12`.
    place: String,
}

fn pages() -> Vec<PathBuf> {
    let mut pages = files("docs", "md");
    pages.extend(["README.md", "CONTRIBUTING.md"].into_iter().flat_map(|page| files(page, "md")));
    pages.retain(|page| page.exists());
    pages
}

/// The fenced blocks of a page, and the lines outside them.
fn blocks(page: &PathBuf) -> (Vec<Block>, Vec<String>) {
    let (mut blocks, mut prose) = (Vec::new(), Vec::new());
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(fs::read_to_string(page).unwrap().lines()) {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(info), None) => {
                let place = format!("{}:{number}", short(page));
                open = Some(Block { info: info.trim().to_owned(), text: String::new(), place });
            }
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => prose.push(line.to_owned()),
        }
    }
    assert!(open.is_none(), "{}: a block is not closed", short(page));
    (blocks, prose)
}

/// What is wrong with a block of a policy, of which this is the outcome.
fn faults(block: &Block, outcome: Outcome) -> Vec<String> {
    let words: Vec<&str> = block.info.split_whitespace().collect();
    match words.as_slice() {
        ["rl"] => {
            let findings = outcome.findings.into_iter().map(|(_, finding)| finding);
            findings.chain(outcome.failures).collect()
        }
        ["rl", "fails", code] if Code::from_name(code).is_some() => {
            let codes: Vec<&str> = outcome.findings.iter().map(|(code, _)| code.as_str()).collect();
            let is_as_said = !codes.is_empty() && codes.iter().all(|found| found == code);
            if is_as_said { Vec::new() } else { vec![format!("should fail with {code} alone: {codes:?}")] }
        }
        _ => vec![format!("`{}` is not how a block is marked", block.info)],
    }
}

#[test]
fn every_policy_in_the_documentation_is_as_described() {
    let all = pages().into_iter().flat_map(|page| blocks(&page).0);
    let policies: Vec<Block> = all.filter(|block| block.info.starts_with("rl")).collect();
    let (mut tests, mut wrong) = (0, Vec::new());
    for block in policies {
        let outcome = outcome("policy.rl", &block.text);
        tests += outcome.tests;
        wrong.extend(faults(&block, outcome).into_iter().map(|fault| format!("{}: {fault}", block.place)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(tests > 0, "no page has a policy with a test");
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let prose = blocks(&page).1.join("\n");
        let links = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.with_file_name("").join(file) };
            if !target.exists() {
                wrong.push(format!("{}: {link} leads nowhere", short(&page)));
            } else if !anchor.is_empty() && !anchors(&target).iter().any(|known| known == anchor) {
                wrong.push(format!("{}: {link} has no such heading", short(&page)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The anchors of a page's headings, as renderers make them.
fn anchors(page: &PathBuf) -> Vec<String> {
    let prose = blocks(page).1;
    let headings = prose.iter().filter(|line| line.starts_with('#'));
    let anchor = |heading: &String| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

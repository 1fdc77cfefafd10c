//! `limitrate/test/v1`: the tests of policies and what became of them.

use limitrate_compiler::{ir::OriginKind, source::Sources};
use limitrate_testkit::policy_test::{Covered, SiteKind, TestReport};
use serde::Serialize;

use crate::{json::Finding, position::Lines, report::junit};

/// The whole document.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    schema: &'static str,
    /// Whether every policy compiles and every test passed.
    ok: bool,
    passed: u64,
    failed: u64,
    requests: u64,
    policies: Vec<Suite>,
}

/// The tests of one policy.
#[derive(Debug, Serialize)]
pub(super) struct Suite {
    /// Its file.
    pub(super) file: String,
    /// Why it was not read; null where it was.
    pub(super) unread: Option<String>,
    /// Why it does not compile; empty where it does.
    pub(super) diagnostics: Vec<Finding>,
    /// The tests that ran.
    pub(super) tests: Vec<Test>,
    /// Requests sent in all of them.
    pub(super) requests: u64,
    /// What they reached, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) coverage: Option<Vec<Site>>,
    /// Rules that no test reaches, where coverage was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<Finding>,
    /// How many tests the policy has, those left out by the filter included.
    #[serde(rename = "tests_in_file")]
    pub(super) all: usize,
}

/// A test.
#[derive(Debug, Serialize)]
pub(super) struct Test {
    title: String,
    line: usize,
    passed: bool,
    requests: u64,
    /// The expectation that did not hold; null if all did.
    pub(super) failure: Option<Finding>,
}

/// A limit, a denial or an exemption, and how often tests reached it.
#[derive(Debug, Serialize)]
pub(super) struct Site {
    kind: &'static str,
    name: String,
    origin: String,
    line: usize,
    requests: u64,
    refused: u64,
}

impl Document {
    pub(super) fn new(policies: Vec<Suite>) -> Self {
        let sum = |part: fn(&Suite) -> u64| policies.iter().map(part).sum();
        Self {
            schema: "limitrate/test/v1",
            ok: policies.iter().all(Suite::ok),
            passed: sum(Suite::passed),
            failed: sum(Suite::failed),
            requests: sum(|suite| suite.requests),
            policies,
        }
    }
}

impl Suite {
    pub(super) const fn new(file: String) -> Self {
        Self {
            file,
            unread: None,
            diagnostics: Vec::new(),
            tests: Vec::new(),
            requests: 0,
            coverage: None,
            warnings: Vec::new(),
            all: 0,
        }
    }

    /// Whether the policy was read, compiles, and no test failed.
    pub(super) fn ok(&self) -> bool {
        self.unread.is_none() && self.diagnostics.is_empty() && self.failed() == 0
    }

    pub(super) fn passed(&self) -> u64 {
        self.tests.len() as u64 - self.failed()
    }

    pub(super) fn failed(&self) -> u64 {
        self.tests.iter().filter(|test| !test.passed).count() as u64
    }

    pub(super) fn push(&mut self, report: &TestReport, sources: &Sources) {
        let failure = report.failure.as_ref().map(|failure| Finding::new(&failure.diagnostic(), sources));
        self.requests += report.requests;
        self.tests.push(Test {
            title: report.title.clone(),
            line: line(report.span.start, sources),
            passed: report.passed(),
            requests: report.requests,
            failure,
        });
    }

    pub(super) fn cover(&mut self, covered: &[Covered], sources: &Sources) {
        let site = |site: &Covered| Site {
            kind: match site.kind {
                SiteKind::Limit => "limit",
                SiteKind::Deny => "deny",
                SiteKind::Exempt => "exempt",
            },
            name: site.name.clone(),
            origin: origin(site),
            line: line(site.span.start, sources),
            requests: site.requests,
            refused: site.refused,
        };
        self.coverage = Some(covered.iter().map(site).collect());
    }
}

/// `rule uploads`, `plan free`
pub(super) fn origin(site: &Covered) -> String {
    match site.origin_kind {
        OriginKind::Rule => format!("rule {}", site.origin),
        OriginKind::Plan => format!("plan {}", site.origin),
    }
}

/// The line of an offset in the policy's own file, where its tests and sites are.
fn line(offset: u32, sources: &Sources) -> usize {
    sources.iter().next().map_or(0, |source| Lines::new(&source.bytes).position(offset as usize).line)
}

/// The suite as `JUnit` has it.
pub(super) fn cases(suite: &Suite) -> junit::Suite {
    let failed = |kind: &str, message: &str, details: String| {
        Some(junit::Failure { kind: kind.to_owned(), message: message.to_owned(), details })
    };
    let unread = suite.unread.iter().map(|why| junit::Case {
        name: "is read".to_owned(),
        line: None,
        failure: failed("unread", why, String::new()),
    });
    let rejected = suite.diagnostics.iter().map(|finding| junit::Case {
        name: "compiles".to_owned(),
        line: Some(finding.place.line),
        failure: failed(finding.code, &finding.message, details(finding)),
    });
    let tests = suite.tests.iter().map(|test| junit::Case {
        name: test.title.clone(),
        line: Some(test.line),
        failure: test
            .failure
            .as_ref()
            .and_then(|finding| failed(finding.code, &finding.message, details(finding))),
    });
    junit::Suite { name: suite.file.clone(), cases: unread.chain(rejected).chain(tests).collect() }
}

fn details(finding: &Finding) -> String {
    let places = finding.labels.iter().map(|label| {
        format!("{}:{}:{}: {}", label.place.file, label.place.line, label.place.column, label.text)
    });
    places.collect::<Vec<_>>().join("\n")
}

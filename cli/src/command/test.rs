//! `rlc test`: runs the `test` blocks of policies with a virtual clock.

mod document;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use limitrate_compiler::{Accepted, Engine, grammar::MAX_SOURCE_BYTES, source::Sources};
use limitrate_testkit::policy_test::{Coverage, Covered, SiteKind, TestReport, run_with};

use crate::{
    args::Format,
    escape,
    exit::Exit,
    figures::{count, many},
    json::Finding,
    policy,
    position::Lines,
    render::{Renderer, Said},
    report::{github, junit},
    source,
    ui::{Style, Ui},
};
use document::{Document, Suite, cases};

pub(super) const FORMATS: &[Format] = &[Format::Text, Format::Json, Format::Github, Format::Junit];

/// The arguments of `rlc test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Policies, and directories to search for *.rl files; `-` is the standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,

    /// Run only tests whose title contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Say which limits, denials and exemptions no test reached
    #[arg(long)]
    coverage: bool,
}

/// Runs the tests of each file.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    let (paths, mut exit) = source::find(&args.paths, ui);
    let mut suites = Vec::new();
    let mut said = Said::default();
    for path in &paths {
        if !ui.is_open() {
            break;
        }
        let suite = suite(path, args, &mut said, ui);
        exit = exit.max(verdict(&suite));
        suites.push(suite);
    }
    match ui.format() {
        Format::Text => {
            if suites.iter().any(|suite| suite.unread.is_none()) {
                ui.line(summary(&suites, args, ui));
            }
        }
        Format::Json | Format::Sarif => ui.json(&Document::new(suites)),
        Format::Github => annotate(&suites, ui),
        Format::Junit => {
            let suites: Vec<_> = suites.iter().map(cases).collect();
            ui.write(junit::document("rlc test", &suites));
        }
    }
    exit
}

fn verdict(suite: &Suite) -> Exit {
    if suite.unread.is_some() {
        Exit::Usage
    } else if suite.ok() {
        Exit::Fine
    } else {
        Exit::Findings
    }
}

/// Runs the tests of one policy; as text, each is shown at once.
fn suite(path: &Path, args: &Args, said: &mut Said, ui: &mut Ui) -> Suite {
    let name = escape::path(path);
    let bytes = match source::read(path, MAX_SOURCE_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => {
            ui.error(&error);
            return Suite { unread: Some(error.to_string()), ..Suite::new(name) };
        }
    };
    match policy::compile(path, &bytes, Engine::Native) {
        Ok(accepted) => tests(name, accepted, args, ui),
        Err(rejected) => {
            said.show(&rejected.diagnostics, &rejected.sources, ui);
            let diagnostics = Finding::all(&rejected.diagnostics, &rejected.sources);
            Suite { diagnostics, ..Suite::new(name) }
        }
    }
}

fn tests(name: String, accepted: Accepted, args: &Args, ui: &mut Ui) -> Suite {
    let Accepted { policy, tests, sources, .. } = accepted;
    let policy = Arc::new(policy);
    let mut coverage = Coverage::default();
    let mut suite = Suite { all: tests.len(), ..Suite::new(name) };
    let text = ui.format() == Format::Text;
    let wanted: Vec<_> = tests
        .iter()
        .filter(|test| args.filter.as_ref().is_none_or(|part| test.title.contains(part)))
        .collect();
    if text && !wanted.is_empty() {
        let heading = ui.paint().style(Style::Strong, escape::line(&suite.file)).to_string();
        ui.line(heading);
    }
    for test in wanted {
        let report = run_with(&policy, test, &mut coverage);
        if text {
            show(&report, &sources, ui);
        }
        suite.push(&report, &sources);
    }
    if args.coverage {
        let covered = coverage.of(policy.program());
        if text {
            show_coverage(&suite.file, &covered, &sources, ui);
        }
        suite.cover(&covered, &sources);
        let untested = if suite.all > 0 { coverage.untested(policy.program()) } else { Vec::new() };
        if text {
            let renderer = Renderer::new(&sources, ui.paint(), ui.width());
            untested.iter().for_each(|warning| ui.line(renderer.render(warning)));
        }
        suite.warnings = untested.iter().map(|warning| Finding::new(warning, &sources)).collect();
    }
    suite
}

fn show(report: &TestReport, sources: &Sources, ui: &mut Ui) {
    let paint = ui.paint();
    let title = escape::line(&report.title);
    let Some(failure) = &report.failure else {
        ui.line(format_args!("  {} {title}", paint.style(Style::Good, "✓")));
        return;
    };
    ui.line(format_args!("  {} {title}", paint.style(Style::Error, "✗")));
    let diagnostic = Renderer::new(sources, paint, ui.width()).render(&failure.diagnostic());
    ui.line(format_args!("\n{diagnostic}"));
}

fn show_coverage(file: &str, covered: &[Covered], sources: &Sources, ui: &mut Ui) {
    let total = covered.len();
    let reached = covered.iter().filter(|site| site.requests > 0).count();
    ui.line(format_args!(
        "\ncoverage of {}: {reached} of {total} limits, denials and exemptions reached",
        escape::line(file)
    ));
    let gap = |site: &Covered| match (site.requests, site.refused, site.kind) {
        (0, _, _) => Some("no request reaches it"),
        (_, 0, SiteKind::Limit) => Some("it never refuses"),
        _ => None,
    };
    let rows: Vec<[String; 4]> = covered
        .iter()
        .filter_map(|site| {
            Some([place(site, sources), what(site), document::origin(site), gap(site)?.to_owned()])
        })
        .collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (a, b, c) = (width(0), width(1), width(2));
    for [place, what, origin, gap] in &rows {
        let gap = ui.paint().style(Style::Warning, gap).to_string();
        ui.line(format_args!("  {place:a$}  {what:b$}  {origin:c$}  {gap}"));
    }
    ui.line("");
}

/// `limit daily`, `deny`, `exempt`
fn what(site: &Covered) -> String {
    match site.kind {
        SiteKind::Limit => format!("limit {}", site.name),
        SiteKind::Deny => "deny".to_owned(),
        SiteKind::Exempt => "exempt".to_owned(),
    }
}

/// `plans.rl:12`
fn place(site: &Covered, sources: &Sources) -> String {
    let source = sources.get(site.span.source);
    source.map_or_else(String::new, |source| {
        let position = Lines::new(&source.bytes).position(site.span.start as usize);
        let file = source.name.rsplit('/').next().unwrap_or_default();
        format!("{}:{}", escape::line(file), position.line)
    })
}

/// `12 tests passed, 1 failed; 1,204 requests in virtual time`
fn summary(suites: &[Suite], args: &Args, ui: &Ui) -> String {
    let paint = ui.paint();
    let sum = |part: fn(&Suite) -> u64| suites.iter().map(part).sum::<u64>();
    let (passed, failed) = (sum(Suite::passed), sum(Suite::failed));
    let rejected = suites.iter().filter(|suite| !suite.diagnostics.is_empty()).count();
    let mut text = match (passed, failed) {
        (0, 0) => {
            let all: usize = suites.iter().map(|suite| suite.all).sum();
            match &args.filter {
                Some(part) if all > 0 => {
                    format!(
                        "no tests: none of {} has a title with {part:?}",
                        many(all as u64, "test", "tests")
                    )
                }
                _ => "no tests".to_owned(),
            }
        }
        (_, 0) => paint.style(Style::Good, format!("{} passed", many(passed, "test", "tests"))).to_string(),
        _ => {
            let failed = paint.style(Style::Error, format!("{} failed", many(failed, "test", "tests")));
            format!("{failed}, {} passed", count(passed))
        }
    };
    if passed + failed > 0 {
        let requests = many(sum(|suite| suite.requests), "request", "requests");
        text.push_str(&format!("; {requests} in virtual time"));
    }
    if rejected == 0 {
        return text;
    }
    let rejected = many(rejected as u64, "policy does not compile", "policies do not compile");
    let rejected = paint.style(Style::Error, rejected);
    if passed + failed == 0 { rejected.to_string() } else { format!("{text}; {rejected}") }
}

fn annotate(suites: &[Suite], ui: &mut Ui) {
    for suite in suites {
        if let Some(why) = &suite.unread {
            ui.line(github::failure(&suite.file, why));
        }
        let failures = suite.tests.iter().filter_map(|test| test.failure.as_ref());
        for finding in suite.diagnostics.iter().chain(failures).chain(&suite.warnings) {
            ui.line(github::annotation(finding));
        }
    }
}

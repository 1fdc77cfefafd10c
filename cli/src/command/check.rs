//! `rlc check`: compiles policies, says what is wrong with them and what they cost.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

#[cfg(feature = "jit")]
use limitrate_compiler::codegen::Options;
use limitrate_compiler::{Engine, Policy, grammar::MAX_SOURCE_BYTES};

use crate::{
    args::Format,
    escape,
    exit::Exit,
    json::{Check, Checked, Finding, Size},
    policy,
    render::Said,
    report::{github, junit, sarif},
    source,
    ui::{Style, Ui},
};

pub(super) const FORMATS: &[Format] =
    &[Format::Text, Format::Json, Format::Sarif, Format::Github, Format::Junit];

/// The arguments of `rlc check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Policies, and directories to search for *.rl files; `-` is the standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,

    /// Let warnings fail the check too
    #[arg(long)]
    deny_warnings: bool,

    /// Generate machine code too, with every check that the code generator has of its own work
    #[arg(long)]
    paranoid: bool,
}

/// Checks each file as a policy by itself.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    let (paths, mut exit) = source::find(&args.paths, ui);
    let mut policies = Vec::new();
    let mut said = Said::default();
    for path in &paths {
        let (policy, compiled) = check(path, &mut said, ui);
        exit = exit.max(verdict(&policy, args.deny_warnings));
        if args.paranoid
            && let Some(compiled) = compiled
        {
            exit = exit.max(generate(&policy.file, &compiled, ui));
        }
        policies.push(policy);
    }
    match ui.format() {
        Format::Text => {
            if policies.iter().any(|policy| policy.unread.is_none()) {
                ui.line(summary(&policies, ui));
            }
        }
        Format::Json => ui.json(&Check::new(policies)),
        Format::Sarif => ui.json(&sarif_log(&policies)),
        Format::Github => annotate(&policies, ui),
        Format::Junit => {
            let suites: Vec<_> = policies.iter().map(|policy| suite(policy, args.deny_warnings)).collect();
            ui.write(junit::document("rlc check", &suites));
        }
    }
    exit
}

/// Generates the machine code of a policy, checked at each step, and throws it away.
fn generate(name: &str, policy: &Policy, ui: &mut Ui) -> Exit {
    #[cfg(feature = "jit")]
    policy.generate_with(&Options::paranoid());
    #[cfg(not(feature = "jit"))]
    policy.generate();
    let Some(why) = policy.interpreted() else { return Exit::Fine };
    ui.error(format_args!("{name}: {why}"));
    Exit::Environment
}

/// Checks one policy; as text, what is wrong with it is shown at once. It is given too if it compiles.
fn check(path: &Path, said: &mut Said, ui: &mut Ui) -> (Checked, Option<Policy>) {
    let name = escape::path(path);
    let bytes = match source::read(path, MAX_SOURCE_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => {
            ui.error(&error);
            return (Checked::unread(name, error.to_string()), None);
        }
    };
    match policy::compile(path, &bytes, Engine::Tiered) {
        Ok(accepted) => {
            said.show(&accepted.diagnostics, &accepted.sources, ui);
            let checked = Checked::new(Some(&accepted.policy), &accepted.diagnostics, &accepted.sources);
            (checked, Some(accepted.policy))
        }
        Err(rejected) => {
            said.show(&rejected.diagnostics, &rejected.sources, ui);
            (Checked::new(None, &rejected.diagnostics, &rejected.sources), None)
        }
    }
}

/// The findings of all policies, each once.
fn findings(policies: &[Checked]) -> Vec<&Finding> {
    let mut said = HashSet::new();
    let all = policies.iter().flat_map(|policy| &policy.diagnostics);
    all.filter(|finding| said.insert(place(finding))).collect()
}

/// What makes two findings one.
fn place(finding: &Finding) -> (&str, u32, &str) {
    (&finding.place.file, finding.place.start, finding.code)
}

fn verdict(policy: &Checked, deny_warnings: bool) -> Exit {
    if policy.unread.is_some() {
        Exit::Usage
    } else if !policy.ok || (deny_warnings && !policy.diagnostics.is_empty()) {
        Exit::Findings
    } else {
        Exit::Fine
    }
}

/// `2 policies: 3 rules, 5 limits, at most 4 charges a request, 1 store round trip`
fn summary(policies: &[Checked], ui: &Ui) -> String {
    let read = policies.iter().filter(|policy| policy.unread.is_none()).count();
    let sizes: Vec<Size> = policies.iter().filter_map(|policy| policy.size).collect();
    let wrong = read - sizes.len();
    let (errors, warnings) = (count(policies, "error"), count(policies, "warning"));
    let paint = ui.paint();
    let mut text = many(read, "policy", "policies");
    if wrong > 0 {
        let found = format!("{wrong} of {text} rejected: {}", many(errors, "error", "errors"));
        text = paint.style(Style::Error, found).to_string();
    } else {
        let total = |part: fn(&Size) -> usize| sizes.iter().map(part).sum::<usize>();
        let most = |part: fn(&Size) -> usize| sizes.iter().map(part).max().unwrap_or(0);
        text.push_str(&format!(
            ": {}, {}, at most {} a request, {}",
            many(total(|size| size.rules), "rule", "rules"),
            many(total(|size| size.limits), "limit", "limits"),
            many(most(|size| size.charges), "charge", "charges"),
            many(most(|size| size.round_trips), "store round trip", "store round trips"),
        ));
    }
    if warnings > 0 {
        let found = many(warnings, "warning", "warnings");
        text.push_str(&format!(", {}", paint.style(Style::Warning, found)));
    }
    text
}

fn count(policies: &[Checked], severity: &str) -> usize {
    let listed = findings(policies).into_iter().filter(|finding| finding.severity == severity).count();
    // Those that are not listed are counted as errors: only a policy with errors has so many.
    let suppressed: usize = policies.iter().map(|policy| policy.suppressed).sum();
    if severity == "error" { listed + suppressed } else { listed }
}

fn many(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

fn sarif_log(policies: &[Checked]) -> serde_json::Value {
    let findings: Vec<Finding> = findings(policies).into_iter().cloned().collect();
    let unread = policies.iter().filter_map(|policy| Some((policy.file.clone(), policy.unread.clone()?)));
    sarif::log(&findings, &unread.collect::<Vec<_>>())
}

fn annotate(policies: &[Checked], ui: &mut Ui) {
    let mut said = HashSet::new();
    for policy in policies {
        if let Some(why) = &policy.unread {
            ui.line(github::failure(&policy.file, why));
        }
        for finding in policy.diagnostics.iter().filter(|finding| said.insert(place(finding))) {
            ui.line(github::annotation(finding));
        }
    }
}

/// A suite of a file: a case that says whether it compiles, and one for each diagnostic.
fn suite(policy: &Checked, deny_warnings: bool) -> junit::Suite {
    let unread = policy.unread.as_ref().map(|why| junit::Failure {
        kind: "unread".to_owned(),
        message: why.clone(),
        details: String::new(),
    });
    let mut cases = Vec::new();
    if policy.ok || unread.is_some() {
        cases.push(junit::Case { name: "compiles".to_owned(), line: None, failure: unread });
    }
    for finding in &policy.diagnostics {
        let fails = deny_warnings || finding.severity == "error";
        cases.push(case(finding, fails));
    }
    junit::Suite { name: policy.file.clone(), cases }
}

fn case(finding: &Finding, fails: bool) -> junit::Case {
    let Finding { code, severity, message, place, .. } = finding;
    let name = format!("{severity}[{code}]: {message}");
    let failure = fails.then(|| junit::Failure {
        kind: (*code).to_owned(),
        message: message.clone(),
        details: format!("{}:{}:{}: {name}", place.file, place.line, place.column),
    });
    junit::Case { name, line: Some(place.line), failure }
}

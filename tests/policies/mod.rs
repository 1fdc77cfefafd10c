//! Compiling a policy and running its tests, for the tests of everything that is shown to users.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use limitrate::{
    compiler::{
        grammar::diagnostic::{Diagnostic, Diagnostics},
        pipeline::compile_with,
        source::{Loader, Sources, Texts},
    },
    prelude::*,
    runtime::load::FileLoader,
};
use limitrate_testkit::policy_test;

/// What became of a policy.
#[allow(dead_code, reason = "not every test that shares this looks at texts")]
pub(crate) struct Outcome {
    /// The code and the whole of every finding of the compiler, in the order of the text.
    pub(crate) findings: Vec<(String, String)>,
    /// The expectations of its tests that did not hold.
    pub(crate) failures: Vec<String>,
    /// How many tests were run.
    pub(crate) tests: usize,
}

/// What a line begins with that names the file of what follows: a text may hold a policy and its modules.
#[allow(dead_code, reason = "not every test that shares this looks at texts")]
const FILE: &str = "# file: ";

/// Compiles a policy for machine code and, if that works, runs its tests.
#[allow(dead_code, reason = "not every test that shares this looks at texts")]
pub(crate) fn outcome(name: &str, text: &str) -> Outcome {
    let mut parts = text.split(FILE);
    let own = parts.next().unwrap_or_default();
    let modules = parts.fold(Texts::default(), |texts, part| {
        let (path, text) = part.split_once('\n').unwrap_or((part, ""));
        texts.with(path.trim().trim_end_matches(".rl").replace('/', "."), text)
    });
    outcome_with(name, own.as_bytes(), &modules)
}

/// The same for the policy in a file, with the modules around it.
#[allow(dead_code, reason = "not every test that shares this looks at files")]
pub(crate) fn outcome_of(path: &Path) -> Outcome {
    outcome_with(&short(path), &std::fs::read(path).unwrap(), &FileLoader::beside(path))
}

fn outcome_with(name: &str, bytes: &[u8], loader: &dyn Loader) -> Outcome {
    match compile_with(name, bytes, Engine::Native, loader) {
        Err(rejected) => Outcome {
            findings: findings(&rejected.diagnostics, &rejected.sources),
            failures: Vec::new(),
            tests: 0,
        },
        Ok(accepted) => {
            let policy = Arc::new(accepted.policy);
            let reports = accepted.tests.iter().map(|test| policy_test::run(&policy, test));
            let failed = reports.filter_map(|report| Some((report.title, report.failure?)));
            let sources = &accepted.sources;
            let failures = failed
                .map(|(title, failure)| format!("{title:?}: {}", shown(&failure.diagnostic(), sources)))
                .collect();
            Outcome {
                findings: findings(&accepted.diagnostics, sources),
                failures,
                tests: accepted.tests.len(),
            }
        }
    }
}

fn findings(diagnostics: &Diagnostics, sources: &Sources) -> Vec<(String, String)> {
    let findings = diagnostics.sorted().into_iter();
    findings.map(|finding| (finding.code.to_string(), shown(finding, sources))).collect()
}

fn shown(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let span = diagnostic.span();
    let source = sources.get(span.source);
    let before = source.and_then(|source| source.bytes.get(..span.start as usize)).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let label = diagnostic.labels.first().map(|label| label.text.as_str()).unwrap_or_default();
    format!("{} at line {line}: {} ({label})", diagnostic.code, diagnostic.message)
}

/// The files under `folder` of the repository whose names end in `.extension`, by name.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A path as seen from the root of the repository.
pub(crate) fn short(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display().to_string()
}

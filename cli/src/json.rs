//! Documents for programs. Each names its schema, `limitrate/<kind>/v1`.

mod finding;

use limitrate_compiler::{Policy, Rejected, placement::round_trips};
use serde::Serialize;

use limitrate_compiler::{grammar::diagnostic::Diagnostics, ir::OriginKind, source::Sources};

pub(crate) use finding::{Finding, Place, Places};

/// `limitrate/check/v1`: what is wrong with policies, and what they cost.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    schema: &'static str,
    /// Whether every policy was read and compiles.
    pub(crate) ok: bool,
    /// Each policy, in the order they were checked.
    pub(crate) policies: Vec<Checked>,
}

/// One policy.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    /// Its file.
    pub(crate) file: String,
    /// Whether it compiles.
    pub(crate) ok: bool,
    /// What it costs; null where it does not compile.
    pub(crate) size: Option<Size>,
    /// Why it was not read; null where it was.
    pub(crate) unread: Option<String>,
    /// What the compiler says, in the order of the text.
    pub(crate) diagnostics: Vec<Finding>,
    /// How many more diagnostics there are than are listed.
    pub(crate) suppressed: usize,
}

/// How large a policy is, and what one decision costs at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Size {
    /// Rules.
    pub(crate) rules: usize,
    /// Plans.
    pub(crate) plans: usize,
    /// Limits, shares included.
    pub(crate) limits: usize,
    /// Charges of one request at most.
    pub(crate) charges: usize,
    /// Round trips to a shared store at most.
    pub(crate) round_trips: usize,
}

impl Check {
    /// The document of these policies.
    pub(crate) fn new(policies: Vec<Checked>) -> Self {
        Self { schema: "limitrate/check/v1", ok: policies.iter().all(|policy| policy.ok), policies }
    }

    /// The document of one policy that does not compile.
    pub(crate) fn rejected(rejected: &Rejected) -> Self {
        Self::new(vec![Checked::new(None, &rejected.diagnostics, &rejected.sources)])
    }
}

impl Checked {
    /// A policy that was read; it compiles if there is a `policy`.
    pub(crate) fn new(policy: Option<&Policy>, diagnostics: &Diagnostics, sources: &Sources) -> Self {
        Self {
            file: sources.iter().next().map(|source| source.name.clone()).unwrap_or_default(),
            ok: policy.is_some(),
            size: policy.map(Size::of),
            unread: None,
            diagnostics: Finding::all(diagnostics, sources),
            suppressed: diagnostics.suppressed(),
        }
    }

    /// A file that was not read.
    pub(crate) fn unread(file: String, why: String) -> Self {
        Self { file, ok: false, size: None, unread: Some(why), diagnostics: Vec::new(), suppressed: 0 }
    }
}

impl Size {
    /// The size of a policy.
    pub(crate) fn of(policy: &Policy) -> Self {
        let program = policy.program();
        Self {
            rules: program.origins.iter().filter(|origin| origin.kind == OriginKind::Rule).count(),
            plans: program.plans.len(),
            limits: program.limits.len(),
            charges: program.worst_case_charges,
            round_trips: round_trips(program),
        }
    }
}

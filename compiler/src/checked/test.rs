//! `test` blocks.

use limitrate_core::{
    facts::{FactId, OwnedValue},
    time::{Nanos, Timestamp},
};
use limitrate_grammar::{ast, span::Span};

/// A test.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its title.
    pub title: String,
    /// Where the title stands.
    pub span: Span,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step of a test.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// Where it stands.
    pub span: Span,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Facts that hold from here on.
    Given(Vec<(FactId, OwnedValue)>),
    /// Moves the clock to an instant.
    At(Timestamp),
    /// Moves the clock on.
    Wait(Nanos),
    /// Sets what a counter holds.
    SetUsed(UsedCounter, i64),
    /// Sends requests.
    Send(Box<Send>),
    /// Answers the last `send`.
    Reply(Reply),
    /// Looks at a counter.
    ExpectUsed(UsedCounter, ast::Comparison, i64),
}

/// A counter named in a test.
#[derive(Debug, Clone)]
pub struct UsedCounter {
    /// The limit's name, `daily.share` for a share.
    pub limit: String,
    /// The facts of its key, where not as given.
    pub keys: Vec<(FactId, OwnedValue)>,
    /// Where the name stands.
    pub span: Span,
}

/// Requests of a test.
#[derive(Debug, Clone)]
pub struct Send {
    /// How many.
    pub count: u64,
    /// Facts of these requests, method and path included.
    pub facts: Vec<(FactId, OwnedValue)>,
    /// The answer that each gets at once.
    pub reply: Option<Reply>,
    /// What each must be answered.
    pub expect: Expected,
    /// Where the expectation stands.
    pub expect_span: Span,
    /// What each must bring beside.
    pub notes: Vec<ast::Note>,
}

/// The answer to a request of a test.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// What is known with it: what is written, and the status where `std.http` brings it.
    pub facts: Vec<(FactId, OwnedValue)>,
}

/// What a test expects of a request.
#[derive(Debug, Clone)]
pub enum Expected {
    /// `allow`
    Allow,
    /// `exempt`
    Exempt,
    /// `deny 413`
    Deny(Option<i64>),
    /// `reject by api, retry after == 5.1 s`
    Reject {
        /// The limit that must be among those that did not fit.
        by: Option<ast::Name>,
        /// What must hold of the wait.
        retry_after: Option<(ast::Comparison, Nanos)>,
    },
    /// `downgrade model = "small"`: it goes through with exactly these facts changed.
    Downgrade(Vec<(FactId, OwnedValue)>),
}

//! Tests with a virtual clock.

use limitrate_core::time::{Nanos, Timestamp};

use super::{Expr, Name, Verb};
use crate::span::{Span, Spanned};

/// A test with a virtual clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Its title.
    pub title: Spanned<String>,
    /// What it does, in order.
    pub steps: Vec<Step>,
}

/// A step of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// The whole step.
    pub span: Span,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepKind {
    /// `given user = "ada"`: holds from here on.
    Given(Vec<Bind>),
    /// `at 2026-03-02T16:59:30-05:00`
    At(Spanned<Timestamp>),
    /// `wait 31 s`
    Wait(Nanos),
    /// `set used daily for org "acme" = 99_999 req`
    SetUsed(Used, Expr),
    /// `send 100 GET "/v1/x" with … expect …`
    Send(Box<Send>),
    /// `reply 500 with usage.input = 1k tokens`: answers the last `send`.
    Reply(Reply),
    /// `expect used daily for org "acme" == 3 req`
    ExpectUsed(Used, Comparison, Expr),
}

/// A counter named in a test: a limit and the key it counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The limit; a share is `daily.share`.
    pub limit: Name,
    /// `for org "acme"`: facts of the key; those left out are as given.
    pub keys: Vec<(Name, Spanned<String>)>,
}

/// `user = "ada"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The fact.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// Some requests at one instant, and what each must be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// How many; one without a number.
    pub count: Option<Spanned<i64>>,
    /// The method.
    pub verb: Spanned<Verb>,
    /// The path.
    pub path: Spanned<String>,
    /// Facts of these requests only.
    pub with: Vec<Bind>,
    /// `reply 500`: each is answered at once.
    pub reply: Option<Reply>,
    /// What is expected of each.
    pub expect: Spanned<Expected>,
    /// What else is expected of each: `expect allow, warn daily at 80%`.
    pub notes: Vec<Note>,
}

/// The answer to a request, once it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status; 200 without one.
    pub status: Option<Spanned<i64>>,
    /// Facts that are known with it.
    pub with: Vec<Bind>,
    /// From `reply` to the last fact.
    pub span: Span,
}

/// What a test expects beside the outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether it must be there; false after `no`.
    pub wanted: bool,
    /// What must be there.
    pub kind: NoteKind,
    /// The whole note.
    pub span: Span,
}

/// What a note is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteKind {
    /// `warn daily at 80%`: the limit warns with this request, at this mark if one is written (parts per million).
    Warn(Name, Option<Spanned<i64>>),
    /// `shadow search`: the shadow limit would not have let the request pass, or the shadow rule would have denied or
    /// exempted it.
    Shadow(Name),
}

/// What a test expects of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        by: Option<Name>,
        /// What must hold of the wait.
        retry_after: Option<(Comparison, Nanos)>,
    },
    /// `downgrade model = "small"`: goes through with these facts changed.
    Downgrade(Vec<Bind>),
}

/// A comparison in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named for its sign")]
pub enum Comparison {
    Lt,
    Le,
    Eq,
    Ge,
    Gt,
}

impl Comparison {
    /// The sign.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Eq => "==",
            Self::Ge => ">=",
            Self::Gt => ">",
        }
    }

    /// Whether `left` compares so with `right`.
    #[must_use]
    pub fn holds<T: Ord>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Lt => left < right,
            Self::Le => left <= right,
            Self::Eq => left == right,
            Self::Ge => left >= right,
            Self::Gt => left > right,
        }
    }
}

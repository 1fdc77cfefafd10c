//! Rules: which requests they look at, and what they do.

use super::{Expr, Keys, Limit, MatchArm, Name};
use crate::span::{Span, Spanned};

/// One IF/THEN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: Name,
    /// Whether `shadow` stands before it: it is measured and reported, never enforced.
    pub shadow: bool,
    /// For whom it is enforced; for all of them without.
    pub rollout: Option<Rollout>,
    /// The key of every limit in it that names none.
    pub per: Option<Keys>,
    /// Which requests it looks at; all of them without.
    pub on: Option<On>,
    /// What it does.
    pub body: Vec<Stmt>,
}

/// `rollout 10% by user`: enforced for some, measured for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// Parts per million of the values of the fact.
    pub share: Spanned<i64>,
    /// The fact whose values are told apart.
    pub by: Name,
    /// The whole clause.
    pub span: Span,
}

/// `on GET "/healthz", "/readyz"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct On {
    /// The targets; the rule applies to any of them.
    pub targets: Vec<Target>,
    /// The whole clause.
    pub span: Span,
}

/// A path pattern with its verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The verb written before this pattern; without one the verb before it in the list holds, at first `ANY`.
    pub verb: Option<Spanned<Verb>>,
    /// The pattern, as written between the quotes.
    pub pattern: Spanned<String>,
}

/// A verb of HTTP, or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the protocol's")]
pub enum Verb {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Any,
}

impl Verb {
    /// Every verb, in the order the documentation lists them.
    pub const ALL: [Self; 8] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options, Self::Any];

    /// The verb as written, in capitals.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Any => "ANY",
        }
    }
}

/// A statement of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// The whole statement.
    pub span: Span,
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StmtKind {
    /// `limit …`
    Limit(Limit),
    /// `deny 413 "…"`: the status (403 without) and the text.
    Deny {
        /// The HTTP status.
        status: Option<Spanned<i64>>,
        /// The message, as written between the quotes and unescaped.
        message: Option<Spanned<String>>,
    },
    /// `exempt "reason"`
    Exempt(Option<Spanned<String>>),
    /// `if … then … else …`
    If {
        /// When.
        condition: Expr,
        /// What then.
        then: Vec<Stmt>,
        /// What otherwise.
        otherwise: Vec<Stmt>,
    },
    /// `match region { "us" => limit …  else => … }`
    Match {
        /// What is matched.
        subject: Expr,
        /// The arms, in order.
        arms: Vec<MatchArm<Vec<Stmt>>>,
    },
    /// `let estimate = …`, known from here to the end of the block.
    Let(Name, Expr),
}

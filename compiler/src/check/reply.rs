//! What a test sends with a reply, and what it expects of a request.

use limitrate_core::facts::{FactId, OwnedValue, Phase};
use limitrate_grammar::{
    ast::{self, Note, NoteKind},
    code::Code,
    diagnostic::Diagnostic,
    span::Spanned,
};

use super::{Checker, fact_id};
use crate::{
    checked::{Exceed, Expected, Limit, Reply, Stmt},
    resolve::HTTP_MODULE,
};

/// The status of a reply that names none.
const REPLY_STATUS: u16 = 200;

/// The fact of `std.http` that is a reply's status.
const STATUS_FACT: &str = "response.status";

impl Checker<'_> {
    pub(super) fn reply(&mut self, reply: &ast::Reply) -> Option<Reply> {
        let status = match &reply.status {
            None => REPLY_STATUS,
            Some(status) => match u16::try_from(status.node) {
                Ok(code @ 100..=599) => code,
                _ => {
                    self.report(Diagnostic::new(
                        Code::RL0203,
                        "the status of a reply lies between 100 and 599",
                        status.span,
                        "no status",
                    ));
                    return None;
                }
            },
        };
        let mut facts = Vec::new();
        let of_http = self.resolved.imported(HTTP_MODULE, STATUS_FACT).and_then(fact_id);
        facts.extend(of_http.map(|fact| (fact, OwnedValue::Int(i64::from(status)))));
        for bind in &reply.with {
            if self.known_at(&bind.name) == Some(Phase::Request) {
                self.report(
                    Diagnostic::new(
                        Code::RL0704,
                        format!("`{}` is known with the request, not with its reply", bind.name.node),
                        bind.name.span,
                        "not a fact `after response`",
                    )
                    .help("give it before: `given …`, or `with …` before `reply`"),
                );
                continue;
            }
            facts.extend(self.binds(std::slice::from_ref(bind)));
        }
        Some(Reply { status, facts })
    }

    /// Facts that come with a request.
    pub(super) fn request_binds(&mut self, binds: &[ast::Bind]) -> Vec<(FactId, OwnedValue)> {
        let mut facts = Vec::new();
        for bind in binds {
            if self.known_at(&bind.name) == Some(Phase::Response) {
                self.report(
                    Diagnostic::new(
                        Code::RL0704,
                        format!("`{}` is known only with the reply", bind.name.node),
                        bind.name.span,
                        "a fact `after response`",
                    )
                    .help(format!("give it there: `reply with {} = …`", bind.name.node)),
                );
                continue;
            }
            facts.extend(self.binds(std::slice::from_ref(bind)));
        }
        facts
    }

    /// When the fact of this name is known.
    fn known_at(&self, name: &ast::Name) -> Option<Phase> {
        let fact = self.fact_of_test(name)?;
        self.out.facts.get(usize::from(fact.0)).map(|fact| fact.decl.phase)
    }

    pub(super) fn expected(&mut self, expected: &Spanned<ast::Expected>) -> Option<Expected> {
        Some(match &expected.node {
            ast::Expected::Allow => Expected::Allow,
            ast::Expected::Exempt => Expected::Exempt,
            ast::Expected::Deny(status) => Expected::Deny(*status),
            ast::Expected::Reject { by, retry_after } => {
                let by = by.as_ref().map(|name| self.full_name(name));
                Expected::Reject { by, retry_after: *retry_after }
            }
            ast::Expected::Downgrade(binds) => {
                let facts = self.request_binds(binds);
                if facts.len() < binds.len() {
                    return None;
                }
                Expected::Downgrade(facts)
            }
        })
    }

    /// The limit's name in the policy as a whole; as written where there is none, which is reported.
    fn full_name(&mut self, name: &ast::Name) -> ast::Name {
        let full = self.limit_named(name).map_or_else(|| name.node.clone(), |(full, _)| full);
        Spanned { node: full, span: name.span }
    }

    /// Checks what else a `send` expects: only what goes through is charged, and so warns.
    pub(super) fn notes(&mut self, send: &ast::Send) -> Vec<Note> {
        let refused = match &send.expect.node {
            ast::Expected::Allow | ast::Expected::Downgrade(_) => None,
            ast::Expected::Exempt => Some("exempt"),
            ast::Expected::Deny(_) => Some("denied"),
            ast::Expected::Reject { .. } => Some("rejected"),
        };
        let mut notes = send.notes.clone();
        for note in &mut notes {
            match (&mut note.kind, refused) {
                (NoteKind::Warn(..), Some(how)) => self.report(
                    Diagnostic::new(
                        Code::RL0503,
                        "only a request that is charged warns",
                        note.span,
                        format!("this one is {how}"),
                    )
                    .help("`warn` goes with `expect allow` and `expect downgrade`"),
                ),
                (NoteKind::Warn(name, mark), None) => self.warned(name, mark.as_ref()),
                (NoteKind::Shadow(name), _) => {
                    if !self.out.rules.iter().any(|rule| rule.name == name.node) {
                        *name = self.full_name(name);
                    }
                }
            }
        }
        notes
    }

    /// Reports a warning that no limit of the name gives.
    fn warned(&mut self, name: &mut ast::Name, mark: Option<&Spanned<i64>>) {
        let Some((full, _)) = self.limit_named(name) else { return };
        name.node = full;
        let own = name.node.strip_suffix(".share").unwrap_or(&name.node);
        let mut limits = Vec::new();
        for rule in &self.out.rules {
            limits_in(&rule.body, own, &mut limits);
        }
        let of_plans = self.out.plan_limits.iter().map(|of_plan| &of_plan.limit);
        limits.extend(of_plans.filter(|limit| limit.name == own));
        // What is passed softly warns without a mark.
        let is_soft = |limit: &&Limit| matches!(limit.exceed, Exceed::Allow);
        let wanted = match mark {
            Some(mark) => limits.iter().any(|limit| limit.warn.contains(&mark.node)),
            None => limits.iter().any(|limit| !limit.warn.is_empty() || is_soft(limit)),
        };
        if !wanted {
            let span = mark.map_or(name.span, |mark| mark.span);
            let message = format!("`{}` does not warn {}", name.node, mark.map_or("at all", |_| "there"));
            self.report(
                Diagnostic::new(Code::RL0203, message, span, "never reached")
                    .help("a limit warns where it says so: `warn at 80%`, or `on exceed allow`"),
            );
        }
    }
}

/// The limits of this name.
fn limits_in<'b>(body: &'b [Stmt], name: &str, limits: &mut Vec<&'b Limit>) {
    for stmt in body {
        match stmt {
            Stmt::Limit(limit) if limit.name == name => limits.push(limit),
            Stmt::If(_, then, otherwise) => {
                limits_in(then, name, limits);
                limits_in(otherwise, name, limits);
            }
            Stmt::Limit(_) | Stmt::Deny(_) | Stmt::Exempt(_) => {}
        }
    }
}

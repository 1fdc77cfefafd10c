//! RL1004: a condition that holds for every request, or for none.
//!
//! Told from constants and types alone: a comparison outside the range of its fact, of a thing with itself, or tests
//! that together cover every value of one fact. The smallest such condition is reported, not what it is part of.

use limitrate_core::facts::FactType;
use limitrate_grammar::{code::Code, diagnostic::Diagnostic};

use super::{
    single::{Subject, bounds, verdict},
    walk::{self, Root},
};
use crate::{
    checked::{Checked, Comparison, Expr, ExprKind, Type},
    source::Sources,
};

pub(super) fn lint(checked: &Checked, sources: &Sources) -> Vec<Diagnostic> {
    let mut lint = Lint { checked, sources, found: Vec::new() };
    walk::roots(checked, &mut |root, expr| lint.root(root, expr));
    lint.found
}

struct Lint<'c> {
    checked: &'c Checked,
    sources: &'c Sources,
    found: Vec<Diagnostic>,
}

/// What became of an expression.
struct Judged {
    subject: Subject,
    /// Whether something in it is reported.
    reported: bool,
}

impl Lint<'_> {
    fn root(&mut self, root: Root, expr: &Expr) {
        let judged = self.judge(expr);
        self.whole(expr, &judged);
        if root == Root::Condition {
            self.literal(expr);
        }
    }

    /// A condition that is a constant by itself: `true`, or a `let` with that value.
    fn literal(&mut self, condition: &Expr) {
        if let ExprKind::Const(value) = condition.kind {
            self.report(condition, value != 0, "a constant".to_owned());
        }
    }

    /// Looks at the parts of an expression, and at single tests.
    fn judge(&mut self, expr: &Expr) -> Judged {
        let parts = expr.children();
        let judged: Vec<Judged> = parts.iter().map(|part| self.judge(part)).collect();
        let together = judged.iter().fold(Subject::Nothing, |all, part| all.and(part.subject));
        let subject = Subject::of(expr, together);
        let mut reported = judged.iter().any(|part| part.reported);
        if subject == Subject::More {
            // Each part is as large as a condition on one fact gets here.
            for (part, judged) in parts.iter().zip(&judged) {
                reported |= self.whole(part, judged);
            }
        }
        if let ExprKind::If(condition, ..) = &expr.kind {
            self.literal(condition);
        }
        if let ExprKind::Compare(comparison, a, b) = &expr.kind {
            reported |= self.test(expr, *comparison, (a, b), subject);
        }
        Judged { subject, reported }
    }

    /// A single comparison.
    fn test(
        &mut self,
        expr: &Expr,
        comparison: Comparison,
        (a, b): (&Expr, &Expr),
        subject: Subject,
    ) -> bool {
        if b.span == expr.span {
            return false; // the pattern of an arm, or a member of a set
        }
        if a.absent.is_none() && is_same(a, b) && a.span != b.span {
            let holds = matches!(comparison, Comparison::Eq | Comparison::Le | Comparison::Ge);
            return self.report(expr, holds, "both sides are the same".to_owned());
        }
        match verdict(self.checked, expr, subject) {
            Some(holds) => self.report(expr, holds, self.reason(subject)),
            None => false,
        }
    }

    /// A condition that is not part of a larger one on the same fact.
    fn whole(&mut self, expr: &Expr, judged: &Judged) -> bool {
        let composed = matches!(expr.kind, ExprKind::And(..) | ExprKind::Or(..) | ExprKind::Not(_));
        if judged.reported || !composed || !names_its_fact(expr) {
            return false;
        }
        match verdict(self.checked, expr, judged.subject) {
            Some(holds) => {
                let name = self.name(judged.subject).unwrap_or("it");
                self.report(expr, holds, format!("the same whatever `{name}` is"))
            }
            None => false,
        }
    }

    /// The name of the one fact that a condition depends on.
    fn name(&self, subject: Subject) -> Option<&str> {
        let Subject::Fact(fact) = subject else { return None };
        self.checked.facts.get(usize::from(fact.0)).map(|fact| &*fact.decl.name)
    }

    fn report(&mut self, expr: &Expr, holds: bool, reason: String) -> bool {
        let text = self.sources.get(expr.span.source).map(|source| source.bytes.as_slice());
        let text = text.and_then(|bytes| bytes.get(expr.span.start as usize..)).unwrap_or_default();
        if expr.ty != Type::Bool || text.starts_with(b"match") {
            return false;
        }
        let (message, help) = if holds {
            ("this condition is always true", "leave it out, or compare with what was meant")
        } else {
            ("this condition is never true", "what depends on it never applies: compare with what was meant")
        };
        self.found.push(Diagnostic::new(Code::RL1004, message, expr.span, reason).help(help));
        true
    }

    /// Why it always comes out so.
    fn reason(&self, subject: Subject) -> String {
        let Subject::Fact(fact) = subject else { return "both sides are constants".to_owned() };
        let Some(fact) = self.checked.facts.get(usize::from(fact.0)) else { return String::new() };
        let name = &fact.decl.name;
        match &fact.decl.ty {
            FactType::Int { min, max } if (*min, *max) != (i64::MIN, i64::MAX) => {
                format!("`{name}` lies between {min} and {max}")
            }
            ty @ (FactType::Quantity(_) | FactType::Price(_) | FactType::Percent | FactType::Duration)
                if bounds(ty).is_some_and(|(least, _)| least == 0) =>
            {
                format!("`{name}` is never negative")
            }
            FactType::OneOf(_) | FactType::Plan(_) | FactType::Bool => {
                format!("the same for every value of `{name}`")
            }
            FactType::Int { .. }
            | FactType::Quantity(_)
            | FactType::Price(_)
            | FactType::Percent
            | FactType::Duration
            | FactType::Instant
            | FactType::Date
            | FactType::Clock
            | FactType::String
            | FactType::Key
            | FactType::Ip => format!("the same whatever `{name}` is"),
        }
    }
}

/// Whether what a condition tests stands within it: what the patterns of an arm test stands after `match`.
fn names_its_fact(expr: &Expr) -> bool {
    let mut leaf = expr;
    while let Some(first) = leaf.children().first() {
        leaf = first;
    }
    expr.span.start <= leaf.span.start && leaf.span.end <= expr.span.end
}

/// Whether two expressions are the same computation.
fn is_same(a: &Expr, b: &Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ExprKind::Fact(a), ExprKind::Fact(b)) => a == b,
        (ExprKind::Let(a), ExprKind::Let(b)) => a == b,
        (ExprKind::Arithmetic(f, a, b), ExprKind::Arithmetic(g, c, d)) => {
            f == g && is_same(a, c) && is_same(b, d)
        }
        (ExprKind::Const(a), ExprKind::Const(b)) => a == b,
        (ExprKind::Now, ExprKind::Now) => true,
        _ => false,
    }
}

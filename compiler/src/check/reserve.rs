//! Reservations: a cost taken before it is known, and what it turns out to be.

use std::collections::BTreeSet;

use limitrate_core::{facts::Phase, time::Nanos};
use limitrate_grammar::{ast, code::Code, diagnostic::Diagnostic, span::Span};

use super::{Checker, clause::Clauses};
use crate::checked::{Counted, Expr, ExprKind, Settle, Type};

/// How long a reservation stays open where `for at most` says nothing: 10 minutes.
pub(crate) const RESERVATION_LEASE: Nanos = Nanos(600_000_000_000);

impl Clauses<'_> {
    /// Whether the limit reserves what a request may cost.
    pub(super) const fn reserves(&self) -> bool {
        self.reserve.is_some() || self.settle.is_some() || self.refund.is_some()
    }
}

impl Checker<'_> {
    /// What the cost of a limit turns out to be; `None` where it is known at once.
    pub(super) fn settle(
        &mut self,
        limit: &ast::Limit,
        clauses: &Clauses<'_>,
        counted: Counted,
        cost: Option<&Expr>,
    ) -> Option<Settle> {
        let Counted::Unit(unit) = counted else { return None }; // in flight, where these clauses are reported
        self.one_way_to_cost(clauses);
        let lease = clauses.lease.map_or(RESERVATION_LEASE, |(lease, _)| lease);
        let wanted = Type::Quantity(unit);
        let actual = match (clauses.reserve, clauses.settle, clauses.refund) {
            (Some((_, Some(settle), _)), ..) => self.actual(settle, &wanted)?,
            (Some((value, None, span)), stray, _) => {
                if !self.cut_short(limit.span) {
                    self.never_settled(value, span, stray);
                }
                return None;
            }
            (None, Some((value, span)), _) => {
                self.never_reserved(value, span);
                return None;
            }
            (None, None, Some((condition, span))) => self.refund(condition, span, &wanted, cost)?,
            (None, None, None) => return None,
        };
        Some(Settle { actual, lease })
    }

    fn actual(&mut self, settle: &ast::Expr, wanted: &Type) -> Option<Expr> {
        let actual = self.expr(settle);
        let actual = self.require(actual, wanted, "what this limit settles is");
        let Some(declared) = actual.absent else { return Some(actual).filter(|actual| actual.ty == *wanted) };
        let written = self.text(settle.span).to_owned();
        let Type::Quantity(unit) = wanted else { return None };
        self.report(
            Diagnostic::new(
                Code::RL0303,
                "this cost may be missing",
                settle.span,
                "what did such a request take?",
            )
            .label(declared, "declared optional here")
            .fix("nothing", settle.span, format!("{written} ?? 0 {unit}")),
        );
        None
    }

    /// `refund when c`: nothing where it holds, else what was taken.
    fn refund(
        &mut self,
        condition: &ast::Expr,
        clause: Span,
        wanted: &Type,
        cost: Option<&Expr>,
    ) -> Option<Expr> {
        let typed = self.condition(condition);
        if typed.ty == Type::Unknown {
            return None;
        }
        if !self.is_known_later(&typed) {
            let written = self.text(condition.span).to_owned();
            self.report(
                Diagnostic::new(
                    Code::RL0503,
                    "this is known with the request, so there is nothing to give back",
                    condition.span,
                    "looks at nothing that the response tells",
                )
                .label(clause, "gives back once the response is known")
                .help(format!("charge only the others: `if not ({written}) then limit …`")),
            );
            return None;
        }
        let zero = Expr::number(0, wanted.clone(), condition.span);
        let cost = cost.cloned().unwrap_or_else(|| Expr::number(1, wanted.clone(), condition.span));
        let choice = ExprKind::If(Box::new(typed), Box::new(zero), Box::new(cost));
        Some(Expr::new(choice, wanted.clone(), condition.span))
    }

    /// Whether a value depends on what only the response tells.
    fn is_known_later(&self, expr: &Expr) -> bool {
        let mut facts = BTreeSet::new();
        self.out.facts_of(expr, &mut facts);
        facts.iter().any(|fact| {
            let fact = self.out.facts.get(usize::from(fact.0));
            fact.is_some_and(|fact| fact.decl.phase == Phase::Response)
        })
    }

    fn never_reserved(&mut self, value: &ast::Expr, span: Span) {
        let typed = self.expr(value);
        let written = self.text(value.span).to_owned();
        let mut diagnostic = Diagnostic::new(
            Code::RL0402,
            "this settles what was never reserved",
            span,
            "no `reserve` before it",
        )
        .help("say what to hold until then: `reserve estimate settle actual`")
        .fix("reserve something first", span.before(), "reserve … ");
        if typed.ty != Type::Unknown && !self.is_known_later(&typed) {
            diagnostic = diagnostic.fix("take it at once", span, format!("costing {written}"));
        }
        self.report(diagnostic);
    }

    /// Reports clauses that say in two ways what a request costs.
    fn one_way_to_cost(&mut self, clauses: &Clauses<'_>) {
        let Some((_, _, reserve)) = clauses.reserve else { return };
        if let Some((_, costing)) = clauses.costing {
            self.report(
                Diagnostic::new(
                    Code::RL0503,
                    "`reserve` says what a request takes, and `costing` says it again",
                    costing,
                    "which of them?",
                )
                .label(reserve, "takes this much until it is settled")
                .fix("reserve and settle", costing, ""),
            );
        }
        if let Some((_, refund)) = clauses.refund {
            self.report(
                Diagnostic::new(
                    Code::RL0503,
                    "`settle` says what a request came to, and `refund when` says it again",
                    refund,
                    "which of them?",
                )
                .label(reserve, "settles to the actual cost")
                .help("say it in one: `settle if … then 0 req else …`")
                .fix("reserve and settle", refund, ""),
            );
        }
    }

    fn never_settled(&mut self, value: &ast::Expr, span: Span, stray: Option<(&ast::Expr, Span)>) {
        let written = self.text(value.span).to_owned();
        let mut diagnostic =
            Diagnostic::new(Code::RL0402, "this reservation is never settled", span, "no `settle` after it");
        diagnostic = match stray {
            Some((_, settle)) => diagnostic
                .label(settle, "stands apart")
                .help("`settle` stands right after what is reserved: `reserve estimate settle actual`"),
            None => diagnostic
                .help("say what it came to, once the response is known")
                .fix("settle it", span.after(), " settle …")
                .fix("take it for good", span, format!("costing {written}")),
        };
        self.report(diagnostic);
    }
}

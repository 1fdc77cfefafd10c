//! Named values, and what is known of each without looking at it again: so that a chain of a thousand `let`s costs no
//! more than its text.

use limitrate_core::facts::{FactId, FactType, Phase};
use limitrate_grammar::{code::Code, diagnostic::Diagnostic, span::Span};

use super::{Checker, absence};
use crate::checked::{Arithmetic, Expr, ExprKind, LetId, Type};
use crate::ir::arithmetic;

/// The most pairs of facts and texts that a comparison of two computed texts may lead to.
const MAX_PAIRS: u32 = 1_024;

/// How many named texts may be made of each other.
const MAX_CHAIN: u32 = 64;

/// What is known of a named value.
#[derive(Debug, Default, Clone)]
pub(super) struct Known {
    /// A fact of the response that it is made of.
    pub(super) response: Option<FactId>,
    /// Facts that are there where it holds, and where it does not.
    pub(super) present: [Vec<FactId>; 2],
    /// The least and the greatest number that it can be.
    range: Option<(i64, i64)>,
    /// How many facts and texts it may come from, and how many named values deep.
    leaves: u32,
    chain: u32,
    /// Whether it stands for the parameter of a function.
    pub(super) parameter: bool,
}

impl Checker<'_> {
    /// Enters a value that is referred to by position.
    pub(super) fn push_let(&mut self, value: Expr, name: Span) -> LetId {
        let known = Known {
            response: self.response_fact(&value).map(|(fact, _)| fact),
            present: if value.ty == Type::Bool {
                [self.known_if(&value, true), self.known_if(&value, false)]
            } else {
                Default::default()
            },
            range: Some(self.range(&value)),
            leaves: self.leaves(&value),
            chain: self.chain(&value),
            parameter: false,
        };
        self.push_known(value, name, known)
    }

    /// Enters a value that no one named, and that so is never called unused.
    pub(super) fn push_generated(&mut self, value: Expr, at: Span) -> LetId {
        let id = self.push_let(value, at);
        self.uses.local(id);
        id
    }

    /// Enters what stands for the parameter of a function, with the range that its type gives it.
    pub(super) fn push_param(&mut self, value: Expr, name: Span, range: Option<(i64, i64)>) -> LetId {
        self.push_known(value, name, Known { range, leaves: 1, parameter: true, ..Known::default() })
    }

    fn push_known(&mut self, value: Expr, name: Span, known: Known) -> LetId {
        let id = LetId(self.out.lets.len());
        self.out.lets.push(value);
        self.let_names.push(name);
        self.let_known.push(known);
        id
    }

    /// The facts that are certainly there where `condition` came out as `holds`.
    pub(super) fn known_if(&self, condition: &Expr, holds: bool) -> Vec<FactId> {
        let mut facts = Vec::new();
        absence::collect(condition, holds, &self.let_known, &mut facts);
        facts
    }

    /// A fact of the response that a value is made of, and where.
    pub(super) fn response_fact(&self, expr: &Expr) -> Option<(FactId, Span)> {
        let here = if let ExprKind::Fact(fact) = &expr.kind {
            Some(*fact).filter(|fact| self.is_of_response(*fact))
        } else if let ExprKind::Let(id) = &expr.kind {
            self.let_known.get(id.0).and_then(|known| known.response)
        } else {
            None
        };
        let inside = || expr.children().into_iter().find_map(|child| self.response_fact(child));
        here.map(|fact| (fact, expr.span)).or_else(inside)
    }

    /// Whether a fact is known only after the response.
    pub(super) fn is_of_response(&self, fact: FactId) -> bool {
        let declared = self.out.facts.get(usize::from(fact.0));
        declared.is_some_and(|fact| fact.decl.phase == Phase::Response)
    }

    /// The least and the greatest number that a value can be, as far as its parts tell.
    pub(super) fn range(&self, expr: &Expr) -> (i64, i64) {
        let all = (i64::MIN, i64::MAX);
        let hull = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
        match &expr.kind {
            ExprKind::Const(value) => (*value, *value),
            ExprKind::Fact(fact) => match self.out.facts.get(usize::from(fact.0)).map(|f| &f.decl.ty) {
                Some(FactType::Int { min, max }) => (*min, *max),
                Some(FactType::Quantity(_) | FactType::Price(_) | FactType::Percent | FactType::Duration) => {
                    (0, i64::MAX)
                }
                _ => all,
            },
            ExprKind::Let(id) => self.let_known.get(id.0).and_then(|known| known.range).unwrap_or(all),
            ExprKind::If(_, a, b) | ExprKind::Coalesce(a, b) => hull(self.range(a), self.range(b)),
            ExprKind::Length(_) => (0, i64::MAX),
            ExprKind::ByPlan(values) => {
                values.iter().map(|value| self.range(value)).reduce(hull).unwrap_or(all)
            }
            ExprKind::Lookup(table, column, _) => {
                let rows =
                    self.out.tables.get(table.0).map(|table| table.rows.as_slice()).unwrap_or_default();
                let cells = rows.iter().filter_map(|row| row.cells.get(*column));
                cells.map(|cell| self.range(cell)).reduce(hull).unwrap_or(all)
            }
            ExprKind::Arithmetic(operation, a, b) => {
                let ((least, most), (low, high)) = (self.range(a), self.range(b));
                let of = |a, b| arithmetic::apply(*operation, a, b);
                match operation {
                    Arithmetic::Add | Arithmetic::Min | Arithmetic::Max => (of(least, low), of(most, high)),
                    Arithmetic::Mul | Arithmetic::Scale | Arithmetic::Price(_) if least >= 0 && low >= 0 => {
                        (of(least, low), of(most, high))
                    }
                    Arithmetic::Divide | Arithmetic::Ratio if least >= 0 && low > 0 => {
                        (of(least, high), of(most, low))
                    }
                    Arithmetic::Sub => (of(least, high), of(most, low)),
                    Arithmetic::Mul
                    | Arithmetic::Scale
                    | Arithmetic::Price(_)
                    | Arithmetic::Divide
                    | Arithmetic::Ratio => all,
                }
            }
            ExprKind::Text(_)
            | ExprKind::Now
            | ExprKind::Not(_)
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Compare(..)
            | ExprKind::Present(_)
            | ExprKind::InNets(..)
            | ExprKind::Lower(_)
            | ExprKind::Has(..)
            | ExprKind::Like(..)
            | ExprKind::Matches(..)
            | ExprKind::Holds(_) => all,
        }
    }

    /// Reports a comparison of two computed texts that may come from too many.
    pub(super) fn too_many_texts(&mut self, left: &Expr, right: &Expr, span: Span) -> bool {
        let pairs = self.leaves(left).saturating_mul(self.leaves(right));
        let chain = self.chain(left).max(self.chain(right));
        if pairs <= MAX_PAIRS && chain <= MAX_CHAIN {
            return false;
        }
        let message = "each of these texts may be one of many, and every pair would be compared";
        self.report(
            Diagnostic::new(Code::RL0509, message, span, "too many pairs")
                .help("compare a fact, or with text in quotes"),
        );
        true
    }

    fn leaves(&self, expr: &Expr) -> u32 {
        match &expr.kind {
            ExprKind::Let(id) => self.let_known.get(id.0).map_or(1, |known| known.leaves),
            ExprKind::Coalesce(a, b) | ExprKind::If(_, a, b) => self.leaves(a).saturating_add(self.leaves(b)),
            ExprKind::Lower(inner) => self.leaves(inner),
            ExprKind::ByPlan(values) => u32::try_from(values.len()).unwrap_or(u32::MAX),
            ExprKind::Lookup(table, ..) => {
                let rows = self.out.tables.get(table.0).map_or(0, |table| table.rows.len());
                u32::try_from(rows).unwrap_or(u32::MAX)
            }
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Fact(_)
            | ExprKind::Now
            | ExprKind::Not(_)
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Compare(..)
            | ExprKind::Arithmetic(..)
            | ExprKind::Present(_)
            | ExprKind::InNets(..)
            | ExprKind::Length(_)
            | ExprKind::Has(..)
            | ExprKind::Like(..)
            | ExprKind::Matches(..)
            | ExprKind::Holds(_) => 1,
        }
    }

    fn chain(&self, expr: &Expr) -> u32 {
        let here = if let ExprKind::Let(id) = &expr.kind {
            self.let_known.get(id.0).map_or(0, |known| known.chain.saturating_add(1))
        } else {
            0
        };
        expr.children().into_iter().map(|child| self.chain(child)).max().unwrap_or(0).max(here)
    }
}

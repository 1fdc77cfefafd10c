//! Limits: ceiling, key, cost and capacity. How a limit counts is in [`super::algorithm`].

use limitrate_core::{algorithm::Algorithm, charge::Fail, time::Nanos, unit::Unit};
use limitrate_grammar::{
    ast::{self, FailMode},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::{Checker, clause::Clauses};
use crate::checked::{Counted, Expr, KeyPart, Limit, Shape, Share, Type};

/// All of a ceiling, in parts per million.
pub(crate) const WHOLE: i64 = 1_000_000;

impl Checker<'_> {
    /// Types a limit. `name` is its own or its rule's.
    pub(super) fn limit(&mut self, limit: &ast::Limit, name: String) -> Option<Limit> {
        self.limit_names.insert(name.clone());
        let clauses = self.clauses(limit);
        let ceiling = self.expr(&limit.ceiling);
        self.known_at_admission(&ceiling, "a ceiling");
        let keys = self.limit_keys(limit, &clauses);
        let share = self.share(&clauses, keys.as_deref());
        let fail = fail(clauses.fail);
        let ceiling = self.ceiling(ceiling)?;
        let (word, algorithm, counted) = if let Type::Rate(unit, window) = ceiling.ty {
            let (word, algorithm) = self.algorithm(&clauses, window, limit)?;
            (word, algorithm, Counted::Unit(unit))
        } else {
            self.in_flight(limit, &clauses)?
        };
        let cost = self.cost(limit, &clauses, counted, &ceiling);
        let settle = self.settle(limit, &clauses, counted, cost.as_ref());
        let warn = self.marks(&clauses);
        let exceed = self.exceed(&clauses);
        let block = self.block_for(&clauses);
        let was = self.was(&clauses, &name);
        let overshoot = self.overshoot(&clauses, counted, &ceiling);
        let burst = self.capacity(clauses.burst, counted, "burst");
        let starting = self.capacity(clauses.starting, counted, "starting");
        if let Algorithm::Bucket(window) = &algorithm {
            let sized = burst.is_some() || clauses.burst.is_some();
            self.bucket(&ceiling, *window, word, counted, sized, limit);
        }
        let typed = Limit {
            name,
            span: limit.span,
            shape: Shape { unit: counted, algorithm, keys: keys? },
            word,
            ceiling,
            burst,
            starting,
            cost,
            settle,
            share,
            fail,
            warn,
            exceed,
            block,
            was,
            overshoot,
        };
        self.practice(limit, &clauses, &typed);
        Some(typed)
    }

    /// The ceiling as a rate or a number in flight.
    fn ceiling(&mut self, ceiling: Expr) -> Option<Expr> {
        if self.cut_short(ceiling.span) && !matches!(ceiling.ty, Type::Rate(..) | Type::InFlight) {
            return None; // more of it may not have been read
        }
        if let Some(declared) = ceiling.absent {
            self.report(
                Diagnostic::new(
                    Code::RL0303,
                    "this ceiling may be missing",
                    ceiling.span,
                    "absent for some requests",
                )
                .label(declared, "declared optional here")
                .help("give a value for requests without it: `… ?? value`"),
            );
            return None;
        }
        match &ceiling.ty {
            Type::Rate(..) | Type::InFlight => Some(ceiling),
            Type::Unknown => None,
            Type::Unlimited => {
                self.report(
                    Diagnostic::new(
                        Code::RL0207,
                        "this limit limits nothing",
                        ceiling.span,
                        "always unlimited",
                    )
                    .help("leave the limit out; in a plan, remove an inherited one with `no limit name`"),
                );
                None
            }
            Type::Quantity(_) | Type::Int => {
                let written = self.text(ceiling.span).to_owned();
                let mut diagnostic = Diagnostic::new(
                    Code::RL0207,
                    "a ceiling says how much per how long",
                    ceiling.span,
                    "no window: per what?",
                );
                if ceiling.constant().is_some() && is_literal(&written) {
                    diagnostic = diagnostic.fix("per minute", ceiling.span, format!("{written}/min"));
                    if ceiling.ty == Type::Int {
                        diagnostic =
                            diagnostic.fix("at any moment", ceiling.span, format!("{written} in flight"));
                    }
                } else {
                    diagnostic = diagnostic.help("write it as `100 req/min`, or `4 in flight`");
                }
                self.report(diagnostic);
                None
            }
            Type::Bool
            | Type::Percent
            | Type::Price(_)
            | Type::Duration
            | Type::Instant
            | Type::Date
            | Type::Clock
            | Type::Text
            | Type::Ip
            | Type::OneOf(_)
            | Type::Plan => {
                let label = format!("this is {}", ceiling.ty.noun());
                self.report(
                    Diagnostic::new(
                        Code::RL0202,
                        "a ceiling says how much per how long",
                        ceiling.span,
                        label,
                    )
                    .help("write it as `100 req/min`, or `4 in flight`"),
                );
                None
            }
        }
    }

    fn limit_keys(&mut self, limit: &ast::Limit, clauses: &Clauses<'_>) -> Option<Vec<KeyPart>> {
        if clauses.globally.is_some() {
            return Some(Vec::new());
        }
        if let Some(keys) = clauses.per.or(self.rule_key) {
            let parts = self.keys(keys);
            let under_root = parts.len() > keys.parts.len();
            self.lint_key(keys, under_root);
            return Some(parts);
        }
        if self.cut_short(limit.span) {
            return None; // a clause could not be read
        }
        let after = limit.ceiling.span.after();
        let mut diagnostic = Diagnostic::new(
            Code::RL0501,
            "this limit does not say what it counts apart",
            limit.span,
            "one counter for each … what?",
        );
        let first_key = self.resolved.inputs.iter().find(|input| {
            self.resolved.input(&input.attribute.name.node, limit.span).is_some() && matches!(&input.attribute.ty.kind, ast::TypeExprKind::Named(word) if word == "key" || word == "ip")
                && !input.attribute.ty.optional
        });
        if let Some(input) = first_key {
            let name = &input.attribute.name.node;
            diagnostic = diagnostic.fix(format!("one for each {name}"), after, format!(" per {name}"));
        }
        self.report(diagnostic.fix("one for everybody together", after, " globally"));
        None
    }

    fn share(&mut self, clauses: &Clauses<'_>, keys: Option<&[KeyPart]>) -> Option<Share> {
        let (ppm, span, further) = clauses.share?;
        if ppm <= 0 || ppm > WHOLE {
            self.report(Diagnostic::new(
                Code::RL0203,
                "a share is more than 0% and at most 100%",
                span,
                "outside this range",
            ));
            return None;
        }
        let mut all = keys?.to_vec();
        let before = all.len();
        let parts = self.keys(further);
        self.lint_key(further, true);
        if parts.is_empty() {
            return None; // what they name is unknown, and reported
        }
        for part in parts {
            if !all.contains(&part) {
                all.push(part);
            }
        }
        if all.len() == before {
            self.report(
                Diagnostic::new(
                    Code::RL0503,
                    "this share is per what the limit itself is per",
                    further.span,
                    "adds nothing to the limit's key",
                )
                .help("a share is for each of something narrower: `per org at most 30% per user`"),
            );
            return None;
        }
        Some(Share { ppm, keys: all })
    }

    /// Reports a limit that would let more through without its store than with it.
    pub(super) fn local_share(&mut self, mode: FailMode, span: Span) {
        if matches!(mode, FailMode::Local(Some(ppm)) if ppm > WHOLE) {
            self.report(
                Diagnostic::new(
                    Code::RL0203,
                    "at most 100% of a ceiling is counted locally",
                    span,
                    "more than with the store",
                )
                .fix("all of it", span, "fail local"),
            );
        }
    }

    /// What one request takes, in the ceiling's unit.
    fn cost(
        &mut self,
        limit: &ast::Limit,
        clauses: &Clauses<'_>,
        counted: Counted,
        ceiling: &Expr,
    ) -> Option<Expr> {
        let wanted = match counted {
            Counted::Unit(unit) => Type::Quantity(unit),
            Counted::InFlight => Type::Int,
        };
        // What is reserved is what a request takes at first.
        let reserved = clauses.reserve.map(|(value, _, _)| value);
        let Some(costing) = clauses.costing.map(|(value, _)| value).or(reserved) else {
            if let Counted::Unit(unit) = counted
                && !unit.costs_one_by_default()
                && clauses.settle.is_none()
                && !self.cut_short(limit.span)
            {
                self.cost_not_said(limit, unit, ceiling);
            }
            return None;
        };
        let cost = self.expr(costing);
        let cost = self.require(cost, &wanted, "a cost of this limit is");
        self.known_at_admission(&cost, "a cost");
        if let Some(declared) = cost.absent {
            let written = self.text(costing.span).to_owned();
            let zero = match counted {
                Counted::Unit(unit) => format!("0 {unit}"),
                Counted::InFlight => "0".to_owned(),
            };
            self.report(
                Diagnostic::new(
                    Code::RL0303,
                    "this cost may be missing",
                    costing.span,
                    "what does such a request take?",
                )
                .label(declared, "declared optional here")
                .fix("nothing", costing.span, format!("{written} ?? {zero}"))
                .help(format!("say what absence means, or refuse: `if {written} is missing then deny 400`")),
            );
        }
        Some(cost)
    }

    fn cost_not_said(&mut self, limit: &ast::Limit, unit: Unit, ceiling: &Expr) {
        let candidate = self.out.facts.iter().find(|fact| {
            fact.decl.ty == limitrate_core::facts::FactType::Quantity(unit) && !fact.decl.optional
        });
        let mut diagnostic = Diagnostic::new(
            Code::RL0304,
            format!("how many {unit} does one request take?"),
            ceiling.span,
            format!("counts {unit}, and no `costing` says how many"),
        );
        match candidate {
            Some(fact) => {
                let name = fact.decl.name.clone();
                diagnostic = diagnostic.fix(
                    format!("as many as `{name}` says"),
                    limit.span.after(),
                    format!(" costing {name}"),
                );
            }
            None => diagnostic = diagnostic.help("add `costing …` with a quantity of this unit"),
        }
        self.report(diagnostic);
    }

    /// The constant after `burst` or `starting`.
    fn capacity(&mut self, clause: Option<(&ast::Expr, Span)>, counted: Counted, word: &str) -> Option<i64> {
        let (value, _) = clause?;
        let Counted::Unit(unit) = counted else { return None };
        let typed = self.constant_expr(value);
        let wanted = Type::Quantity(unit);
        let typed = if typed.ty == Type::Int && unit == Unit::Requests {
            Expr { ty: wanted.clone(), ..typed }
        } else {
            typed
        };
        let typed = self.require(typed, &wanted, &format!("`{word}` here is"));
        let amount = typed.constant().filter(|_| typed.ty == wanted)?;
        if amount < 1 {
            let message = if word == "burst" {
                "a bucket of no size lets nothing through"
            } else {
                // A refused request changes nothing, so such a key would never begin to fill.
                "a key that starts with nothing stays empty"
            };
            self.report(Diagnostic::new(Code::RL0505, message, value.span, "must be at least one"));
        }
        Some(amount)
    }

    /// Reports buckets that never refill, refill faster than time is counted, or have no size.
    fn bucket(
        &mut self,
        ceiling: &Expr,
        window: Nanos,
        word: &str,
        counted: Counted,
        sized: bool,
        limit: &ast::Limit,
    ) {
        for (amount, span) in ceiling.leaves() {
            if amount < 1 {
                self.report(
                    Diagnostic::new(Code::RL0505, "this bucket never refills", span, "nothing comes back")
                        .help("to refuse everything, write `deny`"),
                );
            } else if amount > window.0 {
                self.report(Diagnostic::new(
                    Code::RL0505,
                    "this bucket refills more than one unit a nanosecond",
                    span,
                    "finer than time is counted",
                ));
            }
        }
        let Counted::Unit(unit) = counted else { return };
        if word == "gcra"
            && !sized
            && !self.cut_short(limit.span)
            && !matches!(unit, Unit::Requests | Unit::Calls | Unit::Points)
        {
            self.report(
                Diagnostic::new(
                    Code::RL0503,
                    format!("say how many {unit} may come at once"),
                    limit.ceiling.span,
                    "`gcra` without `burst` lets one unit through at a time",
                )
                .help(format!("add `burst …` with a quantity of {unit}")),
            );
        }
    }
}

fn fail(mode: Option<FailMode>) -> Option<Fail> {
    match mode {
        None | Some(FailMode::Local(None)) => None,
        Some(FailMode::Local(Some(ppm))) => Some(Fail::Local(ppm)),
        Some(FailMode::Open) => Some(Fail::Open),
        Some(FailMode::Closed) => Some(Fail::Closed),
    }
}

/// Whether the text is a number with its unit, and nothing computed.
pub(super) fn is_literal(written: &str) -> bool {
    written.starts_with(|c: char| c.is_ascii_digit() || c == '$')
        && written.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '$' | '.' | '_' | ' ' | '/'))
}

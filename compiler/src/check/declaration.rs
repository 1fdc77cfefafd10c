//! Facts, hierarchy, sets, schedules and plan constants.

use std::{collections::HashMap, net::IpAddr};

use limitrate_core::{
    facts::{FactDecl, FactType, OwnedValue, Phase, Source, Trust},
    schedule,
    unit::Unit,
    window::Zone,
};
use limitrate_grammar::{
    ast::{self, TypeExprKind},
    code::Code,
    diagnostic::Diagnostic,
    span::{Span, Spanned},
};

use super::{Checker, MAX_FACTS, fact_id};
use crate::{
    checked::{Expr, ExprKind, Fact, ScheduleId, Type},
    resolve::Symbol,
};

/// The words for types that an input may have.
const TYPE_WORDS: [&str; 19] = [
    "bool", "int", "percent", "ratio", "req", "calls", "points", "tokens", "bytes", "usd", "eur", "duration",
    "instant", "date", "clock", "string", "key", "ip", "plan",
];

impl<'r> Checker<'r> {
    /// Types the declared facts.
    pub(super) fn facts(&mut self) {
        self.out.plans = self.resolved.plans.plans.iter().map(|plan| plan.name.node.clone()).collect();
        if let Some(extra) = self.resolved.inputs.get(MAX_FACTS) {
            self.report(Diagnostic::new(
                Code::RL0509,
                format!("a policy has at most {MAX_FACTS} facts"),
                extra.attribute.name.span,
                "one too many",
            ));
        }
        for input in self.resolved.inputs.iter().take(MAX_FACTS) {
            let attribute = &input.attribute;
            self.vouched(attribute);
            let ty = self.fact_type(&attribute.ty);
            if ty.is_none() {
                self.unclear.extend(fact_id(self.out.facts.len()));
            }
            self.out.facts.push(Fact {
                decl: declared(attribute, ty.unwrap_or(FactType::String)),
                span: attribute.span,
                used: input.module.is_none(),
                imported: input.module.is_some(),
                modules: input.modules().cloned().collect(),
            });
        }
        for (position, input) in self.resolved.inputs.iter().enumerate().take(MAX_FACTS) {
            let default = self.fallback(position, input.attribute.default.as_ref(), "the default");
            let otherwise =
                self.fallback(position, input.attribute.otherwise.as_ref(), "the value after `else`");
            if let Some(fact) = self.out.facts.get_mut(position) {
                fact.decl.default = default;
                fact.decl.otherwise = otherwise;
            }
        }
        self.agreements();
        self.find_plan_fact();
    }

    /// Reports `trusted` of what is no header: only those can be set by the host's own edge.
    fn vouched(&mut self, attribute: &ast::Attribute) {
        let Some(word) = attribute.trusted else { return };
        let (message, label) = match &attribute.source {
            Some(Source::Header(_)) => return,
            Some(Source::Query(_) | Source::Cookie(_)) => {
                ("only a header can be trusted", "the caller sends this")
            }
            Some(Source::Descriptor(_)) | None => {
                ("what the host gives is trusted as it is", "this says nothing more")
            }
        };
        self.report(Diagnostic::new(Code::RL0503, message, word, label).fix("remove it", word, ""));
    }

    fn find_plan_fact(&mut self) {
        let is_plan = |fact: &Fact| matches!(fact.decl.ty, FactType::Plan(_));
        let plans: Vec<usize> =
            (0..).zip(&self.out.facts).filter(|(_, fact)| is_plan(fact)).map(|(i, _)| i).collect();
        let spans: Vec<Span> =
            plans.iter().filter_map(|plan| self.out.facts.get(*plan)).map(|fact| fact.span).collect();
        if let [first, second, ..] = spans.as_slice() {
            self.report(
                Diagnostic::new(Code::RL0102, "a request has one plan", *second, "a second one")
                    .label(*first, "the plan is declared here"),
            );
            self.unclear.extend(plans.iter().copied().filter_map(fact_id));
        }
        let plan = plans.first().copied().and_then(fact_id);
        if let (Some(plan), Some(span)) = (plan.filter(|plan| self.is_of_response(*plan)), spans.first()) {
            self.known_too_late(plan, *span, "the plan");
        }
        self.out.plan_fact = plan;
    }

    pub(super) fn fact_type(&mut self, ty: &ast::TypeExpr) -> Option<FactType> {
        match &ty.kind {
            TypeExprKind::OneOf(members) => self.members(members),
            TypeExprKind::IntRange(min, max) => Some(FactType::Int { min: *min, max: *max }),
            TypeExprKind::Price(price) => self.price_unit(price.node).map(FactType::Price),
            TypeExprKind::Rate(rate) => {
                let message = "a request has amounts, and no rates";
                self.report(
                    Diagnostic::new(Code::RL0202, message, rate.span, "a rate")
                        .help("rates stand in plans, in tables and after `limit`"),
                );
                None
            }
            TypeExprKind::Named(word) => self.named_type(word, ty.span),
        }
    }

    fn members(&mut self, members: &[Spanned<String>]) -> Option<FactType> {
        let mut positions = HashMap::new();
        let mut fine = true;
        for (member, position) in members.iter().zip(0..) {
            if let Some((_, first)) = positions.get(member.node.as_str()) {
                let diagnostic = crate::resolve::declared_twice("value", member, *first);
                self.report(diagnostic);
                fine = false;
            } else {
                positions.insert(member.node.as_str(), (position, member.span));
            }
        }
        if let Some(fact) = fact_id(self.out.facts.len()) {
            let by_text = positions.into_iter().map(|(text, (position, _))| (text.into(), position));
            self.members.insert(fact, by_text.collect());
        }
        // Which value was meant in place of the second one is unknown, and so what the fact may be.
        fine.then(|| FactType::OneOf(members.iter().map(|m| m.node.as_str().into()).collect()))
    }

    pub(super) fn named_type(&mut self, word: &str, span: Span) -> Option<FactType> {
        Some(match word {
            "bool" => FactType::Bool,
            "int" => FactType::Int { min: i64::MIN, max: i64::MAX },
            "percent" | "ratio" => FactType::Percent,
            "duration" => FactType::Duration,
            "instant" => FactType::Instant,
            "date" => FactType::Date,
            "clock" => FactType::Clock,
            "string" => FactType::String,
            "key" => FactType::Key,
            "ip" => FactType::Ip,
            "plan" if self.out.plans.is_empty() => {
                let diagnostic = Diagnostic::new(
                    Code::RL0101,
                    "this policy declares no plans",
                    span,
                    "so nothing can be one",
                )
                .help("declare some: `plan free { limit rpm: 10 req/min per user }`");
                if !self.unread() {
                    self.report(diagnostic);
                }
                return None;
            }
            "plan" => FactType::Plan(self.out.plans.iter().map(|plan| plan.as_str().into()).collect()),
            _ => match self.unit_named(word) {
                Some(unit) => FactType::Quantity(unit),
                None => {
                    let diagnostic = Diagnostic::new(
                        Code::RL0101,
                        format!("there is no type `{word}`"),
                        span,
                        "not a type",
                    );
                    let resolved = self.resolved;
                    let units = resolved.units.keys().map(String::as_str);
                    let diagnostic = match self.closest(word, TYPE_WORDS.into_iter().chain(units)) {
                        Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), span, near),
                        None => diagnostic.help("types are words such as `key`, `string` and `tokens`"),
                    };
                    // A unit, perhaps, of a module that could not be had.
                    if !resolved.module_missing && !resolved.unread.may_import() {
                        self.report(diagnostic);
                    }
                    return None;
                }
            },
        })
    }

    /// The unit whose quantities a type of this name has.
    fn unit_named(&self, word: &str) -> Option<Unit> {
        let declared = || self.resolved.units.get(word).map(|(name, _)| Unit::Declared(*name));
        Unit::ALL.into_iter().find(|unit| unit.name() == word).or_else(declared)
    }

    /// Checks `= v` or `else v` of an input.
    pub(super) fn fallback(
        &mut self,
        position: usize,
        value: Option<&ast::Expr>,
        what: &str,
    ) -> Option<OwnedValue> {
        let value = value?;
        let id = fact_id(position)?;
        self.value_of_fact(id, value, what)
    }

    /// Types a constant as a value of a fact: a default, or what a test gives.
    pub(super) fn value_of_fact(
        &mut self,
        id: limitrate_core::facts::FactId,
        value: &ast::Expr,
        what: &str,
    ) -> Option<OwnedValue> {
        let decl = self.out.facts.get(usize::from(id.0))?.decl.clone();
        if self.unclear.contains(&id) {
            return None;
        }
        let ty = Type::of_fact(id, &decl.ty);
        if let (Type::Ip, ast::ExprKind::Literal(ast::Literal::Net(net))) = (&ty, &value.kind)
            && let Some(address) = single_address(net)
        {
            return Some(OwnedValue::Ip(address));
        }
        let expr = self.expr(value);
        let expr = self.require(expr, &ty, &format!("{what} of `{}` must be", decl.name));
        if expr.ty == Type::Unknown {
            return None;
        }
        match (expr.kind, &decl.ty) {
            (ExprKind::Text(text), FactType::String | FactType::Key) => Some(OwnedValue::Str(text.into())),
            (ExprKind::Const(value), FactType::Bool) => Some(OwnedValue::Bool(value != 0)),
            (ExprKind::Const(value), FactType::OneOf(members) | FactType::Plan(members)) => {
                let member = usize::try_from(value).ok().and_then(|i| members.get(i))?;
                Some(OwnedValue::Str(member.clone()))
            }
            (ExprKind::Const(number), FactType::Int { min, max }) if number < *min || number > *max => {
                self.report(Diagnostic::new(
                    Code::RL0203,
                    format!("`{}` lies between {min} and {max}", decl.name),
                    value.span,
                    "outside its range",
                ));
                None
            }
            (ExprKind::Const(number), _) => Some(OwnedValue::Int(number)),
            _ => {
                self.report(Diagnostic::new(
                    Code::RL0403,
                    format!("{what} of `{}` must be a constant", decl.name),
                    value.span,
                    "this depends on the request",
                ));
                None
            }
        }
    }

    /// Checks that the levels are keys, and as optional as declared.
    pub(super) fn hierarchy(&mut self) {
        let resolved = self.resolved;
        let mut above: HashMap<&str, Span> = HashMap::new();
        for (position, level) in resolved.hierarchy.iter().enumerate() {
            if let Some(first) = above.insert(&level.name.node, level.name.span) {
                above.insert(&level.name.node, first);
                let diagnostic = crate::resolve::declared_twice("level", &level.name, first);
                self.report(diagnostic);
                continue;
            }
            let Some((_, input)) = resolved.input(&level.name.node, level.name.span) else {
                self.unknown_fact(&level.name.node, level.name.span);
                continue;
            };
            let at = resolved.input(&level.name.node, level.name.span).map(|(position, _)| position);
            self.out.levels.extend(at.and_then(fact_id));
            let declared = &input.attribute;
            if declared.after_response
                && let Some((position, _)) = resolved.input(&level.name.node, level.name.span)
                && let Some(fact) = fact_id(position)
            {
                self.known_too_late(fact, level.name.span, "a level of the hierarchy");
            } else if declared.ty.optional && declared.default.is_none() && !level.optional {
                self.report(
                    Diagnostic::new(
                        Code::RL0301,
                        format!("the level `{}` may be missing", level.name.node),
                        level.name.span,
                        "a level without `?` is always there",
                    )
                    .label(declared.span, "declared optional here")
                    .fix(
                        "skip its limits where it is missing",
                        level.name.span.after(),
                        "?",
                    ),
                );
            } else if level.optional && !declared.ty.optional {
                self.report(
                    Diagnostic::new(
                        Code::RL0202,
                        format!("the level `{}` is never missing", level.name.node),
                        level.name.span,
                        "marked as optional here",
                    )
                    .label(declared.span, "always there")
                    .help("write `?` in both places, or in neither"),
                );
            } else if level.optional && position == 0 {
                self.report(
                    Diagnostic::new(
                        Code::RL0301,
                        "the root of a hierarchy is always there",
                        level.name.span,
                        "every key under it begins with it",
                    )
                    .label(declared.span, "declared optional here")
                    .help("begin the hierarchy with a key that every request has"),
                );
            }
        }
    }

    /// Checks every named set, used or not.
    pub(super) fn sets(&mut self) {
        for set in &self.resolved.sets {
            let mut first: Option<Expr> = None;
            for member in &set.members {
                let expr = self.set_member(member);
                match &first {
                    Some(first) => {
                        let first = first.clone();
                        self.unify(&first, &expr, "stand in one set");
                    }
                    None => first = Some(expr),
                }
            }
        }
    }

    /// A member of a set: a constant.
    pub(super) fn set_member(&mut self, member: &ast::Expr) -> Expr {
        if let ast::ExprKind::Literal(ast::Literal::Net(_)) = member.kind {
            return Expr::new(ExprKind::Const(0), Type::Ip, member.span);
        }
        let expr = self.expr(member);
        let constant = matches!(expr.kind, ExprKind::Const(_) | ExprKind::Text(_));
        if constant || expr.ty == Type::Unknown {
            return expr;
        }
        self.wrong(
            Diagnostic::new(
                Code::RL0403,
                "members of a set are constants",
                member.span,
                "this depends on the request",
            ),
            member.span,
        )
    }

    /// Builds schedules from spans, zones and calendars.
    pub(super) fn schedules(&mut self) {
        for declared in &self.resolved.schedules {
            let zone =
                declared.zone.as_ref().map_or(Some(Zone::UTC), |name| self.zone(name)).unwrap_or(Zone::UTC);
            let except = match &declared.except {
                None => Vec::new(),
                Some(name) => match self.calendar(name) {
                    Some(calendar) => calendar.days.iter().map(|day| day.node.0).collect(),
                    None => {
                        let known =
                            self.resolved.names(name.span, |symbol| matches!(symbol, Symbol::Calendar(_)));
                        let diagnostic = self.unknown("calendar", &name.node, name.span, known);
                        self.missing(&name.node, diagnostic);
                        Vec::new()
                    }
                },
            };
            let spans = declared
                .spans
                .iter()
                .map(|span| schedule::WeekSpan {
                    first_day: span.first_day,
                    last_day: span.last_day,
                    from: span.from,
                    until: span.until,
                })
                .collect();
            self.out.schedules.push(schedule::Schedule { spans, zone, except });
        }
    }

    /// `now in holidays`: a schedule of whole days that leaves those of the calendar out, turned round.
    pub(super) fn in_calendar(&mut self, position: usize, span: Span) -> Expr {
        let resolved = self.resolved;
        let Some(calendar) = resolved.calendars.get(position) else { return Expr::unknown(span) };
        let zone =
            calendar.zone.as_ref().map_or(Some(Zone::UTC), |name| self.zone(name)).unwrap_or(Zone::UTC);
        let midnight = limitrate_core::time::Nanos(0);
        let whole_days = schedule::WeekSpan { first_day: 0, last_day: 6, from: midnight, until: midnight };
        let except = calendar.days.iter().map(|day| day.node.0).collect();
        let others = schedule::Schedule { spans: vec![whole_days], zone, except };
        let id = match self.of_calendars.get(&position) {
            Some(id) => *id,
            None => {
                let id = ScheduleId(self.out.schedules.len());
                self.out.schedules.push(others);
                self.of_calendars.insert(position, id);
                id
            }
        };
        let is_other = Expr::new(ExprKind::Holds(id), Type::Bool, span);
        Expr::new(ExprKind::Not(Box::new(is_other)), Type::Bool, span)
    }

    fn calendar(&mut self, name: &ast::Name) -> Option<&'r ast::Calendar> {
        let Some(Symbol::Calendar(position)) = self.resolved.symbol(&name.node, name.span) else {
            return None;
        };
        self.uses.symbol(Symbol::Calendar(position), name.span);
        self.resolved.calendars.get(position)
    }

    /// The zone of this name.
    pub(super) fn zone(&mut self, name: &Spanned<String>) -> Option<Zone> {
        let zone = Zone::named(&name.node);
        if zone.is_none() {
            let names = Zone::names();
            let near = self.closest(&name.node, names.iter().map(String::as_str));
            let diagnostic = Diagnostic::new(
                Code::RL0011,
                format!("there is no time zone \"{}\"", name.node),
                name.span,
                "not an IANA name",
            );
            self.report(match near {
                Some(near) => {
                    diagnostic.fix(format!("did you mean \"{near}\"?"), name.span, format!("\"{near}\""))
                }
                None => diagnostic.help("write an IANA name, such as \"Europe/Berlin\" or \"UTC\""),
            });
        }
        zone
    }
}

/// A fact of this type as its declaration has it, but for the values that may stand in for it.
pub(super) fn declared(attribute: &ast::Attribute, ty: FactType) -> FactDecl {
    FactDecl {
        optional: attribute.ty.optional,
        phase: if attribute.after_response { Phase::Response } else { Phase::Request },
        trust: trust(attribute),
        source: attribute.source.clone(),
        ..FactDecl::new(attribute.name.node.as_str(), ty)
    }
}

/// Who chooses a fact's value: the caller, where it is said, or where it is read from what the caller sends and the host
/// does not vouch for it.
fn trust(attribute: &ast::Attribute) -> Trust {
    match &attribute.source {
        Some(Source::Header(_)) if attribute.trusted.is_some() => Trust::Trusted,
        Some(Source::Header(_) | Source::Query(_) | Source::Cookie(_)) => Trust::Untrusted,
        Some(Source::Descriptor(_)) | None if attribute.untrusted => Trust::Untrusted,
        Some(Source::Descriptor(_)) | None => Trust::Trusted,
    }
}

/// The address of a network of one.
pub(super) fn single_address(net: &ipnet::IpNet) -> Option<IpAddr> {
    if net.prefix_len() == net.max_prefix_len() { Some(net.addr()) } else { None }
}

//! What a policy costs: for each route the charges, round trips and steps of one request, for each limit the memory of
//! its counters and what it admits at worst.
//!
//! Everything here is an upper bound that holds for every request, found without running one, but for memory, which is
//! told as it is on average. What it means for a reader is told by `rlc cost`.

pub mod admitted;
pub mod keys;
mod range;
pub mod state;
mod steps;

use limitrate_core::charge::{Fail, Mode};
use limitrate_grammar::{
    ast::{self, Measure},
    diagnostic::Diagnostic,
    span::{SourceId, Span},
};

pub use self::{
    admitted::{Admitted, Formula, Unbounded},
    keys::KeyCounts,
    state::StateBytes,
};
use self::{range::Ranges, steps::Steps};
use crate::{
    check::{budget::exceeded, limit::WHOLE},
    checked::Target,
    ir::{ChargeSite, LimitId, Program},
};

/// At most so many rules are named as those whose steps a budget has no room for.
const MAX_NAMED: usize = 3;

/// What a policy costs.
#[derive(Debug, Clone)]
pub struct Cost {
    /// The requests that no rule names first, then the routes in the order of the text. There is at least one.
    pub routes: Vec<RouteCost>,
    /// Each limit, in the order of [`Program::limits`].
    pub limits: Vec<LimitCost>,
}

/// What one request to a route costs at most.
#[derive(Debug, Clone)]
pub struct RouteCost {
    /// Its method and path; `None` stands for the requests that no rule names.
    pub target: Option<Target>,
    /// How many limits are charged.
    pub charges: usize,
    /// How many groups of counters are asked for: each is a round trip to a store that is shared.
    pub round_trips: usize,
    /// How many conditions, values and statements are looked at, shared ones once.
    pub steps: usize,
}

/// What a limit costs and admits.
#[derive(Debug, Clone)]
pub struct LimitCost {
    /// The limit, in [`Program::limits`].
    pub limit: LimitId,
    /// Where it is first written.
    pub span: Span,
    /// Its lowest and highest ceiling, in base units; `None` where the request says how much.
    pub ceiling: Option<(i64, i64)>,
    /// What it lets through at worst.
    pub admitted: Admitted,
    /// What one of its keys takes in memory.
    pub state: StateBytes,
    /// What becomes of its requests while the store is away, in the branch that lets most through.
    pub away: Fail,
    /// Parts per million of the ceiling that instances may have leased at once, which what it admits includes.
    pub overshoot: i64,
    /// Whether the cost is reserved: replies may settle above it.
    pub settles: bool,
}

impl Cost {
    /// The cost of a program.
    #[must_use]
    pub fn of(program: &Program) -> Self {
        let mut steps = Steps::new(program);
        steps.always(&program.routes.every);
        let routes = program.routes.list.iter().map(|route| RouteCost {
            target: route.target.clone(),
            charges: route.charges,
            round_trips: route.round_trips,
            steps: steps.with(&route.parts),
        });
        let routes = routes.collect();
        let ranges = Ranges::of(program);
        let mut sites: Vec<Vec<&ChargeSite>> = program.limits.iter().map(|_| Vec::new()).collect();
        for site in &program.charges {
            if let Some(of_limit) = sites.get_mut(site.limit.0 as usize) {
                of_limit.push(site);
            }
        }
        let limits = sites.iter().zip((0..).map(LimitId));
        let limits = limits.filter_map(|(sites, limit)| limit_cost(limit, sites, &ranges)).collect();
        Self { routes, limits }
    }

    /// The most charges of one request.
    #[must_use]
    pub fn charges(&self) -> usize {
        self.most(|route| route.charges)
    }

    /// The most round trips of one request.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.most(|route| route.round_trips)
    }

    /// The most steps of one request.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.most(|route| route.steps)
    }

    fn most(&self, part: fn(&RouteCost) -> usize) -> usize {
        self.routes.iter().map(part).max().unwrap_or(0)
    }
}

fn limit_cost(limit: LimitId, sites: &[&ChargeSite], ranges: &Ranges) -> Option<LimitCost> {
    let first = sites.iter().min_by_key(|site| site.span)?;
    let known: Option<Vec<(i64, i64)>> = sites.iter().map(|site| ranges.ceiling(site)).collect();
    let ceiling = known.and_then(|known| {
        Some((known.iter().map(|(low, _)| *low).min()?, known.iter().map(|(_, high)| *high).max()?))
    });
    let rank = |fail: Fail| match fail {
        Fail::Closed => (0, 0),
        Fail::Local(share) => (1, share),
        Fail::Open => (2, 0),
    };
    Some(LimitCost {
        limit,
        span: first.span,
        ceiling,
        admitted: sites
            .iter()
            .map(|site| Admitted::by(site, ranges.ceiling(site).map(|(_, high)| high)))
            .reduce(Admitted::or)?,
        state: sites
            .iter()
            .map(|site| StateBytes::of(site, ranges.ceiling(site).map(|(_, high)| high)))
            .reduce(StateBytes::or)?,
        away: sites
            .iter()
            .map(|site| site.fail.unwrap_or(Fail::Local(WHOLE)))
            .max_by_key(|fail| rank(*fail))?,
        overshoot: sites.iter().map(|site| site.overshoot).max()?,
        settles: sites.iter().any(|site| site.settle.is_some() && site.mode != Mode::Shadow),
    })
}

/// The reports of budgets of steps that one request may exceed. A module's budget is for what the policy takes of it.
pub(crate) fn over_steps(program: &Program, budgets: &[ast::Bound]) -> Vec<Diagnostic> {
    let mut over = Vec::new();
    for bound in budgets.iter().filter(|bound| bound.measure == Measure::Steps) {
        let of_budget = |at: &usize| {
            let origin = program.origins.get(*at);
            bound.span.source == SourceId(0)
                || origin.is_some_and(|origin| origin.span.source == bound.span.source)
        };
        let kept = |parts: &[usize]| parts.iter().copied().filter(of_budget).collect::<Vec<_>>();
        let every = kept(&program.routes.every);
        let mut steps = Steps::new(program);
        steps.always(&every);
        let routes = program.routes.list.iter().map(|route| (steps.with(&kept(&route.parts)), route));
        let Some((most, route)) = routes.max_by_key(|(most, _)| *most) else { continue };
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        if most <= bound.most.node {
            continue;
        }
        let mut diagnostic = exceeded(bound, most, route);
        let mut costly: Vec<(usize, Span)> = every
            .into_iter()
            .chain(kept(&route.parts))
            .filter_map(|at| Some((Steps::new(program).with(&[at]), program.origins.get(at)?.span)))
            .collect();
        costly.sort_by_key(|(steps, span)| (std::cmp::Reverse(*steps), *span));
        for (steps, span) in costly.into_iter().take(MAX_NAMED) {
            let word = if steps == 1 { "step" } else { "steps" };
            diagnostic = diagnostic.label(span, format!("{steps} {word} by itself"));
        }
        over.push(diagnostic);
    }
    over
}

//! Plans: what each one has, inherited entries included.

use std::collections::{HashMap, hash_map::Entry};

use limitrate_grammar::{
    ast,
    code::Code,
    diagnostic::{Diagnostic, Diagnostics},
    span::Span,
};

use super::{Unread, declared_twice, suggest};

/// The most plans a policy may declare.
const MAX_PLANS: usize = 256;

/// The most limits and constants that all plans may have together.
const MAX_ENTRIES: usize = 16_384;

/// The declared plans and what each effectively has.
#[derive(Debug, Default)]
pub struct PlanLadder {
    /// The plans in the order of declaration.
    pub plans: Vec<ast::Plan>,
    /// The limits of all plans: each as written once, with the plans it applies to.
    pub limits: Vec<EffectiveLimit>,
    /// The constants of each plan by name, inherited ones included.
    pub constants: Vec<HashMap<String, (ast::Name, ast::Expr)>>,
    /// Whether each plan's ladder leads nowhere: what such a plan lacks may stand where it should have led.
    pub broken: Vec<bool>,
}

/// A limit of a plan with every plan that has it.
#[derive(Debug, Clone)]
pub struct EffectiveLimit {
    /// The limit as written.
    pub limit: ast::Limit,
    /// The plan it is written in, by position.
    pub written_in: usize,
    /// The plans that have it, by position.
    pub plans: Vec<usize>,
}

impl PlanLadder {
    /// Follows `extends` and `no limit`. What could not be read may have declared plans.
    pub(super) fn build(mut plans: Vec<ast::Plan>, unread: &Unread, diagnostics: &mut Diagnostics) -> Self {
        let index: HashMap<&str, usize> =
            plans.iter().enumerate().map(|(i, p)| (p.name.node.as_str(), i)).collect();
        let parents: Vec<Option<usize>> =
            plans.iter().take(MAX_PLANS).map(|plan| parent(plan, &index, unread, diagnostics)).collect();
        if let Some(extra) = plans.get(MAX_PLANS) {
            let message = format!("a policy has at most {MAX_PLANS} plans");
            diagnostics.push(Diagnostic::new(Code::RL0509, message, extra.name.span, "one too many"));
            plans.truncate(MAX_PLANS);
        }
        let mut ladder = Self::default();
        let mut written = HashMap::new();
        let mut entries = 0;
        for (i, plan) in plans.iter().enumerate() {
            for limit in entries_once(plan, diagnostics) {
                written.insert(limit.span, ladder.limits.len());
                ladder.limits.push(EffectiveLimit { limit, written_in: i, plans: Vec::new() });
            }
        }
        for i in 0..plans.len() {
            let (chain, circular) = chain(i, &parents, &plans, diagnostics);
            let lowest = chain.first().and_then(|lowest| plans.get(*lowest));
            ladder.broken.push(circular || lowest.is_some_and(|plan| plan.extends.is_some()));
            entries += chain
                .iter()
                .filter_map(|rung| plans.get(*rung))
                .map(|rung| rung.entries.len())
                .sum::<usize>();
            if entries > MAX_ENTRIES {
                let name = plans.get(i).map(|plan| plan.name.span).unwrap_or_default();
                let message =
                    format!("plans have at most {MAX_ENTRIES} entries together, inherited ones included");
                diagnostics.push(Diagnostic::new(Code::RL0509, message, name, "too many with this plan"));
                break;
            }
            ladder.inherit(i, &chain, &plans, &written, diagnostics);
        }
        ladder.plans = plans;
        ladder
    }

    /// Gives plan `i` what the plans of `chain` (itself last) say.
    ///
    /// `written` has the position of every limit by its span.
    fn inherit(
        &mut self,
        i: usize,
        chain: &[usize],
        plans: &[ast::Plan],
        written: &HashMap<Span, usize>,
        diagnostics: &mut Diagnostics,
    ) {
        let mut limits: HashMap<&str, usize> = HashMap::new();
        let mut constants = HashMap::new();
        for &step in chain {
            let Some(plan) = plans.get(step) else { continue };
            for entry in &plan.entries {
                match entry {
                    ast::PlanEntry::Limit(limit) => {
                        let Some(name) = &limit.name else { continue };
                        if let Some(written) = written.get(&limit.span) {
                            limits.insert(&name.node, *written);
                        }
                    }
                    ast::PlanEntry::NoLimit(name) => {
                        let broken = self.broken.get(i).copied().unwrap_or_default();
                        if limits.remove(name.node.as_str()).is_none() && step == i && !broken {
                            let known = limits.keys().copied().filter(|_| diagnostics.suppressed() == 0);
                            let diagnostic = nothing_to_remove(name, known);
                            diagnostics.push(diagnostic);
                        }
                    }
                    ast::PlanEntry::Constant(name, value) => {
                        constants.insert(name.node.clone(), (name.clone(), value.clone()));
                    }
                }
            }
        }
        for written in limits.into_values() {
            if let Some(limit) = self.limits.get_mut(written) {
                limit.plans.push(i);
            }
        }
        self.constants.push(constants);
    }

    /// The position of the plan of this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.plans.iter().position(|plan| plan.name.node == name)
    }
}

fn nothing_to_remove<'a>(name: &ast::Name, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        Code::RL0101,
        format!("no plan below this one has a limit `{}` to remove", name.node),
        name.span,
        "nothing is inherited under this name",
    );
    match suggest::closest(&name.node, known) {
        Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), name.span, near),
        None => diagnostic,
    }
}

fn parent(
    plan: &ast::Plan,
    index: &HashMap<&str, usize>,
    unread: &Unread,
    diagnostics: &mut Diagnostics,
) -> Option<usize> {
    let name = plan.extends.as_ref()?;
    if let Some(found) = index.get(name.node.as_str()) {
        return Some(*found);
    }
    if unread.may_declare(&name.node) {
        return None; // its declaration could not be read, and that is reported
    }
    let diagnostic =
        Diagnostic::new(Code::RL0101, format!("there is no plan `{}`", name.node), name.span, "not declared");
    diagnostics.push(
        match suggest::closest(&name.node, index.keys().copied().filter(|near| *near != plan.name.node)) {
            Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), name.span, near),
            None => diagnostic,
        },
    );
    None
}

/// The plans from the lowest rung up to `i`, and whether the ladder bites its tail; reports each circle once.
fn chain(
    i: usize,
    parents: &[Option<usize>],
    plans: &[ast::Plan],
    diagnostics: &mut Diagnostics,
) -> (Vec<usize>, bool) {
    let mut chain = vec![i];
    let mut at = i;
    let mut circular = false;
    while let Some(Some(up)) = parents.get(at).copied() {
        if let Some(from) = chain.iter().position(|plan| *plan == up) {
            circular = true;
            // The circle is the same from wherever one comes: its last plan in the text is said to close it.
            let last = chain.iter().skip(from).max().and_then(|last| plans.get(*last));
            if let Some((plan, extends)) =
                last.and_then(|plan| plan.extends.as_ref().map(|name| (plan, name)))
            {
                diagnostics.push(circle(plan, extends));
            }
            break;
        }
        chain.push(up);
        at = up;
    }
    chain.reverse();
    (chain, circular)
}

fn circle(plan: &ast::Plan, extends: &ast::Name) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        Code::RL0107,
        format!("the plan `{}` ends up extending itself", plan.name.node),
        extends.span,
        "this closes the circle",
    )
    .help("one plan of the circle extends none");
    if extends.node == plan.name.node {
        diagnostic
    } else {
        diagnostic.label(plan.name.span, "and so leads back to this plan")
    }
}

/// The limits of one plan; reports names that stand twice and limits without a name.
fn entries_once(plan: &ast::Plan, diagnostics: &mut Diagnostics) -> Vec<ast::Limit> {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    let mut limits = Vec::new();
    for entry in &plan.entries {
        let name = match entry {
            ast::PlanEntry::Limit(limit) => match &limit.name {
                Some(name) => {
                    limits.push(limit.clone());
                    name
                }
                None => {
                    diagnostics.push(
                        Diagnostic::new(
                            Code::RL0503,
                            "a limit of a plan needs a name",
                            limit.span,
                            "other plans replace it by its name",
                        )
                        .help("write it as `limit rpm: 60 req/min per user`"),
                    );
                    continue;
                }
            },
            ast::PlanEntry::NoLimit(name) | ast::PlanEntry::Constant(name, _) => name,
        };
        match seen.entry(&name.node) {
            Entry::Occupied(first) => diagnostics.push(declared_twice("entry", name, *first.get())),
            Entry::Vacant(free) => {
                free.insert(name.span);
            }
        }
    }
    limits
}

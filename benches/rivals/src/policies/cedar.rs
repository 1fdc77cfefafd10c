//! Cedar: one policy for each rule; the answer names those that are satisfied, and the host takes the smallest limit.

use std::collections::HashMap;

use cedar_policy::{
    Authorizer, Context, Entities, EntityUid, PolicyId, PolicySet, Request, RestrictedExpression,
};

use crate::rules::{Attributes, Rule, Test, Text};

pub fn text(rules: &[Rule]) -> String {
    rules.iter().map(policy).collect()
}

fn policy(rule: &Rule) -> String {
    let mut tests = vec![format!("context.path like \"{}*\"", rule.prefix)];
    tests.extend(rule.tests.iter().map(|test| match test {
        Test::OneOf(text, values) => format!("{values:?}.contains(context.{})", name(*text)),
        Test::Hours(from, to) => format!("context.hour >= {from} && context.hour < {to}"),
        Test::CostAtLeast(least) => format!("context.cost >= {least}"),
    }));
    format!("permit (principal, action, resource) when {{ {} }};\n", tests.join(" && "))
}

const fn name(text: Text) -> &'static str {
    match text {
        Text::Plan => "plan",
        Text::Method => "method",
        Text::Region => "region",
        Text::Country => "country",
        Text::Org => "org",
    }
}

pub struct Cedar {
    policies: PolicySet,
    limits: HashMap<PolicyId, u32>,
    authorizer: Authorizer,
    entities: Entities,
    uids: [EntityUid; 3],
}

impl Cedar {
    pub fn new(rules: &[Rule]) -> Self {
        let limits =
            rules.iter().enumerate().map(|(at, rule)| (PolicyId::new(format!("policy{at}")), rule.limit));
        Self {
            policies: compile(&text(rules)),
            limits: limits.collect(),
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
            uids: [r#"User::"u""#, r#"Action::"a""#, r#"Service::"s""#].map(|uid| uid.parse().unwrap()),
        }
    }

    pub fn decide(&self, a: &Attributes) -> Option<u32> {
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let pairs = [
            ("plan".to_owned(), text(&a.plan)),
            ("method".to_owned(), text(&a.method)),
            ("path".to_owned(), text(&a.path)),
            ("region".to_owned(), text(&a.region)),
            ("country".to_owned(), text(&a.country)),
            ("org".to_owned(), text(&a.org)),
            ("hour".to_owned(), RestrictedExpression::new_long(a.hour)),
            ("cost".to_owned(), RestrictedExpression::new_long(a.cost)),
        ];
        let context = Context::from_pairs(pairs).unwrap();
        let [user, action, service] = self.uids.clone();
        let request = Request::new(user, action, service, context, None).unwrap();
        let response = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
        response.diagnostics().reason().map(|id| self.limits[id]).min()
    }
}

/// From text to runnable.
pub fn compile(text: &str) -> PolicySet {
    text.parse().unwrap()
}

//! wirefilter: one filter for each rule. The registry has its version of 2019 only, which knows no `starts_with`; the
//! prefixes of these rules stand nowhere else in a path, so `contains` says the same.

use wirefilter::{ExecutionContext, Filter, Scheme};

use crate::rules::{Attributes, Rule, Test, Text};

pub fn scheme() -> Scheme {
    Scheme! {
        plan: Bytes, method: Bytes, path: Bytes, region: Bytes, country: Bytes, org: Bytes, hour: Int, cost: Int
    }
}

pub fn text(rule: &Rule) -> String {
    let mut tests = vec![format!("path contains {:?}", rule.prefix)];
    tests.extend(rule.tests.iter().map(|test| match test {
        Test::OneOf(text, values) => {
            let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
            format!("{} in {{{}}}", name(*text), values.join(" "))
        }
        Test::Hours(from, to) => format!("hour >= {from} && hour < {to}"),
        Test::CostAtLeast(least) => format!("cost >= {least}"),
    }));
    tests.join(" && ")
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

pub struct Wirefilter<'s> {
    scheme: &'s Scheme,
    filters: Vec<(u32, Filter<'s>)>,
}

/// From text to runnable.
pub fn compile<'s>(scheme: &'s Scheme, texts: &[(u32, String)]) -> Wirefilter<'s> {
    let filters = texts.iter().map(|(limit, text)| (*limit, scheme.parse(text).unwrap().compile()));
    Wirefilter { scheme, filters: filters.collect() }
}

pub fn texts(rules: &[Rule]) -> Vec<(u32, String)> {
    rules.iter().map(|rule| (rule.limit, text(rule))).collect()
}

impl<'s> Wirefilter<'s> {
    pub fn new(scheme: &'s Scheme, rules: &[Rule]) -> Self {
        compile(scheme, &texts(rules))
    }

    /// The request must live as long as the filters.
    pub fn decide(&self, a: &'s Attributes) -> Option<u32> {
        let mut context = ExecutionContext::new(self.scheme);
        let texts = [
            ("plan", &a.plan),
            ("method", &a.method),
            ("path", &a.path),
            ("region", &a.region),
            ("country", &a.country),
            ("org", &a.org),
        ];
        for (name, value) in texts {
            context.set_field_value(name, value.as_str()).unwrap();
        }
        context.set_field_value("hour", a.hour as i32).unwrap();
        context.set_field_value("cost", a.cost as i32).unwrap();
        let applies = |filter: &Filter<'s>| filter.execute(&context).unwrap();
        self.filters.iter().filter(|(_, filter)| applies(filter)).map(|(limit, _)| *limit).min()
    }
}

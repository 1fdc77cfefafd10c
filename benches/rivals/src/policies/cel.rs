//! cel: one program for each rule; the root context is shared, a scope of it is filled for each request.

use std::sync::Arc;

use cel::{
    Context, Env, Program, Value,
    common::types::{CelInt, CelString},
};

use crate::rules::{Attributes, Rule, Test, Text};

pub fn text(rule: &Rule) -> String {
    let mut tests = vec![format!("path.startsWith({:?})", rule.prefix)];
    tests.extend(rule.tests.iter().map(|test| match test {
        Test::OneOf(text, values) => format!("{} in {values:?}", name(*text)),
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

pub struct Cel {
    programs: Vec<(u32, Program)>,
    root: Context<'static, 'static>,
}

/// From text to runnable.
pub fn compile(texts: &[(u32, String)]) -> Cel {
    let env = Arc::new(Env::stdlib());
    let programs = texts.iter().map(|(limit, text)| (*limit, env.compile(text).unwrap())).collect();
    Cel { programs, root: Context::with_env(env) }
}

impl Cel {
    pub fn new(rules: &[Rule]) -> Self {
        compile(&texts(rules))
    }

    pub fn decide(&self, a: &Attributes) -> Option<u32> {
        let mut context = self.root.new_inner_scope();
        let texts = [
            ("plan", &a.plan),
            ("method", &a.method),
            ("path", &a.path),
            ("region", &a.region),
            ("country", &a.country),
            ("org", &a.org),
        ];
        for (name, value) in texts {
            context.add_variable_as_val(name, Box::new(CelString::from(value.as_str())));
        }
        for (name, value) in [("hour", a.hour), ("cost", a.cost)] {
            context.add_variable_as_val(name, Box::new(CelInt::from(value)));
        }
        let applies = |program: &Program| program.execute(&context).unwrap() == Value::Bool(true);
        self.programs.iter().filter(|(_, program)| applies(program)).map(|(limit, _)| *limit).min()
    }
}

pub fn texts(rules: &[Rule]) -> Vec<(u32, String)> {
    rules.iter().map(|rule| (rule.limit, text(rule))).collect()
}

//! roto: one script with a function for each rule; compiled by Cranelift as ours is. All rules in one function are
//! faster by little, but a thousand are more than its compiler takes.

use std::fmt::Write as _;

use roto::{Context, FileSpec, FileTree, Package, RotoString, Runtime, SourceFile, TypedFunc};

use crate::rules::{Attributes, Rule, Test, Text};

#[derive(Clone, Context)]
struct Facts {
    pub plan: RotoString,
    pub verb: RotoString,
    pub path: RotoString,
    pub region: RotoString,
    pub country: RotoString,
    pub org: RotoString,
    pub hour: i64,
    pub cost: i64,
}

pub fn text(rules: &[Rule]) -> String {
    let mut text = String::new();
    let mut smallest = String::from("fn smallest() -> u32 {\n    let best: u32 = 4294967295;\n");
    for (number, rule) in rules.iter().enumerate() {
        let mut tests = vec![format!("path.starts_with({:?})", rule.prefix)];
        tests.extend(rule.tests.iter().map(condition));
        writeln!(text, "fn r{number}() -> bool {{\n    {}\n}}", tests.join(" && ")).unwrap();
        let limit = rule.limit;
        writeln!(smallest, "    if {limit} < best {{ if r{number}() {{ best = {limit}; }} }}").unwrap();
    }
    text + &smallest + "    best\n}\n"
}

fn condition(test: &Test) -> String {
    match test {
        Test::OneOf(text, values) => {
            let equal: Vec<String> =
                values.iter().map(|value| format!("{} == {value:?}", name(*text))).collect();
            if equal.len() == 1 { equal.concat() } else { format!("({})", equal.join(" || ")) }
        }
        Test::Hours(from, to) => format!("hour >= {from} && hour < {to}"),
        Test::CostAtLeast(least) => format!("cost >= {least}"),
    }
}

const fn name(text: Text) -> &'static str {
    match text {
        Text::Plan => "plan",
        Text::Method => "verb",
        Text::Region => "region",
        Text::Country => "country",
        Text::Org => "org",
    }
}

type Function = TypedFunc<roto::Ctx<Facts>, fn() -> u32>;

pub struct Roto {
    _package: Package<roto::Ctx<Facts>>,
    function: Function,
}

/// From text to runnable.
pub fn compile(text: &str) -> Roto {
    let runtime = Runtime::new().with_context_type::<Facts>().unwrap();
    let file = SourceFile {
        name: "rules.roto".to_owned(),
        module_name: "pkg".to_owned(),
        contents: text.to_owned(),
        location_offset: 0,
        children: Vec::new(),
    };
    let mut package = FileTree::file_spec(FileSpec::File(file)).compile(&runtime).unwrap();
    let function = package.get_function::<fn() -> u32>("smallest").unwrap();
    Roto { _package: package, function }
}

impl Roto {
    pub fn decide(&self, a: &Attributes) -> Option<u32> {
        let mut facts = Facts {
            plan: a.plan.as_str().into(),
            verb: a.method.as_str().into(),
            path: a.path.as_str().into(),
            region: a.region.as_str().into(),
            country: a.country.as_str().into(),
            org: a.org.as_str().into(),
            hour: a.hour,
            cost: a.cost,
        };
        let best = self.function.call(&mut facts);
        (best != u32::MAX).then_some(best)
    }
}

//! Lints that need more than one text, and what they leave alone.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use limitrate_compiler::{Engine, grammar::code::Code, pipeline::compile_with, source::Loader};

/// A library with one module.
struct Library;

impl Loader for Library {
    fn load(&self, module: &str) -> Option<String> {
        (module == "acme.facts").then(|| "module acme.facts\ninput { shop : key  till : key }\n".to_owned())
    }

    fn names(&self) -> Vec<String> {
        vec!["acme.facts".to_owned()]
    }
}

fn lints(text: &str) -> Vec<(Code, String)> {
    let accepted = compile_with("policy.rl", text.as_bytes(), Engine::Interpreter, &Library).unwrap();
    let found = accepted.diagnostics.sorted().into_iter();
    found.map(|diagnostic| (diagnostic.code, diagnostic.message.clone())).collect()
}

#[test]
fn a_module_of_which_nothing_is_used_is_reported_once() {
    let text = "use acme.facts\ninput { user : key }\nrule api { limit 1 req/s per user }\n";
    assert_eq!(lints(text), [(Code::RL1010, "nothing of `acme.facts` is used".to_owned())]);
}

#[test]
fn one_fact_of_a_module_is_enough() {
    assert_eq!(lints("use acme.facts\nrule api { limit 1 req/s per shop }\n"), []);
}

#[test]
fn a_file_of_declarations_is_for_others_to_use() {
    assert_eq!(lints("set office = 10.0.0.0/8\ninput { user : key }\n"), []);
}

#[test]
fn the_arms_of_a_match_are_not_conditions() {
    let text = "input { user : key  plan : plan }\nplan free {}\nrule api {\n  match plan { free => limit 1 req/s per user }\n  limit b: match plan { free => 1 req/s } per user\n}\n";
    assert_eq!(lints(text), []);
}

#[test]
fn a_plan_that_removes_what_it_inherits_is_covered() {
    let text = "input { user : key  plan : plan }\nplan free { limit rpm: 1 req/s per user }\nplan staff extends free { no limit rpm }\n";
    assert_eq!(lints(text), []);
}

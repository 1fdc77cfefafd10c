//! Lints that need more than one text, and what they leave alone.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use limitrate_compiler::{Engine, grammar::code::Code, pipeline::compile_with, source::Texts};

/// One module beside the standard library.
fn library() -> Texts {
    Texts::default().with("acme.facts", "module acme.facts\ninput { shop : key  till : key }\n")
}

fn lints(text: &str) -> Vec<(Code, String)> {
    let accepted = compile_with("policy.rl", text.as_bytes(), Engine::Interpreter, &library()).unwrap();
    let found = accepted.diagnostics.sorted().into_iter();
    found.map(|diagnostic| (diagnostic.code, diagnostic.message.clone())).collect()
}

#[test]
fn a_module_of_which_nothing_is_used_is_reported_once() {
    let text = "use acme.facts\ninput { user : key }\nrule api { limit 100 req/s per user }\n";
    assert_eq!(lints(text), [(Code::RL1010, "nothing of `acme.facts` is used".to_owned())]);
}

#[test]
fn one_fact_of_a_module_is_enough() {
    assert_eq!(lints("use acme.facts\nrule api { limit 100 req/s per shop }\n"), []);
}

#[test]
fn a_file_of_declarations_is_for_others_to_use() {
    assert_eq!(lints("set office = 10.0.0.0/8\ninput { user : key }\n"), []);
}

#[test]
fn the_arms_of_a_match_are_not_conditions() {
    let text = "input { user : key  plan : plan }\nplan free {}\nrule api {\n  match plan { free => limit 100 req/s per user }\n  limit b: match plan { free => 100 req/s } per user\n}\n";
    assert_eq!(lints(text), []);
}

#[test]
fn a_plan_that_removes_what_it_inherits_is_covered() {
    let text = "input { user : key  plan : plan }\nplan free { limit rpm: 100 req/s per user }\nplan staff extends free { no limit rpm }\n";
    assert_eq!(lints(text), []);
}

#[test]
fn tables_and_functions_that_no_rule_reaches_are_reported() {
    let text = "input { user : key  model : string }\ntable price by model : (v int) { else => 1 }\n\
                fn twice(n: int) -> int = n * 2\nrule api { limit 100 req/s per user, model }\n";
    let wanted = ["nothing uses the table `price`", "nothing uses the function `twice`"];
    assert_eq!(lints(text), wanted.map(|message| (Code::RL1010, message.to_owned())));
}

#[test]
fn what_a_function_names_for_itself_is_no_let_of_the_policy() {
    let text = "input { user : key  size : bytes }\n\
                fn half(size: bytes) -> bytes = if size > 1 MiB then size * 50% else size\n\
                rule api { limit 10 MiB/min per user costing half(size) }\n";
    assert_eq!(lints(text), []);
}

#[test]
fn what_a_call_is_written_out_to_is_not_called_unused() {
    let text = "input { user : key  n : tokens  m : string }\ntable t by m : (a tokens) { else => 2 tokens }\nfn twice(x: tokens) -> tokens = x + x\nrule api { let cost = twice(n) + t[m].a\n limit 9 tokens/s per user costing cost }\n";
    assert_eq!(lints(text), []);
}

#[test]
fn a_parameter_that_a_function_does_not_read_is_named_as_one() {
    let text = "input { user : key  n : tokens }\nfn f(x: tokens, y: tokens) -> tokens = x\nrule api { limit 9 tokens/s per user costing f(n, n) }\n";
    assert_eq!(lints(text), [(Code::RL1010, "nothing uses the parameter `y`".to_owned())]);
}

//! What a policy takes from modules, and what stays theirs.
#![expect(clippy::panic, reason = "helpers of tests fail by panicking")]

use limitrate_compiler::{
    Accepted, Engine, Policy,
    grammar::code::Code,
    pipeline::compile_with,
    source::{LoadError, Loaded, Loader, MAX_MODULES, Texts},
};

fn accepted(text: &str, modules: &Texts) -> Accepted {
    compile_with("policy.rl", text.as_bytes(), Engine::Interpreter, modules)
        .unwrap_or_else(|rejected| panic!("{:#?}", rejected.diagnostics))
}

fn program(text: &str, modules: &Texts) -> Policy {
    let accepted = accepted(text, modules);
    assert!(accepted.diagnostics.is_empty(), "{:#?}", accepted.diagnostics);
    accepted.policy
}

fn codes(text: &str, loader: &dyn Loader) -> Vec<Code> {
    match compile_with("policy.rl", text.as_bytes(), Engine::Interpreter, loader) {
        Ok(accepted) => accepted.diagnostics.sorted().iter().map(|d| d.code).collect(),
        Err(rejected) => rejected.diagnostics.sorted().iter().map(|d| d.code).collect(),
    }
}

fn limits(policy: &Policy) -> Vec<&str> {
    policy.program().limits.iter().map(|limit| limit.name.as_str()).collect()
}

const RULES: &str = "module shared.rules
use std.http
set quiet = \"/healthz\", \"/readyz\"
schedule nights = daily 22:00..06:00
rule api { if path in quiet then exempt \"probe\"  limit 10 req/min per ip }
rule batch { if now in nights then limit jobs: 5 req/min per ip }
rule other { limit 1 req/min globally }
test \"not the importer's\" { send GET \"/\" expect deny }
";

#[test]
fn an_imported_rule_applies_and_the_others_of_its_module_do_not() {
    let modules = Texts::default().with("shared.rules", RULES);
    let policy = program("use shared.rules (api, batch)", &modules);
    assert_eq!(limits(&policy), ["shared.rules.api", "shared.rules.jobs"]);
    assert_eq!(policy.program().exempts.len(), 1);
    let rules: Vec<&str> = policy.program().origins.iter().map(|origin| origin.name.as_str()).collect();
    assert_eq!(rules, ["shared.rules.api", "shared.rules.batch"]);
}

#[test]
fn a_module_without_a_list_brings_facts_only() {
    let modules = Texts::default().with("shared.rules", RULES);
    let text = "use shared.rules\nuse std.http\nrule own { limit 100 req/s per ip }";
    assert_eq!(limits(&accepted(text, &modules).policy), ["own"]);
    assert_eq!(codes(text, &modules), [Code::RL1010], "and this one has none");
}

const COSTS: &str = "module shared.costs
unit images, image
input { model : string }
table price by model : (input usd/Mtok) { \"large\" => $2.50/Mtok  else => $1/Mtok }
table most by model : (images image/day) { else => 5 images/day }
fn rounded(value: usd) -> usd = at_least(value, $0.001)
fn cost(model: string, count: tokens) -> usd = rounded(price[model].input * count)
";

#[test]
fn tables_functions_and_units_are_taken_by_name() {
    let modules = Texts::default().with("shared.costs", COSTS);
    let text = "use shared.costs (price, cost, images)\n\
                input { user : key  prompt : tokens  pictures : images }\nrule api {\n  \
                if price[model].input > $2/Mtok then limit dear: 5 images/day per user resets in \"UTC\" costing pictures\n  \
                limit money: $5/day per user resets in \"UTC\" costing cost(model, prompt) fail closed\n}";
    assert_eq!(limits(&program(text, &modules)), ["dear", "money"]);
}

#[test]
fn functions_and_tables_mean_in_a_module_what_they_mean_there() {
    let modules = Texts::default().with("shared.costs", COSTS);
    let text = "use shared.costs (cost)\ninput { user : key  prompt : tokens }\n\
                table price by model : (v int) { else => 1 }\nfn rounded(n: int) -> int = n\n\
                rule api {\n  limit money: $5/day per user resets in \"UTC\" costing cost(model, prompt) fail closed\n  \
                if rounded(price[model]) > 2 then deny\n}";
    assert_eq!(limits(&program(text, &modules)), ["money"]);
}

#[test]
fn tables_and_functions_that_are_not_taken_are_not_in_scope() {
    let modules = Texts::default().with("shared.costs", COSTS);
    for value in ["rounded($1)", "price[model].input * prompt"] {
        let text = format!(
            "use shared.costs\ninput {{ user : key  prompt : tokens }}\n\
             rule api {{ limit $5/day per user resets in \"UTC\" costing {value} }}"
        );
        assert_eq!(codes(&text, &modules), [Code::RL0101], "{value}");
    }
}

#[test]
fn names_that_are_taken_for_nothing_are_reported_each() {
    let modules = Texts::default().with("shared.costs", COSTS);
    let text = "use shared.costs (cost, most, rounded)\ninput { user : key  prompt : tokens }\n\
                rule api { limit $5/day per user resets in \"UTC\" costing cost(model, prompt) fail closed }";
    let accepted = accepted(text, &modules);
    let found = accepted.diagnostics.sorted();
    let said: Vec<(Code, &str)> = found.iter().map(|found| (found.code, found.message.as_str())).collect();
    let wanted = ["nothing uses `most` of this module", "nothing uses `rounded` of this module"];
    assert_eq!(said, wanted.map(|message| (Code::RL1010, message)));
}

#[test]
fn the_tests_of_a_module_do_not_run_with_its_importer() {
    let modules = Texts::default().with("shared.rules", RULES);
    assert_eq!(accepted("use shared.rules (api)", &modules).tests.len(), 0);
}

#[test]
fn names_mean_in_a_module_what_they_mean_there() {
    let modules = Texts::default().with("shared.rules", RULES);
    let text = "use shared.rules (api)\nuse std.http\nset quiet = \"/never\"\n\
                rule own { if path in quiet then deny }";
    let policy = program(text, &modules);
    assert_eq!((policy.program().denies.len(), policy.program().exempts.len()), (1, 1));
}

#[test]
fn what_is_private_to_a_module_is_not_seen_outside() {
    let modules = Texts::default().with("shared.rules", RULES);
    let text = "use shared.rules (api)\nuse std.http\nrule own { if path in quiet then deny }";
    assert_eq!(codes(text, &modules), [Code::RL0101]);
}

#[test]
fn limits_of_one_name_in_two_modules_are_two_counters() {
    let modules = Texts::default()
        .with("a", "module a\nuse std.http\nrule api { limit 10 req/min per ip }")
        .with("b", "module b\nuse std.http\nrule api { limit 20 req/h per ip }");
    let text = "use a (api)\nuse b (api)\nuse std.http\nrule api { limit 5 req/s per ip }\n\
                test \"t\" { send GET \"/\" expect reject by api  send GET \"/\" expect reject by b.api }";
    assert_eq!(limits(&program(text, &modules)), ["api", "a.api", "b.api"]);
}

#[test]
fn a_test_may_leave_the_module_out_of_a_limits_name() {
    let modules = Texts::default().with("shared.rules", RULES);
    let text = "use shared.rules (batch)\n\
                test \"t\" { set used jobs for ip \"192.0.2.1\" = 5 req  send GET \"/\" expect reject by jobs }";
    assert_eq!(accepted(text, &modules).tests.len(), 1);
}

#[test]
fn a_test_may_give_a_fact_that_only_a_module_looks_at() {
    let rules = "module rules\ninput { account : key }\nrule api { limit 10 req/min per account }";
    let facts = "module more\nuse rules (api)";
    let modules = Texts::default().with("rules", rules).with("more", facts);
    let text = "use rules (api)\nuse more\ntest \"t\" { given account = \"a\"  send GET \"/\" expect allow }";
    assert_eq!(accepted(text, &modules).tests.len(), 1);
}

#[test]
fn facts_of_a_used_module_are_in_scope_and_those_that_it_uses_itself_are_not() {
    let modules = Texts::default()
        .with("facts", "module facts\nuse deeper\ninput { user : key }")
        .with("deeper", "module deeper\ninput { team : key }");
    program("use facts\nrule api { limit 10 req/min per user }", &modules);
    assert_eq!(codes("use facts\nrule api { limit 10 req/min per team }", &modules), [Code::RL0101]);
}

#[test]
fn the_policys_own_declaration_may_say_more_than_a_modules() {
    let facts =
        "module facts\ninput { region : string? }\nrule api { limit 10 req/min per region ?? \"none\" }";
    let modules = Texts::default().with("facts", facts);
    let text = "use facts\ninput { region : string = \"unknown\" }\nrule own { limit 9 req/min per region }";
    let policy = program(text, &modules);
    assert_eq!(policy.program().facts.len(), 1);
    assert!(policy.program().facts[0].decl.default.is_some());
}

#[test]
fn a_policy_may_require_what_a_module_takes_as_optional_but_not_the_other_way_unseen() {
    let rules = "module rules\ninput { user : key }\nrule api { limit 10 req/min per user }";
    let modules = Texts::default().with("rules", rules);
    assert_eq!(codes("use rules (api)\ninput { user : key? }", &modules), [Code::RL0301]);
}

#[test]
fn two_modules_may_declare_a_fact_alike() {
    let modules = Texts::default()
        .with("a", "module a\ninput { tier : one of \"x\", \"y\" = \"x\" }")
        .with("b", "module b\ninput { tier: one of \"x\",\"y\"   = \"x\" }");
    program("use a\nuse b\nrule api { limit 10 req/min per tier }", &modules);
}

#[test]
fn plans_come_with_their_module_and_can_be_extended() {
    let plans = "module plans\ninput { user : key  plan : plan }\n\
                 plan free { limit rpm: 10 req/min per user }\nplan pro extends free { limit rpm: 60 req/min per user }";
    let modules = Texts::default().with("plans", plans);
    let text = "use plans\nplan gold extends pro { limit rpm: 600 req/min per user }\n\
                rule api { if plan == free then limit extra: 5 req/s per user }";
    let policy = program(text, &modules);
    assert_eq!(policy.program().plans, ["gold", "free", "pro"]);
    assert_eq!(limits(&policy).iter().filter(|name| **name == "rpm").count(), 1);
}

#[test]
fn a_hierarchy_of_a_module_holds_for_the_policy() {
    let facts = "module facts\ninput { org : key  user : key }\nhierarchy org > user";
    let modules = Texts::default().with("facts", facts);
    let text = "use facts\nrule api { limit 10 req/min per user }";
    assert_eq!(program(text, &modules).program().limits[0].keys.len(), 2);
    let same = format!("hierarchy org > user\n{text}");
    assert_eq!(program(&same, &modules).program().limits[0].keys.len(), 2);
}

#[test]
fn a_diamond_is_no_circle_and_each_module_is_read_once() {
    let modules = Texts::default()
        .with("left", "module left\nuse base (net)")
        .with("right", "module right\nuse base (net)")
        .with("base", "module base\nset net = 10.0.0.0/8");
    let accepted = accepted("use left\nuse right\nuse base (net)", &modules);
    assert_eq!(accepted.sources.iter().count(), 4);
}

#[test]
fn mistakes_in_a_module_are_reported_in_it_and_nothing_follows_from_them() {
    let modules = Texts::default()
        .with("broken", "module broken\nuse std.http\nset net = 10.0.0.0/8,\nrule api { limt 5 }");
    let text = "use broken (net, api, other)\nuse std.http\nrule own { if ip in net then deny }";
    let rejected =
        compile_with("policy.rl", text.as_bytes(), Engine::Interpreter, &modules).map(|_| ()).unwrap_err();
    let found = rejected.diagnostics.sorted();
    assert!(!found.is_empty());
    for diagnostic in found {
        assert!(diagnostic.code < Code::RL0101 && diagnostic.span().source.0 == 1, "{diagnostic:#?}");
    }
}

#[test]
fn no_text_takes_the_place_of_a_module_of_the_standard_library() {
    let modules = Texts::default().with("std.net", "module std.net\nset private = 0.0.0.0/0");
    let text = "use std.net (rfc1918)\nuse std.http\nrule own { if ip in rfc1918 then deny }";
    program(text, &modules);
}

/// As many modules as one asks for, each using the next.
struct Endless;

impl Loader for Endless {
    fn load(&self, module: &str, _: Option<&str>) -> Result<Loaded, LoadError> {
        let number: usize = module.trim_start_matches('m').parse().map_err(|_| LoadError::NotFound)?;
        let text = format!("module {module}\nuse m{}", number + 1);
        Ok(Loaded { bytes: text.into_bytes(), shown: module.to_owned(), identity: module.to_owned() })
    }

    fn names(&self, _: Option<&str>) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn modules_without_end_are_refused_at_the_bound() {
    let rejected =
        compile_with("policy.rl", b"use m1", Engine::Interpreter, &Endless).map(|_| ()).unwrap_err();
    let found = rejected.diagnostics.sorted();
    assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::RL0606]);
    assert_eq!(rejected.sources.iter().count(), MAX_MODULES + 1);
}

//! Every module of the standard library compiles by itself, says what it offers, and is formatted.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests fail by panicking"
)]

use limitrate_compiler::{
    Engine, compile,
    grammar::{ast::ItemKind, format, parse, span::SourceId},
    source::{Loader as _, StandardLibrary},
};

fn modules() -> Vec<(String, String)> {
    let text = |name: &str| String::from_utf8(StandardLibrary.load(name, None).unwrap().bytes).unwrap();
    StandardLibrary.names(None).into_iter().map(|name| (text(&name), name)).map(|(t, n)| (n, t)).collect()
}

#[test]
fn each_module_compiles_without_a_finding() {
    for (name, text) in modules() {
        let accepted = compile(&name, text.as_bytes(), Engine::Interpreter)
            .unwrap_or_else(|rejected| panic!("{name}: {:#?}", rejected.diagnostics));
        assert!(accepted.diagnostics.is_empty(), "{name}: {:#?}", accepted.diagnostics);
    }
}

#[test]
fn each_module_opens_with_its_name_and_is_formatted() {
    for (name, text) in modules() {
        assert!(text.starts_with(&format!("# {name}: ")), "{name} does not say what it offers");
        assert!(text.contains(&format!("\nmodule {name}\n")), "{name} calls itself something else");
        assert_eq!(format(&text).unwrap(), text, "{name} is not formatted");
    }
}

#[test]
fn everything_that_a_module_offers_is_documented() {
    for (name, text) in modules() {
        for item in parse(SourceId::default(), text.as_bytes()).file.items {
            let starts = match &item.kind {
                ItemKind::Input(facts) => facts.iter().map(|fact| fact.span.start).collect(),
                ItemKind::Edition(_) | ItemKind::Module(_) | ItemKind::Use(_) | ItemKind::Test(_) => {
                    Vec::new()
                }
                _ => vec![item.span.start],
            };
            for start in starts {
                let (before, rest) = text.split_at(start as usize);
                let line = before.trim_end().lines().next_back().unwrap_or_default().trim_start();
                let what = rest.lines().next().unwrap_or_default();
                assert!(line.starts_with("## "), "{name}: `{what}` is not documented");
            }
        }
    }
}

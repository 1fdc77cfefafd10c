//! A text that parses can be formatted: to the same tree, and to what formatting does not change again.
#![no_main]

#[path = "../../grammar/tests/common/mod.rs"]
mod common;

use common::{outline, read};
use libfuzzer_sys::fuzz_target;
use limitrate_grammar::{ast::ItemKind, format};

/// The tree without the line that formatting adds.
fn tree(text: &str) -> String {
    let mut file = read(text).file;
    file.items.retain(|item| !matches!(item.kind, ItemKind::Edition(_)));
    outline(&file)
}

fuzz_target!(|text: &str| {
    let Ok(once) = format(text) else { return };
    let again = read(&once).diagnostics;
    assert!(!again.has_errors(), "formatted, it does not parse: {:?}\n{once}", again.sorted());
    assert_eq!(tree(text), tree(&once), "formatting changed the tree\n{once}");
    assert_eq!(format(&once).ok(), Some(once), "formatting twice changes something");
});

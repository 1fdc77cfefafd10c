//! The dependencies between the crates, and what the pure ones may not pull in.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, PackageId};

/// Which crates of the workspace each may depend on. An edge that is not here fails the test.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("limitrate-core", &[]),
    ("limitrate-grammar", &["limitrate-core"]),
    ("limitrate-stdlib", &[]),
    ("limitrate-compiler", &["limitrate-core", "limitrate-grammar", "limitrate-stdlib"]),
    ("limitrate-runtime", &["limitrate-core", "limitrate-compiler"]),
    (
        "limitrate-testkit",
        &["limitrate-core", "limitrate-grammar", "limitrate-compiler", "limitrate-runtime"],
    ),
    ("limitrate", &["limitrate-core", "limitrate-compiler", "limitrate-runtime"]),
    (
        "limitrate-oracle",
        &[
            "limitrate-core",
            "limitrate-grammar",
            "limitrate-compiler",
            "limitrate-runtime",
            "limitrate-testkit",
        ],
    ),
    ("limitrate-cli", &["limitrate-core", "limitrate-compiler", "limitrate-runtime", "limitrate-testkit"]),
];

/// The crates that are pure, and what would make them impure, at any depth and behind any feature.
const PURE: [&str; 4] = ["limitrate-core", "limitrate-grammar", "limitrate-stdlib", "limitrate-compiler"];
const IMPURE: [&str; 12] = [
    "tokio",
    "async-std",
    "smol",
    "redis",
    "rusqlite",
    "sqlx",
    "postgres",
    "axum",
    "hyper",
    "actix-web",
    "notify",
    "reqwest",
];

#[test]
fn crates_depend_only_on_what_the_architecture_lists() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata");
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(name, edges)| (*name, edges.iter().copied().collect())).collect();
    let members: BTreeSet<&str> = metadata.workspace_packages().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(members, allowed.keys().copied().collect(), "the list of crates is out of date");
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            let ours = members.contains(dependency.name.as_str());
            if ours && dependency.kind == DependencyKind::Normal {
                let listed = allowed[package.name.as_str()].contains(dependency.name.as_str());
                assert!(listed, "{} may not depend on {}", package.name, dependency.name);
            }
        }
    }
}

#[test]
fn pure_crates_pull_in_no_runtime_driver_or_framework() {
    let metadata = MetadataCommand::new()
        .features(cargo_metadata::CargoOpt::AllFeatures)
        .exec()
        .expect("cargo metadata");
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let edges: BTreeMap<&PackageId, Vec<&PackageId>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let normal =
                node.deps.iter().filter(|d| d.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal));
            (&node.id, normal.map(|d| &d.pkg).collect())
        })
        .collect();
    for pure in PURE {
        let root = metadata.packages.iter().find(|p| p.name.as_str() == pure).expect("a member");
        let mut seen = BTreeSet::new();
        let mut open = vec![&root.id];
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(edges[id].iter().copied());
            }
        }
        for id in seen {
            let name = metadata[id].name.as_str();
            assert!(!IMPURE.contains(&name), "{pure} pulls in {name}");
        }
    }
}

//! The stock of facts that generated policies declare.

use super::{Ty, Writer};

/// A fact that a policy has in scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) ty: Ty,
    /// It may be absent.
    pub(super) optional: bool,
    /// It is known only after the response.
    pub(super) after: bool,
}

/// The members of `region` and `tier`.
const REGIONS: &[&str] = &["us", "eu", "ap"];
const TIERS: &[&str] = &["a", "b"];

/// A fact with its type as written, what may follow it, and how often in a hundred policies it is declared.
type Stock = (&'static str, Ty, &'static str, &'static [&'static str], usize);

/// What a policy may declare. A tail that begins with `?` makes the fact optional.
const STOCK: &[Stock] = &[
    ("user", Ty::Key, "key", &[""], 100),
    ("org", Ty::Key, "key", &[""], 40),
    ("team", Ty::Key, "key", &["?"], 40),
    ("account", Ty::Key, "key", &["?", "? from header \"x-account\"", "? untrusted"], 50),
    ("entry", Ty::Key, "key", &["? from descriptor \"entry\""], 15),
    ("session", Ty::Key, "key", &["? from cookie \"session\"", "? from cookie \"s\" untrusted"], 20),
    ("nick", Ty::Text, "string", &["?", "? from query \"nick\"", "? untrusted"], 50),
    ("name", Ty::Text, "string", &["", "", " = \"ada\""], 70),
    ("model", Ty::Text, "string", &["", " = \"small\""], 40),
    ("origin", Ty::Text, "string", &["? from header \"cf-ipcountry\" trusted"], 20),
    (
        "region",
        Ty::OneOf(REGIONS),
        "one of \"us\", \"eu\", \"ap\"",
        &["", " = \"eu\"", " else \"ap\"", " = \"us\" else \"eu\""],
        70,
    ),
    ("tier", Ty::OneOf(TIERS), "one of \"a\", \"b\"", &["", " = \"a\" else \"b\"", "?"], 50),
    ("size", Ty::Amount("bytes"), "bytes", &["", " = 2 KiB"], 50),
    ("hits", Ty::Amount("req"), "req", &["", " = 3 req", "?"], 40),
    ("asked", Ty::Amount("calls"), "calls", &["", " = 1 call"], 25),
    ("score", Ty::Amount("points"), "points", &["", "? else 7 points"], 25),
    ("tok", Ty::Amount("tokens"), "tokens", &["", " = 10 tokens"], 50),
    ("spent", Ty::Amount("usd"), "usd", &["", " = $0.10", "?"], 30),
    ("paid", Ty::Amount("eur"), "eur", &["", "?"], 20),
    ("n", Ty::Int, "int", &["", " = 7", "?"], 50),
    ("m", Ty::Int, "int in 0..100", &["", " = 5 else 100"], 50),
    ("few", Ty::Few, "int in 1..9", &["", " = 2"], 40),
    ("beta", Ty::Bool, "bool", &["", " = false", "?"], 50),
    ("ratio", Ty::Percent, "percent", &["", " = 10%"], 40),
    ("share", Ty::Percent, "ratio", &["", "?"], 20),
    ("lag", Ty::Duration, "duration", &["", " = 2 s"], 40),
    ("born", Ty::Instant, "instant", &["", "?"], 30),
    ("due", Ty::Date, "date", &["", " = 2026-12-25"], 30),
    ("hour", Ty::Clock, "clock", &["", " = 09:00"], 25),
    ("far", Ty::Ip, "ip", &["", "?", " = 192.0.2.1"], 40),
    ("fare", Ty::Price("usd/Mtok"), "usd/Mtok", &["", " = $2.50/Mtok"], 20),
    ("usage.output", Ty::Amount("tokens"), "tokens", &[" after response"], 30),
    ("usage.input", Ty::Amount("tokens"), "tokens", &["? after response"], 20),
    ("usage.cost", Ty::Amount("usd"), "usd", &[" after response"], 20),
    ("usage.model", Ty::Text, "string", &[" after response"], 15),
];

/// What `std.http` brings.
const HTTP: &[(&str, Ty, bool, bool)] = &[
    ("method", Ty::Text, false, false),
    ("path", Ty::Text, false, false),
    ("host", Ty::Text, false, false),
    ("ip", Ty::Ip, false, false),
    ("body_size", Ty::Amount("bytes"), false, false),
    ("user_agent", Ty::Text, true, false),
    ("country", Ty::Text, true, false),
    ("response.status", Ty::Int, false, true),
    ("response.size", Ty::Amount("bytes"), false, true),
];

impl Writer<'_> {
    /// Declares some facts, in any order.
    pub(super) fn inputs(&mut self) {
        let mut lines = Vec::new();
        for &(name, ty, written, tails, often) in STOCK {
            if !self.random.chance(often) {
                continue;
            }
            let tail = self.random.pick(tails);
            let (optional, after) = (tail.starts_with('?') && !tail.contains(" = "), tail.contains("after"));
            self.facts.push(Fact { name, ty, optional, after });
            lines.push(format!("  {name} : {written}{tail}"));
        }
        if self.images {
            self.facts.push(Fact { name: "pics", ty: Ty::Amount("images"), optional: false, after: false });
            lines.push("  pics : images".to_owned());
        }
        if !self.plans.is_empty() {
            let tail = self.random.pick(&["", " = free", " else pro", " = pro else free"]);
            self.facts.push(Fact { name: "plan", ty: Ty::Plan, optional: false, after: false });
            lines.push(format!("  plan : plan{tail}"));
        }
        if self.http {
            self.facts.extend(HTTP.iter().map(|&(name, ty, optional, after)| Fact {
                name,
                ty,
                optional,
                after,
            }));
        }
        self.random.shuffle(&mut lines);
        self.line(&format!("input {{\n{}\n}}", lines.join("\n")));
    }

    /// Whether a fact is declared.
    pub(super) fn has(&self, name: &str) -> bool {
        self.facts.iter().any(|fact| fact.name == name)
    }

    /// Facts of a type that are there in any request; with those of the response where they may be used.
    pub(super) fn facts_of(&self, wanted: Ty) -> Vec<&'static str> {
        let certain = |fact: &&Fact| {
            (!fact.optional || self.present.contains(&fact.name)) && (!fact.after || self.after)
        };
        let suits = |ty: Ty| match (ty, wanted) {
            (Ty::Few, Ty::Int) | (Ty::Key, Ty::Text) => true,
            (ty, wanted) => ty == wanted,
        };
        // What a path or a method is compared with must be able to be one; they have tests of their own.
        // A text of the response is compared with constants only.
        let plain = |fact: &&Fact| !matches!(fact.name, "path" | "method" | "usage.model");
        let facts = self.facts.iter().filter(|fact| suits(fact.ty)).filter(certain).filter(plain);
        facts.map(|fact| fact.name).collect()
    }

    /// Facts of a request that may be absent.
    pub(super) fn optional_of(&self, wanted: Ty) -> Vec<&'static str> {
        let open = |fact: &&Fact| fact.optional && !fact.after && !self.present.contains(&fact.name);
        self.facts.iter().filter(|fact| fact.ty == wanted).filter(open).map(|fact| fact.name).collect()
    }
}

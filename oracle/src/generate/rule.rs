//! Rules and their statements.

use super::{Ty, Writer};

/// How deep branches nest.
const DEPTH: usize = 3;

impl Writer<'_> {
    pub(super) fn rule(&mut self) {
        let name = self.name("rule");
        let head = match self.random.below(8) {
            0 => format!("shadow rule {name}"),
            1 => format!("rule {name} rollout {}% by user", 5 + self.random.below(90)),
            2 => format!("rule {name} per user"),
            _ => format!("rule {name}"),
        };
        let on = self.on();
        let (lets, present) = (self.lets.len(), self.present.len());
        let mut body = Vec::new();
        if self.random.chance(10) {
            body.extend(self.guard());
        }
        for _ in 0..1 + self.random.below(3) {
            body.push(self.statement(DEPTH));
        }
        if head.ends_with("per user") {
            // The limit has its rule's key and name.
            body.push(format!("limit {} req/min", 3 + self.random.below(30)));
        }
        self.lets.truncate(lets);
        self.present.truncate(present);
        self.line(&format!("{head} {{\n{on}  {}\n}}", body.join("\n  ")));
    }

    fn on(&mut self) -> String {
        if !self.http || self.random.chance(50) {
            return String::new();
        }
        let on = self.random.pick(&[
            "GET \"/v1/**\"",
            "POST \"/v1/items\", GET \"/v1/items/:id\", \"/other\"",
            "\"/**\"",
            "ANY \"/v1/items\"",
            "HEAD \"/v1/items\", OPTIONS \"/v1/**\"",
            "PUT \"/v1/*/parts\", PATCH \"/v1/items/:id/**\", DELETE \"/\"",
        ]);
        format!("  on {on}\n")
    }

    /// From here on an optional fact is there.
    fn guard(&mut self) -> Option<String> {
        let mut optional = self.optional_of(Ty::Key);
        optional.extend(self.optional_of(Ty::Text));
        let fact = self.some(&optional)?;
        self.present.push(fact);
        Some(format!("if {fact} is missing then deny 401"))
    }

    fn statement(&mut self, depth: usize) -> String {
        let plain = depth == 0 || self.random.chance(45);
        if plain {
            return match self.random.below(12) {
                0 => format!("deny {} \"{}\"", 400 + self.random.below(50), self.message()),
                1 => self.one(&["deny", "deny 418", "exempt \"why not\"", "exempt"]),
                _ => self.limit(),
            };
        }
        let depth = depth - 1;
        match self.random.below(9) {
            0..=2 => {
                let condition = self.condition(2);
                format!("if {condition} then {}", self.block(depth))
            }
            3 | 4 => {
                let condition = self.condition(2);
                format!("if {condition} then {} else {}", self.block(depth), self.block(depth))
            }
            5 => self.shared(),
            6 => self.cases(depth),
            _ => self.binding(depth),
        }
    }

    fn block(&mut self, depth: usize) -> String {
        let (lets, present) = (self.lets.len(), self.present.len());
        let statements: Vec<String> = (0..1 + self.random.below(2)).map(|_| self.statement(depth)).collect();
        self.lets.truncate(lets);
        self.present.truncate(present);
        format!("{{ {} }}", statements.join("\n    "))
    }

    /// Two branches that count on one counter.
    fn shared(&mut self) -> String {
        let (condition, name) = (self.condition(2), self.name("limit"));
        let (a, b) = (self.ceiling(1), self.ceiling(1));
        format!("if {condition} then limit {name}: {a} per user\n  else limit {name}: {b} per user")
    }

    fn cases(&mut self, depth: usize) -> String {
        let mut subjects = Vec::new();
        if self.has("region") {
            subjects.push(("region", ["\"us\"", "\"eu\"", "else"]));
        }
        if !self.plans.is_empty() {
            subjects.push(("plan", ["free", "pro", "max"]));
        }
        for fact in self.facts_of(Ty::Text) {
            subjects.push((fact, ["\"ada\", \"x\"", "\"bob\"", "else"]));
        }
        for fact in self.facts_of(Ty::Ip) {
            subjects.push((fact, ["10.0.0.0/8", "192.0.2.7", "else"]));
        }
        let Some((subject, patterns)) = self.some(&subjects) else { return self.limit() };
        let arms: Vec<String> =
            patterns.iter().map(|pattern| format!("{pattern} => {}", self.block(depth))).collect();
        format!("match {subject} {{ {} }}", arms.join(" "))
    }

    fn binding(&mut self, depth: usize) -> String {
        const TYPES: &[Ty] = &[
            Ty::Int,
            Ty::Bool,
            Ty::Amount("tokens"),
            Ty::Amount("usd"),
            Ty::Amount("bytes"),
            Ty::Duration,
            Ty::Percent,
            Ty::Text,
            Ty::Instant,
        ];
        let ty = self.some(TYPES).unwrap_or(Ty::Int);
        let value = if ty == Ty::Bool { self.solid(2) } else { self.value(ty, 2) };
        let name = self.name("let");
        self.lets.push((name.clone(), ty));
        format!("let {name} = {value}\n  {}", self.statement(depth))
    }
}

//! Declarations: modules, facts, plans, sets, tables, functions, schedules.

use super::{Ty, Writer};

/// A declared table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    /// The types of its keys, and the facts it is declared by.
    pub(super) keys: Vec<(&'static str, Ty)>,
    /// The columns; a table of one may be read without naming it.
    pub(super) columns: Vec<(&'static str, Ty)>,
}

/// The parameters of a function with their types as written, and what it gives.
type Shape = (&'static [(&'static str, Ty)], &'static str, Ty);

/// Constants of every plan: name, type and one value for each.
const CONSTANTS: &[(&str, [&str; 3])] = &[
    ("quota", ["5 req/min", "20 req/min", "unlimited"]),
    ("cap", ["4 KiB", "1 MiB", "2 GiB"]),
    ("label", ["\"small\"", "\"middle\"", "\"large\""]),
    ("seats", ["1", "5", "1_000"]),
    ("part", ["10%", "50%", "100%"]),
    ("purse", ["$0.50", "$5", "$20k"]),
    ("calm", ["1 s", "250 ms", "2 min"]),
    ("open", ["false", "true", "true"]),
];

impl Writer<'_> {
    pub(super) fn declarations(&mut self) {
        if self.random.chance(40) {
            self.line("edition 2026");
        }
        if self.random.chance(10) {
            self.line("module made.up");
        }
        self.http = self.random.chance(85);
        self.modules();
        if self.random.chance(60) {
            self.plans = vec!["free", "pro", "max"];
        }
        self.inputs();
        self.hierarchy = self.has("org") && self.has("team") && self.random.chance(60);
        if self.hierarchy {
            self.line("hierarchy org > team? > user");
        }
        self.named_sets();
        self.times();
        self.named_tables();
        self.named_functions();
        self.ladder();
        if self.random.chance(15) {
            self.line("budget { charges <= 64 per request  round trips <= 64 per request  steps <= 1_000_000 per request }");
        }
    }

    fn modules(&mut self) {
        if self.http {
            self.line("use std.http");
        }
        match self.random.below(8) {
            0 => {
                self.images = true;
                self.line("use std.units");
            }
            1 | 2 => {
                self.images = true;
                self.line("unit images, image");
            }
            _ => {}
        }
        if self.random.chance(15) {
            self.line("use std.net (private, loopback)");
            self.sets.extend(["private", "loopback"].map(|set| (set.to_owned(), Ty::Ip)));
        }
        if self.random.chance(15) {
            self.line("use std.time (utc_nights, utc_weekends)");
            self.schedules.extend(["utc_nights", "utc_weekends"].map(str::to_owned));
        }
        if self.http && self.random.chance(10) {
            self.line("use std.patterns (login, search)");
        }
        if self.http && self.random.chance(10) {
            self.line("use std.geo (benelux)");
            self.sets.push(("benelux".to_owned(), Ty::Text));
        }
    }

    fn named_sets(&mut self) {
        for _ in 0..self.random.below(4) {
            let name = self.name("set");
            let (members, ty) = match self.random.below(5) {
                0 | 1 => ("10.0.0.0/24, 2001:db8::/64, 192.0.2.7", Ty::Ip),
                2 => ("10.0.0.0/8, 10.0.1.0/24, 203.0.113.128/25", Ty::Ip),
                3 => ("\"ada\", \"bob\", \"x\"", Ty::Text),
                _ => ("1, 5, 40, 1_000", Ty::Int),
            };
            self.line(&format!("set {name} = {members}"));
            self.sets.push((name, ty));
        }
    }

    fn times(&mut self) {
        for _ in 0..self.random.below(3) {
            let name = self.name("days");
            let zone = self.random.pick(&["", " in \"Europe/Berlin\"", " in \"America/New_York\""]);
            self.line(&format!("calendar {name} = 2026-01-06, 2026-12-25, 2027-01-01{zone}"));
            self.calendars.push(name);
        }
        for _ in 0..self.random.below(3) {
            let name = self.name("hours");
            let span = self.random.pick(&[
                "mon..fri 09:00..17:00",
                "daily 22:00..06:00",
                "sat..mon 00:00..00:00",
                "daily 02:15..02:45, tue 12:00..12:01",
                "sun 01:30..03:30",
            ]);
            let zone = self.random.pick(&[
                "",
                " in \"Europe/Paris\"",
                " in \"America/New_York\"",
                " in \"Asia/Kolkata\"",
            ]);
            let calendars = self.calendars.clone();
            let except = self.some(&calendars).map_or(String::new(), |days| format!(" except {days}"));
            let except = if self.random.chance(50) { except } else { String::new() };
            self.line(&format!("schedule {name} = {span}{zone}{except}"));
            self.schedules.push(name);
        }
    }

    fn named_tables(&mut self) {
        let text = ["name", "model"].into_iter().find(|name| self.facts_of(Ty::Text).contains(name));
        if let Some(by) = text
            && self.random.chance(60)
        {
            let name = self.name("table");
            self.line(&format!(
                "table {name} by {by} : (input usd/Mtok, output usd/GiB, kind string, weight int) {{\n  \
                 \"ada\" => $2.50/Mtok, $0.09/GiB, \"x\", 3\n  \
                 \"bob\", \"small\" => $0.000001/Mtok, $9/GiB, \"ada\", 1_000\n  \
                 else => $75/Mtok, $0.000000000001/GiB, \"other\", 0\n}}"
            ));
            let columns = vec![
                ("input", Ty::Price("usd/Mtok")),
                ("output", Ty::Price("usd/GiB")),
                ("kind", Ty::Text),
                ("weight", Ty::Int),
            ];
            self.tables.push(Table { name, keys: vec![(by, Ty::Text)], columns });
        }
        let region = self.facts.iter().find(|fact| fact.name == "region").map(|fact| fact.ty);
        if let Some(ty) = region
            && self.random.chance(60)
        {
            let name = self.name("table");
            self.line(&format!(
                "table {name} by region : (rate req/min) {{\n  \"us\" => 5 req/min\n  \"eu\" => unlimited\n  \
                 else => 9 req/min\n}}"
            ));
            self.tables.push(Table { name, keys: vec![("region", ty)], columns: vec![("", Ty::Rate)] });
        }
        if let Some(ty) = region
            && self.facts_of(Ty::Int).contains(&"m")
            && self.random.chance(50)
        {
            let name = self.name("table");
            self.line(&format!(
                "table {name} by region, m : (pause duration, room bytes, lit bool) {{\n  \
                 \"us\", 5 => 3 s, 7 KiB, true\n  \"us\", else => 1 min, 0 bytes, false\n  \
                 \"eu\", 40 => 10 ms, 1 MiB, true\n  else => 1 h, 3 GiB, false\n}}"
            ));
            let keys = vec![("region", ty), ("m", Ty::Int)];
            let columns = vec![("pause", Ty::Duration), ("room", Ty::Amount("bytes")), ("lit", Ty::Bool)];
            self.tables.push(Table { name, keys, columns });
        }
    }

    /// Functions: those later in the text may call those before.
    fn named_functions(&mut self) {
        const SHAPES: &[Shape] = &[
            (&[("int", Ty::Int), ("int in 1..100", Ty::Few)], "int", Ty::Int),
            (&[("tokens", Ty::Amount("tokens")), ("percent", Ty::Percent)], "tokens", Ty::Amount("tokens")),
            (&[("string", Ty::Text), ("bytes", Ty::Amount("bytes"))], "bool", Ty::Bool),
            (&[("string", Ty::Text)], "string", Ty::Text),
            (&[("usd", Ty::Amount("usd")), ("int", Ty::Int)], "usd", Ty::Amount("usd")),
            (&[], "bytes", Ty::Amount("bytes")),
            (&[("duration", Ty::Duration)], "duration", Ty::Duration),
        ];
        for _ in 0..self.random.below(4) {
            let Some((params, result, ty)) = self.some(SHAPES) else { continue };
            let name = self.name("fn");
            let mut written = Vec::new();
            let before = self.lets.len();
            for (word, ty) in params {
                let param = self.name("p");
                written.push(format!("{param}: {word}"));
                self.lets.push((param, *ty));
            }
            let body = self.value(ty, 2);
            self.lets.truncate(before);
            self.line(&format!("fn {name}({}) -> {result} = {body}", written.join(", ")));
            self.functions.push((name, params.iter().map(|(_, ty)| *ty).collect(), ty));
        }
    }

    /// Plans, each extending the one before or none.
    fn ladder(&mut self) {
        let plans = self.plans.clone();
        if plans.is_empty() {
            return;
        }
        let (extends, limits, apart) =
            (self.random.chance(60), self.random.chance(70), self.random.chance(40));
        let name = self.name("limit");
        let key = if self.random.chance(50) { "per user" } else { "globally" };
        let other = self.name("limit");
        for (step, plan) in plans.iter().enumerate() {
            let head = match step.checked_sub(1).and_then(|below| plans.get(below)) {
                Some(below) if extends => format!("plan {plan} extends {below} {{"),
                _ => format!("plan {plan} {{"),
            };
            self.line(&head);
            for (constant, values) in CONSTANTS {
                let value = values.get(step).copied().unwrap_or_default();
                // What is not replaced is inherited.
                if step == 0 || !extends || self.random.chance(60) {
                    self.line(&format!("  {constant} = {value}"));
                }
            }
            let ceiling = 4 + 7 * step + self.random.below(9);
            if limits && step == 2 && extends && apart {
                self.line(&format!("  no limit {name}"));
            } else if limits {
                self.line(&format!("  limit {name}: {ceiling} req/min {key} using sliding_log"));
            }
            if limits && self.http && step < 2 {
                self.line(&format!("  limit {other}: {ceiling} req/h per user burst 2 req on POST \"/v1/items\", GET \"/v1/**\""));
            }
            self.line("}");
        }
    }
}

//! Expressions of each type.

use super::{Ty, Writer};

/// Texts that policies mention and requests bring.
const TEXTS: &[&str] = &["ada", "bob", "eve", "Ada", "x", "", "a-long-name", "small", "other"];

impl Writer<'_> {
    /// An expression of a type, never absent.
    pub(super) fn value(&mut self, ty: Ty, depth: usize) -> String {
        if depth == 0 || self.random.chance(35) {
            return self.leaf(ty);
        }
        let depth = depth - 1;
        match self.random.below(10) {
            0 if ty != Ty::Few => {
                let (condition, then, otherwise) =
                    (self.solid(depth.min(1)), self.value(ty, depth), self.value(ty, depth));
                format!("(if {condition} then {then} else {otherwise})")
            }
            1 if ty != Ty::Few => self.choice(ty, depth),
            2 => self.call(ty, depth).unwrap_or_else(|| self.leaf(ty)),
            3 => self.coalesce(ty, depth).unwrap_or_else(|| self.leaf(ty)),
            _ => self.operation(ty, depth),
        }
    }

    /// A `match` over what has few values.
    fn choice(&mut self, ty: Ty, depth: usize) -> String {
        let mut subjects = Vec::new();
        for fact in self.facts_of(Ty::Bool) {
            subjects.push((fact, vec!["true", "false"]));
        }
        if self.has("region") {
            subjects.push(("region", vec!["\"us\", \"ap\"", "\"eu\""]));
            subjects.push(("region", vec!["\"eu\"", "else"]));
        }
        if !self.plans.is_empty() {
            subjects.push(("plan", vec!["free", "pro", "max"]));
            subjects.push(("plan", vec!["max", "else"]));
        }
        for fact in self.facts_of(Ty::Int) {
            subjects.push((fact, vec!["1, 5", "7", "else"]));
        }
        for fact in self.facts_of(Ty::Ip) {
            subjects.push((fact, vec!["10.0.0.0/8", "2001:db8::/32", "else"]));
        }
        let sets: Vec<String> =
            self.sets.iter().filter(|(_, of)| *of == Ty::Text).map(|(name, _)| name.clone()).collect();
        let set = self.some(&sets).unwrap_or_else(|| "\"bob\"".to_owned());
        let texts = self.facts_of(Ty::Text);
        for fact in &texts {
            subjects.push((fact, vec!["\"x\"", &set, "else"]));
        }
        let Some((subject, patterns)) = self.some(&subjects) else { return self.leaf(ty) };
        let arms: Vec<String> =
            patterns.iter().map(|pattern| format!("{pattern} => {}", self.value(ty, depth))).collect();
        format!("(match {subject} {{ {} }})", arms.join(", "))
    }

    fn call(&mut self, ty: Ty, depth: usize) -> Option<String> {
        let functions: Vec<_> = self.functions.iter().filter(|(.., result)| *result == ty).cloned().collect();
        let (name, params, _) = self.some(&functions)?;
        let arguments: Vec<String> = params.iter().map(|param| self.value(*param, depth)).collect();
        Some(format!("{name}({})", arguments.join(", ")))
    }

    fn coalesce(&mut self, ty: Ty, depth: usize) -> Option<String> {
        let mut optional = self.optional_of(ty);
        if ty == Ty::Text {
            optional.extend(self.optional_of(Ty::Key));
        }
        let first = self.some(&optional)?;
        let otherwise = self.value(ty, depth);
        let second = self.some(&optional).filter(|second| *second != first && self.random.chance(30));
        Some(match second {
            Some(second) => format!("({first} ?? {second} ?? {otherwise})"),
            None => format!("({first} ?? {otherwise})"),
        })
    }

    /// An operation that gives the type.
    fn operation(&mut self, ty: Ty, depth: usize) -> String {
        match ty {
            Ty::Int => self.whole(depth),
            Ty::Percent => self.percent(depth),
            Ty::Amount(unit) => self.amount(unit, depth),
            Ty::Duration => self.duration(depth),
            Ty::Instant => {
                let sign = self.random.pick(&["+", "-"]);
                format!("({} {sign} {})", self.value(ty, depth), self.value(Ty::Duration, depth))
            }
            Ty::Text => format!("lower({})", self.value(ty, depth)),
            Ty::Bool => format!("({})", self.solid(depth)),
            Ty::Rate => format!("({} * {})", self.value(ty, depth), self.value(Ty::Percent, 0)),
            Ty::Few => format!("at_least({}, 1)", self.value(Ty::Int, depth)),
            Ty::Price(_) | Ty::Date | Ty::Clock | Ty::Key | Ty::Ip | Ty::OneOf(_) | Ty::Plan => self.leaf(ty),
        }
    }

    fn whole(&mut self, depth: usize) -> String {
        let (a, b) = (self.value(Ty::Int, depth), self.value(Ty::Int, depth));
        match self.random.below(9) {
            0 => format!("({a} + {b})"),
            1 => format!("({a} - {b})"),
            2 => format!("({a} * {b})"),
            3 => format!("({a} * {})", self.value(Ty::Percent, depth)),
            4 => format!("divide({a}, {b}, {})", self.value(Ty::Int, 0)),
            5 => format!("({a} / {})", self.value(Ty::Few, depth)),
            6 => format!("len({})", self.value(Ty::Text, depth)),
            7 => format!("clamp({a}, 0, {})", self.random.below(50)),
            _ => format!("{}({a}, {b})", self.random.pick(&["at_least", "at_most"])),
        }
    }

    fn percent(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => {
                let unit = self.random.pick(&["bytes", "tokens", "req", "usd"]);
                let unit = ["bytes", "tokens", "req", "usd"].into_iter().find(|known| *known == unit);
                let unit = unit.unwrap_or("req");
                let divisor = match unit {
                    "usd" => "$0.07",
                    "bytes" => "7 KiB",
                    "tokens" => "3 tokens",
                    _ => "3 req",
                };
                format!("({} / {divisor})", self.value(Ty::Amount(unit), depth))
            }
            1 => format!("({} / 3 s)", self.value(Ty::Duration, depth)),
            2 => {
                let (a, b) = (self.value(Ty::Duration, depth), self.value(Ty::Duration, depth));
                format!("divide({a}, {b}, 5%)")
            }
            3 => format!("({} + {})", self.value(Ty::Percent, depth), self.value(Ty::Percent, depth)),
            _ => format!("at_most({}, 150%)", self.value(Ty::Percent, depth)),
        }
    }

    fn amount(&mut self, unit: &'static str, depth: usize) -> String {
        let ty = Ty::Amount(unit);
        let a = self.value(ty, depth);
        match self.random.below(8) {
            0 => format!("({a} + {})", self.value(ty, depth)),
            1 => format!("({a} - {})", self.value(ty, depth)),
            2 => format!("({a} * {})", self.value(Ty::Int, depth)),
            3 => format!("({} * {a})", self.value(Ty::Percent, depth)),
            4 => format!("({a} / {})", self.value(Ty::Few, depth)),
            5 => format!("{}({a}, {})", self.random.pick(&["at_least", "at_most"]), self.value(ty, depth)),
            6 if unit == "usd" => {
                let (price, of) = self
                    .some(&[("usd/Mtok", "tokens"), ("usd/GiB", "bytes")])
                    .unwrap_or(("usd/Mtok", "tokens"));
                format!("({} * {})", self.value(Ty::Price(price), depth), self.value(Ty::Amount(of), depth))
            }
            6 if unit == "eur" => format!("(0.04 eur/point * {})", self.value(Ty::Amount("points"), depth)),
            _ => format!("divide({a}, {}, {})", self.value(Ty::Int, depth), self.leaf(ty)),
        }
    }

    fn duration(&mut self, depth: usize) -> String {
        let a = self.value(Ty::Duration, depth);
        match self.random.below(6) {
            0 => format!("({a} + {})", self.value(Ty::Duration, depth)),
            1 => format!("({a} - {})", self.value(Ty::Duration, depth)),
            2 => format!("({a} * {})", self.value(Ty::Int, depth)),
            3 => format!("({a} * {})", self.value(Ty::Percent, depth)),
            4 => format!("({a} / {})", self.value(Ty::Few, depth)),
            _ => format!("({} - {})", self.value(Ty::Instant, depth), self.value(Ty::Instant, depth)),
        }
    }

    /// Something without operators: a fact, a `let`, a constant of the plan, a table's column, a literal.
    pub(super) fn leaf(&mut self, ty: Ty) -> String {
        let mut choices: Vec<String> = self.facts_of(ty).into_iter().map(str::to_owned).collect();
        choices.extend(self.lets.iter().filter(|(_, of)| *of == ty).map(|(name, _)| name.clone()));
        if !self.plans.is_empty() {
            let constant = match ty {
                Ty::Rate => Some("quota"),
                Ty::Amount("bytes") => Some("cap"),
                Ty::Text => Some("label"),
                Ty::Int => Some("seats"),
                Ty::Percent => Some("part"),
                Ty::Amount("usd") => Some("purse"),
                Ty::Duration => Some("calm"),
                Ty::Bool => Some("open"),
                Ty::Few
                | Ty::Amount(_)
                | Ty::Price(_)
                | Ty::Instant
                | Ty::Date
                | Ty::Clock
                | Ty::Key
                | Ty::Ip
                | Ty::OneOf(_)
                | Ty::Plan => None,
            };
            choices.extend(constant.map(|constant| format!("plan.{constant}")));
        }
        let tables = self.tables.clone();
        for table in &tables {
            for (column, _) in table.columns.iter().filter(|(_, of)| *of == ty) {
                choices.push(self.lookup(&table.name, &table.keys, column));
            }
        }
        if ty == Ty::Instant {
            choices.push("now".to_owned());
        }
        if self.random.chance(65)
            && let Some(choice) = self.some(&choices)
        {
            return choice;
        }
        self.literal(ty)
    }

    fn lookup(&mut self, table: &str, keys: &[(&'static str, Ty)], column: &str) -> String {
        let keys: Vec<String> = keys
            .iter()
            .map(|(fact, ty)| {
                if *ty != Ty::Text || !self.random.chance(40) {
                    return (*fact).to_owned();
                }
                let texts = self.facts_of(Ty::Text);
                self.some(&texts).map_or(format!("lower({fact})"), |text| format!("lower({text})"))
            })
            .collect();
        let dot = if column.is_empty() { "" } else { "." };
        format!("{table}[{}]{dot}{column}", keys.join(", "))
    }

    /// A literal of the type; a fact where it has none.
    pub(super) fn literal(&mut self, ty: Ty) -> String {
        let small = self.random.below(40);
        match ty {
            Ty::Bool => self.one(&["true", "false"]),
            Ty::Int if self.random.chance(10) => self.one(&["1_000_000", "10k", "2M"]),
            Ty::Int => small.to_string(),
            Ty::Few => (1 + small % 9).to_string(),
            Ty::Percent => format!("{}%", small * 5),
            Ty::Amount("usd") => self.one(&["$0.25", "$1", "$0.000000001", "$12.5"]),
            Ty::Amount("eur") => self.one(&["0.5 eur", "3 eur"]),
            Ty::Amount("bytes") => self.one(&["20 bytes", "1 KiB", "3 MiB", "3 GiB", "0 bytes"]),
            Ty::Amount("images") => format!("{small} images"),
            Ty::Amount(unit) => format!("{small} {unit}"),
            Ty::Price("usd/GiB") => self.one(&["$0.09/GiB", "$9/GiB"]),
            Ty::Price(_) => self.one(&["$2.50/Mtok", "$15/Mtok", "$0.000001/Mtok"]),
            Ty::Duration => self.one(&["20 s", "250 ms", "3 min", "1 h", "5.1 s"]),
            Ty::Instant => {
                self.one(&["2026-01-05T12:00:05Z", "2026-03-29T01:30:00+01:00", "2025-06-01T00:00:00Z"])
            }
            Ty::Date => self.one(&["2026-01-06", "2026-12-25"]),
            Ty::Clock => self.one(&["09:00", "17:30:05", "00:00"]),
            Ty::Text | Ty::Key => format!("\"{}\"", self.random.pick(TEXTS)),
            Ty::Ip => self.one(&["192.0.2.7", "10.0.0.1", "2001:db8::1"]),
            Ty::OneOf(members) => format!("\"{}\"", self.random.pick(members)),
            Ty::Plan => self.one(&["free", "pro", "max"]),
            Ty::Rate => format!("{small} req/min"),
        }
    }
}

//! Conditions: tests of facts, and what `and`, `or` and `not` make of them.

use super::{Ty, Writer};

const GLOBS: &[&str] = &["*a*", "ada", "b*", "*", "a*-*e", "*.example", ""];
const REGEXES: &[&str] = &["^(ada|x)", "a{2,3}", "^$", "(?i)ADA", "o.+r$", "[^a-z]"];

impl Writer<'_> {
    /// A condition for an `if`: tests that look at what may be absent stand where absence means no.
    pub(super) fn condition(&mut self, depth: usize) -> String {
        if self.random.chance(70) {
            return self.solid(depth);
        }
        let Some(test) = self.test_of_optional() else { return self.solid(depth) };
        let test = format!("({test})");
        match self.random.below(4) {
            0 => test,
            1 => format!("{test} and {}", self.solid(depth)),
            2 => format!("{} or {test}", self.solid(depth)),
            _ => format!("{} and {test}", self.solid(depth)),
        }
    }

    /// A positive test of what may be absent, or one that first asks whether it is there.
    fn test_of_optional(&mut self) -> Option<String> {
        let mut all = self.optional_of(Ty::Text);
        all.extend(self.optional_of(Ty::Key));
        let numbers = self.optional_of(Ty::Int);
        if self.random.chance(25)
            && let Some(fact) = self.some(&numbers)
        {
            return Some(self.one(&[
                &format!("{fact} is present and {fact} > 5"),
                &format!("{fact} is missing or {fact} <= 7"),
                &format!("{fact} == 7"),
            ]));
        }
        let addresses = self.optional_of(Ty::Ip);
        if self.random.chance(25)
            && let Some(fact) = self.some(&addresses)
        {
            return Some(self.one(&[&format!("{fact} in 10.0.0.0/8"), &format!("{fact} == 10.0.0.1")]));
        }
        let fact = self.some(&all)?;
        let (glob, text) = (self.random.pick(GLOBS), self.literal(Ty::Text));
        let regex = self.random.pick(REGEXES);
        Some(self.one(&[
            &format!("{fact} == {text}"),
            &format!("{fact} like \"{glob}\""),
            &format!("{fact} matches \"{regex}\""),
            &format!("{fact} in {{\"ada\", \"x\", {text}}}"),
            &format!("{fact} is present and {fact} != {text}"),
            &format!("{fact} is missing or {fact} not in {{\"ada\", {text}}}"),
            &format!("{fact} == user"),
        ]))
    }

    /// A condition that does not look at what may be absent, so that `not` may stand before it.
    pub(super) fn solid(&mut self, depth: usize) -> String {
        if depth == 0 || self.random.chance(40) {
            return self.test();
        }
        let depth = depth - 1;
        match self.random.below(5) {
            0 => format!("not ({})", self.solid(depth)),
            1 | 2 => format!("({} and {})", self.solid(depth), self.solid(depth)),
            _ => format!("({} or {})", self.solid(depth), self.solid(depth)),
        }
    }

    /// One test.
    fn test(&mut self) -> String {
        let test = match self.random.below(12) {
            0 | 1 => self.test_of_text(),
            2 => self.test_of_member(),
            3 => self.test_of_address(),
            4 => self.test_of_time(),
            5 => self.test_of_presence(),
            6 => self.some(&self.facts_of(Ty::Bool)).map(str::to_owned),
            _ => None,
        };
        test.unwrap_or_else(|| self.comparison())
    }

    fn test_of_text(&mut self) -> Option<String> {
        if self.http && self.random.chance(20) {
            return Some(self.one(&[
                "path == \"/v1/items\"",
                "path like \"/v1/*\"",
                "path matches \"/[0-9]+$\"",
                "method == \"POST\"",
                "method in {\"PUT\", \"GET\"}",
                "starts_with(path, \"/v1\")",
                "lower(path) != \"/other\"",
            ]));
        }
        let facts = self.facts_of(Ty::Text);
        let first = self.some(&facts)?;
        let (a, b) = (self.value(Ty::Text, 1), self.value(Ty::Text, 1));
        let (glob, regex, text) =
            (self.random.pick(GLOBS), self.random.pick(REGEXES), self.literal(Ty::Text));
        let whole = if self.random.chance(50) { format!("lower({first})") } else { first.to_owned() };
        let sets: Vec<String> =
            self.sets.iter().filter(|(_, ty)| *ty == Ty::Text).map(|(name, _)| name.clone()).collect();
        let set = self.some(&sets).unwrap_or_else(|| "{\"ada\", \"eve\"}".to_owned());
        Some(self.one(&[
            &format!("{first} == {text}"),
            &format!("{first} != {text}"),
            &format!("{first} == {a}"),
            &format!("{a} == {b}"),
            &format!("{a} != {b}"),
            &format!("{whole} like \"{glob}\""),
            &format!("{whole} matches \"{regex}\""),
            &format!("{first} in {set}"),
            &format!("{first} not in {set}"),
            &format!("starts_with({whole}, \"a\")"),
            &format!("ends_with({whole}, \"b\")"),
            &format!("contains({whole}, \"th\")"),
        ]))
    }

    fn test_of_member(&mut self) -> Option<String> {
        let region = self.facts.iter().find(|fact| fact.name == "region").copied();
        if let Some(_region) = region
            && self.random.chance(60)
        {
            return Some(self.one(&[
                "region == \"us\"",
                "region != \"eu\"",
                "region in {\"eu\", \"ap\"}",
                "region not in {\"us\"}",
            ]));
        }
        (!self.plans.is_empty())
            .then(|| self.one(&["plan == free", "plan != pro", "plan in {free, max}", "plan == max"]))
    }

    fn test_of_address(&mut self) -> Option<String> {
        let facts = self.facts_of(Ty::Ip);
        let (first, second) = (self.some(&facts)?, self.some(&facts)?);
        let sets: Vec<String> =
            self.sets.iter().filter(|(_, ty)| *ty == Ty::Ip).map(|(name, _)| name.clone()).collect();
        let set = self.some(&sets).unwrap_or_else(|| "10.0.0.0/8".to_owned());
        Some(self.one(&[
            &format!("{first} in {set}"),
            &format!("{first} not in {set}"),
            &format!("{first} == 10.0.0.1"),
            &format!("{first} == {second}"),
            &format!("{first} != {second}"),
            &format!("{first} in {{192.0.2.0/25, 2001:db8::/33}}"),
        ]))
    }

    fn test_of_time(&mut self) -> Option<String> {
        let mut named = self.schedules.clone();
        named.extend(self.calendars.clone());
        let name = self.some(&named);
        let dates = self.facts_of(Ty::Date);
        let calendars = self.calendars.clone();
        if let (Some(date), Some(days), true) =
            (self.some(&dates), self.some(&calendars), self.random.chance(20))
        {
            return Some(format!("{date} in {days}"));
        }
        match name {
            Some(name) => Some(self.one(&[&format!("now in {name}"), &format!("now not in {name}")])),
            None => Some(self.one(&["now < 2026-01-05T12:00:05Z", "now >= 2026-03-29T01:30:00+01:00"])),
        }
    }

    fn test_of_presence(&mut self) -> Option<String> {
        let optional: Vec<&str> =
            self.facts.iter().filter(|fact| fact.optional && !fact.after).map(|fact| fact.name).collect();
        let fact = self.some(&optional)?;
        Some(format!("{fact} is {}", self.random.pick(&["present", "missing"])))
    }

    /// A comparison of two values of a type with an order.
    fn comparison(&mut self) -> String {
        const TYPES: &[Ty] = &[
            Ty::Int,
            Ty::Int,
            Ty::Percent,
            Ty::Amount("bytes"),
            Ty::Amount("req"),
            Ty::Amount("calls"),
            Ty::Amount("points"),
            Ty::Amount("tokens"),
            Ty::Amount("usd"),
            Ty::Amount("eur"),
            Ty::Duration,
            Ty::Instant,
            Ty::Date,
            Ty::Clock,
            Ty::Price("usd/Mtok"),
        ];
        let known: Vec<Ty> = TYPES.iter().copied().filter(|ty| !self.facts_of(*ty).is_empty()).collect();
        let ty = self.some(&known).unwrap_or(Ty::Instant);
        let facts = self.facts_of(ty);
        let left = match self.some(&facts) {
            Some(fact) if self.random.chance(60) => fact.to_owned(),
            _ => self.value(ty, 2),
        };
        let sign = self.random.pick(&["<", "<=", "==", "!=", ">", ">="]);
        let right = if self.random.chance(50) { self.literal(ty) } else { self.value(ty, 2) };
        if ty == Ty::Int && self.random.chance(15) {
            let sets: Vec<String> =
                self.sets.iter().filter(|(_, ty)| *ty == Ty::Int).map(|(name, _)| name.clone()).collect();
            let set = self.some(&sets).unwrap_or_else(|| "{1, 5, 7}".to_owned());
            return format!("{left} in {set}");
        }
        format!("{left} {sign} {right}")
    }
}

//! Limits with every clause.

use super::{Ty, Writer};

impl Writer<'_> {
    /// A limit of its own name.
    pub(super) fn limit(&mut self) -> String {
        let name = self.name("limit");
        let key = self.key();
        let mut limit = match self.random.below(12) {
            0..=2 => self.windowed(&name, &key),
            3 | 4 => self.bucket(&name, &key),
            5 => self.calendar(&name, &key),
            6 => {
                let (most, cost) =
                    (1 + self.random.below(4), self.random.pick(&["", " costing few", " costing 2"]));
                let cost =
                    if cost.contains("few") && !self.facts_of(Ty::Few).contains(&"few") { "" } else { cost };
                format!(
                    "limit {name}: {most} in flight {key} for at most {}{cost}",
                    self.random.pick(&["2 min", "7 s"])
                )
            }
            7 | 8 => self.reserving(&name, &key),
            9 if self.http => {
                let when = self.refund();
                format!("limit {name}: {} req/15 min {key} refund when {when}", 1 + self.random.below(6))
            }
            10 if self.has("tier") && !self.optional_of_any("tier") => {
                format!("limit {name}: {} req/min per tier at most 40% per user", 3 + self.random.below(20))
            }
            _ => self.costly(&name, &key),
        };
        self.clauses(&mut limit);
        limit
    }

    fn optional_of_any(&self, name: &str) -> bool {
        self.facts.iter().any(|fact| fact.name == name && fact.optional)
    }

    fn windowed(&mut self, name: &str, key: &str) -> String {
        let ceiling = self.ceiling(2);
        let using = self.random.pick(&[
            "",
            " using sliding_log",
            " using fixed_window",
            " aligned",
            " using sliding_window",
        ]);
        let cost = self.random.below(5);
        let cost = match cost {
            0 => format!(" costing {}", self.value(Ty::Amount("req"), 2)),
            _ => String::new(),
        };
        format!("limit {name}: {ceiling} {key}{using}{cost}")
    }

    fn bucket(&mut self, name: &str, key: &str) -> String {
        let ceiling = 1 + self.random.below(40);
        let using = self.random.pick(&[
            "using gcra",
            "burst 4 req",
            "using gcra burst 3 req starting 1 req",
            "using token_bucket starting 2 req burst 3 req",
            "using token_bucket",
            "using leaky_bucket",
            "using leaky_bucket burst 2 req",
        ]);
        format!("limit {name}: {ceiling} req/10 s {key} {using}")
    }

    fn calendar(&mut self, name: &str, key: &str) -> String {
        let period = self.random.pick(&["day", "week", "month", "year"]);
        let zone = self.random.pick(&[
            " resets in \"Asia/Tokyo\"",
            " resets in \"Europe/Berlin\"",
            "",
            " resets in \"America/New_York\"",
        ]);
        let ceiling = 1 + self.random.below(30);
        if period == "day" && self.random.chance(30) {
            return format!("limit {name}: {ceiling} calls/day {key}{zone}");
        }
        format!("limit {name}: {ceiling} req/{period} {key}{zone}")
    }

    /// A limit in a unit whose cost must be said.
    fn costly(&mut self, name: &str, key: &str) -> String {
        let mut units = vec![
            ("bytes", "3 MiB"),
            ("tokens", "90 tokens"),
            ("points", "60 points"),
            ("usd", "$5"),
            ("eur", "2 eur"),
        ];
        if self.images {
            units.push(("images", "9 images"));
        }
        let (unit, ceiling) = self.some(&units).unwrap_or(("bytes", "3 MiB"));
        let cost = self.value(Ty::Amount(unit), 3);
        let window = self.random.pick(&["hour", "10 s", "24 h"]);
        let using =
            self.random.pick(&["", " using token_bucket", " using fixed_window", " using sliding_log"]);
        format!("limit {name}: {ceiling}/{window} {key}{using} costing {cost}")
    }

    /// A limit that holds an estimate and settles the actual cost.
    fn reserving(&mut self, name: &str, key: &str) -> String {
        let (unit, ceiling, burst) = self
            .some(&[("tokens", "90 tokens", "60 tokens"), ("usd", "$5", "$2"), ("bytes", "3 MiB", "1 MiB")])
            .unwrap_or(("tokens", "90 tokens", "60 tokens"));
        let estimate = self.value(Ty::Amount(unit), 2);
        self.after = true;
        let actual = self.value(Ty::Amount(unit), 3);
        self.after = false;
        let using = match self.random.below(5) {
            0 => " using fixed_window".to_owned(),
            1 => " using sliding_log".to_owned(),
            2 => format!(" using gcra burst {burst}"),
            3 => " using token_bucket".to_owned(),
            _ => String::new(),
        };
        let lease = self.random.pick(&["", "", " for at most 30 s"]);
        let window = self.random.pick(&["hour", "min", "10 s"]);
        format!("limit {name}: {ceiling}/{window} {key}{using} reserve {estimate} settle {actual}{lease}")
    }

    fn refund(&mut self) -> String {
        self.after = true;
        let more = if self.random.chance(30) { format!(" and {}", self.solid(1)) } else { String::new() };
        let model = self.has("usage.model") && self.has("model") && self.random.chance(30);
        self.after = false;
        let model = if model { " or usage.model == \"small\"" } else { "" };
        format!("response.status < 400{more}{model}")
    }

    /// A ceiling in requests a minute.
    pub(super) fn ceiling(&mut self, depth: usize) -> String {
        match self.random.below(6) {
            0 if !self.plans.is_empty() => "plan.quota".to_owned(),
            1 => "(12 req / 1 min)".to_owned(),
            2 | 3 => self.value(Ty::Rate, depth),
            _ => format!("{} req/min", self.random.below(25)),
        }
    }

    fn key(&mut self) -> String {
        let mut keys = vec!["per user", "globally", "per user", "per user, \"west\""];
        let has = |name: &str| self.facts.iter().any(|fact| fact.name == name);
        let certain = |name: &str| self.facts.iter().any(|fact| fact.name == name && !fact.optional);
        if has("account") {
            keys.extend([
                "per account ?? user",
                "per account ?? \"none\"",
                "per bucket(account ?? \"none\", 16)",
            ]);
        }
        if has("account") && has("nick") {
            keys.push("per account ?? nick ?? \"none\"");
        }
        if self.http {
            keys.extend([
                "per ip",
                "per prefix(ip, 24, 56)",
                "per header(\"x-client\") ?? ip",
                "per user_agent ?? \"-\", host",
            ]);
        }
        if self.hierarchy {
            keys.extend(["per team", "per org", "per team ?? org"]);
        }
        if certain("far") {
            keys.push("per user, prefix(far, 8, 32)");
        }
        if certain("region") {
            keys.push("per region, user");
        }
        if certain("beta") && certain("m") {
            keys.push("per beta, m");
        }
        if !self.plans.is_empty() {
            keys.push("per plan, user");
        }
        self.random.pick(&keys).to_owned()
    }

    /// What may follow any limit.
    fn clauses(&mut self, limit: &mut String) {
        if self.random.chance(20) && !limit.contains("in flight") {
            limit.push_str(self.random.pick(&[" warn at 50%", " warn at 50%, 80%, 100%"]));
        }
        let leasable =
            !limit.contains("in flight") && !limit.contains("reserve") && !limit.contains("refund");
        if leasable && self.random.chance(15) {
            // Of a ceiling below two, less is nothing.
            limit.push_str(" overshoot 100%");
        } else if self.random.chance(30) {
            let exceed = self.exceed();
            limit.push_str(&exceed);
        }
        if self.random.chance(25) {
            limit.push_str(self.random.pick(&[
                " fail open",
                " fail closed",
                " fail local",
                " fail local 25%",
            ]));
        }
        if self.random.chance(10) {
            let old = self.name("old");
            limit.push_str(&format!(" was {old}"));
        }
    }

    fn exceed(&mut self) -> String {
        let block = self.random.pick(&[
            "",
            "",
            " block for 5 s",
            " block for 3 s doubling up to 1 min",
            " block for 1 s doubling up to 10 s forget after 20 s",
        ]);
        let mut actions = vec![" on exceed deny 503 \"later\"", " on exceed deny", " on exceed allow"];
        if self.facts_of(Ty::Text).contains(&"model") {
            actions.extend([" on exceed downgrade model to \"small\""; 3]);
        }
        if self.has("tier") {
            actions.extend([" on exceed downgrade tier to \"b\""; 2]);
        }
        if !self.plans.is_empty() {
            actions.push(" on exceed downgrade plan to free");
        }
        if self.has("m") {
            actions.push(" on exceed downgrade m to 0");
        }
        match self.random.below(7) {
            2 if !block.is_empty() => format!(" on exceed reject{block}"),
            0 if !block.is_empty() => format!(" on exceed{block}"),
            1 => format!(" on exceed deny 429 \"{}\"{block}", self.message()),
            _ => {
                let action = self.random.pick(&actions);
                let block =
                    if action.ends_with("allow") || action.contains("downgrade") { "" } else { block };
                format!("{action}{block}")
            }
        }
    }

    /// Rules that decide by what downgrades change: to change anything else would be an error.
    pub(super) fn downgraded(&mut self) {
        let tests = [
            ("model", "model == \"small\""),
            ("tier", "tier == \"b\""),
            ("plan", "plan == free"),
            ("m", "m == 0"),
        ];
        for (fact, test) in tests {
            if self.text.contains(&format!("downgrade {fact} to")) {
                let (rule, limit) = (self.name("rule"), self.name("limit"));
                let ceiling = 5 + self.random.below(20);
                let test = if self.optional_of_any(fact) {
                    format!("{fact} is present and {test}")
                } else {
                    test.to_owned()
                };
                self.line(&format!(
                    "rule {rule} {{ if {test} then limit {limit}: {ceiling} req/min per user }}"
                ));
            }
        }
    }

    /// A message with values in braces.
    pub(super) fn message(&mut self) -> String {
        let mut pieces: Vec<String> = self
            .facts
            .iter()
            .filter(|fact| !fact.after && !fact.name.contains('.'))
            .filter(|fact| !matches!(fact.ty, Ty::Instant | Ty::Date | Ty::Clock))
            .map(|fact| fact.name.to_owned())
            .collect();
        if !self.plans.is_empty() {
            pieces.extend(
                ["plan.cap", "plan.label", "plan.seats", "plan.purse", "plan.calm", "plan.part"]
                    .map(str::to_owned),
            );
        }
        let scalar = |ty: Ty| {
            !matches!(
                ty,
                Ty::Rate | Ty::Text | Ty::Key | Ty::Ip | Ty::Plan | Ty::OneOf(_) | Ty::Instant | Ty::Bool
            )
        };
        pieces.extend(self.lets.iter().filter(|(_, ty)| scalar(*ty)).map(|(name, _)| name.clone()));
        let mut text = String::from("no {{more}}");
        for _ in 0..self.random.below(4) {
            if let Some(piece) = self.some(&pieces) {
                text.push_str(&format!(" {{{piece}}}"));
            }
        }
        text
    }
}

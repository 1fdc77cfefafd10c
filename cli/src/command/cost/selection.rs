//! How the statements that concern a request are found: in words, and for programs.

use limitrate_compiler::{
    index::{DimensionSummary, Summary},
    ir::Program,
};
use serde::Serialize;

use super::fact_name;
use crate::figures::{bytes, count, many};

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Selection {
    /// All of them are gone through.
    All,
    /// They are looked up first.
    LookedUp {
        /// What is looked up for every request, the most selective first.
        by: Vec<LookUp>,
        /// How many statements there are, those in shadow included.
        statements: usize,
        /// How many of them are decided by the look-ups alone.
        settled: usize,
        /// How many different pieces of code the others share.
        bodies: usize,
        table_bytes: usize,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct LookUp {
    facts: Vec<String>,
    /// How many statements it tells apart.
    statements: usize,
    table_bytes: usize,
}

impl Selection {
    pub(super) fn of(program: &Program, plan: &Summary) -> Self {
        let Summary::Indexed { dimensions, sites, settled, bodies, table_bytes } = plan else {
            return Self::All;
        };
        Self::LookedUp {
            by: dimensions.iter().map(|dimension| LookUp::of(program, dimension)).collect(),
            statements: *sites,
            settled: *settled,
            bodies: *bodies,
            table_bytes: *table_bytes,
        }
    }

    /// `statements are found by path and region: 997 of 1,000 that way alone, the others share 3 pieces of code; 45.3 KiB of
    /// tables`
    pub(super) fn words(&self) -> String {
        let Self::LookedUp { by, statements, settled, bodies, table_bytes } = self else {
            return "all statements are gone through, as they are few".to_owned();
        };
        let mut facts: Vec<&str> = Vec::new();
        for fact in by.iter().flat_map(|by| &by.facts) {
            if !facts.contains(&fact.as_str()) {
                facts.push(fact);
            }
        }
        let tables = format!("{} of tables", bytes(*table_bytes as u64));
        let code = many(*bodies as u64, "piece of code", "pieces of code");
        let Some((last, others)) = facts.split_last() else {
            return format!("all statements are gone through, and share {code}; {tables}");
        };
        let found =
            if others.is_empty() { (*last).to_owned() } else { format!("{} and {last}", others.join(", ")) };
        let settled = match statements - settled {
            0 => "that way alone".to_owned(),
            _ => format!(
                "{} of {} that way alone, the others share {code}",
                count(*settled as u64),
                count(*statements as u64)
            ),
        };
        format!("statements are found by {found}: {settled}; {tables}")
    }
}

impl LookUp {
    fn of(program: &Program, dimension: &DimensionSummary) -> Self {
        let facts = dimension.slot.facts().into_iter().flatten();
        let mut facts: Vec<String> = facts.map(|fact| fact_name(program, fact).to_owned()).collect();
        if facts.is_empty() {
            facts.push("time".to_owned());
        }
        facts.dedup();
        Self { facts, statements: dimension.sites, table_bytes: dimension.table_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_up(facts: &[&str]) -> LookUp {
        LookUp { facts: facts.iter().map(|fact| (*fact).to_owned()).collect(), statements: 9, table_bytes: 8 }
    }

    #[test]
    fn look_ups_are_told_by_their_facts() {
        let found = |by, settled| Selection::LookedUp {
            by,
            statements: 1_000,
            settled,
            bodies: 3,
            table_bytes: 2_048,
        };
        let by = vec![look_up(&["path"]), look_up(&["method"]), look_up(&["path", "region"])];
        assert_eq!(
            found(by, 997).words(),
            "statements are found by path, method and region: 997 of 1,000 that way alone, the others share 3 pieces of \
             code; 2.0 KiB of tables"
        );
        assert_eq!(
            found(vec![look_up(&["path"])], 1_000).words(),
            "statements are found by path: that way alone; 2.0 KiB of tables"
        );
        assert_eq!(
            found(Vec::new(), 0).words(),
            "all statements are gone through, and share 3 pieces of code; 2.0 KiB of tables"
        );
        assert_eq!(Selection::All.words(), "all statements are gone through, as they are few");
    }
}

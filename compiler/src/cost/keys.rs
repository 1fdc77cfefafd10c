//! How many keys a limit has at most, given how many different values the facts in them have.
//!
//! A fact's count is that of all its values: of the users of all organisations together, not of each.

use std::collections::{BTreeMap, BTreeSet};

use limitrate_core::facts::{FactId, FactType};

use crate::{
    checked::{KeyPart, KeySource},
    ir::{LimitInfo, Program},
};

/// How many different values facts have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyCounts(BTreeMap<FactId, u64>);

impl KeyCounts {
    /// Says how many values a fact has.
    pub fn set(&mut self, fact: FactId, values: u64) {
        self.0.insert(fact, values);
    }

    /// The most keys of a limit.
    ///
    /// Under a hierarchy the innermost level of the key counts, since each of its values lies in one of the level
    /// above; other parts multiply.
    ///
    /// # Errors
    ///
    /// The facts whose count is not known.
    pub fn keys(&self, program: &Program, limit: &LimitInfo) -> Result<u64, BTreeSet<FactId>> {
        let innermost = limit.keys.iter().filter_map(|part| level(program, part)).max();
        let counted =
            limit.keys.iter().filter(|part| level(program, part).is_none_or(|at| Some(at) == innermost));
        let mut unknown = BTreeSet::new();
        let mut keys = 1_u64;
        for part in counted {
            match self.values(program, &part.alternatives) {
                Ok(values) => keys = keys.saturating_mul(values),
                Err(facts) => unknown.extend(facts),
            }
        }
        if unknown.is_empty() { Ok(keys) } else { Err(unknown) }
    }

    /// How many values some alternatives have together.
    fn values(&self, program: &Program, alternatives: &[KeySource]) -> Result<u64, BTreeSet<FactId>> {
        let mut unknown = BTreeSet::new();
        let mut sum = 0_u64;
        for source in alternatives {
            let values = match source {
                KeySource::Literal(_) => Ok(1),
                KeySource::Fact(fact) | KeySource::Prefix(fact, ..) => {
                    self.of_fact(program, *fact).ok_or_else(|| BTreeSet::from([*fact]))
                }
                KeySource::Bucket(inner, buckets) => {
                    let values = self.values(program, inner).unwrap_or(u64::MAX);
                    Ok(values.min(u64::from(*buckets)))
                }
            };
            match values {
                Ok(values) => sum = sum.saturating_add(values),
                Err(facts) => unknown.extend(facts),
            }
        }
        if unknown.is_empty() { Ok(sum) } else { Err(unknown) }
    }

    fn of_fact(&self, program: &Program, fact: FactId) -> Option<u64> {
        let given = self.0.get(&fact).copied();
        given.or_else(|| match &program.facts.get(usize::from(fact.0))?.decl.ty {
            FactType::Bool => Some(2),
            FactType::OneOf(members) | FactType::Plan(members) => u64::try_from(members.len()).ok(),
            FactType::Int { .. }
            | FactType::Percent
            | FactType::Quantity(_)
            | FactType::Price(_)
            | FactType::Duration
            | FactType::Instant
            | FactType::Date
            | FactType::Clock
            | FactType::String
            | FactType::Key
            | FactType::Ip => None,
        })
    }
}

/// The level of the hierarchy that a part is, counted from the root.
fn level(program: &Program, part: &KeyPart) -> Option<usize> {
    let [KeySource::Fact(fact)] = part.alternatives.as_slice() else { return None };
    program.levels.iter().position(|level| level == fact)
}

#[cfg(test)]
mod tests {
    use super::KeyCounts;
    use crate::{Engine, compile};

    /// The keys of the policy's only limit, with so many users, organisations and addresses.
    fn keys(hierarchy: &str, key: &str) -> Option<u64> {
        let text = format!(
            "use std.http\n{hierarchy}\ninput {{ org : key  user : key  app : key?  vip : bool  region : one of \"a\", \"b\", \"c\" }}\nrule r {{ limit 1 req/s {key} }}\n"
        );
        let policy = compile("r.rl", text.as_bytes(), Engine::Interpreter).unwrap().policy;
        let program = policy.program();
        let mut counts = KeyCounts::default();
        for (fact, values) in program.facts.iter().zip((0..).map(limitrate_core::facts::FactId)) {
            match &*fact.decl.name {
                "org" => counts.set(values, 10),
                "user" => counts.set(values, 1_000),
                "ip" => counts.set(values, 50),
                _ => {}
            }
        }
        counts.keys(program, program.limits.first().unwrap()).ok()
    }

    #[test]
    fn parts_of_a_key_multiply_but_for_levels_of_the_hierarchy() {
        assert_eq!(keys("", "globally"), Some(1));
        assert_eq!(keys("", "per user"), Some(1_000));
        assert_eq!(keys("", "per org, user"), Some(10_000));
        assert_eq!(keys("hierarchy org > user", "per user"), Some(1_000));
        assert_eq!(keys("hierarchy org > user", "per org, ip"), Some(500));
        assert_eq!(keys("", "per region, vip, ip"), Some(300));
    }

    #[test]
    fn fallbacks_add_up_and_buckets_bound() {
        assert_eq!(keys("", "per app ?? ip"), None);
        assert_eq!(keys("", "per bucket(app ?? \"none\", 256)"), Some(256));
        assert_eq!(keys("", "per prefix(ip, 24, 48)"), Some(50));
    }
}

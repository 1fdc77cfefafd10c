//! An index of bit sets, written by hand for these rules alone: the bound for many rules.
//!
//! For each value of an attribute, the rules that let it pass; a decision is the first bit of their intersection, since
//! the rules are ordered by their limits.

use std::collections::HashMap;

use crate::rules::{Attributes, Rule, Test, Text};

type Bits = Box<[u64]>;
type ByText = HashMap<String, Bits, ahash::RandomState>;

pub struct Index {
    limits: Vec<u32>,
    words: usize,
    prefixes: ByText,
    /// By [`Text::ALL`]: what passes each value that a rule names, and what passes any other.
    texts: [(ByText, Bits); 5],
    hours: Vec<Bits>,
    /// Where the costs begin that pass these rules.
    costs: Vec<(i64, Bits)>,
}

impl Index {
    pub fn new(rules: &[Rule]) -> Self {
        let mut rules: Vec<&Rule> = rules.iter().collect();
        rules.sort_by_key(|rule| rule.limit);
        let words = rules.len().div_ceil(64);
        let passing = |passes: &dyn Fn(&Rule) -> bool| {
            let mut bits = vec![0_u64; words].into_boxed_slice();
            for (at, _) in rules.iter().enumerate().filter(|(_, rule)| passes(rule)) {
                bits[at / 64] |= 1 << (at % 64);
            }
            bits
        };
        let prefixes = rules
            .iter()
            .map(|rule| (rule.prefix.clone(), passing(&|other: &Rule| other.prefix == rule.prefix)));
        let texts = Text::ALL.map(|text| {
            let named = rules
                .iter()
                .flat_map(|rule| named(rule, text))
                .map(|value| (value.clone(), passing(&|rule: &Rule| passes(rule, text, Some(value)))));
            (named.collect(), passing(&|rule: &Rule| passes(rule, text, None)))
        });
        let hour = |hour| {
            passing(&|rule: &Rule| {
                rule.tests
                    .iter()
                    .all(|test| !matches!(test, Test::Hours(from, to) if !(*from..*to).contains(&hour)))
            })
        };
        let cost = |cost: i64| {
            passing(&|rule: &Rule| {
                rule.tests.iter().all(|test| !matches!(test, Test::CostAtLeast(least) if cost < *least))
            })
        };
        let mut cuts: Vec<i64> = rules.iter().flat_map(|rule| &rule.tests).filter_map(least).collect();
        cuts.push(i64::MIN);
        cuts.sort_unstable();
        cuts.dedup();
        Self {
            words,
            prefixes: prefixes.collect(),
            texts,
            hours: (0..24).map(hour).collect(),
            costs: cuts.into_iter().map(|at| (at, cost(at))).collect(),
            limits: rules.iter().map(|rule| rule.limit).collect(),
        }
    }

    pub fn decide(&self, a: &Attributes) -> Option<u32> {
        let end = a.path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').nth(2)?.0;
        let prefix = self.prefixes.get(&a.path[..=end])?;
        let of = |at: usize, value: &str| {
            let (named, others) = &self.texts[at];
            named.get(value).unwrap_or(others)
        };
        let (plan, method, region) = (of(0, &a.plan), of(1, &a.method), of(2, &a.region));
        let (country, org) = (of(3, &a.country), of(4, &a.org));
        let hour = &self.hours[usize::try_from(a.hour).ok()?];
        let (_, cost) = &self.costs[self.costs.partition_point(|(from, _)| *from <= a.cost) - 1];
        (0..self.words).find_map(|word| {
            let bits = prefix[word]
                & plan[word]
                & method[word]
                & region[word]
                & country[word]
                & org[word]
                & hour[word]
                & cost[word];
            (bits != 0).then(|| self.limits[word * 64 + bits.trailing_zeros() as usize])
        })
    }
}

fn named(rule: &Rule, of: Text) -> &[String] {
    let values = rule.tests.iter().find_map(|test| match test {
        Test::OneOf(text, values) if *text == of => Some(values),
        _ => None,
    });
    values.map_or(&[], |values| values)
}

/// Whether a rule lets a value pass; `None` is one that no rule names.
fn passes(rule: &Rule, text: Text, value: Option<&String>) -> bool {
    let named = named(rule, text);
    named.is_empty() || value.is_some_and(|value| named.contains(value))
}

fn least(test: &Test) -> Option<i64> {
    match test {
        Test::CostAtLeast(least) => Some(*least),
        _ => None,
    }
}

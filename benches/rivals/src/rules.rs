//! The policies that every engine is given: rules with four to six tests over eight attributes, of which all that match
//! count and the smallest limit is the answer.
//!
//! The build script reads this file too: it writes the same rules as Rust functions.

use crate::random::Random;

/// How many prefixes of paths there are. Each rule is about one of them.
const PREFIXES: usize = 40;

/// What a request says, as a server has it.
#[derive(Debug, Clone)]
pub struct Attributes {
    pub plan: String,
    pub method: String,
    pub path: String,
    pub region: String,
    pub country: String,
    pub org: String,
    pub hour: i64,
    pub cost: i64,
}

/// One rule: all tests must hold.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What the path begins with, an oblique stroke at the end included.
    pub prefix: String,
    pub tests: Vec<Test>,
    pub limit: u32,
}

/// One test beside that of the path.
#[derive(Debug, Clone)]
pub enum Test {
    OneOf(Text, Vec<String>),
    /// The hour is at least the first, and less than the second.
    Hours(i64, i64),
    CostAtLeast(i64),
}

/// An attribute that is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    Plan,
    Method,
    Region,
    Country,
    Org,
}

impl Text {
    pub const ALL: [Self; 5] = [Self::Plan, Self::Method, Self::Region, Self::Country, Self::Org];

    pub fn of(self, attributes: &Attributes) -> &str {
        match self {
            Self::Plan => &attributes.plan,
            Self::Method => &attributes.method,
            Self::Region => &attributes.region,
            Self::Country => &attributes.country,
            Self::Org => &attributes.org,
        }
    }

    fn value(self, number: usize) -> String {
        match self {
            Self::Plan => ["free", "basic", "pro", "enterprise"][number].to_owned(),
            Self::Method => ["GET", "POST", "PUT", "DELETE"][number].to_owned(),
            Self::Region => ["eu-west", "eu-north", "us-east", "us-west", "ap-south"][number].to_owned(),
            Self::Country => {
                format!("{}{}", char::from(b'A' + number as u8), char::from(b'Z' - number as u8))
            }
            Self::Org => format!("org-{number:04}"),
        }
    }

    fn values(self) -> usize {
        match self {
            Self::Plan | Self::Method => 4,
            Self::Region => 5,
            Self::Country => 20,
            Self::Org => 50,
        }
    }

    /// How many values a test of it names, at most.
    fn named(self) -> usize {
        match self {
            Self::Plan | Self::Method | Self::Region => 2,
            Self::Country => 5,
            Self::Org => 8,
        }
    }
}

impl Rule {
    pub fn matches(&self, attributes: &Attributes) -> bool {
        attributes.path.starts_with(&self.prefix)
            && self.tests.iter().all(|test| match test {
                Test::OneOf(text, values) => values.iter().any(|value| value == text.of(attributes)),
                Test::Hours(from, to) => (*from..*to).contains(&attributes.hour),
                Test::CostAtLeast(least) => attributes.cost >= *least,
            })
    }
}

/// The smallest limit of the rules that match: what every engine must say.
pub fn smallest(rules: &[Rule], attributes: &Attributes) -> Option<u32> {
    rules.iter().filter(|rule| rule.matches(attributes)).map(|rule| rule.limit).min()
}

/// So many rules; fewer are the first of more.
pub fn rules(count: usize) -> Vec<Rule> {
    let mut random = Random::new(1);
    (0..count)
        .map(|number| Rule {
            prefix: format!("/v1/p{:03}/", number % PREFIXES),
            tests: tests(&mut random),
            limit: (number * 7_919 % 10_007 + 1) as u32,
        })
        .collect()
}

/// `count` rules, of which all but the first `shared` are about paths that no request of [`requests`] has.
pub fn rules_elsewhere(count: usize, shared: usize) -> Vec<Rule> {
    let mut rules = rules(count);
    for (number, rule) in rules.iter_mut().enumerate().skip(shared) {
        rule.prefix = format!("/v1/x{:03}/", number / PREFIXES);
    }
    rules
}

fn tests(random: &mut Random) -> Vec<Test> {
    let mut of = [0, 1, 2, 3, 4, 5, 6];
    for at in 0..of.len() {
        let other = at + random.below(of.len() - at);
        of.swap(at, other);
    }
    let count = 3 + random.below(3);
    of[..count]
        .iter()
        .map(|kind| match Text::ALL.get(*kind) {
            Some(text) => Test::OneOf(*text, values(*text, random)),
            None if *kind == 5 => {
                let from = random.below(13) as i64;
                Test::Hours(from, from + 6 + random.below(6) as i64)
            }
            None => Test::CostAtLeast(random.below(500) as i64),
        })
        .collect()
}

fn values(text: Text, random: &mut Random) -> Vec<String> {
    let first = random.below(text.values());
    let count = 1 + random.below(text.named());
    (0..count).map(|next| text.value((first + next) % text.values())).collect()
}

/// Requests for the rules: every second one is made to match a rule, the others are made at random.
pub fn requests(rules: &[Rule], count: usize) -> Vec<Attributes> {
    let mut random = Random::new(2);
    (0..count)
        .map(|number| {
            let mut text = |text: Text| text.value(random.below(text.values()));
            let mut attributes = Attributes {
                plan: text(Text::Plan),
                method: text(Text::Method),
                path: String::new(),
                region: text(Text::Region),
                country: text(Text::Country),
                org: text(Text::Org),
                hour: random.below(24) as i64,
                cost: random.below(1_000) as i64,
            };
            let prefix = random.below(rules.len().min(PREFIXES));
            attributes.path = format!("/v1/p{prefix:03}/items/{number}");
            if number % 2 == 0 {
                satisfy(&rules[random.below(rules.len())], &mut attributes, &mut random);
            }
            attributes
        })
        .collect()
}

fn satisfy(rule: &Rule, attributes: &mut Attributes, random: &mut Random) {
    attributes.path = format!("{}items/{}", rule.prefix, random.below(1_000));
    for test in &rule.tests {
        match test {
            Test::OneOf(text, values) => {
                let value = values[random.below(values.len())].clone();
                match text {
                    Text::Plan => attributes.plan = value,
                    Text::Method => attributes.method = value,
                    Text::Region => attributes.region = value,
                    Text::Country => attributes.country = value,
                    Text::Org => attributes.org = value,
                }
            }
            Test::Hours(from, to) => attributes.hour = from + random.below((to - from) as usize) as i64,
            Test::CostAtLeast(least) => attributes.cost = least + random.below(500) as i64,
        }
    }
}

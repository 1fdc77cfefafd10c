//! Policies that are made to be expensive. What they cost is counted in allocated bytes, never in time: it is within a
//! bound, or grows with the length of the policy alone; and a decision allocates nothing, whatever the policy.
#![expect(clippy::panic, clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Display;

use allocation_counter::measure;
use limitrate_compiler::{
    Engine, Policy, grammar::code::Code, outcome::RawOutcome, policy::Scratch, request::Request,
};
use limitrate_core::{
    facts::{FactId, Value},
    time::Timestamp,
};

const MIB: u64 = 1 << 20;

const INPUT: &str = "use std.http\ninput { user : key  region : string  tier : string  flag : bool  size : int  limit_of : int }\n";

/// `one` for each number, put together.
fn each<T: Display>(count: usize, one: impl Fn(usize) -> T) -> String {
    (0..count).map(|i| one(i).to_string()).collect()
}

/// What a policy took to compile.
struct Cost {
    policy: Policy,
    /// The most bytes at once.
    peak: u64,
    /// The bytes that the policy keeps, machine code aside.
    kept: u64,
}

fn compiled(text: &str, engine: Engine) -> Cost {
    let mut policy = None;
    let info = measure(|| match limitrate_compiler::compile("bomb.rl", text.as_bytes(), engine) {
        Ok(accepted) => policy = Some(accepted.policy),
        Err(rejected) => {
            let found = rejected.diagnostics.sorted();
            panic!("{:?}", found.iter().take(3).map(|found| &found.message).collect::<Vec<_>>());
        }
    });
    let policy = policy.expect("a policy");
    Cost { policy, peak: info.bytes_max, kept: info.bytes_current.try_into().expect("bytes are kept") }
}

/// Checks that a policy is refused by `code` alone, and takes at most so many bytes for that.
#[track_caller]
fn assert_refused(text: &str, code: Code, most: u64) {
    let mut codes = Vec::new();
    let info = measure(|| {
        let rejected = limitrate_compiler::compile("bomb.rl", text.as_bytes(), Engine::Interpreter);
        let rejected = rejected.expect_err("a policy that is refused");
        codes = rejected.diagnostics.sorted().iter().map(|found| found.code).collect();
    });
    codes.retain(|found| !matches!(found, Code::RL1304 | Code::RL1305 | Code::RL1306));
    assert!(!codes.is_empty() && codes.iter().all(|found| *found == code), "{codes:?}");
    assert!(info.bytes_max <= most, "{} bytes at once", info.bytes_max);
}

/// Checks that a policy twice as long costs at most some more than twice as much.
#[track_caller]
fn assert_linear(size: usize, engine: Engine, text: impl Fn(usize) -> String) -> Policy {
    let [half, whole] = [size / 2, size].map(|size| compiled(&text(size), engine));
    assert!(whole.peak <= half.peak * 5 / 2, "{} bytes at once became {}", half.peak, whole.peak);
    assert!(whole.kept <= half.kept * 5 / 2, "{} bytes kept became {}", half.kept, whole.kept);
    whole.policy
}

/// A request: the values of its facts by name.
struct Facts<'a>(Vec<Value<'a>>);

impl<'a> Facts<'a> {
    fn new(policy: &Policy, given: &[(&str, Value<'a>)]) -> Self {
        let value = |name: &str| given.iter().find(|(fact, _)| *fact == name).map(|(_, value)| *value);
        let facts = &policy.program().facts;
        Self(facts.iter().map(|fact| value(&fact.decl.name).unwrap_or(Value::Absent)).collect())
    }
}

impl Request for Facts<'_> {
    fn value(&self, fact: FactId) -> Value<'_> {
        self.0.get(usize::from(fact.0)).copied().unwrap_or(Value::Absent)
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_767_614_400_000_000_000)
    }
}

/// What a policy decides, which must be what the reference says, and allocate nothing the second time.
#[track_caller]
fn decided(policy: &Policy, given: &[(&str, Value<'_>)]) -> (RawOutcome, usize) {
    let facts = Facts::new(policy, given);
    let (mut scratch, mut reference) = (Scratch::default(), Scratch::default());
    let outcome = policy.decide(&facts, &mut scratch);
    assert_eq!(policy.decide_by_reference(&facts, &mut reference), outcome);
    assert_eq!(scratch.sites, reference.sites);
    let again = measure(|| {
        policy.decide(&facts, &mut scratch);
    });
    assert_eq!(again.count_total, 0, "allocations of a decision");
    (outcome, scratch.sites.len())
}

fn engines() -> Vec<Engine> {
    let native = cfg!(feature = "jit").then_some(Engine::Native);
    [Engine::Interpreter].into_iter().chain(native).collect()
}

#[test]
fn a_regex_that_compiles_to_too_much_is_refused_before_it_does() {
    for bomb in [
        "(a{1000}){1000}",
        "((((a{99}){99}){99}){99}){99}",
        "(x+x+)+y{1000000}",
        r"[\\p{L}]{4000}",
        r"(\\w{200}|\\d{200}){50}",
    ] {
        let text = format!("{INPUT}rule r {{ if user matches \"{bomb}\" then deny }}");
        assert_refused(&text, Code::RL0210, 48 * MIB);
    }
    let nested = format!("{}x{}", "(".repeat(5_000), ")".repeat(5_000));
    assert_refused(
        &format!("{INPUT}rule r {{ if user matches \"{nested}\" then deny }}"),
        Code::RL0210,
        48 * MIB,
    );
}

#[test]
fn regexes_that_compile_to_too_much_together_are_refused() {
    let rules = each(5_000, |i| format!("rule r{i} {{ if user matches \"\\\\w{{60}}x{i}\" then deny }}\n"));
    assert_refused(&format!("{INPUT}{rules}"), Code::RL0210, 256 * MIB);
}

#[test]
fn a_regex_that_would_backtrack_is_decided_in_one_pass() {
    for engine in engines() {
        let text = format!("{INPUT}rule r {{ if user matches \"^(a|a)*(a*)*b$\" then deny }}");
        let Cost { policy, .. } = compiled(&text, engine);
        let long = "a".repeat(1 << 16);
        assert_eq!(decided(&policy, &[("user", Value::Str(&long))]), (RawOutcome::Charges, 0));
        let ending = format!("{long}b");
        assert_eq!(decided(&policy, &[("user", Value::Str(&ending))]), (RawOutcome::Deny, 1));
    }
}

#[test]
fn globs_of_stars_are_matched_in_one_pass() {
    let stars = "*a".repeat(1 << 12);
    let text = format!("{INPUT}rule r {{ if user like \"{stars}*b\" then deny }}");
    for engine in engines() {
        let Cost { policy, peak, .. } = compiled(&text, engine);
        assert!(peak < 16 * MIB, "{peak} bytes");
        let long = "a".repeat(1 << 16);
        assert_eq!(decided(&policy, &[("user", Value::Str(&long))]), (RawOutcome::Charges, 0));
        let ending = format!("{long}b");
        assert_eq!(decided(&policy, &[("user", Value::Str(&ending))]), (RawOutcome::Deny, 1));
    }
    let many = |count| {
        let rules = each(count, |i| format!("rule r{i} {{ if user like \"*a*k{i}k*a*z\" then deny }}\n"));
        format!("{INPUT}{rules}")
    };
    let policy = assert_linear(2_000, Engine::Interpreter, many);
    assert_eq!(decided(&policy, &[("user", Value::Str("ak1999kaz"))]), (RawOutcome::Deny, 1));
}

/// As many rules as one file may be thought to have.
const HUNDRED_THOUSAND: usize = 100_000;

#[test]
fn a_hundred_thousand_rules_on_one_route() {
    let text = |count| {
        let rules =
            each(count, |i| format!("rule r{i} {{ on GET \"/v1/items\" if user == \"k{i}\" then deny }}\n"));
        format!("{INPUT}{rules}")
    };
    let policy = assert_linear(HUNDRED_THOUSAND, Engine::Interpreter, text);
    let decided = |user| {
        let given =
            [("user", Value::Str(user)), ("method", Value::Str("GET")), ("path", Value::Str("/v1/items"))];
        decided(&policy, &given)
    };
    assert_eq!(decided("k77777"), (RawOutcome::Deny, 1));
    assert_eq!(decided("k100000"), (RawOutcome::Charges, 0));
    // Limits that could all be charged together are refused.
    let limits = each(HUNDRED_THOUSAND / 10, |i| {
        format!("rule r{i} {{ on GET \"/v1/items\" limit {} req/s per user }}\n", i + 1)
    });
    assert_refused(&format!("{INPUT}{limits}"), Code::RL0509, 512 * MIB);
}

/// The condition of the rule of this number.
type Shape = fn(usize) -> String;

#[test]
fn rules_that_no_index_tells_apart() {
    let shapes: [(&str, Shape); 4] = [
        ("two facts compared", |i| format!("size + {i} > limit_of * 2")),
        ("an alternative of everything", |i| {
            format!("(user == \"k{i}\" or size == {i} or region == \"r{i}\" or flag)")
        }),
        ("what does not hold", |i| format!("user != \"k{i}\" and region != \"r{i}\" and tier != \"t{i}\"")),
        ("ranges that all overlap", |i| format!("size >= {} and size < {}", i / 2, 1_000_000 - i)),
    ];
    for engine in engines() {
        for (name, condition) in shapes {
            let text = |count| {
                format!(
                    "{INPUT}{}",
                    each(count, |i| format!("rule r{i} {{ if {} then deny }}\n", condition(i)))
                )
            };
            let policy = assert_linear(2_000, engine, text);
            let given = [
                ("user", Value::Str("k1000")),
                ("region", Value::Str("elsewhere")),
                ("tier", Value::Str("none")),
                ("flag", Value::Bool(false)),
                ("size", Value::Int(1_500)),
                ("limit_of", Value::Int(1_000)),
            ];
            let (outcome, sites) = decided(&policy, &given);
            assert!(outcome == RawOutcome::Deny && sites > 0, "{name}");
        }
    }
}

#[test]
fn a_set_of_a_hundred_thousand_in_many_rules() {
    let members = |count| (0..count).map(|i| format!("\"k{i}\"")).collect::<Vec<_>>().join(", ");
    let text = |count| {
        let rules =
            each(200, |i| format!("rule r{i} {{ on \"/p{i}\" if user in s and size > {i} then deny }}\n"));
        format!("{INPUT}set s = {}\n{rules}", members(count))
    };
    let policy = assert_linear(HUNDRED_THOUSAND, Engine::Interpreter, text);
    let given = [
        ("user", Value::Str("k99999")),
        ("method", Value::Str("GET")),
        ("path", Value::Str("/p150")),
        ("size", Value::Int(151)),
    ];
    assert_eq!(decided(&policy, &given), (RawOutcome::Deny, 1));
}

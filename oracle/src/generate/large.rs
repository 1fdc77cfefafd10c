//! Policies of many rules, for what selects among them: dense and sparse, overlapping, with conditions that no index can
//! use. Shadow rules that only report stand beside those that decide, so that each rule that applies can be seen.

use std::fmt::Write as _;

use crate::random::Random;

const INPUT: &str = "use std.http
input {
  user   : key
  name   : string
  nick   : string?
  region : one of \"us\", \"eu\", \"ap\"
  size   : bytes
  n      : int
  m      : int in 0..1000
  beta   : bool
  far    : ip
}
schedule hours = mon..fri 09:00..17:00 in \"Europe/Paris\"
";

/// A policy of so many rules.
#[must_use]
pub fn large(random: &mut Random, rules: usize) -> String {
    let mut text = String::from(INPUT);
    let plans = if random.chance(30) { 2 + random.below(rules.min(100)) } else { 0 };
    if plans > 0 {
        text.push_str("input { plan : plan }\n");
    }
    for plan in 0..plans {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "plan plan_{plan} {{ limit rpm: {} req/min per user  cap = {plan} KiB }}",
            1 + plan % 7
        );
    }
    // The values of a fact are drawn from so many: few make rules that overlap, many make sparse ones.
    let spread = 2 + random.below(rules.max(2));
    let routed = random.below(100);
    for rule in 0..rules {
        let body = statement(random, rule, spread, plans);
        let on = if random.chance(routed) { route(random, spread) } else { String::new() };
        let (head, body) = match body {
            Body::Refuses(body) if random.chance(80) => (format!("shadow rule rule_{rule}"), body),
            Body::Refuses(body) => (format!("rule rule_{rule}"), body),
            // Charges of one request are bounded, so limits stand on routes of their own.
            Body::Limits(body) => {
                let _ = writeln!(text, "rule rule_{rule} {{ on GET \"/own{rule}/:id\"  {body} }}");
                continue;
            }
        };
        let _ = writeln!(text, "{head} {{ {on} {body} }}");
    }
    if random.chance(50) {
        let arms: String =
            (0..spread.min(300)).map(|arm| format!("\"t{arm}\" => {} req/min ", 1 + arm % 9)).collect();
        let _ =
            writeln!(text, "rule arms {{ limit arms: match name {{ {arms} else => 5 req/min }} per user }}");
    }
    text
}

/// What a rule does.
enum Body {
    /// It denies or exempts: any number of these may meet.
    Refuses(String),
    Limits(String),
}

fn statement(random: &mut Random, rule: usize, spread: usize, plans: usize) -> Body {
    let mut tests: Vec<String> = (0..1 + random.below(3)).map(|_| test(random, spread, plans)).collect();
    if random.chance(20)
        && let Some(first) = tests.first_mut()
    {
        *first = format!("not ({first})");
    }
    let joint = random.pick(&[" and ", " and ", " and ", " or "]);
    let condition = tests.join(joint);
    match random.below(10) {
        0 => Body::Refuses(format!("if {condition} then exempt \"why\"")),
        1..=6 => Body::Refuses(format!("if {condition} then deny 418")),
        7 => Body::Refuses(format!(
            "if {condition} then deny 404 \"{{name}} {{size}}\" else {{ if {} then deny }}",
            test(random, spread, plans)
        )),
        // Many bodies are the same but for their numbers.
        _ => {
            Body::Limits(format!("if {condition} then limit limit_{rule}: {} req/min per user", 1 + rule % 5))
        }
    }
}

fn test(random: &mut Random, spread: usize, plans: usize) -> String {
    let value = random.below(spread);
    match random.below(16) {
        0 | 1 => format!("name == \"t{value}\""),
        2 => format!("name in {{\"t{value}\", \"t{}\", \"T{value}\"}}", value + 1),
        3 => format!("name like \"t{value}*\""),
        4 => format!("path like \"/p{value}/*\""),
        5 => format!("name matches \"^t{value}[05]$\""),
        6 => format!("starts_with(name, \"t{value}\")"),
        7 => format!("ip in 10.{}.{}.0/{}", value % 4, value % 256, 18 + value % 15),
        8 => format!("far in 2001:db8:{:x}::/{}", value % 65_536, 33 + value % 32),
        9 => format!("m {} {}", random.pick(&["<", "<=", ">", ">=", "==", "!="]), value % 1001),
        10 => format!("n > {} and n <= {}", value * 3, value * 3 + 40),
        11 => format!("region == \"{}\"", random.pick(&["us", "eu", "ap"])),
        12 if plans > 0 => format!("plan == plan_{}", value % plans),
        13 => format!("size * 3 + {value} KiB > n * 1 KiB"),
        14 => random
            .pick(&[
                "lower(name) == user",
                "beta",
                "now in hours",
                "nick is missing",
                "ip == far",
                "len(name) > 2",
            ])
            .to_owned(),
        _ => format!("(nick ?? \"t{value}\") == name"),
    }
}

fn route(random: &mut Random, spread: usize) -> String {
    let value = random.below(spread);
    let verb = random.pick(&["", "GET ", "POST ", "ANY "]);
    match random.below(5) {
        0 => format!("on {verb}\"/v{value}\""),
        1 => format!("on {verb}\"/v{value}/:id\""),
        2 => format!("on {verb}\"/v{}/*/x{value}\", \"/p{value}/**\"", value % 3),
        3 => format!("on {verb}\"/v{value}/**\""),
        _ => format!("on {verb}\"/*/items\""),
    }
}

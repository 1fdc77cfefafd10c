//! A difference as a `.rl` file: the policy, and a test that plays the history and expects what the reference shows.
//!
//! Run with `rlc test`, which decides by machine code. What a test cannot say, a malformed fact or a clock that steps
//! back, stands in comments.

use std::{fmt::Write as _, sync::Arc};

use limitrate_compiler::{Policy, check::TEST_START, source::Texts};
use limitrate_core::{
    facts::{FactDecl, FactType, OwnedValue, Value},
    literal,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::Outcome;

use crate::{
    build::build,
    engines::{Event, Player, limiter, memory},
    history::{Act, Facts, Step},
    run::{Case, Found},
    seen::Seen,
};

const SECOND: i64 = 1_000_000_000;

/// The file of a difference.
#[must_use]
pub fn file(found: &Found) -> String {
    let Found { seed, policy, case, difference } = found;
    let mut text = format!(
        "# Found by the differential run of seed {seed} in policy {policy}: {} differs from the reference at step {}.\n",
        difference.who, difference.step
    );
    for (word, shown) in [("reference", &difference.expected), ("found", &difference.found)] {
        let _ = writeln!(text, "# {word}: {}", shown.replace('\n', " "));
    }
    let _ = writeln!(text, "{}", case.text.trim());
    text.push_str(&test(case).unwrap_or_default());
    text
}

/// A test that plays a case and expects what the reference shows; `None` where the policy does not compile.
#[must_use]
pub fn test(case: &Case) -> Option<String> {
    let built = build(&case.text, &Texts::default(), None).ok()?;
    let reference = built.policies.first()?;
    let limiter = limiter(reference.clone(), memory());
    let mut player = Player::new(&limiter, &case.names);
    let mut text = String::from("\ntest \"what the reference shows\" {\n");
    let mut now: Option<Timestamp> = None;
    for step in &case.steps {
        move_clock(&mut text, &mut now, step.at);
        let event = player.step(step);
        let _ = writeln!(text, "  {}", line(reference, case, step, &event));
    }
    text.push_str("}\n");
    Some(text)
}

fn move_clock(text: &mut String, now: &mut Option<Timestamp>, to: Timestamp) {
    let from = *now.get_or_insert_with(|| {
        let whole = Timestamp(to.0 - to.0.rem_euclid(SECOND));
        if whole >= TEST_START {
            let _ = writeln!(text, "  at {}", literal::write_instant(whole));
            whole
        } else {
            TEST_START
        }
    });
    let span = to.0 - from.0;
    if span > 0 {
        let _ = writeln!(text, "  wait {}", literal::write_duration(Nanos(span)));
    } else if span < 0 {
        let _ = writeln!(text, "  # the clock steps back by {} ns", -span);
    }
    *now = Some(to);
}

fn line(policy: &Arc<Policy>, case: &Case, step: &Step, event: &Event<'_>) -> String {
    match (&step.act, event) {
        (Act::Send(facts), Event::Decided(seen)) => {
            let text = |name: &str, otherwise: &str| {
                let found =
                    facts.iter().find(|(fact, _)| case.names.get(*fact).is_some_and(|n| **n == *name));
                match found {
                    Some((_, OwnedValue::Str(text))) => text.to_string(),
                    _ => otherwise.to_owned(),
                }
            };
            let with = binds(policy, case, facts);
            let with = if with.is_empty() { with } else { format!(" with {with}") };
            let (method, path) = (text("method", "GET"), text("path", "/"));
            format!("send {method} {path:?}{with} expect {}", expected(policy, seen))
        }
        (Act::Reply { back, facts }, _) => {
            let with = binds(policy, case, facts);
            let with = if with.is_empty() { with } else { format!(" with {with}") };
            format!("# the request {back} before the last is answered:\n  reply 200{with}")
        }
        (Act::Release { back }, _) => format!("# nothing is known of the request {back} before the last"),
        (Act::Send(_), Event::Replied(_)) => String::new(),
    }
}

fn expected(policy: &Policy, seen: &Seen<'_>) -> String {
    match seen.outcome {
        Outcome::Allow => "allow".to_owned(),
        Outcome::Exempt => "exempt".to_owned(),
        Outcome::Deny => format!("deny {}", seen.status),
        Outcome::Downgrade => {
            let facts = &policy.program().facts;
            let changes = seen.changes.iter().filter_map(|(fact, value)| {
                let decl = &facts.get(usize::from(fact.0))?.decl;
                Some(format!("{} = {}", decl.name, written(decl, value)?))
            });
            format!("downgrade {}", changes.collect::<Vec<_>>().join(", "))
        }
        // Outcomes that a later version adds have no word here.
        Outcome::Reject | _ => {
            let by = seen.limits.iter().find(|limit| limit.verdict.judged.is_err()).map(|limit| &limit.name);
            by.map_or("reject".to_owned(), |by| format!("reject by {by}"))
        }
    }
}

/// Facts as a test writes them; those that it cannot write are left out.
fn binds(policy: &Policy, case: &Case, facts: &Facts) -> String {
    let declared = &policy.program().facts;
    let binds = facts.iter().filter_map(|(position, value)| {
        let name = case.names.get(*position)?;
        if matches!(&**name, "method" | "path" | "response.status") {
            return None;
        }
        let decl = &declared.iter().find(|fact| fact.decl.name == *name)?.decl;
        Some(format!("{name} = {}", written(decl, value)?))
    });
    binds.collect::<Vec<_>>().join(", ")
}

/// A value in the fact's type; `None` where it is outside it.
fn written(decl: &FactDecl, value: &OwnedValue) -> Option<String> {
    match (&decl.ty, value) {
        (FactType::String | FactType::Key, OwnedValue::Str(text)) => Some(format!("{text:?}")),
        (FactType::OneOf(members), OwnedValue::Str(text)) => {
            members.contains(text).then(|| format!("{text:?}"))
        }
        (FactType::Plan(members), OwnedValue::Str(text)) => members.contains(text).then(|| text.to_string()),
        (FactType::Bool, OwnedValue::Bool(_)) | (FactType::Ip, OwnedValue::Ip(_)) => {
            Some(literal::write_fact(&decl.ty, value.borrow()))
        }
        (
            FactType::Int { .. }
            | FactType::Percent
            | FactType::Quantity(_)
            | FactType::Price(_)
            | FactType::Duration
            | FactType::Instant
            | FactType::Date
            | FactType::Clock,
            OwnedValue::Int(number),
        ) => Some(literal::write_fact(&decl.ty, Value::Int(*number))),
        _ => None,
    }
}

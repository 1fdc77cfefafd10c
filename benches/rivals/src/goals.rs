//! What is to be reached: each goal is a ratio within the run, or a size.

use crate::{
    footprint::Footprint,
    memory, policies,
    report::{Goal, Row, Section},
    sample::Effort,
};

/// In this order.
pub const SECTIONS: [&str; 6] = ["keyed", "limits", "deciding", "growing", "loading", "memory"];

/// Measures a section, and compares it with its goals.
pub fn measured(section: &str, effort: Effort) -> (Option<Section>, Vec<Row>) {
    let (section, goals): (Section, fn(&Section) -> Vec<Row>) = match section {
        "keyed" => (memory::keyed(effort), keyed),
        "limits" => (memory::limits(effort), limits),
        "deciding" => (policies::deciding(effort), deciding),
        "growing" => (policies::growing(effort), growing),
        "loading" => (policies::loading(effort), loading),
        "memory" => return (None, footprints()),
        other => panic!("no section is called {other}"),
    };
    let rows = goals(&section);
    (Some(section), rows)
}

/// A ratio of two medians of a column.
fn ratio(
    section: &Section,
    what: &'static str,
    head: &str,
    ours: &str,
    other: &'static str,
    goal: Goal,
) -> Row {
    let (ours, theirs) = (section.get(head, ours), section.get(head, other));
    Row { what, ours, unit: "ns", other, theirs, goal }
}

fn keyed(section: &Section) -> Vec<Row> {
    use memory::{FLAT, OURS, PRECISE, SHIPPED, TUNED};
    let row = |what, head, ours, other, goal| ratio(section, what, head, ours, other, goal);
    let uniform = "1M keys, uniform";
    let uniform_on_two = "1M keys, uniform, 2 threads";
    let zipf = "1M keys, zipf";
    vec![
        row("one hot key", "one hot key", OURS, SHIPPED, Goal::Within(1.0)),
        row("one hot key", "one hot key", OURS, TUNED, Goal::Faster(1.5)),
        row("one hot key, precise clock", "one hot key", PRECISE, SHIPPED, Goal::Within(1.0)),
        row("one hot key, 2 threads", "one hot key, 2 threads", OURS, TUNED, Goal::Faster(2.0)),
        row("1M keys, uniform", uniform, OURS, TUNED, Goal::Faster(3.6)),
        row("1M keys, uniform", uniform, OURS, SHIPPED, Goal::Faster(8.0)),
        row("1M keys, uniform", uniform, OURS, FLAT, Goal::Within(1.9)),
        row("1M keys, uniform, precise clock", uniform, PRECISE, SHIPPED, Goal::Faster(3.0)),
        row("1M keys, uniform, 2 threads", uniform_on_two, OURS, TUNED, Goal::Faster(4.0)),
        row("1M keys, uniform, 2 threads", uniform_on_two, OURS, FLAT, Goal::Within(1.8)),
        row("1M keys, uniform, 16 at once", "1M keys, uniform, 16 at once", OURS, FLAT, Goal::Within(1.4)),
        row("1M keys, zipf", zipf, OURS, TUNED, Goal::Faster(3.0)),
        row("1M keys, zipf", zipf, OURS, FLAT, Goal::Within(1.8)),
    ]
}

fn limits(section: &Section) -> Vec<Row> {
    use memory::{LIMITADOR, OURS, SHIPPED, SHIPPED_ONCE, TUNED, TUNED_ONCE};
    let row = |what, head, other, goal| ratio(section, what, head, OURS, other, goal);
    vec![
        row("three limits, all or none", "3 in a hierarchy", SHIPPED_ONCE, Goal::Within(2.0)),
        row("three limits, all or none", "3 in a hierarchy", TUNED_ONCE, Goal::Within(2.0)),
        row("three limits, all or none", "3 in a hierarchy", TUNED, Goal::Within(1.0)),
        row("refused", "1 refused", SHIPPED, Goal::Within(1.0)),
        row("one limit with a condition", "1 with 1 condition", LIMITADOR, Goal::Faster(60.0)),
        row("ten limits with two conditions", "10 with 2 conditions each", LIMITADOR, Goal::Faster(100.0)),
    ]
}

fn deciding(section: &Section) -> Vec<Row> {
    use policies::{INDEX, OURS, STRAIGHT, WIREFILTER};
    let row = |what, head, other, goal| ratio(section, what, head, OURS, other, goal);
    let (one, two) = (section.get("100 rules", OURS), section.get("100 rules, 2 threads", OURS));
    vec![
        row("1 rule", "1 rule", WIREFILTER, Goal::Faster(11.0)),
        row("1 rule", "1 rule", STRAIGHT, Goal::Within(4.0)),
        row("10 rules", "10 rules", WIREFILTER, Goal::Faster(7.0)),
        row("10 rules", "10 rules", STRAIGHT, Goal::Within(5.5)),
        row("100 rules", "100 rules", WIREFILTER, Goal::Faster(11.0)),
        row("100 rules", "100 rules", STRAIGHT, Goal::Within(4.0)),
        row("1 000 rules", "1000 rules", WIREFILTER, Goal::Faster(100.0)),
        row("1 000 rules", "1000 rules", INDEX, Goal::Within(1.6)),
        Row {
            what: "100 rules, 2 threads, each",
            ours: two,
            unit: "ns",
            other: "one thread",
            theirs: one,
            goal: Goal::Within(1.05),
        },
    ]
}

fn growing(section: &Section) -> Vec<Row> {
    use policies::{INTERPRETED, OURS};
    let row = |what, head, name, goal| Row {
        what,
        ours: section.get(head, name),
        unit: "ns",
        other: "10 rules",
        theirs: section.get("10 rules", name),
        goal,
    };
    vec![
        row("1 000 rules", "1000 rules", OURS, Goal::Within(2.0)),
        row("10 000 rules", "10000 rules", OURS, Goal::Within(3.0)),
        row("1 000 rules, interpreted", "1000 rules", INTERPRETED, Goal::Within(2.0)),
        row("10 000 rules, interpreted", "10000 rules", INTERPRETED, Goal::Within(3.0)),
    ]
}

fn loading(section: &Section) -> Vec<Row> {
    use policies::{CHECKED, OURS, ROTO};
    let row = |what, head, ours, goal| {
        let (ours, theirs) = (section.get(head, ours) / 1e6, section.get(head, ROTO) / 1e6);
        Row { what, ours, unit: "ms", other: ROTO, theirs, goal }
    };
    vec![
        row("compile 100 rules", "100 rules", OURS, Goal::Faster(10.0)),
        row("compile 100 rules, first decision", "100 rules", CHECKED, Goal::Faster(88.0)),
        row("compile 1 000 rules", "1000 rules", OURS, Goal::Faster(10.0)),
        row("compile 1 000 rules, first decision", "1000 rules", CHECKED, Goal::Faster(88.0)),
    ]
}

fn footprints() -> Vec<Row> {
    let most = |what, footprint: Footprint, per: f64, unit, most| Row {
        what,
        ours: footprint.take() / per,
        unit,
        other: "",
        theirs: 0.0,
        goal: Goal::AtMost(most),
    };
    let (key, governor) = (Footprint::Key.take(), Footprint::GovernorKey.take());
    vec![
        most("resident, 100 000 visitors of `examples/website.rl`", Footprint::Website, 1e6, "MB", 50.0),
        Row { what: "a key of 1M", ours: key, unit: "B", other: "", theirs: 0.0, goal: Goal::AtMost(64.0) },
        Row {
            what: "a key of 1M",
            ours: key,
            unit: "B",
            other: memory::SHIPPED,
            theirs: governor,
            goal: Goal::Within(1.0),
        },
        most("code and tables of 1 000 rules", Footprint::Policy, 1e6, "MB", 8.0),
    ]
}

//! What generations of machine code leave behind: nothing, and no memory that is writable and executable at once. Alone in
//! its process, so that no other test's memory is counted.
#![cfg(all(feature = "jit", target_os = "linux"))]
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

use std::{collections::VecDeque, fs, sync::Arc};

use limitrate_compiler::{
    Engine, Policy, compile,
    outcome::RawOutcome,
    policy::{Scratch, Serving},
    request::Request,
};
use limitrate_core::{
    facts::{FactId, Value},
    time::Timestamp,
};

const TEXT: &str = "input { user : key  size : int in 0..1000 = 0 }\n\
                    rule big { if size > 900 then deny \"too big\" }\n\
                    rule api { limit 5 req/min per user costing size * 1 req }\n";

/// How many generations are read at once: each is let go so many reloads after it was made.
const READ_AT_ONCE: usize = 32;

struct Sent(i64);

impl Request for Sent {
    fn value(&self, fact: FactId) -> Value<'_> {
        if fact.0 == 0 { Value::Str("ada") } else { Value::Int(self.0) }
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

/// The number of mappings and the resident pages of this process. No mapping may be written and executed.
fn footprint() -> (usize, usize) {
    let maps = fs::read_to_string("/proc/self/maps").expect("mappings");
    let both = maps.lines().find(|line| {
        let rights = line.split(' ').nth(1).unwrap_or_default();
        rights.contains('w') && rights.contains('x')
    });
    assert_eq!(both, None);
    let statm = fs::read_to_string("/proc/self/statm").expect("memory");
    (
        maps.lines().count(),
        statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages"),
    )
}

/// A reload: the text is compiled anew, decides by the interpreter, then by machine code.
fn reload(generation: i64) -> Arc<Policy> {
    let accepted = compile("x.rl", TEXT.as_bytes(), Engine::Tiered);
    let policy = accepted.expect("a valid policy").policy;
    decide(&policy, generation);
    policy.generate();
    assert_eq!(policy.serving(), Serving::Native, "{:?}", policy.interpreted());
    decide(&policy, generation);
    Arc::new(policy)
}

fn decide(policy: &Policy, generation: i64) {
    let mut scratch = Scratch::default();
    let size = generation % 900;
    assert_eq!(policy.decide(&Sent(size), &mut scratch), RawOutcome::Charges);
    assert_eq!(scratch.sites.first().map(|site| (site.ceiling, site.cost)), Some((5, size)));
}

/// Reloads a policy so many times. Readers hold the last generations, and decide by the oldest of them.
fn reload_often(times: i64, held: &mut VecDeque<Arc<Policy>>) {
    for generation in 0..times {
        held.push_back(reload(generation));
        if let Some(oldest) = held.front() {
            decide(oldest, generation);
        }
        if held.len() > READ_AT_ONCE {
            held.pop_front();
        }
    }
}

#[test]
fn ten_thousand_reloads_leave_no_mapping_and_no_memory_behind() {
    let mut held = VecDeque::new();
    reload_often(200, &mut held); // what allocators and the code generator keep for themselves
    let (maps, pages) = footprint();
    reload_often(10_000, &mut held);
    let (maps_after, pages_after) = footprint();
    assert!(maps_after <= maps + 8, "{maps} mappings became {maps_after}");
    assert!(pages_after <= pages + 512, "{pages} resident pages became {pages_after}");
    held.clear();
    let (maps_alone, _) = footprint();
    // Mappings of one kind side by side count as one, so that most generations share theirs.
    assert!(maps_alone <= maps_after, "{maps_after} mappings became {maps_alone}");
}

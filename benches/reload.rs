//! Requests at a steady rate while the policy is reloaded again and again: none may fail, and hardly one be slower.
//!
//!   cargo bench --bench reload [-- RELOADS]
//!
//! Prints the latency of requests, from the instant they were due, and how long deciding them took, with reloads and without,
//! and the resident memory before and after. A reload reads a file, compiles it to machine code and swaps it in. So that what
//! compiling takes from other threads is told from what swapping does, a policy that nobody uses is compiled as often.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench prints, measures real time, and fails by panicking"
)]

use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use limitrate::{
    prelude::*,
    runtime::{
        LiveLimiter,
        load::compile_file,
        reload::{Reload, ReloadOptions, Watching},
        store::{MemoryOptions, MemoryStore},
    },
};

/// Between two requests: 5 000 a second.
const PERIOD: Duration = Duration::from_micros(200);

/// Between two reloads.
const PAUSE: Duration = Duration::from_millis(10);

/// Rules of the policy.
const RULES: usize = 100;

/// A policy of as many rules, other in each version.
fn text(version: usize) -> String {
    let mut text = String::from(
        "use std.http\ninput { user : key }\nrule all { limit all: 1000000 req/min per user }\n",
    );
    for rule in 0..RULES {
        let ceiling = 1_000_000 + (rule + version) % 7;
        text.push_str(&format!(
            "rule r{rule} {{ on GET \"/v{rule}/**\" limit l{rule}: {ceiling} req/min per user }}\n"
        ));
    }
    text
}

/// What became of the requests of a run.
struct Run {
    /// From when they were due until they were answered, in ascending order: a thread that was not woken in time included.
    latencies: Vec<Duration>,
    /// From when the thread began with them, in ascending order.
    decisions: Vec<Duration>,
    refused: usize,
}

/// The duration that so much of them does not exceed.
fn at(durations: &[Duration], share: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in a list")]
    let position = (durations.len() as f64 * share) as usize;
    durations[position.min(durations.len() - 1)]
}

/// Decides requests at the rate until `done`.
fn requests(live: &LiveLimiter<Arc<MemoryStore>>, done: impl Fn(usize) -> bool) -> Run {
    let (mut latencies, mut decisions, mut refused) = (Vec::new(), Vec::new(), 0);
    let mut due = Instant::now();
    for number in 0.. {
        if done(number) {
            break;
        }
        due += PERIOD;
        while let Some(wait) = due.checked_duration_since(Instant::now()) {
            if wait > Duration::from_micros(80) { thread::sleep(wait / 2) } else { std::hint::spin_loop() }
        }
        let begun = Instant::now();
        let limiter = live.current();
        let path = format!("/v{}/x", number % RULES);
        let facts = [
            (limiter.fact("user").unwrap(), Value::Str("ada")),
            (limiter.fact("method").unwrap(), Value::Str("GET")),
            (limiter.fact("path").unwrap(), Value::Str(&path)),
        ];
        refused += usize::from(!limiter.decide(&facts).outcome().passes());
        decisions.push(begun.elapsed());
        latencies.push(due.elapsed());
    }
    latencies.sort_unstable();
    decisions.sort_unstable();
    Run { latencies, decisions, refused }
}

/// Resident memory, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn main() {
    let reloads: usize = env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.rl");
    let beside = folder.path().join("api.rl.new");
    fs::write(&path, text(0)).unwrap();
    let policy = Arc::new(compile_file(&path, Engine::Native).unwrap().policy);
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let live = Arc::new(LiveLimiter::local(policy, store, LimiterOptions::default()));
    let told = Arc::new(AtomicUsize::new(0));
    let heard = told.clone();
    let watching = Watching::start(&path, live.clone(), ReloadOptions::default(), move |reload| {
        assert!(matches!(reload, Reload::Replaced { .. }), "{reload:?}");
        heard.fetch_add(1, Relaxed);
    })
    .unwrap();

    // A hundred reloads first: what is allocated once is not what grows.
    let reload = |from: usize, many: usize| {
        for version in from..from + many {
            // As deployments do: a file is never half there.
            fs::write(&beside, text(version)).unwrap();
            fs::rename(&beside, &path).unwrap();
            watching.look();
            thread::sleep(PAUSE);
        }
    };
    reload(1, 100);
    let plain = requests(&live, |number| number >= 25_000);
    // The same work, on a policy that nobody uses.
    let done = AtomicBool::new(false);
    let beside_it = thread::scope(|scope| {
        let run = scope.spawn(|| requests(&live, |_| done.load(Relaxed)));
        let idle = folder.path().join("idle.rl");
        for version in 0..reloads {
            fs::write(&idle, text(version)).unwrap();
            drop(compile_file(&idle, Engine::Native).unwrap());
            thread::sleep(PAUSE);
        }
        done.store(true, Relaxed);
        run.join().unwrap()
    });
    let before = resident();
    let done = AtomicBool::new(false);
    let busy = thread::scope(|scope| {
        let run = scope.spawn(|| requests(&live, |_| done.load(Relaxed)));
        reload(101, reloads);
        done.store(true, Relaxed);
        run.join().unwrap()
    });
    let after = resident();

    for (name, run) in [("no reloads", &plain), ("compiling, not reloading", &beside_it), ("reloads", &busy)]
    {
        println!("{name}: {} requests, {} refused", run.latencies.len(), run.refused);
        for (what, durations) in [("since they were due", &run.latencies), ("deciding", &run.decisions)] {
            let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| at(durations, share));
            println!("  {what:<20} p50 {p50:?}, p99 {p99:?}, longest {most:?}");
        }
    }
    let ratio =
        |of: fn(&Run) -> &[Duration]| at(of(&busy), 0.99).as_secs_f64() / at(of(&plain), 0.99).as_secs_f64();
    println!(
        "{} reloads told; p99 of deciding {:.2} of that without (goal 2), since they were due {:.2}",
        told.load(Relaxed),
        ratio(|run| &run.decisions),
        ratio(|run| &run.latencies)
    );
    println!("resident {before} KiB before, {after} KiB after");
    assert_eq!(plain.refused + busy.refused, 0, "a request failed");
}

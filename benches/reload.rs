//! Requests at a steady rate while the policy is reloaded again and again: none may fail, and hardly one be slower.
//!
//!   cargo bench --bench reload [-- RELOADS]
//!
//! Prints the latency of requests, from the instant they were due, with reloads and without, and the resident memory before
//! and after. A reload reads a file, compiles it to machine code and swaps it in.
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
    /// In ascending order.
    latencies: Vec<Duration>,
    refused: usize,
}

impl Run {
    fn at(&self, share: f64) -> Duration {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in a list")]
        let position = (self.latencies.len() as f64 * share) as usize;
        self.latencies[position.min(self.latencies.len() - 1)]
    }
}

/// Decides requests at the rate until `done`.
fn requests(live: &LiveLimiter<Arc<MemoryStore>>, done: impl Fn(usize) -> bool) -> Run {
    let (mut latencies, mut refused) = (Vec::new(), 0);
    let mut due = Instant::now();
    for number in 0.. {
        if done(number) {
            break;
        }
        due += PERIOD;
        while let Some(wait) = due.checked_duration_since(Instant::now()) {
            if wait > Duration::from_micros(80) { thread::sleep(wait / 2) } else { std::hint::spin_loop() }
        }
        let limiter = live.current();
        let path = format!("/v{}/x", number % RULES);
        let facts = [
            (limiter.fact("user").unwrap(), Value::Str("ada")),
            (limiter.fact("method").unwrap(), Value::Str("GET")),
            (limiter.fact("path").unwrap(), Value::Str(&path)),
        ];
        refused += usize::from(!limiter.decide(&facts).outcome().passes());
        latencies.push(due.elapsed());
    }
    latencies.sort_unstable();
    Run { latencies, refused }
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
    let before = resident();
    let done = AtomicBool::new(false);
    let busy = thread::scope(|scope| {
        let run = scope.spawn(|| requests(&live, |_| done.load(Relaxed)));
        reload(101, reloads);
        done.store(true, Relaxed);
        run.join().unwrap()
    });
    let after = resident();

    for (name, run) in [("no reloads", &plain), ("reloads", &busy)] {
        let (p50, p99, most) = (run.at(0.5), run.at(0.99), run.at(1.0));
        let (requests, refused) = (run.latencies.len(), run.refused);
        println!(
            "{name}: {requests} requests, {refused} refused, p50 {p50:?}, p99 {p99:?}, longest {most:?}"
        );
    }
    let ratio = busy.at(0.99).as_secs_f64() / plain.at(0.99).as_secs_f64();
    println!("{} reloads told; p99 {ratio:.2} of that without (goal 2)", told.load(Relaxed));
    println!("resident {before} KiB before, {after} KiB after");
    assert_eq!(plain.refused + busy.refused, 0, "a request failed");
}

//! What is counted of changes of a policy's files: on a thread of the library's own, so by a recorder that hears the whole process.

use std::{fs, sync::Arc, time::Duration};

use limitrate_compiler::Engine;
use limitrate_runtime::{
    LimiterOptions, LiveLimiter,
    load::compile_file,
    reload::{ReloadOptions, Watching},
    store::{MemoryOptions, MemoryStore},
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

const ONE: &str = "input { user : key }\nrule one { limit 1 req/min per user }\n";

#[test]
fn each_change_is_counted_by_what_came_of_it() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.rl");
    fs::write(&path, ONE).unwrap();
    let policy = Arc::new(compile_file(&path, Engine::Interpreter).unwrap().policy);
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let live = Arc::new(LiveLimiter::local(policy, store, LimiterOptions::default()));
    let hour = Duration::from_secs(3_600);
    let options = ReloadOptions { engine: Engine::Interpreter, quiet: hour, look_every: hour };
    let watching = Watching::start(&path, live, options, |_| {}).unwrap();
    // What is found twice is counted once.
    for text in [ONE, "", "rule {", &ONE.replace("one", "two"), "", &ONE.replace("one", "three")] {
        fs::write(&path, text).unwrap();
        watching.look();
        watching.look();
    }
    fs::remove_file(&path).unwrap();
    watching.look();
    let mut counted: Vec<(String, u64)> = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        if key.key().name() == "limitrate_reloads_total"
            && let DebugValue::Counter(count) = value
        {
            counted.extend(key.key().labels().map(|label| (label.value().to_owned(), count)));
        }
    }
    counted.sort();
    let expected = [("empty", 2), ("rejected", 1), ("replaced", 2), ("unreadable", 1)];
    assert_eq!(counted, expected.map(|(outcome, count)| (outcome.to_owned(), count)));
}

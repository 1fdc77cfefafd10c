//! Files of a policy that change in all the ways in which files change.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use limitrate_compiler::Engine;
use limitrate_runtime::{
    LimiterOptions, LiveLimiter,
    load::compile_file,
    reload::{Reload, ReloadOptions, Watching},
    store::{MemoryOptions, MemoryStore},
};

/// A policy's folder, the limiter that follows it, and what it told.
struct World {
    folder: tempfile::TempDir,
    path: PathBuf,
    live: Arc<LiveLimiter<Arc<MemoryStore>>>,
    told: Arc<Mutex<Vec<String>>>,
    watching: Watching,
}

const ONE: &str = "input { user : key }\nrule one { limit 1 req/min per user }\n";
const TWO: &str = "input { user : key }\nrule two { limit 2 req/min per user }\n";

/// The first rule of the policy that is in force.
fn rule_of(live: &LiveLimiter<Arc<MemoryStore>>) -> String {
    let limiter = live.current();
    limiter.policy().program().origins.first().map(|origin| origin.name.clone()).unwrap_or_default()
}

/// What is told of a change, in words.
fn word(reload: &Reload) -> String {
    match reload {
        Reload::Replaced { .. } => "replaced".to_owned(),
        Reload::Rejected(rejected) => rejected.diagnostics.sorted()[0].code.to_string(),
        Reload::Unreadable(error) => format!("unreadable: {error}"),
        Reload::Empty => "empty".to_owned(),
        other => format!("{other:?}"),
    }
}

impl World {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.rl");
        fs::write(&path, text).unwrap();
        Self::of(folder, path)
    }

    fn of(folder: tempfile::TempDir, path: PathBuf) -> Self {
        Self::with(folder, path, |_| {})
    }

    /// A policy that is compiled, then changed, then watched. Its files are read when somebody looks, and not while they are written.
    fn with(folder: tempfile::TempDir, path: PathBuf, change: impl FnOnce(&Path)) -> Self {
        Self::quiet_for(Duration::from_secs(3_600), folder, path, change)
    }

    /// The same, where files are left alone for so long.
    fn quiet_for(
        quiet: Duration,
        folder: tempfile::TempDir,
        path: PathBuf,
        change: impl FnOnce(&Path),
    ) -> Self {
        let policy = Arc::new(compile_file(&path, Engine::Interpreter).unwrap().policy);
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let live = Arc::new(LiveLimiter::local(policy, store, LimiterOptions::default()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let options =
            ReloadOptions { engine: Engine::Interpreter, quiet, look_every: Duration::from_secs(3_600) };
        change(&path);
        let watching = Watching::start(&path, live.clone(), options, move |reload| {
            heard.lock().unwrap().push(word(reload));
        });
        Self { folder, path, live, told, watching: watching.unwrap() }
    }

    fn rule(&self) -> String {
        rule_of(&self.live)
    }

    /// Looks at the files now.
    #[track_caller]
    fn expect(&self, rule: &str, told: &[&str]) {
        self.watching.look();
        assert_eq!(self.rule(), rule);
        assert_eq!(*self.told.lock().unwrap(), told);
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn a_file_that_is_written_is_in_force() {
    let world = World::new(ONE);
    world.expect("one", &[]);
    fs::write(&world.path, TWO).unwrap();
    world.expect("two", &["replaced"]);
    world.expect("two", &["replaced"]);
    assert_eq!(world.live.generation(), 2);
}

#[test]
fn what_changed_before_it_was_watched_is_noticed() {
    for (text, rule, told) in
        [(TWO, "two", vec!["replaced"]), ("", "one", vec!["empty"]), (ONE, "one", vec![])]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.rl");
        fs::write(&path, ONE).unwrap();
        let world = World::with(folder, path, |path| fs::write(path, text).unwrap());
        world.expect(rule, &told);
        fs::write(&world.path, TWO.replace("two", "three")).unwrap();
        world.watching.look();
        assert_eq!(world.rule(), "three");
    }
}

#[test]
fn what_changed_before_it_was_watched_waits_until_it_is_quiet_or_somebody_looks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.rl");
    fs::write(&path, ONE).unwrap();
    let hour = Duration::from_secs(3_600);
    let world = World::quiet_for(hour, folder, path, |path| fs::write(path, TWO).unwrap());
    assert_eq!((world.rule().as_str(), world.told.lock().unwrap().len()), ("one", 0));
    world.expect("two", &["replaced"]);
}

#[test]
fn what_changed_before_it_was_watched_needs_nobody_to_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.rl");
    fs::write(&path, ONE).unwrap();
    let policy = Arc::new(compile_file(&path, Engine::Interpreter).unwrap().policy);
    fs::write(&path, TWO).unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let live = Arc::new(LiveLimiter::local(policy, store, LimiterOptions::default()));
    let options = ReloadOptions { look_every: Duration::from_secs(3_600), ..ReloadOptions::default() };
    let watching = Watching::start(&path, live, options, move |reload| {
        let _ = told.send(matches!(reload, Reload::Replaced { .. }));
    });
    assert_eq!(heard.recv_timeout(Duration::from_secs(30)), Ok(true));
    drop(watching.unwrap());
}

#[test]
fn what_is_written_again_as_it_was_changes_nothing() {
    let world = World::new(ONE);
    fs::write(&world.path, ONE).unwrap();
    world.expect("one", &[]);
}

#[test]
fn a_policy_that_does_not_compile_leaves_the_last_good_one_and_is_told_once() {
    let world = World::new(ONE);
    fs::write(&world.path, ONE.replace("req", "tok")).unwrap();
    world.watching.look();
    world.watching.look();
    assert_eq!(world.rule(), "one");
    assert_eq!(world.told.lock().unwrap().len(), 1);
    fs::write(&world.path, TWO).unwrap();
    world.watching.look();
    assert_eq!(world.rule(), "two");
}

#[test]
fn a_file_that_is_truncated_first_is_never_taken_for_a_policy_without_limits() {
    let world = World::new(ONE);
    fs::write(&world.path, "").unwrap();
    world.expect("one", &["empty"]);
    fs::write(&world.path, TWO).unwrap();
    world.expect("two", &["empty", "replaced"]);
}

#[test]
fn a_file_that_is_renamed_over_is_in_force() {
    let world = World::new(ONE);
    fs::write(world.file("api.rl.swp"), TWO).unwrap();
    fs::rename(world.file("api.rl.swp"), &world.path).unwrap();
    world.expect("two", &["replaced"]);
}

#[test]
fn a_file_that_is_deleted_leaves_its_policy_until_it_is_there_again() {
    let world = World::new(ONE);
    fs::remove_file(&world.path).unwrap();
    world.watching.look();
    assert_eq!((world.rule().as_str(), world.told.lock().unwrap().len()), ("one", 1));
    fs::write(&world.path, TWO).unwrap();
    world.watching.look();
    assert_eq!(world.rule(), "two");
}

#[test]
fn a_module_that_changes_changes_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.rl");
    let module = |vip: &str| format!("module people\nset vips = \"{vip}\"\n");
    fs::write(folder.path().join("people.rl"), module("ada")).unwrap();
    let text = "use people (vips)\ninput { user : key }\nrule one { if user in vips then exempt \"vip\" }\n";
    fs::write(&path, text).unwrap();
    let world = World::of(folder, path);
    fs::write(world.file("people.rl"), module("bob")).unwrap();
    world.watching.look();
    assert_eq!(*world.told.lock().unwrap(), ["replaced"]);
}

#[cfg(unix)]
#[test]
fn a_link_that_is_pointed_elsewhere_is_followed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, text) in [("1", ONE), ("2", TWO)] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("api.rl"), text).unwrap();
    }
    symlink("1", at("..data")).unwrap();
    symlink(Path::new("..data").join("api.rl"), at("api.rl")).unwrap();
    let path = at("api.rl");
    let world = World::of(folder, path);
    symlink("2", world.file("..next")).unwrap();
    fs::rename(world.file("..next"), world.file("..data")).unwrap();
    world.expect("two", &["replaced"]);
}

/// A policy in a folder of its own, whose files nobody looks at unless the system tells that they changed.
struct Told {
    folder: tempfile::TempDir,
    path: PathBuf,
    live: Arc<LiveLimiter<Arc<MemoryStore>>>,
    heard: Receiver<String>,
    _watching: Watching,
}

impl Told {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policies/api.rl");
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, ONE).unwrap();
        Self::of(folder, path)
    }

    fn of(folder: tempfile::TempDir, path: PathBuf) -> Self {
        let policy = Arc::new(compile_file(&path, Engine::Interpreter).unwrap().policy);
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let live = Arc::new(LiveLimiter::local(policy, store, LimiterOptions::default()));
        let options = ReloadOptions {
            engine: Engine::Interpreter,
            look_every: Duration::from_secs(3_600),
            ..ReloadOptions::default()
        };
        let (told, heard) = channel();
        let watching = Watching::start(&path, live.clone(), options, move |reload| {
            let _ = told.send(word(reload));
        });
        Self { folder, path, live, heard, _watching: watching.unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until something is told of a kind; of what is written meanwhile, a busy machine may have read a part.
    #[track_caller]
    fn hear(&self, kind: &str) {
        loop {
            let told = self.heard.recv_timeout(Duration::from_secs(30)).unwrap();
            if told.starts_with(kind) {
                return;
            }
        }
    }

    /// Waits until the policy with this rule is in force.
    #[track_caller]
    fn until(&self, rule: &str) {
        while rule_of(&self.live) != rule {
            self.hear("replaced");
        }
    }
}

const THREE: &str = "input { user : key }\nrule three { limit 3 req/min per user }\n";

#[test]
fn the_system_tells_of_files_that_are_written() {
    let told = Told::new();
    fs::write(&told.path, TWO).unwrap();
    told.until("two");
    fs::write(&told.path, THREE).unwrap();
    told.until("three");
}

#[test]
fn the_system_tells_of_files_that_are_renamed_over() {
    let told = Told::new();
    for (text, rule) in [(TWO, "two"), (THREE, "three")] {
        fs::write(told.at("policies/api.rl.swp"), text).unwrap();
        fs::rename(told.at("policies/api.rl.swp"), &told.path).unwrap();
        told.until(rule);
    }
    // From another folder, which is not watched.
    fs::write(told.at("api.rl"), ONE).unwrap();
    fs::rename(told.at("api.rl"), &told.path).unwrap();
    told.until("one");
}

#[test]
fn the_system_tells_of_files_that_are_truncated_and_then_written() {
    let told = Told::new();
    let mut file = fs::File::create(&told.path).unwrap();
    told.hear("empty");
    assert_eq!(rule_of(&told.live), "one");
    file.write_all(TWO.as_bytes()).unwrap();
    drop(file);
    told.until("two");
}

#[test]
fn the_system_tells_of_files_that_are_deleted_and_made_again() {
    let told = Told::new();
    for (text, rule) in [(TWO, "two"), (THREE, "three")] {
        fs::remove_file(&told.path).unwrap();
        told.hear("unreadable");
        fs::write(&told.path, text).unwrap();
        told.until(rule);
    }
}

#[test]
fn the_system_tells_of_folders_that_are_deleted_and_made_again() {
    let told = Told::new();
    for (text, rule) in [(TWO, "two"), (THREE, "three")] {
        fs::remove_dir_all(told.at("policies")).unwrap();
        told.hear("unreadable");
        fs::create_dir(told.at("policies")).unwrap();
        fs::write(&told.path, text).unwrap();
        told.until(rule);
    }
    // At once: whoever is told finds the new one there already, and follows it.
    fs::remove_dir_all(told.at("policies")).unwrap();
    fs::create_dir(told.at("policies")).unwrap();
    fs::write(&told.path, TWO).unwrap();
    told.until("two");
    fs::write(&told.path, ONE).unwrap();
    told.until("one");
}

#[test]
fn the_system_tells_of_folders_that_are_renamed() {
    let told = Told::new();
    for (text, rule, away) in [(TWO, "two", "old"), (THREE, "three", "older")] {
        fs::create_dir(told.at("next")).unwrap();
        fs::write(told.at("next/api.rl"), text).unwrap();
        fs::rename(told.at("policies"), told.at(away)).unwrap();
        fs::rename(told.at("next"), told.at("policies")).unwrap();
        told.until(rule);
    }
    fs::write(&told.path, ONE).unwrap();
    told.until("one");
}

#[test]
fn the_system_tells_of_modules_that_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.rl");
    let module = |vip: &str| format!("module people\nset vips = \"{vip}\"\n");
    fs::write(folder.path().join("people.rl"), module("ada")).unwrap();
    let text = "use people (vips)\ninput { user : key }\nrule one { if user in vips then exempt \"vip\" }\n";
    fs::write(&path, text).unwrap();
    let told = Told::of(folder, path);
    for vip in ["bob", "eve"] {
        fs::write(told.at("people.rl"), module(vip)).unwrap();
        told.hear("replaced");
    }
}

#[cfg(unix)]
#[test]
fn the_system_tells_of_links_that_are_pointed_elsewhere() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("policies")).unwrap();
    for (version, text) in [("1", ONE), ("2", TWO), ("3", THREE)] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("api.rl"), text).unwrap();
    }
    symlink("1", at("..data")).unwrap();
    symlink("../..data/api.rl", at("policies/api.rl")).unwrap();
    let path = at("policies/api.rl");
    let told = Told::of(folder, path);
    for (version, rule) in [("2", "two"), ("3", "three"), ("1", "one")] {
        symlink(version, told.at("..next")).unwrap();
        fs::rename(told.at("..next"), told.at("..data")).unwrap();
        told.until(rule);
    }
    // And the file behind them.
    fs::write(told.at("1/api.rl"), TWO).unwrap();
    told.until("two");
}

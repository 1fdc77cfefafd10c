//! What a policy's files say now, compared with what they said when they were last read.
//!
//! Nobody may write them while they are read. Where nobody says that they have been quiet, they are read twice, some time apart,
//! and both must agree.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

use limitrate_compiler::{
    Engine, Policy, Rejected,
    ir::Program,
    pipeline::compile_with,
    source::{LoadError, Loaded, Loader},
};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::load::{FileLoader, read_policy};

/// What was read, where it is not what was read before.
pub(super) enum Text {
    Policy(Box<Policy>),
    Rejected(Box<Rejected>),
    Unreadable(LoadError),
    Empty,
}

/// The files of one policy.
pub(super) struct Reading {
    path: PathBuf,
    /// The program that was in force at first.
    in_force: u128,
    /// What each file was when it was read last; nothing, while it is not known what is in force.
    read: Digests,
    /// What each file was when it was read first, where it is still to be read again.
    first: Option<Digests>,
}

/// What each file was, by its real path; `None` of one that could not be read.
type Digests = BTreeMap<PathBuf, Option<u128>>;

impl Reading {
    /// Reads the files a first time, to be compared with what is in force.
    pub(super) fn begin(path: PathBuf, in_force: &Program) -> Self {
        let mut reading = Self { path, in_force: digest_of(in_force), read: Digests::new(), first: None };
        let (text, now) = reading.compile(Engine::Interpreter);
        if reading.is_new(&text, &now) {
            reading.first = Some(now);
        } else {
            reading.read = now;
        }
        reading
    }

    /// The files.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.read.keys().chain(self.first.iter().flat_map(Digests::keys)).cloned().collect()
    }

    /// Whether the files say something new, and are to be read again.
    pub(super) const fn is_unsure(&self) -> bool {
        self.first.is_some()
    }

    /// What the files say, unless they say what they said before.
    pub(super) fn read(&mut self, engine: Engine) -> Option<Text> {
        self.first = None;
        if self.is_as_read() {
            return None;
        }
        let (text, now) = self.compile(engine);
        self.note(text, now)
    }

    /// The same, if it is what they said when they were last read by this.
    pub(super) fn read_twice(&mut self, engine: Engine) -> Option<Text> {
        let first = self.first.take();
        if self.is_as_read() {
            return None;
        }
        let (text, now) = self.compile(if first.is_some() { engine } else { Engine::Interpreter });
        if first.is_none_or(|first| first != now) && self.is_new(&text, &now) {
            self.first = Some(now);
            return None;
        }
        self.note(text, now)
    }

    fn is_as_read(&self) -> bool {
        !self.read.is_empty() && self.read.iter().all(|(path, digest)| digest_at(path) == *digest)
    }

    /// Whether this is not what is in force, as far as is known.
    fn is_new(&self, text: &Text, now: &Digests) -> bool {
        match text {
            Text::Policy(policy) if self.read.is_empty() => digest_of(policy.program()) != self.in_force,
            Text::Policy(_) | Text::Rejected(_) | Text::Unreadable(_) | Text::Empty => self.read != *now,
        }
    }

    /// Notes what was read, and gives it back where it is new.
    fn note(&mut self, text: Text, now: Digests) -> Option<Text> {
        let is_new = self.is_new(&text, &now);
        self.read = now;
        is_new.then_some(text)
    }

    /// Compiles the policy, and tells what was read for it.
    fn compile(&self, engine: Engine) -> (Text, Digests) {
        let bytes = match read_policy(&self.path) {
            Ok(bytes) => bytes,
            Err(error) => return (Text::Unreadable(error), Digests::from([(self.path.clone(), None)])),
        };
        let mut read = Digests::from([(self.path.clone(), Some(xxh3_128(&bytes)))]);
        // An editor that truncates a file before it writes it is not done yet. A policy without rules would allow all.
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return (Text::Empty, read);
        }
        let loader = Noting { inner: FileLoader::beside(&self.path), read: RefCell::default() };
        let compiled = compile_with(&self.path.to_string_lossy(), &bytes, engine, &loader);
        read.extend(loader.read.into_inner());
        let text = match compiled {
            Ok(accepted) => Text::Policy(Box::new(accepted.policy)),
            Err(rejected) => Text::Rejected(rejected),
        };
        (text, read)
    }
}

fn digest_at(path: &Path) -> Option<u128> {
    read_policy(path).ok().map(|bytes| xxh3_128(&bytes))
}

/// Names a program by all that it is made of.
fn digest_of(program: &Program) -> u128 {
    let mut digest = Digest(Xxh3::new());
    // Nothing that is only hashed fails.
    let _ = write!(digest, "{program:?}");
    digest.0.digest128()
}

/// Hashes what is written to it.
struct Digest(Xxh3);

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// A loader that notes which files it was asked for.
struct Noting {
    inner: FileLoader,
    read: RefCell<Digests>,
}

impl Loader for Noting {
    fn load(&self, module: &str, home: Option<&str>) -> Result<Loaded, LoadError> {
        let loaded = self.inner.load(module, home);
        if let Some(path) = self.inner.path(module, home) {
            let digest = loaded.as_ref().ok().map(|loaded| xxh3_128(&loaded.bytes));
            self.read.borrow_mut().insert(path, digest);
        }
        loaded
    }

    fn names(&self, home: Option<&str>) -> Vec<String> {
        self.inner.names(home)
    }

    fn place(&self, home: &str) -> Result<(), LoadError> {
        self.inner.place(home)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::load::compile_file;

    const ONE: &str = "input { user : key }\nrule one { limit 1 req/min per user }\n";
    const HALF: &str = "input { user : key }\n";
    const TWO: &str = "input { user : key }\nrule two { limit 2 req/min per user }\n";

    /// A policy in a file, and what reads it.
    struct World {
        _folder: tempfile::TempDir,
        path: PathBuf,
        reading: Reading,
    }

    impl World {
        /// A policy that is compiled, then changed, then read.
        fn new(changed: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("api.rl");
            fs::write(&path, ONE).unwrap();
            let policy = compile_file(&path, Engine::Interpreter).unwrap().policy;
            fs::write(&path, changed).unwrap();
            let reading = Reading::begin(path.clone(), policy.program());
            Self { _folder: folder, path, reading }
        }

        fn write(&self, text: &str) {
            fs::write(&self.path, text).unwrap();
        }

        fn read(&mut self) -> Option<String> {
            self.reading.read(Engine::Interpreter).map(name_of)
        }

        fn read_twice(&mut self) -> Option<String> {
            self.reading.read_twice(Engine::Interpreter).map(name_of)
        }
    }

    fn name_of(text: Text) -> String {
        match text {
            Text::Policy(policy) => {
                policy.program().origins.first().map_or("no rule", |origin| &origin.name).to_owned()
            }
            Text::Rejected(_) => "rejected".to_owned(),
            Text::Unreadable(_) => "unreadable".to_owned(),
            Text::Empty => "empty".to_owned(),
        }
    }

    #[test]
    fn what_is_found_by_chance_is_in_force_when_it_is_found_again() {
        let mut world = World::new(ONE);
        assert!(!world.reading.is_unsure());
        world.write(HALF);
        assert_eq!((world.read_twice(), world.reading.is_unsure()), (None, true));
        world.write(TWO);
        assert_eq!((world.read_twice(), world.reading.is_unsure()), (None, true), "it was being written");
        assert_eq!((world.read_twice().as_deref(), world.reading.is_unsure()), (Some("two"), false));
        assert_eq!((world.read_twice(), world.reading.is_unsure()), (None, false));
    }

    #[test]
    fn what_is_found_at_first_is_in_force_when_it_is_found_again() {
        let mut world = World::new(HALF);
        assert!(world.reading.is_unsure());
        world.write(TWO);
        assert_eq!((world.read_twice(), world.reading.is_unsure()), (None, true));
        assert_eq!((world.read_twice().as_deref(), world.reading.is_unsure()), (Some("two"), false));
    }

    #[test]
    fn what_is_found_and_then_undone_is_nothing_new() {
        for begun in [ONE, HALF] {
            let mut world = World::new(begun);
            if begun == ONE {
                world.write(HALF);
                assert_eq!((world.read_twice(), world.reading.is_unsure()), (None, true));
            }
            world.write(ONE);
            assert_eq!((world.read_twice(), world.reading.is_unsure()), (None, false));
            assert_eq!(world.read(), None);
        }
    }

    #[test]
    fn whoever_knows_that_nobody_writes_reads_once() {
        let mut world = World::new(TWO);
        assert_eq!((world.read().as_deref(), world.reading.is_unsure()), (Some("two"), false));
        world.write(ONE);
        assert_eq!(world.read_twice(), None);
        assert_eq!((world.read().as_deref(), world.reading.is_unsure()), (Some("one"), false));
        assert_eq!((world.read_twice(), world.reading.is_unsure()), (None, false));
    }
}

//! What a policy's files say now, compared with what they said when they were last read.

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
    /// What each file was when it was read, by its real path; `None` of one that could not be read.
    read: Digests,
}

type Digests = BTreeMap<PathBuf, Option<u128>>;

impl Reading {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, read: Digests::new() }
    }

    /// What the files say, unless that is what is in force.
    pub(super) fn begin(&mut self, engine: Engine, in_force: &Program) -> Option<Text> {
        match self.compile(Engine::Interpreter) {
            Text::Policy(policy) if digest_of(policy.program()) == digest_of(in_force) => None,
            // It changed since it was compiled.
            Text::Policy(_) => Some(self.compile(engine)),
            text @ (Text::Rejected(_) | Text::Unreadable(_) | Text::Empty) => Some(text),
        }
    }

    /// The files.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.read.keys().cloned().collect()
    }

    /// What the files say, unless they say what they said before.
    pub(super) fn read(&mut self, engine: Engine) -> Option<Text> {
        let before = self.read.clone();
        let is_as_before = before.iter().all(|(path, digest)| self.digest(path) == *digest);
        if is_as_before && !before.is_empty() {
            return None;
        }
        let text = self.compile(engine);
        (self.read != before).then_some(text)
    }

    fn digest(&self, path: &Path) -> Option<u128> {
        read_policy(path).ok().map(|bytes| xxh3_128(&bytes))
    }

    /// Compiles the policy, and notes what was read for it.
    fn compile(&mut self, engine: Engine) -> Text {
        self.read.clear();
        let bytes = match read_policy(&self.path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.read.insert(self.path.clone(), None);
                return Text::Unreadable(error);
            }
        };
        self.read.insert(self.path.clone(), Some(xxh3_128(&bytes)));
        // An editor that truncates a file before it writes it is not done yet. A policy without rules would allow all.
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Text::Empty;
        }
        let loader = Noting { inner: FileLoader::beside(&self.path), read: RefCell::default() };
        let compiled = compile_with(&self.path.to_string_lossy(), &bytes, engine, &loader);
        self.read.extend(loader.read.into_inner());
        match compiled {
            Ok(accepted) => Text::Policy(Box::new(accepted.policy)),
            Err(rejected) => Text::Rejected(rejected),
        }
    }
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

//! Compiling a policy for what is said about it.
//!
//! A text may hold several files: what follows a line `# file: shared/nets.rl` is the module of that place. The policy
//! itself is taken to lie at `platform/base.rl`.

#![allow(dead_code, reason = "each test program uses a part of it")]

use limitrate_compiler::{
    Engine,
    grammar::{code::Code, diagnostic::Diagnostic},
    pipeline::compile_with,
    source::{LoadError, Loaded, Loader, Sources, Texts},
};

/// What a line begins with that names the file of what follows.
const FILE: &str = "# file: ";

/// Where the policy lies.
const PLACE: &str = "platform.base";

/// Modules that are there and cannot be read, with why.
fn unreadable(module: &str) -> Option<LoadError> {
    let shown = format!("{}.rl", module.replace('.', "/"));
    Some(match module {
        "shared.link" => LoadError::OutsideRoot { shown },
        "shared.changing" => LoadError::Changed { shown },
        "shared.folder" => LoadError::NotAFile { shown, what: "a directory" },
        _ => return None,
    })
}

struct Folder(Texts);

impl Loader for Folder {
    fn load(&self, module: &str, home: Option<&str>) -> Result<Loaded, LoadError> {
        if let Some(error) = unreadable(module) {
            return Err(error);
        }
        let mut loaded = self.0.load(module, home)?;
        // Names that begin alike are spellings of one file here.
        loaded.identity = loaded.identity.trim_end_matches("_again").to_owned();
        if !module.starts_with("std.") {
            loaded.shown = format!("{}.rl", module.replace('.', "/"));
        }
        Ok(loaded)
    }

    fn names(&self, home: Option<&str>) -> Vec<String> {
        self.0.names(home)
    }

    fn place(&self, home: &str) -> Result<(), LoadError> {
        if PLACE.ends_with(home) {
            return Ok(());
        }
        Err(LoadError::Misplaced { expected: format!("{}.rl", home.replace('.', "/")) })
    }
}

/// The policy's own text and the modules beside it.
fn files(text: &str) -> (&str, Texts) {
    let mut parts = text.split(FILE);
    let own = parts.next().unwrap_or_default();
    let modules = parts.fold(Texts::default(), |texts, part| {
        let (path, text) = part.split_once('\n').unwrap_or((part, ""));
        texts.with(path.trim().trim_end_matches(".rl").replace('/', "."), text)
    });
    (own, modules)
}

/// Everything reported about a policy, in the order of its text, with the texts.
pub(crate) fn reports(text: &str) -> (Vec<Diagnostic>, Sources) {
    let (own, modules) = files(text);
    let compiled = compile_with("policy.rl", own.as_bytes(), Engine::Interpreter, &Folder(modules));
    let (all, sources) = match compiled {
        Ok(accepted) => (accepted.diagnostics, accepted.sources),
        Err(rejected) => (rejected.diagnostics, rejected.sources),
    };
    (all.sorted().into_iter().cloned().collect(), sources)
}

/// What small policies are told though nothing is wrong with them: tests about other things pass over it.
const PRACTICE: [Code; 3] = [Code::RL1304, Code::RL1305, Code::RL1306];

/// What is reported, but for what is only good practice and not `wanted`.
pub(crate) fn without_practice(mut found: Vec<Diagnostic>, wanted: &[Code]) -> Vec<Diagnostic> {
    found.retain(|diagnostic| wanted.contains(&diagnostic.code) || !PRACTICE.contains(&diagnostic.code));
    found
}

/// Everything reported about a policy, in the order of its text.
pub(crate) fn diagnostics(text: &str) -> Vec<Diagnostic> {
    reports(text).0
}

/// What is reported about a policy, lints of its logic aside: a row of a table need not use all it declares.
#[allow(dead_code, reason = "some tests look at everything")]
pub(crate) fn without_lints(text: &str) -> Vec<Diagnostic> {
    let mut all = diagnostics(text);
    all.retain(|diagnostic| !(Code::RL1004..=Code::RL1010).contains(&diagnostic.code));
    all
}

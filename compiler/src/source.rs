//! The texts that are compiled together, and where the modules they use come from.

use std::collections::BTreeMap;

use limitrate_grammar::span::SourceId;

/// A text with the name that diagnostics give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name shown to users: a path, or a module's name.
    pub name: String,
    /// The bytes as read; whether they are text is the parser's business.
    pub bytes: Vec<u8>,
}

/// All texts of one compilation. The policy's own file is the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text and gives the id its spans carry. At most 65 535 texts; more share the last id.
    pub fn add(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> SourceId {
        self.0.push(Source { name: name.into(), bytes: bytes.into() });
        SourceId(u16::try_from(self.0.len() - 1).unwrap_or(u16::MAX))
    }

    /// The text of this id.
    #[must_use]
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.0.get(usize::from(id.0))
    }

    /// All texts in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}

/// The most modules that one policy may use, those of modules included.
pub const MAX_MODULES: usize = 256;

/// The most bytes that all modules of one policy may have together: 64 MiB.
pub const MAX_MODULE_BYTES: usize = 64 << 20;

/// What the names of the standard library's modules begin with. No file can take such a name.
pub const STANDARD: &str = "std.";

/// A module as a [`Loader`] found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its text; whether it is one is the parser's business.
    pub bytes: Vec<u8>,
    /// What it is called in diagnostics: a path, or its name.
    pub shown: String,
    /// What it is, however it is reached: two names with one identity are one file under two spellings.
    pub identity: String,
}

/// Why a module was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is none of this name.
    #[error("not found")]
    NotFound,
    /// A link leads out of the folder that the policy's modules are in.
    #[error("`{shown}` is a link that leads out of the policy's folder")]
    OutsideRoot {
        /// The file.
        shown: String,
    },
    /// The file's own name differs from the module's, in capitals for one.
    #[error("the file is called `{shown}`")]
    OtherSpelling {
        /// The file, as it is called.
        shown: String,
    },
    /// The name is a directory's, a device's or a pipe's.
    #[error("`{shown}` is {what}")]
    NotAFile {
        /// The path.
        shown: String,
        /// What it is.
        what: &'static str,
    },
    /// The file changed while it was read, so that what was read may be no version of it.
    #[error("`{shown}` changed while it was read")]
    Changed {
        /// The file.
        shown: String,
    },
    /// The file is longer than a source may be.
    #[error("`{shown}` is longer than {} MiB", .most >> 20)]
    TooLong {
        /// The file.
        shown: String,
        /// The bound, in bytes.
        most: usize,
    },
    /// The system refused.
    #[error("`{shown}` cannot be read: {reason}")]
    Unreadable {
        /// The file.
        shown: String,
        /// Why, in the system's words.
        reason: String,
    },
    /// The file of the policy is not where its `module` line puts it.
    #[error("a module of this name is in `{expected}`")]
    Misplaced {
        /// The end of the path that the name asks for.
        expected: String,
    },
}

/// Finds modules by their names. The compiler itself reads no files.
///
/// Each call answers for itself: `home` is the name that the policy's own `module` line gives it, from which a loader
/// of files knows where the names of other modules begin.
pub trait Loader {
    /// The module called `module`.
    ///
    /// # Errors
    ///
    /// [`LoadError::NotFound`] if there is none; the other variants where there is one that cannot be taken.
    fn load(&self, module: &str, home: Option<&str>) -> Result<Loaded, LoadError>;

    /// Names that `load` knows, for suggestions; not necessarily all.
    fn names(&self, home: Option<&str>) -> Vec<String>;

    /// Whether the policy may call itself `home`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Misplaced`] where its place says otherwise.
    fn place(&self, home: &str) -> Result<(), LoadError> {
        let _ = home;
        Ok(())
    }
}

/// The modules of the standard library, embedded in the binary.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardLibrary;

impl Loader for StandardLibrary {
    fn load(&self, module: &str, _: Option<&str>) -> Result<Loaded, LoadError> {
        let found = limitrate_stdlib::MODULES.iter().find(|m| m.name == module).ok_or(LoadError::NotFound)?;
        Ok(Loaded {
            bytes: found.text.as_bytes().to_vec(),
            shown: module.to_owned(),
            identity: module.to_owned(),
        })
    }

    fn names(&self, _: Option<&str>) -> Vec<String> {
        limitrate_stdlib::MODULES.iter().map(|m| m.name.to_owned()).collect()
    }
}

/// Modules given as texts, beside the standard library: for tests, and for policies that come over a network.
#[derive(Debug, Clone, Default)]
pub struct Texts(BTreeMap<String, Vec<u8>>);

impl Texts {
    /// Adds a module, or replaces the one of this name. Names of the standard library stay with it.
    #[must_use]
    pub fn with(mut self, module: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        self.0.insert(module.into(), text.into());
        self
    }
}

impl Loader for Texts {
    fn load(&self, module: &str, home: Option<&str>) -> Result<Loaded, LoadError> {
        if module.starts_with(STANDARD) {
            return StandardLibrary.load(module, home);
        }
        let bytes = self.0.get(module).ok_or(LoadError::NotFound)?.clone();
        Ok(Loaded { bytes, shown: module.to_owned(), identity: module.to_owned() })
    }

    fn names(&self, home: Option<&str>) -> Vec<String> {
        let mut names = StandardLibrary.names(home);
        names.extend(self.0.keys().cloned());
        names
    }
}

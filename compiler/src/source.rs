//! The texts that are compiled together, and where the modules they use come from.

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

/// Finds the text of a module by its name. The compiler itself reads no files.
pub trait Loader {
    /// The text of `module`, such as `std.http`; `None` if there is no such module.
    fn load(&self, module: &str) -> Option<String>;

    /// The names that `load` knows, for suggestions.
    fn names(&self) -> Vec<String>;
}

/// The modules of the standard library, embedded in the binary.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardLibrary;

impl Loader for StandardLibrary {
    fn load(&self, module: &str) -> Option<String> {
        limitrate_stdlib::MODULES.iter().find(|m| m.name == module).map(|m| m.text.to_owned())
    }

    fn names(&self) -> Vec<String> {
        limitrate_stdlib::MODULES.iter().map(|m| m.name.to_owned()).collect()
    }
}

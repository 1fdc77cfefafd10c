//! The tables that slots are computed with, each entry once.

use hashbrown::HashMap;

use limitrate_core::{glob::Glob, net::NetSet, path::Pattern};

use crate::{check::MAX_REGEX_BYTES, checked::Place, ir::Tables};

/// Tables that grow, with the position of every entry by what it was written as.
#[derive(Debug, Default)]
pub(super) struct TableBuilder {
    tables: Tables,
    texts: HashMap<String, usize>,
    patterns: HashMap<String, usize>,
    parts: HashMap<String, usize>,
    globs: HashMap<String, usize>,
    regexes: HashMap<String, usize>,
    rollouts: HashMap<String, usize>,
}

impl TableBuilder {
    /// The finished tables.
    pub(super) fn finish(self) -> Tables {
        self.tables
    }

    /// The id of a text: its position plus one.
    pub(super) fn text(&mut self, text: &str) -> i64 {
        let position = entry(&mut self.texts, text, &mut self.tables.texts, || text.to_owned());
        i64::try_from(position + 1).unwrap_or(i64::MAX)
    }

    /// The position of a path pattern.
    pub(super) fn pattern(&mut self, pattern: &Pattern) -> usize {
        entry(&mut self.patterns, &pattern.to_string(), &mut self.tables.patterns, || pattern.clone())
    }

    /// The position of a set of networks.
    pub(super) fn nets(&mut self, nets: NetSet) -> usize {
        let position = self.tables.nets.iter().position(|known| *known == nets);
        position.unwrap_or_else(|| {
            self.tables.nets.push(nets);
            self.tables.nets.len() - 1
        })
    }

    /// The position of a text that is looked for at a place.
    pub(super) fn part(&mut self, place: Place, part: &str) -> usize {
        let name = format!("{place:?} {part}");
        entry(&mut self.parts, &name, &mut self.tables.parts, || (place, part.to_owned()))
    }

    /// The position of a pattern of `like`.
    pub(super) fn glob(&mut self, text: &str, glob: &Glob) -> usize {
        entry(&mut self.globs, text, &mut self.tables.globs, || (text.to_owned(), glob.clone()))
    }

    /// The position of a rule that is rolled out, by its qualified name.
    pub(super) fn rollout(&mut self, rule: &str) -> usize {
        entry(&mut self.rollouts, rule, &mut self.tables.rollouts, || rule.to_owned())
    }

    /// A regular expression with its position; `None` if it does not compile.
    pub(super) fn regex(&mut self, text: &str) -> Option<(usize, regex::Regex)> {
        if let Some(position) = self.regexes.get(text) {
            return Some((*position, self.tables.regexes.get(*position)?.clone()));
        }
        let regex = regex::RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build().ok()?;
        let position = entry(&mut self.regexes, text, &mut self.tables.regexes, || regex.clone());
        Some((position, regex))
    }
}

fn entry<T>(
    known: &mut HashMap<String, usize>,
    name: &str,
    list: &mut Vec<T>,
    make: impl FnOnce() -> T,
) -> usize {
    if let Some(position) = known.get(name) {
        return *position;
    }
    list.push(make());
    known.insert(name.to_owned(), list.len() - 1);
    list.len() - 1
}

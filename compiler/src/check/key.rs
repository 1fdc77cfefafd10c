//! Keys: what is counted apart, with the root of the hierarchy and no part that may be missing.

use limitrate_core::facts::FactId;
use limitrate_grammar::{
    ast::{self, KeyAtom},
    code::Code,
    diagnostic::Diagnostic,
    span::{Span, Spanned},
};

use super::{Checker, MAX_FACTS, fact_id};
use crate::{
    checked::{KeyPart, KeySource, Type},
    resolve::Symbol,
};

/// How many facts and texts a key may name. Each request that is counted by the key reads them all.
const MAX_KEY_NAMES: usize = 16;

impl Checker<'_> {
    /// The parts of a key, the root of the hierarchy first where a part is one of its levels.
    pub(super) fn keys(&mut self, keys: &ast::Keys) -> Vec<KeyPart> {
        if let Some(extra) = keys.parts.iter().flat_map(|key| &key.alternatives).nth(MAX_KEY_NAMES) {
            let message = format!("a key is made of at most {MAX_KEY_NAMES} facts and texts");
            self.report(Diagnostic::new(Code::RL0509, message, extra.span, "one too many"));
            return Vec::new();
        }
        let mut parts: Vec<KeyPart> = Vec::new();
        for key in &keys.parts {
            let Some(part) = self.key_part(key) else { continue };
            if let Some((fact, root)) = self.root_above(&part) {
                self.mark_used(fact);
                push_once(&mut parts, root);
            }
            push_once(&mut parts, part);
        }
        parts
    }

    fn key_part(&mut self, key: &ast::Key) -> Option<KeyPart> {
        let skip_without = self.optional_level(key);
        let mut alternatives = Vec::new();
        let mut missing: Option<Span> = None;
        for (i, atom) in key.alternatives.iter().enumerate() {
            let (source, absent) = self.key_source(atom)?;
            alternatives.push(source);
            missing = if i == 0 { absent } else { missing.and(absent) };
        }
        if let (Some(declared), None) = (missing, skip_without) {
            self.key_may_be_missing(key, declared);
        }
        Some(KeyPart { alternatives, skip_without })
    }

    /// The fact or constant of one alternative, with where it was declared optional if it may be absent.
    fn key_source(&mut self, atom: &Spanned<KeyAtom>) -> Option<(KeySource, Option<Span>)> {
        let name = match &atom.node {
            KeyAtom::Literal(text) => return Some((KeySource::Literal(text.clone()), None)),
            KeyAtom::Fact(name) => name,
        };
        let position = match self.resolved.symbol(name, atom.span) {
            Some(Symbol::Input(position)) => position,
            Some(other) => {
                self.report(Diagnostic::new(
                    Code::RL0202,
                    format!("`{name}` is {}, not a fact of the request", other.noun()),
                    atom.span,
                    "cannot be a key",
                ));
                return None;
            }
            None => {
                self.unknown_fact(name, atom.span);
                return None;
            }
        };
        let value = self.fact(position, atom.span);
        if matches!(
            value.ty,
            Type::Percent | Type::Quantity(_) | Type::Duration | Type::Instant | Type::Date | Type::Clock
        ) {
            self.report(
                Diagnostic::new(
                    Code::RL0202,
                    format!("{} is not something to count apart", value.ty.noun()),
                    atom.span,
                    "cannot be a key",
                )
                .help("a key is an identity: a `key`, a `string`, an `ip`, a plan"),
            );
            return None;
        }
        Some((KeySource::Fact(fact_id(position)?), value.absent))
    }

    fn key_may_be_missing(&mut self, key: &ast::Key, declared: Span) {
        let written = self.text(key.span).to_owned();
        if self.is_level(&written) {
            return; // a hierarchy with such a level is reported
        }
        let mut diagnostic = Diagnostic::new(
            Code::RL0301,
            "this limit's key may be missing",
            key.span,
            format!("what should count requests that have no {}?", written.replace(" ?? ", " and no ")),
        )
        .label(declared, "declared optional here");
        if matches!(self.resolved.symbol("ip", key.span), Some(Symbol::Input(_))) {
            diagnostic = diagnostic.fix("fall back to the address", key.span, format!("{written} ?? ip"));
        }
        diagnostic =
            diagnostic.fix("one counter for all of them", key.span, format!("{written} ?? \"anonymous\""));
        if key.alternatives.len() == 1 {
            let refuse =
                format!("say what absence means, or refuse: `if {written} is missing then deny 401`");
            diagnostic = diagnostic.help(refuse);
        }
        self.report(diagnostic);
    }

    /// Whether a level of the hierarchy has this name, or may have had it before a mistake.
    fn is_level(&self, name: &str) -> bool {
        let levels = self.levels();
        let unread = &self.resolved.unread;
        let unknown =
            |level: &ast::Level| self.level_fact(level).is_none() || unread.touches(level.name.span);
        levels.iter().any(|level| level.name.node == name || unknown(level))
            || (levels.is_empty() && unread.any())
    }

    /// The optional level of the hierarchy that the part is by itself.
    fn optional_level(&self, key: &ast::Key) -> Option<FactId> {
        let [only] = key.alternatives.as_slice() else { return None };
        let KeyAtom::Fact(name) = &only.node else { return None };
        let level = self.levels().iter().find(|level| level.name.node == *name)?;
        let Some(Symbol::Input(position)) = self.resolved.symbol(name, only.span) else { return None };
        if level.optional { fact_id(position) } else { None }
    }

    /// The root as a part, where `part` is or falls back to a level below it.
    fn root_above(&self, part: &KeyPart) -> Option<(FactId, KeyPart)> {
        let root = self.level_fact(self.levels().first()?)?;
        let below = self.levels().iter().skip(1).filter_map(|level| self.level_fact(level));
        let is_below = below.into_iter().any(|level| part.alternatives.contains(&KeySource::Fact(level)));
        is_below.then(|| (root, KeyPart { alternatives: vec![KeySource::Fact(root)], skip_without: None }))
    }

    /// The levels of the hierarchy; beyond the most facts there can be, each is reported.
    fn levels(&self) -> &[ast::Level] {
        let levels = &self.resolved.hierarchy;
        levels.get(..MAX_FACTS).unwrap_or(levels)
    }

    fn level_fact(&self, level: &ast::Level) -> Option<FactId> {
        match self.resolved.symbol(&level.name.node, level.name.span) {
            Some(Symbol::Input(position)) => fact_id(position),
            _ => None,
        }
    }
}

fn push_once(parts: &mut Vec<KeyPart>, part: KeyPart) {
    if !parts.contains(&part) {
        parts.push(part);
    }
}

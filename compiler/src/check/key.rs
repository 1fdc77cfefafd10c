//! Keys: what is counted apart, with the root of the hierarchy and no part that may be missing.

use limitrate_core::facts::FactId;
use limitrate_grammar::{
    ast::{self, KeyAtom},
    code::Code,
    diagnostic::Diagnostic,
    span::{Span, Spanned},
};

use super::{Checker, FUNCTIONS, MAX_FACTS, fact_id};
use crate::{
    checked::{ExprKind, KeyPart, KeySource, Type},
    resolve::Symbol,
};

/// How many facts and texts a key may name. Each request that is counted by the key reads them all.
const MAX_KEY_NAMES: usize = 16;

/// The most buckets of a key.
const MAX_BUCKETS: u32 = 1 << 24;

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
            KeyAtom::Call(name, arguments) => return self.key_call(name, arguments, atom.span),
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
        self.key_fact(position, atom.span)
    }

    /// A fact as a key, with where it was declared optional if it may be absent.
    fn key_fact(&mut self, position: usize, span: Span) -> Option<(KeySource, Option<Span>)> {
        let value = self.fact(position, span);
        if !self.known_at_admission(&value, "a key") {
            return None;
        }
        if matches!(
            value.ty,
            Type::Percent
                | Type::Quantity(_)
                | Type::Price(_)
                | Type::Duration
                | Type::Instant
                | Type::Date
                | Type::Clock
        ) {
            self.report(
                Diagnostic::new(
                    Code::RL0202,
                    format!("{} is not something to count apart", value.ty.noun()),
                    span,
                    "cannot be a key",
                )
                .help("a key is an identity: a `key`, a `string`, an `ip`, a plan"),
            );
            return None;
        }
        Some((KeySource::Fact(fact_id(position)?), value.absent))
    }

    /// `bucket(key, 256)`, `prefix(ip, 24, 56)`, `header("x-client-id")`
    fn key_call(
        &mut self,
        name: &ast::Name,
        arguments: &[ast::Expr],
        span: Span,
    ) -> Option<(KeySource, Option<Span>)> {
        match (name.node.as_str(), arguments) {
            ("header" | "query" | "cookie", _) => {
                let fact = self.read_by_name(name, arguments, span)?;
                self.key_fact(usize::from(fact.0), span)
            }
            ("bucket", [key, count]) => self.bucket_key(key, count),
            ("prefix", [address, v4, v6]) => self.prefix_key(address, v4, v6),
            (word @ ("bucket" | "prefix"), _) => {
                let usage = if word == "bucket" { "bucket(key, 256)" } else { "prefix(ip, 24, 56)" };
                let values = if word == "bucket" { 2 } else { 3 };
                let message = format!("`{word}` takes {values} values, not {}", arguments.len());
                let help = format!("write `{usage}`");
                self.report(Diagnostic::new(Code::RL0202, message, span, "here").help(help));
                None
            }
            (word, _) => {
                let known = ["bucket", "prefix", "header", "query", "cookie"];
                if FUNCTIONS.contains(&word)
                    || matches!(self.resolved.symbol(word, name.span), Some(Symbol::Function(_)))
                {
                    let message = format!("what `{word}` gives is no key");
                    let help = "a key is made of facts, `bucket(…)`, `prefix(…)` and `header(…)`";
                    self.report(Diagnostic::new(Code::RL0202, message, span, "not a key").help(help));
                } else {
                    let diagnostic = self.unknown("function", word, name.span, known);
                    self.missing(word, diagnostic);
                }
                None
            }
        }
    }

    fn bucket_key(&mut self, key: &ast::Expr, count: &ast::Expr) -> Option<(KeySource, Option<Span>)> {
        let mut atoms = Vec::new();
        self.key_atoms(key, &mut atoms)?;
        let mut alternatives = Vec::new();
        let mut missing: Option<Span> = None;
        for (i, atom) in atoms.iter().enumerate() {
            let (source, absent) = self.key_source(atom)?;
            if matches!(source, KeySource::Bucket(..)) {
                let message = "a bucket stands in no other bucket";
                self.report(Diagnostic::new(Code::RL0202, message, atom.span, "a bucket already"));
                return None;
            }
            alternatives.push(source);
            missing = if i == 0 { absent } else { missing.and(absent) };
        }
        let typed = self.constant_expr(count);
        let typed = self.require(typed, &Type::Int, "the number of buckets is");
        let buckets = u32::try_from(typed.constant()?).ok().filter(|count| (1..=MAX_BUCKETS).contains(count));
        let Some(buckets) = buckets else {
            if typed.ty == Type::Int {
                let message = format!("there are between 1 and {MAX_BUCKETS} buckets");
                self.report(Diagnostic::new(Code::RL0203, message, count.span, "outside this range"));
            }
            return None;
        };
        Some((KeySource::Bucket(alternatives, buckets), missing))
    }

    /// The alternatives of a key that is written as an expression.
    fn key_atoms(&mut self, key: &ast::Expr, atoms: &mut Vec<Spanned<KeyAtom>>) -> Option<()> {
        let node = match &key.kind {
            ast::ExprKind::Path(name) => KeyAtom::Fact(name.clone()),
            ast::ExprKind::Literal(ast::Literal::String(text)) => KeyAtom::Literal(text.clone()),
            ast::ExprKind::Call(name, arguments) => KeyAtom::Call(name.clone(), arguments.clone()),
            ast::ExprKind::Binary(left, op, right) if op.node == ast::BinaryOp::Coalesce => {
                self.key_atoms(left, atoms)?;
                return self.key_atoms(right, atoms);
            }
            ast::ExprKind::Literal(_)
            | ast::ExprKind::Lookup(..)
            | ast::ExprKind::Set(_)
            | ast::ExprKind::Not(_)
            | ast::ExprKind::Binary(..)
            | ast::ExprKind::Is(..)
            | ast::ExprKind::If(..)
            | ast::ExprKind::Match(..) => {
                let message = "a bucket is of a key";
                self.report(
                    Diagnostic::new(Code::RL0202, message, key.span, "not a key")
                        .help("name facts, and text for those without: `bucket(api_key ?? \"none\", 256)`"),
                );
                return None;
            }
        };
        atoms.push(Spanned { node, span: key.span });
        Some(())
    }

    fn prefix_key(
        &mut self,
        address: &ast::Expr,
        v4: &ast::Expr,
        v6: &ast::Expr,
    ) -> Option<(KeySource, Option<Span>)> {
        let typed = self.expr(address);
        let typed = self.require(typed, &Type::Ip, "`prefix` takes");
        self.known_at_admission(&typed, "a key").then_some(())?;
        let ExprKind::Fact(fact) = typed.kind else {
            if typed.ty == Type::Ip {
                let message = "`prefix` takes an address of the request";
                self.report(
                    Diagnostic::new(Code::RL0202, message, address.span, "computed")
                        .help("name a fact: `prefix(ip, 24, 56)`; a fallback stands behind it: `prefix(ip, 24, 56) ?? user`"),
                );
            }
            return None;
        };
        let (v4, v6) = (self.bits(v4, 32), self.bits(v6, 128));
        Some((KeySource::Prefix(fact, v4?, v6?), typed.absent))
    }

    fn bits(&mut self, written: &ast::Expr, most: u8) -> Option<u8> {
        let typed = self.constant_expr(written);
        let typed = self.require(typed, &Type::Int, "a number of bits is");
        let bits = u8::try_from(typed.constant()?).ok().filter(|bits| *bits <= most);
        if bits.is_none() && typed.ty == Type::Int {
            let message = format!("an address of this version has at most {most} bits");
            self.report(Diagnostic::new(Code::RL0203, message, written.span, "outside this range"));
        }
        bits
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

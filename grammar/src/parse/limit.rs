//! Limits: their name, ceiling and clauses.

use crate::{
    ast::{Clause, ClauseKind, FailMode, Key, KeyAtom, Keys, Limit, On, Target, Verb},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        reader::{Read, Reader},
        syntax::{Node, Rule},
        words::{self, Place},
    },
    span::Spanned,
};

impl<'a> Reader<'a, '_> {
    /// The limit that begins here.
    pub(super) fn limit_entry(&mut self, place: Place) -> Read<Limit> {
        if let Some(limit) = self.plain_limit() {
            self.last_entry = Some(Rule::limit_entry);
            return Ok(limit);
        }
        let node = self.phrase(Rule::limit_entry, place)?;
        self.last_entry = Some(Rule::limit_entry);
        self.limit(&node)
    }

    fn limit(&mut self, node: &Node<'a>) -> Read<Limit> {
        let mut name = None;
        let mut ceiling = None;
        let mut clauses = Vec::new();
        for child in node.children() {
            match child.rule() {
                Rule::k_limit => {}
                Rule::limit_name => name = self.limit_name(&child),
                Rule::expr => ceiling = Some(self.expr(&child)?),
                _ => {
                    if let Some(kind) = self.clause(&child)? {
                        clauses.push(Clause { kind, span: self.span_of(&child) });
                    }
                }
            }
        }
        let Some(ceiling) = ceiling else { return self.unreadable(node) };
        Ok(Limit { name, ceiling, clauses, span: self.span_of(node) })
    }

    fn limit_name(&mut self, node: &Node<'a>) -> Option<Spanned<String>> {
        let name = node.child(Rule::decl)?;
        if let Some(equals) = node.child(Rule::equals) {
            let span = self.span_of(&equals);
            let message = format!("the name of a limit ends with a colon: `limit {}: …`", name.text());
            self.report(Diagnostic::new(Code::RL0001, message, span, "").fix("write `:`", span, ":"));
        }
        Some(self.name(&name))
    }

    fn clause(&mut self, node: &Node<'a>) -> Read<Option<ClauseKind>> {
        Ok(Some(match node.rule() {
            Rule::per => ClauseKind::Per(self.keys(node)?),
            Rule::globally => ClauseKind::Globally,
            Rule::burst => ClauseKind::Burst(self.child_expr(node)?),
            Rule::starting => ClauseKind::Starting(self.child_expr(node)?),
            Rule::using => {
                let name = self.need(node, Rule::ident)?;
                ClauseKind::Using(self.spanned(&name, name.text().to_owned()))
            }
            Rule::aligned => ClauseKind::Aligned,
            Rule::lease => {
                let span = self.need(node, Rule::duration)?;
                let value = self.duration(&span)?;
                ClauseKind::ForAtMost(self.spanned(&span, value))
            }
            Rule::costing => ClauseKind::Costing(self.child_expr(node)?),
            Rule::reserve => {
                let settle = node.child(Rule::settle).map(|settle| self.child_expr(&settle)).transpose()?;
                ClauseKind::Reserve(self.child_expr(node)?, settle)
            }
            Rule::settle => ClauseKind::Settle(self.child_expr(node)?),
            Rule::refund => ClauseKind::Refund(self.child_expr(node)?),
            Rule::warn => {
                let mut marks = Vec::new();
                for mark in node.all(Rule::percent) {
                    let value = self.percent(&mark)?;
                    marks.push(self.spanned(&mark, value));
                }
                ClauseKind::Warn(marks)
            }
            Rule::exceed => match self.exceed(node)? {
                Some(exceed) => ClauseKind::Exceed(exceed),
                None => return Ok(None),
            },
            Rule::was => {
                let name = self.need(node, Rule::decl)?;
                ClauseKind::Was(self.name(&name))
            }
            Rule::share => {
                let share = self.need(node, Rule::percent)?;
                let value = self.percent(&share)?;
                let per = self.need(node, Rule::per)?;
                ClauseKind::Share(self.spanned(&share, value), self.keys(&per)?)
            }
            Rule::overshoot => {
                let most = self.need(node, Rule::percent)?;
                let value = self.percent(&most)?;
                ClauseKind::Overshoot(self.spanned(&most, value))
            }
            Rule::resets => {
                let zone = self.need(node, Rule::string)?;
                ClauseKind::ResetsIn(self.string(&zone))
            }
            Rule::fail => ClauseKind::Fail(self.fail_mode(node)?),
            Rule::on_clause => ClauseKind::On(self.on(node)?),
            _ => {
                self.unsupported_clause(node);
                return Ok(None);
            }
        }))
    }

    fn unsupported_clause(&mut self, node: &Node<'a>) {
        let (words, what) = match node.rule() {
            Rule::odd_queue => (1, "`queue`, and so waiting in line, is"),
            _ => (3, "`tenants may set` is"),
        };
        let last = node.children().take(words).last().map_or(node.end(), |word| word.end());
        self.unsupported(what, self.span(node.start(), last));
    }

    pub(super) fn child_expr(&mut self, node: &Node<'a>) -> Read<crate::ast::Expr> {
        let expr = self.need(node, Rule::expr)?;
        self.expr(&expr)
    }

    /// The keys of a node that begins with `per`.
    pub(super) fn keys(&mut self, node: &Node<'a>) -> Read<Keys> {
        let mut parts = Vec::new();
        for key in node.all(Rule::key) {
            parts.push(self.key(&key)?);
        }
        match (parts.first(), parts.last()) {
            (Some(first), Some(last)) => {
                let span = first.span.to(last.span);
                Ok(Keys { parts, span })
            }
            _ => self.unreadable(node),
        }
    }

    fn key(&mut self, node: &Node<'a>) -> Read<Key> {
        let mut alternatives = Vec::new();
        for atom in node.children().filter(|child| !child.is(Rule::op_coalesce)) {
            let value = match atom.rule() {
                Rule::path => KeyAtom::Fact(atom.text().to_owned()),
                Rule::string => KeyAtom::Literal(self.string(&atom).node),
                _ => {
                    let (name, arguments, _) = self.call(&atom)?;
                    KeyAtom::Call(name, arguments)
                }
            };
            alternatives.push(self.spanned(&atom, value));
        }
        Ok(Key { alternatives, span: self.span_of(node) })
    }

    fn fail_mode(&mut self, node: &Node<'a>) -> Read<FailMode> {
        let mode = self.need(node, Rule::ident)?;
        let share = node.child(Rule::percent);
        let span = self.span_of(&mode);
        match (mode.text(), share) {
            ("open", None) => Ok(FailMode::Open),
            ("closed", None) => Ok(FailMode::Closed),
            ("local", None) => Ok(FailMode::Local(None)),
            ("local", Some(share)) => Ok(FailMode::Local(Some(self.percent(&share)?))),
            ("open" | "closed", Some(share)) => {
                let message = format!("`fail {}` takes no share", mode.text());
                let span = self.span_of(&share);
                self.refuse(
                    Diagnostic::new(Code::RL0001, message, span, "")
                        .help("only `fail local 25%` counts against a share of the ceiling"),
                )
            }
            (word, _) => self.refuse(words::unknown("way to fail", word, &["open", "closed", "local"], span)),
        }
    }

    /// The paths of a node that begins with `on`.
    pub(super) fn on(&mut self, node: &Node<'a>) -> Read<On> {
        let mut targets = Vec::new();
        for target in node.all(Rule::target) {
            let verb = match target.child(Rule::verb) {
                Some(verb) => Some(self.verb(&verb)?),
                None => None,
            };
            let pattern = self.need(&target, Rule::string)?;
            targets.push(Target { verb, pattern: self.string(&pattern) });
        }
        Ok(On { targets, span: self.span_of(node) })
    }

    pub(super) fn verb(&mut self, node: &Node<'a>) -> Read<Spanned<Verb>> {
        let word = node.text();
        if let Some(verb) = Verb::ALL.into_iter().find(|verb| verb.word() == word) {
            return Ok(self.spanned(node, verb));
        }
        let span = self.span_of(node);
        if let Some(verb) = Verb::ALL.into_iter().find(|verb| verb.word().eq_ignore_ascii_case(word)) {
            let message = format!("methods are written in capitals: `{}`", verb.word());
            self.report(Diagnostic::new(Code::RL0005, message, span, "").fix(
                format!("write `{}`", verb.word()),
                span,
                verb.word(),
            ));
            return Ok(self.spanned(node, verb));
        }
        let verbs = Verb::ALL.map(Verb::word);
        self.refuse(words::unknown("method", word, &verbs, span))
    }
}

//! Plain limits and targets.

use super::{
    cursor::Cursor,
    expr::{is_reserved, may_begin_key},
};
use crate::{
    ast::{Clause, ClauseKind, Key, KeyAtom, Keys, Limit, Name, On, Target, Verb},
    span::Spanned,
};

impl Cursor<'_> {
    pub(super) fn limit(&mut self) -> Option<Limit> {
        let start = self.next();
        self.keyword("limit")?;
        let name = self.limit_name()?;
        let ceiling = self.expr()?.expr;
        let mut clauses = Vec::new();
        while let Some(clause) = self.clause()? {
            clauses.push(clause);
        }
        Some(Limit { name, ceiling, clauses, span: self.span(start, self.at()) })
    }

    /// The name with its colon, if there is one.
    fn limit_name(&mut self) -> Option<Option<Name>> {
        let start = self.next();
        let word = self.word_at(start);
        let end = start + word.len();
        match self.byte(self.next_from(end)) {
            Some(b':') if !word.is_empty() => {
                let name = self.declared()?;
                self.sign(b':')?;
                Some(Some(name))
            }
            // Another way to give it a name, or a hyphen in it.
            Some(b'=' | b':') => None,
            _ if self.byte(end) == Some(b'-') => None,
            _ => Some(None),
        }
    }

    /// The next clause; inside, `None` if what follows is none.
    fn clause(&mut self) -> Option<Option<Clause>> {
        let start = self.next();
        let word = self.word_at(start);
        let end = start + word.len();
        let kind = match word {
            "per" => {
                self.step_to(end);
                ClauseKind::Per(self.keys()?)
            }
            "globally" => {
                self.step_to(end);
                ClauseKind::Globally
            }
            "aligned" => {
                self.step_to(end);
                ClauseKind::Aligned
            }
            "burst" | "starting" | "costing" => {
                self.step_to(end);
                let value = self.expr()?.expr;
                match word {
                    "burst" => ClauseKind::Burst(value),
                    "starting" => ClauseKind::Starting(value),
                    _ => ClauseKind::Costing(value),
                }
            }
            "using" => {
                let at = self.next_from(end);
                let name = self.word_at(at);
                if name.is_empty() || is_reserved(name) {
                    return None;
                }
                self.step_to(at + name.len());
                ClauseKind::Using(Spanned { node: name.to_owned(), span: self.span(at, self.at()) })
            }
            // The words that begin the other clauses.
            "for" | "at" | "reserve" | "settle" | "refund" | "warn" | "resets" | "fail" | "on" | "was"
            | "queue" | "overshoot" | "tenants" => return None,
            _ => return Some(None),
        };
        Some(Some(Clause { kind, span: self.span(start, self.at()) }))
    }

    /// What follows `per`.
    fn keys(&mut self) -> Option<Keys> {
        let start = self.next();
        let mut parts = vec![self.key()?];
        while self.takes(b',') {
            parts.push(self.key()?);
        }
        // The last names may be the patterns of an arm.
        if self.is_before_arrow() {
            return None;
        }
        Some(Keys { parts, span: self.span(start, self.at()) })
    }

    fn key(&mut self) -> Option<Key> {
        let start = self.next();
        let mut alternatives = Vec::new();
        loop {
            let at = self.next();
            if !may_begin_key(self.word_at(at)) {
                return None;
            }
            let path = self.path(at)?;
            alternatives
                .push(Spanned { node: KeyAtom::Fact(path.to_owned()), span: self.span(at, self.at()) });
            let after = self.next();
            match self.byte(after) {
                Some(b'?') if self.byte(after + 1) == Some(b'?') => self.step_to(after + 2),
                Some(b'(' | b'?') => return None,
                _ => return Some(Key { alternatives, span: self.span(start, self.at()) }),
            }
        }
    }

    pub(super) fn on(&mut self) -> Option<On> {
        let start = self.next();
        self.keyword("on")?;
        let mut targets = vec![self.target()?];
        while self.takes(b',') {
            targets.push(self.target()?);
        }
        if self.is_before_arrow() {
            return None;
        }
        Some(On { targets, span: self.span(start, self.at()) })
    }

    fn target(&mut self) -> Option<Target> {
        let start = self.next();
        let word = self.word_at(start);
        let verb = if word.is_empty() {
            None
        } else {
            let verb = Verb::ALL.into_iter().find(|verb| verb.word() == word)?;
            self.step_to(start + word.len());
            Some(Spanned { node: verb, span: self.span(start, self.at()) })
        };
        let (pattern, start) = self.string()?;
        let pattern = Spanned { node: pattern.to_owned(), span: self.span(start, self.at()) };
        Some(Target { verb, pattern })
    }
}

//! Reads by hand what most policies consist of: the heads of rules and conditions, targets, limits and their expressions.
//!
//! The grammar says what the language is; this is a shortcut through it, a hundred times as fast. Each phrase is read in
//! full or not at all: whatever is odd, ambiguous, wrong or seldom is left to the generated parser, which reads the phrase
//! from its first byte, so that nothing is reported here. What is read gives the very tree that the grammar would give,
//! spans included; `tests` compares the two.

mod cursor;
mod expr;
mod limit;
mod literal;
#[cfg(test)]
mod tests;

use self::cursor::Cursor;
use crate::{
    ast::{Expr, Limit, Name, On},
    parse::reader::Reader,
};

impl<'a> Reader<'a, '_> {
    /// `rule api {`: the name.
    pub(super) fn plain_rule_head(&mut self) -> Option<Name> {
        self.plain(|cursor| {
            cursor.keyword("rule")?;
            let name = cursor.declared()?;
            cursor.sign(b'{')?;
            Some(name)
        })
    }

    /// `if region == "US" then`: the condition.
    pub(super) fn plain_if_head(&mut self) -> Option<Expr> {
        self.plain(|cursor| {
            cursor.keyword("if")?;
            let condition = cursor.expr()?;
            cursor.keyword("then")?;
            Some(condition.expr)
        })
    }

    /// `on GET "/v1/items/:id", POST "/v1/items"`
    pub(super) fn plain_on(&mut self) -> Option<On> {
        self.plain(Cursor::on)
    }

    /// `limit daily: 10k req/day per org`
    pub(super) fn plain_limit(&mut self) -> Option<Limit> {
        self.plain(Cursor::limit)
    }

    /// Reads a phrase here, and steps over it; or leaves it where it is.
    fn plain<T>(&mut self, read: impl FnOnce(&mut Cursor<'a>) -> Option<T>) -> Option<T> {
        if !self.shortcuts {
            return None;
        }
        let mut cursor = Cursor::new(self.source, self.text.get(..self.end)?, self.at);
        let start = cursor.next();
        let phrase = read(&mut cursor)?;
        self.at = cursor.at();
        self.last_start = start;
        Some(phrase)
    }
}

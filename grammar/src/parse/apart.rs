//! Numbers that a word follows without a blank: `100or x`, `edition 2026use`.
//!
//! The grammar ends a word where no letter follows, and a number where its digits end, because its unit may touch it. What
//! touches a number and is no unit of it is reported here, for every phrase alike: people read such a text wrongly, and so
//! would whoever splits it into words again.

use crate::{
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        reader::Reader,
        syntax::{Node, Rule},
        words::shorten,
    },
    scan::{TokenKind, token},
};

/// What may touch the number it belongs to.
const UNITS: [Rule; 6] =
    [Rule::unit, Rule::odd_unit, Rule::timeunit, Rule::odd_timeunit, Rule::unit_word, Rule::currency];

impl Reader<'_, '_> {
    /// Reports where a word touches the terminal before it, in the phrase `node` or right after it.
    pub(super) fn keep_apart(&mut self, node: &Node<'_>) {
        let touching = |at: &usize| {
            let bytes = self.text.as_bytes();
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            at.checked_sub(1).and_then(|last| bytes.get(last)).is_some_and(is_word)
                && bytes.get(*at).is_some_and(is_word)
        };
        let mut terminals = node.terminals().peekable();
        let mut found = Vec::new();
        while let Some((_, start, end)) = terminals.next() {
            let unit = |(rule, start, _): &(Rule, usize, usize)| *start == end && UNITS.contains(rule);
            if touching(&end) && !terminals.peek().is_some_and(unit) {
                found.push((start, end));
            }
        }
        for (start, end) in found {
            let rest = self.text.get(end..).unwrap_or_default();
            let next = token(rest, 0).filter(|next| matches!(next.kind, TokenKind::Word | TokenKind::Number));
            let word = next.map_or("", |next| next.text(rest));
            let before = self.text.get(start..end).unwrap_or_default();
            let message = format!("a blank is missing between `{}` and `{}`", shorten(before), shorten(word));
            let diagnostic = Diagnostic::new(Code::RL0001, message, self.span(start, end + word.len()), "")
                .fix("write a blank", self.span(end, end), " ");
            self.report(diagnostic);
        }
    }
}

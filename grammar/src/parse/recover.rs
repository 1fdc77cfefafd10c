//! Finds the place to go on at after something that could not be read.

use crate::{
    parse::{
        reader::Reader,
        words::{Place, STATEMENT_WORDS, STEP_WORDS, similar},
    },
    scan::{
        Token, TokenKind, begins_line,
        region::{ITEM_WORDS, begins_item},
        significant, tokens,
    },
};

impl Reader<'_, '_> {
    /// After a broken entry that began at `start`: goes to the next entry of the block, or to its closing brace.
    pub(super) fn recover(&mut self, start: usize, place: Place) {
        self.amiss = true;
        let Some(failed) = self.failed.take() else {
            // The phrase was read; only what it says is wrong.
            if self.at <= start {
                self.skip_token();
            }
            return;
        };
        let first = significant(self.text, start);
        let from = first.map_or(failed, |token| if failed <= token.start { token.end } else { failed });
        self.at = self.next_entry(from, place);
        self.last_start = self.at;
    }

    /// Goes to the end of the block.
    pub(super) fn skip_block(&mut self) {
        self.at = self.next_entry(self.at, Place::Item);
    }

    fn next_entry(&self, from: usize, place: Place) -> usize {
        let mut depth = 0_usize;
        let mut before = None;
        for token in tokens(self.text, from).filter(|token| token.kind != TokenKind::Comment) {
            if token.start >= self.end {
                break;
            }
            match token.text(self.text) {
                "{" | "(" | "[" => depth += 1,
                "}" if depth == 0 => return token.start,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                _ if depth == 0 && token.kind == TokenKind::Word => {
                    let fresh = begins_line(self.text, token.start) || before == Some("}");
                    if place.resumes_at(self.text, token, fresh) {
                        return token.start;
                    }
                }
                _ => {}
            }
            before = Some(token.text(self.text));
        }
        self.end
    }

    /// After a broken item: goes to the next one of the region.
    pub(super) fn recover_item(&mut self, start: usize) {
        self.amiss = false;
        let failed = self.failed.take().unwrap_or(self.at);
        let first = significant(self.text, start);
        let from = first.map_or(failed, |token| failed.max(token.end));
        let mut depth = 0_usize;
        let mut before: Option<Token> = None;
        self.at = self.end;
        self.last_start = from;
        // Braces count from the beginning of the item, so that the rest of its block is skipped with it.
        for token in tokens(self.text, start).filter(|token| token.kind != TokenKind::Comment) {
            if token.start >= self.end {
                break;
            }
            match token.text(self.text) {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                _ if depth == 0 && token.start >= from && self.is_item(token, before) => {
                    self.at = token.start;
                    return;
                }
                _ => {}
            }
            before = Some(token);
        }
    }

    /// Whether an item begins at a word: at the margin, where it may be misspelt, or right after a closing brace.
    pub(super) fn is_item(&self, token: Token, before: Option<Token>) -> bool {
        let begins = || begins_item(self.text, token, before);
        if self.is_at_margin(token) {
            return begins() || token.kind == TokenKind::Word && self.is_misspelt_item(token);
        }
        let closer = before.or(self.closer).filter(|closer| closer.text(self.text) == "}");
        closer.is_some_and(|closer| significant(self.text, closer.end) == Some(token)) && begins()
    }

    fn is_misspelt_item(&self, token: Token) -> bool {
        let word = token.text(self.text);
        let other = STATEMENT_WORDS.contains(&word) || STEP_WORDS.contains(&word);
        !other && similar(word, &ITEM_WORDS).is_some()
    }
}

//! Items: what a region of a text declares, one after the other.

use crate::{
    ast::{Item, ItemKind},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        reader::{Broken, Read, Reader},
        words::Place,
    },
    scan::Token,
};

impl Reader<'_, '_> {
    /// Reads the items of the region into `items`.
    pub(super) fn items(&mut self, items: &mut Vec<Item>) {
        while let Some(token) = self.peek() {
            if self.is_hopeless() {
                return;
            }
            let start = self.at;
            if self.amiss && !self.is_item(token, None) {
                self.recover_item(start);
                continue;
            }
            self.amiss = false;
            match self.item(token) {
                Ok(kind) => {
                    let unit_words = std::mem::take(&mut self.unit_words);
                    items.push(Item { kind, unit_words, span: self.read_since(token.start) });
                }
                Err(Broken) => {
                    self.unit_words.clear();
                    self.recover_item(start);
                }
            }
        }
    }

    fn item(&mut self, token: Token) -> Read<ItemKind> {
        match token.text(self.text) {
            "edition" => self.edition_item(),
            "module" => self.module_item(),
            "use" => self.use_item(),
            "hierarchy" => self.hierarchy_item(),
            "input" => self.input_item(),
            "plan" => self.plan_item(),
            "set" if self.word_after(token) == "limit" => {
                self.unsupported_item(token, "`set limit`, and so overlays of tenants, is")
            }
            "set" => self.set_item(),
            "schedule" => self.schedule_item(),
            "calendar" => self.calendar_item(),
            "rule" => self.rule_item(),
            "test" => self.test_item(),
            "shadow" if self.word_after(token) == "rule" => self.rule_item(),
            "tenant" => self.unsupported_item(token, "`tenant`, and so overlays of tenants, is"),
            "table" => self.table_item(),
            "unit" => self.unit_item(),
            "signal" => self.unsupported_item(token, "`signal` is"),
            "adjust" => self.unsupported_item(token, "`adjust` is"),
            "breaker" => self.unsupported_item(token, "`breaker` is"),
            "budget" => self.budget_item(),
            "fn" => self.function_item(),
            "prove" => self.unsupported_item(token, "`prove` is"),
            "}" | ")" | "]" => {
                let span = self.span(token.start, token.end);
                let message = format!("this `{}` closes nothing", token.text(self.text));
                self.at = token.end;
                self.refuse(Diagnostic::new(Code::RL0001, message, span, "").fix("delete it", span, ""))
            }
            _ => self.unknown_entry(Place::Item),
        }
    }

    fn word_after(&self, token: Token) -> &str {
        crate::scan::significant(self.text, token.end).map_or("", |next| next.text(self.text))
    }

    fn unsupported_item(&mut self, token: Token, what: &str) -> Read<ItemKind> {
        self.unsupported(what, self.span(token.start, token.end));
        Err(Broken)
    }
}

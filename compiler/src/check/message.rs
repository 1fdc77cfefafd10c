//! Messages with values in them: `"up to {plan.max_upload}"`.

use limitrate_grammar::{
    ast,
    code::Code,
    diagnostic::Diagnostic,
    span::{Span, Spanned},
};

use super::Checker;
use crate::checked::{Expr, ExprKind, MessagePiece, Type};

/// The longest text of a message, in bytes.
const MAX_MESSAGE_BYTES: usize = 1024;

impl Checker<'_> {
    /// Splits a message at its braces and types the values. `{{` and `}}` are braces themselves.
    pub(super) fn message(&mut self, message: &Spanned<String>) -> Vec<MessagePiece> {
        if message.node.len() > MAX_MESSAGE_BYTES {
            self.report(Diagnostic::new(
                Code::RL0013,
                format!("a message has at most {MAX_MESSAGE_BYTES} bytes"),
                message.span,
                "too long",
            ));
            return Vec::new();
        }
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = message.node.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            text.push_str(before);
            let brace = if from.starts_with('{') { '{' } else { '}' };
            let after = from.get(1..).unwrap_or_default();
            if after.starts_with(brace) {
                text.push(brace);
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
            let Some((name, tail)) = after.split_once('}').filter(|_| brace == '{') else {
                self.report(
                    Diagnostic::new(
                        Code::RL0002,
                        "a brace in this message has no partner",
                        message.span,
                        "in this text",
                    )
                    .help("a brace that is meant as itself is doubled: `{{`, `}}`"),
                );
                return Vec::new();
            };
            if !text.is_empty() {
                pieces.push(MessagePiece::Text(std::mem::take(&mut text)));
            }
            let span = self.span_in(message, name);
            let value = self.message_value(name.trim(), span);
            pieces.push(MessagePiece::Value(value));
            rest = tail;
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(MessagePiece::Text(text));
        }
        pieces
    }

    fn message_value(&mut self, name: &str, span: Span) -> Expr {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        if !is_name {
            return self.wrong(
                Diagnostic::new(Code::RL0009, "only a name stands between the braces of a message so far", span, "not a name")
                    .help("name a fact or a plan's constant; braces that are meant as themselves are doubled: `{{`, `}}`"),
                span,
            );
        }
        let path = ast::Expr { kind: ast::ExprKind::Path(name.to_owned()), span };
        let value = self.expr(&path);
        if !self.known_at_admission(&value, "the text of a refusal") {
            return Expr::unknown(span);
        }
        if matches!(value.ty, Type::Instant | Type::Unlimited) {
            let noun = value.ty.noun();
            return self.wrong(
                Diagnostic::new(Code::RL0202, format!("{noun} does not stand in a message"), span, "here"),
                span,
            );
        }
        if matches!(value.ty, Type::Text | Type::Ip)
            && !matches!(value.kind, ExprKind::Fact(_) | ExprKind::Text(_) | ExprKind::ByPlan(_))
        {
            let what = if value.ty == Type::Text { "texts" } else { "addresses" };
            return self.wrong(
                Diagnostic::new(
                    Code::RL0009,
                    format!("computed {what} in messages are not supported yet"),
                    span,
                    "here",
                )
                .help("name a fact or a plan's constant"),
                span,
            );
        }
        value
    }

    /// Where `name` stands in the quoted text, or the whole text where that is not clear.
    fn span_in(&self, message: &Spanned<String>, name: &str) -> Span {
        let written = self.text(message.span);
        match written.find(&format!("{{{name}}}")).and_then(|at| u32::try_from(at + 1).ok()) {
            Some(at) => {
                let start = message.span.start + at;
                let length = u32::try_from(name.len()).unwrap_or(0);
                Span { start, end: start + length, ..message.span }
            }
            None => message.span,
        }
    }
}

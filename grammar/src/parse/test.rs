//! Tests and their steps.

use crate::{
    ast::{
        Bind, Comparison, Expected, ItemKind, Note, NoteKind, Reply, Send, Step, StepKind, Test, Used,
        fact_name,
    },
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        foreign::instead,
        reader::{Broken, Read, Reader},
        syntax::{Node, Rule},
        words::{self, Place},
    },
    span::Spanned,
};

impl<'a> Reader<'a, '_> {
    /// `test "…" { … }`
    pub(super) fn test_item(&mut self) -> Read<ItemKind> {
        let head = self.phrase(Rule::test_head, Place::Item)?;
        let title = self.need(&head, Rule::string)?;
        let title = self.string(&title);
        self.last_entry = None;
        let steps = self.block(Place::Step, |reader, steps| {
            steps.push(reader.step()?);
            Ok(())
        });
        Ok(ItemKind::Test(Test { title, steps }))
    }

    fn step(&mut self) -> Read<Step> {
        let rule = match self.peek_text() {
            "given" => Rule::given_entry,
            "at" => Rule::at_entry,
            "wait" => Rule::wait_entry,
            "set" => Rule::set_used_entry,
            "send" => Rule::send_entry,
            "reply" => Rule::reply_entry,
            "expect" => Rule::expect_used_entry,
            _ => return self.unknown_entry(Place::Step),
        };
        let node = self.phrase(rule, Place::Step)?;
        self.last_entry = Some(rule);
        let kind = match rule {
            Rule::given_entry => {
                let binds = self.need(&node, Rule::binds)?;
                StepKind::Given(self.binds(&binds)?)
            }
            Rule::at_entry => StepKind::At(self.at_step(&node)?),
            Rule::wait_entry => {
                let span = self.need(&node, Rule::duration)?;
                StepKind::Wait(self.duration(&span)?)
            }
            Rule::set_used_entry => StepKind::SetUsed(self.used(&node)?, self.child_expr(&node)?),
            Rule::send_entry => StepKind::Send(Box::new(self.send(&node)?)),
            Rule::reply_entry => StepKind::Reply(self.reply(&node)?),
            _ => {
                let comparison = self.comparison(&node)?;
                StepKind::ExpectUsed(self.used(&node)?, comparison, self.child_expr(&node)?)
            }
        };
        Ok(Step { kind, span: self.span_of(&node) })
    }

    fn binds(&mut self, node: &Node<'a>) -> Read<Vec<Bind>> {
        let mut binds = Vec::new();
        for bind in node.all(Rule::bind) {
            binds.push(self.bind(&bind)?);
        }
        Ok(binds)
    }

    fn bind(&mut self, node: &Node<'a>) -> Read<Bind> {
        let value = self.child_expr(node)?;
        if let Some(read) = node.child(Rule::read_fact) {
            let function = self.need(&read, Rule::call_name)?;
            let text = self.need(&read, Rule::string)?;
            let name = fact_name(function.text(), &self.string(&text).node);
            return Ok(Bind { name: self.spanned(&read, name), value });
        }
        let name = self.need(node, Rule::dotted_decl)?;
        Ok(Bind { name: self.spanned(&name, name.text().to_owned()), value })
    }

    fn at_step(&mut self, node: &Node<'a>) -> Read<Spanned<limitrate_core::time::Timestamp>> {
        if let Some(instant) = node.child(Rule::instant) {
            let span = self.span_of(&instant);
            return Ok(Spanned { node: self.instant(&instant)?, span });
        }
        let Some(partial) = node.children().last() else { return self.unreadable(node) };
        let span = self.span_of(&partial);
        let text = partial.text();
        let mut diagnostic =
            Diagnostic::new(Code::RL0011, format!("`{text}` is not a whole instant"), span, "")
                .help("`at` takes a day, a time and an offset: `at 2026-03-02T16:59:30Z`");
        if partial.is(Rule::date) {
            diagnostic = diagnostic.fix("midnight of that day, UTC", span, format!("{text}T00:00:00Z"));
        }
        self.refuse(diagnostic)
    }

    fn status(&mut self, node: &Node<'a>) -> Read<Option<Spanned<i64>>> {
        node.child(Rule::digits).map(|status| self.integer(&status)).transpose()
    }

    fn used(&mut self, node: &Node<'a>) -> Read<Used> {
        let used = self.need(node, Rule::used)?;
        let limit = self.need(&used, Rule::dotted_decl)?;
        let mut keys = Vec::new();
        for key in used.all(Rule::for_key) {
            let name = self.need(&key, Rule::dotted_decl)?;
            let value = self.need(&key, Rule::string)?;
            keys.push((self.spanned(&name, name.text().to_owned()), self.string(&value)));
        }
        Ok(Used { limit: self.spanned(&limit, limit.text().to_owned()), keys })
    }

    fn comparison(&mut self, node: &Node<'a>) -> Read<Comparison> {
        let sign = self.need(node, Rule::comparison)?;
        let span = self.span_of(&sign);
        Ok(match sign.text() {
            "<" => Comparison::Lt,
            "<=" => Comparison::Le,
            ">=" => Comparison::Ge,
            ">" => Comparison::Gt,
            "=" => {
                let message = "`=` does not compare: write `==`";
                self.report(Diagnostic::new(Code::RL0004, message, span, "").fix("write `==`", span, "=="));
                Comparison::Eq
            }
            "===" => {
                self.report(instead("===", "==", span));
                Comparison::Eq
            }
            _ => Comparison::Eq,
        })
    }

    fn send(&mut self, node: &Node<'a>) -> Read<Send> {
        let count = node.child(Rule::digits).map(|count| self.integer(&count)).transpose()?;
        let verb = self.need(node, Rule::verb)?;
        let path = self.need(node, Rule::string)?;
        let with = self.with(node)?;
        let reply = node.child(Rule::reply_entry).map(|reply| self.reply(&reply)).transpose()?;
        let outcome = self.need(node, Rule::outcome)?;
        let expect = self.outcome(&outcome)?;
        let mut notes = Vec::new();
        for note in node.all(Rule::note) {
            notes.push(self.note(&note)?);
        }
        Ok(Send {
            count,
            verb: self.verb(&verb)?,
            path: self.string(&path),
            with,
            reply,
            expect: self.spanned(&outcome, expect),
            notes,
        })
    }

    /// The facts after `with`, if it is there.
    fn with(&mut self, node: &Node<'a>) -> Read<Vec<Bind>> {
        node.child(Rule::binds).map_or_else(|| Ok(Vec::new()), |binds| self.binds(&binds))
    }

    fn reply(&mut self, node: &Node<'a>) -> Read<Reply> {
        Ok(Reply { status: self.status(node)?, with: self.with(node)?, span: self.span_of(node) })
    }

    fn note(&mut self, node: &Node<'a>) -> Read<Note> {
        let name = self.need(node, Rule::dotted_decl)?;
        let name = self.spanned(&name, name.text().to_owned());
        let kind = if node.child(Rule::k_shadow).is_some() {
            NoteKind::Shadow(name)
        } else {
            let mark = match node.child(Rule::percent) {
                Some(mark) => Some(self.percent(&mark).map(|value| self.spanned(&mark, value))?),
                None => None,
            };
            NoteKind::Warn(name, mark)
        };
        Ok(Note { wanted: node.child(Rule::k_no).is_none(), kind, span: self.span_of(node) })
    }

    fn outcome(&mut self, node: &Node<'a>) -> Read<Expected> {
        let Some(word) = node.children().next() else { return self.unreadable(node) };
        let span = self.span_of(&word);
        match word.rule() {
            Rule::k_deny => Ok(Expected::Deny(self.status(node)?.map(|status| status.node))),
            Rule::k_exempt => Ok(Expected::Exempt),
            Rule::k_reject => {
                let by = match node.child(Rule::by) {
                    Some(by) => {
                        let name = self.need(&by, Rule::dotted_decl)?;
                        Some(self.spanned(&name, name.text().to_owned()))
                    }
                    None => None,
                };
                let retry_after = match node.child(Rule::retry_after) {
                    Some(retry) => {
                        let wait = self.need(&retry, Rule::duration)?;
                        Some((self.comparison(&retry)?, self.duration(&wait)?))
                    }
                    None => None,
                };
                Ok(Expected::Reject { by, retry_after })
            }
            Rule::k_downgrade => {
                let mut binds = Vec::new();
                for bind in node.all(Rule::bind) {
                    binds.push(self.bind(&bind)?);
                }
                Ok(Expected::Downgrade(binds))
            }
            _ if word.text() == "allow" => Ok(Expected::Allow),
            _ if word.text() == "queue" => {
                self.unsupported("`expect queue` is", span);
                Err(Broken)
            }
            _ => self.refuse(words::unknown(
                "answer",
                word.text(),
                &["allow", "exempt", "deny", "reject", "downgrade"],
                span,
            )),
        }
    }
}

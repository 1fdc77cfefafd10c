//! Rules and their statements.

use crate::{
    ast::{ItemKind, MatchArm, Rollout, Rule as RuleItem, Stmt, StmtKind},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        MAX_NESTING,
        reader::{Broken, Read, Reader},
        syntax::{Node, Rule},
        words::Place,
    },
    span::{Span, Spanned},
};

/// A status and a text, where they are written.
type StatusAndText = (Option<Spanned<i64>>, Option<Spanned<String>>);

impl<'a> Reader<'a, '_> {
    /// `rule api per user { … }`
    pub(super) fn rule_item(&mut self) -> Read<ItemKind> {
        let mut rule = match self.plain_rule_head() {
            Some(name) => {
                RuleItem { name, shadow: false, rollout: None, per: None, on: None, body: Vec::new() }
            }
            None => self.rule_head()?,
        };
        self.last_entry = None;
        let mut first = true;
        rule.body = self.block(Place::Statement, |reader, body| {
            if reader.peek_text() == "on" && reader.second_text() != "exceed" {
                if first && let Some(plain) = reader.plain_on() {
                    rule.on = Some(plain);
                    first = false;
                    return Ok(());
                }
                let node = reader.phrase(Rule::on_clause, Place::Statement)?;
                if first {
                    rule.on = Some(reader.on(&node)?);
                } else {
                    reader.late_on(&node);
                }
                first = false;
                return Ok(());
            }
            first = false;
            body.push(reader.statement(1)?);
            Ok(())
        });
        Ok(ItemKind::Rule(rule))
    }

    /// A rule up to its opening brace.
    fn rule_head(&mut self) -> Read<RuleItem> {
        let head = self.phrase(Rule::rule_head, Place::Item)?;
        let name = self.need(&head, Rule::decl)?;
        let name = self.name(&name);
        let shadow = head.child(Rule::k_shadow).is_some();
        let rollout = head.child(Rule::rollout).map(|rollout| self.rollout(&rollout)).transpose()?;
        let per = match (head.child(Rule::per), head.child(Rule::globally)) {
            (Some(per), _) => Some(self.keys(&per)?),
            (None, Some(globally)) => {
                let span = self.span_of(&globally);
                self.report(
                    Diagnostic::new(Code::RL0001, "`globally` belongs to a limit, not to a rule", span, "")
                        .help("write it after the rate: `limit 100 req/min globally`"),
                );
                None
            }
            (None, None) => None,
        };
        Ok(RuleItem { name, shadow, rollout, per, on: None, body: Vec::new() })
    }

    fn rollout(&mut self, node: &Node<'a>) -> Read<Rollout> {
        let share = self.need(node, Rule::percent)?;
        let value = self.percent(&share)?;
        let by = self.need(node, Rule::path)?;
        Ok(Rollout {
            share: self.spanned(&share, value),
            by: self.spanned(&by, by.text().to_owned()),
            span: self.span_of(node),
        })
    }

    fn late_on(&mut self, node: &Node<'a>) {
        let span = self.span_of(node);
        self.report(
            Diagnostic::new(
                Code::RL0001,
                "`on` stands once, first in a rule's braces",
                span,
                "too late here",
            )
            .help("it says which requests the whole rule looks at; other paths go into a rule of their own"),
        );
    }

    /// A statement, `depth` statements deep.
    pub(super) fn statement(&mut self, depth: usize) -> Read<Stmt> {
        let Some(word) = self.peek() else { return Err(Broken) };
        if depth > MAX_NESTING {
            let span = self.span(word.start, word.end);
            let message = format!("statements are nested more than {MAX_NESTING} deep");
            self.skip_block();
            let help = "`match` chooses between many cases side by side";
            return self.refuse(Diagnostic::new(Code::RL0006, message, span, "").help(help));
        }
        let start = word.start;
        let kind = match word.text(self.text) {
            "limit" => StmtKind::Limit(self.limit_entry(Place::Statement)?),
            "deny" => {
                let node = self.phrase(Rule::deny_entry, Place::Statement)?;
                self.last_entry = Some(Rule::deny_entry);
                let (status, message) = self.status_and_text(&node)?;
                StmtKind::Deny { status, message }
            }
            "exempt" => {
                let node = self.phrase(Rule::exempt_entry, Place::Statement)?;
                self.last_entry = Some(Rule::exempt_entry);
                StmtKind::Exempt(node.child(Rule::string).map(|text| self.string(&text)))
            }
            "let" => {
                let node = self.phrase(Rule::let_entry, Place::Statement)?;
                self.last_entry = Some(Rule::let_entry);
                let name = self.need(&node, Rule::decl)?;
                let name = self.name(&name);
                StmtKind::Let(name, self.child_expr(&node)?)
            }
            "if" | "IF" => self.if_statement(depth)?,
            "match" => self.match_statement(depth)?,
            "guard" => {
                let node = self.phrase(Rule::guard_entry, Place::Statement)?;
                let word = self.need(&node, Rule::k_guard)?;
                self.unsupported("`guard`, and so circuit breakers, is", self.span_of(&word));
                return Err(Broken);
            }
            _ => return self.unknown_entry(Place::Statement),
        };
        Ok(Stmt { kind, span: self.read_since(start) })
    }

    /// From byte `start` to the end of what is read.
    pub(super) fn read_since(&self, start: usize) -> Span {
        self.span(start, self.at)
    }

    /// What follows `deny`.
    pub(super) fn status_and_text(&mut self, node: &Node<'a>) -> Read<StatusAndText> {
        let status = node.child(Rule::digits).map(|status| self.integer(&status)).transpose()?;
        let message = node.child(Rule::string).map(|text| self.string(&text));
        Ok((status, message))
    }

    fn if_statement(&mut self, depth: usize) -> Read<StmtKind> {
        let condition = match self.plain_if_head() {
            Some(condition) => Ok(condition),
            None => {
                let head = self.phrase(Rule::if_head, Place::Statement)?;
                self.child_expr(&head)
            }
        };
        self.last_entry = Some(Rule::if_head);
        let then = self.body(depth)?;
        let otherwise = if matches!(self.peek_text(), "else" | "ELSE") {
            self.skip_token();
            self.last_entry = Some(Rule::k_else);
            self.body(depth)?
        } else {
            Vec::new()
        };
        Ok(StmtKind::If { condition: condition?, then, otherwise })
    }

    /// A statement, or several in braces.
    fn body(&mut self, depth: usize) -> Read<Vec<Stmt>> {
        if self.take("{").is_some() {
            self.last_entry = None;
            return Ok(self.block(Place::Statement, |reader, body| {
                body.push(reader.statement(depth + 1)?);
                Ok(())
            }));
        }
        Ok(vec![self.statement(depth + 1)?])
    }

    fn match_statement(&mut self, depth: usize) -> Read<StmtKind> {
        let head = self.phrase(Rule::match_head, Place::Statement)?;
        let subject = self.child_expr(&head);
        let arms = self.block(Place::Arm, |reader, arms| {
            let node = reader.phrase(Rule::arm_head, Place::Arm)?;
            let patterns = reader.patterns(&node);
            let body = reader.body(depth)?;
            let span = reader.read_since(node.start());
            reader.take(",");
            arms.push(MatchArm { patterns: patterns?, body, span });
            Ok(())
        });
        Ok(StmtKind::Match { subject: subject?, arms })
    }
}

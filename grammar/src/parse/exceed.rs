//! `on exceed`: what is done with a request that does not fit.

use limitrate_core::time::Nanos;

use crate::{
    ast::{BlockFor, Exceed, ExceedAction},
    parse::{
        reader::{Read, Reader},
        syntax::{Node, Rule},
    },
    span::Spanned,
};

impl<'a> Reader<'a, '_> {
    /// `None` where it is one that this version does not have.
    pub(super) fn exceed(&mut self, node: &Node<'a>) -> Read<Option<Exceed>> {
        let mut action = None;
        let mut block = None;
        for child in node.children() {
            match child.rule() {
                Rule::k_on | Rule::k_exceed => {}
                Rule::block => block = Some(self.block_for(&child)?),
                Rule::deny_entry => {
                    let (status, message) = self.status_and_text(&child)?;
                    action = Some(ExceedAction::Deny { status, message });
                }
                Rule::k_allow => action = Some(ExceedAction::Allow),
                Rule::k_reject => action = Some(ExceedAction::Reject),
                Rule::downgrade => {
                    let fact = self.need(&child, Rule::path)?;
                    let fact = self.spanned(&fact, fact.text().to_owned());
                    action = Some(ExceedAction::Downgrade(fact, self.child_expr(&child)?));
                }
                _ => {
                    let word = self.need(&child, Rule::k_queue)?;
                    self.unsupported("`queue`, and so waiting in line, is", self.span_of(&word));
                    return Ok(None);
                }
            }
        }
        Ok(Some(Exceed { action, block }))
    }

    fn block_for(&mut self, node: &Node<'a>) -> Read<BlockFor> {
        let first = self.child_duration(node)?;
        let (mut up_to, mut forget) = (None, None);
        if let Some(doubling) = node.child(Rule::doubling) {
            up_to = Some(self.child_duration(&doubling)?);
            forget = doubling.child(Rule::forget).map(|forget| self.child_duration(&forget)).transpose()?;
        }
        Ok(BlockFor { first, up_to, forget, span: self.span_of(node) })
    }

    fn child_duration(&mut self, node: &Node<'a>) -> Read<Spanned<Nanos>> {
        let written = self.need(node, Rule::duration)?;
        let value = self.duration(&written)?;
        Ok(self.spanned(&written, value))
    }
}

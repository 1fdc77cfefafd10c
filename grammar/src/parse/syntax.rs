//! The generated parser, and a view of its trees that knows where everything stands in the whole text.

use pest::{Parser, Token, error::Error, iterators::Pair};

/// The parser made from `policy.pest`.
mod generated {
    /// Reads phrases of a policy.
    #[derive(pest_derive::Parser)]
    #[grammar = "policy.pest"]
    pub(super) struct PolicyParser;
}

pub(super) use generated::Rule;

/// A node of a phrase's tree.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pair: Pair<'a, Rule>,
    /// Where in the text the phrase begins.
    base: usize,
}

/// Reads the phrase `rule` at the beginning of `text`, which begins at byte `base` of the source.
pub(super) fn read(rule: Rule, text: &str, base: usize) -> Result<Option<Node<'_>>, Box<Error<Rule>>> {
    let mut pairs = generated::PolicyParser::parse(rule, text).map_err(Box::new)?;
    Ok(pairs.next().map(|pair| Node { pair, base }))
}

impl<'a> Node<'a> {
    pub(super) const fn new(pair: Pair<'a, Rule>, base: usize) -> Self {
        Self { pair, base }
    }

    pub(super) fn rule(&self) -> Rule {
        self.pair.as_rule()
    }

    pub(super) fn is(&self, rule: Rule) -> bool {
        self.rule() == rule
    }

    pub(super) fn start(&self) -> usize {
        self.base + self.pair.as_span().start()
    }

    /// Where its last terminal ends: the tree counts the blanks after it too.
    pub(super) fn end(&self) -> usize {
        let mut last = self.pair.clone();
        while let Some(inner) = last.clone().into_inner().next_back() {
            last = inner;
        }
        self.base + last.as_span().end()
    }

    /// The text of a terminal.
    pub(super) fn text(&self) -> &'a str {
        self.pair.as_str()
    }

    /// What its tree ends in: the rule, the first byte and one past the last byte of each.
    pub(super) fn terminals(&self) -> impl Iterator<Item = (Rule, usize, usize)> + use<'a> {
        let base = self.base;
        let mut began = None;
        self.pair.clone().tokens().filter_map(move |token| match token {
            Token::Start { pos, .. } => {
                began = Some(pos.pos());
                None
            }
            // Only a node without children ends right after it began.
            Token::End { rule, pos } => began.take().map(|start| (rule, base + start, base + pos.pos())),
        })
    }

    pub(super) fn children(&self) -> impl DoubleEndedIterator<Item = Self> + use<'a> {
        let base = self.base;
        self.pair.clone().into_inner().map(move |pair| Self { pair, base })
    }

    pub(super) fn pairs(&self) -> pest::iterators::Pairs<'a, Rule> {
        self.pair.clone().into_inner()
    }

    pub(super) const fn base(&self) -> usize {
        self.base
    }

    /// The first child that is a `rule`.
    pub(super) fn child(&self, rule: Rule) -> Option<Self> {
        self.children().find(|child| child.is(rule))
    }

    /// The children that are a `rule`.
    pub(super) fn all(&self, rule: Rule) -> impl DoubleEndedIterator<Item = Self> + use<'a> {
        self.children().filter(move |child| child.is(rule))
    }
}

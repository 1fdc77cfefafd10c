//! Splits a text into regions that can be read apart from each other, and finds what is opened and never closed.
//!
//! A region begins where a line begins with the keyword of an item at column 1. If every brace is closed, braces say
//! which lines those are; if not, any such line ends the item before it, so that the blame stays with that item.

use std::ops::Range;

use crate::{
    code::Code,
    diagnostic::{Diagnostic, Diagnostics},
    parse::{FEWER_OPERATORS, MAX_NESTING},
    scan::{Token, TokenKind, begins_line, significant, text::Clean, tokens},
    span::{SourceId, span},
};

/// A part of the text with whole items in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    /// Its first byte.
    pub(crate) start: usize,
    /// One past its last byte.
    pub(crate) end: usize,
    /// Whether something in it is opened and never closed, which is reported.
    pub(crate) unclosed: bool,
    /// Whether it nests beyond the bound, which is reported: not to be read.
    pub(crate) too_deep: bool,
}

/// The words that begin an item.
pub(crate) const ITEM_WORDS: [&str; 22] = [
    "edition",
    "module",
    "use",
    "hierarchy",
    "input",
    "plan",
    "set",
    "schedule",
    "calendar",
    "rule",
    "test",
    "tenant",
    "table",
    "signal",
    "adjust",
    "breaker",
    "budget",
    "fn",
    "unit",
    "prove",
    "shadow",
    "limit",
];

/// Whether an item begins at the word `token`, judged by it and its neighbours.
pub(crate) fn begins_item(text: &str, token: Token, before: Option<Token>) -> bool {
    let word = token.text(text);
    if token.kind != TokenKind::Word || word == "limit" || !ITEM_WORDS.contains(&word) {
        return false;
    }
    if word == "rule" && before.is_some_and(|before| before.text(text) == "shadow") {
        return false;
    }
    if before.is_some_and(|before| matches!(before.text(text), ":" | "," | "=" | "." | "per" | "by" | "of")) {
        return false;
    }
    significant(text, token.end).is_some_and(|next| match next.text(text) {
        "used" => word != "set",
        "{" => true,
        _ => next.kind != TokenKind::Sign,
    })
}

/// The most operators between two beginnings of phrases: many more than an expression may have, and few enough that the
/// grammar reads them at once.
const MAX_OPERATORS: usize = 4_096;

/// Splits a text into regions, reporting what is never closed and what nests too deeply.
pub(crate) fn regions(source: SourceId, clean: &mut Clean<'_>, diagnostics: &mut Diagnostics) -> Vec<Region> {
    let mut quiet = Diagnostics::default();
    let (mut regions, mut damaged) = Splitter::new(source, &clean.text, false, &mut quiet).run();
    if regions.iter().any(|region| region.unclosed) {
        (regions, damaged) = Splitter::new(source, &clean.text, true, diagnostics).run();
    } else {
        diagnostics.append(quiet);
    }
    clean.damaged.extend(damaged);
    clean.damaged.sort_by_key(|range| (range.start, range.end));
    regions
}

/// A brace, parenthesis or bracket that is open.
#[derive(Debug, Clone, Copy)]
struct Open {
    token: Token,
    /// How deep words nested where it was opened.
    words: usize,
    /// Where its line begins.
    line: usize,
}

struct Splitter<'a, 'd> {
    source: SourceId,
    text: &'a str,
    /// Whether a line that begins an item ends the item before it, whatever is open.
    resync: bool,
    diagnostics: &'d mut Diagnostics,
    regions: Vec<Region>,
    start: usize,
    open: Vec<Open>,
    /// How much more is open beyond the bound, which is not looked at closely.
    beyond: usize,
    /// The opener that was closed by a brace further left: the one that really lacks its brace.
    suspect: Option<Token>,
    /// How deep the current expression nests by words: `if`s, and `not`s in a row.
    ifs: usize,
    nots: usize,
    /// How many operators it has.
    operators: usize,
    /// The last token but comments, and where its line begins.
    before: Option<Token>,
    line: usize,
    /// Where parentheses are missing.
    damaged: Vec<Range<usize>>,
    too_deep: bool,
}

impl<'a, 'd> Splitter<'a, 'd> {
    const fn new(source: SourceId, text: &'a str, resync: bool, diagnostics: &'d mut Diagnostics) -> Self {
        Self {
            source,
            text,
            resync,
            diagnostics,
            regions: Vec::new(),
            start: 0,
            open: Vec::new(),
            beyond: 0,
            suspect: None,
            ifs: 0,
            nots: 0,
            operators: 0,
            before: None,
            line: 0,
            damaged: Vec::new(),
            too_deep: false,
        }
    }

    fn run(mut self) -> (Vec<Region>, Vec<Range<usize>>) {
        for token in tokens(self.text, 0).filter(|token| token.kind != TokenKind::Comment) {
            let blank = self.before.map_or(0, |before| before.end);
            let newline = self.text.get(blank..token.start).and_then(|between| between.rfind('\n'));
            self.line = newline.map_or(self.line, |at| blank + at + 1);
            match token.kind {
                TokenKind::Word => {
                    if (self.resync || self.open.is_empty())
                        && token.start == self.line
                        && begins_item(self.text, token, self.before.filter(|before| self.goes_on(*before)))
                    {
                        self.end(token.start);
                    }
                    self.word(token);
                }
                TokenKind::Sign => self.sign(token),
                TokenKind::Number
                | TokenKind::String { .. }
                | TokenKind::OddString
                | TokenKind::Comment
                | TokenKind::OddComment => self.nots = 0,
            }
            if self.open.len() + self.ifs + self.nots > MAX_NESTING {
                self.deep(token);
            }
            self.before = Some(token);
        }
        self.end(self.text.len());
        (self.regions, self.damaged)
    }

    /// Whether the token that stands before a line tells what the line is: a broken item does not.
    fn goes_on(&self, before: Token) -> bool {
        !self.resync || before.text(self.text) == "shadow"
    }

    fn word(&mut self, token: Token) {
        match token.text(self.text) {
            "not" | "NOT" => self.nots += 1,
            "and" | "AND" | "or" | "OR" => self.operator(token),
            "if" | "IF" => {
                // Right after a brace it begins a statement.
                if self.before.is_some_and(|before| before.text(self.text) == "}") {
                    self.begin_phrase();
                }
                self.ifs += self.nots + 1;
                self.nots = 0;
            }
            "limit" | "deny" | "exempt" | "guard" | "let" => self.begin_phrase(),
            _ => self.nots = 0,
        }
    }

    fn sign(&mut self, token: Token) {
        let sign = token.text(self.text);
        match sign {
            "!" => self.nots += 1,
            "{" | "(" | "[" => {
                self.ifs += self.nots;
                self.nots = 0;
                if self.open.len() > MAX_NESTING {
                    self.beyond += 1;
                } else {
                    self.open.push(Open { token, words: self.ifs, line: self.line });
                }
            }
            "}" | ")" | "]" => self.close(token, sign),
            "=" | ":" | "=>" => self.begin_phrase(),
            "&&" | "||" | "+" | "*" | "??" => self.operator(token),
            _ => self.nots = 0,
        }
    }

    /// What begins here nests in the open braces only.
    fn begin_phrase(&mut self) {
        self.ifs = self.open.last().map_or(0, |open| open.words);
        self.nots = 0;
        self.operators = 0;
    }

    fn operator(&mut self, token: Token) {
        self.nots = 0;
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            self.refuse(token, "this expression has too many operators".to_owned(), FEWER_OPERATORS);
        }
    }

    fn close(&mut self, token: Token, sign: &str) {
        let opener = match sign {
            "}" => "{",
            ")" => "(",
            _ => "[",
        };
        self.nots = 0;
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let matching = self.open.iter().rposition(|open| open.token.text(self.text) == opener);
        // A brace closes over forgotten parentheses; a parenthesis never closes over a brace.
        let within = |at: usize| self.open.iter().skip(at + 1).all(|open| open.token.text(self.text) != "{");
        let Some(at) = matching.filter(|at| sign == "}" || within(*at)) else { return };
        let forgotten: Vec<Open> = self.open.drain(at..).collect();
        let Some(opener) = forgotten.first() else { return };
        self.ifs = opener.words;
        if let Some(paren) = forgotten.get(1) {
            self.unclosed(paren.token);
            self.damaged.push(paren.line..token.start);
        } else if sign == "}"
            && self.suspect.is_none()
            && begins_line(self.text, token.start)
            && self.indent(opener.line) > token.start - self.line
        {
            self.suspect = Some(opener.token);
        }
    }

    /// How many blanks begin the line at byte `line`.
    fn indent(&self, line: usize) -> usize {
        let rest = self.text.get(line..).unwrap_or_default();
        rest.len() - rest.trim_start_matches([' ', '\t']).len()
    }

    fn unclosed(&mut self, opener: Token) {
        let sign = opener.text(self.text);
        let closer = match sign {
            "{" => "}",
            "(" => ")",
            _ => "]",
        };
        let span = span(self.source, opener.start, opener.end);
        let message = format!("this `{sign}` is never closed");
        let help = format!("add the `{closer}` that belongs to it");
        self.diagnostics.push(Diagnostic::new(Code::RL0002, message, span, "opened here").help(help));
    }

    fn deep(&mut self, token: Token) {
        let message = format!("this is nested more than {MAX_NESTING} deep");
        self.refuse(token, message, "split it with `let`, or use `match` or a set: `x in {\"a\", \"b\"}`");
    }

    /// Leaves the region unread, and says once why.
    fn refuse(&mut self, token: Token, message: String, help: &str) {
        if !self.too_deep {
            let span = span(self.source, token.start, token.end);
            self.diagnostics.push(Diagnostic::new(Code::RL0006, message, span, "").help(help));
        }
        self.too_deep = true;
    }

    fn end(&mut self, at: usize) {
        let unclosed = self.open.last().copied();
        if let Some(open) = unclosed.filter(|_| !self.too_deep) {
            self.unclosed(self.suspect.unwrap_or(open.token));
        }
        if at > self.start {
            self.regions.push(Region {
                start: self.start,
                end: at,
                unclosed: unclosed.is_some(),
                too_deep: self.too_deep,
            });
        }
        self.start = at;
        self.open.clear();
        self.beyond = 0;
        self.suspect = None;
        (self.nots, self.ifs, self.operators, self.too_deep) = (0, 0, 0, false);
    }
}

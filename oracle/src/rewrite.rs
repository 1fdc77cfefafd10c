//! Other ways to write a policy that mean the same, or the same under other names.
//!
//! They work on generated policies, in which a name that the policy invents stands for one thing everywhere.

use std::any::Any;

use limitrate_grammar::{
    ast::{BinaryOp, Expr, ExprKind, File, Function, ItemKind, MatchArm, Rule, Stmt, StmtKind},
    span::{SourceId, Span},
};

use crate::{
    coverage::{Visitor, Walk as _},
    random::Random,
};

/// Calls and names are written out so often at most; beyond that the text is given up.
const MOST_STEPS: usize = 200;

fn parsed(text: &str) -> File {
    limitrate_grammar::parse(SourceId(0), text.as_bytes()).file
}

fn replaced(text: &str, span: Span, with: &str) -> String {
    let before = text.get(..span.start as usize).unwrap_or_default();
    let after = text.get(span.end as usize..).unwrap_or_default();
    format!("{before}{with}{after}")
}

/// The items in another order.
#[must_use]
pub fn permuted_items(text: &str, random: &mut Random) -> String {
    let items = parsed(text).items;
    let first =
        items.iter().take_while(|item| matches!(item.kind, ItemKind::Edition(_) | ItemKind::Module(_)));
    let fixed = first.count();
    let mut parts: Vec<&str> = items.iter().skip(fixed).map(|item| item.span.text(text)).collect();
    random.shuffle(&mut parts);
    let head = items.iter().take(fixed).map(|item| item.span.text(text));
    head.chain(parts).collect::<Vec<_>>().join("\n")
}

/// The statements of every block in another order, as far as a name does not have to come before its use.
#[must_use]
pub fn permuted_statements(text: &str, random: &mut Random) -> String {
    let mut blocks = Blocks::default();
    parsed(text).walk(&mut blocks);
    let mut text = text.to_owned();
    // Inner blocks come after those around them: from the last to the first, so that spans stay where they are.
    for block in blocks.0.iter().rev() {
        let (Some(first), Some(last)) = (block.first(), block.last()) else { continue };
        let mut parts: Vec<String> = block.iter().map(|span| span.text(&text).to_owned()).collect();
        random.shuffle(&mut parts);
        text = replaced(&text, first.to(*last), &padded(&parts.join(" "), first.to(*last)));
    }
    text
}

/// A text that fills a span: orders of the same parts have one length, but for the blanks between.
fn padded(text: &str, span: Span) -> String {
    let length = (span.end - span.start) as usize;
    format!("{text:<length$}")
}

/// The statements of each block.
#[derive(Default)]
struct Blocks(Vec<Vec<Span>>);

impl Blocks {
    fn add(&mut self, stmts: &[Stmt]) {
        let ordered = |stmt: &Stmt| matches!(stmt.kind, StmtKind::Let(..));
        if stmts.len() > 1 && !stmts.iter().any(ordered) {
            self.0.push(stmts.iter().map(|stmt| stmt.span).collect());
        }
    }
}

impl Visitor for Blocks {
    fn visit(&mut self, _: &'static str, node: &dyn Any) {
        if let Some(rule) = node.downcast_ref::<Rule>() {
            self.add(&rule.body);
        } else if let Some(StmtKind::If { then, otherwise, .. }) = node.downcast_ref::<StmtKind>() {
            self.add(then);
            self.add(otherwise);
        } else if let Some(arm) = node.downcast_ref::<MatchArm<Vec<Stmt>>>() {
            self.add(&arm.body);
        }
    }
}

/// Names of this kind with a letter before them: `rule_7` becomes `xrule_7`.
#[must_use]
pub fn renamed(text: &str, kind: &str) -> String {
    words(text, &|word| {
        let number = word.strip_prefix(kind)?.strip_prefix('_')?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("x{word}"))
    })
}

/// Words changed: runs of letters, digits and `_`.
fn words(text: &str, change: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        if end == 0 {
            let next = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(rest.get(..next).unwrap_or_default());
            rest = rest.get(next..).unwrap_or_default();
            continue;
        }
        let word = rest.get(..end).unwrap_or_default();
        out.push_str(&change(word).unwrap_or_else(|| word.to_owned()));
        rest = rest.get(end..).unwrap_or_default();
    }
    out
}

/// Every call of a declared function written out; `None` where there is none.
#[must_use]
pub fn inlined_functions(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for step in 0..MOST_STEPS {
        let file = parsed(&text);
        let functions = file.items.iter().filter_map(|item| {
            if let ItemKind::Function(function) = &item.kind { Some(function) } else { None }
        });
        let functions: Vec<&Function> = functions.collect();
        let mut calls = Calls { functions: &functions, found: None };
        file.walk(&mut calls);
        let Some((span, function, arguments)) = calls.found else { return (step > 0).then_some(text) };
        let function = functions.get(function)?;
        let body = words(function.body.span.text(&text), &|word| {
            let position = function.params.iter().position(|param| param.name.node == word)?;
            Some(format!("({})", arguments.get(position)?.text(&text)))
        });
        text = replaced(&text, span, &format!("({body})"));
    }
    None
}

/// The last call in a text, which has no other in it.
struct Calls<'f> {
    functions: &'f [&'f Function],
    found: Option<(Span, usize, Vec<Span>)>,
}

impl Visitor for Calls<'_> {
    fn visit(&mut self, _: &'static str, node: &dyn Any) {
        if let Some(expr) = node.downcast_ref::<Expr>()
            && let ExprKind::Call(name, arguments) = &expr.kind
            && let Some(function) = self.functions.iter().position(|known| known.name.node == name.node)
        {
            let arguments = arguments.iter().map(|argument| argument.span).collect();
            self.found = Some((expr.span, function, arguments));
        }
    }
}

/// Every `let` written out where it is used; `None` where there is none, or one stands in a message.
#[must_use]
pub fn inlined_lets(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for step in 0..MOST_STEPS {
        let mut first = FirstLet(None);
        parsed(&text).walk(&mut first);
        let Some((span, name, value)) = first.0 else { return (step > 0).then_some(text) };
        if text.contains(&format!("{{{name}}}")) {
            return None;
        }
        let value = value.text(&text).to_owned();
        let without = replaced(&text, span, "");
        text = words(&without, &|word| (word == name).then(|| format!("({value})")));
    }
    None
}

struct FirstLet(Option<(Span, String, Span)>);

impl Visitor for FirstLet {
    fn visit(&mut self, _: &'static str, node: &dyn Any) {
        if let Some(stmt) = node.downcast_ref::<Stmt>()
            && let StmtKind::Let(name, value) = &stmt.kind
            && self.0.is_none()
        {
            self.0 = Some((stmt.span, name.node.clone(), value.span));
        }
    }
}

/// The body of every rule twice, under a condition and its opposite.
#[must_use]
pub fn split(text: &str, condition: &str) -> String {
    let mut text = text.to_owned();
    let rules = parsed(&text).items.into_iter().filter_map(|item| {
        let ItemKind::Rule(rule) = item.kind else { return None };
        Some(rule.body.first()?.span.to(rule.body.last()?.span))
    });
    let bodies: Vec<Span> = rules.collect();
    for body in bodies.iter().rev() {
        let inner = body.text(&text).to_owned();
        let twice = format!("if {condition} then {{ {inner} }} else {{ {inner} }}");
        text = replaced(&text, *body, &twice);
    }
    text
}

/// Every `if a and b then …` without `else` as two that stand in each other; `None` where there is none.
#[must_use]
pub fn nested(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for step in 0..MOST_STEPS {
        let mut last = LastAnd(None);
        parsed(&text).walk(&mut last);
        let Some((whole, a, b, body)) = last.0 else { return (step > 0).then_some(text) };
        let (a, b, body) = (a.text(&text), b.text(&text), body.text(&text));
        let two = format!("if ({a}) then {{ if ({b}) then {{ {body} }} }}");
        text = replaced(&text, whole, &two);
    }
    None
}

struct LastAnd(Option<(Span, Span, Span, Span)>);

impl Visitor for LastAnd {
    fn visit(&mut self, _: &'static str, node: &dyn Any) {
        if let Some(stmt) = node.downcast_ref::<Stmt>()
            && let StmtKind::If { condition, then, otherwise } = &stmt.kind
            && let ExprKind::Binary(a, op, b) = &condition.kind
            && op.node == BinaryOp::And
            && otherwise.is_empty()
            && let (Some(first), Some(last)) = (then.first(), then.last())
        {
            self.0 = Some((stmt.span, a.span, b.span, first.span.to(last.span)));
        }
    }
}

/// The name of the module of [`wrapped`].
pub const MODULE: &str = "wrapped";

/// A policy that imports all of this one from a module: its own text, and that of the module.
#[must_use]
pub fn wrapped(text: &str) -> (String, String) {
    let items = parsed(text).items;
    let mut module = format!("module {MODULE}\n");
    let (mut names, mut outside) = (Vec::new(), String::new());
    for item in &items {
        let written = item.span.text(text);
        match &item.kind {
            ItemKind::Edition(_) | ItemKind::Module(_) => continue,
            // Rules apply where the policy itself imports them.
            ItemKind::Use(imported) if imported.module.node == "std.patterns" => {
                outside.push_str(written);
                outside.push('\n');
                continue;
            }
            // A policy's own facts must be there; those of a module only where it reads them.
            ItemKind::Input(_) => {
                outside.push_str(written);
                outside.push('\n');
            }
            ItemKind::Rule(rule) => names.push(rule.name.node.clone()),
            ItemKind::Use(_)
            | ItemKind::Hierarchy(_)
            | ItemKind::Plan(_)
            | ItemKind::Set(_)
            | ItemKind::Schedule(_)
            | ItemKind::Calendar(_)
            | ItemKind::Unit(_)
            | ItemKind::Table(_)
            | ItemKind::Function(_)
            | ItemKind::Test(_)
            | ItemKind::Budget(_) => {}
        }
        module.push_str(written);
        module.push('\n');
    }
    (format!("{outside}use {MODULE} ({})\n", names.join(", ")), module)
}

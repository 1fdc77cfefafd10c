//! Functions of the language: bounds, division, texts, and facts read by name.

use limitrate_core::{
    facts::{FactDecl, FactId, FactType, Source, Trust},
    unit::{PriceUnit, Unit},
};
use limitrate_grammar::{
    ast::{self, ExprKind as Syntax, Literal},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::{Checker, MAX_FACTS, fact_id};
use crate::{
    checked::{Arithmetic, Expr, ExprKind, Fact, Place, Type},
    resolve::Symbol,
};

/// The functions of the language.
pub(crate) const FUNCTIONS: [&str; 14] = [
    "at_least",
    "at_most",
    "clamp",
    "divide",
    "lower",
    "len",
    "starts_with",
    "ends_with",
    "contains",
    "bucket",
    "prefix",
    "header",
    "query",
    "cookie",
];

impl Checker<'_> {
    pub(super) fn call(&mut self, name: &ast::Name, arguments: &[ast::Expr], span: Span) -> Expr {
        let word = name.node.as_str();
        if matches!(word, "header" | "query" | "cookie") {
            return match self.read_by_name(name, arguments, span) {
                Some(fact) => self.fact(usize::from(fact.0), span),
                None => Expr::unknown(span),
            };
        }
        if let Some(Symbol::Function(position)) = self.resolved.symbol(word, name.span) {
            self.uses.symbol(Symbol::Function(position), span);
            return self.call_function(position, arguments, span);
        }
        let wanted = match word {
            "lower" | "len" => 1,
            "at_least" | "at_most" | "starts_with" | "ends_with" | "contains" => 2,
            "clamp" | "divide" => 3,
            "bucket" | "prefix" => {
                let message = format!("`{word}` stands only in a key");
                return self.wrong(
                    Diagnostic::new(Code::RL0202, message, span, "not a value")
                        .help(format!("write it after `per`: `per {}`", self.text(span))),
                    span,
                );
            }
            other => return self.no_function(name, other, span),
        };
        if arguments.len() != wanted {
            let message = format!("`{word}` takes {wanted} values, not {}", arguments.len());
            let message = if wanted == 1 { message.replace("values", "value") } else { message };
            let help = format!("write `{}`", usage(word));
            return self.wrong(Diagnostic::new(Code::RL0202, message, span, "here").help(help), span);
        }
        match (word, arguments) {
            ("lower", [text]) => self.lower(text, span),
            ("len", [text]) => self.length(text, span),
            ("starts_with", [text, part]) => self.has(text, Place::Start, part, span),
            ("ends_with", [text, part]) => self.has(text, Place::End, part, span),
            ("contains", [text, part]) => self.has(text, Place::Anywhere, part, span),
            ("divide", [a, b, when_zero]) => {
                let values = [self.expr(a), self.expr(b), self.expr(when_zero)];
                self.divide(values, span)
            }
            (_, [value, bounds @ ..]) => self.bounded(word, value, bounds, span),
            (_, []) => Expr::unknown(span),
        }
    }

    fn no_function(&mut self, name: &ast::Name, word: &str, span: Span) -> Expr {
        let resolved = self.resolved;
        let own = resolved.functions.iter().map(|function| function.name.node.as_str());
        let mut diagnostic = self.unknown("function", word, name.span, FUNCTIONS.into_iter().chain(own));
        if diagnostic.fixes.is_empty() {
            diagnostic = diagnostic.help(format!("declare it: `fn {word}(count: int) -> int = …`"));
        }
        self.lacking(word, diagnostic, span)
    }

    /// `at_least`, `at_most`, `clamp`.
    fn bounded(&mut self, word: &str, value: &ast::Expr, bounds: &[ast::Expr], span: Span) -> Expr {
        let mut value = self.expr(value);
        let operations: &[Arithmetic] = match word {
            "at_least" => &[Arithmetic::Max],
            "at_most" => &[Arithmetic::Min],
            _ => &[Arithmetic::Max, Arithmetic::Min],
        };
        for (operation, bound) in operations.iter().zip(bounds) {
            let bound = self.expr(bound);
            let ty = self.unify(&value, &bound, "compare");
            if !ty.is_ordered() {
                let message = format!("{} has no order", ty.noun());
                return self.wrong(Diagnostic::new(Code::RL0202, message, span, "cannot be bounded"), span);
            }
            value = self.arithmetic(*operation, value, bound, ty, span);
        }
        value
    }

    fn lower(&mut self, text: &ast::Expr, span: Span) -> Expr {
        let text = self.expr(text);
        let text = self.require(text, &Type::Text, "`lower` takes");
        if let ExprKind::Text(text) = &text.kind {
            return Expr::new(ExprKind::Text(text.to_ascii_lowercase()), Type::Text, span);
        }
        if text.ty == Type::Unknown {
            return text;
        }
        let absent = text.absent;
        Expr { absent, ..Expr::new(ExprKind::Lower(Box::new(text)), Type::Text, span) }
    }

    fn length(&mut self, text: &ast::Expr, span: Span) -> Expr {
        let text = self.expr(text);
        let text = self.require(text, &Type::Text, "`len` takes");
        if let ExprKind::Text(text) = &text.kind {
            return Expr::number(i64::try_from(text.len()).unwrap_or(i64::MAX), Type::Int, span);
        }
        if text.ty == Type::Unknown {
            return text;
        }
        let absent = text.absent;
        Expr { absent, ..Expr::new(ExprKind::Length(Box::new(text)), Type::Int, span) }
    }

    fn has(&mut self, text: &ast::Expr, place: Place, part: &ast::Expr, span: Span) -> Expr {
        let subject = self.expr(text);
        let subject = self.require(subject, &Type::Text, "here stands");
        let Syntax::Literal(Literal::String(part_text)) = &part.kind else {
            let message = "what is looked for is text in quotes";
            let diagnostic = Diagnostic::new(Code::RL0403, message, part.span, "not literal text")
                .help("compare two facts with `==`");
            return self.wrong(diagnostic, span);
        };
        let tests_absent = subject.absent.map(|_| span);
        let kind = ExprKind::Has(Box::new(subject), place, part_text.clone());
        Expr { tests_absent, ..Expr::new(kind, Type::Bool, span) }
    }

    /// The fact of `header("x-client-id")`, `query("page")` or `cookie("session")`: optional text that the caller chooses.
    pub(super) fn read_by_name(
        &mut self,
        function: &ast::Name,
        arguments: &[ast::Expr],
        span: Span,
    ) -> Option<FactId> {
        let [ast::Expr { kind: Syntax::Literal(Literal::String(name)), .. }] = arguments else {
            let word = &function.node;
            let message = format!("`{word}` takes a name in quotes");
            self.report(
                Diagnostic::new(Code::RL0403, message, span, "not one literal text")
                    .help(format!("write `{}`", usage(word))),
            );
            return None;
        };
        let fact_name = ast::fact_name(&function.node, name);
        if let Some(fact) = self.implicit.get(&fact_name).copied() {
            return Some(fact);
        }
        let fact = fact_id(self.out.facts.len())?;
        if self.out.facts.len() >= MAX_FACTS {
            let message = format!("a policy has at most {MAX_FACTS} facts");
            self.report(Diagnostic::new(Code::RL0509, message, span, "one too many"));
            return None;
        }
        let source = match function.node.as_str() {
            "header" => Source::Header(name.to_ascii_lowercase().into()),
            "query" => Source::Query(name.as_str().into()),
            _ => Source::Cookie(name.as_str().into()),
        };
        let decl = FactDecl {
            optional: true,
            trust: Trust::Untrusted,
            source: Some(source),
            ..FactDecl::new(fact_name.as_str(), FactType::String)
        };
        self.out.facts.push(Fact { decl, span, used: true, imported: false, modules: Vec::new() });
        self.implicit.insert(fact_name, fact);
        Some(fact)
    }

    /// The unit that a word after a number means: a declared one by its name, none where the word was reported.
    pub(super) fn unit(&self, unit: Unit) -> Option<Unit> {
        let Unit::Declared(word) = unit else { return Some(unit) };
        self.resolved.units.get(word.as_str()).map(|(name, _)| Unit::Declared(*name))
    }

    /// A price's unit by the names of declared units.
    pub(super) fn price_unit(&self, unit: PriceUnit) -> Option<PriceUnit> {
        Some(PriceUnit { of: self.unit(unit.of)?, ..unit })
    }
}

/// How a function of the language is called.
fn usage(word: &str) -> &'static str {
    match word {
        "at_least" => "at_least(value, bound)",
        "at_most" => "at_most(value, bound)",
        "clamp" => "clamp(value, least, most)",
        "divide" => "divide(a, b, when_zero)",
        "lower" => "lower(text)",
        "len" => "len(text)",
        "starts_with" => "starts_with(text, \"prefix\")",
        "ends_with" => "ends_with(text, \"suffix\")",
        "contains" => "contains(text, \"part\")",
        "bucket" => "bucket(key, 256)",
        "prefix" => "prefix(ip, 24, 56)",
        "query" => "query(\"page\")",
        "cookie" => "cookie(\"session\")",
        _ => "header(\"x-client-id\")",
    }
}

//! What is known in one source: the names it declares, and those it takes from the modules it uses.

use std::collections::{HashMap, HashSet};

use limitrate_grammar::{
    ast,
    code::Code,
    diagnostic::Diagnostic,
    span::{SourceId, Span},
};

use super::{Input, Resolved, Resolver, Symbol};

/// The names of one source.
#[derive(Debug, Default)]
pub struct Scope {
    /// What the source is used as; `None` for the policy's own text.
    pub module: Option<String>,
    /// Every name of the value namespace, with where it was declared: here, or in the module it was taken from.
    pub symbols: HashMap<String, (Symbol, Span)>,
    /// The words of the units that are declared here.
    pub(super) units: HashSet<String>,
    /// The modules in use here.
    pub uses: HashSet<String>,
    /// The last of the lines that stand before everything else: the edition and the module's name.
    pub head: Option<Span>,
    /// What the source calls itself.
    pub(super) line: Option<ast::Name>,
    /// The rules of a module, which apply where they are imported.
    pub(super) rules: HashMap<String, ast::Rule>,
}

impl Resolved {
    /// What is known where `at` points.
    #[must_use]
    pub fn scope(&self, at: Span) -> Option<&Scope> {
        self.scopes.get(usize::from(at.source.0))
    }

    /// What `name` stands for where it is written.
    #[must_use]
    pub fn symbol(&self, name: &str, at: Span) -> Option<Symbol> {
        self.scope(at)?.symbols.get(name).map(|(symbol, _)| *symbol)
    }

    /// The fact that `name` stands for where it is written, and its position.
    #[must_use]
    pub fn input(&self, name: &str, at: Span) -> Option<(usize, &Input)> {
        let Some(Symbol::Input(position)) = self.symbol(name, at) else { return None };
        self.inputs.get(position).map(|input| (position, input))
    }

    /// The position of the policy's fact of this name that `module` declares, in use or not where one looks.
    #[must_use]
    pub fn imported(&self, module: &str, name: &str) -> Option<usize> {
        let position = *self.facts.get(name)?;
        self.inputs.get(position)?.is_of(module).then_some(position)
    }

    /// Whether the source of `at` uses `module`, or is that module.
    #[must_use]
    pub fn uses(&self, module: &str, at: Span) -> bool {
        let itself = self.module_of(at).or(self.module.as_ref().map(|name| name.node.as_str()));
        self.scope(at).is_some_and(|scope| scope.uses.contains(module)) || itself == Some(module)
    }

    /// The module that `at` points into; `None` in the policy's own text.
    #[must_use]
    pub fn module_of(&self, at: Span) -> Option<&str> {
        self.scope(at)?.module.as_deref()
    }

    /// The name of a rule or limit in the policy as a whole: `platform.base.api`, or as it is in the policy's own text.
    #[must_use]
    pub fn qualified(&self, name: &str, at: Span) -> String {
        self.module_of(at).map_or_else(|| name.to_owned(), |module| format!("{module}.{name}"))
    }

    /// A module in use where `at` points that has `name`, which is not taken from it.
    #[must_use]
    pub fn offered(&self, name: &str, at: Span) -> Option<&str> {
        let uses = &self.scope(at)?.uses;
        let declares = |scope: &Scope, source: usize| {
            scope.symbols.get(name).is_some_and(|(_, span)| usize::from(span.source.0) == source)
        };
        let declaring = self.scopes.iter().zip(0..).filter(|(scope, source)| declares(scope, *source));
        let modules = declaring.filter_map(|(scope, _)| scope.module.as_deref());
        modules.filter(|module| uses.contains(*module)).min()
    }

    /// The names known where `at` points whose symbols are `wanted`, in no order.
    pub fn names(&self, at: Span, wanted: impl Fn(Symbol) -> bool) -> impl Iterator<Item = &str> {
        let symbols = self.scope(at).into_iter().flat_map(|scope| &scope.symbols);
        symbols.filter(move |(_, (symbol, _))| wanted(*symbol)).map(|(name, _)| name.as_str())
    }
}

impl Resolver<'_> {
    /// The scope whose items are collected.
    pub(super) fn scope(&mut self) -> &mut Scope {
        // INVARIANT: a scope is pushed before `at` points to it, so the other one is never written to.
        self.out.scopes.get_mut(self.at).unwrap_or(&mut self.elsewhere)
    }

    /// `module a.b`
    pub(super) fn module_line(&mut self, name: ast::Name) {
        if let Some(first) = &self.scope().line {
            let diagnostic =
                Diagnostic::new(Code::RL0102, "a file is one module", name.span, "a second name for it")
                    .label(first.span, "the first one");
            self.diagnostics.push(diagnostic);
            return;
        }
        if name.span.source == SourceId(0) {
            self.out.module = Some(name.clone());
        }
        self.scope().head = self.scope().head.max(Some(name.span));
        self.scope().line = Some(name);
    }
}

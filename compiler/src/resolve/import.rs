//! Imports: the names that a source takes from the modules it uses.
//!
//! `use a.b` brings the module's facts and plans; a list after it brings what else it names, of any kind. What a source
//! declares or lists itself stands before facts and plans that come unasked, so a module may grow without breaking
//! those who use it.

use limitrate_grammar::{
    ast,
    code::Code,
    diagnostic::Diagnostic,
    span::{SourceId, Span},
};

use super::{Resolver, Symbol, suggest};

impl Resolver<'_> {
    /// Takes into the current scope what is used of the modules, each given with the position of its scope.
    pub(super) fn link(&mut self, uses: &[(usize, &ast::Use)]) {
        for (from, used) in uses {
            self.scope().uses.insert(used.module.node.clone());
            for name in &used.names {
                self.import(name, *from, &used.module);
            }
        }
        for (from, _) in uses {
            let unasked = self.out.scopes.get(*from).map(|module| {
                let own = module.symbols.iter().filter(|(_, (_, span))| is_own(*span, *from));
                own.filter(|(_, (symbol, _))| comes_unasked(*symbol))
                    .map(|(name, entry)| (name.clone(), *entry))
                    .collect::<Vec<_>>()
            });
            for (name, entry) in unasked.unwrap_or_default() {
                self.scope().symbols.entry(name).or_insert(entry);
            }
        }
    }

    /// Takes one listed name: a value of the module, a rule, or both.
    fn import(&mut self, name: &ast::Name, from: usize, module: &ast::Name) {
        let Some(scope) = self.out.scopes.get(from) else { return };
        let symbol = scope.symbols.get(&name.node).copied().filter(|(_, span)| is_own(*span, from));
        let rule = scope.rules.get(&name.node).cloned();
        // A unit is the same for all of the policy; that it is listed says where it comes from.
        if symbol.is_none() && rule.is_none() && !scope.units.contains(&name.node) {
            self.not_in_module(name, from, module);
        }
        if let Some((symbol, declared)) = symbol.filter(|(symbol, _)| !comes_unasked(*symbol)) {
            match self.scope().symbols.get(&name.node).map(|(_, first)| *first) {
                Some(first) => self.taken(name, first),
                None => {
                    self.scope().symbols.insert(name.node.clone(), (symbol, declared));
                }
            }
        }
        // A rule applies where the policy itself takes it; that a module takes it says nothing about the policy.
        if let Some(rule) = rule.filter(|_| self.at == 0) {
            let first = self.out.rules.iter().map(|rule| rule.name.span).find(|span| *span == rule.name.span);
            match first {
                Some(first) => self.taken(name, first),
                None => self.out.rules.push(rule),
            }
        }
    }

    fn taken(&mut self, name: &ast::Name, first: Span) {
        self.diagnostics.push(
            Diagnostic::new(
                Code::RL0102,
                format!("`{}` is in scope already", name.node),
                name.span,
                "taken once more here",
            )
            .label(first, "declared here")
            .help("leave one of them out, or rename what is your own"),
        );
    }

    /// Reports a name that the module does not declare.
    fn not_in_module(&mut self, name: &ast::Name, from: usize, module: &ast::Name) {
        let source = SourceId(u16::try_from(from).unwrap_or(u16::MAX));
        let Some(scope) = self.out.scopes.get(from).filter(|_| !self.out.unread.is_damaged(source)) else {
            return; // it may stand in what could not be read
        };
        let mut diagnostic = Diagnostic::new(
            Code::RL0101,
            format!("the module `{}` has no `{}`", module.node, name.node),
            name.span,
            "not declared there",
        );
        self.out.not_imported.insert(name.node.clone());
        let elsewhere = scope.symbols.get(&name.node).map(|(_, span)| *span);
        let elsewhere = elsewhere.and_then(|span| self.out.scopes.get(usize::from(span.source.0)));
        let own =
            scope.symbols.iter().filter(|(_, (symbol, span))| is_own(*span, from) && !comes_unasked(*symbol));
        let mut known: Vec<&str> = own
            .map(|(name, _)| name)
            .chain(scope.rules.keys())
            .chain(&scope.units)
            .map(String::as_str)
            .collect();
        known.sort_unstable();
        if let Some(other) = elsewhere.and_then(|scope| scope.module.as_deref()) {
            diagnostic =
                diagnostic.help(format!("it comes from another module: write `use {other} ({})`", name.node));
        } else if let Some(near) = suggest::closest(&name.node, known.iter().copied()) {
            self.out.not_imported.insert(near.to_owned());
            diagnostic = diagnostic.fix(format!("did you mean `{near}`?"), name.span, near);
        } else if known.is_empty() {
            diagnostic = diagnostic.help(format!("it has facts only, which come with `use {}`", module.node));
        } else {
            let some: Vec<String> = known.iter().take(3).map(|name| format!("`{name}`")).collect();
            let more = known.len().saturating_sub(some.len());
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            diagnostic = diagnostic.help(format!("it has {}{more}", some.join(", ")));
        }
        self.diagnostics.push(diagnostic);
    }
}

/// Whether what is declared at `span` is the scope's own.
fn is_own(span: Span, scope: usize) -> bool {
    usize::from(span.source.0) == scope
}

/// Whether a symbol comes with its module, named or not: a request has its facts and its plan whoever declares them.
const fn comes_unasked(symbol: Symbol) -> bool {
    matches!(symbol, Symbol::Input(_) | Symbol::Plan(_))
}

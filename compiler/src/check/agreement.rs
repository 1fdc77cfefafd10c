//! Facts that several sources declare: a request has each fact once, so they must mean the same.
//!
//! The policy's own declaration decides whether a fact may be absent and what stands in for it: modules are checked
//! against that. Two modules without it must agree in everything.

use limitrate_core::facts::{FactDecl, FactType};
use limitrate_grammar::{ast, code::Code, diagnostic::Diagnostic};

use super::{Checker, MAX_FACTS, declaration::declared, fact_id};
use crate::resolve::Input;

impl Checker<'_> {
    /// Reports facts that are declared differently.
    pub(super) fn agreements(&mut self) {
        let resolved = self.resolved;
        for (position, input) in resolved.inputs.iter().enumerate().take(MAX_FACTS) {
            for (attribute, module) in &input.also {
                self.agreement(position, input, attribute, module);
            }
        }
    }

    fn agreement(&mut self, position: usize, input: &Input, other: &ast::Attribute, module: &str) {
        let Some(fact) = self.out.facts.get(position) else { return };
        let Some(id) = fact_id(position).filter(|id| !self.unclear.contains(id)) else { return };
        let known = fact.decl.clone();
        let Some(ty) = self.type_beside(other) else { return };
        if ty != known.ty {
            self.unclear.insert(id);
            let diagnostic = self.differs(input, other, module, "another type");
            self.report(diagnostic);
        } else if input.module.is_some() {
            let default = self.fallback(position, other.default.as_ref(), "the default");
            let otherwise = self.fallback(position, other.otherwise.as_ref(), "the value after `else`");
            let theirs = FactDecl { default, otherwise, ..declared(other, ty) };
            if theirs != known {
                let diagnostic = self.differs(input, other, module, "another declaration");
                self.report(diagnostic);
            }
        }
    }

    /// The type of a further declaration of a fact.
    fn type_beside(&mut self, attribute: &ast::Attribute) -> Option<FactType> {
        let ty = self.fact_type(&attribute.ty);
        // Its members were entered for a fact that is none.
        if let Some(next) = fact_id(self.out.facts.len()) {
            self.members.remove(&next);
        }
        ty
    }

    fn differs(&self, input: &Input, other: &ast::Attribute, module: &str, label: &str) -> Diagnostic {
        let name = &other.name.node;
        match &input.module {
            None => {
                let theirs = self.text(other.ty.span).to_owned();
                let own = input.attribute.ty.span;
                let message = format!("the module `{module}` has a fact `{name}` of another type");
                Diagnostic::new(Code::RL0105, message, own, "declared so here")
                    .label(other.span, "and so in the module")
                    .fix("declare it as the module does", own, theirs)
            }
            Some(first) => {
                let message = format!("the modules `{first}` and `{module}` declare `{name}` differently");
                Diagnostic::new(Code::RL0105, message, other.span, label)
                    .label(input.attribute.span, "the first one")
                    .help("a request has one fact of a name: declare it alike in both, or rename one")
            }
        }
    }
}

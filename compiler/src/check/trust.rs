//! Trust: keys of which the caller can make as many as he likes.

use limitrate_core::facts::{FactDecl, FactType, Trust};
use limitrate_grammar::{
    ast::{self, KeyAtom},
    code::Code,
    diagnostic::Diagnostic,
    span::{Span, Spanned},
};

use super::Checker;

/// A whole number with at most so many values makes few enough keys.
const FEW_VALUES: i64 = 1 << 16;

/// The buckets that a fix writes.
const BUCKETS: u32 = 4_096;

/// Who chooses a part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Chooser {
    /// Nobody: it is the same for every request.
    Constant,
    /// The caller, among few values.
    CallerOfFew,
    /// The caller.
    Caller,
    /// The host.
    Host,
}

impl Checker<'_> {
    /// Warns of a key whose parts the caller chooses. `under_root` says whether the root of the hierarchy is put before.
    pub(super) fn lint_key(&mut self, keys: &ast::Keys, under_root: bool) {
        if !self.linted_keys.insert(keys.span) {
            return; // of a rule, for each of its limits
        }
        let parts: Vec<(Chooser, &ast::Key)> =
            keys.parts.iter().map(|key| (self.chooser_of(key), key)).collect();
        let Some((_, worst)) = parts.iter().find(|(chooser, _)| *chooser == Chooser::Caller) else { return };
        let written = self.text(worst.span).to_owned();
        let bounded = match worst.alternatives.last().map(|last| &last.node) {
            Some(KeyAtom::Literal(_)) | None => format!("bucket({written}, {BUCKETS})"),
            Some(KeyAtom::Fact(_) | KeyAtom::Call(..)) if self.is_there(worst) => {
                format!("bucket({written}, {BUCKETS})")
            }
            Some(KeyAtom::Fact(_) | KeyAtom::Call(..)) => format!("bucket({written} ?? \"none\", {BUCKETS})"),
        };
        let host = under_root || parts.iter().any(|(chooser, _)| *chooser == Chooser::Host);
        let label = "a new value for each request is a new, empty counter";
        let diagnostic = if host {
            Diagnostic::new(
                Code::RL1201,
                "the caller can make any number of these counters",
                worst.span,
                label,
            )
        } else {
            Diagnostic::new(Code::RL1202, "the caller chooses this key", keys.span, label)
                .help("or count by something the caller cannot choose, such as `ip`, in a limit of its own")
        };
        self.report(diagnostic.fix("bound how many there are", worst.span, bounded));
    }

    /// Whether a part names only facts that every request has.
    fn is_there(&self, key: &ast::Key) -> bool {
        key.alternatives.iter().any(|atom| self.declared(atom).is_some_and(|decl| !decl.optional))
    }

    fn declared(&self, atom: &Spanned<KeyAtom>) -> Option<&FactDecl> {
        let node = match &atom.node {
            KeyAtom::Fact(name) => name.clone(),
            KeyAtom::Call(function, arguments) => match arguments.as_slice() {
                [ast::Expr { kind: ast::ExprKind::Literal(ast::Literal::String(name)), .. }] => {
                    ast::fact_name(&function.node, name)
                }
                _ => return None,
            },
            KeyAtom::Literal(_) => return None,
        };
        let fact = self.fact_of_test(&Spanned { node, span: atom.span })?;
        self.out.facts.get(usize::from(fact.0)).map(|fact| &fact.decl)
    }

    /// Who chooses a part: a caller who leaves out what is optional chooses what stands in for it.
    fn chooser_of(&self, key: &ast::Key) -> Chooser {
        let choosers = key.alternatives.iter().map(|atom| match &atom.node {
            KeyAtom::Literal(_) => Chooser::Constant,
            KeyAtom::Call(function, _) if function.node == "bucket" => Chooser::CallerOfFew,
            KeyAtom::Call(function, _) if function.node == "prefix" => Chooser::Host,
            KeyAtom::Fact(_) | KeyAtom::Call(..) => self.declared(atom).map_or(Chooser::Host, chooser),
        });
        let choosers: Vec<Chooser> = choosers.collect();
        if choosers.contains(&Chooser::Caller) {
            return Chooser::Caller;
        }
        choosers.into_iter().max().unwrap_or(Chooser::Constant)
    }
}

fn chooser(decl: &FactDecl) -> Chooser {
    match (decl.trust, &decl.ty) {
        (Trust::Trusted, _) => Chooser::Host,
        (Trust::Untrusted, FactType::Bool | FactType::OneOf(_) | FactType::Plan(_)) => Chooser::CallerOfFew,
        (Trust::Untrusted, FactType::Int { min, max }) if max.saturating_sub(*min) < FEW_VALUES => {
            Chooser::CallerOfFew
        }
        (Trust::Untrusted, _) => Chooser::Caller,
    }
}

/// Where a key stands, for [`Checker::lint_key`].
pub(super) type LintedKeys = std::collections::HashSet<Span>;

//! The method and path of a request, as `std.http` brings them.

use limitrate_core::{facts::FactId, path::normalize};
use limitrate_grammar::{code::Code, diagnostic::Diagnostic, span::Span};

use super::{Checker, fact_id};
use crate::{
    checked::{Expr, ExprKind, HttpFacts},
    resolve::HTTP_MODULE,
};

impl Checker<'_> {
    /// `method` and `path` of `std.http`, for `on`; reports where the module is not in use.
    pub(super) fn http(&mut self, span: Span) -> Option<HttpFacts> {
        if self.out.http.is_none() {
            let method = self.resolved.imported(HTTP_MODULE, "method").and_then(fact_id);
            let path = self.resolved.imported(HTTP_MODULE, "path").and_then(fact_id);
            self.out.http = method.zip(path).map(|(method, path)| HttpFacts { method, path });
        }
        let in_use = self.resolved.uses(HTTP_MODULE, span);
        let Some(http) = self.out.http.filter(|_| in_use) else {
            let message =
                format!("`on` looks at the method and path of `{HTTP_MODULE}`, which is not in use");
            self.http_missing(message, span, "needs the facts of an HTTP request");
            return None;
        };
        self.mark_used(http.method);
        self.mark_used(http.path);
        Some(http)
    }

    /// Notes the path of `std.http` where only conditions, keys or messages look at it: it is compared in its normal
    /// form there, too.
    pub(super) fn find_path(&mut self) {
        let Some(path) = self.path_fact().filter(|_| self.out.http.is_none()) else { return };
        let is_used = self.out.facts.get(usize::from(path.0)).is_some_and(|fact| fact.used);
        let method = self.out.facts.iter().position(|fact| &*fact.decl.name == "method").and_then(fact_id);
        self.out.http = method.filter(|_| is_used).map(|method| HttpFacts { method, path });
    }

    /// `path` of `std.http`, where in use.
    fn path_fact(&self) -> Option<FactId> {
        self.resolved.imported(HTTP_MODULE, "path").and_then(fact_id)
    }

    /// Reports a path that is compared with text which is not in a path's normal form, and so never equals it.
    pub(super) fn compares_path(&mut self, left: &Expr, right: &Expr) {
        let path = self.path_fact();
        let is_path = |expr: &Expr| matches!(expr.kind, ExprKind::Fact(fact) if Some(fact) == path);
        let (text, span) = match (&left.kind, &right.kind) {
            (ExprKind::Text(text), _) if is_path(right) => (text, left.span),
            (_, ExprKind::Text(text)) if is_path(left) => (text, right.span),
            _ => return,
        };
        let normal = normalize(text);
        if normal == *text {
            return;
        }
        let diagnostic = Diagnostic::new(
            Code::RL0203,
            format!("`path` is never \"{text}\""),
            span,
            "not how a path is compared: without query, decoded, without doubled and trailing slashes",
        )
        .fix("write it as paths are compared", span, format!("\"{normal}\""));
        self.report(diagnostic);
    }
}

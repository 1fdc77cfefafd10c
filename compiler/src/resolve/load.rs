//! Modules: finds what a policy uses, and what that uses, each once and never in a circle.

use std::collections::HashMap;

use limitrate_grammar::{
    ast,
    code::Code,
    diagnostic::Diagnostic,
    span::{SourceId, Span},
};

use super::{Resolver, Scope, suggest};
use crate::source::{LoadError, Loaded, Loader, MAX_MODULE_BYTES, MAX_MODULES, Sources};

/// At most so many names are listed where none is like the one that was not found.
const MAX_LISTED: usize = 12;

/// What became of a module that was looked for.
#[derive(Debug, Clone, Copy)]
enum Found {
    /// It is reported that it cannot be had.
    Nowhere,
    /// It is the scope at this position.
    Here(usize),
}

/// The state of loading all that one policy uses.
struct Loading<'l> {
    sources: &'l mut Sources,
    loader: &'l dyn Loader,
    /// What the policy calls itself.
    home: Option<String>,
    found: HashMap<String, Found>,
    /// Which module each file was first used as.
    identities: HashMap<String, String>,
    /// The modules that use each other on the way here, each with where it is used.
    trail: Vec<(String, Span)>,
    bytes: usize,
}

impl Resolver<'_> {
    /// Loads what the policy uses, and brings the names that each source takes into its scope.
    pub(super) fn modules(&mut self, uses: &[ast::Use], sources: &mut Sources, loader: &dyn Loader) {
        let home = self.out.module.clone();
        let mut loading = Loading {
            sources,
            loader,
            home: home.as_ref().map(|name| name.node.clone()),
            found: HashMap::new(),
            identities: HashMap::new(),
            trail: Vec::new(),
            bytes: 0,
        };
        if let Some(home) = home {
            if let Err(error) = loader.place(&home.node) {
                self.diagnostics.push(
                    Diagnostic::new(
                        Code::RL0607,
                        format!("this file is not where the module `{}` is", home.node),
                        home.span,
                        error.to_string(),
                    )
                    .help("move the file, or give it the name of its place"),
                );
            }
            loading.trail.push((home.node, home.span));
        }
        self.uses_of(0, uses, &mut loading);
    }

    /// Loads what the scope at position `at` uses, then takes the names from it.
    fn uses_of(&mut self, at: usize, uses: &[ast::Use], loading: &mut Loading<'_>) {
        for used in uses {
            self.module(&used.module, loading);
        }
        let here = |used: &ast::Use| match loading.found.get(&used.module.node) {
            Some(Found::Here(from)) => Some(*from),
            Some(Found::Nowhere) | None => None,
        };
        let known: Vec<(usize, &ast::Use)> =
            uses.iter().filter_map(|used| here(used).map(|from| (from, used))).collect();
        self.at = at;
        self.link(&known);
    }

    fn module(&mut self, name: &ast::Name, loading: &mut Loading<'_>) {
        if let Some(from) = loading.trail.iter().position(|(module, _)| *module == name.node) {
            let circle = loading.trail.get(from..).unwrap_or_default();
            self.diagnostics.push(cycle(name, circle));
            return;
        }
        if loading.found.contains_key(&name.node) {
            return;
        }
        loading.found.insert(name.node.clone(), Found::Nowhere);
        let source = match loading.take(name) {
            Ok((source, parsed)) => {
                self.damaged_by(source, &parsed);
                self.diagnostics.append(parsed.diagnostics);
                self.source(name, source, parsed.file, loading)
            }
            Err(diagnostic) => {
                self.out.module_missing = true;
                self.diagnostics.push(*diagnostic);
                return;
            }
        };
        loading.found.insert(name.node.clone(), Found::Here(source));
    }

    /// Notes a text that could not be read in full: what it lacks is not held against the rest.
    fn damaged_by(&mut self, source: SourceId, parsed: &limitrate_grammar::Parsed) {
        if parsed.diagnostics.has_errors() {
            self.out.unread.damage(source);
            self.out.module_missing = true;
        }
    }

    /// Collects a module's items and all that it uses; gives the position of its scope.
    fn source(
        &mut self,
        name: &ast::Name,
        source: SourceId,
        file: ast::File,
        loading: &mut Loading<'_>,
    ) -> usize {
        // INVARIANT: each text but the policy's own has a scope, pushed as it is added: a source's id is its position.
        let at = self.out.scopes.len();
        self.out.scopes.push(Scope { module: Some(name.node.clone()), ..Scope::default() });
        self.at = at;
        let uses = self.items(file.items);
        self.fits(name, source, loading);
        loading.trail.push((name.node.clone(), name.span));
        self.uses_of(at, &uses, loading);
        loading.trail.pop();
        at
    }

    /// Checks that a module calls itself what it is used as.
    fn fits(&mut self, name: &ast::Name, source: SourceId, loading: &Loading<'_>) {
        let shown = loading.sources.get(source).map(|source| source.name.clone()).unwrap_or_default();
        let diagnostic = match self.scope().line.clone() {
            Some(line) if line.node == name.node => return,
            Some(line) => Diagnostic::new(
                Code::RL0607,
                format!("this file is used as `{}` and calls itself `{}`", name.node, line.node),
                line.span,
                "another name",
            )
            .label(name.span, "used here")
            .fix("give it the name of its place", line.span, &*name.node),
            None if self.out.unread.is_damaged(source) => return,
            None => Diagnostic::new(
                Code::RL0607,
                format!("`{shown}` does not say that it is the module `{}`", name.node),
                name.span,
                "used here",
            )
            .help(format!("begin the file with `module {}`", name.node)),
        };
        self.diagnostics.push(diagnostic);
    }
}

impl Loading<'_> {
    /// The text of a module, added to the sources and parsed.
    ///
    /// # Errors
    ///
    /// The report, where there is no such module or it cannot be taken.
    fn take(&mut self, name: &ast::Name) -> Result<(SourceId, limitrate_grammar::Parsed), Box<Diagnostic>> {
        let refused =
            |message: String, label: &str| Box::new(Diagnostic::new(Code::RL0606, message, name.span, label));
        if self.found.len() > MAX_MODULES {
            return Err(refused(format!("a policy uses at most {MAX_MODULES} modules"), "one too many"));
        }
        let home = self.home.as_deref();
        let loaded = self.loader.load(&name.node, home).map_err(|error| {
            if error == LoadError::NotFound {
                return Box::new(not_found(name, &self.loader.names(home)));
            }
            refused(format!("the module `{}` cannot be read", name.node), &error.to_string())
        })?;
        let Loaded { bytes, shown, identity } = loaded;
        if let Some(first) = self.identities.get(&identity) {
            let message = format!("`{}` is the same file as `{first}`", name.node);
            return Err(refused(message, "a second name for it"));
        }
        self.identities.insert(identity, name.node.clone());
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > MAX_MODULE_BYTES {
            let most = MAX_MODULE_BYTES >> 20;
            return Err(refused(
                format!("the modules of a policy have at most {most} MiB together"),
                "too much with this one",
            ));
        }
        let source = self.sources.add(shown, bytes);
        let bytes = self.sources.get(source).map(|source| source.bytes.as_slice()).unwrap_or_default();
        Ok((source, limitrate_grammar::parse(source, bytes)))
    }
}

fn not_found(name: &ast::Name, known: &[String]) -> Diagnostic {
    let message = format!("there is no module `{}`", name.node);
    let diagnostic = Diagnostic::new(Code::RL0103, message, name.span, "not found");
    match suggest::closest(&name.node, known.iter().map(String::as_str)) {
        Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), name.span, near),
        None => {
            let some: Vec<&str> = known.iter().take(MAX_LISTED).map(String::as_str).collect();
            let more = if known.len() > MAX_LISTED { ", …" } else { "" };
            diagnostic.help(format!("modules that there are: {}{more}", some.join(", ")))
        }
    }
}

/// The report of modules that use each other; `circle` leads from the module that `name` names again to where it does.
fn cycle(name: &ast::Name, circle: &[(String, Span)]) -> Diagnostic {
    let mut path: Vec<&str> = circle.iter().map(|(module, _)| module.as_str()).collect();
    path.push(&name.node);
    let message = match path.as_slice() {
        [_, itself] => format!("the module `{itself}` uses itself"),
        _ => format!("these modules use each other: {}", path.join(" → ")),
    };
    let mut diagnostic = Diagnostic::new(Code::RL0104, message, name.span, "this closes the circle");
    for (module, used) in circle.iter().skip(1) {
        diagnostic = diagnostic.label(*used, format!("`{module}` is used here"));
    }
    match path.len() {
        2 => diagnostic.help("leave the line out: what a file declares is in scope in it anyway"),
        _ => diagnostic.help("put what they share into a module of its own, and use that in both"),
    }
}

//! One name, one counter: limits of one name have one shape and never apply together.

use std::collections::HashMap;

use limitrate_core::{algorithm::Algorithm, literal::write_duration, window::Window};
use limitrate_grammar::{code::Code, diagnostic::Diagnostic, span::Span};

use super::Checker;
use crate::checked::{Counted, KeyPart, KeySource, Shape};

/// A limit with where it stands.
pub(super) struct Placed {
    pub(super) name: String,
    pub(super) span: Span,
    /// What stands before its ceiling.
    pub(super) head: Span,
    pub(super) shape: Shape,
    /// Whether the name is its rule's.
    pub(super) unnamed: bool,
    /// The name that its counters had before, and where that is said.
    pub(super) was: Option<(String, Span)>,
    pub(super) home: Home,
}

/// Which requests a limit can meet.
#[derive(PartialEq, Eq)]
pub(super) enum Home {
    /// Those of one of the plans.
    Plan,
    /// Those of a rule, in these branches.
    Rule(usize, Vec<(usize, usize)>),
}

impl Placed {
    fn old_name(&self) -> Option<&str> {
        self.was.as_ref().map(|(was, _)| was.as_str())
    }
}

impl Home {
    /// The choices that lead here, outermost first. A request that goes another way at one of them does not come here;
    /// `plan` tells the limits of plans apart.
    fn path(&self, plan: usize) -> impl Iterator<Item = (usize, usize)> {
        // A request has one plan, and each plan has a name once.
        let (first, branches) = match self {
            Self::Plan => ((0, plan), [].as_slice()),
            Self::Rule(rule, branches) => ((rule + 1, 0), branches.as_slice()),
        };
        std::iter::once(first).chain(branches.iter().copied())
    }
}

/// The limits of one name, by the choices that lead to them.
#[derive(Default)]
struct Paths {
    points: Vec<Point>,
    next: HashMap<(usize, (usize, usize)), usize>,
}

/// A point that choices lead to.
#[derive(Default)]
struct Point {
    /// Whether a limit stands here.
    limit: bool,
    /// The choice with limits below it.
    choice: Option<usize>,
    /// Whether another choice here has limits below it too.
    more: bool,
}

impl Paths {
    /// Enters the limit that `path` leads to, and says whether a request can meet it and one from before.
    fn meets(&mut self, path: impl Iterator<Item = (usize, usize)>) -> bool {
        let mut meets = false;
        let mut at = self.point(None);
        for (choice, arm) in path {
            let Some(point) = self.points.get_mut(at) else { return meets };
            meets |= point.limit || point.more || point.choice.is_some_and(|other| other != choice);
            point.more |= *point.choice.get_or_insert(choice) != choice;
            at = self.point(Some((at, (choice, arm))));
        }
        if let Some(point) = self.points.get_mut(at) {
            meets |= point.limit || point.choice.is_some();
            point.limit = true;
        }
        meets
    }

    /// The point behind a choice's arm, or the one where all paths begin.
    fn point(&mut self, step: Option<(usize, (usize, usize))>) -> usize {
        let fresh = self.points.len();
        let at = match step {
            None => 0,
            Some(step) => *self.next.entry(step).or_insert(fresh),
        };
        if at == fresh {
            self.points.push(Point::default());
        }
        at
    }
}

impl Checker<'_> {
    /// Reports limits that share a name and should not.
    pub(super) fn identities(&mut self) {
        let placed = std::mem::take(&mut self.placed);
        let mut names: HashMap<&str, (&Placed, Paths)> = HashMap::new();
        for (i, limit) in placed.iter().enumerate() {
            let known = names.entry(&limit.name);
            let (first, paths) = known.or_insert_with(|| (limit, Paths::default()));
            let meets = paths.meets(limit.home.path(i));
            if first.shape != limit.shape {
                let diagnostic = self.two_shapes(first, limit);
                self.report(diagnostic);
            } else if meets {
                let diagnostic = together(first, limit);
                self.report(diagnostic);
            } else if first.old_name() != limit.old_name() {
                let diagnostic = two_pasts(first, limit);
                self.report(diagnostic);
            }
        }
        let mut heirs: HashMap<&str, &Placed> = HashMap::new();
        for limit in &placed {
            let Some((was, span)) = &limit.was else { continue };
            let alive = names.get(was.as_str()).map(|(first, _)| *first);
            let heir = *heirs.entry(was).or_insert(limit);
            if let Some(other) = alive.or(Some(heir)).filter(|other| other.name != limit.name) {
                let message = format!("the counters of `{was}` cannot be those of two limits");
                self.report(
                    Diagnostic::new(Code::RL0502, message, *span, "given away here")
                        .label(other.span, "and they are this limit's")
                        .fix("begin with counters of its own", *span, ""),
                );
            }
        }
    }

    fn two_shapes(&self, first: &Placed, second: &Placed) -> Diagnostic {
        let ladder = first.home == Home::Plan && second.home == Home::Plan;
        let (code, message) = if ladder {
            let message = format!(
                "`{}` counts differently from plan to plan: an upgrade would lose its history",
                second.name
            );
            (Code::RL0507, message)
        } else if second.unnamed {
            let message =
                format!("two limits go by the name of their rule, `{}`, and count differently", second.name);
            (Code::RL0502, message)
        } else {
            (Code::RL0502, format!("`{}` names two limits that count differently", second.name))
        };
        let (ours, theirs) = self.difference(&second.shape, &first.shape);
        let diagnostic = Diagnostic::new(code, message, second.span, ours).label(first.span, theirs);
        if second.unnamed {
            named(diagnostic, second)
        } else {
            diagnostic.help("give them the same unit, window, algorithm and key, or names of their own")
        }
    }

    /// What differs, in words, of each.
    fn difference(&self, a: &Shape, b: &Shape) -> (String, String) {
        if a.unit != b.unit {
            (counted_words(a.unit), counted_words(b.unit))
        } else if a.same_family(b) {
            (self.key_words(&a.keys), self.key_words(&b.keys))
        } else {
            (algorithm_words(&a.algorithm), algorithm_words(&b.algorithm))
        }
    }

    fn key_words(&self, keys: &[KeyPart]) -> String {
        if keys.is_empty() {
            return "counts globally".into();
        }
        let parts: Vec<String> = keys
            .iter()
            .map(|part| {
                let names: Vec<String> =
                    part.alternatives.iter().map(|source| self.source_words(source)).collect();
                names.join(" ?? ")
            })
            .collect();
        format!("counts per {}", parts.join(", "))
    }

    fn source_words(&self, source: &KeySource) -> String {
        source.words(&self.out.facts)
    }
}

/// The report of two limits of one name and shape that one request can meet.
fn together(first: &Placed, second: &Placed) -> Diagnostic {
    let name = &second.name;
    let message = if second.unnamed {
        format!("two limits of `{name}` can apply together, and have no names to tell them apart")
    } else {
        format!("two limits called `{name}` can apply together")
    };
    let diagnostic = Diagnostic::new(Code::RL0502, message, second.span, "the second one")
        .label(first.span, "the first one");
    if second.unnamed {
        named(diagnostic, second)
    } else {
        diagnostic.help("give each its own name: `limit per_minute: 60 req/min per user`")
    }
}

/// The report of two limits that share their counters and disagree on what these were called before.
fn two_pasts(first: &Placed, second: &Placed) -> Diagnostic {
    let name = &second.name;
    let ladder = first.home == Home::Plan && second.home == Home::Plan;
    let code = if ladder { Code::RL0507 } else { Code::RL0502 };
    let said = |limit: &Placed| match &limit.was {
        Some((was, span)) => (*span, format!("its counters were `{was}`'s")),
        None => (limit.span, "says nothing of a name before".to_owned()),
    };
    let ((span, ours), (other, theirs)) = (said(second), said(first));
    Diagnostic::new(code, format!("`{name}` has one history, and is given two"), span, ours)
        .label(other, theirs)
        .help("say the same `was` wherever the limit is written")
}

/// Offers a name for a limit that has none.
fn named(diagnostic: Diagnostic, limit: &Placed) -> Diagnostic {
    let window = match &limit.shape.algorithm {
        Algorithm::FixedWindow(Window::Rolling(span) | Window::Aligned(span))
        | Algorithm::SlidingLog(span)
        | Algorithm::SlidingWindow(span)
        | Algorithm::Bucket(span) => span.as_secs_ceil(),
        Algorithm::FixedWindow(Window::Calendar(..)) | Algorithm::InFlight(_) => 0,
    };
    let word = match (&limit.shape.algorithm, window) {
        (Algorithm::FixedWindow(Window::Calendar(period, _)), _) => format!("per_{}", period.word()),
        (Algorithm::InFlight(_), _) => "in_flight".to_owned(),
        (_, 1) => "per_second".to_owned(),
        (_, 60) => "per_minute".to_owned(),
        (_, 3_600) => "per_hour".to_owned(),
        (_, 86_400) => "per_day".to_owned(),
        _ => "second".to_owned(),
    };
    let own = limit.name.rsplit('.').next().unwrap_or_default();
    diagnostic.fix("give it a name of its own", limit.head, format!("limit {own}_{word}: "))
}

fn counted_words(counted: Counted) -> String {
    match counted {
        Counted::Unit(unit) => format!("counts {unit}"),
        Counted::InFlight => "counts what is in flight".into(),
    }
}

/// An algorithm with its window, in words.
fn algorithm_words(algorithm: &Algorithm) -> String {
    match algorithm {
        Algorithm::FixedWindow(Window::Rolling(span)) => format!("fixed window of {}", write_duration(*span)),
        Algorithm::FixedWindow(Window::Aligned(span)) => {
            format!("aligned window of {}", write_duration(*span))
        }
        Algorithm::FixedWindow(Window::Calendar(period, zone)) => {
            format!("calendar {} in {}", period.word(), zone.name())
        }
        Algorithm::SlidingLog(span) => format!("sliding log of {}", write_duration(*span)),
        Algorithm::SlidingWindow(span) => format!("sliding window of {}", write_duration(*span)),
        Algorithm::Bucket(_) => "a bucket".into(),
        Algorithm::InFlight(_) => "in flight".into(),
    }
}

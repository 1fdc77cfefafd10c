//! The literal text that a regular expression needs to match.

use regex_syntax::hir::{Hir, HirKind};

/// An expression that needs one of more literals is not looked for by them.
const MAX_LITERALS: usize = 8;

/// Shorter literals are in too many texts.
const MIN_BYTES: usize = 3;

/// Literals of which every text that an expression matches has at least one, if they tell enough.
pub(super) fn needed(hir: &Hir) -> Option<Vec<Box<[u8]>>> {
    all(hir).filter(|literals| shortest(literals) >= MIN_BYTES)
}

fn shortest(literals: &[Box<[u8]>]) -> usize {
    literals.iter().map(|literal| literal.len()).min().unwrap_or(0)
}

fn all(hir: &Hir) -> Option<Vec<Box<[u8]>>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.clone()]),
        HirKind::Capture(capture) => all(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => all(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(all).max_by_key(|literals| shortest(literals)),
        HirKind::Alternation(ways) => {
            let mut literals = Vec::new();
            for way in ways {
                literals.extend(all(way)?);
                if literals.len() > MAX_LITERALS {
                    return None;
                }
            }
            Some(literals)
        }
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::util::syntax;

    use super::*;

    #[test]
    fn what_every_match_has_is_needed() {
        for (regex, expected) in [
            ("bot/", Some(vec!["bot/"])),
            (r"^\w+googlebot/\d+$", Some(vec!["googlebot/"])),
            ("(?:spider|crawler)x*", Some(vec!["spider", "crawler"])),
            ("abc(longer)+", Some(vec!["longer"])),
            ("(abc)*", None),
            ("ab", None),
            ("abc|", None),
            ("abc|x", None),
            ("(?i)bot", None),
            ("", None),
            (r"\babc\b", Some(vec!["abc"])),
            ("a1a|b2b|c3c|d4d|e5e|f6f|g7g|h8h|i9i", None),
        ] {
            let literals = needed(&syntax::parse(regex).expect("an expression"));
            let literals = literals.map(|all| {
                all.into_iter()
                    .map(|literal| String::from_utf8(literal.into()).expect("text"))
                    .collect::<Vec<_>>()
            });
            assert_eq!(literals, expected.map(|all| all.into_iter().map(str::to_owned).collect()), "{regex}");
        }
    }
}

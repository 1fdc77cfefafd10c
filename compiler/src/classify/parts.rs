//! Parts of texts that tests look for: those of `starts_with`, `ends_with` and `contains`, and one of each glob.
//!
//! A glob is looked for by the piece of it that the fewest others have, and tried where that is found: so a text meets
//! the globs that it may match, whatever their number, and no text makes them cost more than trying each.

use std::collections::HashMap;

use limitrate_core::glob::Glob;

use super::frame::Filling;
use crate::{
    checked::Place,
    ir::{SlotId, Tables},
};

/// So many globs may share a piece before one is looked for that costs more to find.
const SHARERS: usize = 8;

/// What to do where a part is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) slot: SlotId,
    /// The glob that the text must match too.
    pub(super) glob: Option<usize>,
}

impl Test {
    /// Says that the test of a text holds, if it does.
    #[inline]
    pub(super) fn settle(self, tables: &Tables, text: &str, filling: &mut Filling<'_>) {
        let matches = |glob: usize| tables.globs.get(glob).is_some_and(|(_, glob)| glob.matches(text));
        if self.glob.is_none_or(matches) {
            filling.hold(self.slot);
        }
    }
}

/// The globs that are tested on one subject, counted by their pieces.
#[derive(Debug, Default)]
pub(super) struct Pieces<'t> {
    sharers: HashMap<(Place, &'t str), usize>,
}

impl<'t> Pieces<'t> {
    /// Counts the pieces of a glob.
    pub(super) fn count(&mut self, glob: &'t Glob) {
        for piece in pieces(glob) {
            *self.sharers.entry(piece).or_default() += 1;
        }
    }

    /// The piece by which a glob is looked for.
    pub(super) fn of(&self, glob: &'t Glob) -> (Place, &'t str) {
        let sharers = |piece: &(Place, &str)| match self.sharers.get(piece) {
            Some(few) if *few <= SHARERS => 0,
            Some(many) => *many,
            None => 0,
        };
        // The first of equal ones: the start is found in the shortest time, then the end.
        pieces(glob).min_by_key(sharers).unwrap_or((Place::Start, ""))
    }
}

/// What must be in a text that a glob matches, and where: first its beginning and its end, unless they are any.
fn pieces(glob: &Glob) -> impl Iterator<Item = (Place, &str)> {
    let text = glob.as_str();
    let (first, rest) = text.split_once('*').map_or((text, None), |(first, rest)| (first, Some(rest)));
    let (middle, last) = rest.map_or(("", ""), |rest| rest.rsplit_once('*').unwrap_or(("", rest)));
    let ends = [(Place::Start, first), (Place::End, last)];
    let middle = middle.split('*').map(|piece| (Place::Anywhere, piece));
    ends.into_iter().chain(middle).filter(|(_, piece)| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_has_a_beginning_an_end_and_pieces_between() {
        use Place::{Anywhere, End, Start};
        for (text, expected) in [
            ("", vec![]),
            ("***", vec![]),
            ("abc", vec![(Start, "abc")]),
            ("a*", vec![(Start, "a")]),
            ("*a", vec![(End, "a")]),
            ("a*b", vec![(Start, "a"), (End, "b")]),
            ("*a*b*", vec![(Anywhere, "a"), (Anywhere, "b")]),
            ("a**b*c*d", vec![(Start, "a"), (End, "d"), (Anywhere, "b"), (Anywhere, "c")]),
        ] {
            assert_eq!(pieces(&Glob::new(text)).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn a_glob_is_looked_for_by_what_few_others_have() {
        let globs: Vec<Glob> = (0..100).map(|n| Glob::new(&format!("https://*.h{n}.example/*"))).collect();
        let mut counted = Pieces::default();
        globs.iter().for_each(|glob| counted.count(glob));
        assert_eq!(counted.of(&globs[7]), (Place::Anywhere, ".h7.example/"));
        let mut few = Pieces::default();
        few.count(&globs[7]);
        assert_eq!(few.of(&globs[7]), (Place::Start, "https://"));
    }
}

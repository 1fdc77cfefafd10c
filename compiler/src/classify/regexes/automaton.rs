//! Many regular expressions as one automaton, whose states are made when a text first needs them.

use std::panic::{RefUnwindSafe, UnwindSafe};

use regex_automata::{
    Input, MatchKind,
    hybrid::dfa::{Cache, DFA, OverlappingState},
    nfa::thompson::{self, NFA, WhichCaptures},
    util::pool::Pool,
};
use regex_syntax::hir::Hir;

use super::{FEW, Test, try_others};
use crate::{classify::frame::Filling, ir::Tables};

/// The most expressions of one automaton: a state has to do with all of them when it is made.
const MAX_REGEXES: usize = 128;

/// The bytes that the expressions of one automaton may take.
const MAX_BYTES: usize = 4 << 20;

/// The bytes of states that each thread may keep of one automaton.
const MAX_STATE_BYTES: usize = 1 << 20;

/// Once the states were dropped for lack of room so often,
const MAX_DROPS: usize = 4;

/// a search goes on only while it makes less than one for so many bytes of text.
const BYTES_PER_STATE: usize = 16;

/// How often expressions may match per byte of a text, before each is tried alone.
const MAX_FINDS_PER_BYTE: usize = 4;

type Caches = Pool<Cache, Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>>;

/// Regular expressions that are run together.
#[derive(Debug)]
pub(super) struct Automaton {
    tests: Box<[Test]>,
    dfa: DFA,
    /// The states made so far, of each thread.
    states: Caches,
}

/// Puts expressions into as many automata as the bounds ask for; `alone` are those that are better tried one by one.
pub(super) fn build(tests: &[(Test, Hir)], automata: &mut Vec<Automaton>, alone: &mut Vec<Test>) {
    if tests.len() <= FEW {
        alone.extend(tests.iter().map(|(test, _)| *test));
        return;
    }
    let automaton = if tests.len() > MAX_REGEXES { None } else { Automaton::new(tests) };
    if let Some(automaton) = automaton {
        automata.push(automaton);
        return;
    }
    let (left, right) = tests.split_at(tests.len() / 2);
    build(left, automata, alone);
    build(right, automata, alone);
}

impl Automaton {
    /// The automaton of some expressions; `None` where they are too large together.
    fn new(tests: &[(Test, Hir)]) -> Option<Self> {
        let hirs: Vec<&Hir> = tests.iter().map(|(_, hir)| hir).collect();
        let config =
            thompson::Config::new().which_captures(WhichCaptures::None).nfa_size_limit(Some(MAX_BYTES));
        let nfa = NFA::compiler().configure(config).build_many_from_hir(&hirs).ok()?;
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .unicode_word_boundary(true)
            .cache_capacity(MAX_STATE_BYTES)
            .minimum_cache_clear_count(Some(MAX_DROPS))
            .minimum_bytes_per_state(Some(BYTES_PER_STATE));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).ok()?;
        let of = dfa.clone();
        let states = Pool::new(Box::new(move || of.create_cache()) as Box<_>);
        Some(Self { tests: tests.iter().map(|(test, _)| *test).collect(), dfa, states })
    }

    /// Says which tests of a text hold.
    pub(super) fn read(&self, tables: &Tables, text: &str, filling: &mut Filling<'_>) {
        let mut marks = std::mem::take(filling.marks);
        marks.begin(self.tests.len());
        let complete = self.find(text, |at| {
            let Some(test) = self.tests.get(at) else { return false };
            if marks.add(at) {
                filling.hold(test.slot);
            }
            marks.count() == self.tests.len()
        });
        if !complete {
            try_others(&self.tests, &marks, tables, text, filling);
        }
        *filling.marks = marks;
    }

    /// Tells `found` of the expressions that have a match, some of them several times, until it says that it knows all.
    /// False where the automaton gave up.
    fn find(&self, text: &str, mut found: impl FnMut(usize) -> bool) -> bool {
        let mut states = self.states.get();
        let mut state = OverlappingState::start();
        let mut left = text.len().saturating_mul(MAX_FINDS_PER_BYTE).saturating_add(self.tests.len());
        let input = Input::new(text);
        while self.dfa.try_search_overlapping_fwd(&mut states, &input, &mut state).is_ok() {
            match state.get_match() {
                None => return true,
                Some(found_here) if found(found_here.pattern().as_usize()) => return true,
                Some(_) => {}
            }
            left = left.saturating_sub(1);
            if left == 0 {
                return false;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::util::syntax;

    use super::*;
    use crate::ir::SlotId;

    fn built(regexes: &[String]) -> (Vec<Automaton>, usize) {
        let test = |at: usize| Test { slot: SlotId(0), regex: at };
        let tests: Vec<_> =
            regexes.iter().map(|regex| syntax::parse(regex).expect("an expression")).collect();
        let tests: Vec<_> = (0..).map(test).zip(tests).collect();
        let (mut automata, mut alone) = (Vec::new(), Vec::new());
        build(&tests, &mut automata, &mut alone);
        (automata, alone.len())
    }

    #[test]
    fn what_is_too_large_together_is_put_into_several_automata() {
        let many: Vec<String> = (0..1_000).map(|n| format!("(?i)x{n}y")).collect();
        let (automata, alone) = built(&many);
        assert!((1_000 / MAX_REGEXES..20).contains(&automata.len()) && alone == 0);
        let bombs: Vec<String> = (0..40).map(|n| format!(r"[a-z{n}]{{{}}}\w{{40}}", 3_000 + n)).collect();
        let (automata, alone) = built(&bombs);
        let tested: usize = automata.iter().map(|automaton| automaton.tests.len()).sum();
        assert_eq!(tested + alone, bombs.len());
        assert!(automata.iter().all(|automaton| automaton.dfa.get_nfa().memory_usage() <= MAX_BYTES));
    }

    #[test]
    fn the_states_that_a_text_asks_for_are_bounded() {
        let bombs: Vec<String> = (1..60).map(|n| format!("[ab]*a[ab]{{{n}}}c")).collect();
        let (automata, _) = built(&bombs);
        let mut random = 1_u64;
        let text: String = std::iter::repeat_with(|| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if random >> 63 == 0 { 'a' } else { 'b' }
        })
        .take(50_000)
        .collect();
        let automaton = automata.first().expect("an automaton");
        assert!(!automaton.find(&text, |_| false), "it gives up");
        let states = automaton.states.get();
        assert!(states.memory_usage() <= MAX_STATE_BYTES + 4096, "{}", states.memory_usage());
    }
}

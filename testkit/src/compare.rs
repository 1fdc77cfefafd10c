//! The same traffic under two policies: who is newly refused, and who is newly let through.
//!
//! Two simulations decide the traffic one after the other, and a [`Comparison`] watches both. Requests are told apart by
//! their lines. Each policy keeps its own counters, as if it had been in force all the time.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use limitrate_core::time::Timestamp;

use crate::simulate::{Seen, Watch};

/// So many requests of a kind are named.
const EXAMPLES: usize = 3;

/// Lines past this number are not compared: what the first policy said of each is kept in memory.
pub const MAX_LINES: u64 = 1 << 26;

/// What the first policy said of a line: nothing, or that it passes; any greater number is a refusal.
const UNSEEN: u32 = 0;
const PASSES: u32 = 1;
const FIRST_REFUSAL: u32 = 2;

/// Who is refused or let through only by the second policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrafficDiff {
    /// Requests that both policies decided.
    pub requests: u64,
    /// Requests that the first policy lets through and the second refuses: by plan and by what refuses them now.
    pub newly_refused: Vec<Moved>,
    /// Requests that the first policy refuses and the second lets through: by plan and by what refused them before.
    pub newly_allowed: Vec<Moved>,
    /// Requests that only one of them could read, or that stand past [`MAX_LINES`].
    pub not_compared: u64,
}

/// Requests of one plan that one limit or rule refuses, under one of the two policies only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Their plan; `None` where they have none.
    pub plan: Option<String>,
    /// The limit or rule; `input` where a fact is missing or malformed.
    pub by: String,
    /// How many they are.
    pub requests: u64,
    /// The first of them: line and time.
    pub examples: Vec<(u64, Timestamp)>,
}

/// Watches two simulations of the same traffic.
#[derive(Debug, Clone, Default)]
pub struct Comparison(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    /// What the first policy said, by line.
    first: Vec<u32>,
    seen: u64,
    refusals: Refusals,
    diff: TrafficDiff,
    refused: HashMap<u32, Moved>,
    allowed: HashMap<u32, Moved>,
    past: u64,
}

/// Plans with what refuses their requests, numbered from [`FIRST_REFUSAL`].
#[derive(Debug, Default)]
struct Refusals {
    numbers: HashMap<(Option<String>, String), u32>,
    names: Vec<(Option<String>, String)>,
}

impl Comparison {
    /// The watch of the first simulation, to be run before the second.
    #[must_use]
    pub fn first(&self) -> Box<dyn Watch> {
        Box::new(First(self.0.clone()))
    }

    /// The watch of the second simulation.
    #[must_use]
    pub fn second(&self) -> Box<dyn Watch> {
        Box::new(Second(self.0.clone()))
    }

    /// What differed, the greatest numbers first.
    #[must_use]
    pub fn finish(&self) -> TrafficDiff {
        let state = self.0.borrow();
        let sorted = |moved: &HashMap<u32, Moved>| {
            let mut moved: Vec<Moved> = moved.values().cloned().collect();
            moved.sort_by(|a, b| (b.requests, &a.plan, &a.by).cmp(&(a.requests, &b.plan, &b.by)));
            moved
        };
        let unmatched = state.seen - state.diff.requests.min(state.seen);
        TrafficDiff {
            newly_refused: sorted(&state.refused),
            newly_allowed: sorted(&state.allowed),
            not_compared: state.diff.not_compared + unmatched + state.past,
            ..state.diff.clone()
        }
    }
}

struct First(Rc<RefCell<State>>);
struct Second(Rc<RefCell<State>>);

impl Watch for First {
    fn decided(&mut self, seen: &Seen<'_>) {
        let state = &mut *self.0.borrow_mut();
        let Some(line) = position(seen.line) else {
            state.past += 1;
            return;
        };
        if state.first.len() <= line {
            state.first.resize(line + 1, UNSEEN);
        }
        let verdict = state.refusals.verdict(seen);
        if let Some(first) = state.first.get_mut(line) {
            *first = verdict;
            state.seen += 1;
        }
    }

    fn restarted(&mut self) {
        *self.0.borrow_mut() = State::default();
    }
}

impl Watch for Second {
    fn decided(&mut self, seen: &Seen<'_>) {
        let state = &mut *self.0.borrow_mut();
        let Some(line) = position(seen.line) else { return };
        let first = state.first.get(line).copied().unwrap_or(UNSEEN);
        if first == UNSEEN {
            state.diff.not_compared += 1;
            return;
        }
        state.diff.requests += 1;
        let second = state.refusals.verdict(seen);
        let (kind, number) = match (first, second) {
            (PASSES, PASSES) => return,
            (PASSES, refusal) => (&mut state.refused, refusal),
            (refusal, PASSES) => (&mut state.allowed, refusal),
            _ => return, // refused by both
        };
        let Some((plan, by)) = state.refusals.name(number) else { return };
        let moved = kind.entry(number).or_insert_with(|| Moved {
            plan: plan.clone(),
            by: by.clone(),
            requests: 0,
            examples: Vec::new(),
        });
        moved.requests += 1;
        if moved.examples.len() < EXAMPLES {
            moved.examples.push((seen.line, seen.at));
        }
    }

    fn restarted(&mut self) {
        let state = &mut *self.0.borrow_mut();
        (state.diff, state.refused, state.allowed) = Default::default();
    }
}

impl Refusals {
    fn verdict(&mut self, seen: &Seen<'_>) -> u32 {
        let Some(by) = seen.refused_by() else { return PASSES };
        let name = (seen.plan().map(str::to_owned), by.to_owned());
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX - FIRST_REFUSAL) + FIRST_REFUSAL;
        let number = *self.numbers.entry(name.clone()).or_insert(next);
        if number == next {
            self.names.push(name);
        }
        number
    }

    fn name(&self, number: u32) -> Option<&(Option<String>, String)> {
        self.names.get(number.checked_sub(FIRST_REFUSAL)? as usize)
    }
}

/// Where the verdict on a line is kept.
fn position(line: u64) -> Option<usize> {
    usize::try_from(line).ok().filter(|_| line < MAX_LINES)
}

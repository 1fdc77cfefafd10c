//! Decisions in one trip: one of two scripts judges the charges and takes them where the counters are.
//!
//! What needs wide arithmetic, or a calendar, is worked out here beforehand. The script says whether the charges were taken, at which
//! instant, and what stood under their keys before; the same decision is then made here once more from that, by the one [`Ledger`]
//! that all stores share, for the figures of the answer. Where the two do not agree, what the script did stands, and is reported.

pub(super) mod plain;

use limitrate_core::{
    algorithm::{Algorithm, Terms, bucket},
    charge::{Charge, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use smallvec::SmallVec;

use super::names::Names;
use crate::store::{
    Call, ClockOf,
    beside::{block_key, hold_key, warning_key},
};

/// The largest amount or span that a script handles: twice as much is still exact there.
const WIDEST: i64 = 1 << 52;

/// How far from the epoch a caller's own instants may be: what is added to them stays within 64 bits.
const FARTHEST: i64 = i64::MAX - 8 * WIDEST;

/// The most charges of one decision.
const MOST_CHARGES: usize = 255;

/// What is beside a counter, as the script is told.
mod extra {
    pub(super) const BLOCK: u8 = 1;
    pub(super) const WARNING: u8 = 2;
    pub(super) const HOLD: u8 = 4;
}

/// How a counter counts, as the script is told.
mod kind {
    pub(super) const LOOK: u8 = 0;
    pub(super) const BUCKET: u8 = 1;
    pub(super) const FIXED_WINDOW: u8 = 2;
    pub(super) const SLIDING_WINDOW: u8 = 3;
    pub(super) const IN_FLIGHT: u8 = 4;
    pub(super) const SLIDING_LOG: u8 = 5;
    pub(super) const NEVER: u8 = 9;
}

/// A decision, packed for the script.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its keys.
    pub(super) names: Vec<String>,
    /// Its first argument.
    pub(super) bytes: Vec<u8>,
    /// The instant to go by, where that is an argument of its own, the second.
    pub(super) now: Option<Timestamp>,
    /// What it reads, in the order in which it answers.
    pub(super) read: SmallVec<[CounterKey; 8]>,
    /// Whether there is anything to be warned of.
    pub(super) warns: bool,
}

/// Packs a decision. `None` if it is not one for the script. `about` is what the clock will show there, more or less.
pub(super) fn pack(names: &Names, call: &Call, charges: &[Charge<'_>], about: Timestamp) -> Option<Plan> {
    let is_odd = call.request.is_some() || !is_within(about);
    if is_odd || charges.len() > MOST_CHARGES || has_repeated(charges, |charge| charge.counter) {
        return None;
    }
    let mut plan = Plan::of(charges.len(), 78);
    plan.bytes.push(u8::from(call.clock == ClockOf::Caller));
    plan.integer(call.now.0);
    plan.bytes.extend_from_slice(&call.ticket.0.to_le_bytes());
    plan.bytes.push(u8::try_from(charges.len()).ok()?);
    for charge in charges {
        plan.add(names, call, charge, about)?;
    }
    Some(plan)
}

/// Whether what is added to an instant stays within 64 bits.
fn is_within(about: Timestamp) -> bool {
    (-FARTHEST..=FARTHEST).contains(&about.0)
}

/// Whether two have the same key.
fn has_repeated<'p, K: PartialEq>(charges: &[Charge<'p>], key: impl Fn(&Charge<'p>) -> K) -> bool {
    let mut rest = charges;
    while let Some((first, after)) = rest.split_first() {
        if after.iter().any(|other| key(other) == key(first)) {
            return true;
        }
        rest = after;
    }
    false
}

/// How one counter is judged.
#[derive(Debug, Default)]
struct Judged {
    kind: u8,
    form: u8,
    numbers: [i64; 3],
    span: i64,
    instants: [i64; 2],
}

impl Plan {
    /// An empty one, with room for so many charges of so many bytes.
    fn of(charges: usize, size: usize) -> Self {
        Self {
            names: Vec::with_capacity(charges),
            bytes: Vec::with_capacity(size * charges),
            now: None,
            read: SmallVec::new(),
            warns: false,
        }
    }

    fn add(&mut self, names: &Names, call: &Call, charge: &Charge<'_>, about: Timestamp) -> Option<()> {
        let Charge { counter, cost, mode, hold, block, warn, .. } = *charge;
        let judged = judged(charge, about)?;
        let may_hold = cost > 0 && judged.kind != kind::IN_FLIGHT;
        if hold.is_some() && !may_hold {
            return None;
        }
        let mut beside = 0;
        self.name(names, counter, true);
        if block.is_some() {
            beside |= extra::BLOCK;
            self.name(names, block_key(counter, mode), true);
        }
        if !warn.is_empty() {
            beside |= extra::WARNING;
            self.warns = true;
            self.name(names, warning_key(counter), true);
        }
        if hold.is_some() {
            beside |= extra::HOLD;
            self.name(names, hold_key(counter, call.ticket), false);
        }
        let mode = match mode {
            Mode::Enforce => 0,
            Mode::Soft => 1,
            Mode::Shadow => 2,
        };
        self.bytes.extend_from_slice(&[judged.kind, mode, beside, judged.form]);
        let [x, y, z] = judged.numbers;
        for number in [cost.max(0), x, y, z, judged.span] {
            self.double(number)?;
        }
        for instant in judged.instants {
            self.integer(instant);
        }
        if let Some(block) = block {
            for span in [block.first.max(Nanos(1)), block.up_to, block.forget.max(Nanos::ZERO)] {
                self.double(span.0)?;
            }
        }
        if let Some(lasts) = hold {
            self.double(lasts.0.max(1))?;
        }
        Some(())
    }

    fn name(&mut self, names: &Names, key: CounterKey, is_read: bool) {
        self.names.push(names.of(key));
        if is_read {
            self.read.push(key);
        }
    }

    fn integer(&mut self, number: i64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// A number that a double holds exactly; `None` for others.
    fn double(&mut self, number: i64) -> Option<()> {
        if !(0..=WIDEST).contains(&number) {
            return None;
        }
        self.bytes.extend_from_slice(&(number as f64).to_le_bytes());
        Some(())
    }
}

fn judged(charge: &Charge<'_>, about: Timestamp) -> Option<Judged> {
    let Charge { algorithm, terms, cost, mode, hold, .. } = *charge;
    if cost == 0 && hold.is_none() {
        return Some(Judged { kind: kind::LOOK, ..Judged::default() });
    }
    let highest = match algorithm {
        Algorithm::Bucket(_) => terms.burst,
        Algorithm::FixedWindow(_)
        | Algorithm::SlidingLog(_)
        | Algorithm::SlidingWindow(_)
        | Algorithm::InFlight(_) => terms.ceiling,
    };
    if cost < 0 || terms.ceiling <= 0 || cost > highest {
        // Where it is taken nevertheless, it is taken by arithmetic without bounds.
        let never = Judged { kind: kind::NEVER, ..Judged::default() };
        return (mode != Mode::Soft).then_some(never);
    }
    let numbers = [terms.ceiling, 0, 0];
    Some(match algorithm {
        Algorithm::Bucket(span) => return bucket(*span, terms, cost),
        Algorithm::FixedWindow(window) => fixed_window(window, terms, about),
        Algorithm::SlidingWindow(span) => return sliding_window(*span, terms, about),
        Algorithm::InFlight(at_most) => {
            Judged { kind: kind::IN_FLIGHT, numbers, span: at_most.0.max(1), ..Judged::default() }
        }
        Algorithm::SlidingLog(span) => {
            Judged { kind: kind::SLIDING_LOG, numbers, span: span.0.max(1), ..Judged::default() }
        }
    })
}

fn bucket(span: Nanos, terms: Terms, cost: i64) -> Option<Judged> {
    let advance = |amount| i64::try_from(bucket::advance(span, terms.ceiling, amount)).ok();
    let tolerance = advance(terms.burst)?;
    let below = match terms.starting {
        Some(amount) => tolerance - advance(amount.min(terms.burst))?,
        None => 0,
    };
    Some(Judged {
        kind: kind::BUCKET,
        form: u8::from(terms.starting.is_some()),
        numbers: [advance(cost)?, tolerance, below],
        span: span.0.max(1),
        instants: [terms.ceiling, 0],
    })
}

fn sliding_window(span: Nanos, terms: Terms, about: Timestamp) -> Option<Judged> {
    let span = span.0.max(1);
    let index = about.0.div_euclid(span);
    let instants = [index, index.checked_mul(span)?];
    Some(Judged { kind: kind::SLIDING_WINDOW, numbers: [terms.ceiling, 0, 0], span, instants, form: 0 })
}

fn fixed_window(window: &Window, terms: Terms, about: Timestamp) -> Judged {
    let kind = kind::FIXED_WINDOW;
    let numbers = [terms.ceiling, 0, 0];
    match window {
        Window::Rolling(span) => Judged { kind, numbers, span: span.0.max(1), ..Judged::default() },
        Window::Aligned(span) => {
            let start = window.beginning_at(about).start;
            Judged { kind, form: 1, numbers, span: span.0.max(1), instants: [start.0, 0] }
        }
        Window::Calendar(..) => {
            let bounds = window.beginning_at(about);
            Judged { kind, form: 2, numbers, span: 0, instants: [bounds.start.0, bounds.end.0] }
        }
    }
}

//! The bound that `rlc cost` prints, against instances that charge at random, die, are cut off, have clocks that step, and charge
//! under ceilings that change; and what is withheld at most, against instances of which none dies.

use std::sync::Arc;

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    lease::most_leased,
    time::Nanos,
    window::Window,
};
use limitrate_runtime::store::{Call, Layered, MemoryStore, Store};
use proptest::prelude::*;

use crate::{
    START, at, charge,
    faulty::{Faulty, Line},
    memory, options, runtime,
};

const SPAN: Nanos = Nanos::from_secs(2);
const INSTANCES: u32 = 3;
const SECOND: i64 = 1_000_000_000;
const MILLISECOND: i64 = 1_000_000;
/// By how much clocks step.
const STEP: i64 = 600 * SECOND;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Time passes, in milliseconds.
    Wait(i64),
    /// So many requests of this cost come to an instance, every so manieth of them under the lower ceiling; 0 for none.
    Send(usize, usize, i64, usize),
    /// An instance gives back what it has too long.
    Tend(usize),
    /// An instance ends without a word, and another comes in its place.
    Die(usize),
    /// The line of an instance changes.
    Cut(usize, Line),
    /// The clock of an instance steps by so much.
    Step(usize, i64),
    /// An instance is told to forget the counter.
    Reset(usize),
    /// For this many times, ten milliseconds pass, a request comes, and the ceiling is another.
    Reload(usize, usize),
}

fn instances() -> std::ops::Range<usize> {
    0..INSTANCES as usize
}

/// Events in which nothing is lost: nobody dies, and whether a call got there is known.
fn lossless() -> impl Strategy<Value = Event> {
    let line = prop_oneof![3 => Just(Line::Up), 1 => Just(Line::Down), 1 => Just(Line::Owing)];
    let lower = prop_oneof![Just(0_usize), Just(1), Just(2), Just(4)];
    prop_oneof![
        3 => (1_i64..700).prop_map(Event::Wait),
        8 => (instances(), 1_usize..60, 1_i64..4, lower).prop_map(|(on, times, cost, lower)| Event::Send(on, times, cost, lower)),
        2 => instances().prop_map(Event::Tend),
        2 => (instances(), line).prop_map(|(on, line)| Event::Cut(on, line)),
        1 => (instances(), prop_oneof![Just(-STEP), Just(STEP)]).prop_map(|(on, by)| Event::Step(on, by)),
        1 => (instances(), 1_usize..100).prop_map(|(on, times)| Event::Reload(on, times)),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        15 => lossless(),
        1 => (instances(), -2_000_i64..2_000).prop_map(|(on, by)| Event::Step(on, by * MILLISECOND)),
        1 => instances().prop_map(Event::Die),
        1 => instances().prop_map(|on| Event::Cut(on, Line::OneWay)),
        1 => instances().prop_map(Event::Reset),
    ];
    proptest::collection::vec(event, 1..120)
}

/// An instance, its line to the store, and how far its clock is ahead of the store's.
struct Instance {
    layered: Layered,
    line: Arc<Faulty>,
    ahead: i64,
}

impl Instance {
    fn new(memory: &Arc<MemoryStore>, ahead: i64) -> Self {
        let line = Faulty::new(memory);
        Self { layered: Layered::untended(line.clone(), options(INSTANCES)), line, ahead }
    }
}

/// A request that was decided.
#[derive(Debug, Clone, Copy)]
struct Decided {
    at: i64,
    cost: i64,
    ceiling: i64,
    passed: bool,
    /// How often the counter was forgotten before.
    era: usize,
}

/// Instances that share a store, by whose clock all is measured.
struct Model<'c> {
    on: tokio::runtime::Runtime,
    memory: Arc<MemoryStore>,
    instances: Vec<Instance>,
    charge: Charge<'c>,
    /// The terms of some requests.
    lower: Terms,
    now: i64,
    era: usize,
    decided: Vec<Decided>,
    /// When clocks stepped forward.
    leaps: Vec<i64>,
}

impl<'c> Model<'c> {
    fn new(charge: &Charge<'c>) -> Self {
        let memory = memory();
        let instances = instances().map(|_| Instance::new(&memory, 0)).collect();
        let Terms { ceiling, burst, starting } = charge.terms;
        let lower = Terms { ceiling: ceiling * 4 / 5, burst: burst * 4 / 5, starting };
        let (decided, leaps) = (Vec::new(), Vec::new());
        Self { on: runtime(), memory, instances, charge: *charge, lower, now: 0, era: 0, decided, leaps }
    }

    /// A call of an instance, by its own clock.
    fn call(&self, on: usize) -> Call {
        let Instance { line, ahead, .. } = &self.instances[on];
        line.stands_at(START.after(Nanos(self.now)));
        at(self.now + ahead)
    }

    fn send(&mut self, to: usize, cost: i64, is_lower: bool) {
        let call = self.call(to);
        let terms = if is_lower { self.lower } else { self.charge.terms };
        let charges = [Charge { cost, terms, ..self.charge }];
        let layered = &self.instances[to].layered;
        let charged = match layered.charge_at_once(call, &charges) {
            Some(charged) => Ok(charged),
            None => self.on.block_on(layered.charge(call, &charges)),
        };
        if let Ok(charged) = charged {
            let (at, ceiling, passed) = (self.now, terms.ceiling, charged.taken);
            self.decided.push(Decided { at, cost, ceiling, passed, era: self.era });
        }
    }

    fn tend(&self, on: usize) {
        let call = self.call(on);
        self.on.block_on(self.instances[on].layered.tend(call.now));
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Wait(millis) => self.now += millis * MILLISECOND,
            Event::Send(to, times, cost, lower) => {
                for number in 1..=times {
                    self.send(to, cost, lower > 0 && number % (2 * lower) < lower);
                }
            }
            Event::Tend(on) => self.tend(on),
            Event::Die(on) => self.instances[on] = Instance::new(&self.memory, self.instances[on].ahead),
            Event::Cut(on, line) => self.instances[on].line.becomes(line),
            Event::Step(on, by) => {
                self.instances[on].ahead += by;
                if by > 0 {
                    self.leaps.push(self.now);
                }
            }
            Event::Reset(on) => {
                let call = self.call(on);
                // Where the answer does not come back, the counter is forgotten all the same.
                let line = &self.instances[on].line;
                if line.is() != Line::Down {
                    self.era += 1;
                }
                drop(self.on.block_on(self.instances[on].layered.reset(call, self.charge.counter)));
            }
            Event::Reload(on, times) => {
                for number in 0..times {
                    self.now += 10 * MILLISECOND;
                    self.send(on, 1, number % 2 == 0);
                }
            }
        }
    }

    /// The most that passed in any stretch of the span in which the counter was not forgotten.
    fn most(&self) -> i64 {
        let eras =
            (0..=self.era).map(|era| Passed::new(self.decided.iter().filter(|decided| decided.era == era)));
        eras.map(|passed| passed.most()).max().unwrap_or(0)
    }

    /// Of a log: that no request was refused that had room beyond the share, a second before at the latest. What is leased by an
    /// instance whose clock steps forward counts as over.
    fn assert_room_is_found(&self) {
        let share = most_leased(self.charge.terms.ceiling, self.charge.overshoot);
        let passed = Passed::new(self.decided.iter());
        let mut instants: Vec<i64> = self.decided.iter().map(|decided| decided.at).collect();
        instants.dedup();
        for refused in self.decided.iter().filter(|decided| !decided.passed) {
            let asked = refused.at - SECOND - 10 * MILLISECOND..=refused.at;
            let used = |at: &i64| passed.until(at + 1) - passed.until(at + 1 - SPAN.0);
            let most = instants.iter().filter(|at| asked.contains(at)).map(used).max().unwrap_or(0);
            let lost =
                self.leaps.iter().filter(|at| (refused.at - SPAN.0 - SECOND..=refused.at).contains(at));
            let withheld = share + share / i64::from(INSTANCES) * i64::try_from(lost.count()).unwrap();
            assert!(most + withheld + refused.cost > refused.ceiling, "{refused:?} with {most} in use");
        }
    }
}

/// How much had passed, by the instants at which more did.
struct Passed(Vec<(i64, i64)>);

impl Passed {
    fn new<'d>(decided: impl Iterator<Item = &'d Decided>) -> Self {
        let mut total = 0;
        let passed = decided.filter(|decided| decided.passed);
        Self(
            passed
                .map(|decided| {
                    total += decided.cost;
                    (decided.at, total)
                })
                .collect(),
        )
    }

    /// How much before an instant.
    fn until(&self, instant: i64) -> i64 {
        let before = self.0.partition_point(|(at, _)| *at < instant);
        before.checked_sub(1).map_or(0, |last| self.0[last].1)
    }

    /// The most in any stretch of the span.
    fn most(&self) -> i64 {
        let within = |at: i64| self.until(at + SPAN.0) - self.until(at);
        self.0.iter().map(|(at, _)| within(*at)).max().unwrap_or(0)
    }
}

fn play<'c>(events: &[Event], charge: &Charge<'c>) -> Model<'c> {
    let mut model = Model::new(charge);
    events.iter().for_each(|event| model.happens(*event));
    model
}

fn check(algorithm: &Algorithm, worst: i64, ceiling: i64, burst: i64, events: &[Event]) {
    let terms = Terms { ceiling, burst, starting: None };
    let charge = Charge { terms, ..charge(1, algorithm, ceiling) };
    let bound = worst + most_leased(ceiling, charge.overshoot);
    let most = play(events, &charge).most();
    assert!(most <= bound, "{most} passed, and at most {bound} should have");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_log_admits_its_ceiling_and_the_overshoot(events in events(), ceiling in 20_i64..200) {
        check(&Algorithm::SlidingLog(SPAN), ceiling, ceiling, ceiling, &events);
    }

    #[test]
    fn a_sliding_window_admits_its_worst_case_and_the_overshoot(events in events(), ceiling in 20_i64..200) {
        check(&Algorithm::SlidingWindow(SPAN), 2 * ceiling - 1, ceiling, ceiling, &events);
    }

    #[test]
    fn a_fixed_window_admits_its_worst_case_and_the_overshoot(
        events in events(),
        ceiling in 20_i64..200,
        aligned in any::<bool>(),
    ) {
        let window = if aligned { Window::Aligned(SPAN) } else { Window::Rolling(SPAN) };
        check(&Algorithm::FixedWindow(window), 2 * ceiling, ceiling, ceiling, &events);
    }

    /// Of one window, not of any stretch.
    #[test]
    fn a_window_of_the_clock_admits_its_ceiling_and_the_overshoot(events in events(), ceiling in 20_i64..200) {
        let algorithm = Algorithm::FixedWindow(Window::Aligned(SPAN));
        let charge = charge(1, &algorithm, ceiling);
        let mut windows = std::collections::HashMap::new();
        for decided in play(&events, &charge).decided.iter().filter(|decided| decided.passed) {
            *windows.entry((decided.era, START.after(Nanos(decided.at)).0 / SPAN.0)).or_insert(0) += decided.cost;
        }
        let bound = ceiling + most_leased(ceiling, charge.overshoot);
        prop_assert!(windows.values().all(|passed| *passed <= bound), "{windows:?}");
    }

    #[test]
    fn a_bucket_admits_its_size_its_rate_and_the_overshoot(
        events in events(),
        // Divisors of the span, so that nothing is rounded; four fifths of them are, too.
        ceiling in prop_oneof![Just(20_i64), Just(50), Just(100), Just(200)],
        fifth in 2_i64..40,
    ) {
        check(&Algorithm::Bucket(SPAN), ceiling + 5 * fifth, ceiling, 5 * fifth, &events);
    }

    /// Whatever clocks, lines and ceilings do.
    #[test]
    fn no_more_than_the_share_is_withheld(
        events in proptest::collection::vec(lossless(), 1..120),
        ceiling in 20_i64..200,
    ) {
        play(&events, &charge(1, &Algorithm::SlidingLog(SPAN), ceiling)).assert_room_is_found();
    }
}

#[test]
fn units_leased_in_one_window_and_used_in_the_next_are_the_overshoot() {
    let on = runtime();
    let memory = memory();
    let algorithm = Algorithm::SlidingLog(SPAN);
    let charge = charge(1, &algorithm, 100);
    let one = Layered::untended(memory.clone(), options(1));
    let send = |layered: &Layered, now: i64, times: usize| {
        let taken = |_: &usize| {
            let charged = layered.charge_at_once(at(now), &[charge]);
            charged.unwrap_or_else(|| on.block_on(layered.charge(at(now), &[charge])).unwrap()).taken
        };
        (0..times).filter(taken).count()
    };
    assert_eq!(send(&one, 0, 30), 30);
    let leased = one.leased(charge.counter);
    assert!((1..=10).contains(&leased), "{leased}");
    // In two seconds from here, what was leased before them is used beside a whole ceiling.
    assert_eq!(send(&one, 600_000_000, 500), 70);
    assert_eq!(send(&one, 2_000_000_000, 500), 30 + usize::try_from(leased).unwrap());
}

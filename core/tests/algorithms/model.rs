//! The definition of each algorithm, as directly as it can be written: every charge is kept, nothing is rounded.

use limitrate_core::{
    algorithm::{LeaseId, Terms},
    time::Timestamp,
};
use num_bigint::BigInt;
use num_rational::Ratio;

/// What an algorithm has to agree with.
pub(crate) trait Model {
    /// Whether a cost fits.
    fn fits(&self, terms: Terms, now: Timestamp, cost: i64) -> bool;
    /// Charges it.
    fn take(&mut self, terms: Terms, now: Timestamp, cost: i64, lease: LeaseId);
    /// Nanoseconds until the counter starts anew.
    fn reset_after(&self, terms: Terms, now: Timestamp) -> i128;
    /// Ends a lease.
    fn release(&mut self, _lease: LeaseId) {}
    /// Where a cost of 0 would be taken, under this name; false if the model does not say.
    fn reserve_nothing(&mut self, _terms: Terms, _now: Timestamp, _lease: LeaseId) -> bool {
        false
    }
    /// Makes what was taken under this name have cost so much, if it still counts.
    fn settle(&mut self, lease: LeaseId, now: Timestamp, actual: i64);
}

/// When, and how much.
type Charge = (i128, i128);

/// The names of charges, in their order, and the reservations of nothing with the instant at which they would count.
#[derive(Default)]
struct Names {
    charges: Vec<LeaseId>,
    nothing: Vec<(LeaseId, i128)>,
}

impl Names {
    /// The position of a charge; one for nothing is made, at its instant, if it comes to something that `counts`.
    fn position(
        &mut self,
        charges: &mut Vec<Charge>,
        lease: LeaseId,
        actual: i64,
        counts: impl Fn(i128) -> bool,
    ) -> Option<usize> {
        if let Some(position) = self.charges.iter().position(|known| *known == lease) {
            return charges.get(position).filter(|(at, _)| counts(*at)).map(|_| position);
        }
        let at = self.nothing.iter().find(|(known, _)| *known == lease).map(|(_, at)| *at);
        let at = at.filter(|at| actual > 0 && counts(*at))?;
        charges.push((at, 0));
        self.charges.push(lease);
        Some(charges.len() - 1)
    }
}

fn latest(charges: &[Charge], now: Timestamp) -> i128 {
    charges.iter().map(|charge| charge.0).fold(now.0.into(), i128::max)
}

/// Charges in order; windows are found by going through all of them.
pub(crate) struct FixedWindow {
    span: i128,
    aligned: bool,
    charges: Vec<Charge>,
    names: Vec<LeaseId>,
}

impl FixedWindow {
    pub(crate) fn rolling(span: i64) -> Self {
        Self { span: span.into(), aligned: false, charges: Vec::new(), names: Vec::new() }
    }

    pub(crate) fn aligned(span: i64) -> Self {
        Self { span: span.into(), aligned: true, charges: Vec::new(), names: Vec::new() }
    }

    fn end(&self, charged_at: i128) -> i128 {
        let start = if self.aligned { charged_at - charged_at.rem_euclid(self.span) } else { charged_at };
        start + self.span
    }

    /// The end of the window that is running, and its use.
    fn running(&self, now: Timestamp) -> Option<(i128, i128)> {
        self.window(now).map(|(first, end)| (end, self.charges[first..].iter().map(|(_, cost)| cost).sum()))
    }

    /// The first charge of the window that is running, and its end.
    fn window(&self, now: Timestamp) -> Option<(usize, i128)> {
        let mut running: Option<(usize, i128)> = None;
        for (position, &(at, _)) in self.charges.iter().enumerate() {
            running = running.filter(|(_, end)| at < *end).or_else(|| Some((position, self.end(at))));
        }
        running.filter(|(_, end)| i128::from(now.0) < *end)
    }
}

impl Model for FixedWindow {
    fn fits(&self, terms: Terms, now: Timestamp, cost: i64) -> bool {
        let used = self.running(now).map_or(0, |(_, used)| used);
        cost == 0 || used + i128::from(cost) <= terms.ceiling.into()
    }

    fn take(&mut self, _terms: Terms, now: Timestamp, cost: i64, lease: LeaseId) {
        if cost > 0 {
            self.charges.push((now.0.into(), cost.into()));
            self.names.push(lease);
        }
    }

    fn settle(&mut self, lease: LeaseId, now: Timestamp, actual: i64) {
        let position = self.names.iter().position(|known| *known == lease).unwrap();
        if self.window(now).is_some_and(|(first, _)| first <= position) {
            self.charges[position].1 = actual.into();
        }
    }

    fn reset_after(&self, _terms: Terms, now: Timestamp) -> i128 {
        let now_ns = i128::from(now.0);
        match self.running(now) {
            Some((end, _)) => end - now_ns,
            None if self.aligned => self.end(now_ns) - now_ns,
            None => 0,
        }
    }
}

/// Charges at the instants at which they count; the clock does not go back before the last.
pub(crate) struct SlidingLog {
    span: i128,
    charges: Vec<Charge>,
    names: Names,
}

impl SlidingLog {
    pub(crate) fn new(span: i64) -> Self {
        Self { span: span.into(), charges: Vec::new(), names: Names::default() }
    }

    fn counting(&self, now: Timestamp) -> impl Iterator<Item = &Charge> {
        let clock = latest(&self.charges, now);
        self.charges.iter().filter(move |(at, _)| *at > clock - self.span)
    }
}

impl Model for SlidingLog {
    fn fits(&self, terms: Terms, now: Timestamp, cost: i64) -> bool {
        let used: i128 = self.counting(now).map(|charge| charge.1).sum();
        cost == 0 || used + i128::from(cost) <= terms.ceiling.into()
    }

    fn take(&mut self, _terms: Terms, now: Timestamp, cost: i64, lease: LeaseId) {
        if cost > 0 {
            self.charges.push((latest(&self.charges, now), cost.into()));
            self.names.charges.push(lease);
        }
    }

    fn reserve_nothing(&mut self, _terms: Terms, now: Timestamp, lease: LeaseId) -> bool {
        self.names.nothing.push((lease, latest(&self.charges, now)));
        true
    }

    fn settle(&mut self, lease: LeaseId, now: Timestamp, actual: i64) {
        let oldest = latest(&self.charges, now) - self.span;
        let counts = |at| at > oldest;
        if let Some(position) = self.names.position(&mut self.charges, lease, actual, counts) {
            self.charges[position].1 = actual.into();
        }
    }

    fn reset_after(&self, _terms: Terms, now: Timestamp) -> i128 {
        self.counting(now).map(|(at, _)| at + self.span - i128::from(now.0)).min().unwrap_or(0)
    }
}

/// Charges at the instants at which they count; an instant before the last charge's window is that window's start.
pub(crate) struct SlidingWindow {
    span: i128,
    charges: Vec<Charge>,
    names: Names,
}

impl SlidingWindow {
    pub(crate) fn new(span: i64) -> Self {
        Self { span: span.into(), charges: Vec::new(), names: Names::default() }
    }

    fn start(&self, at: i128) -> i128 {
        at - at.rem_euclid(self.span)
    }

    fn clock(&self, now: Timestamp) -> i128 {
        self.charges.iter().map(|(at, _)| self.start(*at)).fold(now.0.into(), i128::max)
    }

    fn used_from(&self, start: i128) -> BigInt {
        self.charges
            .iter()
            .filter(|(at, _)| self.start(*at) == start)
            .map(|(_, cost)| BigInt::from(*cost))
            .sum()
    }
}

impl Model for SlidingWindow {
    fn fits(&self, terms: Terms, now: Timestamp, cost: i64) -> bool {
        let clock = self.clock(now);
        let start = self.start(clock);
        let left = Ratio::new(BigInt::from(start + self.span - clock), BigInt::from(self.span));
        let previous = Ratio::from_integer(self.used_from(start - self.span)) * left;
        let used = Ratio::from_integer(self.used_from(start)) + previous;
        cost == 0 || used + BigInt::from(cost) <= Ratio::from_integer(BigInt::from(terms.ceiling))
    }

    fn take(&mut self, _terms: Terms, now: Timestamp, cost: i64, lease: LeaseId) {
        if cost > 0 {
            self.charges.push((self.clock(now), cost.into()));
            self.names.charges.push(lease);
        }
    }

    fn reserve_nothing(&mut self, _terms: Terms, now: Timestamp, lease: LeaseId) -> bool {
        self.names.nothing.push((lease, self.clock(now)));
        true
    }

    fn settle(&mut self, lease: LeaseId, now: Timestamp, actual: i64) {
        let (span, oldest) = (self.span, self.start(self.clock(now)) - self.span);
        let counts = |at: i128| at - at.rem_euclid(span) >= oldest;
        if let Some(position) = self.names.position(&mut self.charges, lease, actual, counts) {
            self.charges[position].1 = actual.into();
        }
    }

    fn reset_after(&self, _terms: Terms, now: Timestamp) -> i128 {
        self.start(self.clock(now)) + self.span - i128::from(now.0)
    }
}

/// Every charge with its terms; the theoretical arrival time is computed from the first one on, and stays within the
/// range of instants.
pub(crate) struct Bucket {
    span: i64,
    charges: Vec<(Timestamp, Terms, i64)>,
    /// What settling changed: after how many charges, when, and by how much the arrival time moved or was moved back.
    settled: Vec<Settled>,
    names: Vec<Reserved>,
}

struct Settled {
    after: usize,
    now: BigInt,
    /// Of a refund, negative.
    moved: BigInt,
    reserved: Reserved,
}

#[derive(Clone)]
struct Reserved {
    lease: LeaseId,
    terms: Terms,
    cost: i64,
    /// Where the bucket stood then.
    tat: BigInt,
    lingers: bool,
}

impl Bucket {
    pub(crate) fn new(span: i64) -> Self {
        Self { span, charges: Vec::new(), settled: Vec::new(), names: Vec::new() }
    }

    fn delta(&self, terms: Terms, amount: i64) -> BigInt {
        if amount <= 0 {
            return BigInt::from(0);
        }
        let exact = Ratio::new(BigInt::from(amount) * BigInt::from(self.span), BigInt::from(terms.ceiling));
        exact.floor().to_integer().max(BigInt::from(1))
    }

    fn start(&self, seen: Option<&(BigInt, BigInt)>, terms: Terms, now: Timestamp) -> BigInt {
        let now = BigInt::from(now.0);
        match (seen.filter(|(_, seen_until)| now < *seen_until), terms.starting) {
            (Some((tat, _)), _) => now.max(tat.clone()),
            (None, None) => now,
            (None, Some(starting)) => {
                let begun =
                    now + self.delta(terms, terms.burst) - self.delta(terms, starting.min(terms.burst));
                begun.min(BigInt::from(i64::MAX))
            }
        }
    }

    /// The theoretical arrival time after all charges, and until when the key counts as seen.
    fn replay(&self) -> Option<(BigInt, BigInt)> {
        let (mut seen, mut lingers) = (None, false);
        for position in 0..=self.charges.len() {
            for settled in self.settled.iter().filter(|settled| settled.after == position) {
                self.replay_settled(settled, &mut seen, &mut lingers);
            }
            let Some(&(now, terms, cost)) = self.charges.get(position) else { break };
            lingers = self.lingers(seen.as_ref(), lingers, terms, now);
            let tat = self.start(seen.as_ref(), terms, now) + self.delta(terms, cost);
            seen = Some(self.seen(tat, lingers));
        }
        seen
    }

    fn seen(&self, tat: BigInt, lingers: bool) -> (BigInt, BigInt) {
        let tat = tat.min(BigInt::from(i64::MAX));
        let until = if lingers { &tat + BigInt::from(self.span) } else { tat.clone() };
        (tat, until)
    }

    fn lingers(&self, seen: Option<&(BigInt, BigInt)>, lingers: bool, terms: Terms, now: Timestamp) -> bool {
        let is_new = seen.is_none_or(|(_, seen_until)| BigInt::from(now.0) >= *seen_until);
        terms.starting.is_some() || (lingers && !is_new)
    }

    fn replay_settled(&self, settled: &Settled, seen: &mut Option<(BigInt, BigInt)>, lingers: &mut bool) {
        let Settled { now, moved, reserved, .. } = settled;
        let live = seen.clone().filter(|(_, until)| now < until);
        if *moved > BigInt::from(0) {
            *lingers = (*lingers && live.is_some()) || reserved.lingers;
            let from = live.map_or(reserved.tat.clone(), |(tat, _)| tat).max(now.clone());
            *seen = Some(self.seen(from + moved, *lingers));
        } else if let Some((tat, _)) = live
            && tat < BigInt::from(i64::MAX)
        {
            let refilled_not = (&reserved.tat - now).max(BigInt::from(0));
            let lowest = tat.clone().min(now.clone());
            *seen = Some(self.seen((tat - refilled_not.min(-moved)).max(lowest), *lingers));
        }
    }
}

impl Model for Bucket {
    fn fits(&self, terms: Terms, now: Timestamp, cost: i64) -> bool {
        if cost == 0 || terms.ceiling == 0 || cost > terms.burst {
            return cost == 0;
        }
        let tat = self.start(self.replay().as_ref(), terms, now) + self.delta(terms, cost);
        // A bucket is not charged past the last instant.
        tat <= BigInt::from(i64::MAX) && tat - BigInt::from(now.0) <= self.delta(terms, terms.burst)
    }

    fn take(&mut self, terms: Terms, now: Timestamp, cost: i64, lease: LeaseId) {
        if cost > 0 && terms.ceiling > 0 {
            self.charges.push((now, terms, cost));
            let (tat, until) = self.replay().unwrap();
            self.names.push(Reserved { lease, terms, cost, lingers: until > tat, tat });
        }
    }

    fn reserve_nothing(&mut self, terms: Terms, now: Timestamp, lease: LeaseId) -> bool {
        let seen = self.replay();
        let lingered = seen.as_ref().is_some_and(|(tat, until)| until > tat);
        let lingers = self.lingers(seen.as_ref(), lingered, terms, now);
        let tat = self.start(seen.as_ref(), terms, now);
        self.names.push(Reserved { lease, terms, cost: 0, tat, lingers });
        terms.ceiling > 0
    }

    fn settle(&mut self, lease: LeaseId, now: Timestamp, actual: i64) {
        let Some(reserved) = self.names.iter().find(|known| known.lease == lease).cloned() else { return };
        let moved = self.delta(reserved.terms, actual) - self.delta(reserved.terms, reserved.cost);
        let (after, now) = (self.charges.len(), BigInt::from(now.0));
        self.settled.push(Settled { after, now, moved, reserved });
    }

    fn reset_after(&self, terms: Terms, now: Timestamp) -> i128 {
        let terms = if terms.ceiling > 0 { terms } else { Terms { ceiling: 1, starting: None, ..terms } };
        let until = self.start(self.replay().as_ref(), terms, now) - BigInt::from(now.0);
        until.try_into().unwrap_or(i128::MAX)
    }
}

/// Every lease with its beginning; the clock does not go back before the last of these.
pub(crate) struct InFlight {
    at_most: i128,
    begun: Vec<Charge>,
    ids: Vec<LeaseId>,
    released: Vec<LeaseId>,
}

impl InFlight {
    pub(crate) fn new(at_most: i64) -> Self {
        Self { at_most: at_most.into(), begun: Vec::new(), ids: Vec::new(), released: Vec::new() }
    }

    fn held(&self, now: Timestamp) -> impl Iterator<Item = &Charge> {
        let clock = latest(&self.begun, now);
        let released = |id: &LeaseId| self.released.contains(id);
        let leases = self.begun.iter().zip(&self.ids).filter(move |(_, id)| !released(id));
        leases.map(|(lease, _)| lease).filter(move |(at, _)| at + self.at_most > clock)
    }
}

impl Model for InFlight {
    fn fits(&self, terms: Terms, now: Timestamp, cost: i64) -> bool {
        let held: i128 = self.held(now).map(|lease| lease.1).sum();
        cost == 0 || held + i128::from(cost) <= terms.ceiling.into()
    }

    fn take(&mut self, _terms: Terms, now: Timestamp, cost: i64, lease: LeaseId) {
        if cost > 0 {
            self.begun.push((latest(&self.begun, now), cost.into()));
            self.ids.push(lease);
        }
    }

    fn reset_after(&self, _terms: Terms, now: Timestamp) -> i128 {
        self.held(now).map(|(at, _)| at + self.at_most - i128::from(now.0)).max().unwrap_or(0)
    }

    fn release(&mut self, lease: LeaseId) {
        self.released.push(lease);
    }

    fn settle(&mut self, _lease: LeaseId, _now: Timestamp, _actual: i64) {}
}

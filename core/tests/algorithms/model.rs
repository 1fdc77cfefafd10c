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
}

/// When, and how much.
type Charge = (i128, i128);

fn latest(charges: &[Charge], now: Timestamp) -> i128 {
    charges.iter().map(|charge| charge.0).fold(now.0.into(), i128::max)
}

/// Charges in order; windows are found by going through all of them.
pub(crate) struct FixedWindow {
    span: i128,
    aligned: bool,
    charges: Vec<Charge>,
}

impl FixedWindow {
    pub(crate) fn rolling(span: i64) -> Self {
        Self { span: span.into(), aligned: false, charges: Vec::new() }
    }

    pub(crate) fn aligned(span: i64) -> Self {
        Self { span: span.into(), aligned: true, charges: Vec::new() }
    }

    fn end(&self, charged_at: i128) -> i128 {
        let start = if self.aligned { charged_at - charged_at.rem_euclid(self.span) } else { charged_at };
        start + self.span
    }

    /// The end of the window that is running, and its use.
    fn running(&self, now: Timestamp) -> Option<(i128, i128)> {
        let mut running: Option<(i128, i128)> = None;
        for &(at, cost) in &self.charges {
            running = Some(match running {
                Some((end, used)) if at < end => (end, used + cost),
                _ => (self.end(at), cost),
            });
        }
        running.filter(|(end, _)| i128::from(now.0) < *end)
    }
}

impl Model for FixedWindow {
    fn fits(&self, terms: Terms, now: Timestamp, cost: i64) -> bool {
        let used = self.running(now).map_or(0, |(_, used)| used);
        cost == 0 || used + i128::from(cost) <= terms.ceiling.into()
    }

    fn take(&mut self, _terms: Terms, now: Timestamp, cost: i64, _lease: LeaseId) {
        if cost > 0 {
            self.charges.push((now.0.into(), cost.into()));
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
}

impl SlidingLog {
    pub(crate) fn new(span: i64) -> Self {
        Self { span: span.into(), charges: Vec::new() }
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

    fn take(&mut self, _terms: Terms, now: Timestamp, cost: i64, _lease: LeaseId) {
        if cost > 0 {
            self.charges.push((latest(&self.charges, now), cost.into()));
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
}

impl SlidingWindow {
    pub(crate) fn new(span: i64) -> Self {
        Self { span: span.into(), charges: Vec::new() }
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

    fn take(&mut self, _terms: Terms, now: Timestamp, cost: i64, _lease: LeaseId) {
        if cost > 0 {
            self.charges.push((self.clock(now), cost.into()));
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
}

impl Bucket {
    pub(crate) fn new(span: i64) -> Self {
        Self { span, charges: Vec::new() }
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
        let mut seen = None;
        let mut lingers = false;
        for &(now, terms, cost) in &self.charges {
            let is_new = seen.as_ref().is_none_or(|(_, seen_until)| BigInt::from(now.0) >= *seen_until);
            lingers = terms.starting.is_some() || (lingers && !is_new);
            let tat = self.start(seen.as_ref(), terms, now) + self.delta(terms, cost);
            let tat = tat.min(BigInt::from(i64::MAX));
            let until = if lingers { &tat + BigInt::from(self.span) } else { tat.clone() };
            seen = Some((tat, until));
        }
        seen
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

    fn take(&mut self, terms: Terms, now: Timestamp, cost: i64, _lease: LeaseId) {
        if cost > 0 && terms.ceiling > 0 {
            self.charges.push((now, terms, cost));
        }
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
}

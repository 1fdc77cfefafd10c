//! What a limit lets through at worst, in any stretch of time as long as its window.
//!
//! A stretch of length W holds its first instant and not the one W later. Each bound holds for every order and every
//! size of charges; those said to be reached are reached by some.

use limitrate_core::{
    algorithm::Algorithm,
    charge::Mode,
    lease::most_leased,
    time::{Nanos, Timestamp},
    window::{Period, Window},
};

use crate::ir::{Burst, ChargeSite};

/// What a limit lets through at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// As much as comes: the limit only watches.
    Anything(Unbounded),
    /// So much in any stretch of this length, in base units.
    Within {
        /// The length.
        span: Nanos,
        /// How much; `None` where the ceiling depends on the request without a bound.
        most: Option<i64>,
        /// How it follows from the ceiling.
        formula: Formula,
    },
    /// So many at any one instant.
    AtOnce {
        /// How many; `None` where the ceiling depends on the request without a bound.
        most: Option<i64>,
    },
}

/// Why a limit refuses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbounded {
    /// `on exceed allow`: what does not fit is taken and reported.
    Soft,
    /// It is in shadow for all its requests.
    Shadow,
}

/// How the worst case follows from a ceiling of N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formula {
    /// N: every charge of the stretch is known.
    Ceiling,
    /// 2 N − 1: one window's end and the whole of the next, less what began the first.
    TwiceLessOne,
    /// 2 N: all at one window's end and all at the next one's beginning.
    Twice,
    /// N and the bucket's size: a full bucket, and what flows into it meanwhile. Charges of one unit gain less than a
    /// nanosecond each by rounding; where that comes to whole units, they are counted.
    CeilingAndBurst,
}

impl Admitted {
    /// What one charge's limit admits under a ceiling of at most `ceiling`.
    pub(super) fn by(site: &ChargeSite, ceiling: Option<i64>) -> Self {
        match site.mode {
            Mode::Soft => return Self::Anything(Unbounded::Soft),
            Mode::Shadow => return Self::Anything(Unbounded::Shadow),
            Mode::Enforce => {}
        }
        let within = |span, formula, most: Option<i64>| {
            let leased = ceiling.map(|ceiling| most_leased(ceiling, site.overshoot));
            let most = most.and_then(|most| Some(most.saturating_add(leased?)));
            Self::Within { span, most, formula }
        };
        match &site.algorithm {
            Algorithm::InFlight(_) => Self::AtOnce { most: ceiling },
            Algorithm::Bucket(span) => {
                let most = ceiling.map(|ceiling| bucket(*span, ceiling, site.burst));
                within(*span, Formula::CeilingAndBurst, most)
            }
            Algorithm::SlidingLog(span) => within(*span, Formula::Ceiling, ceiling),
            Algorithm::SlidingWindow(span) => {
                within(*span, Formula::TwiceLessOne, ceiling.map(twice_less_one))
            }
            Algorithm::FixedWindow(window) => match window {
                // What began the first window may be a lease that is given back.
                Window::Rolling(span) if site.overshoot > 0 => {
                    within(*span, Formula::Twice, ceiling.map(twice))
                }
                Window::Rolling(span) => within(*span, Formula::TwiceLessOne, ceiling.map(twice_less_one)),
                Window::Aligned(span) => within(*span, Formula::Twice, ceiling.map(twice)),
                Window::Calendar(period, _) => {
                    within(shortest(window, *period), Formula::Twice, ceiling.map(twice))
                }
            },
        }
    }

    /// The worse of two charges of one limit. Where one enforces and the other only watches, the requests of the
    /// second are not held.
    pub(super) fn or(self, other: Self) -> Self {
        let more = |a: Option<i64>, b: Option<i64>| Some(a?.max(b?));
        match (self, other) {
            (Self::Anything(Unbounded::Soft), _) | (_, Self::Anything(Unbounded::Soft)) => {
                Self::Anything(Unbounded::Soft)
            }
            (Self::Anything(why), _) | (_, Self::Anything(why)) => Self::Anything(why),
            (Self::AtOnce { most: a }, Self::AtOnce { most: b }) => Self::AtOnce { most: more(a, b) },
            (Self::Within { span, most, formula }, Self::Within { span: longer, most: other, .. }) => {
                Self::Within { span: span.max(longer), most: more(most, other), formula }
            }
            // A limit has one shape.
            (one @ (Self::AtOnce { .. } | Self::Within { .. }), _) => one,
        }
    }
}

fn twice(ceiling: i64) -> i64 {
    ceiling.max(0).saturating_mul(2)
}

fn twice_less_one(ceiling: i64) -> i64 {
    twice(ceiling).saturating_sub(1).max(0)
}

/// Charges of c move the bucket's time on by ⌊c · W / N⌋, by one nanosecond at least; in a stretch of W they move it by
/// less than W and the whole bucket. No charge moves it less for each unit than those of one unit.
fn bucket(span: Nanos, ceiling: i64, burst: Burst) -> i64 {
    if ceiling <= 0 {
        return 0;
    }
    let size = match burst {
        Burst::Fixed(size) => size,
        Burst::Ceiling => ceiling,
    };
    let moved = |amount: i64| (i128::from(amount) * i128::from(span.0) / i128::from(ceiling)).max(1);
    let by_units = (i128::from(span.0) - 1 + moved(size)) / moved(1);
    let stated = i128::from(ceiling) + i128::from(size);
    i64::try_from(by_units.max(stated)).unwrap_or(i64::MAX)
}

/// How many windows of each period are looked at for the shortest: those of five years and more.
const fn looked_at(period: Period) -> usize {
    match period {
        Period::Day => 1_900,
        Period::Week => 270,
        Period::Month => 62,
        Period::Year => 9,
    }
}

/// 2026-01-01T00:00:00Z, where the first window lies.
const FIRST: Timestamp = Timestamp(1_767_225_600_000_000_000);

/// The shortest of a calendar's windows: a longer stretch may lie over three of them.
fn shortest(window: &Window, period: Period) -> Nanos {
    let mut bounds = window.beginning_at(FIRST);
    let mut least = i64::MAX;
    for _ in 0..looked_at(period) {
        bounds = window.beginning_at(bounds.end);
        least = least.min(bounds.end.0.saturating_sub(bounds.start.0));
    }
    Nanos(least)
}

#[cfg(test)]
mod tests {
    use limitrate_core::window::Zone;

    use super::*;

    #[test]
    fn the_shortest_window_of_a_calendar_is_found() {
        let shortest =
            |period, zone| super::shortest(&Window::Calendar(period, zone), period).0 / 3_600_000_000_000;
        let berlin = || Zone::named("Europe/Berlin").unwrap();
        assert_eq!([shortest(Period::Day, Zone::UTC), shortest(Period::Day, berlin())], [24, 23]);
        assert_eq!(shortest(Period::Week, berlin()), 7 * 24 - 1);
        assert_eq!(
            [shortest(Period::Month, Zone::UTC), shortest(Period::Year, Zone::UTC)],
            [28 * 24, 365 * 24]
        );
    }

    #[test]
    fn a_bucket_passes_its_size_and_its_rate() {
        let minute = Nanos::from_secs(60);
        assert_eq!(bucket(minute, 100, Burst::Fixed(20)), 120);
        assert_eq!(bucket(minute, 100, Burst::Ceiling), 200);
        // Of five million bytes a second, each alone gains a part of a nanosecond.
        assert_eq!(bucket(Nanos::from_secs(1), 5 << 20, Burst::Fixed(1)), 5_263_158);
    }
}

//! Waiting for what a server does in its own time.

use std::{
    ops::RangeInclusive,
    thread,
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(5);

/// Whether something comes to hold in time. It is looked at again and again, and once more at the end.
#[expect(
    clippy::disallowed_methods,
    reason = "a server runs in real time, and nothing else says when it is ready"
)]
pub fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        let is_late = start.elapsed() >= limit;
        if holds() {
            return true;
        }
        if is_late {
            return false;
        }
        thread::sleep(INTERVAL);
    }
}

/// Waits until something holds again once a fault is over, and prints how long that took: `recovered: NAME 12 ms`.
///
/// # Panics
///
/// If it does not within that time.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "what is measured is told to whoever runs the tests with `--nocapture`"
)]
pub fn recovers(name: &str, limit: Duration, holds: impl FnMut() -> bool) {
    let start = Instant::now();
    assert!(within(limit, holds), "not within {limit:?}: {name}");
    println!("recovered: {name} {} ms", start.elapsed().as_millis());
}

/// Makes a call that is over within that time, and not before it could be; a machine that has much else to do may tell it 1.5 s later.
///
/// # Panics
///
/// If it is over sooner or later than that.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the call waits for a server, in real time")]
pub fn over_within<T>(expected: RangeInclusive<Duration>, call: impl FnOnce() -> T) -> T {
    const SLACK: Duration = Duration::from_millis(1_500);
    let start = Instant::now();
    let answer = call();
    let took = start.elapsed();
    assert!((*expected.start()..=*expected.end() + SLACK).contains(&took), "{took:?}, not {expected:?}");
    answer
}

/// Waits until something holds.
///
/// # Panics
///
/// If it does not within ten seconds.
pub fn until(what: &str, holds: impl FnMut() -> bool) {
    const LIMIT: Duration = Duration::from_secs(10);
    assert!(within(LIMIT, holds), "not within {LIMIT:?}: {what}");
}

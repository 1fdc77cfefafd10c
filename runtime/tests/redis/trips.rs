//! How many round trips a call takes, counted on the wire.

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Block, Charge, Mode},
    key::CounterKey,
    time::Nanos,
    window::{Period, Window, Zone},
};
use limitrate_runtime::store::{Call, ClockOf, RedisOptions, RedisStore, Store as _, Ticket};
use limitrate_testkit::{Blocking, conformance::NOW, server::Proxy};

use crate::node;

const BLOCK: Block =
    Block { first: Nanos::from_secs(2), up_to: Nanos::from_secs(30), forget: Nanos::from_secs(40) };

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 0x7219).in_group(9)
}

fn charge(number: u64, algorithm: &Algorithm) -> Charge<'_> {
    Charge::new(key(number), key(!number), algorithm, Terms { ceiling: 2, burst: 2, starting: None }, 1)
}

#[test]
fn a_decision_takes_one_trip() {
    let Some(node) = node() else { return };
    let proxy = Proxy::before(node.address()).unwrap();
    let options = RedisOptions::from_url(&format!("{}?prefix=trips", node.url_at(proxy.address()))).unwrap();
    let store = Blocking::connect(RedisStore::connect(options)).unwrap();
    let algorithms = [
        Algorithm::Bucket(Nanos::from_secs(60)),
        Algorithm::FixedWindow(Window::Rolling(Nanos::from_secs(60))),
        Algorithm::FixedWindow(Window::Aligned(Nanos::from_secs(3_600))),
        Algorithm::FixedWindow(Window::Calendar(Period::Month, Zone::UTC)),
        Algorithm::SlidingWindow(Nanos::from_secs(60)),
        Algorithm::SlidingWindow(Nanos::from_secs(50 * 86_400)),
        Algorithm::SlidingLog(Nanos::from_secs(60)),
        Algorithm::InFlight(Nanos::from_secs(60)),
    ];
    let call = |ticket| Call { clock: ClockOf::Store, ..Call::at(NOW, Ticket(ticket)) };
    let decide =
        |ticket, charges: &[Charge<'_>]| store.wait(store.store().charge(call(ticket), charges)).unwrap();
    // The server's clock is learnt, and the scripts are.
    decide(0, &[charge(0, &algorithms[0])]);
    decide(0, &[charge(0, &algorithms[1])]);
    let before = proxy.round_trips();
    let mut decisions = 0;
    for (number, algorithm) in (10..).step_by(10).zip(&algorithms) {
        let held = (!matches!(algorithm, Algorithm::InFlight(_))).then_some(Nanos::from_secs(5));
        for ticket in 1..4 {
            let charges = [
                charge(number, algorithm),
                Charge { hold: held, ..charge(number + 1, algorithm) },
                Charge { block: Some(&BLOCK), ..charge(number + 2, algorithm) },
                Charge { mode: Mode::Soft, ..charge(number + 3, algorithm) },
                Charge { mode: Mode::Shadow, ..charge(number + 4, algorithm) },
            ];
            assert_eq!(decide(ticket, &charges).taken, ticket < 3, "{algorithm:?}");
            decisions += 1;
        }
    }
    for number in 100..103 {
        let charges = [charge(number, &algorithms[0]), charge(number + 5, &algorithms[4])];
        decide(number, &charges[..1 + usize::from(number > 100)]);
        decisions += 1;
    }
    // A lease on top of each, as of limits with `overshoot`.
    for ticket in 0..3 {
        let own = [charge(110, &algorithms[0]), charge(111, &algorithms[4])];
        let leased = own.map(|own| Charge { mode: Mode::Shadow, ..own });
        assert_eq!(decide(ticket, &[own, leased].concat()).taken, ticket == 0);
        decisions += 1;
    }
    assert_eq!(proxy.round_trips() - before, decisions);
}

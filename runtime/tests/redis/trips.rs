//! How many round trips a call takes, counted on the wire.

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Block, Charge, Mode},
    key::CounterKey,
    time::Nanos,
    window::{Period, Window, Zone},
};
use limitrate_runtime::store::{Call, ClockOf, RedisOptions, RedisStore, RequestId, Store as _, Ticket};
use limitrate_testkit::{
    Blocking,
    conformance::NOW,
    server::{Proxy, Redis},
};

use crate::node;

const BLOCK: Block =
    Block { first: Nanos::from_secs(2), up_to: Nanos::from_secs(30), forget: Nanos::from_secs(40) };

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 0x7219).in_group(9)
}

fn charge(number: u64, algorithm: &Algorithm) -> Charge<'_> {
    Charge::new(key(number), key(!number), algorithm, Terms { ceiling: 2, burst: 2, starting: None }, 1)
}

static ALGORITHMS: [Algorithm; 8] = [
    Algorithm::Bucket(Nanos::from_secs(60)),
    Algorithm::FixedWindow(Window::Rolling(Nanos::from_secs(60))),
    Algorithm::FixedWindow(Window::Aligned(Nanos::from_secs(3_600))),
    Algorithm::FixedWindow(Window::Calendar(Period::Month, Zone::UTC)),
    Algorithm::SlidingWindow(Nanos::from_secs(60)),
    Algorithm::SlidingWindow(Nanos::from_secs(50 * 86_400)),
    Algorithm::SlidingLog(Nanos::from_secs(60)),
    Algorithm::InFlight(Nanos::from_secs(60)),
];

/// A store under a prefix of its own, and the way to it.
fn watched(node: &Redis, prefix: &str) -> (Blocking<RedisStore>, Proxy) {
    let proxy = Proxy::before(node.address()).unwrap();
    let url = format!("{}?prefix={prefix}", node.url_at(proxy.address()));
    let options = RedisOptions::from_url(&url).unwrap();
    (Blocking::connect(RedisStore::connect(options)).unwrap(), proxy)
}

fn call(ticket: u64) -> Call {
    Call { clock: ClockOf::Store, ..Call::at(NOW, Ticket(ticket)) }
}

/// A charge of each mode, one reserves and one blocks.
fn charges(number: u64, algorithm: &Algorithm) -> [Charge<'_>; 5] {
    let held = (!matches!(algorithm, Algorithm::InFlight(_))).then_some(Nanos::from_secs(5));
    [
        charge(number, algorithm),
        Charge { hold: held, ..charge(number + 1, algorithm) },
        Charge { block: Some(&BLOCK), ..charge(number + 2, algorithm) },
        Charge { mode: Mode::Soft, ..charge(number + 3, algorithm) },
        Charge { mode: Mode::Shadow, ..charge(number + 4, algorithm) },
    ]
}

#[test]
fn a_decision_takes_one_trip() {
    let Some(node) = node() else { return };
    let (store, proxy) = watched(node, "trips");
    let decide =
        |ticket, charges: &[Charge<'_>]| store.wait(store.store().charge(call(ticket), charges)).unwrap();
    // The server's clock is learnt, and the scripts are.
    decide(0, &[charge(0, &ALGORITHMS[0])]);
    decide(0, &[charge(1, &ALGORITHMS[1])]);
    let before = proxy.round_trips();
    let mut decisions = 0;
    for (number, algorithm) in (10..).step_by(10).zip(&ALGORITHMS) {
        for ticket in 1..4 {
            assert_eq!(decide(ticket, &charges(number, algorithm)).taken, ticket < 3, "{algorithm:?}");
            decisions += 1;
        }
    }
    for number in 100..103 {
        let charges = [charge(number, &ALGORITHMS[0]), charge(number + 5, &ALGORITHMS[4])];
        decide(number, &charges[..1 + usize::from(number > 100)]);
        decisions += 1;
    }
    // A lease on top of each, as of limits with `overshoot`.
    for ticket in 0..3 {
        let own = [charge(110, &ALGORITHMS[0]), charge(111, &ALGORITHMS[4])];
        let leased = own.map(|own| Charge { mode: Mode::Shadow, ..own });
        assert_eq!(decide(ticket, &[own, leased].concat()).taken, ticket == 0);
        decisions += 1;
    }
    assert_eq!(proxy.round_trips() - before, decisions);
}

#[test]
fn a_call_of_a_name_takes_one_trip_and_so_does_making_it_again() {
    let Some(node) = node() else { return };
    let (store, proxy) = watched(node, "named-trips");
    let decide = |name: u64, charges: &[Charge<'_>]| {
        let call = Call { request: Some(RequestId(u128::from(name))), ..call(name) };
        let before = proxy.round_trips();
        let charged = store.wait(store.store().charge(call, charges)).unwrap();
        (charged, proxy.round_trips() - before)
    };
    // The server's clock is learnt, the scripts too.
    decide(0, &[charge(0, &ALGORITHMS[0])]);
    decide(1, &[charge(1, &ALGORITHMS[6])]);
    for (number, algorithm) in (10..).step_by(10).zip(&ALGORITHMS) {
        let charges = charges(number, algorithm);
        let is_list = matches!(algorithm, Algorithm::SlidingLog(_) | Algorithm::InFlight(_));
        let mut answers = Vec::new();
        for name in number..number + 4 {
            let (charged, trips) = decide(name, &charges);
            assert_eq!(charged.taken, name < number + 2, "{algorithm:?}");
            assert_eq!(trips, if is_list { 2 } else { 1 }, "{algorithm:?}");
            answers.push((name, charged));
        }
        for (name, charged) in answers {
            // A list is read, and nothing is to be written.
            assert_eq!(decide(name, &charges), (charged, 1), "{algorithm:?}");
        }
    }
}

//! The n-th command of a call over three places of a Cluster is cut off, or its reply is, for every n.

use std::time::Duration;

use limitrate_core::{algorithm::Algorithm, charge::Charge, time::Nanos};
use limitrate_runtime::store::{
    Call, Charged, Lease, RedisStore, RequestId, Settlement, Store as _, StoreError, Ticket,
};
use limitrate_testkit::{
    Blocking,
    server::{Commands, Lost, Proxy, Redis, RedisCluster, until},
};

use crate::{
    DAY,
    apart::cluster,
    call, charge, key,
    unfinished::{around, connect_soon, until_all_is_over},
    used,
};

const SLOTS: Algorithm = Algorithm::InFlight(Nanos::from_secs(600));

/// A Cluster behind proxies that count what is sent for three counters, and for the notes of decisions.
struct Watched {
    cluster: RedisCluster,
    _proxies: Vec<Proxy>,
    commands: Commands,
    numbers: [u64; 3],
    store: Blocking<RedisStore>,
}

impl Watched {
    fn new() -> Option<Self> {
        let cluster = cluster()?;
        let numbers = around(&cluster);
        let tags = numbers.map(|number| format!("{{{:04x}}}", charge(number).counter.group()));
        // A note has more arguments than a look at what is due.
        let commands = Commands::counting(move |command| {
            let has = |text: &str| command.windows(text.len()).any(|part| part == text.as_bytes());
            tags.iter().any(|tag| has(tag)) || has(":journal") && !command.starts_with(b"*6") && !has("ZREM")
        });
        let (masters, copies) = cluster.nodes().split_at(3);
        // They would copy through the proxies as well.
        copies.iter().for_each(|node| node.daemon().kill());
        let before = |node: &Redis| {
            let proxy = Proxy::counting(node.address(), &commands).unwrap();
            let port = proxy.address().port().to_string();
            node.command(&["CONFIG", "SET", "cluster-announce-port", &port]).unwrap();
            proxy
        };
        let proxies: Vec<Proxy> = masters.iter().map(before).collect();
        let tells_all = |node: &Redis| {
            let told = node.command(&["CLUSTER", "SLOTS"]).unwrap();
            proxies.iter().all(|proxy| told.contains(&proxy.address().port().to_string()))
        };
        until("all nodes tell the proxies", || masters.iter().all(tells_all));
        let hosts: Vec<String> = proxies.iter().map(|proxy| proxy.address().to_string()).collect();
        let store = connect_soon(&format!("redis+cluster://{}", hosts.join(",")));
        Some(Self { cluster, _proxies: proxies, commands, numbers, store })
    }

    fn charges(&self) -> [Charge<'static>; 3] {
        self.numbers.map(charge)
    }

    fn charge(&self, call: Call, charges: &[Charge<'_>]) -> Result<Charged, StoreError> {
        self.store.wait(self.store.store().charge(call, charges))
    }

    /// Has a call made whose n-th command is lost, for every n, until no command is left to lose. Each time, says what came of it
    /// once all is over, and how much more is used of each counter.
    fn lose_each<T>(&self, make: impl Fn(u64) -> T, judge: impl Fn(u64, Lost, T, [i64; 3])) {
        let mut ticket = 0;
        for lost in [Lost::Request, Lost::Reply] {
            for n in 0.. {
                assert!(n < 100, "a call never ends");
                ticket += 1;
                let before = self.used();
                self.commands.cut(n, lost);
                let made = make(ticket);
                until_all_is_over(&self.cluster);
                let has_lost = self.commands.stop();
                self.until_well();
                let after = self.used();
                judge(n, lost, made, [0, 1, 2].map(|place| after[place] - before[place]));
                if !has_lost {
                    assert!(n >= 3, "it asks three places");
                    break;
                }
            }
        }
    }

    /// Waits until all places answer, over new connections.
    fn until_well(&self) {
        let well = || {
            self.numbers.iter().all(|number| {
                let look = self.store.store().used(call(), key(*number), &DAY);
                self.store.wait(look).is_ok()
            })
        };
        until("all places answer", well);
    }

    fn used(&self) -> [i64; 3] {
        self.numbers.map(|number| used(&self.store, number))
    }
}

fn calling(ticket: u64) -> Call {
    Call { ticket: Ticket(ticket), ..call() }
}

#[test]
fn whichever_command_of_a_decision_is_lost_it_counts_at_all_places_or_at_none() {
    let Some(watched) = Watched::new() else { return };
    watched.lose_each(
        |ticket| watched.charge(calling(ticket), &watched.charges()),
        |n, lost, charged, used| {
            assert!(used == [0; 3] || used == [1; 3], "command {n}, {lost:?}: {used:?}");
            match charged {
                Ok(charged) => assert!(charged.taken && used == [1; 3], "command {n}, {lost:?}: {used:?}"),
                Err(error) => {
                    assert!(error.may_have_applied() || used == [0; 3], "command {n}, {lost:?}: {error:?}");
                }
            }
        },
    );
}

#[test]
fn whichever_command_of_a_decision_that_is_refused_is_lost_it_counts_nowhere() {
    let Some(watched) = Watched::new() else { return };
    let mut charges = watched.charges();
    charges.iter_mut().max_by_key(|charge| charge.counter.group()).unwrap().cost = 5_000;
    watched.lose_each(
        |ticket| watched.charge(calling(ticket), &charges),
        |n, lost, charged, used| {
            assert_eq!(used, [0; 3], "command {n}, {lost:?}");
            assert!(charged.map_or(true, |charged| !charged.taken));
        },
    );
}

#[test]
fn whichever_command_of_a_named_decision_is_lost_it_counts_once_when_it_is_made_again() {
    let Some(watched) = Watched::new() else { return };
    let named = |ticket: u64| Call { request: Some(RequestId::of(&ticket.to_le_bytes())), ..calling(ticket) };
    watched.lose_each(
        |ticket| {
            let again = || watched.charge(named(ticket), &watched.charges());
            until("it is decided", || again().is_ok_and(|charged| charged.taken));
        },
        |n, lost, (), used| assert_eq!(used, [1; 3], "command {n}, {lost:?}"),
    );
}

#[test]
fn whichever_command_of_a_settlement_is_lost_it_counts_once_when_it_is_made_again() {
    let Some(watched) = Watched::new() else { return };
    let held = watched.numbers.map(|number| Charge {
        hold: Some(Nanos::from_secs(600)),
        cost: 10,
        ..charge(number)
    });
    // All of them reserve before any is settled.
    let reserved = 30;
    for ticket in 1..=reserved {
        let patient = Call { deadline: Duration::from_secs(5), ..calling(ticket) };
        assert!(watched.charge(patient, &held).unwrap().taken);
    }
    watched.lose_each(
        |ticket| {
            assert!(ticket <= reserved);
            let settlements = watched.numbers.map(|number| Settlement {
                counter: key(number),
                limit: key(!number),
                algorithm: &DAY,
                ticket: Ticket(ticket),
                actual: 3,
            });
            let settle = || watched.store.wait(watched.store.store().settle(calling(ticket), &settlements));
            until("it is settled", || settle().is_ok());
        },
        |n, lost, (), used| assert_eq!(used, [-7; 3], "command {n}, {lost:?}"),
    );
}

#[test]
fn whichever_command_of_a_release_is_lost_the_leases_end_when_it_is_made_again() {
    let Some(watched) = Watched::new() else { return };
    let slots = watched.charges().map(|charge| Charge {
        counter: charge.counter.beside(77, 0),
        algorithm: &SLOTS,
        ..charge
    });
    watched.lose_each(
        |ticket| {
            let leases =
                slots.map(|Charge { counter, limit, .. }| Lease { counter, limit, ticket: Ticket(ticket) });
            let lease = || watched.charge(calling(ticket), &slots);
            let is_held = lease().is_ok();
            let release = || watched.store.wait(watched.store.store().release(calling(ticket), &leases));
            until("it is released", || release().is_ok());
            is_held
        },
        |n, lost, _, used| {
            assert_eq!(used, [0; 3]);
            let left = slots.map(|slot| {
                let look = watched.store.store().used(call(), slot.counter, &SLOTS);
                watched.store.wait(look).unwrap().unwrap()
            });
            assert_eq!(left, [0; 3], "command {n}, {lost:?}");
        },
    );
}

//! Every key expires, whatever made it, but the two that say what the store is.

use std::{collections::BTreeSet, time::Duration};

use limitrate_core::{
    algorithm::Terms,
    block::Block,
    charge::{Charge, Mode},
    time::Nanos,
};
use limitrate_runtime::store::{
    Call, Lease, LocalStore, RedisStore, RequestId, Settlement, Store as _, StoreError, Ticket,
};
use limitrate_testkit::{
    Blocking,
    conformance::{
        ALL, IN_FLIGHT, MINUTE, Trial, basics, blocks, calls, histories, keeping, kinds, modes, reservations,
        threads,
    },
    server::{Redis, until},
};

use crate::{
    DAY,
    apart::{cluster, home},
    call, charge, connect, key, node,
    unfinished::{around, connect_soon, until_all_is_over},
    used,
};

/// What does not expire.
const META: [&str; 2] = ["limitrate:{meta}:layout", "limitrate:{meta}:v1:secret"];

const BLOCK: Block = Block { first: MINUTE, up_to: Nanos::from_secs(3_600), forget: Nanos::from_secs(7_200) };

/// Each key of a node with how many milliseconds it lives; what does not expire has -1.
fn lives(node: &Redis) -> Vec<(String, i64)> {
    let script = "local told = {} \
                  for _, name in ipairs(redis.call('KEYS', '*')) do \
                    told[#told + 1] = redis.call('PTTL', name) .. ' ' .. name \
                  end \
                  return told";
    let told = node.command(&["EVAL", script, "0"]).unwrap();
    let line = |line: &str| {
        let (lives, name) = line.split_once(' ').unwrap();
        (name.to_owned(), lives.parse().unwrap())
    };
    told.lines().filter(|line| !line.is_empty()).map(line).collect()
}

/// How many keys these nodes have, all of which expire but the two.
fn assert_expiring(nodes: &[&Redis]) -> usize {
    let all: Vec<_> = nodes.iter().flat_map(|node| lives(node)).collect();
    let lasting: BTreeSet<&str> =
        all.iter().filter(|(_, lives)| *lives <= 0).map(|(name, _)| name.as_str()).collect();
    assert_eq!(lasting, BTreeSet::from(META));
    all.len() - META.len()
}

/// What every store keeps, by its callers' clock.
fn play_the_suite(store: &Blocking<RedisStore>) {
    let plain: [fn(&dyn LocalStore, Trial); 24] = [
        basics::a_decision_takes_all_charges_or_none,
        basics::charges_on_one_counter_are_judged_as_one,
        basics::charges_on_one_counter_hold_one_lease,
        basics::a_lease_ends_once_by_release_or_expiry,
        basics::use_can_be_set_and_read,
        basics::a_counter_that_was_reset_was_never_seen,
        basics::what_is_given_back_is_never_more_than_is_in_use,
        reservations::settling_replaces_what_was_reserved_once,
        reservations::a_reservation_expires_and_stands,
        reservations::settlements_of_a_batch_are_apart,
        reservations::a_difference_goes_where_the_cost_was_taken,
        reservations::charges_on_one_counter_hold_one_reservation,
        modes::a_soft_charge_is_taken_past_the_ceiling,
        modes::a_shadow_charge_changes_no_decision,
        modes::a_shadow_charge_is_judged_apart_from_an_enforced_one_on_its_counter,
        blocks::a_charge_that_does_not_fit_sets_off_a_block,
        blocks::blocks_double_and_are_forgotten,
        blocks::a_shadow_block_stops_only_shadows,
        blocks::a_mark_is_told_once_for_each_key_and_window,
        threads::leases_taken_by_many_threads_end_exactly_once,
        threads::reservations_are_settled_exactly_once_whoever_asks,
        keeping::what_memory_tells_goes_on_here,
        histories::random_histories_go_as_in_the_model,
        histories::random_histories_go_as_in_memory,
    ];
    let trial = || Trial::shared().scattered().with_decisions(200).renewed();
    plain.iter().for_each(|play| play(store, trial()));
    calls::a_call_made_again_is_applied_once_and_answered_alike(store, trial());
    calls::whichever_call_fails_nothing_is_half_charged_or_charged_twice(store, trial());
    kinds::whichever_kind_of_call_fails_it_was_made_or_was_not(store, trial());
}

/// Calls of every kind by the store's clock, over counters of these numbers.
fn play(store: &Blocking<RedisStore>, numbers: [u64; 3]) -> Result<(), StoreError> {
    for (at, algorithm) in (1..).zip(ALL) {
        let one = |number| {
            let one = charge(number);
            Charge { counter: one.counter.beside(at, 0), algorithm, warn: &[1], ..one }
        };
        let held = numbers.map(|number| Charge { hold: Some(MINUTE), ..one(number) });
        let shadow = numbers.map(|number| Charge { mode: Mode::Shadow, ..one(number) });
        let refused = numbers.map(|number| Charge { cost: 5_000, block: Some(&BLOCK), ..one(number) });
        for (ticket, charges) in (8 * at..).zip([numbers.map(one), held, shadow, refused]) {
            let request = RequestId::of(&ticket.to_le_bytes());
            for request in [None, Some(request), Some(request)] {
                let call =
                    Call { ticket: Ticket(ticket), request, deadline: Duration::from_secs(5), ..call() };
                store.wait(store.store().charge(call, &charges))?;
            }
            let settlements = charges.map(|Charge { counter, limit, algorithm, .. }| Settlement {
                counter,
                limit,
                algorithm,
                ticket: Ticket(ticket),
                actual: 0,
            });
            store.wait(store.store().settle(call(), &settlements[..1]))?;
        }
        store.wait(store.store().refund(call(), &one(numbers[0])))?;
        store.wait(store.store().set_used(call(), one(numbers[1]).counter, algorithm, 7))?;
    }
    let lease = |number| {
        let one = charge(number);
        Charge { counter: one.counter.beside(99, 0), algorithm: &IN_FLIGHT, ..one }
    };
    // More than a script counts at once.
    for ticket in 1_000..2_100 {
        let call = Call { ticket: Ticket(ticket), deadline: Duration::from_secs(5), ..call() };
        let many = Charge { terms: Terms { ceiling: 5_000, ..lease(0).terms }, ..lease(numbers[0]) };
        store.wait(store.store().charge(call, &[many]))?;
    }
    let Charge { counter, limit, .. } = lease(numbers[0]);
    store.wait(store.store().release(call(), &[Lease { counter, limit, ticket: Ticket(1_000) }]))?;
    Ok(())
}

#[test]
fn on_one_node_every_key_expires_but_the_two_that_say_what_the_store_is() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    play(&store, [1, 2, 3]).unwrap();
    let kept = assert_expiring(&[&node]);
    assert!(kept > 30, "{kept}");
    play_the_suite(&store);
    let kept = assert_expiring(&[&node]);
    assert!(kept > 500, "{kept}");
}

#[test]
fn on_a_cluster_every_key_expires_but_the_two_that_say_what_the_store_is() {
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let numbers = around(&cluster);
    play(&store, numbers).unwrap();
    let masters: Vec<&Redis> = cluster.nodes()[..3].iter().collect();
    let kept = assert_expiring(&masters);
    assert!(kept > 30, "{kept}");
    // A decision that stops half way leaves notes, reservations, and later what became of it.
    let (away, others): (Vec<&Redis>, Vec<_>) = {
        let port = home(&cluster, numbers[1]).port();
        masters.iter().copied().partition(|node| node.port() == port)
    };
    away[0].daemon().suspend();
    for ticket in 1..20 {
        let held = numbers.map(|number| Charge { hold: Some(MINUTE), ..charge(number) });
        let request = Some(RequestId(u128::from(ticket)));
        let call = Call { ticket: Ticket(ticket), request, ..call() };
        store.wait(store.store().charge(call, &held)).unwrap_err();
    }
    let all: Vec<_> = others.iter().flat_map(|node| lives(node)).collect();
    assert!(all.iter().any(|(name, _)| name.ends_with(":journal")), "{all:?}");
    assert!(all.iter().all(|(name, lives)| *lives > 0 || META.contains(&name.as_str())), "{all:?}");
    away[0].daemon().resume();
    until_all_is_over(&cluster);
    until("all places answer", || {
        numbers.iter().all(|number| store.wait(store.store().used(call(), key(*number), &DAY)).is_ok())
    });
    assert_expiring(&masters);
    assert_eq!(numbers.map(|number| used(&store, number)), [0; 3]);
}

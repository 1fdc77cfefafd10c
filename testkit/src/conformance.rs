//! What every store keeps: functions over a [`LocalStore`], made tests of a store by [`conformance!`](crate::conformance!).
//!
//! A store that has to be waited for takes part as [`Blocking`]. The store may be one that other tests use
//! at the same time: each test has counters of its own, which its [`Trial`] names. All instants are the tests' own and lie
//! after the year 2100, so that nothing becomes idle by a clock that runs.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a suite of tests fails by panicking")]

#[expect(missing_docs, reason = "the names of tests are sentences")]
pub mod basics;
#[expect(missing_docs, reason = "the names of tests are sentences")]
pub mod blocks;
#[expect(missing_docs, reason = "the names of tests are sentences")]
pub mod calls;
#[expect(missing_docs, reason = "the names of tests are sentences")]
pub mod clocks;
#[expect(missing_docs, reason = "the names of tests are sentences")]
pub mod histories;
#[expect(missing_docs, reason = "the names of tests are sentences")]
pub mod keeping;
pub mod kinds;
#[expect(missing_docs, reason = "the names of tests are sentences")]
pub mod modes;
pub mod processes;
#[expect(missing_docs, reason = "the names of tests are sentences")]
pub mod reservations;
#[expect(missing_docs, reason = "the names of tests are sentences")]
pub mod threads;
mod trial;

use std::{error::Error, iter};

use limitrate_core::{
    algorithm::Algorithm,
    charge::Charge,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{LocalStore, MemoryStore, Store, Ticket, Verdicts};

pub use self::trial::Trial;
use crate::Blocking;

/// An instant at which an aligned minute begins, in the year 2103.
pub const NOW: Timestamp = Timestamp(4_200_000_000_000_000_000);

/// The window of all algorithms here, and how long a lease is held at most.
pub const MINUTE: Nanos = Nanos::from_secs(60);
/// A window that begins with the first charge.
pub const FIXED: Algorithm = Algorithm::FixedWindow(Window::Rolling(MINUTE));
/// A log of every charge.
pub const LOG: Algorithm = Algorithm::SlidingLog(MINUTE);
/// A window weighted with the one before.
pub const SLIDING: Algorithm = Algorithm::SlidingWindow(MINUTE);
/// A bucket that refills within the minute.
pub const BUCKET: Algorithm = Algorithm::Bucket(MINUTE);
/// So many at once.
pub const IN_FLIGHT: Algorithm = Algorithm::InFlight(MINUTE);
/// One of each family.
pub const ALL: [&Algorithm; 5] = [&FIXED, &LOG, &SLIDING, &BUCKET, &IN_FLIGHT];

/// A store that the suite may be run on.
pub trait Subject: LocalStore {
    /// What went wrong beneath it: nothing may.
    fn error(&self) -> Option<String> {
        None
    }

    /// Asserts that nothing did.
    fn assert_sound(&self) {
        assert_eq!(self.error(), None, "the store gave no answer");
    }
}

impl Subject for MemoryStore {}

impl<S: Store> Subject for Blocking<S> {
    fn error(&self) -> Option<String> {
        Some(told(self.error()?))
    }
}

/// An error with all of its causes.
fn told(error: &dyn Error) -> String {
    let causes = iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Makes the suite's functions tests of a store. Invoked in a module of its own, with an expression that makes a
/// [`Subject`] and a [`Trial`]; it may `return` where there is no store. With `waited for` before it, the subject is a
/// [`Blocking`], and calls that name themselves are tested too.
///
/// ```
/// mod suite {
///     use limitrate_runtime::store::{MemoryOptions, MemoryStore};
///     use limitrate_testkit::conformance::Trial;
///
///     limitrate_testkit::conformance!((MemoryStore::new(MemoryOptions::default()), Trial::alone()));
/// }
/// ```
#[macro_export]
macro_rules! conformance {
    ($subject:expr) => {
        $crate::conformance! { $subject =>
            basics:
                a_decision_takes_all_charges_or_none,
                a_refused_decision_changes_nothing,
                verdicts_come_in_the_order_of_the_charges,
                charges_on_one_counter_are_judged_as_one,
                charges_on_one_counter_hold_one_lease,
                a_cost_of_zero_looks_and_a_negative_one_never_fits,
                a_decision_without_charges_is_taken,
                a_lease_ends_once_by_release_or_expiry,
                use_can_be_set_and_read,
                a_ceiling_that_changes_keeps_what_was_used,
                a_counter_that_was_reset_was_never_seen,
                what_is_given_back_is_never_more_than_is_in_use;
            reservations:
                settling_replaces_what_was_reserved_once,
                a_reservation_expires_and_stands,
                a_refused_decision_reserves_nothing,
                settlements_of_a_batch_are_apart,
                nothing_is_reserved_once_nothing_is_left,
                a_difference_goes_where_the_cost_was_taken,
                charges_on_one_counter_hold_one_reservation,
                a_reservation_in_flight_is_a_lease,
                a_decision_of_nothing_plain_is_as_one_of_plain_charges;
            modes:
                a_soft_charge_is_taken_past_the_ceiling,
                a_soft_charge_is_not_taken_when_another_does_not_fit,
                charges_on_one_counter_must_fit_if_one_must,
                a_shadow_charge_changes_no_decision,
                a_shadow_charge_is_only_judged_when_the_request_is_refused,
                a_shadow_charge_is_judged_apart_from_an_enforced_one_on_its_counter,
                nothing_but_watching_always_goes_through;
            blocks:
                a_charge_that_does_not_fit_sets_off_a_block,
                blocks_double_and_are_forgotten,
                the_longer_wait_is_told,
                a_charge_that_fits_sets_off_no_block_when_another_does_not,
                a_shadow_block_stops_only_shadows,
                a_mark_is_told_once_for_each_key_and_window,
                what_is_not_taken_is_not_told;
            threads:
                threads_on_one_key_are_admitted_exactly_to_the_ceiling,
                threads_over_several_keys_in_any_order_are_admitted_exactly,
                leases_taken_by_many_threads_end_exactly_once,
                reservations_are_settled_exactly_once_whoever_asks;
            keeping:
                what_a_snapshot_tells_goes_on_in_memory,
                what_memory_tells_goes_on_here,
                what_is_kept_gives_way_to_no_snapshot,
                what_is_idle_is_neither_told_nor_restored;
            clocks:
                a_clock_that_steps_back_forgets_nothing_and_grants_nothing;
            histories:
                random_histories_go_as_in_the_model,
                random_histories_go_as_in_memory
        }
    };
    (waited for $subject:expr) => {
        $crate::conformance!($subject);
        $crate::conformance! { $subject =>
            calls:
                a_call_made_again_is_applied_once_and_answered_alike,
                a_refused_call_made_again_is_refused_alike,
                what_was_decided_stands_whatever_the_terms_are_when_it_is_asked_again,
                another_name_is_another_call,
                a_name_is_forgotten_after_a_while,
                a_call_that_many_make_at_once_is_applied_once,
                the_instant_judged_at_is_told,
                callers_whose_clocks_differ_agree_where_the_store_has_one,
                a_secret_is_the_same_for_all,
                whichever_call_fails_nothing_is_half_charged_or_charged_twice;
            kinds:
                whichever_kind_of_call_fails_it_was_made_or_was_not
        }
    };
    ($subject:expr => $($part:ident: $($test:ident),*);*) => {
        $($(
            #[test]
            fn $test() {
                let (subject, trial) = $subject;
                $crate::conformance::$part::$test(&subject, trial);
                $crate::conformance::Subject::assert_sound(&subject);
            }
        )*)*
    };
}

/// Charges at [`NOW`] under ticket 0.
pub fn decide(store: &dyn LocalStore, charges: &[Charge<'_>]) -> (bool, Verdicts) {
    let mut verdicts = Verdicts::new();
    let fits = store.charge(NOW, charges, Ticket(0), &mut verdicts);
    assert_eq!(verdicts.len(), charges.len());
    (fits, verdicts)
}

/// What is left of a charge's counter at [`NOW`].
fn remaining(store: &dyn LocalStore, charge: Charge<'_>) -> i64 {
    decide(store, &[Charge { cost: 0, ..charge }]).1[0].status.remaining
}

//! The ledger keeps what every store keeps: the stores that execute it differ in where they put what it says.

mod suite {
    use limitrate_testkit::{Blocking, LedgerStore, conformance::Trial};

    limitrate_testkit::conformance!({
        let store = Blocking::connect(async { Ok(LedgerStore::default()) }).unwrap();
        (store, Trial::alone().with_decisions(2_000))
    });
}

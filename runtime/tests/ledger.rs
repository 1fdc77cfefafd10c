//! The ledger keeps what every store keeps: the stores that execute it differ in where they put what it says.

use limitrate_testkit::{
    Blocking, LedgerStore, conformance::processes::three_processes_are_admitted_exactly,
};

mod suite {
    use limitrate_testkit::{Blocking, LedgerStore, conformance::Trial};

    limitrate_testkit::conformance!(waited for {
        let store = Blocking::connect(async { Ok(LedgerStore::default()) }).unwrap();
        (store, Trial::alone().with_decisions(1_000))
    });
}

#[test]
fn processes_that_share_a_file_are_admitted_exactly() {
    three_processes_are_admitted_exactly(
        "processes_that_share_a_file_are_admitted_exactly",
        || {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("rows").display().to_string();
            Some((folder, file))
        },
        |file| Blocking::connect(async { Ok(LedgerStore::in_file(file.as_ref()).unwrap()) }),
    );
}

//! The suite of every store, on every way to keep the file.

use limitrate_runtime::store::{Durability, SqliteStore};
use limitrate_testkit::{Blocking, conformance::Trial};

/// A store on a file that goes with it: its names are taken away, and the open file remains.
fn store(durability: Durability, exclusive: bool) -> (Blocking<SqliteStore>, Trial) {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::open(&crate::options(&folder.path().join("c.db"), (durability, exclusive))).unwrap();
    // Where each call waits for the disk or another thread, fewer do.
    let decisions = if durability == Durability::Behind { 20_000 } else { 300 };
    (store, Trial::alone().with_decisions(decisions))
}

mod normal {
    limitrate_testkit::conformance!(waited for super::store(super::Durability::Normal, false));
}

mod normal_and_exclusive {
    limitrate_testkit::conformance!(waited for super::store(super::Durability::Normal, true));
}

mod full {
    limitrate_testkit::conformance!(waited for super::store(super::Durability::Full, false));
}

mod full_and_exclusive {
    limitrate_testkit::conformance!(waited for super::store(super::Durability::Full, true));
}

mod behind {
    limitrate_testkit::conformance!(waited for super::store(super::Durability::Behind, true));
}

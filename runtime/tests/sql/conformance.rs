//! What every store keeps.

use limitrate_testkit::conformance::{Trial, processes::three_processes_are_admitted_exactly};

use crate::place::{mariadb, mysql_at, postgres as postgres_server, postgres_at, prefix};

mod postgres {
    limitrate_testkit::conformance!(waited for {
        let Some(url) = super::postgres_url() else { return };
        (crate::place::postgres_at(&url).unwrap(), super::trial())
    });
}

mod mysql {
    limitrate_testkit::conformance!(waited for {
        let Some(url) = super::mysql_url() else { return };
        (crate::place::mysql_at(&url).unwrap(), super::trial())
    });
}

#[test]
fn three_processes_on_postgres_are_admitted_exactly() {
    three_processes_are_admitted_exactly(
        "conformance::three_processes_on_postgres_are_admitted_exactly",
        || Some(((), postgres_url()?)),
        postgres_at,
    );
}

#[test]
fn three_processes_on_mysql_are_admitted_exactly() {
    three_processes_are_admitted_exactly(
        "conformance::three_processes_on_mysql_are_admitted_exactly",
        || Some(((), mysql_url()?)),
        mysql_at,
    );
}

/// Tables of a test's own.
fn postgres_url() -> Option<String> {
    Some(format!("{}?prefix={}", postgres_server()?.url(), prefix()))
}

fn mysql_url() -> Option<String> {
    Some(format!("{}?prefix={}", mariadb()?.url(), prefix()))
}

/// They hold nothing but the test's counters.
fn trial() -> Trial {
    Trial::alone().with_decisions(100)
}

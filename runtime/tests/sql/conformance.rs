//! What every store keeps.

use limitrate_testkit::conformance::Trial;

mod postgres {
    limitrate_testkit::conformance!({
        let Some(server) = crate::place::postgres() else { return };
        let url = format!("{}?prefix={}", server.url(), crate::place::prefix());
        (crate::place::postgres_at(&url).unwrap(), super::trial())
    });
}

mod mysql {
    limitrate_testkit::conformance!({
        let Some(server) = crate::place::mariadb() else { return };
        let url = format!("{}?prefix={}", server.url(), crate::place::prefix());
        (crate::place::mysql_at(&url).unwrap(), super::trial())
    });
}

/// Tables of a test's own hold nothing but its counters.
fn trial() -> Trial {
    Trial::alone().with_decisions(100)
}

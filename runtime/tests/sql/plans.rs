//! Every statement that charges and sweeps need finds its rows through an index, however many there are.

use crate::place::{mariadb, mysql_at, postgres, postgres_at, prefix};

#[test]
fn postgres_looks_rows_up() {
    let Some(server) = postgres() else { return };
    let prefix = prefix();
    let store = postgres_at(&format!("{}?prefix={prefix}", server.url())).unwrap();
    server
        .sql(&format!(
            "INSERT INTO {prefix}limitrate_v1_counters \
             SELECT decode(md5(number::text), 'hex'), '', number FROM generate_series(1, 20000) AS number; \
             ANALYZE {prefix}limitrate_v1_counters"
        ))
        .unwrap();
    let plans = store.wait(store.store().explain()).unwrap().join("\n");
    assert!(!plans.contains("Seq Scan") && !plans.contains("Sort"), "{plans}");
    for wanted in [
        "LockRows".to_owned(),
        format!("Tid Scan on {prefix}limitrate_v1_counters"),
        format!("Conflict Arbiter Indexes: {prefix}limitrate_v1_counters_pkey"),
        format!("Index Scan using {prefix}limitrate_v1_counters_pkey"),
        format!("Index Scan using {prefix}limitrate_v1_counters_idle"),
    ] {
        assert!(plans.contains(&wanted), "no {wanted} in {plans}");
    }
}

#[test]
fn mariadb_looks_rows_up() {
    let Some(server) = mariadb() else { return };
    let prefix = prefix();
    let store = mysql_at(&format!("{}?prefix={prefix}", server.url())).unwrap();
    server
        .sql(&format!(
            "INSERT INTO {prefix}limitrate_v1_counters SELECT UNHEX(MD5(seq)), x'', seq FROM seq_1_to_20000"
        ))
        .unwrap();
    let plans = store.wait(store.store().explain()).unwrap();
    assert_eq!(plans.len(), 4);
    for (plan, key) in plans.iter().zip(["PRIMARY", "PRIMARY", "idle", "PRIMARY"]) {
        assert!(plan.contains(r#""access_type": "range""#) && !plan.contains("filesort"), "{plan}");
        assert!(plan.contains(&format!(r#""key": "{key}""#)), "{plan}");
    }
}

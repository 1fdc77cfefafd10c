//! SQL servers over TLS: who is trusted, and what is said to whom nobody is.

use std::path::Path;

use limitrate_runtime::store::StoreError;
use limitrate_testkit::server::Certificate;

use crate::{
    faults::{Own, own_mariadb, own_postgres},
    place::THEN,
};

/// The address that servers have here.
const HERE: &str = "127.0.0.1";

#[test]
fn postgres_is_trusted_by_its_authority() {
    let start = |own: Option<&Certificate>| {
        let settings = own.map(|own| {
            let (file, key) = (own.certificate(), own.key());
            [format!("ssl_cert_file={}", file.display()), format!("ssl_key_file={}", key.display())]
        });
        let settings: Vec<&str> = settings.iter().flatten().map(String::as_str).collect();
        let ssl = own.map(|_| "ssl=on");
        own_postgres(&settings.into_iter().chain(ssl).collect::<Vec<_>>())
    };
    trust(&["postgres", "nobody"], start, "sslmode=verify-full&sslrootcert");
}

#[test]
fn mariadb_is_trusted_by_its_authority() {
    let start = |own: Option<&Certificate>| {
        let settings = own.map(|own| {
            let (file, key) = (own.certificate(), own.key());
            [format!("--ssl-cert={}", file.display()), format!("--ssl-key={}", key.display())]
        });
        if own.is_none() {
            return own_mariadb(&["--skip-ssl"]);
        }
        own_mariadb(&settings.iter().flatten().map(String::as_str).collect::<Vec<_>>())
    };
    trust(&["mysql", "nobody"], start, "ssl-mode=verify_identity&ssl-ca");
}

/// Starts servers with certificates of theirs, or without, and connects to them.
fn trust<S: Own>(users: &[&str], start: impl Fn(Option<&Certificate>) -> Option<S>, parameters: &str) {
    let certified = |name| Certificate::new(&[name], users).unwrap();
    let [own, other, elsewhere] = [HERE, HERE, "elsewhere"].map(certified);
    let connect = |server: &S, authority: &Path| {
        S::connect(&format!("{}?{parameters}={}", server.url(), authority.display()))
    };
    let told = |server: &S, authority: &Path| match connect(server, authority).err() {
        Some(StoreError::Address { what }) => what,
        other => panic!("{other:?}"),
    };
    let Some(server) = start(Some(&own)) else { return };
    assert!(connect(&server, &own.authority()).unwrap().charge_at(THEN, 1).unwrap());
    let what = told(&server, &other.authority());
    assert!(what.contains("signed by nobody who is trusted here: name the file of its authority"), "{what}");
    let nowhere = own.authority().with_file_name("nowhere.pem");
    let what = told(&server, &nowhere);
    assert!(what.contains(&format!("names the file {}, which cannot be read", nowhere.display())), "{what}");
    let server = start(Some(&elsewhere)).unwrap();
    let what = told(&server, &elsewhere.authority());
    assert!(what.contains("only valid for DnsName(\"elsewhere\")"), "{what}");
    let server = start(None).unwrap();
    let what = told(&server, &own.authority());
    assert!(what.contains("server does not support TLS"), "{what}");
}

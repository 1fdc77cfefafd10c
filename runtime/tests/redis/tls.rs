//! Redis over TLS: who is trusted, and what is said to whom nobody is.

use std::{error::Error as _, path::Path};

use limitrate_testkit::server::{Redis, RedisOptions, or_skip};

use crate::{connect, recovered, run, take, used};

/// A node with a certificate for this name.
fn node(name: &str) -> Option<Redis> {
    let certified = vec![name.to_owned()];
    let password = Some("opensesame".to_owned());
    or_skip(Redis::start(&RedisOptions { certified, password, ..RedisOptions::default() }))
}

fn url(node: &Redis, host: &str, authority: &Path) -> String {
    let port = node.tls_port().unwrap();
    format!("rediss://:opensesame@{host}:{port}?ca={}", authority.display())
}

/// What whoever connects is told, with what is behind it.
#[track_caller]
fn told(url: &str) -> String {
    let error = connect(url).err().unwrap();
    let (mut told, mut cause) = (format!("{}: {error}", error.word()), error.source());
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

#[test]
fn who_is_trusted_decides() {
    for name in ["localhost", "127.0.0.1"] {
        let Some(node) = node(name) else { return };
        let store = connect(&url(&node, name, &node.authority())).unwrap();
        take(&store, 1).unwrap();
        let clients = run(&node, "CLIENT LIST");
        let ours = clients.lines().find(|client| client.contains("lib-name=limitrate")).unwrap_or(&clients);
        assert!(ours.contains("resp=3"), "{clients}");
        assert_eq!(used(&store, 1), 1);
        node.restart().unwrap();
        recovered(&store, 1);
        assert_eq!(used(&store, 1), 1);
    }
}

#[test]
fn who_is_not_trusted_is_told_what_to_do() {
    let (Some(node), Some(other)) = (node("localhost"), node("localhost")) else { return };
    let told = |url: String, wanted: &str| {
        let told = told(&url);
        assert!(told.contains(wanted), "{url}: {told}");
        assert!(!told.contains("opensesame"), "{told}");
    };
    let nobody = "address: the store's address is wrong: its certificate is signed by nobody who is trusted here: \
                  name the file of its authority, as in `?ca=/path/of/the.pem`";
    told(url(&node, "localhost", &other.authority()), nobody);
    told(format!("rediss://:opensesame@localhost:{}", node.tls_port().unwrap()), nobody);
    told(url(&node, "127.0.0.1", &node.authority()), "only valid for DnsName(\"localhost\")");
    told(url(&node, "localhost", Path::new("/nowhere.pem")), "`/nowhere.pem` cannot be read");
    let wrong = url(&node, "localhost", &node.authority()).replace("opensesame", "hunter2");
    told(wrong, "denied: the store refuses access: WRONGPASS");
}

#[test]
fn who_speaks_otherwise_than_the_server_is_told_so() {
    let Some(node) = node("localhost") else { return };
    let plain = told(&format!("redis://:opensesame@localhost:{}", node.tls_port().unwrap()));
    assert!(plain.starts_with("unreachable") && plain.contains("write `rediss` for `redis`"), "{plain}");
    let secure = url(&node, "localhost", &node.authority());
    let secure = secure.replace(&node.tls_port().unwrap().to_string(), &node.port().to_string());
    let secure = told(&secure);
    assert!(secure.contains("write `redis` for `rediss`"), "{secure}");
}

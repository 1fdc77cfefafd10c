//! Servers start, suffer what is done to them, and go.
#![cfg(feature = "servers")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use limitrate_testkit::server::{
    ClusterOptions, Fault, MariaDb, MariaDbOptions, Postgres, PostgresOptions, Proxy, Redis, RedisCluster,
    RedisOptions, RedisSentinel, Toward, free_port, or_skip, until, within,
};

#[test]
fn a_redis_node_is_killed_stopped_and_started_again() {
    let Some(redis) = or_skip(Redis::start(&RedisOptions::default())) else { return };
    assert_eq!(redis.command(&["set", "a", "1"]).unwrap(), "OK");
    redis.daemon().suspend();
    assert!(redis.daemon().is_running() && !redis.answers());
    redis.daemon().resume();
    assert_eq!(redis.command(&["get", "a"]).unwrap(), "1");
    redis.daemon().kill();
    assert!(!redis.daemon().is_running() && !redis.answers());
    redis.restart().unwrap();
    assert_eq!(redis.command(&["get", "a"]).unwrap(), "");
    assert!(redis.socket().exists());
}

#[test]
fn a_redis_node_has_a_password_and_a_bound() {
    let options = RedisOptions {
        password: Some("secret".to_owned()),
        max_memory: Some("100kb".to_owned()),
        ..RedisOptions::default()
    };
    let Some(redis) = or_skip(Redis::start(&options)) else { return };
    assert!(redis.url().starts_with("redis://:secret@127.0.0.1:"));
    assert!(redis.command(&["set", "a", "1"]).unwrap().starts_with("OOM"));
    let stranger = redis.command(&["-a", "wrong", "get", "a"]).unwrap();
    assert!(stranger.contains("NOAUTH"), "{stranger}");
}

/// What the test below has this process do once more: it ends without dropping its server, and tells the port.
#[test]
#[ignore = "the other half of a test"]
fn a_process_leaves_its_server_behind() {
    let Some(redis) = or_skip(Redis::shared()) else { return };
    println!("port={}.", redis.port());
}

#[test]
fn servers_end_with_the_process_that_started_them() {
    let own = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "--nocapture", "a_process_leaves_its_server_behind"];
    let output = std::process::Command::new(own).args(arguments).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let Some((_, port)) = output.split_once("port=") else { return };
    let port: u16 = port.split('.').next().unwrap().parse().unwrap();
    until("nobody listens", || TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn six_redis_nodes_are_a_cluster_that_survives_the_loss_of_one() {
    let options = ClusterOptions { node_timeout_ms: 1_000, ..ClusterOptions::default() };
    let Some(cluster) = or_skip(RedisCluster::start(&options)) else { return };
    assert!(cluster.url().starts_with("redis+cluster://127.0.0.1:"));
    let lost = cluster.node_of_slot(0).unwrap();
    assert_eq!(lost.port(), cluster.nodes()[0].port());
    lost.daemon().kill();
    until("a copy has the slots of the lost node", || {
        cluster.node_of_slot(0).is_some_and(|node| node.port() != lost.port()) && cluster.is_whole()
    });
}

#[test]
fn a_sentinel_puts_the_copy_in_the_place_of_the_lost_node() {
    let Some(watched) = or_skip(RedisSentinel::start()) else { return };
    let [first, second] = watched.nodes();
    assert_eq!(watched.primary_port(), Some(first.port()));
    first.daemon().kill();
    until("the sentinel sends clients to the copy", || watched.primary_port() == Some(second.port()));
}

#[test]
fn postgres_keeps_what_it_was_told_when_it_is_killed() {
    let options = PostgresOptions { fsync: true, ..PostgresOptions::default() };
    let Some(postgres) = or_skip(Postgres::start(&options)) else { return };
    postgres.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)").unwrap();
    postgres.daemon().kill();
    assert!(!postgres.answers());
    postgres.restart().unwrap();
    assert_eq!(postgres.sql("SELECT a FROM t ORDER BY a").unwrap(), "1\n2");
    let apart = postgres.database().unwrap();
    assert!(postgres.sql_in(&apart, "SELECT * FROM t").is_err());
}

#[test]
fn mariadb_keeps_what_it_was_told_when_it_is_killed() {
    let options = MariaDbOptions { fsync: true, ..MariaDbOptions::default() };
    let Some(mariadb) = or_skip(MariaDb::start(&options)) else { return };
    mariadb.sql("CREATE TABLE t (a int) ENGINE=InnoDB; INSERT INTO t VALUES (1), (2)").unwrap();
    mariadb.daemon().kill();
    assert!(!mariadb.answers());
    mariadb.restart().unwrap();
    assert_eq!(mariadb.sql("SELECT a FROM t ORDER BY a").unwrap(), "1\n2");
    let apart = mariadb.database().unwrap();
    assert!(mariadb.sql_in(&apart, "SELECT * FROM t").is_err());
}

/// Answers every byte with the same byte.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut byte = [0];
                while let Ok(1) = stream.read(&mut byte) {
                    if stream.write_all(&byte).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

fn ask(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(text)?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_proxy_counts_what_goes_through_it() {
    let proxy = Proxy::before(echo()).unwrap();
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    for text in ["a", "bc", "def"] {
        assert_eq!(ask(&mut stream, text.as_bytes()).unwrap(), text.as_bytes());
    }
    assert_eq!((proxy.bytes(Toward::Server), proxy.bytes(Toward::Client)), (6, 6));
    assert_eq!((proxy.round_trips(), proxy.opened()), (3, 1));
}

#[test]
fn a_proxy_is_silent_for_a_while_and_then_passes_everything_on() {
    let proxy = Proxy::before(echo()).unwrap();
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    proxy.set(Fault::Silence);
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert!(ask(&mut stream, b"a").is_err());
    proxy.set(Fault::None);
    stream.set_read_timeout(None).unwrap();
    let mut late = [0];
    stream.read_exact(&mut late).unwrap();
    assert_eq!(&late, b"a");
    proxy.set(Fault::Delay(Duration::from_millis(30)));
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert!(ask(&mut stream, b"b").is_err());
}

#[test]
fn a_proxy_cuts_connections_with_a_reset() {
    let proxy = Proxy::before(echo()).unwrap();
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    assert!(ask(&mut stream, b"a").is_ok());
    proxy.cut();
    let reset = ask(&mut stream, b"b").unwrap_err();
    assert!(matches!(reset.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe));
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    proxy.cut_after(Toward::Client, 2);
    let mut answer = Vec::new();
    stream.write_all(b"abcd").unwrap();
    assert!(stream.read_to_end(&mut answer).is_err());
    assert!(answer.len() <= 2);
    proxy.set(Fault::Refuse);
    let refused = TcpStream::connect(proxy.address()).and_then(|mut stream| ask(&mut stream, b"a"));
    assert!(refused.is_err());
    proxy.set(Fault::None);
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    assert!(ask(&mut stream, b"a").is_ok());
}

#[test]
fn ports_are_handed_out_once() {
    assert_ne!(free_port(), free_port());
    assert!(!within(Duration::ZERO, || false));
}

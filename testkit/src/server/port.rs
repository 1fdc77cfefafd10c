//! Ports that nobody listens on.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, TcpListener},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// Below what systems hand out to outgoing connections, which could take a port before its server does.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// A free loopback port, which this process has not handed out before. Other processes begin elsewhere.
#[must_use]
pub fn free() -> u16 {
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| {
        let [low, high, ..] = RandomState::new().hash_one(()).to_le_bytes();
        AtomicU32::new(u16::from_le_bytes([low, high]).into())
    });
    let candidates = (0..COUNT).map(|_| NEXT.fetch_add(1, Relaxed) % u32::from(COUNT));
    let mut ports = candidates.filter_map(|offset| Some(FIRST + u16::try_from(offset).ok()?));
    // Where none is free, the server says so.
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).unwrap_or(FIRST)
}

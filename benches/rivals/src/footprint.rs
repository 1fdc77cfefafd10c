//! Memory. Each figure is taken by a process of its own, so that nothing else is in it.

use std::{env, fs, hint::black_box, net::Ipv4Addr, process::Command, sync::Arc};

use limitrate::prelude::{Engine, Limiter, Value};

use crate::{
    memory::{self, Keyed as _, Rate, keys::USERS},
    policies,
    rules::rules,
};

/// The option by which this program asks itself for a figure.
pub const OPTION: &str = "--footprint";

/// A figure of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footprint {
    /// What is resident of a process with 100 000 visitors of the example website.
    Website,
    /// What a key costs of a million, under one limit in a bucket.
    Key,
    /// The same in governor.
    GovernorKey,
    /// The machine code and the tables of 1 000 rules.
    Policy,
}

impl Footprint {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Website, "website"),
        (Self::Key, "key"),
        (Self::GovernorKey, "governor-key"),
        (Self::Policy, "policy"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(footprint, _)| *footprint == self).map_or("", |(_, name)| name)
    }

    /// Runs this program again to take the figure, in bytes.
    pub fn take(self) -> f64 {
        let this = env::current_exe().unwrap();
        let output = Command::new(this).args([OPTION, self.name()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
    }
}

/// Prints the figure of this name.
pub fn print(name: &str) {
    let footprint = Footprint::ALL.iter().find(|(_, known)| *known == name);
    let bytes = match footprint.unwrap_or_else(|| panic!("no footprint is called {name}")).0 {
        Footprint::Website => website(),
        Footprint::Key => {
            grown(|| {
                let ours = memory::ours::one(Rate::Open);
                filled(|key| assert!(ours.allows(key)));
                ours
            }) / USERS
        }
        Footprint::GovernorKey => {
            grown(|| {
                let governor = memory::governor::as_shipped(Rate::Open);
                filled(|key| assert!(governor.allows(key)));
                governor
            }) / USERS
        }
        Footprint::Policy => policy(),
    };
    println!("{bytes}");
}

fn website() -> usize {
    let text = include_str!("../../../examples/website.rl");
    let limiter = Limiter::new(Arc::new(policies::ours::compile(text, Engine::Native)));
    let facts = ["ip", "method", "path", "body_size"].map(|name| limiter.fact(name).unwrap());
    for number in 0..100_000_u32 {
        let ip = Ipv4Addr::from(0x0A00_0000 + number);
        let values = [Value::Ip(ip.into()), Value::Str("GET"), Value::Str("/blog/post"), Value::Int(0)];
        let facts: Vec<_> = facts.into_iter().zip(values).collect();
        assert!(limiter.decide(&facts).outcome().passes());
    }
    let resident = resident();
    drop(black_box(limiter));
    resident
}

/// By how much the resident memory grows.
fn grown<T>(make: impl FnOnce() -> T) -> usize {
    let before = resident();
    let made = make();
    let after = resident();
    drop(black_box(made));
    after - before
}

fn filled(mut check: impl FnMut(&String)) {
    let mut writer = memory::keys::Writer::default();
    (0..USERS as u32).for_each(|user| check(writer.key(user)));
}

fn policy() -> usize {
    let text = policies::ours::text(&rules(1_000));
    drop(policies::ours::compile(&text, Engine::Native)); // what is made once in a process is not this policy's
    let before = allocated();
    let policy = policies::ours::compile(&text, Engine::Native);
    allocated() - before + policy.code_size()
}

/// The resident memory of this process, in bytes.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

/// What is allocated now, in bytes.
#[expect(unsafe_code, reason = "the C library says what it has handed out")]
fn allocated() -> usize {
    // SAFETY: the function has no requirements; it fills a struct that it returns.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

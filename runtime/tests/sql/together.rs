//! Many processes on the same counters: what is admitted is exact, and nobody waits in a circle.

use std::{
    env,
    process::{Command, Stdio},
    thread,
};

use limitrate_core::{charge::Charge, time::Timestamp};

use crate::place::{AHEAD, Beside, THEN, charge, mariadb, mysql_at, postgres, postgres_at, prefix};

/// Where the processes find the store.
const URL: &str = "LIMITRATE_TEST_STORE";

const PROCESSES: usize = 4;
const THREADS: u64 = 16;
const DECISIONS: u64 = 12;

/// Rows may be missing for those who call long ago, and are known to be there for those far ahead: they are locked in two ways.
const INSTANTS: [Timestamp; 2] = [THEN, AHEAD];

/// Counters of which each decision charges eight; every third is full long before the end.
const COUNTERS: usize = 12;
const CEILINGS: [i64; 3] = [100_000, 100_000, 400];

#[test]
fn postgres_is_exact_under_64_writers_in_4_processes_and_meets_no_deadlock() {
    let Some(server) = postgres() else { return };
    for now in INSTANTS {
        let url = format!("{}?prefix={}", server.url(), prefix());
        compete(&url, &postgres_at(&url).unwrap(), now);
    }
    let deadlocks = server.sql("SELECT sum(deadlocks) FROM pg_stat_database").unwrap();
    assert_eq!(deadlocks, "0");
}

#[test]
fn mariadb_is_exact_under_64_writers_in_4_processes_and_meets_no_deadlock() {
    let Some(server) = mariadb() else { return };
    for now in INSTANTS {
        let url = format!("{}?prefix={}", server.url(), prefix());
        compete(&url, &mysql_at(&url).unwrap(), now);
    }
    let deadlocks = server.sql("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'").unwrap();
    assert_eq!(deadlocks.split_whitespace().last(), Some("0"), "{deadlocks}");
}

fn compete(url: &str, store: &dyn Beside, now: Timestamp) {
    let own = env::current_exe().unwrap();
    let running: Vec<_> = (0..PROCESSES)
        .map(|process| {
            let mut command = Command::new(&own);
            command.args(["--ignored", "--exact", "--nocapture", "together::one_of_several_processes"]);
            command.env(URL, format!("{process} {} {url}", now.0)).stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut admitted = [0; COUNTERS];
    for process in running {
        let output = process.wait_with_output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let (_, told) = output.split_once("admitted=").unwrap_or_else(|| panic!("{output}"));
        let told = told.split_once('.').unwrap().0.split(',').map(|count| count.parse::<i64>().unwrap());
        admitted.iter_mut().zip(told).for_each(|(sum, count)| *sum += count);
    }
    let mut full = 0;
    for (number, admitted) in (0..).zip(admitted) {
        assert_eq!(store.used(now, number).unwrap(), Some(admitted), "counter {number}");
        assert!(admitted <= ceiling(number), "counter {number}");
        full += u64::from(admitted == ceiling(number));
    }
    assert!(full > 0 && admitted.iter().sum::<i64>() > 0, "{admitted:?}");
}

fn ceiling(number: u64) -> i64 {
    CEILINGS[index(number) % CEILINGS.len()]
}

/// What the tests above have other processes do.
#[test]
#[ignore = "a part of other tests"]
fn one_of_several_processes() {
    let Ok(told) = env::var(URL) else { return };
    let [process, now, url] = told.split(' ').collect::<Vec<_>>()[..] else { panic!("{told}") };
    let (process, now) = (process.parse().unwrap(), Timestamp(now.parse().unwrap()));
    let admitted = match url.starts_with("postgres") {
        true => admitted(process, now, &postgres_at(url).unwrap()),
        false => admitted(process, now, &mysql_at(url).unwrap()),
    };
    let admitted: Vec<String> = admitted.iter().map(ToString::to_string).collect();
    println!("admitted={}.", admitted.join(","));
}

fn admitted(process: u64, now: Timestamp, store: &dyn Beside) -> [u64; COUNTERS] {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let mut random = 1 + process * THREADS + thread;
                    let mut admitted = [0; COUNTERS];
                    for _ in 0..DECISIONS {
                        let numbers = eight(&mut random);
                        let charges: Vec<Charge<'_>> =
                            numbers.iter().map(|number| charge(*number, ceiling(*number))).collect();
                        if store.charge(now, &charges).unwrap() {
                            numbers.iter().for_each(|number| admitted[index(*number)] += 1);
                        }
                    }
                    admitted
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold([0; COUNTERS], |mut sum, part| {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            sum
        })
    })
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

/// Eight counters in any order.
fn eight(random: &mut u64) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..).take(COUNTERS).collect();
    numbers.sort_by_key(|_| {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *random >> 33
    });
    numbers.truncate(8);
    numbers
}

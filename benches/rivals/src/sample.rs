//! Timing: contenders run in turns, so that what disturbs the machine disturbs all of them, and medians are compared.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// Something to be timed: does so many operations, and says how long they took.
pub struct Contender<'a> {
    name: &'static str,
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// One thread that does one operation at a time.
    pub fn new(name: &'static str, mut operation: impl FnMut() + 'a) -> Self {
        Self::batches(name, move |count| (0..count).for_each(|_| operation()))
    }

    /// One thread that does `count` operations when asked to.
    pub fn batches(name: &'static str, mut operations: impl FnMut(u64) + 'a) -> Self {
        let run = move |count| {
            let start = Instant::now();
            operations(count);
            start.elapsed()
        };
        Self { name, run: Box::new(run) }
    }

    /// Two threads that do `count` operations each, at once; `operations` gets the number of its thread.
    pub fn on_two_threads(name: &'static str, operations: impl Fn(usize, u64) + Sync + 'a) -> Self {
        let run = move |count| {
            let (barrier, operations) = (Barrier::new(2), &operations);
            let timed = |thread| {
                barrier.wait();
                let start = Instant::now();
                operations(thread, count);
                start.elapsed()
            };
            thread::scope(|scope| {
                let other = scope.spawn(|| timed(1));
                let own = timed(0);
                (own + other.join().unwrap()) / 2
            })
        };
        Self { name, run: Box::new(run) }
    }
}

/// What one contender needed for an operation, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    pub name: &'static str,
    pub median: f64,
    /// From the first to the third quartile, as a share of the median.
    pub spread: f64,
}

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub samples: usize,
    pub sample: Duration,
    /// How many operations, at least, bring back to the caches what other contenders drove out.
    pub warm_up: u64,
}

/// Times the contenders in turns.
pub fn measure(effort: Effort, mut contenders: Vec<Contender<'_>>) -> Vec<Figure> {
    let counts: Vec<u64> =
        contenders.iter_mut().map(|contender| calibrated(effort.sample, &mut contender.run)).collect();
    let mut samples = vec![Vec::new(); contenders.len()];
    for round in 0..effort.samples {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            (contenders[at].run)(effort.warm_up.max(counts[at] / 2));
            let elapsed = (contenders[at].run)(counts[at]);
            samples[at].push(elapsed.as_secs_f64() * 1e9 / counts[at] as f64);
        }
    }
    contenders.iter().zip(samples).map(|(contender, samples)| figure(contender.name, samples)).collect()
}

/// How many operations fill a sample.
fn calibrated(sample: Duration, run: &mut dyn FnMut(u64) -> Duration) -> u64 {
    let mut count = 1;
    loop {
        let elapsed = run(count);
        if elapsed >= sample / 4 {
            return ((count as f64 * sample.as_secs_f64() / elapsed.as_secs_f64()) as u64).max(1);
        }
        count *= 2;
    }
}

fn figure(name: &'static str, mut samples: Vec<f64>) -> Figure {
    samples.sort_by(f64::total_cmp);
    let at = |share: f64| samples[((samples.len() - 1) as f64 * share).round() as usize];
    Figure { name, median: at(0.5), spread: (at(0.75) - at(0.25)) / at(0.5) }
}

//! The keys of a million users, and the orders in which they come.

use crate::random::Random;

/// How many users there are.
pub const USERS: usize = 1_000_000;

/// Of which length the recorded orders are; they are gone through again and again.
const LENGTH: usize = 1 << 22;

/// The key of the one hot user.
pub const HOT: &str = "user-0123456789abcdefabc";

/// In which order users come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Uniform,
    /// With exponent 0.99, as YCSB has it.
    Zipf,
}

/// A recorded order.
pub fn recorded(order: Order, seed: u64) -> Vec<u32> {
    let mut random = Random::new(seed);
    match order {
        Order::Uniform => (0..LENGTH).map(|_| random.below(USERS) as u32).collect(),
        Order::Zipf => {
            let zipf = Zipf::new(USERS, 0.99);
            // The busiest users stand anywhere, not side by side; the factor shares no divisor with USERS.
            (0..LENGTH).map(|_| (zipf.rank(&mut random) * 611_953 % USERS) as u32).collect()
        }
    }
}

/// Ranks by a power law, by the method of Gray and others, "Quickly generating billion-record synthetic databases".
struct Zipf {
    count: f64,
    theta: f64,
    alpha: f64,
    zeta: f64,
    eta: f64,
}

impl Zipf {
    fn new(count: usize, theta: f64) -> Self {
        let zeta = |count: usize| (1..=count).map(|rank| (rank as f64).powf(-theta)).sum::<f64>();
        let (whole, two) = (zeta(count), zeta(2));
        let eta = (1.0 - (2.0 / count as f64).powf(1.0 - theta)) / (1.0 - two / whole);
        Self { count: count as f64, theta, alpha: 1.0 / (1.0 - theta), zeta: whole, eta }
    }

    fn rank(&self, random: &mut Random) -> usize {
        let u = (random.next() & 0xFFFF_FFFF) as f64 / (1_u64 << 32) as f64;
        let uz = u * self.zeta;
        if uz < 1.0 {
            0
        } else if uz < 1.0 + 0.5_f64.powf(self.theta) {
            1
        } else {
            ((self.count * (self.eta * u - self.eta + 1.0).powf(self.alpha)) as usize).min(USERS - 1)
        }
    }
}

/// Writes keys of 24 bytes, as parsing a request would leave them.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
}

impl Writer {
    pub fn key(&mut self, user: u32) -> &String {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let mut digits = [0_u8; 8];
        for (at, digit) in digits.iter_mut().enumerate() {
            *digit = DIGITS[(user >> (28 - 4 * at)) as usize & 15];
        }
        self.text.clear();
        self.text.push_str("user-01234567890");
        self.text.push_str(str::from_utf8(&digits).unwrap());
        &self.text
    }
}

//! Where the stores of the tests are: a server that all share, or one of the test's own.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    Call, ClockOf, MySqlOptions, MySqlStore, PostgresOptions, PostgresStore, Store, StoreError, Ticket,
};
use limitrate_testkit::{
    Blocking,
    server::{MariaDb, Postgres, Proxy, or_skip},
};

/// A window that begins with the first charge.
pub(crate) const FIXED: Algorithm = Algorithm::FixedWindow(Window::Rolling(Nanos::from_secs(60)));

/// An instant long ago: by the server's clock, all that was done then is idle.
pub(crate) const THEN: Timestamp = Timestamp(1_000_000_000_000_000_000);

/// An instant far ahead: by the server's clock, nothing that was done then is idle, so its rows are known to be there.
pub(crate) const AHEAD: Timestamp = Timestamp(4_000_000_000_000_000_000);

/// A call of somebody who has time: tests share machines with others.
pub(crate) fn at(now: Timestamp) -> Call {
    Call { deadline: Duration::from_secs(10), ..Call::at(now, Ticket(0)) }
}

/// Servers that all tests of this process use.
pub(crate) fn postgres() -> Option<&'static Postgres> {
    or_skip(Postgres::shared())
}

pub(crate) fn mariadb() -> Option<&'static MariaDb> {
    or_skip(MariaDb::shared())
}

/// A prefix that no other test has, so that each has tables of its own.
pub(crate) fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}_", NEXT.fetch_add(1, Relaxed))
}

/// A store at an address, on a runtime of its own.
pub(crate) fn postgres_at(url: &str) -> Result<Blocking<PostgresStore>, StoreError> {
    let options = PostgresOptions::from_url(url)?;
    Blocking::connect(PostgresStore::connect(options))
}

pub(crate) fn mysql_at(url: &str) -> Result<Blocking<MySqlStore>, StoreError> {
    let options = MySqlOptions::from_url(url)?;
    Blocking::connect(MySqlStore::connect(options))
}

/// One of the servers.
pub(crate) trait Server {
    /// Its address.
    fn url(&self) -> String;
    /// Its address for those who come over a proxy.
    fn url_over(&self, proxy: &Proxy) -> String;
    /// Runs statements.
    fn sql(&self, statements: &str) -> String;
    /// A condition on rows: those of a counter.
    fn is_key(counter: CounterKey) -> String;
    /// A store there.
    fn connect(url: &str) -> Result<Box<dyn Beside>, StoreError>;
}

/// A store and what drives it.
pub(crate) trait Beside: Send + Sync {
    /// Charges one on a counter with a ceiling of three, by the caller's clock.
    fn charge_at(&self, now: Timestamp, number: u64) -> Result<bool, StoreError>;
    /// Charges by the caller's clock.
    fn charge(&self, now: Timestamp, charges: &[Charge<'_>]) -> Result<bool, StoreError>;
    /// As `charge`, but with a deadline.
    fn charge_within(&self, deadline: Duration, charges: &[Charge<'_>]) -> Result<bool, StoreError>;
    /// As `charge_at`, on three counters by three callers at once, who have so long.
    fn charge_together(&self, deadline: Duration, numbers: [u64; 3]) -> [Result<bool, StoreError>; 3];
    /// Forgets a counter.
    fn reset(&self, number: u64) -> Result<bool, StoreError>;
    /// How many keys a snapshot tells.
    fn told(&self) -> Result<usize, StoreError>;
    /// The instant that a call of a caller with another clock is judged at.
    fn judged_at(&self, caller: Timestamp) -> Result<Timestamp, StoreError>;
    /// What is in use of a counter.
    fn used(&self, now: Timestamp, number: u64) -> Result<Option<i64>, StoreError>;
    /// How many keys are kept.
    fn len(&self) -> Result<usize, StoreError>;
    /// The secret of the keys.
    fn secret(&self) -> Result<u64, StoreError>;
    /// Drops what is idle.
    fn sweep(&self) -> Result<usize, StoreError>;
    /// Closes it.
    fn close(&self) -> Result<(), StoreError>;
}

macro_rules! beside {
    ($store:ty) => {
        impl Beside for Blocking<$store> {
            fn charge_at(&self, now: Timestamp, number: u64) -> Result<bool, StoreError> {
                Beside::charge(self, now, &[charge(number, 3)])
            }

            fn charge(&self, now: Timestamp, charges: &[Charge<'_>]) -> Result<bool, StoreError> {
                let charged = self.store().charge(at(now), charges);
                self.wait(charged).map(|charged| charged.taken)
            }

            fn charge_within(&self, deadline: Duration, charges: &[Charge<'_>]) -> Result<bool, StoreError> {
                let charged = self.store().charge(Call { deadline, ..at(THEN) }, charges);
                self.wait(charged).map(|charged| charged.taken)
            }

            fn charge_together(
                &self,
                deadline: Duration,
                numbers: [u64; 3],
            ) -> [Result<bool, StoreError>; 3] {
                let charges = numbers.map(|number| [charge(number, 3)]);
                let call = Call { deadline, ..at(THEN) };
                let [a, b, c] = charges.each_ref().map(|charges| self.store().charge(call, charges));
                let (a, b, c) = self.wait(async { tokio::join!(a, b, c) });
                [a, b, c].map(|charged| charged.map(|charged| charged.taken))
            }

            fn reset(&self, number: u64) -> Result<bool, StoreError> {
                self.wait(self.store().reset(at(THEN), counter(number)))
            }

            fn told(&self) -> Result<usize, StoreError> {
                let mut told = 0;
                let mut tell = |_| told += 1;
                self.wait(self.store().snapshot(at(THEN), &mut tell))?;
                Ok(told)
            }

            fn judged_at(&self, caller: Timestamp) -> Result<Timestamp, StoreError> {
                let call = Call { clock: ClockOf::Store, ..at(caller) };
                let charges = [charge(0, 1_000)];
                let charged = self.store().charge(call, &charges);
                self.wait(charged).map(|charged| charged.now)
            }

            fn used(&self, now: Timestamp, number: u64) -> Result<Option<i64>, StoreError> {
                self.wait(self.store().used(at(now), counter(number), &FIXED))
            }

            fn len(&self) -> Result<usize, StoreError> {
                self.wait(self.store().len())
            }

            fn secret(&self) -> Result<u64, StoreError> {
                self.wait(self.store().secret()).map(Option::unwrap)
            }

            fn sweep(&self) -> Result<usize, StoreError> {
                self.wait(self.store().sweep())
            }

            fn close(&self) -> Result<(), StoreError> {
                self.wait(self.store().close())
            }
        }
    };
}
beside!(PostgresStore);
beside!(MySqlStore);

impl Server for Postgres {
    fn url(&self) -> String {
        Self::url(self)
    }

    fn url_over(&self, proxy: &Proxy) -> String {
        self.url_at(proxy.address(), "postgres")
    }

    fn sql(&self, statements: &str) -> String {
        Self::sql(self, statements).unwrap()
    }

    fn is_key(counter: CounterKey) -> String {
        format!("key = '\\x{:032x}'", counter.0)
    }

    fn connect(url: &str) -> Result<Box<dyn Beside>, StoreError> {
        Ok(Box::new(postgres_at(url)?))
    }
}

impl Server for MariaDb {
    fn url(&self) -> String {
        Self::url(self)
    }

    fn url_over(&self, proxy: &Proxy) -> String {
        self.url_at(proxy.address(), "limits")
    }

    fn sql(&self, statements: &str) -> String {
        Self::sql(self, statements).unwrap()
    }

    fn is_key(counter: CounterKey) -> String {
        format!("`key` = x'{:032x}'", counter.0)
    }

    fn connect(url: &str) -> Result<Box<dyn Beside>, StoreError> {
        Ok(Box::new(mysql_at(url)?))
    }
}

/// A charge of one on a counter.
pub(crate) fn charge(number: u64, ceiling: i64) -> Charge<'static> {
    let terms = Terms { ceiling, burst: ceiling, starting: None };
    Charge::new(counter(number), CounterKey(0), &FIXED, terms, 1)
}

/// A counter's name.
pub(crate) fn counter(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 7)
}

//! A store that is asked over proxies, and what each of its calls took on the wire.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use limitrate::{
    core::{
        algorithm::{Algorithm, Terms},
        charge::{Charge, Mode},
        key::CounterKey,
    },
    prelude::*,
    runtime::store::{
        Answer, Call, Charged, ClockOf, Kept, Lease, RedisOptions, RedisStore, RequestId, Settlement,
        Settlements, Store, StoreError, Ticket,
    },
};
use limitrate_testkit::server::{ClusterOptions, Proxy, Redis, RedisCluster, or_skip, until};

const LEASE: Algorithm = Algorithm::InFlight(Nanos::from_secs(60));

/// What a script counts with: amounts and spans beyond it are for wider arithmetic.
const WIDEST: i128 = 1 << 52;

/// Servers whose clients come to them through proxies.
pub(crate) struct Watched {
    pub(crate) url: String,
    proxies: Arc<[Proxy]>,
    _servers: Servers,
}

#[expect(dead_code, reason = "they are there as long as this is")]
enum Servers {
    Cluster(RedisCluster),
    Node(Redis),
}

impl Watched {
    /// A Cluster of three nodes.
    pub(crate) fn cluster() -> Option<Self> {
        let options = ClusterOptions { node_timeout_ms: 15_000, ..ClusterOptions::default() };
        let cluster = or_skip(RedisCluster::start(&options))?;
        let (masters, copies) = cluster.nodes().split_at(3);
        // They would copy through the proxies as well.
        copies.iter().for_each(|node| node.daemon().kill());
        let before = |node: &Redis| {
            let proxy = Proxy::before(node.address()).unwrap();
            let port = proxy.address().port().to_string();
            node.command(&["CONFIG", "SET", "cluster-announce-port", &port]).unwrap();
            proxy
        };
        let proxies: Arc<[Proxy]> = masters.iter().map(before).collect();
        let tells_all = |node: &Redis| {
            let told = node.command(&["CLUSTER", "SLOTS"]).unwrap();
            proxies.iter().all(|proxy| told.contains(&proxy.address().port().to_string()))
        };
        until("all nodes tell the proxies", || masters.iter().all(tells_all));
        let hosts: Vec<String> = proxies.iter().map(|proxy| proxy.address().to_string()).collect();
        let url = format!("redis+cluster://{}", hosts.join(","));
        Some(Self { url, proxies, _servers: Servers::Cluster(cluster) })
    }

    /// One node.
    pub(crate) fn node() -> Option<Self> {
        let node = or_skip(Redis::start(&limitrate_testkit::server::RedisOptions::default()))?;
        let proxy = Proxy::before(node.address()).unwrap();
        let url = node.url_at(proxy.address());
        Some(Self { url, proxies: Arc::new([proxy]), _servers: Servers::Node(node) })
    }

    /// A store on them whose connections are made already.
    pub(crate) async fn connect(&self) -> Counting {
        let url = RedisOptions::from_url(&self.url).unwrap();
        // Journals are looked at some other time.
        let options = RedisOptions { give_back_after: Duration::from_secs(3_600), ..url };
        let store = RedisStore::connect(options).await.unwrap();
        let counting = Counting { store, proxies: Arc::clone(&self.proxies), seen: Mutex::default() };
        counting.warm_up().await;
        counting
    }
}

/// A Redis store, with what each of its decisions took.
#[derive(Debug)]
pub(crate) struct Counting {
    store: RedisStore,
    proxies: Arc<[Proxy]>,
    seen: Mutex<Vec<Seen>>,
}

/// What one decision asked for, and took.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) trips: u64,
    /// How many groups its charges are of.
    pub(crate) groups: u64,
    /// How many groups have a charge that may refuse.
    pub(crate) refusing: u64,
    pub(crate) taken: bool,
    /// How many charges warned.
    pub(crate) warned: u64,
    /// How many may have, before what they took was undone.
    pub(crate) may_have_warned: u64,
    /// How many charges are under a block.
    pub(crate) blocked: u64,
    /// Whether all of its charges are on buckets and windows, without marks to warn at.
    pub(crate) is_plain: bool,
    /// Whether it has charges that are none for a script.
    pub(crate) is_wide: bool,
}

impl Counting {
    /// Has all servers know all scripts, and the store look at what it looks at after connecting.
    async fn warm_up(&self) {
        let span = Algorithm::SlidingWindow(Nanos::from_secs(60));
        let terms = Terms { ceiling: 1_000, burst: 0, starting: None };
        let at = |group| {
            let counter = CounterKey(1).in_group(group);
            Charge::new(counter, counter, &span, terms, 1)
        };
        let call = Call {
            clock: ClockOf::Store,
            deadline: Duration::from_secs(10),
            ..Call::at(SystemClock.now(), Ticket(1))
        };
        for number in 0..48 {
            let (first, second) = (at(number * 1_021), at(60_000 - number * 1_019));
            for charges in [vec![first], vec![first, second], vec![first, Charge { cost: 2_000, ..second }]] {
                self.store.charge(call, &charges).await.unwrap();
            }
            let named = Call { request: Some(RequestId(number.into())), ..call };
            let lease = Charge { algorithm: &LEASE, counter: first.counter.beside(1, 1), ..first };
            for (call, charge) in [(call, lease), (named, first), (named, lease)] {
                self.store.charge(call, &[charge]).await.unwrap();
            }
        }
    }

    fn trips(&self) -> u64 {
        self.proxies.iter().map(Proxy::round_trips).sum()
    }

    /// What was seen since it was last asked for.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    async fn counted(&self, call: Call, charges: &[Charge<'_>]) -> Result<Charged, StoreError> {
        let before = self.trips();
        let charged = self.store.charge(call, charges).await?;
        let trips = self.trips() - before;
        let groups = |is_meant: fn(&Charge<'_>) -> bool| {
            let meant = charges.iter().filter(|charge| is_meant(charge));
            count(meant.map(|charge| charge.counter.group()).collect::<BTreeSet<_>>())
        };
        let seen = Seen {
            trips,
            groups: groups(|_| true),
            refusing: groups(|charge| charge.mode != Mode::Shadow),
            taken: charged.taken,
            warned: count(charged.verdicts.iter().filter(|verdict| verdict.warned.is_some())),
            may_have_warned: count(charges.iter().filter(|charge| !charged.taken && !charge.warn.is_empty())),
            blocked: count(charged.verdicts.iter().filter(|verdict| verdict.blocked)),
            is_plain: charges.iter().all(|charge| {
                let is_list = matches!(charge.algorithm, Algorithm::SlidingLog(_) | Algorithm::InFlight(_));
                !is_list && charge.warn.is_empty()
            }),
            is_wide: charges.iter().enumerate().any(|(index, charge)| {
                is_wide(charge) || charges[..index].iter().any(|other| other.counter == charge.counter)
            }),
        };
        self.seen.lock().unwrap().push(seen);
        Ok(charged)
    }
}

fn count<T>(items: impl IntoIterator<Item = T>) -> u64 {
    u64::try_from(items.into_iter().count()).unwrap()
}

/// Whether a charge is none for a script, as the guide lists them.
fn is_wide(charge: &Charge<'_>) -> bool {
    let Terms { ceiling, burst, starting } = charge.terms;
    let (span, most) = match charge.algorithm {
        Algorithm::FixedWindow(_) => (0, ceiling),
        Algorithm::SlidingLog(span) | Algorithm::SlidingWindow(span) | Algorithm::InFlight(span) => {
            (span.0, ceiling)
        }
        Algorithm::Bucket(span) => (span.0, burst.max(ceiling)),
    };
    let full = i128::from(span) * i128::from(burst.max(1)) / i128::from(ceiling.max(1));
    let amounts = [charge.cost, ceiling, burst, starting.unwrap_or(0), span];
    amounts.iter().any(|amount| i128::from(*amount) > WIDEST)
        || full > WIDEST
        || charge.hold.is_some() && charge.cost <= 0
        || charge.mode == Mode::Soft && (!(0..=most).contains(&charge.cost) || ceiling <= 0)
}

impl Store for Counting {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        Box::pin(self.counted(call, charges))
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        Store::settle(&self.store, call, settlements)
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        Store::release(&self.store, call, leases)
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.store.refund(call, charge)
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        self.store.used(call, counter, algorithm)
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.store.set_used(call, counter, algorithm, used)
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.store.reset(call, counter)
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        self.store.snapshot(call, tell)
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        self.store.restore(call, kept)
    }

    fn len(&self) -> Answer<'_, usize> {
        self.store.len()
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        self.store.secret()
    }

    fn is_grouped(&self) -> bool {
        self.store.is_grouped()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.store.close()
    }
}

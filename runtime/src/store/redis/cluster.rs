//! The nodes of a Cluster, and which slots they keep.
//!
//! A call goes to the node that kept its slot when the map was last asked for. A node that keeps it no longer says so, having done
//! nothing; the call goes on to where that points, and the map is asked for again. What was sent and not answered is not sent
//! again: nobody knows whether it was done. That is why the driver's own Cluster client is not used, which does so.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use redis::{Cmd, Value, cluster_routing::Slot};
use tokio::{runtime::Handle, time::sleep};

use super::{
    fault::Failure,
    link::{Link, Target, Until},
    options::{Host, RedisOptions},
};
use crate::store::StoreError;

/// How many times a call is sent on at most.
const MOST_REDIRECTIONS: usize = 64;

/// How long a call waits whose keys are on their way, before it is tried again; after each further time twice as long.
const MOVING_PAUSE: Duration = Duration::from_millis(2);

/// The longest of these waits.
const LONGEST_MOVING_PAUSE: Duration = Duration::from_millis(32);

/// How long a node is waited for that is asked for the map.
const MAP_DEADLINE: Duration = Duration::from_millis(500);

/// How many nodes are asked for the map that kept slots before.
const MOST_FORMER: usize = 16;

/// How many slots there are.
const SLOTS: usize = 16_384;

/// Which node keeps which slot.
#[derive(Debug, Default)]
struct Map {
    slots: HashMap<Slot, Link>,
    masters: Vec<Link>,
}

#[derive(Debug)]
struct Inner {
    options: RedisOptions,
    seeds: Vec<Host>,
    runtime: Handle,
    /// The nodes that keep any slot, those that can be asked for the map, and those that a call was sent on to since then.
    links: Mutex<HashMap<Host, Link>>,
    /// Nodes that kept slots before, the last ones first: maybe they know who does now.
    former: Mutex<VecDeque<Host>>,
    map: ArcSwap<Map>,
    asking: tokio::sync::Mutex<()>,
    is_asking: AtomicBool,
    generation: AtomicU64,
    is_closed: AtomicBool,
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub(super) struct Cluster(Arc<Inner>);

impl Cluster {
    pub(super) fn new(options: RedisOptions, seeds: &[Host], runtime: Handle) -> Result<Self, StoreError> {
        // What is wrong with the options shows here, not at the first call.
        Target::of(&options)?;
        Ok(Self(Arc::new(Inner {
            options,
            seeds: seeds.to_vec(),
            runtime,
            links: Mutex::default(),
            former: Mutex::default(),
            map: ArcSwap::default(),
            asking: tokio::sync::Mutex::default(),
            is_asking: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
        })))
    }

    /// Sends a command to the node that keeps a slot, wherever that is by now.
    pub(super) async fn call(&self, slot: Slot, command: &Cmd, until: Until) -> Result<Value, Failure> {
        let mut link = self.link_of(slot, until).await?;
        let (mut asking, mut was_unreachable) = (false, false);
        let (mut redirections, mut pause) = (0, MOVING_PAUSE);
        loop {
            let failure = match link.call(command, asking, until).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match &failure {
                Failure::Moved(host) => {
                    self.ask_in_background();
                    (link, asking) = (self.link(host)?, false);
                }
                Failure::Ask(host) => (link, asking) = (self.link(host)?, true),
                // Nothing was done, which is said while somebody still listens.
                Failure::TryAgain if until.or_after(pause) == until => return Err(failure),
                Failure::TryAgain => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_MOVING_PAUSE);
                    continue;
                }
                Failure::Store(StoreError::Unreachable(_)) if !was_unreachable => {
                    // Nothing was sent. Its replica may have taken over.
                    was_unreachable = true;
                    self.ask(until).await?;
                    (link, asking) = (self.link_of(slot, until).await?, false);
                }
                Failure::Store(
                    StoreError::Unreachable(_)
                    | StoreError::Lost(_)
                    | StoreError::Timeout(_)
                    | StoreError::Unavailable { .. },
                ) => {
                    self.ask_in_background();
                    return Err(failure);
                }
                Failure::NoScript | Failure::Store(_) => return Err(failure),
            }
            redirections += 1;
            if redirections >= MOST_REDIRECTIONS || until.is_over() {
                return Err(failure);
            }
        }
    }

    /// The node that keeps a slot, as far as that is known.
    pub(super) fn home(&self, slot: Slot) -> Option<Link> {
        self.0.map.load().slots.get(&slot).cloned()
    }

    /// Whether the node of this number is known not to answer.
    pub(super) fn is_missing(&self, number: usize) -> bool {
        self.0.links.lock().values().any(|link| link.number() == number && link.is_missing())
    }

    /// Whether the node of this number keeps any slot, as far as is known; 0 stands for the slots that none keeps.
    pub(super) fn has_place(&self, number: usize) -> bool {
        let map = self.0.map.load();
        let has_hole = map.slots.len() < SLOTS;
        map.masters.iter().any(|link| link.number() == number) || (has_hole && number == 0)
    }

    /// The nodes that keep any slot, as they are now.
    pub(super) async fn masters(&self, until: Until) -> Result<Vec<Link>, StoreError> {
        self.ask(until).await?;
        Ok(self.0.map.load().masters.clone())
    }

    /// Counts how often the map was asked for.
    pub(super) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
        self.0.links.lock().values().for_each(Link::close);
    }

    async fn link_of(&self, slot: Slot, until: Until) -> Result<Link, StoreError> {
        if let Some(link) = self.0.map.load().slots.get(&slot) {
            return Ok(link.clone());
        }
        self.ask(until).await?;
        let map = self.0.map.load();
        map.slots.get(&slot).cloned().ok_or_else(|| StoreError::Unavailable {
            what: "no node of the cluster keeps this slot".to_owned(),
            cause: "the map of slots has a hole".into(),
        })
    }

    fn link(&self, host: &Host) -> Result<Link, StoreError> {
        if self.0.is_closed.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        let mut links = self.0.links.lock();
        if let Some(link) = links.get(host) {
            return Ok(link.clone());
        }
        // From 1 on: 0 is no node. What a node was called that is gone may be the name of another.
        let is_free = |number: &usize| links.values().all(|link| link.number() != *number);
        let number = (1..=links.len() + 1).find(is_free).unwrap_or(0);
        let link = Link::new(Target::server(&self.0.options, host)?, number, self.0.runtime.clone());
        links.insert(host.clone(), link.clone());
        Ok(link)
    }

    /// Asks for the map without having anybody wait, unless that is under way.
    fn ask_in_background(&self) {
        if self.0.is_asking.swap(true, Ordering::Relaxed) {
            return;
        }
        let cluster = self.clone();
        self.0.runtime.spawn(async move {
            if let Err(error) = cluster.ask(Until::after(MAP_DEADLINE * 4)).await {
                tracing::warn!(%error, "no node of the Cluster says which slots they keep");
            }
            cluster.0.is_asking.store(false, Ordering::Relaxed);
        });
    }

    /// Asks one node after the other for the map. Those who come meanwhile wait for its answer.
    async fn ask(&self, until: Until) -> Result<(), StoreError> {
        let before = self.generation();
        let Ok(_one_at_a_time) = until.wait(self.0.asking.lock()).await else {
            return Err(StoreError::Unreachable("nobody said which node to ask before the deadline".into()));
        };
        if self.generation() != before {
            return Ok(());
        }
        let mut known = self.0.links.lock().keys().cloned().collect::<Vec<_>>();
        known.extend(self.0.former.lock().iter().cloned());
        let others = known.iter().filter(|host| !self.0.seeds.contains(host));
        let mut last = StoreError::Closed;
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        for host in self.0.seeds.iter().chain(others) {
            let link = self.link(host)?;
            let answer = link.call(&command, false, until.or_after(MAP_DEADLINE)).await;
            match answer.map(|answer| self.read(host, &answer)) {
                Ok(Ok(Some(map))) => {
                    self.take(map);
                    return Ok(());
                }
                Ok(Ok(None)) => {
                    last = StoreError::Unavailable {
                        what: format!("{host} is of no cluster that keeps all slots"),
                        cause: "the map of slots is empty".into(),
                    }
                }
                Ok(Err(error)) | Err(Failure::Store(error)) => last = error,
                Err(Failure::Moved(_) | Failure::Ask(_) | Failure::TryAgain | Failure::NoScript) => {}
            }
            if until.is_over() {
                break;
            }
        }
        // The map was not charged: whatever became of the question, nothing was applied.
        Err(if last.may_have_applied() { StoreError::Unreachable(Box::new(last)) } else { last })
    }

    /// Goes by another map from now on. Nodes that keep nothing any more are forgotten; calls that are on their way to one end there.
    fn take(&self, map: Map) {
        let is_master = |link: &Link| map.masters.iter().any(|master| master.is(link));
        let mut former = self.0.former.lock();
        self.0.links.lock().retain(|host, link| {
            let stays = is_master(link) || self.0.seeds.contains(host);
            if !stays {
                former.retain(|known| known != host);
                former.push_front(host.clone());
            }
            stays
        });
        former.truncate(MOST_FORMER);
        self.0.map.store(Arc::new(map));
        self.0.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// The map, as the node of this host tells it.
    fn read(&self, asked: &Host, answer: &Value) -> Result<Option<Map>, StoreError> {
        let mut map = Map::default();
        let Value::Array(ranges) = answer else { return Ok(None) };
        for range in ranges {
            let Value::Array(range) = range else { return Ok(None) };
            let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = range.as_slice() else {
                return Ok(None);
            };
            let [name, Value::Int(port), ..] = master.as_slice() else { return Ok(None) };
            let name = if let Value::BulkString(name) = name {
                String::from_utf8_lossy(name).into_owned()
            } else if let Value::SimpleString(name) = name {
                name.clone()
            } else {
                String::new()
            };
            // A node that does not know its own name is where it was asked.
            let name = if name.is_empty() || name == "?" { asked.name.clone() } else { name };
            let Ok(port) = u16::try_from(*port) else { return Ok(None) };
            let link = self.link(&Host { name, port })?;
            let slots = (*first..=*last).filter_map(|slot| Slot::new(u16::try_from(slot).ok()?));
            map.slots.extend(slots.map(|slot| (slot, link.clone())));
            if !map.masters.iter().any(|master| master.is(&link)) {
                map.masters.push(link);
            }
        }
        Ok(if map.slots.is_empty() { None } else { Some(map) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u16 = 7_000;

    /// What a node says of slots that these ports keep, each an equal share.
    fn slots(ports: &[u16]) -> Value {
        let share = SLOTS / ports.len();
        let range = |(index, port): (usize, &u16)| {
            let number = |number: usize| Value::Int(i64::try_from(number).unwrap());
            let node = vec![Value::BulkString(b"127.0.0.1".to_vec()), Value::Int(i64::from(*port))];
            Value::Array(vec![number(index * share), number((index + 1) * share - 1), Value::Array(node)])
        };
        Value::Array(ports.iter().enumerate().map(range).collect())
    }

    #[tokio::test]
    async fn nodes_that_keep_nothing_are_forgotten_and_their_numbers_used_again() {
        let seed = Host { name: "127.0.0.1".to_owned(), port: SEED };
        let options = RedisOptions::from_url("redis+cluster://127.0.0.1:7000").unwrap();
        let cluster = Cluster::new(options, std::slice::from_ref(&seed), Handle::current()).unwrap();
        for moved in 0..100 {
            let (staying, other) = (SEED + 1, SEED + 2 + moved);
            let map = cluster.read(&seed, &slots(&[staying, other])).unwrap().unwrap();
            cluster.take(map);
            let kept: Vec<_> = (0..64).filter(|number| cluster.has_place(*number)).collect();
            assert_eq!(kept.len(), 2, "{kept:?}");
            assert!(kept.iter().all(|number| (1..=3).contains(number)), "{kept:?}");
            assert!(cluster.0.links.lock().len() <= 3);
        }
        assert!(!cluster.has_place(0), "each slot is somebody's");
    }
}

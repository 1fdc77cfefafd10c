//! One node or many: which of them a call goes to.

use limitrate_core::key::CounterKey;
use redis::{Cmd, Value};
use tokio::runtime::Handle;

use super::{
    cluster::Cluster,
    fault::Failure,
    link::{Link, Target, Until},
    names::Group,
    options::{RedisOptions, Servers},
};
use crate::store::StoreError;

/// The nodes that keep the counters.
#[derive(Debug)]
pub(super) enum Nodes {
    /// One keeps all.
    One(Link),
    /// Each keeps some slots.
    Many(Cluster),
}

impl Nodes {
    /// Connects to the servers that these options name, as soon as something is to be said to them.
    pub(super) fn new(options: &RedisOptions, runtime: Handle) -> Result<Self, StoreError> {
        Ok(match &options.servers {
            Servers::Cluster(seeds) => Self::Many(Cluster::new(options.clone(), seeds, runtime)?),
            Servers::Node(_) | Servers::Unix(_) | Servers::Sentinel { .. } => {
                Self::One(Link::new(Target::of(options)?, 0, runtime))
            }
        })
    }

    /// Sends a command to where a group is kept. Never twice, unless a node said that it did nothing.
    pub(super) async fn call(&self, group: Group, command: &Cmd, until: Until) -> Result<Value, Failure> {
        match self {
            Self::One(link) => link.call(command, false, until).await,
            Self::Many(cluster) => Box::pin(cluster.call(group.slot(), command, until)).await,
        }
    }

    /// Sends two commands in one go, if one node keeps both groups as far as is known; else nothing is sent. The second is not
    /// executed before the first. Who is told to go elsewhere goes there himself.
    pub(super) async fn call_both(
        &self,
        [first, second]: [(Group, &Cmd); 2],
        until: Until,
    ) -> Option<Result<[Result<Value, Failure>; 2], Failure>> {
        let (link, other) = (self.home(first.0)?, self.home(second.0)?);
        if link.is(&other) { Some(link.call_both([first.1, second.1], until).await) } else { None }
    }

    /// The connection to where a group is kept, as far as that is known.
    pub(super) fn home(&self, group: Group) -> Option<Link> {
        match self {
            Self::One(link) => Some(link.clone()),
            Self::Many(cluster) => cluster.home(group.slot()),
        }
    }

    /// A connection to each node that keeps anything.
    pub(super) async fn all(&self, until: Until) -> Result<Vec<Link>, StoreError> {
        match self {
            Self::One(link) => Ok(vec![link.clone()]),
            Self::Many(cluster) => cluster.masters(until).await,
        }
    }

    /// Changes whenever there is a new connection, which may lead to another server.
    pub(super) fn generation(&self) -> u64 {
        match self {
            Self::One(link) => link.generation(),
            Self::Many(cluster) => cluster.generation(),
        }
    }

    /// Where a counter is kept, by the number of its node; 0 where there is one, or none is known.
    pub(super) fn place_of(&self, counter: CounterKey) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(cluster) => cluster.home(Group::of(counter).slot()).map_or(0, |link| link.number()),
        }
    }

    /// Whether the node of this number is known not to answer.
    pub(super) fn is_missing(&self, number: usize) -> bool {
        match self {
            Self::One(link) => link.is_missing(),
            Self::Many(cluster) => cluster.is_missing(number),
        }
    }

    /// Whether the node of this number keeps anything, as far as is known.
    pub(super) fn has_place(&self, number: usize) -> bool {
        match self {
            Self::One(_) => true,
            Self::Many(cluster) => cluster.has_place(number),
        }
    }

    /// Lets go of all connections for good.
    pub(super) fn close(&self) {
        match self {
            Self::One(link) => link.close(),
            Self::Many(cluster) => cluster.close(),
        }
    }
}

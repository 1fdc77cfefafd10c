//! Six Redis nodes as a cluster: three that have the slots, and one copy of each.

use super::{
    super::{ServerError, find::find, poll::within, port, shared::Shared},
    Redis, RedisOptions,
};

const NODES: usize = 6;

/// How a cluster is run.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// After how many milliseconds without an answer a node counts as lost.
    pub node_timeout_ms: u32,
    /// Further arguments of each node.
    pub extra: Vec<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { node_timeout_ms: 2_000, extra: vec![] }
    }
}

/// A Redis cluster.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts six nodes and joins them.
    ///
    /// # Errors
    ///
    /// If Redis is not installed, or the nodes do not come together.
    pub fn start(options: &ClusterOptions) -> Result<Self, ServerError> {
        let nodes = (0..NODES).map(|_| node(options)).collect::<Result<Vec<_>, _>>()?;
        let cluster = Self { nodes };
        cluster.join()?;
        Ok(cluster)
    }

    /// A cluster that other tests of this process use at the same time; it is started once.
    ///
    /// # Errors
    ///
    /// If Redis is not installed, or the nodes do not come together.
    pub fn shared() -> Result<&'static Self, ServerError> {
        static SHARED: Shared<RedisCluster> = Shared::new();
        SHARED.get(|| Self::start(&ClusterOptions::default()))
    }

    fn join(&self) -> Result<(), ServerError> {
        let addresses: Vec<String> = self.nodes.iter().map(|node| node.address().to_string()).collect();
        let cli = find("redis-cli", "redis-tools")?;
        let Some(first) = self.nodes.first() else { return Ok(()) };
        let mut create = first.folder.command(&cli);
        create.args(["--cluster", "create"]).args(addresses);
        create.args(["--cluster-replicas", "1", "--cluster-yes"]);
        let output = create.output().map_err(ServerError::refused("run redis-cli"))?;
        if output.status.success() && within(super::super::daemon::PATIENCE, || self.is_whole()) {
            return Ok(());
        }
        let log = String::from_utf8_lossy(&output.stdout).into_owned();
        Err(ServerError::Failed { what: "the nodes did not come together".to_owned(), log })
    }

    /// Whether every node that runs knows all slots, and every copy has what it copies.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.nodes.iter().filter(|node| node.daemon().is_running()).all(|node| {
            let told = |arguments: &[&str]| node.command(arguments).unwrap_or_default();
            let cluster = told(&["cluster", "info"]);
            cluster.contains("cluster_state:ok")
                && cluster.contains("cluster_slots_ok:16384")
                && cluster.contains("cluster_known_nodes:6")
                && !told(&["info", "replication"]).contains("master_link_status:down")
        })
    }

    /// The nodes. The first three began with the slots, a third each.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The node that has a slot now.
    #[must_use]
    pub fn node_of_slot(&self, slot: u16) -> Option<&Redis> {
        self.nodes.iter().filter(|node| node.daemon().is_running()).find(|node| {
            let told = node.command(&["cluster", "nodes"]).unwrap_or_default();
            let line = told.lines().find(|line| line.contains("myself,master"));
            line.is_some_and(|line| line.split(' ').skip(8).any(|range| has(range, slot)))
        })
    }

    /// The name that a node has among the others.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    pub fn id(&self, node: &Redis) -> Result<String, ServerError> {
        node.command(&["cluster", "myid"])
    }

    /// How clients name the cluster.
    #[must_use]
    pub fn url(&self) -> String {
        let addresses: Vec<String> = self.nodes.iter().map(|node| node.address().to_string()).collect();
        format!("redis+cluster://{}", addresses.join(","))
    }
}

fn node(options: &ClusterOptions) -> Result<Redis, ServerError> {
    let text = |text: &str| text.to_owned();
    let mut extra = ["--cluster-enabled", "yes", "--repl-diskless-sync-delay", "0"].map(text).to_vec();
    extra.extend([text("--cluster-port"), port::free().to_string()]);
    extra.extend([text("--cluster-node-timeout"), options.node_timeout_ms.to_string()]);
    extra.extend(options.extra.iter().cloned());
    Redis::start(&RedisOptions { extra, ..RedisOptions::default() })
}

/// Whether a range of slots, as `cluster nodes` writes it, has this one.
fn has(range: &str, slot: u16) -> bool {
    let number = |text: &str| text.parse::<u16>().ok();
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    number(first).zip(number(last)).is_some_and(|(first, last)| (first..=last).contains(&slot))
}

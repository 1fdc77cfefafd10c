//! A Redis node, a copy of it, and a sentinel that puts the copy in its place when it is gone.

use std::sync::Arc;

use super::{
    super::{ServerError, folder::Folder, poll::within, port, shared::Shared},
    Redis, RedisOptions,
};

/// What the sentinel calls the node that it watches.
pub const SENTINEL_NAME: &str = "limits";

/// A watched node, its copy, and the sentinel.
#[derive(Debug)]
pub struct RedisSentinel {
    nodes: [Redis; 2],
    sentinel: Redis,
}

impl RedisSentinel {
    /// Starts all three, and waits until the sentinel knows both nodes.
    ///
    /// # Errors
    ///
    /// If Redis is not installed or does not run.
    pub fn start() -> Result<Self, ServerError> {
        Self::start_patient(500)
    }

    /// Nodes that other tests of this process use at the same time; they are started once. The sentinel leaves a node alone that
    /// does not answer for some seconds: machines of tests have much else to do.
    ///
    /// # Errors
    ///
    /// If Redis is not installed or does not run.
    pub fn shared() -> Result<&'static Self, ServerError> {
        static SHARED: Shared<RedisSentinel> = Shared::new();
        SHARED.get(|| Self::start_patient(60_000))
    }

    /// Starts all three; the sentinel replaces a node that does not answer for so many milliseconds.
    fn start_patient(patience: u32) -> Result<Self, ServerError> {
        let extra = ["--repl-diskless-sync-delay", "0"].map(str::to_owned).to_vec();
        let first = Redis::start(&RedisOptions { extra: extra.clone(), ..RedisOptions::default() })?;
        let replica_of = Some(first.port());
        let second = Redis::start(&RedisOptions { replica_of, extra, ..RedisOptions::default() })?;
        let folder = Arc::new(Folder::new(None)?);
        let port = port::free();
        let watched = first.port();
        let file = folder.write(
            "sentinel.conf",
            &format!(
                "port {port}\nbind 127.0.0.1\ndir {}\n\
                 sentinel monitor {SENTINEL_NAME} 127.0.0.1 {watched} 1\n\
                 sentinel down-after-milliseconds {SENTINEL_NAME} {patience}\n\
                 sentinel failover-timeout {SENTINEL_NAME} 3000\n",
                folder.path().display()
            ),
        )?;
        let arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        let sentinel = Redis::run("redis-sentinel", arguments, folder, port, None)?;
        let own = Self { nodes: [first, second], sentinel };
        if within(super::super::daemon::PATIENCE, || own.is_whole()) {
            return Ok(own);
        }
        let log = own.sentinel.daemon().log();
        Err(ServerError::Failed { what: "the sentinel did not find the replica".to_owned(), log })
    }

    /// Whether the sentinel knows the copy, and the copy has what it copies.
    fn is_whole(&self) -> bool {
        let told = |node: &Redis, arguments: &[&str]| node.command(arguments).unwrap_or_default();
        let [_, replica] = &self.nodes;
        told(&self.sentinel, &["sentinel", "replicas", SENTINEL_NAME]).contains(&replica.port().to_string())
            && told(replica, &["info", "replication"]).contains("master_link_status:up")
    }

    /// The two nodes; the first began as the watched one.
    #[must_use]
    pub const fn nodes(&self) -> &[Redis; 2] {
        &self.nodes
    }

    /// The sentinel.
    #[must_use]
    pub const fn sentinel(&self) -> &Redis {
        &self.sentinel
    }

    /// The port of the node that the sentinel sends clients to.
    #[must_use]
    pub fn primary_port(&self) -> Option<u16> {
        let command = ["sentinel", "get-master-addr-by-name", SENTINEL_NAME];
        self.sentinel.command(&command).ok()?.lines().nth(1)?.trim().parse().ok()
    }

    /// How clients name what is watched.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+sentinel://{}/{SENTINEL_NAME}", self.sentinel.address())
    }
}

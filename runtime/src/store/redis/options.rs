//! Where the Redis servers are, and how they are spoken to.

mod address;

use std::{fmt, path::PathBuf, time::Duration};

use crate::store::StoreError;

/// The longest prefix of names, in bytes: with it, no name is longer than 128.
pub const LONGEST_PREFIX: usize = 64;

/// How long after its deadline a decision over several groups is given back unless told otherwise.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(2);

/// The port of a Redis server unless the address says another.
const PORT: u16 = 6379;

/// The port of a Sentinel unless the address says another.
const SENTINEL_PORT: u16 = 26379;

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    /// A name or an address, without brackets.
    pub name: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        if name.contains(':') { write!(f, "[{name}]:{port}") } else { write!(f, "{name}:{port}") }
    }
}

/// Which servers keep the counters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Servers {
    /// One node.
    Node(Host),
    /// One node on this machine, at a socket of this path.
    Unix(PathBuf),
    /// The master that these Sentinels watch under this name, whichever it is.
    Sentinel {
        /// The Sentinels, asked in this order.
        sentinels: Vec<Host>,
        /// What they call the master.
        master: String,
    },
    /// A Cluster that these nodes are of.
    Cluster(Vec<Host>),
}

/// Where the counters are kept, and how their servers are spoken to.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisOptions {
    /// The servers.
    pub servers: Servers,
    /// Whether all is encrypted; not over a socket of this machine.
    pub tls: bool,
    /// The file of the certificates, as PEM, that the servers' own are signed by; without it, the system's.
    pub authorities: Option<PathBuf>,
    /// The user to log in as; without one, the default user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The database by its number; a Cluster has only 0.
    pub database: u32,
    /// What all names begin with. At most [`LONGEST_PREFIX`] letters, digits, `.`, `_`, `-`, `:` or `/`.
    pub prefix: String,
    /// How long after the deadline of its call a decision over several groups of a Cluster is given back that nobody finished. A
    /// decision that takes longer is lost. From a millisecond to an hour; two seconds unless told otherwise.
    pub give_back_after: Duration,
}

impl RedisOptions {
    /// The defaults for these servers.
    #[must_use]
    pub fn new(servers: Servers) -> Self {
        Self {
            servers,
            tls: false,
            authorities: None,
            user: None,
            password: None,
            database: 0,
            prefix: "limitrate".to_owned(),
            give_back_after: GIVE_BACK_AFTER,
        }
    }

    /// Reads an address:
    ///
    /// - `redis://[[user]:password@]host[:port][/database]`, or `rediss://…` for TLS
    /// - `redis+unix://[[user]:password@]/path/of/the.sock`
    /// - `redis+sentinel://[[user]:password@]host[:port][,host…]/master[/database]`
    /// - `redis+cluster://[[user]:password@]host[:port][,host…]`
    ///
    /// The last two are `rediss+…` for TLS. Parameters: `prefix=…`, `ca=/path/of/a.pem`, and `database=…` for a socket.
    /// User, password and paths may have `%XX` for any byte; after the host, an `@` must be written so.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] says what is wrong, and never what the password is.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        address::read(url).map_err(|what| StoreError::Address { what })
    }

    /// Whether counters are spread over several nodes.
    #[must_use]
    pub const fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }
}

/// Without the password.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { servers, tls, authorities, user, password, database, prefix, give_back_after } = self;
        f.debug_struct("RedisOptions")
            .field("servers", servers)
            .field("tls", tls)
            .field("authorities", authorities)
            .field("user", user)
            .field("password", &password.as_ref().map(|_| "…"))
            .field("database", database)
            .field("prefix", prefix)
            .field("give_back_after", give_back_after)
            .finish()
    }
}

//! How a connection is made: to a server, or to the one that Sentinels call the master.

use std::{fmt, fs, path::Path};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion,
    RedisConnectionInfo, RedisError, TlsCertificates, TlsMode,
    aio::MultiplexedConnection,
    io::tcp::TcpSettings,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};

use super::DIAL_TIMEOUT;
use crate::store::{
    StoreError,
    redis::{
        fault::Wire,
        options::{Host, RedisOptions, Servers},
    },
};

/// How many calls may be handed to the task of a connection before it sends them. With room for more, tasks of one thread that were
/// answered together send together again, and the server waits for all of them, as they do for it. So it has work while they have.
const HANDED_OVER: usize = 8;

/// What a connection leads to.
#[derive(Clone)]
pub(in crate::store::redis) enum Target {
    /// This server.
    Server {
        /// Knows how to connect.
        client: Client,
        /// For people.
        name: String,
        /// How it is spoken to.
        wire: Wire,
    },
    /// The master that these Sentinels name, asked anew for each connection.
    Sentinel {
        /// The Sentinels.
        sentinels: Vec<ConnectionAddr>,
        /// What they call the master.
        master: String,
        /// How to log in, and what is trusted.
        options: Box<RedisOptions>,
        /// The certificates that are trusted, if not the system's.
        certificates: Option<TlsCertificates>,
    },
}

impl Target {
    /// Where a store of one node, or watched by Sentinels, is; of a Cluster, its first node.
    pub(in crate::store::redis) fn of(options: &RedisOptions) -> Result<Self, StoreError> {
        match &options.servers {
            Servers::Node(host) => Self::server(options, host),
            Servers::Cluster(hosts) => {
                let first =
                    hosts.first().ok_or(StoreError::Address { what: "no node is named".to_owned() })?;
                Self::server(options, first)
            }
            Servers::Unix(path) => {
                let client = client(options, ConnectionAddr::Unix(path.clone()))?;
                Ok(Self::Server { client, name: path.display().to_string(), wire: Wire::Socket })
            }
            Servers::Sentinel { sentinels, master } => Ok(Self::Sentinel {
                sentinels: sentinels.iter().map(|host| address(options, host)).collect(),
                master: master.clone(),
                options: Box::new(options.clone()),
                certificates: certificates(options)?,
            }),
        }
    }

    /// One server of those that these options tell how to speak to.
    pub(in crate::store::redis) fn server(options: &RedisOptions, host: &Host) -> Result<Self, StoreError> {
        let client = client(options, address(options, host))?;
        let wire = if options.tls { Wire::Tls } else { Wire::Plain };
        Ok(Self::Server { client, name: host.to_string(), wire })
    }

    /// How what it leads to is spoken to.
    pub(in crate::store::redis) fn wire(&self) -> Wire {
        match self {
            Self::Sentinel { options, .. } if options.tls => Wire::Tls,
            Self::Sentinel { .. } => Wire::Plain,
            Self::Server { wire, .. } => *wire,
        }
    }

    /// Makes a connection.
    pub(super) async fn dial(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(DIAL_TIMEOUT))
            // Each call has a deadline of its own.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(HANDED_OVER);
        match self {
            Self::Server { client, .. } => client.get_multiplexed_async_connection_with_config(&config).await,
            Self::Sentinel { sentinels, master, options, certificates } => {
                let mut builder =
                    SentinelClientBuilder::new(sentinels.clone(), master, SentinelServerType::Master)?
                        .set_client_to_redis_db(i64::from(options.database))
                        .set_client_to_redis_protocol(ProtocolVersion::RESP3)
                        .set_client_to_redis_tcp_settings(tcp());
                if options.tls {
                    builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
                }
                if let Some(certificates) = certificates {
                    builder = builder
                        .set_client_to_redis_certificates(certificates.clone())
                        .set_client_to_sentinel_certificates(certificates.clone());
                }
                if let Some(user) = &options.user {
                    builder = builder.set_client_to_redis_username(user);
                }
                if let Some(password) = &options.password {
                    builder = builder.set_client_to_redis_password(password);
                }
                builder.build()?.get_async_connection_with_config(&config).await
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { name, .. } => f.write_str(name),
            Self::Sentinel { master, sentinels, .. } => {
                let at: Vec<_> = sentinels.iter().map(ToString::to_string).collect();
                write!(f, "{master}, which Sentinels name at {}", at.join(", "))
            }
        }
    }
}

/// Without what is secret of it.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

fn client(options: &RedisOptions, address: ConnectionAddr) -> Result<Client, StoreError> {
    let info = settings(options, address).map_err(|error| unusable(&error))?;
    let client = match certificates(options)? {
        Some(certificates) => Client::build_with_tls(info, certificates),
        None => Client::open(info),
    };
    client.map_err(|error| unusable(&error))
}

fn settings(options: &RedisOptions, address: ConnectionAddr) -> Result<ConnectionInfo, RedisError> {
    let mut login = RedisConnectionInfo::default()
        .set_db(i64::from(options.database))
        .set_protocol(ProtocolVersion::RESP3)
        .set_lib_name("limitrate", env!("CARGO_PKG_VERSION"));
    if let Some(user) = &options.user {
        login = login.set_username(user);
    }
    if let Some(password) = &options.password {
        login = login.set_password(password);
    }
    Ok(address.into_connection_info()?.set_redis_settings(login).set_tcp_settings(tcp()))
}

fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn address(options: &RedisOptions, host: &Host) -> ConnectionAddr {
    let Host { name, port } = host.clone();
    if options.tls {
        ConnectionAddr::TcpTls { host: name, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(name, port)
    }
}

fn certificates(options: &RedisOptions) -> Result<Option<TlsCertificates>, StoreError> {
    if !options.tls {
        return Ok(None);
    }
    // Whoever embeds this may have chosen another provider, which stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let read = |path: &Path| {
        let told =
            |error| StoreError::Address { what: format!("`{}` cannot be read: {error}", path.display()) };
        fs::read(path).map_err(told)
    };
    let root = options.authorities.as_deref().map(read).transpose()?;
    Ok(root.map(|root| TlsCertificates { client_tls: None, root_cert: Some(root) }))
}

fn unusable(error: &RedisError) -> StoreError {
    StoreError::Address { what: error.to_string() }
}

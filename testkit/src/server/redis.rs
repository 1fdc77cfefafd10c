//! Redis, one node of it.

pub(super) mod cluster;
pub(super) mod sentinel;

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;

use super::{
    Daemon, ServerError, authority::Certificate, daemon::Spec, find::find, folder::Folder, port,
    shared::Shared,
};

const PACKAGE: &str = "redis-server";

/// How a Redis node is run. It keeps nothing on disk unless told to.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// What clients must say to be let in.
    pub password: Option<String>,
    /// How much memory it may take, as Redis writes it; no more data is taken then, unless `extra` has a policy.
    pub max_memory: Option<String>,
    /// The node that this one copies.
    pub replica_of: Option<u16>,
    /// The names and addresses that it has a certificate for. With any, it listens for TLS as well, on another port.
    pub certified: Vec<String>,
    /// Further arguments, as in its file: `["--maxmemory-policy", "allkeys-lru"]`. They count after all others.
    pub extra: Vec<String>,
}

/// A Redis node.
#[derive(Debug)]
pub struct Redis {
    daemon: Daemon,
    port: u16,
    tls_port: Option<u16>,
    password: Option<String>,
    folder: Arc<Folder>,
}

impl Redis {
    /// Starts a node.
    ///
    /// # Errors
    ///
    /// If it is not installed or does not run.
    pub fn start(options: &RedisOptions) -> Result<Self, ServerError> {
        let RedisOptions { password, max_memory, replica_of, certified, extra } = options;
        let folder = Arc::new(Folder::new(None)?);
        let port = port::free();
        let text = |text: &str| text.to_owned();
        let mut arguments = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--daemonize", "no"]
            .map(text)
            .to_vec();
        arguments.extend([text("--port"), port.to_string()]);
        arguments.extend([text("--dir"), folder.path().display().to_string()]);
        arguments.extend([text("--unixsocket"), folder.join("socket").display().to_string()]);
        if let Some(password) = password {
            arguments.extend(["--requirepass", password, "--masterauth", password].map(text));
        }
        if let Some(most) = max_memory {
            arguments.extend(["--maxmemory", most].map(text));
        }
        if let Some(primary) = replica_of {
            arguments.extend([text("--replicaof"), text("127.0.0.1"), primary.to_string()]);
        }
        let tls_port = (!certified.is_empty()).then(port::free);
        if let Some(tls_port) = tls_port {
            let own = Certificate::within(Arc::clone(&folder), certified)?;
            arguments.extend(["--tls-port", &tls_port.to_string(), "--tls-auth-clients", "no"].map(text));
            let files = [("ca-cert", own.authority()), ("cert", own.certificate()), ("key", own.key())];
            for (name, file) in files {
                arguments.extend([format!("--tls-{name}-file"), file.display().to_string()]);
            }
        }
        arguments.extend(extra.iter().cloned());
        let node = Self::run("redis-server", arguments, folder, port, password.clone())?;
        Ok(Self { tls_port, ..node })
    }

    /// A node that other tests of this process use at the same time; it is started once.
    ///
    /// # Errors
    ///
    /// If it is not installed or does not run.
    pub fn shared() -> Result<&'static Self, ServerError> {
        static SHARED: Shared<Redis> = Shared::new();
        SHARED.get(|| Self::start(&RedisOptions::default()))
    }

    fn run(
        name: &'static str,
        arguments: Vec<String>,
        folder: Arc<Folder>,
        port: u16,
        password: Option<String>,
    ) -> Result<Self, ServerError> {
        let spec = Spec {
            name,
            program: find("redis-server", PACKAGE)?,
            arguments: arguments.into_iter().map(Into::into).collect(),
            ends_by: Signal::KILL,
        };
        let daemon = Daemon::start(spec, Arc::clone(&folder))?;
        let own = Self { daemon, port, tls_port: None, password, folder };
        own.daemon.ready(|| own.answers())?;
        Ok(own)
    }

    /// Starts it again, on the same port. What it had in memory only is gone.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn restart(&self) -> Result<(), ServerError> {
        self.daemon.spawn()?;
        self.daemon.ready(|| self.answers())
    }

    /// Whether it takes commands: it is up, and has read what it kept.
    #[must_use]
    pub fn answers(&self) -> bool {
        let Some(reply) = ping(self.address()) else { return false };
        reply.starts_with("+PONG") || reply.starts_with("-NOAUTH")
    }

    /// Its process.
    pub const fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)
    }

    /// The port it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How clients name it, with its password.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// How clients name it who come to it by another address.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        let credentials = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{credentials}{address}")
    }

    /// The port it listens on for TLS, if it has a certificate.
    pub const fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    /// The file of the authority that signed its certificate, if it has one.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Its unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// What `redis-cli` prints for a command: an error of the server's is text as well.
    ///
    /// # Errors
    ///
    /// If it is not installed or cannot be run.
    pub fn command(&self, arguments: &[&str]) -> Result<String, ServerError> {
        let mut command = self.folder.command(&find("redis-cli", "redis-tools")?);
        command.args(["-p", &self.port.to_string()]);
        if let Some(password) = &self.password {
            command.args(["-a", password, "--no-auth-warning"]);
        }
        let output = command.args(arguments).output().map_err(ServerError::refused("run redis-cli"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}

/// The first line that a server answers to a ping.
fn ping(address: SocketAddr) -> Option<String> {
    const LIMIT: Duration = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    stream.write_all(b"PING\r\n").ok()?;
    let mut reply = [0; 64];
    let length = stream.read(&mut reply).ok()?;
    Some(String::from_utf8_lossy(reply.get(..length)?).into_owned())
}

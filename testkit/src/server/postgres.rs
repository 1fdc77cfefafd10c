//! PostgreSQL.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use rustix::process::Signal;

use super::{
    Daemon, ServerError,
    daemon::{Spec, done},
    find::find,
    folder::{Folder, User},
    port,
    shared::Shared,
    template::template,
};

const PACKAGE: &str = "postgresql";
const USER: &str = "limitrate";
const PASSWORD: &str = "secret";

/// How PostgreSQL is run.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// Whether it waits for the disk. Tests that kill it want that, all others only lose time.
    pub fsync: bool,
    /// Further settings, as `name=value`. They count after all others.
    pub settings: Vec<String>,
}

/// A PostgreSQL server with an empty database.
#[derive(Debug)]
pub struct Postgres {
    daemon: Daemon,
    port: u16,
    folder: Arc<Folder>,
    databases: AtomicU32,
}

impl Postgres {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// If it is not installed or does not run.
    pub fn start(options: &PostgresOptions) -> Result<Self, ServerError> {
        let program = find("postgres", PACKAGE)?;
        let user = User::other_than_root(&["postgres", "nobody"]);
        let folder = Arc::new(Folder::new(user)?);
        let version = program.ancestors().nth(2).and_then(|path| path.file_name()).unwrap_or_default();
        let name = format!("template-postgres-{}", version.display());
        let scratch = Folder::new(user)?;
        let installed = template(&name, &scratch, install)?;
        let data = folder.copy_in(&installed, "data")?;
        let port = port::free();
        let is_synced = if options.fsync { "on" } else { "off" };
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", folder.path().display()),
            format!("fsync={is_synced}"),
            format!("synchronous_commit={is_synced}"),
            format!("full_page_writes={is_synced}"),
        ];
        settings.extend(options.settings.iter().cloned());
        let mut arguments = vec!["-D".into(), data.into_os_string()];
        arguments.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
        let spec = Spec { name: "postgres", program, arguments, ends_by: Signal::QUIT };
        let daemon = Daemon::start(spec, Arc::clone(&folder))?;
        let own = Self { daemon, port, folder, databases: AtomicU32::new(0) };
        own.daemon.ready(|| own.answers())?;
        Ok(own)
    }

    /// A server that other tests of this process use at the same time; it is started once.
    ///
    /// # Errors
    ///
    /// If it is not installed or does not run.
    pub fn shared() -> Result<&'static Self, ServerError> {
        static SHARED: Shared<Postgres> = Shared::new();
        SHARED.get(|| {
            let settings = vec!["max_connections=300".to_owned()];
            Self::start(&PostgresOptions { settings, ..PostgresOptions::default() })
        })
    }

    /// Starts it again, on the same port and with its data.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn restart(&self) -> Result<(), ServerError> {
        // A killed server's children may still be ending, and nobody may start before they have.
        self.daemon.kill();
        self.daemon.spawn()?;
        self.daemon.ready(|| self.answers())
    }

    /// Whether it takes queries.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.sql("SELECT 1").is_ok()
    }

    /// Its process.
    pub const fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)
    }

    /// How clients name it, with user and password.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address(), "postgres")
    }

    /// How clients name one of its databases who come to it by another address.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@{address}/{database}")
    }

    /// Makes an empty database, and tells its name.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn database(&self) -> Result<String, ServerError> {
        let name = format!("apart_{}", self.databases.fetch_add(1, Relaxed));
        self.sql(&format!("CREATE DATABASE {name}"))?;
        Ok(name)
    }

    /// Runs statements in the first database, and tells the rows: a line each, fields separated by `|`.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn sql(&self, statements: &str) -> Result<String, ServerError> {
        self.sql_in("postgres", statements)
    }

    /// Runs statements in one of its databases.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn sql_in(&self, database: &str, statements: &str) -> Result<String, ServerError> {
        let mut psql = self.folder.command(&find("psql", "postgresql-client")?);
        psql.args(["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", statements]);
        psql.arg(format!("{}?connect_timeout=5", self.url_at(self.address(), database)));
        done("psql", psql.output())
    }
}

fn install(folder: &Folder) -> Result<PathBuf, ServerError> {
    let data = folder.join("made");
    let password = folder.write("password", PASSWORD)?;
    let mut initdb = folder.command(&find("initdb", PACKAGE)?);
    initdb.arg("-D").arg(&data).arg("--pwfile").arg(password);
    initdb.args(["-U", USER, "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C"]);
    done("initdb", initdb.output())?;
    Ok(data)
}

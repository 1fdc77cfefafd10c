//! MariaDB.

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

const PACKAGE: &str = "mariadb-server";
const USER: &str = "limitrate";
const PASSWORD: &str = "secret";
const DATABASE: &str = "limits";

/// How MariaDB is run.
#[derive(Debug, Clone, Default)]
pub struct MariaDbOptions {
    /// Whether it waits for the disk. Tests that kill it want that, all others only lose time.
    pub fsync: bool,
    /// Further arguments, as `--name=value`. They count after all others.
    pub extra: Vec<String>,
}

/// A MariaDB server with an empty database.
#[derive(Debug)]
pub struct MariaDb {
    daemon: Daemon,
    port: u16,
    folder: Arc<Folder>,
    databases: AtomicU32,
}

impl MariaDb {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// If it is not installed or does not run.
    pub fn start(options: &MariaDbOptions) -> Result<Self, ServerError> {
        let program = find("mariadbd", PACKAGE)?;
        let user = User::other_than_root(&["mysql", "nobody"]);
        let folder = Arc::new(Folder::new(user)?);
        let scratch = Folder::new(user)?;
        let installed = template("template-mariadb", &scratch, install)?;
        let data = folder.copy_in(&installed, "data")?;
        let port = port::free();
        let setup = folder.write(
            "setup.sql",
            &format!(
                "CREATE DATABASE IF NOT EXISTS {DATABASE};\n\
                 CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n\
                 GRANT ALL ON *.* TO '{USER}'@'127.0.0.1';\n"
            ),
        )?;
        let mut arguments = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={}", data.display()),
            format!("--socket={}", folder.join("socket").display()),
            format!("--pid-file={}", folder.join("pid").display()),
            format!("--init-file={}", setup.display()),
            format!("--port={port}"),
            format!("--innodb-flush-log-at-trx-commit={}", if options.fsync { 1 } else { 0 }),
        ];
        arguments.extend(FRUGAL.map(str::to_owned));
        arguments.extend(options.extra.iter().cloned());
        // It would end by the signal that comes with a limit on its files.
        let mut begun = vec!["-c".into(), r#"trap "" XFSZ; exec "$0" "$@""#.into(), program.into_os_string()];
        begun.extend(arguments.into_iter().map(Into::into));
        let spec = Spec { name: "mariadbd", program: "sh".into(), arguments: begun, ends_by: Signal::KILL };
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
        static SHARED: Shared<MariaDb> = Shared::new();
        SHARED.get(|| {
            let extra = vec!["--max-connections=300".to_owned()];
            Self::start(&MariaDbOptions { extra, ..MariaDbOptions::default() })
        })
    }

    /// Starts it again, on the same port and with its data.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn restart(&self) -> Result<(), ServerError> {
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
        self.url_at(self.address(), DATABASE)
    }

    /// How clients name one of its databases who come to it by another address.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr, database: &str) -> String {
        format!("mysql://{USER}:{PASSWORD}@{address}/{database}")
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

    /// Runs statements in the first database, and tells the rows: a line each, fields separated by tabs.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn sql(&self, statements: &str) -> Result<String, ServerError> {
        self.sql_in(DATABASE, statements)
    }

    /// Runs statements in one of its databases.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn sql_in(&self, database: &str, statements: &str) -> Result<String, ServerError> {
        let mut client = self.folder.command(&find("mariadb", "mariadb-client")?);
        client.args(["--no-defaults", "-h127.0.0.1", "-NB", "--connect-timeout=5"]);
        client.arg(format!("-P{}", self.port)).arg(format!("-u{USER}")).arg(format!("-p{PASSWORD}"));
        client.args(["-e", statements, database]);
        done("mariadb", client.output())
    }
}

/// Little memory and few files, for many servers on a small machine.
const FRUGAL: [&str; 6] = [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--performance-schema=OFF",
    "--skip-log-bin",
];

fn install(folder: &Folder) -> Result<PathBuf, ServerError> {
    let data = folder.join("made");
    let mut installer = folder.command(&find("mariadb-install-db", PACKAGE)?);
    installer.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    installer.args(["--skip-test-db", "--auth-root-authentication-method=normal"]);
    installer.args(["--innodb-log-file-size=8M", "--skip-name-resolve"]);
    done("mariadb-install-db", installer.output())?;
    Ok(data)
}

//! Where a SQLite store keeps its file, and what it does to lose nothing.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use percent_encoding::percent_decode_str;

use crate::store::{MemoryOptions, StoreError};

/// The longest wait for another process and the longest time between two flushes that an address may ask for.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What a store has done before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// What was answered is on the disk: nothing is lost, whatever fails. Those who wait together are written together.
    Full,
    /// What was answered is with the operating system: nothing is lost when the process dies, and what was answered in the
    /// last moments may be when the machine does. The file stays whole.
    #[default]
    Normal,
    /// Counters are decided in memory and written behind. Whatever dies, the answers since the last flush are lost: those of
    /// [`SqliteOptions::flush_every`] and of the time that the flush itself takes. The file is this process's alone.
    Behind,
}

/// How a SQLite store is laid out.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The file. It is made if it is not there; its folder is not. Two more files stand beside it while it is open.
    pub path: PathBuf,
    /// What is done before an answer.
    pub durability: Durability,
    /// Whether the file is this process's alone while it is open. Decisions then are faster, and cost a lone caller no
    /// wake-up of another thread: with [`Durability::Normal`] a charge that finds nobody else at the file reads and writes it
    /// on the caller's own thread, which a slow disk then holds up, whatever its deadline. With [`Durability::Behind`] the
    /// file always is this process's alone.
    pub exclusive: bool,
    /// How long to wait for another process that has locked the file.
    pub busy: Duration,
    /// How often what was decided is written, with [`Durability::Behind`].
    pub flush_every: Duration,
    /// How much memory decides, with [`Durability::Behind`].
    pub memory: MemoryOptions,
}

impl SqliteOptions {
    /// How long to wait for another process, unless told otherwise: less than a caller waits for us.
    pub const BUSY: Duration = Duration::from_millis(200);

    /// How often to write behind, unless told otherwise.
    pub const FLUSH_EVERY: Duration = Duration::from_millis(100);

    /// The usual options with a file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            durability: Durability::default(),
            exclusive: false,
            busy: Self::BUSY,
            flush_every: Self::FLUSH_EVERY,
            memory: MemoryOptions::default(),
        }
    }

    /// Reads `sqlite:PATH` with parameters behind a `?`: `durability=full`, `normal` or `behind`, `exclusive=yes` or `no`,
    /// `busy=200ms` and `flush=100ms`. A `?`, `#` or `%` of the path itself is written `%3F`, `%23` or `%25`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] says what is wrong and what would be right.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let Some(rest) = url.strip_prefix("sqlite:") else {
            return Err(address("it does not begin with `sqlite:`"));
        };
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let Ok(path) = percent_decode_str(path).decode_utf8() else {
            return Err(address("its path is not UTF-8 after `%` is decoded"));
        };
        let mut options = Self::new(path.as_ref());
        options.check()?;
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            options.set(name, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        match name {
            "durability" => {
                self.durability = match value {
                    "full" => Durability::Full,
                    "normal" => Durability::Normal,
                    "behind" => Durability::Behind,
                    _ => return Err(address("`durability` is `full`, `normal` or `behind`")),
                };
            }
            "exclusive" => {
                self.exclusive = match value {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(address("`exclusive` is `yes` or `no`")),
                };
            }
            "busy" => self.busy = duration(name, value)?,
            "flush" => self.flush_every = duration(name, value)?,
            _ => {
                let name: String = name.chars().take(40).collect();
                let what =
                    format!("there is no parameter `{name}`, but durability, exclusive, busy and flush");
                return Err(StoreError::Address { what });
            }
        }
        Ok(())
    }

    /// Whether the path names a file.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let path: &Path = &self.path;
        if path.as_os_str().is_empty() {
            return Err(address("it names no file: write `sqlite:PATH`"));
        }
        if path.as_os_str().to_string_lossy().starts_with(":memory:") {
            return Err(address("counters in memory are the store `memory`"));
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(address("its path has a NUL byte"));
        }
        if path.is_dir() {
            return Err(address("its path is a folder: name a file in it"));
        }
        Ok(())
    }

    /// Whether no other process may use the file.
    pub(super) fn is_alone(&self) -> bool {
        self.exclusive || self.durability == Durability::Behind
    }
}

/// Whole milliseconds or seconds.
fn duration(name: &str, value: &str) -> Result<Duration, StoreError> {
    let whole =
        |digits: &str| digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let millis = value.strip_suffix("ms").and_then(whole).map(Duration::from_millis);
    let seconds = || value.strip_suffix('s').and_then(whole).map(Duration::from_secs);
    millis.or_else(seconds).filter(|duration| *duration <= MAX_WAIT).ok_or_else(|| StoreError::Address {
        what: format!("`{name}` is a time of at most {MAX_WAIT:?}, such as `200ms` or `1s`"),
    })
}

fn address(what: &str) -> StoreError {
    StoreError::Address { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_all_there_is_to_say() {
        let url = "sqlite:/var/lib/rl/a%3Fb%25.db?durability=behind&exclusive=yes&busy=1s&flush=50ms";
        let options = SqliteOptions::from_url(url).unwrap();
        assert_eq!(options.path, Path::new("/var/lib/rl/a?b%.db"));
        assert_eq!((options.durability, options.exclusive), (Durability::Behind, true));
        assert_eq!((options.busy, options.flush_every), (Duration::from_secs(1), Duration::from_millis(50)));
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        for (url, path) in [
            ("sqlite:counters.db", "counters.db"),
            ("sqlite:///var/lib/c.db", "/var/lib/c.db"),
            ("sqlite:file:x.db", "file:x.db"),
        ] {
            let options = SqliteOptions::from_url(url).unwrap();
            assert_eq!(options.path, Path::new(path));
            assert_eq!((options.durability, options.exclusive), (Durability::Normal, false));
            assert_eq!(
                (options.busy, options.flush_every),
                (SqliteOptions::BUSY, SqliteOptions::FLUSH_EVERY)
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_can() {
        for (url, wanted) in [
            ("redis://x", "sqlite:"),
            ("sqlite:", "names no file"),
            ("sqlite:///", "is a folder"),
            ("sqlite::memory:", "the store `memory`"),
            ("sqlite:a%00b", "NUL"),
            ("sqlite:a%FF", "UTF-8"),
            ("sqlite:a.db?durability=off", "`full`, `normal` or `behind`"),
            ("sqlite:a.db?exclusive", "`yes` or `no`"),
            ("sqlite:a.db?busy=5", "`200ms` or `1s`"),
            ("sqlite:a.db?busy=+5s", "`200ms` or `1s`"),
            ("sqlite:a.db?flush=61s", "at most 60s"),
            ("sqlite:a.db?mode=ro", "no parameter `mode`"),
        ] {
            let error = SqliteOptions::from_url(url).unwrap_err();
            assert!(matches!(error, StoreError::Address { .. }), "{url}: {error}");
            assert!(error.to_string().contains(wanted), "{url}: {error}");
        }
    }
}

//! The commands as a shell sees them: what they print, where, and how they end.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod check;
mod completions;
mod cost;
mod diff;
mod eval;
mod explain;
mod fmt;
mod formats;
#[cfg(feature = "geo")]
mod geo;
mod help;
mod init;
mod modules;
mod output;
mod plans;
mod simulate;
mod sources;
mod test;

use std::{fs, path::Path, time::Duration};

use tempfile::TempDir;

/// No command here may take as long as this.
const DEADLINE: Duration = Duration::from_secs(60);

/// A policy without a mistake.
const GOOD: &str = "edition 2026\nuse std.http\n\nrule api {\n  limit 100 req/min per ip\n}\n";

/// A policy with one error.
const BAD: &str = "input {\n  user : key\n}\n\nrule api {\n  limit 100 req/min per usr\n}\n";

/// A policy with one warning.
const WARNED: &str = "use std.http\n\nrule api {\n  limit 100 req/day per ip\n}\n";

/// A directory of its own for a test.
struct Place(TempDir);

/// How a command ended.
#[derive(Debug)]
struct Ran {
    out: String,
    err: String,
    code: i32,
}

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let place = Self::new();
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn rlc(&self, arguments: &[&str]) -> Ran {
        self.rlc_with(arguments, "")
    }

    fn rlc_with(&self, arguments: &[&str], stdin: impl Into<Vec<u8>>) -> Ran {
        run(command(self.0.path()).args(arguments).write_stdin(stdin))
    }
}

fn command(directory: &Path) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_rlc"));
    command.current_dir(directory).env_remove("NO_COLOR").env_remove("COLUMNS").timeout(DEADLINE);
    command
}

fn run(command: &mut assert_cmd::Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", output.status));
    Ran { out: text(output.stdout), err: text(output.stderr), code }
}

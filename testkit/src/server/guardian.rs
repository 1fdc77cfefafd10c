//! What outlives the process of the tests for an instant, to end its servers and remove their folders.
//!
//! Statics are never dropped, and a test may be killed. A shell waits for the end of its input, which this process holds
//! open for as long as it lives.

use std::{
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{ChildStdin, Command, Stdio},
    sync::LazyLock,
};

use parking_lot::Mutex;

/// Reads lines: `+ PID SIGNAL` for a server that runs, `- PID` for one that ended, `d FOLDER` for a folder to remove.
const SCRIPT: &str = r#"
running=" " folders=""
while read -r what which signal; do
  case $what in
    +) running="$running$which:$signal " ;;
    -) kept=" "; for one in $running; do [ "${one%:*}" = "$which" ] || kept="$kept$one "; done; running=$kept ;;
    d) folders="$folders $which" ;;
  esac
done
for one in $running; do kill -s "${one#*:}" -- "-${one%:*}"; done
[ "$running" = " " ] || sleep 0.3
for one in $running; do kill -s KILL -- "-${one%:*}"; done
rm -rf $folders
"#;

static GUARDIAN: LazyLock<Mutex<Option<ChildStdin>>> = LazyLock::new(|| {
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // Not in the group that a terminal interrupts.
    let started = shell.process_group(0).current_dir("/").spawn();
    Mutex::new(started.ok().and_then(|mut child| child.stdin.take()))
});

fn tell(line: &str) {
    if let Some(input) = GUARDIAN.lock().as_mut() {
        // Without a guardian, servers end where they are dropped.
        let _ = input.write_all(line.as_bytes());
    }
}

/// A group of processes runs, which ends by this signal, else by force.
pub(super) fn runs(group: u32, signal: &str) {
    tell(&format!("+ {group} {signal}\n"));
}

/// It ended.
pub(super) fn ended(group: u32) {
    tell(&format!("- {group}\n"));
}

/// A folder is there, whose name has no spaces.
pub(super) fn folder(path: &Path) {
    tell(&format!("d {}\n", path.display()));
}

//! A server's process, and what is done to it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

use super::{ServerError, find::find, folder::Folder, guardian, poll::within};

/// How long a server may take to be ready, or to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How much of its log is told.
const TOLD: usize = 4_000;

/// How a server is run.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// Asks it to end at once, but to leave nothing behind in the system.
    pub(super) ends_by: Signal,
}

/// A server's process. It ends when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    spec: Spec,
    folder: Arc<Folder>,
    child: Mutex<Option<Child>>,
}

impl Daemon {
    /// Starts a process; whether the server is ready is for others to see.
    pub(super) fn start(spec: Spec, folder: Arc<Folder>) -> Result<Self, ServerError> {
        let daemon = Self { spec, folder, child: Mutex::new(None) };
        daemon.spawn()?;
        Ok(daemon)
    }

    /// Starts the process anew, with what it was first started with. Ends it before if it runs.
    pub(super) fn spawn(&self) -> Result<(), ServerError> {
        self.kill();
        let Spec { name, program, arguments, ends_by } = &self.spec;
        let log = File::options().append(true).create(true).open(self.log_path());
        let log = log.map_err(ServerError::refused("write a server's log"))?;
        let twice = log.try_clone().map_err(ServerError::refused("write a server's log"))?;
        let mut command = self.folder.command(program);
        command.args(arguments).stdin(Stdio::null()).stdout(log).stderr(twice).process_group(0);
        let child = command.spawn().map_err(ServerError::refused(format!("start {name}")))?;
        guardian::runs(child.id(), if *ends_by == Signal::QUIT { "QUIT" } else { "KILL" });
        *self.child.lock() = Some(child);
        Ok(())
    }

    /// Waits until the server is ready.
    pub(super) fn ready(&self, is_ready: impl Fn() -> bool) -> Result<(), ServerError> {
        let is_up = within(PATIENCE, || !self.is_running() || is_ready());
        if is_up && self.is_running() {
            return Ok(());
        }
        let ended = if self.is_running() { "was not ready in time" } else { "ended at once" };
        Err(ServerError::Failed { what: format!("{} {ended}", self.spec.name), log: self.log() })
    }

    /// Whether the process is there; one that is stopped is.
    pub fn is_running(&self) -> bool {
        self.child.lock().as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Ends the process and all that it began, as `kill -9` does, and waits until it is gone.
    pub fn kill(&self) {
        self.end(Signal::KILL);
    }

    /// Asks the process to end, and waits until it has.
    pub fn terminate(&self) {
        self.end(Signal::TERM);
    }

    fn end(&self, signal: Signal) {
        let Some(mut child) = self.child.lock().take() else { return };
        let processes = tree(child.id());
        if signal == Signal::KILL {
            send(&processes, signal);
        } else {
            send(&[child.id()], signal);
            if !within(PATIENCE, || !matches!(child.try_wait(), Ok(None))) {
                send(&tree(child.id()), Signal::KILL);
            }
        }
        // It was told to end, and an error here means that it is gone already.
        let _ = child.wait();
        within(PATIENCE, || !processes.iter().copied().any(is_alive));
        guardian::ended(child.id());
    }

    /// Stops the process and all that it began: connections stay open, and nothing answers.
    pub fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Lets no file of the process, and of all that it began and will begin, become longer than so many bytes: what would have to
    /// grow finds no room, as on a full disk. `None` ends that. For servers that ignore the signal that comes with it.
    ///
    /// # Errors
    ///
    /// If the system does not let it.
    pub fn limit_files(&self, bytes: Option<u64>) -> Result<(), ServerError> {
        let Some(root) = self.child.lock().as_ref().map(Child::id) else { return Ok(()) };
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        // Whoever runs the server may limit it; root may not everywhere.
        let program = find("prlimit", "util-linux")?;
        for process in tree(root).into_iter().filter(|process| is_alive(*process)) {
            let mut prlimit = self.folder.command(&program);
            prlimit.args(["--pid", &process.to_string(), &format!("--fsize={limit}:")]);
            done("prlimit", prlimit.output())?;
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = self.child.lock().as_ref() {
            send(&tree(child.id()), signal);
        }
    }

    /// The end of what the server wrote.
    pub fn log(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        log.get(log.floor_char_boundary(log.len().saturating_sub(TOLD))..).unwrap_or_default().to_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.spec.name))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end(self.spec.ends_by);
    }
}

/// What a program printed, if it did what it was asked to.
pub(super) fn done(name: &str, output: io::Result<Output>) -> Result<String, ServerError> {
    let output = output.map_err(ServerError::refused(format!("run {name}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let log = format!("{}{}", text(&output.stdout), text(&output.stderr));
    Err(ServerError::Failed { what: format!("{name} failed"), log })
}

/// A process with all that it began, itself first. Servers put these into groups of their own, so a group is not enough.
fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let process = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((process, parent(process)?))
        })
        .collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        let children = parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process);
        found.extend(children);
        next += 1;
    }
    found
}

/// What the system says of a process, after its name.
fn stat(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may have anything in it.
    Some(stat.rsplit_once(") ")?.1.to_owned())
}

fn parent(process: u32) -> Option<u32> {
    stat(process)?.split(' ').nth(1)?.parse().ok()
}

/// Whether a process is there, and has not ended without anybody looking.
fn is_alive(process: u32) -> bool {
    stat(process).is_some_and(|stat| !stat.starts_with(['Z', 'X']))
}

fn send(processes: &[u32], signal: Signal) {
    let ids = processes.iter().filter_map(|process| Pid::from_raw(i32::try_from(*process).ok()?));
    for id in ids {
        // One that is gone needs no signal.
        let _ = kill_process(id, signal);
    }
}

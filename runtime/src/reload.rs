//! A policy that is read again when its files change.
//!
//! The folders of the policy and of its modules are watched, and those of the links that lead to them, because editors and
//! deployments replace files as often as they write them. What was read is compared with what is in force; a new text is
//! compiled aside and swapped in as a whole. One that does not compile, is gone, or is empty, changes nothing: the last good
//! policy stays, and why is told once. Where the system tells of no change, as on some network folders, the files are looked
//! at now and then all the same. Whoever writes them may be halfway then: what is found so is in force when it is found again.

mod folders;
mod reading;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use limitrate_compiler::{Engine, Policy, Rejected, source::LoadError};

use self::{
    folders::Folders,
    reading::{Reading, Text},
};
use crate::{live::LiveLimiter, store::Store};

/// How a policy's files are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReloadOptions {
    /// What new policies are compiled for.
    pub engine: Engine,
    /// How long the files must have been quiet before what they say is in force.
    pub quiet: Duration,
    /// How often the files are looked at although nothing was told of them.
    pub look_every: Duration,
}

impl Default for ReloadOptions {
    fn default() -> Self {
        Self { engine: Engine::Native, quiet: Duration::from_millis(50), look_every: Duration::from_secs(5) }
    }
}

/// What became of a change.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reload {
    /// Another policy is in force.
    Replaced {
        /// Its generation.
        generation: u64,
        /// The policy.
        policy: Arc<Policy>,
    },
    /// The policy does not compile; the one in force stays.
    Rejected(Box<Rejected>),
    /// The policy cannot be read; the one in force stays.
    Unreadable(LoadError),
    /// The policy's file has nothing in it; the one in force stays. A policy without rules is one with a comment.
    Empty,
}

/// Why a policy's files are not watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The system watches nothing (more) for this process.
    #[error("the files of {} cannot be watched", path.display())]
    System {
        /// The policy.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: notify_debouncer_full::notify::Error,
    },
    /// The thread that watches was not started.
    #[error("no thread to watch files was started")]
    Thread(#[source] std::io::Error),
}

/// Watches a policy's files until it is dropped.
#[derive(Debug)]
pub struct Watching {
    wake: Sender<Wake>,
    thread: Option<JoinHandle<()>>,
}

/// Why the thread that reads wakes up.
#[derive(Debug)]
enum Wake {
    Changed,
    Look(Sender<()>),
    End,
}

impl Watching {
    /// Reads the policy in `path` again whenever it or its modules change, and replaces the policy of `live`.
    ///
    /// `told` hears what became of each change, on the thread that reads. Where `path` says something else already than what
    /// is in force, that is the first one, when it has been quiet.
    ///
    /// # Errors
    ///
    /// [`WatchError`] if the system does not let it.
    pub fn start<S: Store + Clone + 'static>(
        path: impl Into<PathBuf>,
        live: Arc<LiveLimiter<S>>,
        options: ReloadOptions,
        told: impl Fn(&Reload) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let path = path.into();
        let (wake, woken) = mpsc::channel();
        let mut folders = Folders::new(&path, options.quiet, wake.clone())?;
        let mut reading = Reading::begin(path, live.current().policy().program());
        folders.watch(reading.paths());
        let thread = thread::Builder::new().name("limitrate-reload".to_owned()).spawn(move || {
            let hear = |text: Text| {
                let reload = apply(text, &live);
                tell(&reload);
                told(&reload);
            };
            // What is watched only now may have changed before.
            let mut is_watched_anew = false;
            loop {
                let is_unsure = reading.is_unsure() || is_watched_anew;
                let wait = if is_unsure { options.quiet } else { options.look_every };
                let (text, asked) = match woken.recv_timeout(wait) {
                    Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => return,
                    Ok(Wake::Look(answer)) => (reading.read(options.engine), Some(answer)),
                    Ok(Wake::Changed) => {
                        folders.watch_anew(reading.paths());
                        (reading.read(options.engine), None)
                    }
                    Err(RecvTimeoutError::Timeout) => (reading.read_twice(options.engine), None),
                };
                is_watched_anew = folders.watch(reading.paths());
                text.into_iter().for_each(&hear);
                if let Some(answer) = asked {
                    // Whoever asked may have gone.
                    let _ = answer.send(());
                }
            }
        });
        Ok(Self { wake, thread: Some(thread.map_err(WatchError::Thread)?) })
    }

    /// Looks at the files now, and returns when that is done: for a signal, a command, or a test.
    ///
    /// Does nothing when it is called by what is told: that is where the files are looked at.
    pub fn look(&self) {
        if self.is_this_thread() {
            return;
        }
        let (answer, answered) = mpsc::channel();
        if self.wake.send(Wake::Look(answer)).is_ok() {
            // It answers, or has ended.
            let _ = answered.recv();
        }
    }
}

impl Watching {
    fn is_this_thread(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == thread::current().id())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if self.wake.send(Wake::End).is_ok()
            && !self.is_this_thread()
            && let Some(thread) = self.thread.take()
        {
            drop(thread.join());
        }
    }
}

/// Replaces the policy if what was read is one.
fn apply<S: Store + Clone>(text: Text, live: &LiveLimiter<S>) -> Reload {
    match text {
        Text::Policy(policy) => {
            let policy: Arc<Policy> = Arc::from(policy);
            Reload::Replaced { generation: live.replace(policy.clone()), policy }
        }
        Text::Rejected(rejected) => Reload::Rejected(rejected),
        Text::Unreadable(error) => Reload::Unreadable(error),
        Text::Empty => Reload::Empty,
    }
}

fn tell(reload: &Reload) {
    let outcome = match reload {
        Reload::Replaced { generation, .. } => {
            tracing::info!(generation, "another policy is in force");
            "replaced"
        }
        Reload::Rejected(rejected) => {
            let errors = rejected.diagnostics.sorted().len();
            tracing::error!(errors, "the policy does not compile: the last good one stays");
            "rejected"
        }
        Reload::Unreadable(error) => {
            tracing::error!(%error, "the policy cannot be read: the last good one stays");
            "unreadable"
        }
        Reload::Empty => {
            tracing::error!("the policy's file is empty: the last good one stays");
            "empty"
        }
    };
    metrics::counter!("limitrate_reloads_total", "outcome" => outcome).increment(1);
}

/// The folder that a path is in.
fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new("."));
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
}

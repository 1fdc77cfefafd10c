//! The scripts that servers run: what is read, judged and written in one step.

use redis::{Cmd, Value};

use super::{fault::Failure, link::Until, names::Group, servers::Nodes};
use crate::store::StoreError;

/// A script and what servers call it.
#[derive(Debug)]
pub(super) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    /// The command that runs it where it is known.
    pub(super) fn command<'a>(
        &self,
        keys: impl ExactSizeIterator<Item = &'a str>,
        arguments: impl Fn(&mut Cmd),
    ) -> Cmd {
        command("EVALSHA", &self.hash, keys, arguments)
    }

    /// Runs it where a group is kept. All keys are of that group.
    pub(super) async fn run<'a>(
        &self,
        nodes: &Nodes,
        group: Group,
        keys: impl ExactSizeIterator<Item = &'a str> + Clone,
        arguments: impl Fn(&mut Cmd),
        until: Until,
    ) -> Result<Value, StoreError> {
        match nodes.call(group, &self.command(keys.clone(), &arguments), until).await {
            // A server that does not know it has done nothing. With its text, it does, and knows it from then on.
            Err(Failure::NoScript) => {
                Box::pin(nodes.call(group, &command("EVAL", self.text, keys, arguments), until)).await
            }
            answer => answer,
        }
        .map_err(|failure| match failure {
            Failure::Store(error) => error,
            Failure::Moved(_) | Failure::Ask(_) | Failure::TryAgain | Failure::NoScript => {
                StoreError::Unavailable {
                    what: "the keys are on their way from one node to another".to_owned(),
                    cause: "too many redirections".into(),
                }
            }
        })
    }
}

fn command<'a>(
    verb: &str,
    script: &str,
    keys: impl ExactSizeIterator<Item = &'a str>,
    arguments: impl Fn(&mut Cmd),
) -> Cmd {
    // Room for most keys and arguments, so that little is copied as it grows.
    let mut command = Cmd::with_capacity(8 + keys.len(), 64 + script.len() + 96 * keys.len());
    command.arg(verb).arg(script).arg(keys.len());
    for key in keys {
        command.arg(key);
    }
    arguments(&mut command);
    command
}

/// All of them.
#[derive(Debug)]
pub(super) struct Scripts {
    /// Judges and takes charges.
    pub(super) charge: Script,
    /// The same, for those that are plain.
    pub(super) plain: Script,
    /// The same as one step of several.
    pub(super) step: Script,
    /// The same for a call that names itself.
    pub(super) once: Script,
    /// Writes a note into a journal.
    pub(super) note: Script,
    /// Reads the notes of a journal that are due.
    pub(super) due: Script,
    /// Reads keys.
    pub(super) read: Script,
    /// Writes keys that are as they were read.
    pub(super) swap: Script,
    /// Drops keys.
    pub(super) reset: Script,
    /// Reads, or begins, what the store says of itself.
    pub(super) meta: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            charge: Script::new(include_str!("script/charge.lua")),
            plain: Script::new(include_str!("script/plain.lua")),
            step: Script::new(concat!(
                include_str!("script/step_begin.lua"),
                include_str!("script/charge.lua"),
                include_str!("script/step_end.lua")
            )),
            once: Script::new(concat!(
                include_str!("script/once_begin.lua"),
                include_str!("script/charge.lua"),
                include_str!("script/once_end.lua")
            )),
            note: Script::new(include_str!("script/note.lua")),
            due: Script::new(include_str!("script/due.lua")),
            read: Script::new(include_str!("script/read.lua")),
            swap: Script::new(include_str!("script/swap.lua")),
            reset: Script::new(include_str!("script/reset.lua")),
            meta: Script::new(include_str!("script/meta.lua")),
        }
    }
}

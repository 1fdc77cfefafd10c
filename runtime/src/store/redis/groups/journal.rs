//! Journals: where the notes of decisions over several groups are, until these are over.
//!
//! There is a fixed number of them, spread over the nodes of a Cluster, so that whoever looks for notes knows where. A note is written
//! on the node of the first place, in one go with what is taken there: that is not taken unless the note is there. A decision
//! that is over has its note taken out with a later one, or after a while; nobody waits for that.

use std::{collections::VecDeque, time::Duration};

use limitrate_core::time::Nanos;
use parking_lot::Mutex;
use redis::{Cmd, Value};

use super::super::{
    Inner,
    fault::Failure,
    link::Until,
    names::{Group, JOURNALS},
};
use crate::store::{Call, StoreError};

/// At least until this long after a note is due, it is tried to give back what it names. Then what was taken stays taken.
const TRIED: Duration = Duration::from_secs(60);

/// What the servers know of a decision, they know for so much longer than its note is tried.
const SPARE: Duration = Duration::from_secs(30);

/// The longest that a decision over several groups takes, whatever its deadline.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// How many notes one journal has room for. Decisions beyond them fail.
const ROOM: usize = 65_536;

/// How many notes are taken out at once.
const TAKEN_OUT: usize = 64;

/// How many notes that are done with are kept in mind for one journal. Others are found to be done with once they are due.
const MOST_DONE: usize = 4_096;

/// A note that is written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) journal: u8,
    /// As it stands there.
    pub(super) member: Vec<u8>,
}

/// What this process knows of the journals.
#[derive(Debug)]
pub(in super::super) struct Journals {
    names: Vec<String>,
    /// Of each, the notes that are done with.
    done: Vec<Mutex<VecDeque<Vec<u8>>>>,
    /// How long after the deadline of its call a decision is given back.
    pub(super) give_back_after: Duration,
}

impl Journals {
    pub(in super::super) fn new(name: impl Fn(u8) -> String, give_back_after: Duration) -> Self {
        Self {
            names: (0..JOURNALS).map(name).collect(),
            done: (0..JOURNALS).map(|_| Mutex::default()).collect(),
            give_back_after: give_back_after.clamp(Duration::from_millis(1), LONGEST * 60),
        }
    }

    pub(super) fn name(&self, journal: u8) -> &str {
        self.names.get(usize::from(journal)).map_or("", String::as_str)
    }

    /// When the note of a call is due.
    fn due_after(&self, call: &Call) -> Duration {
        call.deadline.min(LONGEST) + self.give_back_after
    }

    /// How long after it is due a note is tried: for a minute, and for as long as it may take until all journals were looked at.
    pub(super) fn tried(&self) -> Duration {
        TRIED + 2 * self.give_back_after
    }

    /// How long the servers are to know what a call has taken.
    pub(super) fn kept(&self, call: &Call) -> Nanos {
        let kept = self.due_after(call) + self.tried() + SPARE;
        Nanos(i64::try_from(kept.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Has a note taken out some time.
    pub(super) fn is_done(&self, written: Written) {
        if let Some(done) = self.done.get(usize::from(written.journal)) {
            let mut done = done.lock();
            if done.len() < MOST_DONE {
                done.push_back(written.member);
            }
        }
    }

    fn take_done(&self, journal: u8) -> Vec<Vec<u8>> {
        let Some(done) = self.done.get(usize::from(journal)) else { return Vec::new() };
        let mut done = done.lock();
        let count = done.len().min(TAKEN_OUT);
        done.drain(..count).collect()
    }
}

/// A note on its way.
pub(super) struct Writing<'n> {
    pub(super) journal: u8,
    bytes: &'n [u8],
    due_after: Duration,
    /// How long after that it is there.
    kept: Duration,
    done: Vec<Vec<u8>>,
}

impl Writing<'_> {
    fn arguments(&self, command: &mut Cmd) {
        command.arg(self.bytes).arg(millis(self.due_after)).arg(millis(self.kept)).arg(ROOM);
        self.done.iter().for_each(|done| {
            command.arg(done.as_slice());
        });
    }
}

impl Inner {
    /// Begins to write a note, on the node of this group if that keeps a journal.
    pub(super) fn writing<'n>(&self, call: &Call, bytes: &'n [u8], attempt: u64, near: Group) -> Writing<'n> {
        let begin = u8::try_from(attempt % u64::from(JOURNALS)).unwrap_or(0);
        let numbers = (0..JOURNALS).map(|number| (begin + number) % JOURNALS);
        let home = self.nodes.home(near);
        let is_near = |number: &u8| {
            let other = self.nodes.home(Group::Journal(*number));
            home.as_ref().zip(other).is_some_and(|(home, other)| home.is(&other))
        };
        let journal = numbers.into_iter().find(is_near).unwrap_or(begin);
        let due_after = self.journals.due_after(call);
        let kept = self.journals.tried() + SPARE;
        Writing { journal, bytes, due_after, kept, done: self.journals.take_done(journal) }
    }

    /// The command that writes a note where the script is known.
    pub(super) fn write_command(&self, writing: &Writing<'_>) -> Cmd {
        let name = self.journals.name(writing.journal);
        self.scripts.note.command([name].into_iter(), |command| writing.arguments(command))
    }

    /// Writes a note.
    pub(super) async fn write(&self, writing: &Writing<'_>, until: Until) -> Result<Written, StoreError> {
        let group = Group::Journal(writing.journal);
        let keys = [self.journals.name(writing.journal)].into_iter();
        let arguments = |command: &mut Cmd| writing.arguments(command);
        let answer = self.scripts.note.run(&self.nodes, group, keys, arguments, until).await?;
        written(writing, &answer)
    }

    /// Takes out what is done with.
    pub(super) async fn take_out(&self, journal: u8, until: Until) -> Result<(), StoreError> {
        loop {
            let done = self.journals.take_done(journal);
            if done.is_empty() {
                return Ok(());
            }
            let mut command = redis::cmd("ZREM");
            command.arg(self.journals.name(journal)).arg(done);
            match self.nodes.call(Group::Journal(journal), &command, until).await {
                Err(Failure::Store(error)) => return Err(error),
                Err(Failure::Moved(_) | Failure::Ask(_) | Failure::TryAgain | Failure::NoScript) | Ok(_) => {}
            }
        }
    }

    /// The notes of a journal that are due, as they stand there, each with for how long.
    pub(super) async fn due(
        &self,
        journal: u8,
        at_most: usize,
        until: Until,
    ) -> Result<Vec<(Duration, Written)>, StoreError> {
        let put_off = self.journals.give_back_after / 2;
        let arguments = |command: &mut Cmd| {
            command.arg(at_most).arg(millis(put_off).max(1));
        };
        let keys = [self.journals.name(journal)].into_iter();
        let group = Group::Journal(journal);
        let answer = self.scripts.due.run(&self.nodes, group, keys, arguments, until).await?;
        let (now, members) = due_of(answer)
            .ok_or_else(|| StoreError::Corrupt { what: "a journal has what is no note".to_owned() })?;
        let since = |member: &Vec<u8>| {
            let due = member.first_chunk().map_or(0, |due| u64::from_le_bytes(*due));
            Duration::from_millis(now.saturating_sub(due))
        };
        Ok(members.into_iter().map(|member| (since(&member), Written { journal, member })).collect())
    }
}

/// A note as it stands in a journal, by when it is due.
pub(super) fn written(writing: &Writing<'_>, answer: &Value) -> Result<Written, StoreError> {
    let Value::Int(due) = answer else {
        return Err(StoreError::Corrupt { what: "a script answers what it never would".to_owned() });
    };
    if *due < 0 {
        return Err(StoreError::Unavailable {
            what: "too many decisions over several groups are not over".to_owned(),
            cause: "a journal is full".into(),
        });
    }
    let member = [&due.to_le_bytes()[..], writing.bytes].concat();
    Ok(Written { journal: writing.journal, member })
}

/// The time of the server in milliseconds, and what stands in the journal.
fn due_of(answer: Value) -> Option<(u64, Vec<Vec<u8>>)> {
    let Value::Array(mut items) = answer else { return None };
    let members = items.split_off(items.len().min(1));
    let Some(Value::Int(now)) = items.first() else { return None };
    let members =
        members.into_iter().map(|item| if let Value::BulkString(bytes) = item { Some(bytes) } else { None });
    Some((u64::try_from(*now).ok()?, members.collect::<Option<_>>()?))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use limitrate_core::time::Timestamp;

    use super::*;
    use crate::store::Ticket;

    fn journals() -> Journals {
        Journals::new(|journal| format!("journal {journal}"), Duration::from_secs(2))
    }

    #[test]
    fn what_is_done_is_taken_out_a_few_at_a_time_and_not_all_is_kept_in_mind() {
        let journals = journals();
        for number in 0..2 * MOST_DONE {
            journals.is_done(Written { journal: 3, member: number.to_le_bytes().to_vec() });
        }
        assert!(journals.take_done(2).is_empty());
        let mut count = 0;
        loop {
            let taken = journals.take_done(3).len();
            assert!(taken <= TAKEN_OUT);
            count += taken;
            if taken == 0 {
                break;
            }
        }
        assert_eq!(count, MOST_DONE);
    }

    #[test]
    fn servers_know_of_a_decision_for_longer_than_its_note_is_tried() {
        let journals = journals();
        for deadline in [Duration::ZERO, Call::DEADLINE, Duration::MAX] {
            let call = Call { deadline, ..Call::at(Timestamp(0), Ticket(1)) };
            let due = journals.due_after(&call);
            assert!((Duration::from_secs(2)..=Duration::from_secs(62)).contains(&due));
            assert!(journals.kept(&call).0 > i64::try_from((due + TRIED).as_nanos()).unwrap());
        }
    }

    #[test]
    fn a_journal_without_room_takes_no_decision() {
        let due_after = Duration::from_secs(1);
        let writing = Writing { journal: 1, bytes: b"note", due_after, kept: TRIED, done: Vec::new() };
        assert_eq!(written(&writing, &Value::Int(258)).unwrap().member, b"\x02\x01\0\0\0\0\0\0note");
        let full = written(&writing, &Value::Int(-1)).unwrap_err();
        assert!(matches!(full, StoreError::Unavailable { .. }), "{full:?}");
        assert!(matches!(written(&writing, &Value::Nil).unwrap_err(), StoreError::Corrupt { .. }));
    }

    #[test]
    fn what_a_journal_holds_is_read_with_the_time() {
        let note = |text: &[u8]| Value::BulkString(text.to_vec());
        let answer = Value::Array(vec![Value::Int(7), note(b"a"), note(b"b")]);
        assert_eq!(due_of(answer), Some((7, vec![b"a".to_vec(), b"b".to_vec()])));
        for answer in [Value::Nil, Value::Array(vec![]), Value::Array(vec![Value::Int(7), Value::Nil])] {
            assert_eq!(due_of(answer), None);
        }
    }
}

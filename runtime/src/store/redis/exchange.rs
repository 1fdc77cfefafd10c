//! Whatever a call asks for, in two trips: what stands under its keys is read, the [`Ledger`] works on it here, and what it changed
//! is written if all is still as it was read. If not, the server says how it is now, and the ledger works on that.

use std::collections::HashMap;

use limitrate_core::{key::CounterKey, time::Timestamp};
use redis::{Cmd, Value};

use super::{Inner, link::Until, names::Group, value};
use crate::store::{Call, ClockOf, Kept, Ledger, StoreError};

/// How often others may change what was read before the call is given up.
const MOST_ROUNDS: usize = 1_000;

/// What stands under keys, and the server's time.
struct Found {
    now: Timestamp,
    values: Vec<Option<Vec<u8>>>,
}

impl Inner {
    /// Executes a call over these keys, all of one place.
    pub(super) async fn exchange<T>(
        &self,
        call: &Call,
        keys: Vec<CounterKey>,
        until: Until,
        work: impl FnMut(&mut Ledger, Timestamp) -> T + Send,
    ) -> Result<T, StoreError> {
        self.exchange_traced(call, keys, until, None, work).await
    }

    /// The same, with a note of what was written over what, if one is wanted.
    pub(super) async fn exchange_traced<T>(
        &self,
        call: &Call,
        mut keys: Vec<CounterKey>,
        until: Until,
        trace: Option<&mut Trace>,
        mut work: impl FnMut(&mut Ledger, Timestamp) -> T + Send,
    ) -> Result<T, StoreError> {
        keys.sort_unstable();
        keys.dedup();
        let Some(first) = keys.first().copied() else { return Ok(work(&mut Ledger::new(), call.now)) };
        let group = Group::of(first);
        // Calls of this process on one counter come one after the other, rather than in each other's way.
        let home = self.nodes.home(group);
        let _turn = match &home {
            Some(home) => Some(home.turn(first, until).await?),
            None => None,
        };
        let names: Vec<_> = keys.iter().map(|key| self.names.of(*key)).collect();
        let mut found = self.read(group, &names, until).await?;
        for _ in 0..MOST_ROUNDS {
            let now = found.at(call);
            let mut ledger = found.ledger(&keys)?;
            let result = work(&mut ledger, now);
            let changes = changes(&ledger, now, call.clock);
            if changes.is_empty() {
                return Ok(result);
            }
            let fresh: Vec<_> = keys.iter().map(|key| changes.get(key)).collect();
            match self.swap(group, &names, &found, &fresh, until).await? {
                None => {
                    if let Some(trace) = trace {
                        trace.note(&ledger, now, call.clock, keys.iter().zip(&found.values));
                    }
                    return Ok(result);
                }
                Some(others) => found = others,
            }
            if until.is_over() {
                break;
            }
        }
        Err(StoreError::Unavailable {
            what: "others change the same counters all the time".to_owned(),
            cause: "no round was undisturbed".into(),
        })
    }

    /// What stands under a counter, and when that was.
    pub(super) async fn look_at(
        &self,
        call: &Call,
        counter: CounterKey,
        until: Until,
    ) -> Result<(Ledger, Timestamp), StoreError> {
        let found = self.read(Group::of(counter), &[self.names.of(counter)], until).await?;
        Ok((found.ledger(&[counter])?, found.at(call)))
    }

    /// Forgets a counter and what is beside it, whatever stands there: what is damaged is well again then.
    pub(super) async fn reset(&self, counter: CounterKey, until: Until) -> Result<bool, StoreError> {
        let names = Ledger::keys_of_counter(counter).map(|key| self.names.of(key));
        let keys = names.iter().map(String::as_str);
        let answer = self.scripts.reset.run(&self.nodes, Group::of(counter), keys, |_| {}, until).await?;
        Ok(answer == Value::Int(1))
    }

    /// What stands under keys of one place and is not idle.
    pub(super) async fn kept(&self, call: &Call, keys: &[CounterKey]) -> Result<Vec<Kept>, StoreError> {
        let Some(first) = keys.first() else { return Ok(Vec::new()) };
        let names: Vec<_> = keys.iter().map(|key| self.names.of(*key)).collect();
        let found = self.read(Group::of(*first), &names, Until::after(call.deadline)).await?;
        let now = found.at(call);
        let mut all = Vec::with_capacity(keys.len());
        for (key, bytes) in keys.iter().zip(&found.values) {
            let Some(bytes) = bytes else { continue };
            let (entry, idle_at) = value::decode(*key, bytes)?;
            if now < idle_at {
                all.push(Kept { key: *key, entry, idle_at });
            }
        }
        Ok(all)
    }

    async fn read(&self, group: Group, names: &[String], until: Until) -> Result<Found, StoreError> {
        let keys = names.iter().map(String::as_str);
        let answer = self.scripts.read.run(&self.nodes, group, keys, |_| {}, until).await?;
        Found::of(answer, names.len())
    }

    /// Changes what stands under one key, if that is still as it was read; false if it is not.
    pub(super) async fn replace(
        &self,
        key: CounterKey,
        read: Option<Vec<u8>>,
        change: &Change,
        until: Until,
    ) -> Result<bool, StoreError> {
        let found = Found { now: Timestamp::MIN, values: vec![read] };
        let changed =
            self.swap(Group::of(key), &[self.names.of(key)], &found, &[Some(change)], until).await?;
        Ok(changed.is_none())
    }

    /// Puts back what was written over, if nobody changed it since; false if somebody did.
    pub(super) async fn undo(&self, trace: &Trace, now: Timestamp, until: Until) -> Result<bool, StoreError> {
        let Some(first) = trace.0.first() else { return Ok(true) };
        let names: Vec<_> = trace.0.iter().map(|image| self.names.of(image.key)).collect();
        let values = trace.0.iter().map(|image| image.after.clone()).collect();
        let before = |image: &Image| {
            let idle_at = image.before.as_deref().and_then(value::idle_at).unwrap_or(now);
            Change {
                value: image.before.clone(),
                time_to_live: value::time_to_live(idle_at, now, image.clock),
            }
        };
        let before: Vec<_> = trace.0.iter().map(before).collect();
        let fresh: Vec<_> = before.iter().map(Some).collect();
        let found = Found { now, values };
        Ok(self.swap(Group::of(first.key), &names, &found, &fresh, until).await?.is_none())
    }

    /// Writes what is fresh. `None` if it was written, and how it is now if that is not as it was found.
    async fn swap(
        &self,
        group: Group,
        names: &[String],
        found: &Found,
        fresh: &[Option<&Change>],
        until: Until,
    ) -> Result<Option<Found>, StoreError> {
        let arguments = |command: &mut Cmd| {
            for value in &found.values {
                command.arg(value.as_deref().unwrap_or_default());
            }
            for change in fresh {
                command.arg(change.map_or(&b""[..], |change| change.value.as_deref().unwrap_or(b"-")));
            }
            for change in fresh {
                command.arg(change.map_or(0, |change| change.time_to_live));
            }
        };
        let keys = names.iter().map(String::as_str);
        let answer = self.scripts.swap.run(&self.nodes, group, keys, arguments, until).await?;
        if answer == Value::Int(1) {
            return Ok(None);
        }
        Found::of(answer, names.len()).map(Some)
    }
}

impl Found {
    /// What stands under these keys, to be worked on.
    fn ledger(&self, keys: &[CounterKey]) -> Result<Ledger, StoreError> {
        let mut ledger = Ledger::new();
        for (key, bytes) in keys.iter().zip(&self.values) {
            let kept = bytes.as_deref().map(|bytes| value::decode(*key, bytes)).transpose()?;
            ledger.load(*key, kept);
        }
        Ok(ledger)
    }

    /// The instant that a call goes by.
    const fn at(&self, call: &Call) -> Timestamp {
        match call.clock {
            ClockOf::Store => self.now,
            ClockOf::Caller => call.now,
        }
    }
}

/// What a call wrote over what.
#[derive(Debug, Default)]
pub(super) struct Trace(Vec<Image>);

#[derive(Debug)]
struct Image {
    key: CounterKey,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
    clock: ClockOf,
}

impl Trace {
    /// Notes what a ledger changed of what was read. What was not read was not there.
    pub(super) fn note<'t>(
        &mut self,
        ledger: &Ledger,
        now: Timestamp,
        clock: ClockOf,
        read: impl Iterator<Item = (&'t CounterKey, &'t Option<Vec<u8>>)>,
    ) {
        let read: HashMap<_, _> = read.collect();
        let image = |(key, change): (CounterKey, Change)| Image {
            key,
            before: read.get(&key).and_then(|before| (*before).clone()),
            after: change.value,
            clock,
        };
        self.0 = changes(ledger, now, clock).into_iter().map(image).collect();
    }
}

/// What takes the place of a value.
pub(super) struct Change {
    /// `None` drops it.
    pub(super) value: Option<Vec<u8>>,
    /// In milliseconds.
    pub(super) time_to_live: i64,
}

fn changes(ledger: &Ledger, now: Timestamp, clock: ClockOf) -> HashMap<CounterKey, Change> {
    let change = |(key, kept): (CounterKey, Option<(&_, Timestamp)>)| {
        let change = match kept {
            Some((entry, idle_at)) => Change {
                value: Some(value::encode(entry, idle_at)),
                time_to_live: value::time_to_live(idle_at, now, clock),
            },
            None => Change { value: None, time_to_live: 0 },
        };
        (key, change)
    };
    ledger.changes().map(change).collect()
}

impl Found {
    fn of(answer: Value, count: usize) -> Result<Self, StoreError> {
        let unknown = |what: String| StoreError::Corrupt { what };
        let Value::Array(mut items) = answer else {
            return Err(unknown("a script answers what it never would".to_owned()));
        };
        let values = items.split_off(items.len().min(2));
        let (seconds, micros) =
            redis::from_redis_value(Value::Array(items)).map_err(|error| unknown(error.to_string()))?;
        let values: Vec<Option<Vec<u8>>> =
            redis::from_redis_value(Value::Array(values)).map_err(|error| unknown(error.to_string()))?;
        if values.len() != count {
            return Err(unknown(format!("{} values stand under {count} keys", values.len())));
        }
        Ok(Self { now: value::instant(seconds, micros), values })
    }
}

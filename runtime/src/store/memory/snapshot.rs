//! All that a memory store keeps, told and taken over: what a restart or another store goes on from.
//!
//! The counters that keys without room share are left out: they are this process's way out of a shortage, and no key's own.

use limitrate_core::{algorithm::State, key::CounterKey, time::Timestamp};

use super::{
    MemoryStore,
    entry::{Entry as Listed, Kept as Inner},
    shard::{Kind, Promised},
    slot::{Narrow, Slot, Wide},
    tables::Tables,
};
use crate::store::{Entry, Kept};

/// Tells what is kept and not idle, a shard at a time.
pub(super) fn tell(store: &MemoryStore, now: Timestamp, tell: &mut dyn FnMut(Kept)) {
    for shard in &store.shards {
        // The shard is not locked while somebody is told.
        let mut told = Vec::new();
        {
            let locked = shard.lock();
            let narrow = shard.narrow.each();
            let narrow = narrow.map(|(key, kept)| counter(key, Narrow::state(kept), Narrow::idle_at(kept)));
            let wide = shard.wide.each();
            let wide = wide.map(|(key, kept)| counter(key, Wide::state(kept), Wide::idle_at(kept)));
            let listed = locked.table.each().filter_map(listed);
            told.extend(narrow.chain(wide).chain(listed).filter(|kept| now < kept.idle_at));
        }
        told.into_iter().for_each(&mut *tell);
    }
}

/// An entry of a table, unless a decision has taken it out.
fn listed(entry: &Listed) -> Option<Kept> {
    let kept = match &entry.kept {
        Inner::Counter(state) => Entry::Counter(state.clone()?),
        Inner::Hold(hold) => Entry::Hold(*hold),
        Inner::Block(block) => Entry::Block(*block),
        Inner::Warning(warning) => Entry::Warning(*warning),
    };
    Some(Kept { key: entry.key, entry: kept, idle_at: entry.idle_at })
}

/// What stands under a key.
#[cfg(feature = "sqlite")]
pub(super) fn kept(store: &MemoryStore, key: CounterKey) -> Option<Kept> {
    let tables = Tables::lock(store, [key]);
    if let Some((state, idle_at)) = tables.own(key) {
        return Some(counter(key, state.clone(), idle_at));
    }
    tables.beside(key)?.entry(key).and_then(listed)
}

const fn counter(key: CounterKey, state: State, idle_at: Timestamp) -> Kept {
    Kept { key, entry: Entry::Counter(state), idle_at }
}

/// Keeps an entry where nothing is kept under its key; false if something is, it is idle, or there is no room.
pub(super) fn keep(store: &MemoryStore, now: Timestamp, kept: &Kept) -> bool {
    let Kept { key, entry, idle_at } = kept;
    if *idle_at <= now {
        return false;
    }
    let mut tables = Tables::lock(store, [*key]);
    if tables.own_state(*key).is_some()
        || tables.beside(*key).is_some_and(|table| table.entry(*key).is_some())
    {
        return false;
    }
    let beside = match entry {
        Entry::Counter(state) => {
            let kind = kind_of(state);
            return tables.has_room_swept(*key, now, Promised::default().with(kind, 1))
                && tables.change(*key, |counter| counter.adopt(state.clone(), kind, *idle_at)).is_some();
        }
        Entry::Hold(hold) => Inner::Hold(*hold),
        Entry::Block(block) => Inner::Block(*block),
        Entry::Warning(warning) => Inner::Warning(*warning),
        Entry::Receipt(_) | Entry::Judged(_) => return false,
    };
    tables.put_beside(*key, now, *key, beside, *idle_at)
}

/// Where a state is kept. A bucket that lingers is moved on by the slot that cannot keep it.
const fn kind_of(state: &State) -> Kind {
    match state {
        State::Bucket(bucket) if bucket.linger.0 == 0 => Kind::Narrow,
        State::Bucket(_) | State::FixedWindow(_) | State::SlidingWindow(_) => Kind::Wide,
        State::SlidingLog(_) | State::InFlight(_) => Kind::Listed,
    }
}

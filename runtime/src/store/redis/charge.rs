//! Decisions: in one trip where the script can, in two where it cannot.

use std::sync::atomic::Ordering;

use limitrate_core::{
    algorithm::Refusal,
    charge::{Charge, Mode, Verdict},
    key::CounterKey,
    time::Timestamp,
};
use redis::{Cmd, Value};
use smallvec::SmallVec;

use super::{
    Inner,
    exchange::{Change, Trace},
    groups,
    link::Until,
    names::Group,
    quick::{self, Plan},
    script::Script,
    value,
};
use crate::store::{Call, Charged, ClockOf, Entry, Ledger, StoreError, beside::warning_key};

/// What stood under the keys that a script read.
pub(super) type States = SmallVec<[Option<Vec<u8>>; 4]>;

/// How many bytes of a plain answer come before the first state.
const PLAIN_HEAD: usize = 9;

/// What a script came to.
pub(super) enum Outcome {
    /// It judged, and took or did not take.
    Judged(Judged),
    /// It left the decision to another script, or to wider arithmetic.
    Left,
    /// The decision that this is a step of was given up.
    GivenUp,
}

/// A decision that a script made.
pub(super) struct Judged {
    pub(super) taken: bool,
    pub(super) now: Timestamp,
    pub(super) before: States,
}

impl Inner {
    /// Judges charges of one place, and takes all or none.
    pub(super) async fn charge_together(
        &self,
        call: &Call,
        charges: &[Charge<'_>],
        until: Until,
    ) -> Result<Charged, StoreError> {
        if let Some(request) = call.request
            && let Some(charged) = self.charge_once(call, request, charges, until).await?
        {
            return Ok(charged);
        }
        self.charge_traced(call, charges, until, None).await
    }

    /// The same, with a note of what was written over what, if one is wanted.
    pub(super) async fn charge_traced(
        &self,
        call: &Call,
        charges: &[Charge<'_>],
        until: Until,
        trace: Option<&mut Trace>,
    ) -> Result<Charged, StoreError> {
        let about = self.about(call);
        let group = charges.first().map_or(Group::Meta, |first| Group::of(first.counter));
        if let Some(plan) = quick::plain::pack(&self.names, call, charges, about)
            && let Outcome::Judged(judged) = self.judge_plainly(call, group, &plan, until).await?
        {
            return self.answer(call, charges, &plan, judged, until, trace).await;
        }
        if let Some(plan) = quick::pack(&self.names, call, charges, about)
            && let Outcome::Judged(judged) = self.judge(call, group, &plan, until).await?
        {
            return self.answer(call, charges, &plan, judged, until, trace).await;
        }
        metrics::counter!("limitrate_store_wide_decisions_total", "store" => "redis").increment(1);
        let work = |ledger: &mut Ledger, now| ledger.charge(now, call, charges);
        // Apart from the rest, which is moved for each decision and should be small.
        Box::pin(self.exchange_traced(call, groups::keys(call, charges), until, trace, work)).await
    }

    /// Has the script for plain decisions judge.
    async fn judge_plainly(
        &self,
        call: &Call,
        group: Group,
        plan: &Plan,
        until: Until,
    ) -> Result<Outcome, StoreError> {
        let answer = self.run(&self.scripts.plain, group, plan, until).await?;
        if let Value::BulkString(mut head) = answer {
            if head.len() < PLAIN_HEAD {
                return Err(unknown());
            }
            let state = head.split_off(PLAIN_HEAD);
            let before = Some(state).filter(|state| !state.is_empty());
            self.outcome(call, plan, plain_head(&head)?, [Ok(before)].into_iter())
        } else if let Value::Array(items) = answer {
            let mut items = items.into_iter();
            let Some(Value::BulkString(head)) = items.next() else { return Err(unknown()) };
            self.outcome(call, plan, plain_head(&head)?, items.map(state))
        } else {
            Err(unknown())
        }
    }

    /// Has the script judge.
    async fn judge(
        &self,
        call: &Call,
        group: Group,
        plan: &Plan,
        until: Until,
    ) -> Result<Outcome, StoreError> {
        let answer = self.run(&self.scripts.charge, group, plan, until).await?;
        self.judged(call, plan, answer)
    }

    /// What the script's answer says.
    pub(super) fn judged(&self, call: &Call, plan: &Plan, answer: Value) -> Result<Outcome, StoreError> {
        let Value::Array(items) = answer else { return Err(unknown()) };
        let mut items = items.into_iter();
        let (Some(Value::Int(code)), Some(Value::Int(high)), Some(Value::Int(low))) =
            (items.next(), items.next(), items.next())
        else {
            return Err(unknown());
        };
        if code == 3 {
            return Ok(Outcome::GivenUp);
        }
        let now = Timestamp(high.saturating_mul(1 << 32).saturating_add(low));
        self.outcome(call, plan, (code, now), items.map(state))
    }

    async fn run(
        &self,
        script: &Script,
        group: Group,
        plan: &Plan,
        until: Until,
    ) -> Result<Value, StoreError> {
        let keys = plan.names.iter().map(String::as_str);
        let arguments = |command: &mut Cmd| {
            command.arg(plan.bytes.as_slice());
            if let Some(now) = plan.now {
                command.arg(now.0.to_le_bytes().as_slice());
            }
        };
        script.run(&self.nodes, group, keys, arguments, until).await
    }

    /// What a script came to.
    fn outcome(
        &self,
        call: &Call,
        plan: &Plan,
        (code, now): (i64, Timestamp),
        states: impl Iterator<Item = Result<Option<Vec<u8>>, StoreError>>,
    ) -> Result<Outcome, StoreError> {
        if call.clock == ClockOf::Store {
            self.ahead.store(now.0.saturating_sub(call.now.0), Ordering::Relaxed);
        }
        let taken = match code {
            0 => false,
            1 => true,
            2 => return Ok(Outcome::Left),
            _ => return Err(unknown()),
        };
        let before: States = states.collect::<Result<_, _>>()?;
        if before.len() != plan.read.len() {
            return Err(unknown());
        }
        Ok(Outcome::Judged(Judged { taken, now, before }))
    }

    /// What the decision comes to that a script made from these states.
    pub(super) async fn answer(
        &self,
        call: &Call,
        charges: &[Charge<'_>],
        plan: &Plan,
        Judged { taken, now, before }: Judged,
        until: Until,
        trace: Option<&mut Trace>,
    ) -> Result<Charged, StoreError> {
        let mut ledger = Ledger::new();
        for (key, bytes) in plan.read.iter().zip(&before) {
            let kept = bytes.as_deref().map(|bytes| value::decode(*key, bytes)).transpose();
            // The decision is made. What is damaged did not matter to it: warnings, and the ends of what the script skips.
            let kept = kept.unwrap_or_else(|error| {
                metrics::counter!("limitrate_store_damaged_total", "store" => "redis").increment(1);
                tracing::warn!(%error, "what stands beside a counter is taken for nothing");
                None
            });
            ledger.load(*key, kept);
        }
        let mut charged = ledger.charge(now, call, charges);
        if charged.taken != taken {
            metrics::counter!("limitrate_store_disagreements_total", "store" => "redis").increment(1);
            tracing::error!(taken, ?charges, ?before, ?now, "a script and the ledger disagree on a decision");
            charged.taken = taken;
            // What is not known to be taken in shadow is not used.
            let shadows =
                charges.iter().zip(&mut charged.verdicts).filter(|(charge, _)| charge.mode == Mode::Shadow);
            shadows.for_each(|(_, verdict)| verdict.judged = Err(Refusal::Never));
        }
        if let Some(trace) = trace {
            trace.note(&ledger, now, call.clock, plan.read.iter().zip(&before));
        }
        if plan.warns {
            Box::pin(self.warn(call, charges, (&ledger, &plan.read, &before), &mut charged, until)).await;
        }
        Ok(charged)
    }

    /// Writes down that the caller is warned. Who finds that somebody else was meanwhile, is not.
    async fn warn(
        &self,
        call: &Call,
        charges: &[Charge<'_>],
        (ledger, read, before): (&Ledger, &[CounterKey], &[Option<Vec<u8>>]),
        charged: &mut Charged,
        until: Until,
    ) {
        let given: Vec<(CounterKey, Entry, Timestamp)> = ledger
            .changes()
            .filter_map(|(key, kept)| match kept {
                Some((entry @ Entry::Warning(_), idle_at)) => Some((key, entry.clone(), idle_at)),
                Some(_) | None => None,
            })
            .collect();
        for (key, entry, idle_at) in given {
            let last =
                read.iter().zip(before).find(|(read, _)| **read == key).and_then(|(_, bytes)| bytes.clone());
            let time_to_live = value::time_to_live(idle_at, charged.now, call.clock);
            let warning = Change { value: Some(value::encode(&entry, idle_at)), time_to_live };
            // The decision stands, whatever becomes of this.
            let is_told = self.replace(key, last, &warning, until).await.unwrap_or(false);
            let on_it =
                |(charge, _): &(&Charge<'_>, &mut Verdict)| !is_told && warning_key(charge.counter) == key;
            charges
                .iter()
                .zip(&mut charged.verdicts)
                .filter(on_it)
                .for_each(|(_, verdict)| verdict.warned = None);
        }
    }

    /// What the clock will show where the decision is made, more or less.
    pub(super) fn about(&self, call: &Call) -> Timestamp {
        match call.clock {
            ClockOf::Store => Timestamp(call.now.0.saturating_add(self.ahead.load(Ordering::Relaxed))),
            ClockOf::Caller => call.now,
        }
    }
}

/// The outcome and the instant at the beginning of a plain answer.
fn plain_head(head: &[u8]) -> Result<(i64, Timestamp), StoreError> {
    let (code, now) = head.split_first().ok_or_else(unknown)?;
    let now = now.try_into().map_err(|_| unknown())?;
    Ok((i64::from(*code), Timestamp(i64::from_le_bytes(now))))
}

/// What stood under a key.
fn state(item: Value) -> Result<Option<Vec<u8>>, StoreError> {
    if let Value::BulkString(bytes) = item {
        return Ok(Some(bytes));
    }
    if matches!(item, Value::Nil) { Ok(None) } else { Err(unknown()) }
}

fn unknown() -> StoreError {
    StoreError::Corrupt { what: "the script answers what it never would".to_owned() }
}

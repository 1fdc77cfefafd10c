//! Decisions: in one trip where the script can, in two where it cannot.

use std::sync::atomic::Ordering;

use limitrate_core::{
    charge::{Charge, Verdict},
    key::CounterKey,
    time::Timestamp,
};
use redis::{Cmd, Value};

use super::{
    Inner,
    exchange::{Change, Trace},
    groups,
    link::Until,
    names::Group,
    quick::{self, Plan},
    value,
};
use crate::store::{Call, Charged, ClockOf, Entry, Ledger, StoreError, beside::warning_key};

/// What the script came to.
pub(super) enum Outcome {
    /// It judged, and took or did not take.
    Judged { taken: bool, now: Timestamp, before: Vec<Option<Vec<u8>>> },
    /// It left the decision to wider arithmetic.
    Left,
    /// The decision that this is a step of was given up.
    GivenUp,
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
        if let Some(plan) = quick::pack(&self.names, call, charges, self.about(call))
            && let Some(first) = charges.first()
            && let Outcome::Judged { taken, now, before } =
                self.judge(call, Group::of(first.counter), &plan, until).await?
        {
            return self.answer(call, charges, &plan, (taken, now, before), until, trace).await;
        }
        metrics::counter!("limitrate_store_wide_decisions_total", "store" => "redis").increment(1);
        self.exchange_traced(call, groups::keys(call, charges), until, trace, |ledger, now| {
            ledger.charge(now, call, charges)
        })
        .await
    }

    /// Has the script judge.
    async fn judge(
        &self,
        call: &Call,
        group: Group,
        plan: &Plan,
        until: Until,
    ) -> Result<Outcome, StoreError> {
        let keys = plan.names.iter().map(String::as_str);
        let arguments = |command: &mut Cmd| {
            command.arg(plan.bytes.as_slice());
        };
        let answer = self.scripts.charge.run(&self.nodes, group, keys, arguments, until).await?;
        self.judged(call, plan, answer)
    }

    /// What the script's answer says.
    pub(super) fn judged(&self, call: &Call, plan: &Plan, answer: Value) -> Result<Outcome, StoreError> {
        let unknown = || StoreError::Corrupt { what: "the script answers what it never would".to_owned() };
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
        if call.clock == ClockOf::Store {
            self.ahead.store(now.0.saturating_sub(call.now.0), Ordering::Relaxed);
        }
        let taken = match code {
            0 => false,
            1 => true,
            _ => return Ok(Outcome::Left),
        };
        let mut before = Vec::with_capacity(plan.read.len());
        for item in items {
            before.push(if let Value::BulkString(bytes) = item {
                Some(bytes)
            } else if matches!(item, Value::Nil) {
                None
            } else {
                return Err(unknown());
            });
        }
        if before.len() != plan.read.len() {
            return Err(unknown());
        }
        Ok(Outcome::Judged { taken, now, before })
    }

    /// What the decision comes to that a script made from these states.
    pub(super) async fn answer(
        &self,
        call: &Call,
        charges: &[Charge<'_>],
        plan: &Plan,
        (taken, now, before): (bool, Timestamp, Vec<Option<Vec<u8>>>),
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
        }
        if let Some(trace) = trace {
            trace.note(&ledger, now, call.clock, plan.read.iter().zip(&before));
        }
        if plan.warns {
            self.warn(call, charges, (&ledger, &plan.read, &before), &mut charged, until).await;
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

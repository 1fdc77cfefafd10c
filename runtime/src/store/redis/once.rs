//! Decisions of calls that name themselves, in one trip: the script that judges keeps what it judged by as the receipt. A call that is
//! made again is answered from that.

use limitrate_core::{
    algorithm::Algorithm,
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use redis::{Cmd, Value};

use super::{Inner, charge::Outcome, link::Until, names::Group, quick, value};
use crate::store::{
    Call, Charged, ClockOf, Ledger, RequestId, StoreError, beside::receipt_key, contract::RECEIPT_KEPT,
};

/// What the script's answer begins with where the call was made before.
const KNOWN: i64 = 3;

impl Inner {
    /// Judges charges of one place for a call of this name. `None` where that is not for the script, and nothing was changed.
    pub(super) async fn charge_once(
        &self,
        call: &Call,
        request: RequestId,
        charges: &[Charge<'_>],
        until: Until,
    ) -> Result<Option<Charged>, StoreError> {
        let unnamed = Call { request: None, ..*call };
        if !charges.iter().all(is_short) {
            return Ok(None);
        }
        let (Some(first), Some(mut plan)) =
            (charges.first(), quick::pack(&self.names, &unnamed, charges, self.about(call)))
        else {
            return Ok(None);
        };
        let receipt = receipt_key(first.counter, request);
        plan.names.push(self.names.of(receipt));
        let arguments = |command: &mut Cmd| {
            let from = Timestamp(Nanos::from_secs(1).0);
            let kept = value::time_to_live(from.after(RECEIPT_KEPT), from, call.clock);
            command.arg(plan.bytes.as_slice()).arg(kept).arg(RECEIPT_KEPT.0);
        };
        let group = Group::of(first.counter);
        let keys = plan.names.iter().map(String::as_str);
        let answer = self.scripts.once.run(&self.nodes, group, keys, arguments, until).await?;
        if let Some(known) = known(&answer) {
            return again(call, charges, receipt, known);
        }
        match self.judged(&unnamed, &plan, answer)? {
            Outcome::Judged(judged) => {
                self.answer(&unnamed, charges, &plan, judged, until, None).await.map(Some)
            }
            Outcome::Left | Outcome::GivenUp => Ok(None),
        }
    }
}

/// Whether what a charge is judged by is short, and all of it: it is kept. Who was warned first, a script does not know.
const fn is_short(charge: &Charge<'_>) -> bool {
    let is_list = matches!(charge.algorithm, Algorithm::SlidingLog(_) | Algorithm::InFlight(_));
    !is_list && charge.warn.is_empty()
}

/// The server's time and the receipt of a call that was made before.
fn known(answer: &Value) -> Option<(Timestamp, &[u8])> {
    let Value::Array(items) = answer else { return None };
    let [Value::Int(KNOWN), seconds, micros, Value::BulkString(receipt)] = items.as_slice() else {
        return None;
    };
    let number = |value: &Value| redis::from_redis_value_ref(value).ok();
    Some((value::instant(number(seconds)?, number(micros)?), receipt))
}

/// The answer by a receipt. `None` if it does not count any more.
fn again(
    call: &Call,
    charges: &[Charge<'_>],
    receipt: CounterKey,
    (now, bytes): (Timestamp, &[u8]),
) -> Result<Option<Charged>, StoreError> {
    let now = match call.clock {
        ClockOf::Store => now,
        ClockOf::Caller => call.now,
    };
    let kept = value::decode(receipt, bytes)?;
    let mut ledger = Ledger::new();
    ledger.load(receipt, Some(kept));
    let is_remembered = ledger.remembers(now, call, charges);
    Ok(is_remembered.then(|| ledger.charge(now, call, charges)))
}

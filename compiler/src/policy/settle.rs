//! Settling what a request reserved: by the interpreter, over what was kept of the request.

use limitrate_core::facts::{FactId, Phase};

use super::{Policy, Scratch, selection::Read};
use crate::{
    classify::Frame,
    interpret::{self, demand::Demand},
    ir::{Program, SlotId, slot::Slot},
    request::Request,
};

/// What settlements read.
#[derive(Debug)]
pub(super) struct Settling {
    /// The slots of the request.
    kept: Box<[SlotId]>,
    /// The slots that say whether a fact of the response is there.
    present: Box<[(SlotId, FactId)]>,
}

impl Settling {
    pub(super) fn new(program: &Program) -> Self {
        let of_response = |fact: &FactId| {
            let declared = program.facts.get(usize::from(fact.0));
            declared.is_some_and(|fact| fact.decl.phase == Phase::Response)
        };
        let nodes = program.settlements.iter().flat_map(|settlement| [settlement.known, settlement.actual]);
        let Some(read) = Read::by(program, nodes, usize::MAX) else {
            return Self { kept: Box::default(), present: Box::default() };
        };
        let slots = (0..).map(SlotId).zip(&program.slots).zip(&read.slots).filter(|(_, read)| **read);
        let (response, request): (Vec<_>, Vec<_>) =
            slots.map(|(slot, _)| slot).partition(|(_, slot)| slot.facts().iter().flatten().any(of_response));
        let present = response.iter().filter_map(|(id, slot)| {
            let Slot::Present(fact) = **slot else { return None };
            Some((*id, fact))
        });
        Self { kept: request.iter().map(|(id, _)| *id).collect(), present: present.collect() }
    }
}

impl Policy {
    /// What the settlements will need of a request once its response is known.
    #[must_use]
    pub fn keep(&self, request: &impl Request) -> Box<[i64]> {
        let (mut frame, kept) = (Frame::default(), &self.settling.kept);
        self.classifier.begin(&self.program, &mut frame);
        for slot in kept {
            self.classifier.read(&self.program, request, self.classifier.group_of(*slot), &mut frame);
        }
        kept.iter().map(|slot| frame.slots().get(slot.0 as usize).copied().unwrap_or(0)).collect()
    }

    /// What the `wanted` of [`Program::settlements`] come to, by their position there. `kept` is what [`Self::keep`] gave
    /// for the request; `response` has the facts of its response, and those of the request that they are compared with.
    /// `None` where the response lacks a fact that one needs.
    pub fn settle(
        &self,
        kept: &[i64],
        response: &impl Request,
        wanted: impl IntoIterator<Item = usize>,
        scratch: &mut Scratch,
        out: &mut Vec<Option<i64>>,
    ) {
        let Scratch { whole, demand, values, .. } = scratch;
        self.respond(kept, response, whole);
        if self.tier.is_reference() {
            return interpret::settle(&self.program, whole, wanted, values, out);
        }
        demand.begin(&self.program);
        out.clear();
        out.extend(wanted.into_iter().map(|wanted| {
            let settlement = self.program.settlements.get(wanted)?;
            let mut value = |node| {
                demand.value(&self.program, &self.truths, node, |slot| {
                    whole.get(slot.0 as usize).copied().unwrap_or(0)
                })
            };
            (value(settlement.known) != 0).then(|| value(settlement.actual))
        }));
    }

    /// The facts of the response without which a settlement is not known, whatever the others are.
    #[must_use]
    pub fn missing(&self, settlement: usize, kept: &[i64], response: &impl Request) -> Vec<FactId> {
        let Some(settlement) = self.program.settlements.get(settlement) else { return Vec::new() };
        let mut frame = Vec::new();
        self.respond(kept, response, &mut frame);
        let absent = self.settling.present.iter();
        let absent = absent.filter(|(slot, _)| frame.get(slot.0 as usize).is_none_or(|there| *there == 0));
        let absent: Vec<(SlotId, FactId)> = absent.copied().collect();
        let mut demand = Demand::default();
        let needed = absent.iter().filter(|(without, _)| {
            demand.begin(&self.program);
            let known = demand.value(&self.program, &self.truths, settlement.known, |slot| {
                let other = *without != slot && absent.iter().any(|(of, _)| *of == slot);
                if other { 1 } else { frame.get(slot.0 as usize).copied().unwrap_or(0) }
            });
            known == 0
        });
        needed.map(|(_, fact)| *fact).collect()
    }

    /// The slots of a request with those of its response, as far as settlements read them: others hold anything.
    fn respond(&self, kept: &[i64], response: &impl Request, frame: &mut Vec<i64>) {
        frame.resize(self.program.slots.len(), 0);
        for (slot, value) in self.settling.kept.iter().zip(kept) {
            if let Some(place) = frame.get_mut(slot.0 as usize) {
                *place = *value;
            }
        }
        self.classifier.fill_response(&self.program, response, frame);
    }
}

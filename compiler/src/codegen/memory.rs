//! The memory that machine code lives in, and the calls into it.
#![expect(unsafe_code, reason = "maps and calls generated code; each block names its invariant")]

use std::{borrow::Cow, io};

use memmap2::{Mmap, MmapMut};

use crate::{
    index::shape::Computes,
    outcome::{
        RawCharge, RawOutcome,
        judge::{self, Implausible},
    },
};

/// Where the functions are, and what they need.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Offsets of the functions that find denies.
    pub(super) denies: Vec<usize>,
    /// Offsets of the functions that find exempts.
    pub(super) exempts: Vec<usize>,
    /// Offsets of the functions that find charges.
    pub(super) charges: Vec<usize>,
    /// Offsets of the functions that find reports of shadow rules.
    pub(super) reports: Vec<usize>,
    /// How many slots they read.
    pub(super) slots: usize,
    /// How many sites a stratum has at most, and so writes at most.
    pub(super) most_sites: usize,
    /// Bodies that sites share, by the position of their shape.
    pub(super) bodies: Vec<Body>,
}

/// A body that sites share.
#[derive(Debug)]
pub(super) struct Body {
    /// Where it is.
    pub(super) offset: usize,
    /// What it computes.
    pub(super) computes: Computes,
    /// How many parameters it reads.
    pub(super) parameters: usize,
}

/// A function over a frame. It writes the sites that apply to `out`, one after the other, and gives their number.
type SitesFunction = unsafe extern "C" fn(frame: *const i64, out: *mut RawCharge) -> u64;

/// A function over a frame and the parameters of a site. Where it computes amounts, it writes both to `out`.
type BodyFunction =
    unsafe extern "C" fn(frame: *const i64, parameters: *const i64, out: *mut [i64; 2]) -> u64;

/// Machine code of one program. Unmapped on drop.
#[derive(Debug)]
pub struct Code {
    /// `None` where the program has no sites: an empty mapping is not allowed.
    map: Option<Mmap>,
    layout: Layout,
}

impl Code {
    /// Copies the code to executable memory.
    pub(super) fn map(bytes: &[u8], layout: Layout) -> io::Result<Self> {
        if bytes.is_empty() {
            return Ok(Self { map: None, layout });
        }
        let mut map = MmapMut::map_anon(bytes.len())?;
        map.copy_from_slice(bytes);
        Ok(Self { map: Some(map.make_exec()?), layout })
    }

    /// The size of the code in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.len())
    }

    /// Decides over a frame; `out` is cleared and gets the sites that apply.
    ///
    /// # Errors
    ///
    /// [`Implausible`] if it says to have written more than it can have.
    pub fn decide(&self, frame: &[i64], out: &mut Vec<RawCharge>) -> Result<RawOutcome, Implausible> {
        let frame = &*self.whole(frame);
        self.run(&self.layout.denies, frame, out)?;
        if !out.is_empty() {
            return Ok(RawOutcome::Deny);
        }
        if !self.layout.exempts.is_empty() {
            self.run(&self.layout.exempts, frame, out)?;
            if !out.is_empty() {
                return Ok(RawOutcome::Exempt);
            }
        }
        self.run(&self.layout.charges, frame, out)?;
        Ok(RawOutcome::Charges)
    }

    /// Finds the reports of shadow rules that apply; `out` is cleared first.
    ///
    /// # Errors
    ///
    /// As for [`Self::decide`].
    pub fn report(&self, frame: &[i64], out: &mut Vec<RawCharge>) -> Result<(), Implausible> {
        self.run(&self.layout.reports, &self.whole(frame), out)
    }

    /// Whether a guard holds; `None` where there is no such guard, or it would read more than it is given.
    #[inline]
    pub(crate) fn holds(&self, body: usize, frame: &[i64], parameters: &[i64]) -> Option<bool> {
        self.body(body, Computes::Guard, frame, parameters).map(|(holds, _)| holds)
    }

    /// Ceiling and cost of a charge; `None` as of [`Self::holds`].
    #[inline]
    pub(crate) fn amounts(&self, body: usize, frame: &[i64], parameters: &[i64]) -> Option<[i64; 2]> {
        self.body(body, Computes::Amounts, frame, parameters).map(|(_, amounts)| amounts)
    }

    #[inline]
    fn body(
        &self,
        body: usize,
        computes: Computes,
        frame: &[i64],
        parameters: &[i64],
    ) -> Option<(bool, [i64; 2])> {
        let body = self.layout.bodies.get(body).filter(|body| body.computes == computes)?;
        if frame.len() < self.layout.slots || parameters.len() != body.parameters {
            return None;
        }
        let start = self.map.as_ref()?.get(body.offset..)?;
        let mut out = [0_i64; 2];
        // SAFETY: `start` is where the code generator put a function of this signature in a mapping that is executable
        // and lives as long as `self`. It translated nothing but loads of the first `parameters` words of the parameters,
        // of which there are as many, and of words of the frame at offsets that are among them. Those come from the index
        // of the same program, which names slots of the program only, and the frame has all of them. What it writes is
        // at most two words, for which `out` has room.
        let holds = unsafe {
            let function = std::mem::transmute::<*const u8, BodyFunction>(start.as_ptr());
            function(frame.as_ptr(), parameters.as_ptr(), &raw mut out)
        };
        Some((holds != 0, out))
    }

    /// The frame with every slot: one that is too short is filled up with zeros.
    fn whole<'f>(&self, frame: &'f [i64]) -> Cow<'f, [i64]> {
        if frame.len() >= self.layout.slots {
            return Cow::Borrowed(frame);
        }
        let mut longer = frame.to_vec();
        longer.resize(self.layout.slots, 0);
        Cow::Owned(longer)
    }

    /// Calls the functions of one stratum; `frame` must hold every slot. The numbers they give are judged here, what they
    /// wrote is left to the caller, who knows the program.
    fn run(&self, functions: &[usize], frame: &[i64], out: &mut Vec<RawCharge>) -> Result<(), Implausible> {
        out.clear();
        out.reserve(self.layout.most_sites);
        for offset in functions {
            let Some(start) = self.map.as_ref().and_then(|map| map.get(*offset..)) else { return Ok(()) };
            let room = self.layout.most_sites - out.len();
            // SAFETY: `start` is where the code generator put a function of this signature in a mapping that is
            // executable and lives as long as `self`. The generator translated nothing but loads of the first `slots`
            // words of the frame, which the caller has checked to be there, and stores of at most one record per site:
            // all functions of a stratum together write at most `most_sites` records, for which `out`, empty before the
            // first, has room reserved. It writes whole records from the given position on and gives their number, so
            // that the new length, which is within that room, covers initialised records only.
            unsafe {
                let function = std::mem::transmute::<*const u8, SitesFunction>(start.as_ptr());
                let end = out.as_mut_ptr().add(out.len());
                let says = call(function, frame, end, room);
                let written = judge::written(says, room)?;
                out.set_len(out.len() + written);
            }
        }
        Ok(())
    }
}

/// Calls a function that writes up to `room` records to `out`.
///
/// # Safety
///
/// There must be room for as many, and the function must be what [`Code::run`] says.
#[inline]
unsafe fn call(function: SitesFunction, frame: &[i64], out: *mut RawCharge, room: usize) -> u64 {
    #[cfg(all(debug_assertions, unix))]
    {
        let guarded = super::guard::with_room(room, |guarded| {
            // SAFETY: as for the caller's room; beyond this one, the function faults. What it wrote is copied.
            unsafe {
                let says = function(frame.as_ptr(), guarded);
                let written = usize::try_from(says).unwrap_or(room).min(room);
                std::ptr::copy_nonoverlapping(guarded, out, written);
                says
            }
        });
        if let Some(says) = guarded {
            return says;
        }
    }
    #[cfg(not(all(debug_assertions, unix)))]
    let _ = room;
    // SAFETY: the caller's.
    unsafe { function(frame.as_ptr(), out) }
}

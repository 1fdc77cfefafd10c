//! Room for records that ends where memory ends: a function that writes beyond it faults at once, in builds with debug
//! assertions.
#![expect(unsafe_code, reason = "takes the rights of a page away and hands out what lies before it")]

use std::{cell::RefCell, io, mem::MaybeUninit};

use memmap2::MmapMut;

use crate::outcome::RawCharge;

/// Memory whose last page can be neither read nor written.
#[derive(Debug)]
struct Guarded {
    map: MmapMut,
    page: usize,
}

thread_local! {
    /// What the last call of this thread wrote to, used again where it is long enough.
    static ROOM: RefCell<Option<Guarded>> = const { RefCell::new(None) };
}

/// Lends room for exactly `records` records, with the guard right behind them. `None` where the system refuses it.
pub(super) fn with_room<T>(records: usize, write: impl FnOnce(*mut RawCharge) -> T) -> Option<T> {
    ROOM.with(|room| {
        let mut room = room.try_borrow_mut().ok()?;
        if room.as_ref().is_none_or(|room| room.capacity() < records) {
            *room = Some(Guarded::new(records).ok()?);
        }
        Some(write(room.as_mut()?.last(records)))
    })
}

impl Guarded {
    fn new(records: usize) -> io::Result<Self> {
        let page = page_size()?;
        let bytes = (records * size_of::<RawCharge>()).next_multiple_of(page).max(page);
        let mut map = MmapMut::map_anon(bytes + page)?;
        let Some(guard) = map.get_mut(bytes..) else { return Err(io::ErrorKind::OutOfMemory.into()) };
        // SAFETY: the page is whole, of a mapping of our own to which nobody holds a reference; it is never touched
        // through the mapping again, whose end it is.
        let refused = unsafe { libc::mprotect(guard.as_mut_ptr().cast(), page, libc::PROT_NONE) } != 0;
        if refused { Err(io::Error::last_os_error()) } else { Ok(Self { map, page }) }
    }

    fn capacity(&self) -> usize {
        (self.map.len() - self.page) / size_of::<RawCharge>()
    }

    /// The place of the last `records` records before the guard; at most [`Self::capacity`] of them.
    fn last(&mut self, records: usize) -> *mut RawCharge {
        let before = self.map.len() - self.page - records.min(self.capacity()) * size_of::<RawCharge>();
        // Aligned: pages are, and the size of a record is a multiple of its alignment.
        self.map.as_mut_ptr().wrapping_add(before).cast::<MaybeUninit<RawCharge>>().cast()
    }
}

fn page_size() -> io::Result<usize> {
    // SAFETY: the call reads a constant of the system.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::{Guarded, with_room};
    use crate::outcome::RawCharge;

    #[test]
    fn room_ends_at_the_guard() {
        for records in [0, 1, 170, 171, 4_096] {
            let mut room = Guarded::new(records).unwrap();
            let end = room.last(records).wrapping_add(records).addr();
            assert_eq!(end % room.page, 0, "{records}");
            assert_eq!(end - room.map.as_ptr().addr() + room.page, room.map.len(), "{records}");
            assert!(room.capacity() >= records);
        }
    }

    #[test]
    fn all_of_the_room_can_be_written() {
        let record = RawCharge { site: 1, ceiling: 2, cost: 3 };
        let sum = with_room(500, |room| {
            // SAFETY: there is room for 500 records.
            unsafe {
                (0..500).for_each(|i| room.add(i).write(record));
                (0..500).map(|i| room.add(i).read().cost).sum::<i64>()
            }
        });
        assert_eq!(sum, Some(1_500));
    }
}

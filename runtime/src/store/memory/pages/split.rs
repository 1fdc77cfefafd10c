//! Splitting a page into itself and a new one.

use super::{ArrayVec, CounterKey, Filling, Look, Ordering, Pages, SLOTS, Size, Slot, Spot};

/// How often to try for a slot that changes all the time before the page is left for another time.
const TRIES: usize = 16;

/// What moves to the new page.
type Moving<'s, S> = ArrayVec<(Spot<'s, S>, CounterKey, <S as Slot>::Kept), SLOTS>;

impl<S: Slot> Pages<S> {
    /// Under the lock: splits the next page if that is due. False if it is not, or has to wait.
    ///
    /// It waits for nobody: a page of which somebody holds a slot is split when the next key comes.
    pub(in super::super) fn split(&self, filling: &mut Filling) -> bool {
        let size = self.size();
        if size.split >= self.splits_due(filling) {
            return false;
        }
        let base = self.base << size.level;
        let Some(moving) = self.hold_moving(size) else { return false };
        let Some(page) = self.page_or_new(filling, base + size.split) else {
            restore(&moving);
            return false;
        };
        for (_, key, kept) in &moving {
            // INVARIANT: the new page was never used, so it takes all that another page had.
            let mut spot = Spot { page, index: Self::home(*key) };
            while !spot.slot().is_vacant() {
                spot = spot.after();
            }
            spot.slot().fill(*key, *kept);
        }
        let split = size.split + 1;
        let next =
            if split == base { Size { level: size.level + 1, split: 0 } } else { Size { split, ..size } };
        // From here on the keys are looked for in the new page; who still looks at the old one waits until it is told.
        self.size.store(next.pack(), Ordering::Release);
        filling.len += moving.len();
        for (spot, _, kept) in moving {
            self.remove(filling, spot, kept);
        }
        true
    }

    /// Holds everything that moves when the next page is split; `None` if somebody else holds one of them.
    fn hold_moving(&self, size: Size) -> Option<Moving<'_, S>> {
        let mut moving = Moving::new();
        let Some(page) = self.page(size.split) else { return Some(moving) };
        for index in 0..SLOTS {
            let spot = Spot { page, index };
            let key = spot.slot().key();
            if spot.slot().is_vacant() || Self::hash(key) >> size.level & 1 == 0 {
                continue;
            }
            let held = (0..TRIES).find_map(|_| match spot.slot().look(key) {
                Look::Kept(kept) => spot.slot().try_hold(kept).then_some(kept),
                Look::Held | Look::Gone => None,
            });
            let Some(kept) = held else {
                restore(&moving);
                return None;
            };
            moving.push((spot, key, kept));
        }
        Some(moving)
    }
}

/// Lets go of what was held, as it was.
fn restore<S: Slot>(moving: &Moving<'_, S>) {
    for (spot, _, kept) in moving {
        spot.slot().restore(*kept);
    }
}

//! What machine code wrote, judged without trusting it.
//!
//! A stratum has so many sites, each is written at most once, and they are written in their order. Anything else cannot
//! be an answer, whatever the request was.

use super::RawCharge;

/// Machine code wrote what no sites can have come to. Its answer is void, and so is every other that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "jit"),
    expect(unreachable_pub, reason = "what is told of machine code, where there is some")
)]
pub struct Implausible;

/// The number of records that a function says it wrote, where there was room for them.
pub(crate) fn written(says: u64, room: usize) -> Result<usize, Implausible> {
    match usize::try_from(says) {
        Ok(written) if written <= room => Ok(written),
        _ => Err(Implausible),
    }
}

/// Judges the records of one stratum: positions below `sites`, each once and in order.
pub(crate) fn judge(records: &[RawCharge], sites: usize) -> Result<(), Implausible> {
    let mut next = 0;
    for record in records {
        match usize::try_from(record.site) {
            Ok(site) if site >= next && site < sites => next = site + 1,
            _ => return Err(Implausible),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Implausible, judge, written};
    use crate::outcome::RawCharge;

    fn records(sites: &[i64]) -> Vec<RawCharge> {
        sites.iter().map(|site| RawCharge { site: *site, ceiling: 1, cost: 1 }).collect()
    }

    #[test]
    fn sites_in_their_order_are_an_answer() {
        for sites in [&[][..], &[0], &[2], &[0, 1, 2], &[0, 2]] {
            assert_eq!(judge(&records(sites), 3), Ok(()), "{sites:?}");
        }
    }

    #[test]
    fn sites_twice_out_of_order_or_out_of_range_are_none() {
        for sites in [&[0, 0][..], &[1, 0], &[3], &[-1], &[0, 3], &[i64::MAX], &[i64::MIN], &[0, 1, 2, 3]] {
            assert_eq!(judge(&records(sites), 3), Err(Implausible), "{sites:?}");
        }
    }

    #[test]
    fn more_records_than_there_is_room_for_are_none() {
        assert_eq!(written(3, 3), Ok(3));
        assert_eq!(written(4, 3), Err(Implausible));
        assert_eq!(written(u64::MAX, 3), Err(Implausible));
    }
}

//! Which dimensions are worth reading for every request.

use super::{
    dimension::{DimensionId, Dimensions},
    table::Draft,
};

/// A dimension is used if it rules out this many candidates more than those before it: about what reading it costs.
const WORTH: f64 = 0.75;

/// The most dimensions that are read for every request.
const MOST: usize = 16;

/// Chooses dimensions, the best first: a site passes one with the share of intervals that it covers.
pub(super) fn choose(
    drafts: Vec<(DimensionId, Draft)>,
    dimensions: &Dimensions,
    sites: usize,
) -> Vec<(DimensionId, Draft)> {
    let mut measured: Vec<(f64, DimensionId, Draft)> = drafts
        .into_iter()
        .map(|(id, draft)| {
            let gain =
                shares(&draft, dimensions.is_tests(id)).map(|(site, share)| (1.0 - share) * site.1).sum();
            (gain, id, draft)
        })
        .collect();
    measured.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut remaining = vec![1.0_f64; sites];
    let mut chosen = Vec::new();
    for (_, id, draft) in measured {
        if chosen.len() == MOST {
            break;
        }
        let is_tests = dimensions.is_tests(id);
        let left = |site: &u32| remaining.get(*site as usize).copied().unwrap_or(0.0);
        let gain: f64 = shares(&draft, is_tests)
            .map(|((sites, _), share)| (1.0 - share) * sites.iter().map(left).sum::<f64>())
            .sum();
        if gain < WORTH {
            continue;
        }
        for ((sites, _), share) in shares(&draft, is_tests) {
            for site in sites {
                if let Some(remaining) = remaining.get_mut(*site as usize) {
                    *remaining *= share;
                }
            }
        }
        chosen.push((id, draft));
    }
    chosen
}

/// The sites of each class with their number, and the share of requests that pass it.
fn shares(draft: &Draft, is_tests: bool) -> impl Iterator<Item = ((&[u32], f64), f64)> {
    let intervals = draft.intervals() + usize::from(is_tests);
    draft.classes.iter().map(move |class| {
        let share = as_number(draft.width(&class.set)) / as_number(intervals);
        ((&*class.sites, as_number(class.sites.len())), share.min(1.0))
    })
}

fn as_number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

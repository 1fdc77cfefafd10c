//! "Did you mean": the nearest of the names that would have been right.

use limitrate_grammar::MAX_NAME_BYTES;

/// Where more names than this are about as long as the wrong one, none of them stands out, and looking for one is slow.
const MAX_CANDIDATES: usize = 2_000;

/// How many edits may lie between a name and what was meant.
const MAX_EDITS: usize = 3;

/// The candidate nearest to `name`, if one is near enough to be what was meant.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    let alike = candidates.into_iter().filter(|other| other.len().abs_diff(name.len()) <= MAX_EDITS);
    for (count, candidate) in alike.enumerate() {
        if count >= MAX_CANDIDATES {
            return None;
        }
        let distance = strsim::damerau_levenshtein(name, candidate);
        let near = distance <= name.len().max(candidate.len()).div_ceil(3).min(MAX_EDITS);
        if near && best.is_none_or(|best| (distance, candidate) < best) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{MAX_CANDIDATES, closest};

    #[test]
    fn a_swapped_letter_is_found_and_a_stranger_is_not() {
        assert_eq!(closest("usre", ["user", "region"]), Some("user"));
        assert_eq!(closest("tenant", ["user", "region"]), None);
        assert_eq!(closest("x", ["y"]), Some("y"));
    }

    #[test]
    fn among_too_many_alike_none_is_meant() {
        let names: Vec<String> = (0..=MAX_CANDIDATES).map(|i| format!("name{i:04}")).collect();
        assert_eq!(closest("nam0007", names.iter().take(10).map(String::as_str)), Some("name0007"));
        assert_eq!(closest("nam0007", names.iter().map(String::as_str)), None);
        let long = "x".repeat(1_000);
        assert_eq!(closest(&long, [long.as_str()]), None);
    }
}

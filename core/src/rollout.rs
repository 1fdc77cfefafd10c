//! For whom a rule is rolled out: the same callers each time, on every machine, and still in when the share grows.

use xxhash_rust::xxh3::Xxh3;

/// So many parts make the whole of a rollout.
const PARTS: u128 = 1_000_000;

/// Where a value lies in the rollout of the rule of this qualified name: 0 to 999 999. The rule is enforced for the
/// values below its share, in parts per million.
///
/// ⌊XXH3-64(rule, 0x00, value) · 10⁶ / 2⁶⁴⌋, with seed 0.
#[must_use]
pub fn position(rule: &str, value: &[u8]) -> i64 {
    let mut hash = Xxh3::new();
    hash.update(rule.as_bytes());
    hash.update(&[0]);
    hash.update(value);
    let part = (u128::from(hash.digest()) * PARTS) >> 64;
    i64::try_from(part).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::position;

    #[test]
    fn a_position_is_the_hash_of_rule_and_value_scaled_to_a_million() {
        let hash = u128::from(xxh3_64(b"new_ceiling\0ada"));
        assert_eq!(
            i128::from(position("new_ceiling", b"ada")),
            i128::try_from(hash * 1_000_000 / (1 << 64)).unwrap()
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn a_share_takes_in_that_part_of_the_values() {
        let taken_in =
            (0..10_000).filter(|user: &u32| position("api", user.to_string().as_bytes()) < 100_000);
        let count = taken_in.count();
        assert!((900..1_100).contains(&count), "{count} of 10 000 for 10%");
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn two_rules_take_in_different_values() {
        let both = (0..10_000_u32).filter(|user| {
            let user = user.to_string();
            ["one", "other"].iter().all(|rule| position(rule, user.as_bytes()) < 100_000)
        });
        assert!(both.count() < 200, "10% of 10% are 1%");
    }
}

//! The policies that are measured.

use std::fmt::Write as _;

/// One limit, never reached, whose keys are not soon forgotten.
pub(crate) const GCRA: &str =
    "input { user : key } rule api { limit 1 req/10 s per user using gcra burst 400M req }";
/// The same by the default algorithm.
pub(crate) const SLIDING: &str = "input { user : key } rule api { limit 1G req/min per user }";
/// One request in a year.
pub(crate) const REFUSED: &str =
    "input { user : key } rule api { limit 1 req/year per user resets in \"UTC\" }";
/// Three limits, taken all or none.
pub(crate) const HIERARCHY: &str = "
    hierarchy org > team > user
    input { org : key  team : key  user : key }
    rule api {
      limit a: 1 req/10 s per org using gcra burst 400M req
      limit b: 1 req/10 s per team using gcra burst 400M req
      limit c: 1 req/10 s per user using gcra burst 400M req
    }";

/// Rules with four tests each, ten for each prefix of a path: a request meets ten of them, however many there are.
pub(crate) fn rules(count: usize) -> String {
    let mut text =
        String::from("use std.http\ninput { user : key  region : string  tier : string  size : int }\n");
    for n in 0..count {
        let (prefix, region, tier) = (n / 10, n % 5, n % 3);
        writeln!(
            text,
            "rule r{n} {{\n  on GET \"/v1/p{prefix}/**\"\n  if region == \"r{region}\" and tier in {{\"t{tier}\", \
             \"t{n}\"}} and size >= {} and size < {} then limit {}M req/s per user using gcra burst 4G req\n}}",
            n % 7 * 10,
            1_000 + n,
            n % 1_000 + 1,
        )
        .unwrap();
    }
    text
}

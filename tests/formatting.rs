//! Formatting a generated policy changes nothing that it decides, wherever comments stand.

use limitrate::{
    compiler::{Accepted, diff::PolicyDiff, grammar::format},
    prelude::Engine,
};
use limitrate_oracle::{generate, random::Random};
use proptest::{collection::vec, prelude::*, sample::select};

/// A generated policy; the few that are not well typed are passed over.
fn policy() -> impl Strategy<Value = String> {
    let text = any::<u64>().prop_map(|seed| generate::policy(&mut Random::new(seed)));
    text.prop_filter("well typed", |text| compiled(text).is_ok())
}

fn compiled(text: &str) -> Result<Accepted, TestCaseError> {
    limitrate::compile("policy.rl", text.as_bytes(), Engine::Interpreter)
        .map_err(|rejected| TestCaseError::fail(format!("{:#?}\n{text}", rejected.diagnostics.sorted())))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_formatted_policy_decides_the_same(
        text in policy(),
        gaps in vec((any::<prop::sample::Index>(), select(vec![" # a note\n", "\n\n## above\n", "\n"])), 0..12),
    ) {
        let plain = compiled(&text)?;
        let mut odd = text;
        for (at, gap) in gaps {
            let blanks: Vec<usize> = odd.match_indices(' ').map(|(at, _)| at).collect();
            let (before, after) = odd.split_at(blanks.get(at.index(blanks.len())).copied().unwrap_or(0));
            let with = format!("{before}{gap}{after}");
            // Within a string or a literal it would be something else.
            if limitrate::compile("policy.rl", with.as_bytes(), Engine::Interpreter).is_ok() {
                odd = with;
            }
        }
        let written = compiled(&odd)?;
        prop_assert!(PolicyDiff::new(&plain, &written).is_empty(), "{}", odd);
        let once = format(&odd).map_err(|_| TestCaseError::fail(odd.clone()))?;
        prop_assert!(PolicyDiff::new(&written, &compiled(&once)?).is_empty(), "{}\n=>\n{}", odd, once);
        prop_assert_eq!(once.matches(" a note").count(), odd.matches(" a note").count(), "{}", once);
        prop_assert_eq!(format(&once).ok(), Some(once));
    }
}

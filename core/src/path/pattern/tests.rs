use proptest::prelude::*;

use super::*;
use crate::path::normalize;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).expect("a pattern")
}

#[test]
fn wildcards_match_whole_segments() {
    for (text, matching, other) in [
        ("/", vec!["/"], vec!["/v1", "*"]),
        ("/v1", vec!["/v1", "/v1/", "/v1?x"], vec!["/", "/V1", "/v12", "/v1/x"]),
        ("/v1/files/:id", vec!["/v1/files/7"], vec!["/v1/files", "/v1/files/", "/v1/files/7/x"]),
        ("/v1/*/x", vec!["/v1/a/x"], vec!["/v1/x", "/v1/a/b/x"]),
        ("/v1/**", vec!["/v1", "/v1/", "/v1/a", "/v1/a/b/c"], vec!["/", "/v12", "/v2/a"]),
        ("/**", vec!["/", "/v1", "*"], vec![]),
        ("/v1/:id/**", vec!["/v1/a", "/v1/a/b"], vec!["/v1"]),
        ("/v1/%2A", vec!["/v1/*", "/v1/%2a"], vec!["/v1/a"]),
        ("/v1/%3Aid", vec!["/v1/:id"], vec!["/v1/a"]),
        ("/v1/x:predict", vec!["/v1/x:predict"], vec!["/v1/x"]),
    ] {
        let pattern = pattern(text);
        for target in matching {
            assert!(pattern.matches(&normalize(target)), "{text} and {target}");
        }
        for target in other {
            assert!(!pattern.matches(&normalize(target)), "{text} and {target}");
        }
    }
}

#[test]
fn a_pattern_is_normalised_as_paths_are() {
    for (text, normal) in [
        ("/v1//files/", "/v1/files"),
        ("/v1/./:id/../x", "/v1/x"),
        ("/../%76%31%2Fx", "/v1/x"),
        ("/..", "/"),
        ("/v1/**/", "/v1/**"),
        ("/%2A/%3Aa/b:c", "/%2A/%3Aa/b:c"),
        ("/%41%25", "/A%25"),
        ("/:id/%3f", "/:id/%3F"),
    ] {
        let parsed = pattern(text);
        assert_eq!(parsed.to_string(), normal);
        assert_eq!(pattern(normal), parsed, "{normal} reads back");
    }
}

#[test]
fn what_no_path_could_match_is_an_error() {
    for (text, error) in [
        ("", PatternError::NoLeadingSlash),
        ("v1", PatternError::NoLeadingSlash),
        ("*", PatternError::NoLeadingSlash),
        ("http://example.com/v1", PatternError::NoLeadingSlash),
        ("/v1/**/x", PatternError::RestNotLast),
        ("/**/..", PatternError::RestNotLast),
        ("/v1/:", PatternError::EmptyName),
        ("/a*b", PatternError::PartialWildcard),
        ("/***", PatternError::PartialWildcard),
        ("/:a*", PatternError::PartialWildcard),
        ("/v1?x", PatternError::Query),
        ("/v1#x", PatternError::Query),
    ] {
        assert_eq!(Pattern::parse(text), Err(error), "{text}");
    }
    assert!(Pattern::parse(&format!("/{}", "x".repeat(MAX_PATTERN_BYTES - 1))).is_ok());
    assert_eq!(Pattern::parse(&format!("/{}", "x".repeat(MAX_PATTERN_BYTES))), Err(PatternError::TooLong));
}

/// A path in one spelling and the same path in another.
fn spellings() -> impl Strategy<Value = (String, String)> {
    let plain = || prop::sample::select(vec!["a", "b", "v1", "caf\u{e9}", "x:y", "..."]);
    let segment = (plain(), 0..=7_u32, any::<u8>(), any::<bool>()).prop_map(|(text, kind, mask, upper)| {
        let mut spelled = String::new();
        for (at, byte) in text.bytes().enumerate() {
            // A character of several bytes is escaped as a whole.
            if !byte.is_ascii() || mask >> (at % 8) & 1 == 1 {
                let escape = if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
                spelled.push_str(&escape);
            } else {
                spelled.push(char::from(byte));
            }
        }
        let around = match kind {
            0 => format!("/{spelled}"),
            1 => format!("//{spelled}"),
            2 => format!("/./{spelled}"),
            3 => format!("/zz/../{spelled}"),
            4 => format!("%2F{spelled}"),
            5 => format!("/%2e/{spelled}/"),
            6 => format!("/zz/%2E./{spelled}"),
            _ => format!("/{spelled}/q/..%2f"),
        };
        (format!("/{text}"), around)
    });
    let end = prop::sample::select(vec!["", "/", "//", "/.", "?q=/..", "#f"]);
    (prop::collection::vec(segment, 1..5), end).prop_map(|(segments, end)| {
        let (plain, spelled): (String, String) = segments.into_iter().unzip();
        (plain, format!("/{}{end}", spelled.strip_prefix('/').unwrap_or(&spelled)))
    })
}

fn any_pattern() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["/a", "/b", "/v1", "/caf\u{e9}", "/x:y", "/...", "/*", "/:id"]);
    (prop::collection::vec(segment, 1..5), any::<bool>())
        .prop_map(|(segments, rest)| segments.concat() + if rest { "/**" } else { "" })
}

proptest! {
    #[test]
    fn no_spelling_changes_whether_a_pattern_matches((plain, spelled) in spellings(), text in any_pattern()) {
        prop_assert_eq!(normalize(&spelled), plain.as_str());
        let pattern = pattern(&text);
        prop_assert_eq!(pattern.matches(&normalize(&spelled)), pattern.matches(&normalize(&plain)));
    }

    #[test]
    fn every_text_has_a_normal_path(target in "[a./%25?#:*éF]{0,20}|.*") {
        let normal = normalize(&target);
        prop_assert!(normal == "*" || normal.starts_with('/'));
        prop_assert!(!normal.contains("//") && (normal == "/" || !normal.ends_with('/')));
        prop_assert!(normal.split('/').all(|segment| segment != "." && segment != ".."));
    }

    #[test]
    fn a_literal_pattern_matches_the_path_it_was_written_as(path in "(/[a.%2éF:]{1,4}){1,4}") {
        if let Ok(pattern) = Pattern::parse(&path) && !path.contains("/:") {
            prop_assert!(pattern.matches(&normalize(&path)), "{} and {}", pattern, normalize(&path));
            prop_assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern));
        }
    }
}

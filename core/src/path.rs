//! Request paths and the patterns of routes.
//!
//! A path is compared in one normal form, so that no spelling slips past a limit: without query, decoded once, dot
//! segments resolved, doubled and trailing slashes dropped, case kept.

use std::borrow::Cow;
use std::fmt::Write as _;

mod pattern;

pub use pattern::{MAX_PATTERN_BYTES, Pattern, PatternError};

/// The path of a request target in its normal form; borrowed where the target already holds it.
///
/// Takes the origin form (`/x?q`), the absolute form (`http://host/x`) and `*`, which stays. Escapes are decoded
/// once: `%2F` separates segments like a slash, and what `%25` leaves is not decoded again. An escape that is not one,
/// such as `%zz`, stays as it is; escaped bytes that are not UTF-8 stay escaped, in upper case. `..` never leads above
/// the root.
#[must_use]
pub fn normalize(target: &str) -> Cow<'_, str> {
    if target == "*" {
        return Cow::Borrowed(target);
    }
    let path = without_query(without_authority(target));
    let trimmed = match path.strip_suffix('/') {
        Some(rest) if !rest.is_empty() => rest,
        _ => path,
    };
    if is_normal(trimmed) { Cow::Borrowed(trimmed) } else { Cow::Owned(resolved(&decoded(path))) }
}

/// What follows `scheme://authority`, if the target begins so.
fn without_authority(target: &str) -> &str {
    let Some((scheme, rest)) = target.split_once("://") else { return target };
    let mut bytes = scheme.bytes();
    let is_scheme = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme {
        return target;
    }
    rest.find(['/', '?', '#']).and_then(|end| rest.get(end..)).unwrap_or_default()
}

fn without_query(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or(target)
}

/// Whether a path without a query is in normal form for certain.
fn is_normal(path: &str) -> bool {
    if path == "/" {
        return true;
    }
    let Some(segments) = path.strip_prefix('/') else { return false };
    !path.contains('%') && segments.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// The segments joined again, without empty ones and with dot segments resolved.
fn resolved(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 1);
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            segment => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}

/// The text with its escapes decoded once.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut run = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        if !before.is_empty() {
            flush(&mut run, &mut out);
            out.push_str(before);
        }
        if let Some((byte, after)) = escaped_byte(after) {
            run.push(byte);
            rest = after;
        } else {
            flush(&mut run, &mut out);
            out.push('%');
            rest = after;
        }
    }
    flush(&mut run, &mut out);
    out.push_str(rest);
    Cow::Owned(out)
}

/// The byte of two hexadecimal digits, and what follows them.
fn escaped_byte(text: &str) -> Option<(u8, &str)> {
    let (digits, after) = text.split_at_checked(2)?;
    let mut digits = digits.chars().map(|digit| digit.to_digit(16));
    let byte = digits.next()?? * 16 + digits.next()??;
    Some((u8::try_from(byte).ok()?, after))
}

/// Appends a run of decoded bytes: as text where it is UTF-8, as escapes elsewhere.
fn flush(run: &mut Vec<u8>, out: &mut String) {
    for chunk in run.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string never fails.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    run.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_normal_form() {
        for (target, normal) in [
            ("/v1/items", "/v1/items"),
            ("/", "/"),
            ("", "/"),
            ("*", "*"),
            ("v1", "/v1"),
            ("/v1/items/", "/v1/items"),
            ("//v1///items//", "/v1/items"),
            ("/v1/items?x=/../y#z", "/v1/items"),
            ("/v1#items?x", "/v1"),
            ("?x", "/"),
            ("/v1/./items/.", "/v1/items"),
            ("/v1/x/../items", "/v1/items"),
            ("/v1//../items", "/items"),
            ("/../../v1", "/v1"),
            ("/..", "/"),
            ("/v1/..", "/"),
            ("/v1/...", "/v1/..."),
            ("/%76%31/items", "/v1/items"),
            ("/v1%2Fitems%2f", "/v1/items"),
            ("/v1/x%2f%2e%2E/items", "/v1/items"),
            ("/V1", "/V1"),
            ("/v1;a=b", "/v1;a=b"),
            ("/a%3Fb", "/a?b"),
            ("http://example.com/v1?x", "/v1"),
            ("HTTPS://example.com:443//v1/", "/v1"),
            ("http://example.com", "/"),
            ("http://example.com?x", "/"),
            ("/x://y", "/x:/y"),
            ("example.com:443", "/example.com:443"),
        ] {
            assert_eq!(normalize(target), normal, "{target}");
        }
    }

    #[test]
    fn escapes_are_decoded_once_and_only_where_they_are_text() {
        for (target, normal) in [
            ("/%2541", "/%41"),
            ("/%252e%252e/x", "/%2e%2e/x"),
            ("/100%", "/100%"),
            ("/%zz%4", "/%zz%4"),
            ("/%%41", "/%A"),
            ("/%+1", "/%+1"),
            ("/caf%c3%a9", "/caf\u{e9}"),
            ("/caf\u{e9}", "/caf\u{e9}"),
            ("/%ff%41", "/%FFA"),
            ("/%c3%zz%a9", "/%C3%zz%A9"),
            ("/%\u{e9}1", "/%\u{e9}1"),
        ] {
            assert_eq!(normalize(target), normal, "{target}");
        }
    }

    #[test]
    fn what_is_normal_or_holds_the_normal_form_is_borrowed() {
        for target in ["/", "*", "/v1", "/v1/", "/v1?x=%41", "http://example.com/v1/#x"] {
            assert!(matches!(normalize(target), Cow::Borrowed(_)), "{target}");
        }
    }
}

//! Patterns of routes: `/v1/files/:id`, `/v1/*`, `/v1/**`.

use std::fmt::{self, Write as _};

use super::{decoded, without_query};

/// The most bytes a pattern may have.
pub const MAX_PATTERN_BYTES: usize = 2048;

/// A pattern of paths. `:name` and `*` match one segment, a last `**` any rest, the empty one included.
///
/// A pattern is normalised as paths are: `/v1//files/` is `/v1/files`, and `%2A` and `%3A` are the literal characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    segments: Box<[Segment]>,
    any_rest: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Segment {
    Literal(Box<str>),
    /// `*`, or `:name`.
    Any(Option<Box<str>>),
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It does not begin with `/`.
    #[error("a path begins with `/`")]
    NoLeadingSlash,
    /// It has more than [`MAX_PATTERN_BYTES`].
    #[error("a path has at most {MAX_PATTERN_BYTES} bytes")]
    TooLong,
    /// It has a `?` or `#`, which no path has.
    #[error("a path is matched without its query: write `%3F` or `%23` for the character itself")]
    Query,
    /// `**` is followed by more segments.
    #[error("`**` stands last, for any rest")]
    RestNotLast,
    /// `:` stands alone.
    #[error("`:` wants a name, as in `:id`")]
    EmptyName,
    /// A `*` is only part of a segment.
    #[error("`*` stands for a whole segment: write `%2A` for the character itself")]
    PartialWildcard,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// See [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        if !text.starts_with('/') {
            return Err(PatternError::NoLeadingSlash);
        }
        if without_query(text).len() != text.len() {
            return Err(PatternError::Query);
        }
        let mut segments = Vec::new();
        let mut any_rest = false;
        for segment in text.split('/').filter(|segment| !segment.is_empty()) {
            if any_rest {
                return Err(PatternError::RestNotLast);
            }
            match segment {
                "*" => segments.push(Segment::Any(None)),
                "**" => any_rest = true,
                _ if segment.contains('*') => return Err(PatternError::PartialWildcard),
                _ => match segment.strip_prefix(':') {
                    Some("") => return Err(PatternError::EmptyName),
                    Some(name) => segments.push(Segment::Any(Some(name.into()))),
                    None => push_literal(&mut segments, segment),
                },
            }
        }
        Ok(Self { segments: segments.into(), any_rest })
    }

    /// Whether a path matches, in the form that [`normalize`](super::normalize) gives it.
    ///
    /// The target `*`, which is no path, matches `/**` only.
    #[must_use]
    pub fn matches(&self, normalized: &str) -> bool {
        let Some(path) = normalized.strip_prefix('/') else {
            return self.any_rest && self.segments.is_empty();
        };
        let mut found = path.split('/').filter(|segment| !segment.is_empty());
        for wanted in &self.segments {
            match (found.next(), wanted) {
                (None, _) => return false,
                (Some(found), Segment::Literal(wanted)) if *found != **wanted => return false,
                (Some(_), Segment::Literal(_) | Segment::Any(_)) => {}
            }
        }
        self.any_rest || found.next().is_none()
    }

    /// What each segment is: a literal, or nothing for any one segment.
    pub fn segments(&self) -> impl Iterator<Item = Option<&str>> {
        self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => Some(&**text),
            Segment::Any(_) => None,
        })
    }

    /// Whether any rest may follow the segments.
    #[must_use]
    pub fn any_rest(&self) -> bool {
        self.any_rest
    }

    /// Whether some path matches both patterns.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let agree = self.segments.iter().zip(&other.segments).all(|pair| match pair {
            (Segment::Literal(ours), Segment::Literal(theirs)) => ours == theirs,
            (Segment::Any(_), _) | (_, Segment::Any(_)) => true,
        });
        // What is longer must be met by the other's `**`.
        agree
            && (self.segments.len() >= other.segments.len() || self.any_rest)
            && (other.segments.len() >= self.segments.len() || other.any_rest)
    }
}

/// Adds a literal segment, which may decode to several, or take back the one before it.
fn push_literal(segments: &mut Vec<Segment>, text: &str) {
    for segment in decoded(text).split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(Segment::Literal(segment.into())),
        }
    }
}

impl fmt::Display for Pattern {
    /// The normal form, which parses to the same pattern.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            f.write_char('/')?;
            match segment {
                Segment::Any(None) => f.write_char('*')?,
                Segment::Any(Some(name)) => write!(f, ":{name}")?,
                Segment::Literal(text) => write_literal(f, text)?,
            }
        }
        match (self.any_rest, self.segments.is_empty()) {
            (true, _) => f.write_str("/**"),
            (false, true) => f.write_char('/'),
            (false, false) => Ok(()),
        }
    }
}

/// Writes a literal segment, with escapes for what a pattern would read otherwise.
fn write_literal(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for (at, char) in text.char_indices() {
        match char {
            '%' | '*' | '?' | '#' => write!(f, "%{:02X}", u32::from(char))?,
            ':' if at == 0 => f.write_str("%3A")?,
            char => f.write_char(char)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! Why a line of recorded traffic was left out.

/// The most characters of a bad value that a reason repeats.
const MAX_SHOWN_CHARS: usize = 40;

/// Why a line was skipped. Nothing of it was guessed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// It has more than [`MAX_LINE_BYTES`](super::MAX_LINE_BYTES).
    #[error("longer than {} MiB", super::MAX_LINE_BYTES >> 20)]
    TooLong,
    /// It is not UTF-8.
    #[error("not UTF-8 at byte {column}")]
    NotUtf8 {
        /// The first byte that is not, from 1.
        column: usize,
    },
    /// It is not JSON.
    #[error("not JSON at byte {column}")]
    NotJson {
        /// Where the reader stopped, from 1.
        column: usize,
    },
    /// It is JSON, but no object.
    #[error("not a JSON object")]
    NotAnObject,
    /// The object has no member `t`.
    #[error("no time: the member `t` is missing")]
    NoTime,
    /// The time cannot be read, or is outside the years 1677 to 2262.
    #[error("bad time: {found} (expected {expected})")]
    BadTime {
        /// What a time looks like in this format.
        expected: &'static str,
        /// What stands there.
        found: Box<str>,
    },
    /// The object has a member twice.
    #[error("`{member}` stands there twice")]
    Duplicate {
        /// The member.
        member: Box<str>,
    },
    /// A value is not of the fact's type.
    #[error("wrong type for `{member}` (expected {expected}, found {found})")]
    WrongType {
        /// The member, or the field of the log.
        member: Box<str>,
        /// The type.
        expected: &'static str,
        /// What stands there.
        found: Box<str>,
    },
    /// A number is too large or too small for any fact.
    #[error("number out of range for `{member}`: {found}")]
    OutOfRange {
        /// The member, or the field of the log.
        member: Box<str>,
        /// What stands there.
        found: Box<str>,
    },
    /// A line of a log lacks a field, or has something else in its place.
    #[error("not a log line: expected {expected} at byte {column}")]
    NotALogLine {
        /// What should stand there.
        expected: &'static str,
        /// Where, from 1.
        column: usize,
    },
    /// A line of a log is about something that was no HTTP request.
    #[error("no HTTP request: {found}")]
    BadRequest {
        /// What stands where the request should.
        found: Box<str>,
    },
}

impl SkipReason {
    /// The reason without what is particular to the line, to count by.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TooLong => "too long",
            Self::NotUtf8 { .. } => "not UTF-8",
            Self::NotJson { .. } => "not JSON",
            Self::NotAnObject => "not a JSON object",
            Self::NoTime => "no time",
            Self::BadTime { .. } => "bad time",
            Self::Duplicate { .. } => "duplicate member",
            Self::WrongType { .. } => "wrong type",
            Self::OutOfRange { .. } => "number out of range",
            Self::NotALogLine { .. } => "not a log line",
            Self::BadRequest { .. } => "no HTTP request",
        }
    }
}

/// A text in quotes, shortened to what a message can hold.
pub(super) fn quoted(text: &str) -> Box<str> {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()).into(),
        None => format!("{text:?}").into(),
    }
}

//! Lines of a file, with a bound on what is held in memory.

use std::io::{self, BufRead, BufReader, Read};

use super::MAX_LINE_BYTES;
use super::skip::SkipReason;

/// How much is read from the file at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// A byte order mark, which some programs write before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads lines one after the other.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    buffer: Vec<u8>,
    number: u64,
    offset: u64,
}

/// A line as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawLine<'a> {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Where it starts in the file.
    pub(super) offset: u64,
    /// Its bytes without the line's end; `None` if there are too many.
    pub(super) bytes: Option<&'a [u8]>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        let reader = BufReader::with_capacity(BUFFER_BYTES, reader);
        Self { reader, buffer: Vec::new(), number: 0, offset: 0 }
    }

    /// How many bytes have been read as lines.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line; `None` at the end of the file.
    pub(super) fn next_line(&mut self) -> io::Result<Option<RawLine<'_>>> {
        self.buffer.clear();
        // Room for the longest line and its end, in both forms.
        let mut bounded = (&mut self.reader).take(MAX_LINE_BYTES as u64 + 2);
        let mut length = bounded.read_until(b'\n', &mut self.buffer)? as u64;
        if length == 0 {
            return Ok(None);
        }
        let has_end = self.buffer.last() == Some(&b'\n');
        if !has_end {
            length += self.reader.skip_until(b'\n')? as u64;
        }
        let offset = self.offset;
        self.offset += length;
        self.number += 1;
        let line = without_end(&self.buffer);
        let is_whole = self.buffer.len() as u64 == length && line.len() <= MAX_LINE_BYTES;
        Ok(Some(RawLine { number: self.number, offset, bytes: is_whole.then_some(line) }))
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl<'a> RawLine<'a> {
    /// The text, without a byte order mark; `None` if it is blank.
    pub(super) fn text(&self) -> Result<Option<&'a str>, SkipReason> {
        let bytes = self.bytes.ok_or(SkipReason::TooLong)?;
        let bytes =
            if self.offset == 0 { bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes) } else { bytes };
        let text = std::str::from_utf8(bytes)
            .map_err(|error| SkipReason::NotUtf8 { column: error.valid_up_to() + 1 })?;
        Ok((!text.bytes().all(|byte| byte.is_ascii_whitespace())).then_some(text))
    }
}

//! Lines and columns of byte offsets.

/// Where the lines of a text begin.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    starts: Vec<usize>,
}

/// A place in a text as people count: from one, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: usize,
    /// The column.
    pub(crate) column: usize,
}

impl<'a> Lines<'a> {
    /// Finds the lines of a text.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        Self { bytes, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The text.
    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The line, from zero, that a byte is on. An offset past the end is on the last line.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// The bytes of a line, from its first to its end without `\n` or `\r\n`.
    pub(crate) fn range(&self, line: usize) -> std::ops::Range<usize> {
        let start = self.starts.get(line).copied().unwrap_or(self.bytes.len());
        let end = self.starts.get(line + 1).map_or(self.bytes.len(), |next| next - 1);
        let text = self.bytes.get(start..end).unwrap_or_default();
        start..if text.ends_with(b"\r") && self.starts.len() > line + 1 { end - 1 } else { end }
    }

    /// The place of a byte.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.bytes.len());
        let line = self.line_of(offset);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let before = self.bytes.get(start..offset).unwrap_or_default();
        // Every byte of UTF-8 that does not continue a character begins one.
        let column = before.iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
        Position { line: line + 1, column }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Position};

    #[test]
    fn columns_count_characters_from_one() {
        let lines = Lines::new("a\r\ngröße = 1\n".as_bytes());
        assert_eq!(lines.position(0), Position { line: 1, column: 1 });
        assert_eq!(lines.position(10), Position { line: 2, column: 6 });
        assert_eq!(lines.position(999), Position { line: 3, column: 1 });
        assert_eq!(lines.range(0), 0..1);
        assert_eq!(lines.range(1), 3..14);
        assert_eq!(lines.range(2), 15..15);
    }
}

//! A run of source lines as it is shown: made safe, and cut to the columns around what is marked.
//!
//! A line of ten megabytes costs no more than a short one.

use std::ops::Range;

use crate::{escape, position::Lines};

/// At most so many columns of a line are shown.
const MAX_COLUMNS: usize = 200;

/// So many bytes are shown before the first mark of a line that is cut, if they take no more than [`MAX_LEAD`] columns.
const LEADS: [usize; 3] = [40, 20, 5];

/// At most so many columns are shown before the first mark of a line that is cut.
const MAX_LEAD: usize = 60;

/// Marks of one line that are further apart than this many bytes do not fit in one view of it.
pub(super) const MAX_SPREAD: usize = 120;

/// Stands for what is cut.
const ELLIPSIS: char = '…';

/// Shown text, and where its bytes come from.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The lines, each ending with `\n`.
    pub(super) text: String,
    /// Pairs of a byte of the source and the byte of `text` that shows it, in order.
    origins: Vec<(usize, usize)>,
}

impl View {
    /// Adds a line; where it is long, the part around `focus` is shown.
    pub(super) fn add(&mut self, lines: &Lines<'_>, line: usize, focus: Range<usize>) {
        let range = lines.range(line);
        let start = self.start(lines, &range, &focus);
        // So many bytes hold more characters than are shown.
        let stop = range.end.min(start + 4 * (MAX_COLUMNS + 1));
        let mut at = start;
        let mut columns = 0;
        for (bytes, shown) in pieces(lines.bytes().get(start..stop).unwrap_or_default()) {
            columns += shown.chars().count();
            if columns > MAX_COLUMNS {
                break;
            }
            self.origins.push((at, self.text.len()));
            self.text.push_str(&shown);
            at += bytes;
        }
        self.origins.push((at, self.text.len()));
        if at < range.end {
            self.text.push(ELLIPSIS);
        }
        self.text.push('\n');
    }

    /// The first byte shown of a line; what is before it is stood for.
    fn start(&mut self, lines: &Lines<'_>, line: &Range<usize>, focus: &Range<usize>) -> usize {
        let fits = |bytes: Range<usize>, columns| {
            bytes.len() <= columns && width(lines.bytes().get(bytes).unwrap_or_default()) <= columns
        };
        if fits(line.start..focus.end.max(line.start), MAX_COLUMNS) {
            return line.start;
        }
        let continues = |at: &usize| lines.bytes().get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
        let begins = |lead| {
            let cut = focus.start.saturating_sub(lead).max(line.start);
            (cut..focus.start).find(|at| !continues(at)).unwrap_or(focus.start)
        };
        let start = LEADS.into_iter().map(begins).find(|start| fits(*start..focus.start, MAX_LEAD));
        let start = start.unwrap_or(focus.start);
        if start > line.start {
            self.text.push(ELLIPSIS);
        }
        start
    }

    /// Where in `text` a range of the source is shown; clipped to what is.
    pub(super) fn shown(&self, range: &Range<usize>) -> Range<usize> {
        let find = |byte| {
            let next = self.origins.partition_point(|(origin, _)| *origin < byte);
            self.origins.get(next).or(self.origins.last()).map_or(0, |(_, shown)| *shown)
        };
        let start = find(range.start);
        start..find(range.end).max(start)
    }
}

/// The characters of a text, each with its bytes and how it is shown; bytes that are no text by their codes.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = (usize, String)> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|c| {
            let mut shown = String::new();
            if c == '\t' {
                shown.push(c)
            } else {
                escape::push(&mut shown, c)
            }
            (c.len_utf8(), shown)
        });
        valid.chain(chunk.invalid().iter().map(|byte| (1, format!("\\x{byte:02x}"))))
    })
}

fn width(bytes: &[u8]) -> usize {
    pieces(bytes).map(|(_, shown)| shown.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::View;
    use crate::position::Lines;

    #[test]
    fn a_long_line_is_cut_around_what_is_marked() {
        let text = format!("{}mark{}", "a".repeat(5_000_000), "b".repeat(5_000_000));
        let lines = Lines::new(text.as_bytes());
        let mut view = View::default();
        view.add(&lines, 0, 5_000_000..5_000_004);
        assert_eq!(view.text, format!("…{}mark{}…\n", "a".repeat(40), "b".repeat(156)));
        assert_eq!(view.shown(&(5_000_000..5_000_004)), 43..47);
        assert_eq!(view.shown(&(0..9_000_000)), 3..203);
    }

    #[test]
    fn what_takes_many_columns_is_cut_sooner() {
        let text = "\u{1b}".repeat(1000);
        let lines = Lines::new(text.as_bytes());
        let mut view = View::default();
        view.add(&lines, 0, 500..501);
        assert_eq!(view.text, format!("…{}…\n", "\\u{1b}".repeat(33)));
        assert_eq!(view.shown(&(500..501)), 33..39);
    }

    #[test]
    fn what_is_not_text_is_shown_by_its_code() {
        let lines = Lines::new(b"ab\xff\x1b\xe2\x82");
        let mut view = View::default();
        view.add(&lines, 0, 2..3);
        assert_eq!(view.text, "ab\\xff\\u{1b}\\xe2\\x82\n");
        assert_eq!(view.shown(&(2..3)), 2..6);
    }
}

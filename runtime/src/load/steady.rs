//! Reading a file that others may be writing: what is given is what the file held, or nothing is.

use std::io::{self, Read, Seek};

/// Why nothing was read.
#[derive(Debug)]
pub(super) enum Unsteady {
    /// The system refused.
    Io(io::Error),
    /// It was not the same throughout.
    Changed,
    /// There is more than is read.
    TooLong,
}

/// Reads all of `file` twice, and its length and time of change before and after.
///
/// A writer that replaces a file by renaming another is not seen, and does no harm: the old text is whole.
pub(super) fn read_steadily<F: Read + Seek, S: PartialEq>(
    file: &mut F,
    mut stamp: impl FnMut(&mut F) -> io::Result<(u64, S)>,
    most: usize,
) -> Result<Vec<u8>, Unsteady> {
    let before = stamp(file).map_err(Unsteady::Io)?;
    let text = read_bounded(file, most)?;
    file.rewind().map_err(Unsteady::Io)?;
    let again = read_bounded(file, most)?;
    let after = stamp(file).map_err(Unsteady::Io)?;
    if before != after || text != again || before.0 != text.len() as u64 {
        return Err(Unsteady::Changed);
    }
    Ok(text)
}

fn read_bounded(file: &mut impl Read, most: usize) -> Result<Vec<u8>, Unsteady> {
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(Unsteady::Io)?;
    if bytes.len() > most { Err(Unsteady::TooLong) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read, Seek, SeekFrom};

    use super::{Unsteady, read_steadily};

    /// A file that holds another text once it is read again.
    struct Rewritten(Cursor<&'static str>, &'static str);

    impl Read for Rewritten {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Seek for Rewritten {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0 = Cursor::new(self.1);
            self.0.seek(to)
        }
    }

    #[test]
    fn a_file_that_stays_is_read() {
        let mut file = Rewritten(Cursor::new("module a"), "module a");
        assert_eq!(read_steadily(&mut file, |_| Ok((8, 0)), 100).unwrap(), b"module a");
    }

    #[test]
    fn a_file_that_is_rewritten_between_is_not_taken_though_its_length_and_time_say_nothing() {
        let mut file = Rewritten(Cursor::new("module a"), "module b");
        assert!(matches!(read_steadily(&mut file, |_| Ok((8, 0)), 100), Err(Unsteady::Changed)));
    }

    #[test]
    fn a_file_whose_time_of_change_moves_is_not_taken() {
        let mut time = 0;
        let stamp = |_: &mut Rewritten| {
            time += 1;
            Ok((8, time))
        };
        let mut file = Rewritten(Cursor::new("module a"), "module a");
        assert!(matches!(read_steadily(&mut file, stamp, 100), Err(Unsteady::Changed)));
    }

    #[test]
    fn a_file_that_is_shorter_than_it_says_is_not_taken() {
        let mut file = Rewritten(Cursor::new("module a"), "module a");
        assert!(matches!(read_steadily(&mut file, |_| Ok((9, 0)), 100), Err(Unsteady::Changed)));
    }

    #[test]
    fn a_file_beyond_the_bound_is_not_read_to_its_end() {
        let mut file = Rewritten(Cursor::new("module a"), "module a");
        assert!(matches!(read_steadily(&mut file, |_| Ok((8, 0)), 7), Err(Unsteady::TooLong)));
    }
}

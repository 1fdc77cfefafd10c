//! Records in the order of time.
//!
//! Most recordings are in order already, so a file is first read as it stands, in one pass and constant memory. At the
//! first step back the reader starts over: it notes the time and place of every record, sorts, and reads them again.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use limitrate_core::time::Timestamp;

use super::file::{TrafficError, TrafficFile};
use super::format::Format;
use super::lines::{Lines, RawLine};
use super::record::{Line, Record, Scratch, UnknownMembers};
use super::schema::Schema;
use super::skip::SkipReason;
use super::{read_combined, read_jsonl};

/// The most records that are sorted: their index takes 24 bytes each.
pub const MAX_SORTED_RECORDS: usize = 50_000_000;

/// The largest file that is held in memory to be read in another order.
const MAX_FILE_IN_MEMORY_BYTES: u64 = 1 << 30;

/// How many lines lie between two reports of progress.
const PROGRESS_LINES: u64 = 8192;

/// What takes recorded traffic in.
pub trait Replay {
    /// Takes the next record, in the order of time; records of one instant in the order of the file.
    ///
    /// To break ends the replay.
    fn record(&mut self, record: &Record<'_>) -> ControlFlow<()>;

    /// Forgets everything taken in so far, skipped lines included: the file turned out to be out of order, and all of
    /// it follows again. Called once at most.
    fn restart(&mut self);

    /// A line was left out. Lines of a file that is not in order are all reported before its first record.
    fn skipped(&mut self, line: u64, reason: SkipReason);

    /// How far the reader has come.
    fn progress(&mut self, progress: Progress);
}

/// How far a reader has come in its current pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub pass: Pass,
    /// Bytes done,
    pub done: u64,
    /// of so many.
    pub total: u64,
}

/// What a reader is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Replaying the file as it stands.
    InOrder,
    /// Looking for the time of each record, to sort them.
    Sorting,
    /// Replaying the sorted records.
    Sorted,
}

/// What became of a file. Blank lines are not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Records taken in.
    pub records: u64,
    /// Lines left out.
    pub skipped: u64,
    /// Whether the records had to be sorted.
    pub was_sorted: bool,
    /// Members that no fact is declared for, by name.
    pub unknown: UnknownMembers,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    at: Timestamp,
    offset: u64,
    line: u32,
    length: u32,
}

impl TrafficFile {
    /// Replays the file in the order of time.
    ///
    /// # Errors
    ///
    /// [`TrafficError::Io`]; [`TrafficError::TooManyToSort`] for more than [`MAX_SORTED_RECORDS`] out of order;
    /// [`TrafficError::Changed`] if another program wrote to the file meanwhile.
    pub fn replay(
        &mut self,
        format: Format,
        schema: &Schema,
        replay: &mut impl Replay,
    ) -> Result<Replayed, TrafficError> {
        let mut reader = Reader { format, schema, scratch: Scratch::default(), counts: Replayed::default() };
        self.file.seek(SeekFrom::Start(0))?;
        if let Some(line) = reader.in_order(&self.file, self.size, replay)? {
            replay.restart();
            (reader.counts, reader.scratch) = (Replayed::default(), Scratch::default());
            self.file.seek(SeekFrom::Start(0))?;
            let index = reader.index(&self.file, self.size, line, replay)?;
            reader.counts.was_sorted = true;
            // The index has counted them.
            reader.scratch.unknown.pause();
            self.file.seek(SeekFrom::Start(0))?;
            reader.sorted(&index, Source::of(&self.file, self.size)?, replay)?;
        }
        Ok(Replayed { unknown: reader.scratch.unknown, ..reader.counts })
    }
}

struct Reader<'s> {
    format: Format,
    schema: &'s Schema,
    scratch: Scratch,
    counts: Replayed,
}

impl Reader<'_> {
    fn read<'a>(&'a mut self, number: u64, text: &'a str) -> Result<Record<'a>, SkipReason> {
        let line = Line { number, text };
        match self.format {
            Format::Jsonl => read_jsonl(line, self.schema, &mut self.scratch),
            Format::Combined => read_combined(line, self.schema, &mut self.scratch),
        }
    }

    /// Replays the file as it stands; stops at the first line that goes back in time, and returns its number.
    fn in_order(
        &mut self,
        file: impl Read,
        size: u64,
        replay: &mut impl Replay,
    ) -> Result<Option<u64>, TrafficError> {
        let mut latest = Timestamp(i64::MIN);
        let mut goes_back = None;
        self.each(Pass::InOrder, (file, size), replay, |record, _, replay| {
            if record.at < latest {
                goes_back = Some(record.line);
                return Ok(ControlFlow::Break(()));
            }
            latest = record.at;
            Ok(replay.record(record))
        })?;
        Ok(goes_back)
    }

    /// The time and place of each record, by time. `goes_back` is the line that made this necessary.
    fn index(
        &mut self,
        file: impl Read,
        size: u64,
        goes_back: u64,
        replay: &mut impl Replay,
    ) -> Result<Vec<Entry>, TrafficError> {
        let too_many = || TrafficError::TooManyToSort { line: goes_back };
        let mut index = Vec::new();
        self.each(Pass::Sorting, (file, size), replay, |record, raw, _| {
            if index.len() == MAX_SORTED_RECORDS {
                return Err(too_many());
            }
            index.push(Entry {
                at: record.at,
                offset: raw.offset,
                line: u32::try_from(raw.number).map_err(|_| too_many())?,
                length: u32::try_from(raw.bytes.map_or(0, <[u8]>::len)).map_err(|_| too_many())?,
            });
            Ok(ControlFlow::Continue(()))
        })?;
        self.counts.records = 0;
        // No two records have one offset, so the order of the file decides between equal times.
        index.sort_unstable_by_key(|entry| (entry.at, entry.offset));
        Ok(index)
    }

    /// Reads each line and hands over its record, or the reason why it has none.
    fn each<P: Replay>(
        &mut self,
        pass: Pass,
        (file, size): (impl Read, u64),
        replay: &mut P,
        mut take: impl FnMut(&Record<'_>, &RawLine<'_>, &mut P) -> Result<ControlFlow<()>, TrafficError>,
    ) -> Result<(), TrafficError> {
        let mut lines = Lines::new(file.take(size));
        while let Some(raw) = lines.next_line()? {
            let number = raw.number;
            let text = match raw.text() {
                Ok(Some(text)) => Ok(text),
                Ok(None) => continue,
                Err(reason) => Err(reason),
            };
            match text.and_then(|text| self.read(number, text)) {
                Ok(record) => {
                    let taken = take(&record, &raw, replay)?;
                    let spare = record.into_spare();
                    self.scratch.restore(spare);
                    self.counts.records += 1;
                    if taken.is_break() {
                        break;
                    }
                }
                Err(reason) => {
                    self.counts.skipped += 1;
                    replay.skipped(number, reason);
                }
            }
            if number.is_multiple_of(PROGRESS_LINES) {
                replay.progress(Progress { pass, done: lines.offset(), total: size });
            }
        }
        replay.progress(Progress { pass, done: lines.offset(), total: size });
        Ok(())
    }

    fn sorted(
        &mut self,
        index: &[Entry],
        mut source: Source<'_>,
        replay: &mut impl Replay,
    ) -> Result<(), TrafficError> {
        let total = index.iter().map(|entry| u64::from(entry.length)).sum();
        let mut done = 0;
        for entry in index {
            let number = u64::from(entry.line);
            let changed = || TrafficError::Changed { line: number };
            let bytes = source.fetch(entry).map_err(|error| {
                let is_short = error.kind() == io::ErrorKind::UnexpectedEof;
                if is_short { changed() } else { TrafficError::Io(error) }
            })?;
            let raw = RawLine { number, offset: entry.offset, bytes: Some(bytes) };
            let text = raw.text().ok().flatten().ok_or_else(changed)?;
            let record = self.read(number, text).ok().filter(|record| record.at == entry.at);
            let record = record.ok_or_else(changed)?;
            let taken = replay.record(&record);
            let spare = record.into_spare();
            self.scratch.restore(spare);
            self.counts.records += 1;
            done += u64::from(entry.length);
            if taken.is_break() {
                break;
            }
            if self.counts.records.is_multiple_of(PROGRESS_LINES) {
                replay.progress(Progress { pass: Pass::Sorted, done, total });
            }
        }
        replay.progress(Progress { pass: Pass::Sorted, done, total });
        Ok(())
    }
}

/// A file that is read in any order.
enum Source<'f> {
    Memory(Vec<u8>),
    /// Through a buffer: in recordings that are nearly in order, most lines are close to the last one.
    Buffered {
        file: BufReader<&'f File>,
        at: u64,
        line: Vec<u8>,
    },
}

impl<'f> Source<'f> {
    /// Reads `file`, which stands at its beginning.
    fn of(file: &'f File, size: u64) -> io::Result<Self> {
        if size > MAX_FILE_IN_MEMORY_BYTES {
            return Ok(Self::Buffered { file: BufReader::new(file), at: 0, line: Vec::new() });
        }
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes)?;
        Ok(Self::Memory(bytes))
    }

    fn fetch(&mut self, entry: &Entry) -> io::Result<&[u8]> {
        let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let end = entry.offset.saturating_add(entry.length.into());
        match self {
            Self::Memory(bytes) => {
                let range = usize::try_from(entry.offset).ok().zip(usize::try_from(end).ok());
                range.and_then(|(start, end)| bytes.get(start..end)).ok_or_else(short)
            }
            Self::Buffered { file, at, line } => {
                file.seek_relative(entry.offset.wrapping_sub(*at).cast_signed())?;
                line.resize(usize::try_from(entry.length).map_err(|_| short())?, 0);
                file.read_exact(line)?;
                *at = end;
                Ok(line)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn lines_are_fetched_in_any_order_from_memory_and_through_a_buffer() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(b"zero\none\ntwo\n").expect("written");
        let entry = |offset, length| Entry { at: Timestamp(0), offset, line: 1, length };
        let buffered = Source::Buffered { file: BufReader::with_capacity(8, &file), at: 0, line: Vec::new() };
        (&file).seek(SeekFrom::Start(0)).expect("a seek");
        let memory = Source::of(&file, 14).expect("read");
        (&file).seek(SeekFrom::Start(0)).expect("a seek");
        for mut source in [memory, buffered] {
            assert_eq!(source.fetch(&entry(9, 3)).expect("a line"), b"two");
            assert_eq!(source.fetch(&entry(0, 4)).expect("a line"), b"zero");
            assert_eq!(source.fetch(&entry(5, 3)).expect("a line"), b"one");
            assert!(source.fetch(&entry(10, 9)).is_err(), "past the end");
        }
    }
}

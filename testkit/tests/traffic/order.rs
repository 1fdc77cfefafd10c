use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use limitrate_testkit::traffic::{
    Format, MAX_LINE_BYTES, Pass, Progress, Record, Replay, Replayed, SkipReason, TrafficError, TrafficFile,
};
use proptest::prelude::*;

use super::schema;

/// Notes what it is given.
#[derive(Default)]
struct Notes {
    /// Millisecond and line of each record.
    records: Vec<(i64, u64)>,
    skipped: Vec<(u64, String)>,
    restarts: u32,
    passes: Vec<Pass>,
    stop_after: Option<usize>,
}

impl Replay for Notes {
    fn record(&mut self, record: &Record<'_>) -> ControlFlow<()> {
        self.records.push((record.at.0 / 1_000_000, record.line));
        if self.stop_after == Some(self.records.len()) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn restart(&mut self) {
        self.records.clear();
        self.skipped.clear();
        self.restarts += 1;
    }

    fn skipped(&mut self, line: u64, reason: SkipReason) {
        self.skipped.push((line, reason.to_string()));
    }

    fn progress(&mut self, progress: Progress) {
        assert!(progress.done <= progress.total);
        self.passes.push(progress.pass);
    }
}

fn replay(text: &[u8], notes: &mut Notes) -> Replayed {
    let mut file = TrafficFile::spool(text).expect("spooled");
    file.replay(Format::Jsonl, &schema(), notes).expect("replayed")
}

fn lines(times: &[i64]) -> String {
    times.iter().map(|time| format!("{{\"t\":{time}}}\n")).collect()
}

#[test]
fn a_file_in_order_is_read_once() {
    let mut notes = Notes::default();
    let replayed = replay(lines(&[1, 2, 2, 5]).as_bytes(), &mut notes);
    assert_eq!(notes.records, [(1, 1), (2, 2), (2, 3), (5, 4)]);
    assert_eq!((notes.restarts, notes.passes), (0, vec![Pass::InOrder]));
    assert_eq!((replayed.records, replayed.skipped, replayed.was_sorted), (4, 0, false));
}

#[test]
fn a_step_back_starts_over_in_the_order_of_time() {
    let mut notes = Notes::default();
    let text = format!("{}x\n\n{}", lines(&[3, 5, 5]), lines(&[4, 3, 9]));
    let replayed = replay(text.as_bytes(), &mut notes);
    assert_eq!(notes.records, [(3, 1), (3, 7), (4, 6), (5, 2), (5, 3), (9, 8)]);
    assert_eq!(notes.skipped, [(4, "not JSON at byte 1".to_owned())]);
    assert_eq!(notes.restarts, 1);
    assert_eq!(notes.passes, [Pass::InOrder, Pass::Sorting, Pass::Sorted]);
    assert_eq!((replayed.records, replayed.skipped, replayed.was_sorted), (6, 1, true));
}

#[test]
fn unknown_members_are_counted_once_though_lines_are_read_again() {
    let text = "{\"t\":2,\"x\":1}\n{\"t\":1,\"x\":1}\n{\"t\":3,\"x\":1}\n";
    let replayed = replay(text.as_bytes(), &mut Notes::default());
    assert_eq!(replayed.unknown.by_count(), [("x", 3)]);
}

#[test]
fn the_replay_can_be_ended() {
    for times in [[1, 2, 3], [2, 1, 3]] {
        let mut notes = Notes { stop_after: Some(2), ..Notes::default() };
        let replayed = replay(lines(&times).as_bytes(), &mut notes);
        assert_eq!(replayed.records, 2, "{times:?}");
    }
}

#[test]
fn line_ends_blank_lines_and_marks_are_no_matter() {
    let mut notes = Notes::default();
    replay(b"\xef\xbb\xbf{\"t\":1}\r\n\r\n  \n{\"t\":2}\n\n{\"t\":3}", &mut notes);
    assert_eq!(notes.records, [(1, 1), (2, 4), (3, 6)]);
    assert!(notes.skipped.is_empty());
}

#[test]
fn lines_that_are_too_long_or_not_text_are_skipped() {
    let mut text = lines(&[1]).into_bytes();
    text.extend_from_slice(format!("{{\"t\":2,\"x\":\"{}\"}}\n", "x".repeat(3 * MAX_LINE_BYTES)).as_bytes());
    text.extend_from_slice(b"{\"t\":3,\"x\":\"\xff\"}\n");
    let longest = format!("{{\"t\":4{}}}\r\n", " ".repeat(MAX_LINE_BYTES - 7));
    text.extend_from_slice(longest.as_bytes());
    text.extend_from_slice(format!(" {longest}").as_bytes());
    let mut notes = Notes::default();
    replay(&text, &mut notes);
    assert_eq!(notes.records, [(1, 1), (4, 4)]);
    let too_long = "longer than 1 MiB".to_owned();
    assert_eq!(notes.skipped, [(2, too_long.clone()), (3, "not UTF-8 at byte 13".to_owned()), (5, too_long)]);
}

#[test]
fn only_regular_files_are_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let what = |path: &Path| match TrafficFile::open(path) {
        Err(TrafficError::NotAFile { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what(folder.path()), "a directory");
    assert!(matches!(TrafficFile::open(&folder.path().join("none")), Err(TrafficError::Io(_))));
    #[cfg(unix)]
    {
        assert_eq!(what(Path::new("/dev/null")), "a device");
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        assert_eq!(what(&socket), "a socket");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
        assert_eq!(what(&pipe), "a pipe", "without waiting for a writer");
    }
}

#[test]
fn a_file_is_read_as_long_as_it_was_when_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("traffic.jsonl");
    fs::write(&path, lines(&[1, 2])).expect("written");
    let mut file = TrafficFile::open(&path).expect("opened");
    let mut appended = fs::OpenOptions::new().append(true).open(&path).expect("opened");
    appended.write_all(lines(&[3]).as_bytes()).expect("appended");
    assert_eq!(file.format().expect("a format"), Format::Jsonl);
    for _ in 0..2 {
        let mut notes = Notes::default();
        file.replay(Format::Jsonl, &schema(), &mut notes).expect("replayed");
        assert_eq!(notes.records, [(1, 1), (2, 2)]);
    }
}

proptest! {
    #[test]
    fn shuffled_traffic_is_replayed_sorted_and_stable(times in prop::collection::vec(0..20_i64, 0..60)) {
        let mut notes = Notes::default();
        let replayed = replay(lines(&times).as_bytes(), &mut notes);
        let mut expected: Vec<_> = times.iter().copied().zip(1..).collect();
        expected.sort_by_key(|(time, _)| *time);
        prop_assert_eq!(&notes.records, &expected);
        prop_assert_eq!(replayed.was_sorted, !times.is_sorted());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), json in any::<bool>()) {
        let format = if json { Format::Jsonl } else { Format::Combined };
        let mut file = TrafficFile::spool(&*bytes).expect("spooled");
        file.replay(format, &schema(), &mut Notes::default()).expect("replayed");
    }
}

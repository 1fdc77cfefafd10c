//! What the program says: results to the standard output, progress and mistakes to the standard error.
//!
//! The only place that writes to either. A reader that goes away ends the output quietly; any other failure to write
//! is reported once and makes the command fail.

mod paint;

use std::{
    fmt::Display,
    io::{self, BufWriter, IsTerminal as _, Write},
};

use serde::Serialize;

use crate::{
    args::{Color, Format},
    exit::Exit,
    source::reason,
};

pub(crate) use paint::{Paint, Style};

/// Lines are wrapped at so many columns where nothing says how wide the terminal is.
const DEFAULT_WIDTH: usize = 100;

/// Output is handed on in pieces of so many bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// The two streams, and how to write to them.
pub(crate) struct Ui {
    out: Stream,
    err: Stream,
    format: Format,
    width: usize,
}

struct Stream {
    sink: Box<dyn Write>,
    terminal: bool,
    paint: Paint,
    failure: Option<io::Error>,
}

impl Ui {
    /// Writes to the process's own streams.
    pub(crate) fn new(format: Format, color: Color) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let (out_terminal, err_terminal) = (stdout.is_terminal(), stderr.is_terminal());
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        Self {
            out: Stream::new(Box::new(BufWriter::with_capacity(BUFFER_BYTES, stdout)), out_terminal, color),
            err: Stream::new(Box::new(stderr), err_terminal, color),
            format,
            width: width.filter(|width| (40..=1000).contains(width)).unwrap_or(DEFAULT_WIDTH),
        }
    }

    /// The format asked for.
    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// How many columns a line may have.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// How to color the result.
    pub(crate) const fn paint(&self) -> Paint {
        self.out.paint
    }

    /// How to color what goes to the standard error.
    pub(crate) const fn paint_err(&self) -> Paint {
        self.err.paint
    }

    /// Whether the standard error is a terminal, so that progress can be shown.
    pub(crate) const fn shows_progress(&self) -> bool {
        self.err.terminal
    }

    /// Whether results still reach a reader; a long command stops where they do not.
    pub(crate) const fn is_open(&self) -> bool {
        self.out.failure.is_none()
    }

    /// Adds to the result.
    pub(crate) fn write(&mut self, text: impl Display) {
        self.out.write(format_args!("{text}"));
    }

    /// Adds a line to the result.
    pub(crate) fn line(&mut self, text: impl Display) {
        self.out.write(format_args!("{text}\n"));
    }

    /// Adds bytes to the result as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.attempt(|sink| sink.write_all(bytes));
    }

    /// Makes `document` the result.
    pub(crate) fn json(&mut self, document: &impl Serialize) {
        self.out.attempt(|sink| {
            serde_json::to_writer_pretty(&mut *sink, document)?;
            sink.write_all(b"\n")
        });
    }

    /// Says what went wrong.
    pub(crate) fn error(&mut self, text: impl Display) {
        let word = self.err.paint.style(Style::Error, "error:");
        self.log(format_args!("{word} {text}"));
    }

    /// Says something that is worth knowing and no part of the result.
    pub(crate) fn note(&mut self, text: impl Display) {
        let word = self.err.paint.style(Style::Strong, "note:");
        self.log(format_args!("{word} {text}"));
    }

    /// Writes a line to the standard error.
    pub(crate) fn log(&mut self, text: impl Display) {
        // What was said before comes first where both streams are one terminal.
        self.out.attempt(|sink| sink.flush());
        self.err.write(format_args!("{text}\n"));
    }

    /// Hands everything on, and says how the command ended.
    pub(crate) fn finish(mut self, exit: Exit) -> Exit {
        self.out.attempt(|sink| sink.flush());
        match self.out.failure.take() {
            Some(failure) if failure.kind() != io::ErrorKind::BrokenPipe => {
                self.error(format_args!("cannot write the result: {}", reason(&failure)));
                exit.max(Exit::Environment)
            }
            Some(_) | None => exit,
        }
    }
}

impl Stream {
    fn new(sink: Box<dyn Write>, terminal: bool, color: Color) -> Self {
        Self { sink, terminal, paint: Paint::new(wants_color(color, terminal)), failure: None }
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.attempt(|sink| sink.write_fmt(text));
    }

    /// Writes unless an earlier attempt failed.
    fn attempt(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.failure.is_none() {
            self.failure = write(&mut *self.sink).err();
        }
    }
}

/// Whether a stream is colored.
pub(crate) fn wants_color(color: Color, terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

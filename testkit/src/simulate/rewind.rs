//! Where decisions are written: it can begin again, as a replay does whose file turns out to be out of order.

use std::{
    fs::File,
    io::{self, Seek as _, Write},
};

/// An output that can be emptied.
pub trait Rewind: Write {
    /// Drops everything written so far.
    ///
    /// # Errors
    ///
    /// The output cannot take back what it was given, as a pipe or a terminal.
    fn rewind(&mut self) -> io::Result<()>;
}

impl Rewind for File {
    fn rewind(&mut self) -> io::Result<()> {
        if !self.metadata()?.is_file() {
            let message = "the traffic is not in the order of time, and what was written to a pipe or device \
                           cannot be taken back: name a file";
            return Err(io::Error::new(io::ErrorKind::NotSeekable, message));
        }
        self.set_len(0)?;
        self.seek(io::SeekFrom::Start(0)).map(|_| ())
    }
}

/// Nothing was kept.
impl Rewind for io::Sink {
    fn rewind(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Rewind for Vec<u8> {
    fn rewind(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }
}

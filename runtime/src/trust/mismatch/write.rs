//! Mismatches in files, for whoever mends the compiler.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::Mismatch;

/// At most so many mismatches are kept in one folder.
pub const MAX_MISMATCHES: usize = 16;

impl Mismatch<'_> {
    /// Writes what it takes to see it again to `folder`: `mismatch-00.answers.json`, `.facts.json` where the request is known,
    /// and the policy as `.rl`, or as `.program.txt` where its text is not known. Gives the first one's path.
    ///
    /// No file is replaced. `None` where the folder has [`MAX_MISMATCHES`] already: nothing is written then.
    ///
    /// # Errors
    ///
    /// If the files cannot be written.
    pub fn write_to(&self, folder: &Path) -> io::Result<Option<PathBuf>> {
        for number in 0..MAX_MISMATCHES {
            let path = |end: &str| folder.join(format!("mismatch-{number:02}.{end}"));
            let answers = path("answers.json");
            // Whoever creates it has the number.
            match OpenOptions::new().write(true).create_new(true).open(&answers) {
                Ok(mut file) => {
                    file.write_all(self.answers().as_bytes())?;
                    if self.request.is_some() {
                        fs::write(path("facts.json"), self.facts() + "\n")?;
                    }
                    let policy = if self.text.is_some() { "rl" } else { "program.txt" };
                    fs::write(path(policy), self.policy())?;
                    return Ok(Some(answers));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

//! Exit codes, and what happens when the program itself is wrong.

use std::{
    io::Write as _,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
};

/// How a command ended. Where several things happened, the later variant is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// No findings, tests pass, allowed.
    Fine,
    /// The other answer: refused, would change, has changes.
    Other,
    /// Errors in a policy, failing tests, missed expectations.
    Findings,
    /// The command line is wrong, or a file cannot be read.
    Usage,
    /// Something around the program fails: a full disk, a port in use.
    Environment,
    /// A bug of ours.
    Bug,
}

impl Exit {
    /// The number the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Findings => 1,
            Self::Other => 2,
            Self::Usage => 3,
            Self::Environment => 4,
            Self::Bug => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// From here on a panic is told as what it is.
pub(crate) fn report_panics() {
    panic::set_hook(Box::new(|info| {
        // Nothing is left to do where even this cannot be written.
        let _ = writeln!(
            std::io::stderr().lock(),
            "this is a bug in rlc {}, not in your policy: {info}\n\
             please report it with the command line and, if you can, the policy that led to it",
            env!("CARGO_PKG_VERSION")
        );
    }));
}

/// Runs `main`; a panic in it ends with the code of a bug.
pub(crate) fn guarded(main: impl FnOnce() -> Exit) -> Exit {
    panic::catch_unwind(AssertUnwindSafe(main)).unwrap_or(Exit::Bug)
}

#[cfg(test)]
mod tests {
    use super::{Exit, guarded};

    #[test]
    fn a_panic_ends_with_the_code_of_a_bug() {
        assert_eq!(guarded(|| panic!("on purpose")).code(), 70);
    }

    #[test]
    fn a_worse_end_outranks_a_better_one() {
        assert_eq!(Exit::Findings.max(Exit::Other), Exit::Findings);
        assert_eq!(Exit::Findings.max(Exit::Usage), Exit::Usage);
    }
}

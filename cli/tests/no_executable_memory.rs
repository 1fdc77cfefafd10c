//! Where the system refuses executable memory, the interpreter serves, decides the same, and says so.
#![cfg(all(target_os = "linux", feature = "jit"))]
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "restricts a child process before it runs, stops where it cannot, and says what it leaves out"
)]

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Command, Output},
};

use assert_cmd::cargo::cargo_bin;

/// `prctl(2)`: memory that was once writable can no longer become executable. Linux 6.3 and later.
const PR_SET_MDWE: libc::c_int = 65;
const PR_MDWE_REFUSE_EXEC_GAIN: libc::c_ulong = 1;

const POLICY: &str = "edition 2026\n\ninput {\n  user: key\n}\n\nrule api {\n  limit 5 req/min per user\n}\n";

const EVAL: &[&str] = &["eval", "--at", "2026-03-02T12:00:00Z", "--facts", r#"{"user":"ada"}"#];

fn rlc(arguments: &[&str], restricted: bool) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("api.rl");
    std::fs::write(&policy, POLICY).unwrap();
    let mut command = Command::new(cargo_bin!("rlc"));
    command.args(arguments).arg("api.rl").current_dir(folder.path());
    if restricted {
        // SAFETY: the closure runs in the child between fork and exec, and makes one system call that is safe there.
        unsafe {
            command.pre_exec(|| match libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        }
    }
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            let ci = std::env::var_os("CI").is_some();
            assert!(!ci, "this kernel cannot refuse executable memory: {error}");
            eprintln!("SKIPPED: this kernel cannot refuse executable memory: {error}");
            None
        }
    }
}

#[test]
fn the_interpreter_serves_and_says_so() {
    let Some(restricted) = rlc(EVAL, true) else { return };
    let free = rlc(EVAL, false).expect("an unrestricted run");
    assert_eq!(String::from_utf8_lossy(&free.stdout), String::from_utf8_lossy(&restricted.stdout));
    assert!(restricted.status.success());
    assert_eq!(
        String::from_utf8_lossy(&restricted.stderr),
        "note: the policy is interpreted: no machine code here: the system refused executable memory\n"
    );
    assert_eq!(String::from_utf8_lossy(&free.stderr), "");
}

#[test]
fn a_paranoid_check_says_that_there_is_no_machine_code() {
    let Some(restricted) = rlc(&["check", "--paranoid"], true) else { return };
    assert_eq!(
        String::from_utf8_lossy(&restricted.stderr),
        "error: api.rl: no machine code here: the system refused executable memory\n"
    );
    assert_eq!(restricted.status.code(), Some(4));
    let free = rlc(&["check", "--paranoid"], false).expect("an unrestricted run");
    assert_eq!(String::from_utf8_lossy(&free.stderr), "");
    assert!(free.status.success());
}

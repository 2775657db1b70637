//! What a command printed, and with which code it ended.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Code, standard output and standard error of a command.
#[derive(Debug)]
pub struct Said {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a command with this input to its end.
///
/// # Panics
/// If it does not start, or prints anything but text.
#[must_use]
#[track_caller]
pub fn say(mut command: Command, input: &str) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Said {
    /// What it printed, where it must have ended well and complained of nothing.
    ///
    /// # Panics
    /// If it did not.
    #[must_use]
    #[track_caller]
    pub fn ok(self, arguments: &[&str]) -> String {
        assert_eq!((self.code, &*self.err), (Some(0), ""), "{arguments:?}");
        self.out
    }

    /// Holds that it ended with this code, printed nothing and complained of this.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str], code: i32, err: &str) {
        assert_eq!((self.code, &*self.out), (Some(code), ""), "{arguments:?}: {}", self.err);
        assert!(self.err.contains(err), "{arguments:?}: {}", self.err);
    }
}

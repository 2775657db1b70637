//! A real journald in a [`Lab`], by itself, without the rest of systemd.

use crate::lab::{Lab, Signal, eventually, text, tied};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

/// A journald, which may be ended and started again.
pub struct Journald<'l> {
    lab: &'l Lab,
    running: Option<Child>,
}

impl<'l> Journald<'l> {
    /// Starts it, with these lines for `[Journal]` of its configuration, and waits until it listens, also at `/dev/log`.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn start(lab: &'l Lab, lines: &str) -> Self {
        for directory in ["/etc/systemd", "/run/systemd/journal", "/run/log"] {
            fs::create_dir_all(lab.inside(directory)).unwrap();
        }
        // Only what is sent to it, and all of that.
        let usual = "[Journal]\nReadKMsg=no\nForwardToSyslog=no\nForwardToWall=no\nRateLimitIntervalSec=0\n";
        fs::write(lab.inside("/etc/systemd/journald.conf"), format!("{usual}{lines}\n")).unwrap();
        if fs::metadata(lab.inside("/etc/machine-id")).map_or(0, |id| id.len()) < 32 {
            fs::write(lab.inside("/etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
        }
        if fs::symlink_metadata(lab.inside("/dev/log")).is_err() {
            std::os::unix::fs::symlink("/run/systemd/journal/dev-log", lab.inside("/dev/log")).unwrap();
        }
        let mut journald = Self { lab, running: None };
        journald.run();
        journald
    }

    /// Starts it (again).
    ///
    /// # Panics
    /// If it does not listen.
    pub fn run(&mut self) {
        let sockets = ["socket", "stdout", "dev-log"].map(|name| self.lab.inside("/run/systemd/journal/").join(name));
        sockets.iter().for_each(|socket| drop(fs::remove_file(socket)));
        let mut journald = tied(self.lab.router("/lib/systemd/systemd-journald"));
        self.running = Some(journald.stderr(Stdio::null()).spawn().unwrap());
        eventually("journald listens", || sockets.iter().all(|socket| socket.exists()).then_some(()));
    }

    /// Sends a signal to it.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&self, signal: Signal) {
        let running = self.running.as_ref().expect("journald runs");
        rustix::process::kill_process(rustix::process::Pid::from_child(running), signal).unwrap();
    }

    /// Ends it.
    ///
    /// # Panics
    /// If it does not run.
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.running.take().expect("journald runs").wait().unwrap();
    }

    /// Logs a message as this user, and waits until it is in the journal.
    pub fn say(&self, user: u32, tag: &str, message: &str) {
        self.send(user, tag, message);
        self.wait_for(message);
    }

    /// Logs a message as this user.
    ///
    /// # Panics
    /// If that fails.
    pub fn send(&self, user: u32, tag: &str, message: &str) {
        let mut logger = self.lab.router("setpriv");
        logger.args([
            "--reuid",
            &user.to_string(),
            "--clear-groups",
            "logger",
            "--socket",
            "/run/systemd/journal/dev-log",
        ]);
        text(logger.args(["--id=4711", "-t", tag, message])).unwrap();
    }

    /// Waits until this is in the journal.
    pub fn wait_for(&self, message: &str) {
        eventually(&format!("the journal has {message:?}"), || self.text().contains(message).then_some(()));
    }

    /// All messages.
    #[must_use]
    pub fn text(&self) -> String {
        // Without files there is an error, and nothing said.
        text(self.lab.router("journalctl").args(["--all", "-o", "cat", "-m"])).unwrap_or_default()
    }

    /// All entries as lines of a log.
    ///
    /// # Panics
    /// If there is no journal.
    #[must_use]
    pub fn lines(&self) -> String {
        text(self.lab.router("journalctl").args(["--all", "-m"])).unwrap()
    }

    /// The file that it writes to, as the test finds it.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn file(&self, root: &str) -> PathBuf {
        let id = fs::read_to_string(self.lab.inside("/etc/machine-id")).unwrap();
        self.lab.inside(root).join(id.trim()).join("system.journal")
    }
}

impl Drop for Journald<'_> {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}

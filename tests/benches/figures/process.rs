//! Processes, and what they cost.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// The processor time of a process with one thread, user and system, to the nanosecond.
pub fn cpu(child: &Child) -> Duration {
    let text = fs::read_to_string(format!("/proc/{}/schedstat", child.id())).expect("/proc with schedstat");
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Waits for the end of a process; all the processor time that it took.
pub fn finish(mut child: Child) -> Duration {
    // A process that ended and was not asked yet still has its figures.
    rustix::process::waitid(WaitId::Pid(pid(&child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    let cpu = cpu(&child);
    child.wait().unwrap();
    cpu
}

/// Runs a command; its standard output and its processor time.
pub fn run(command: &mut Command, output: &Path) -> (String, Duration) {
    let child = command.stdout(File::create(output).unwrap()).stderr(Stdio::null()).spawn();
    let cpu = finish(child.unwrap_or_else(|error| panic!("{command:?}: {error}")));
    (fs::read_to_string(output).unwrap(), cpu)
}

pub fn terminate(child: &Child) {
    rustix::process::kill_process(pid(child), Signal::TERM).unwrap();
}

/// A running edgeban, in a directory of its own.
pub struct Daemon {
    pub child: Child,
    /// When it had said that it is ready.
    pub ready: Instant,
    log: PathBuf,
}

/// Settings of a bench: table, `maxretry`, and what becomes of the table. Without a state file, from which a round would have
/// the bans of the one before.
pub fn config(dir: &Path, table: &str, maxretry: u32, on_stop: &str) -> PathBuf {
    let path = dir.join("edgeban.toml");
    let text = format!(
        "[global]\ntable = \"{table}\"\non_stop = \"{on_stop}\"\nstate_dir = \"\"\n[jails.sshd]\nlogpath = \"{}\"\nmaxretry = {maxretry}\n\
         findtime = \"7d\"\nbantime = \"7d\"\nignoreip = \"127.0.0.0/8\"\n",
        dir.join("auth.log").display()
    );
    fs::write(&path, text).unwrap();
    path
}

impl Daemon {
    pub fn start(program: &Path, dir: &Path, config: &Path) -> Self {
        let log = dir.join("edgeban.log");
        let child = Command::new(program)
            .args(["run".as_ref(), "--config".as_ref(), config.as_os_str()])
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let mut daemon = Self { child, ready: start, log };
        while !daemon.said().contains("ready") {
            assert!(start.elapsed() < Duration::from_secs(60), "not ready: {}", daemon.said());
            std::thread::sleep(Duration::from_millis(1));
        }
        daemon.ready = Instant::now();
        // It looks for its files right after.
        std::thread::sleep(Duration::from_millis(20));
        daemon
    }

    /// All that it said.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Returns when it has had nothing to do for a while.
    pub fn wait_until_idle(&self) {
        let mut before = (cpu(&self.child), Instant::now());
        while before.1.elapsed() < Duration::from_millis(300) {
            std::thread::sleep(Duration::from_millis(20));
            let now = cpu(&self.child);
            if now != before.0 {
                before = (now, Instant::now());
            }
        }
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Ends it; the processor time of its whole life, and all that it said.
    pub fn stop(self) -> (Duration, String) {
        terminate(&self.child);
        let cpu = finish(self.child);
        (cpu, fs::read_to_string(self.log).unwrap())
    }
}

//! Legacy iptables on the real kernel: our way of changing a table, and iptables' own programs as judges.

use edgeban_core::addr::Family;
use edgeban_core::firewall::xt::{Info, Plan, Refused, Rewrite, View};
use edgeban_core::wire::buf::Writer;
use edgeban_core::wire::xt::request::{SetByName, SetVersion, ask_revision};
use edgeban_core::wire::xt::set::SetMatch;
use edgeban_linux::Errno;
use edgeban_linux::xtables::{COUNTERS_SIZE, Lock, Protocol, Xtables};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The tables of one protocol in the thread's network namespace.
pub struct Kernel {
    socket: Xtables,
    /// The protocol.
    pub family: Family,
}

/// What one try to change a table came to.
#[derive(Debug)]
pub enum Tried {
    /// The kernel took the new table.
    Replaced,
    /// Nothing had to be done.
    Unchanged,
    /// The kernel refused.
    Kernel(Errno),
    /// There is no new table to be had.
    Refused(Refused),
}

fn bytes(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0xa5; 4096];
    let mut w = Writer::new(&mut buffer);
    write(&mut w);
    w.written().to_vec()
}

impl Kernel {
    /// Opens the socket.
    ///
    /// # Panics
    /// Without root.
    #[must_use]
    pub fn open(family: Family) -> Self {
        let protocol = match family {
            Family::V4 => Protocol::V4,
            Family::V6 => Protocol::V6,
        };
        Self { socket: Xtables::open(protocol).expect("this test needs root for a raw socket"), family }
    }

    /// What the kernel says of a table.
    ///
    /// # Errors
    /// The kernel's.
    ///
    /// # Panics
    /// If the answer is malformed.
    pub fn info(&self, table: &str) -> Result<Info, Errno> {
        let mut request = bytes(|w| Info::ask(table, w).unwrap());
        self.socket.info(&mut request)?;
        Ok(Info::parse(&request).unwrap())
    }

    /// A whole table.
    ///
    /// # Errors
    /// The kernel's; `EAGAIN` if it changed meanwhile.
    ///
    /// # Panics
    /// If the answer is malformed.
    pub fn read(&self, table: &str) -> Result<(Info, Vec<u8>), Errno> {
        let info = self.info(table)?;
        let mut request = bytes(|w| info.ask_entries(table, w).unwrap());
        let header = request.len();
        request.resize(info.entries_len().unwrap(), 0xa5);
        self.socket.entries(&mut request)?;
        Ok((info, request.split_off(header)))
    }

    /// A whole table without the counters, which change by themselves.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn image(&self, table: &str) -> (Info, Vec<u8>) {
        let (info, mut entries) = self.read(table).unwrap();
        let (mut at, end) = (0, entries.len());
        let ip = if self.family == Family::V4 { 84 } else { 136 };
        let counters = edgeban_core::wire::xt::entry_len(self.family) - 16;
        while at < end {
            let next = u16::from_ne_bytes([entries[at + ip + 6], entries[at + ip + 7]]);
            entries[at + counters..at + counters + 16].fill(0);
            at += usize::from(next);
        }
        (info, entries)
    }

    /// One try to change a table, as the daemon is to do it, but without the lock. `between` runs after the table was
    /// read.
    ///
    /// # Panics
    /// If what cannot fail does.
    pub fn try_change(&self, table: &str, plan: Plan<'_>, between: impl FnOnce()) -> Tried {
        let (info, entries) = match self.read(table) {
            Ok(read) => read,
            Err(error) => return Tried::Kernel(error),
        };
        let rewrite = match Rewrite::plan(self.family, table, &info, &entries, plan) {
            Ok(rewrite) => rewrite,
            Err(refused) => return Tried::Refused(refused),
        };
        let mut request = vec![0xa5; 1 << 20];
        let len = match rewrite.replace(&mut request) {
            Ok(Some(len)) => len,
            Ok(None) => return Tried::Unchanged,
            Err(refused) => return Tried::Refused(refused),
        };
        between();
        let mut counters = vec![0xa5; usize::try_from(info.num_entries).unwrap() * COUNTERS_SIZE];
        if let Err(error) = self.socket.replace(&mut request[..len], &mut counters) {
            return Tried::Kernel(error);
        }
        let len = rewrite.counters(&counters, &mut request).unwrap();
        self.socket.add_counters(&request[..len]).unwrap();
        Tried::Replaced
    }

    /// Changes a table under iptables' lock, trying again as long as others are in the way. Returns whether there was
    /// anything to do.
    ///
    /// # Errors
    /// [`Refused`].
    ///
    /// # Panics
    /// If the kernel refuses.
    pub fn change(&self, table: &str, plan: Plan<'_>) -> Result<bool, Refused> {
        loop {
            let lock = match Lock::try_take(Lock::PATH) {
                Err(Errno::EAGAIN) => {
                    std::thread::yield_now();
                    continue;
                }
                lock => lock.unwrap(),
            };
            assert!(lock.is_real());
            match self.try_change(table, plan, || ()) {
                Tried::Replaced => return Ok(true),
                Tried::Unchanged => return Ok(false),
                Tried::Refused(refused) => return Err(refused),
                Tried::Kernel(Errno::EAGAIN) => {}
                Tried::Kernel(error) => panic!("the kernel refused the table: {error}"),
            }
        }
    }

    /// The sources that the kernel's table drops in a chain, as text, with packets.
    ///
    /// # Panics
    /// If the table cannot be read.
    #[must_use]
    pub fn banned(&self, table: &str, chain: &str) -> Vec<(String, u64)> {
        let (info, entries) = self.read(table).unwrap();
        let view = View::new(self.family, &info, &entries).unwrap();
        view.banned(chain).unwrap().map(|(source, counters)| (source.to_string(), counters.packets)).collect()
    }

    /// The match for a set of this name: its index, and the best revision that the kernel has.
    ///
    /// # Panics
    /// If the kernel has no ipset.
    #[must_use]
    pub fn set(&self, set: &str) -> Option<SetMatch> {
        let v4 = Xtables::open(Protocol::V4).unwrap();
        let mut request = bytes(|w| SetVersion::ask(w).unwrap());
        v4.set(&mut request).unwrap();
        let version = SetVersion::parse(&request).unwrap();
        let mut request = bytes(|w| SetByName { version, set }.ask(w).unwrap());
        v4.set(&mut request).unwrap();
        let index = SetByName::parse(&request).unwrap()?;
        let known = |revision: &u8| {
            let mut request = bytes(|w| ask_revision("set", *revision, w).unwrap());
            match self.socket.match_revision(&mut request) {
                Ok(()) => true,
                Err(Errno::EPROTONOSUPPORT) => false,
                Err(error) => panic!("the kernel has no match `set`: {error}"),
            }
        };
        Some(SetMatch { index, revision: SetMatch::REVISIONS.into_iter().find(known).unwrap() })
    }

    fn program(&self, name: &str) -> String {
        let ip = if self.family == Family::V4 { "iptables" } else { "ip6tables" };
        format!("{ip}-legacy{name}")
    }

    /// Runs `iptables-legacy -w` (or ip6tables-legacy) with these arguments, separated by spaces.
    ///
    /// # Panics
    /// If it fails.
    pub fn iptables(&self, arguments: &str) {
        let _ = run(&self.program(""), &format!("-w {arguments}"), "");
    }

    /// Runs `iptables-legacy-restore -w -c` with this text.
    ///
    /// # Panics
    /// If it fails.
    pub fn restore(&self, text: &str) {
        let _ = run(&self.program("-restore"), "-w -c", text);
    }

    /// The lines of `iptables-legacy-save -c -t TABLE`, without its comments.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn save(&self, table: &str) -> Vec<String> {
        let text = run(&self.program("-save"), &format!("-c -t {table}"), "");
        text.lines().filter(|line| !line.starts_with('#')).map(String::from).collect()
    }
}

/// Runs a program with arguments separated by spaces and this input; returns what it prints.
///
/// # Panics
/// If it is missing or fails.
#[must_use]
pub fn run(program: &str, arguments: &str, input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs {program}: {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments} failed on\n{input}");
    String::from_utf8(output.stdout).unwrap()
}

/// `lines` without those that have `word` in them, and the others.
#[must_use]
pub fn split(lines: &[String], word: &str) -> (Vec<String>, Vec<String>) {
    lines.iter().cloned().partition(|line| !line.contains(word))
}

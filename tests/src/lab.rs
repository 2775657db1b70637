//! A router and its attackers on one cable, for tests of the real binary on the real kernel.
//!
//! A [`Lab`] is a process namespace with a mount namespace and two network namespaces: the router's, which has the
//! interface `wan` with [`ROUTER_V4`] and [`ROUTER_V6`], and the attackers', whose `eth0` has all of [`ATTACKERS_V4`] and
//! [`ATTACKERS_V6`]. `/dev/log`, `/run`, `/var/log` and what is changed in `/etc` are the lab's own, so the machine's
//! daemons, users and rules are neither seen nor touched, and any number of labs run side by side: nothing that has a
//! name outside is made.
//!
//! All ends with the [`Lab`]: its first process waits for the end of a pipe that the test holds, and the kernel kills the
//! rest of a process namespace with its first. That holds for a test that fails, and for one that is killed.
//!
//! Root is needed. Without it the tests fail: a test that was not run must not look like one that passed.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;

/// The router's IPv4 address.
pub const ROUTER_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The router's IPv6 address.
pub const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The attackers' IPv4 addresses.
pub const ATTACKERS_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(192, 0, 2, 66), Ipv4Addr::new(192, 0, 2, 77), Ipv4Addr::new(192, 0, 2, 100)];

/// The attackers' IPv6 addresses.
pub const ATTACKERS_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x66),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100),
];

/// The address of the server behind the router, after [`Lab::add_server`].
pub const SERVER_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);

/// Its IPv6 address.
pub const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2);

/// How long [`eventually`] waits: much longer than anything takes on a slow machine that is busy with other tests, and
/// shorter than the 30 s after which the daemon finds by itself what inotify should have told it.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Asks again and again until there is an answer, and returns it.
///
/// # Panics
/// If there is none by the [`DEADLINE`]; says that `what` did not happen.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "within {DEADLINE:?} it did not happen that {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The shipped binary, as `image/build` leaves it.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn binary() -> PathBuf {
    program("edgeban", "sh image/build")
}

/// The program for 1,048,576 bans, as `image/build --large` leaves it.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn large_binary() -> PathBuf {
    program("edgeban-large", "sh image/build --large")
}

fn program(name: &str, build: &str) -> PathBuf {
    let arch = match std::env::consts::ARCH {
        "arm" => "armv7",
        "mips" => "mipsel",
        arch => arch,
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/dist").join(arch).join(name);
    assert!(path.exists(), "{} is missing: run `{build}` first", path.display());
    path.canonicalize().unwrap()
}

/// A ban as the kernel holds it, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ban {
    /// What it was installed with; `None` is for good.
    pub timeout: Option<u64>,
    /// What is left of it.
    pub left: Option<u64>,
}

impl Ban {
    /// Whether it was installed to last `secs`: a ban that had to wait for an earlier batch gets what is left by then, and
    /// `nft` says whole seconds.
    pub fn lasts(&self, secs: u64) -> bool {
        self.timeout.is_some_and(|timeout| (secs.saturating_sub(2)..=secs).contains(&timeout))
    }
}

/// The namespaces, and a directory for their files.
pub struct Lab {
    init: Child,
    stdin: Option<ChildStdin>,
    /// Process 1 of the lab, as the machine numbers it.
    pid: u32,
    dir: PathBuf,
    started: AtomicUsize,
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Lab {
    /// A lab in which nothing runs yet.
    ///
    /// # Panics
    /// Without root, or what `tests/run` installs.
    #[must_use]
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("edgeban-lab-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let complaints = dir.join("lab.log");
        let mut init = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "sh", "-c", include_str!("lab/router.sh")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&complaints).unwrap())
            .spawn()
            .expect("this test needs the unshare program");
        let stdin = init.stdin.take();
        let mut first = String::new();
        BufReader::new(init.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let pid = first.trim().parse().unwrap_or_default();
        let lab = Self { init, stdin, pid, dir, started: AtomicUsize::new(0) };
        assert!(
            pid != 0,
            "no lab could be made (it needs root, iproute2 and util-linux):\n{}",
            fs::read_to_string(complaints).unwrap()
        );
        lab
    }

    /// A directory for files, with the same path inside and outside of the lab.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the test finds what the lab knows by this absolute path, in `/var/log` for example.
    #[must_use]
    pub fn inside(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid))
    }

    /// A program on the router.
    #[must_use]
    pub fn router(&self, program: impl AsRef<OsStr>) -> Command {
        self.enter(&format!("/proc/{}/ns/net", self.pid), program.as_ref())
    }

    /// A program among the attackers; it sees the router's files.
    #[must_use]
    pub fn attackers(&self, program: impl AsRef<OsStr>) -> Command {
        self.enter(&format!("/proc/{}/root/run/netns/attackers", self.pid), program.as_ref())
    }

    /// Makes something, a socket mostly, in the router's network, to which it belongs from then on.
    pub fn on_router<T: Send>(&self, make: impl FnOnce() -> T + Send) -> T {
        within(&format!("/proc/{}/ns/net", self.pid), make)
    }

    /// As [`Lab::on_router`], in the attackers' network.
    pub fn on_attackers<T: Send>(&self, make: impl FnOnce() -> T + Send) -> T {
        within(&format!("/proc/{}/root/run/netns/attackers", self.pid), make)
    }

    /// Puts a server with [`SERVER_V4`] and [`SERVER_V6`] behind the router, which forwards from then on, and gives the
    /// attackers some addresses in `198.51.100.0/23` and `2001:db8:aa::/48`: see `lab/server.sh`.
    ///
    /// # Panics
    /// If that fails.
    pub fn add_server(&self) {
        text(self.router("sh").args(["-c", include_str!("lab/server.sh")])).unwrap();
    }

    /// As [`Lab::on_router`], in the server's network.
    pub fn on_server<T: Send>(&self, make: impl FnOnce() -> T + Send) -> T {
        within(&format!("/proc/{}/root/run/netns/server", self.pid), make)
    }

    /// nsenter becomes the program, which therefore is the test's own child, and outside of the process namespace.
    fn enter(&self, net: &str, program: &OsStr) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={net}")).arg(format!("--mount=/proc/{}/ns/mnt", self.pid)).arg("--").arg(program);
        command.stdin(Stdio::null());
        command
    }

    /// Starts a daemon on the router that runs, in the foreground, as long as the lab does.
    pub fn service(&self, program: &str, arguments: &[&str]) {
        let said = File::options().append(true).create(true).open(self.dir.join("services.log")).unwrap();
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.pid)).args(["--net", "--mount", "--pid", "--", program]);
        command.args(arguments).stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        let mut child = command.spawn().unwrap();
        // Waits for it, so that no zombie is left.
        thread::spawn(move || child.wait());
    }

    /// The binary with these arguments, on the router.
    #[must_use]
    pub fn edgeban(&self, arguments: &[&str]) -> Command {
        let mut command = self.router(binary());
        command.args(arguments);
        command
    }

    /// Writes a configuration into a file of its own and returns its path.
    #[must_use]
    pub fn config(&self, text: &str) -> String {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("edgeban-{number}.toml"));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs `edgeban run` with this configuration; it is ready when this returns.
    ///
    /// # Panics
    /// If it ends instead.
    #[must_use]
    pub fn start(&self, config: &str) -> Edgeban {
        self.start_program(&binary(), config)
    }

    /// As [`Lab::start`], with this build of edgeban.
    ///
    /// # Panics
    /// If it ends instead.
    #[must_use]
    pub fn start_program(&self, program: &Path, config: &str) -> Edgeban {
        self.run(program, &self.config(config))
    }

    /// As [`Lab::start`], with a configuration that [`Lab::config`] wrote.
    ///
    /// # Panics
    /// If it ends instead.
    #[must_use]
    pub fn start_file(&self, path: &str) -> Edgeban {
        self.run(&binary(), path)
    }

    fn run(&self, program: &Path, path: &str) -> Edgeban {
        let mut command = self.router(program);
        command.args(["run", "--config", path]);
        let mut edgeban = self.spawn(command);
        edgeban.wait_until_ready();
        edgeban
    }

    /// Runs a command that becomes `edgeban run`. It dies with the thread that calls this.
    ///
    /// # Panics
    /// Without the programs that `tests/run` installs.
    #[must_use]
    pub fn spawn(&self, command: Command) -> Edgeban {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let stderr = self.dir.join(format!("edgeban-{number}.log"));
        let child = tied(command).stderr(File::create(&stderr).unwrap()).spawn().unwrap();
        Edgeban { child, stderr, ended: None }
    }

    /// What `nft` prints on the router.
    ///
    /// # Errors
    /// What it complains of.
    pub fn nft(&self, arguments: &[&str]) -> Result<String, String> {
        text(self.router("nft").args(arguments))
    }

    /// The kernel's account of a table, as `nft -j list table` prints it; `None` if there is none.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<Vec<Value>> {
        match self.nft(&["-j", "list", "table", "inet", name]) {
            Ok(json) => match serde_json::from_str::<Value>(&json).unwrap()["nftables"].take() {
                Value::Array(objects) => Some(objects),
                other => panic!("not an array: {other}"),
            },
            Err(error) if error.contains("No such file or directory") => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// What the kernel holds banned in a table, prefixes apart.
    ///
    /// # Panics
    /// If there is no such table.
    #[must_use]
    pub fn bans_in(&self, table: &str) -> BTreeMap<IpAddr, Ban> {
        let objects = self.table(table).expect("the kernel has no such table");
        let sets = objects.iter().map(|object| &object["set"]);
        let sets = sets.filter(|set| ["banned_ipv4", "banned_ipv6"].map(Some).contains(&set["name"].as_str()));
        let elements = sets.filter_map(|set| set["elem"].as_array()).flatten();
        elements
            .map(|element| {
                let (value, more) = match element.get("elem") {
                    Some(more) => (&more["val"], more),
                    None => (element, element),
                };
                let ban = Ban {
                    timeout: more.get("timeout").and_then(Value::as_u64),
                    left: more.get("expires").and_then(Value::as_u64),
                };
                (value.as_str().unwrap().parse().unwrap(), ban)
            })
            .collect()
    }

    /// What the kernel holds banned in table `edgeban`.
    ///
    /// # Panics
    /// If there is no such table.
    #[must_use]
    pub fn bans(&self) -> BTreeMap<IpAddr, Ban> {
        self.bans_in("edgeban")
    }

    /// The addresses of [`Lab::bans`].
    ///
    /// # Panics
    /// If there is no such table.
    #[must_use]
    pub fn banned(&self) -> BTreeSet<IpAddr> {
        self.bans().into_keys().collect()
    }

    /// Waits until the kernel holds exactly these addresses banned.
    ///
    /// # Panics
    /// If it never does; says which are missing and which are too many.
    #[track_caller]
    pub fn wait_for_bans(&self, expected: impl IntoIterator<Item = IpAddr>) {
        let expected: BTreeSet<IpAddr> = expected.into_iter().collect();
        let start = Instant::now();
        loop {
            let banned = self.banned();
            if banned == expected {
                return;
            }
            assert!(
                start.elapsed() < DEADLINE,
                "missing after {DEADLINE:?}: {:?}, too many: {:?}",
                expected.difference(&banned),
                banned.difference(&expected)
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.init.wait();
        if thread::panicking() {
            let said = fs::read_to_string(self.dir.join("services.log")).unwrap_or_default();
            eprintln!("--- what the lab's services said:\n{said}---");
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The same command, killed when the thread ends that starts it.
#[must_use]
pub fn tied(command: Command) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL"]).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    tied
}

/// Runs this on a thread that is in a network namespace.
fn within<T: Send>(net: &str, run: impl FnOnce() -> T + Send) -> T {
    let net = File::open(net).unwrap();
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let network = Some(rustix::thread::LinkNameSpaceType::Network);
            rustix::thread::move_into_link_name_space(net.as_fd(), network).unwrap();
            run()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What a command prints on standard output.
///
/// # Errors
/// What it prints on standard error if it fails.
pub fn text(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() {
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    } else {
        Err(format!("{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr)))
    }
}

/// What the daemon counted of one log file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileCounters {
    /// Lines that were read.
    pub lines: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Lines that were too long.
    pub overlong: u64,
    /// Times that it was cut.
    pub truncations: u64,
    /// Times that another file took its place.
    pub rotations: u64,
}

/// What the daemon counted, as it says at SIGUSR1 and at its end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Lines of all files.
    pub lines: u64,
    /// Failed attempts, once for every jail that saw one.
    pub failed: u64,
    /// Of these: from addresses in `ignoreip`.
    pub ignored: u64,
    /// Of these: from banned addresses.
    pub of_banned: u64,
    /// Bans that the kernel confirmed.
    pub bans: u64,
    /// Bans that ended.
    pub unbans: u64,
    /// Addresses that are banned now.
    pub banned: u64,
    /// Bans that the kernel has not confirmed yet.
    pub waiting: u64,
    /// Addresses with attempts that are not banned.
    pub tracked: u64,
    /// Bans for which there was no room.
    pub refused: u64,
    /// Addresses that were forgotten to make room.
    pub evicted: u64,
    /// Times that inotify's queue ran over.
    pub overflows: u64,
    /// By the path of the configuration.
    pub files: BTreeMap<String, FileCounters>,
}

impl Counters {
    /// Reads them from the daemon's log; `None` if they are not complete.
    fn parse(log: &str, files: usize) -> Option<Self> {
        let mut out = Self::default();
        let mut seen = false;
        for line in log.lines() {
            let Some(line) = line.strip_prefix("edgeban: info: ") else { continue };
            if line.ends_with(" read errors") {
                let (path, rest) = line.split_once(": ")?;
                let [lines, bytes, overlong, _, truncations, rotations, _] = numbers(rest)[..] else { return None };
                out.files.insert(path.to_owned(), FileCounters { lines, bytes, overlong, truncations, rotations });
            } else if line.contains(" failed attempts (") {
                let [lines, failed, ignored, _of_this_machine, of_banned, bans, unbans] = numbers(line)[..] else {
                    return None;
                };
                out = Self { lines, failed, ignored, of_banned, bans, unbans, ..Self::default() };
            } else if line.ends_with(" inotify overflows") {
                let [banned, _, waiting, tracked, _, refused, evicted, _, _, _, overflows] = numbers(line)[..] else {
                    return None;
                };
                out = Self { banned, waiting, tracked, refused, evicted, overflows, ..out };
                seen = true;
            }
        }
        (seen && log.ends_with('\n') && out.files.len() == files).then_some(out)
    }
}

/// The numbers in a text.
fn numbers(text: &str) -> Vec<u64> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// A running `edgeban run`. It is killed when this goes; if the test fails, what it said is shown.
pub struct Edgeban {
    child: Child,
    stderr: PathBuf,
    ended: Option<ExitStatus>,
}

impl Edgeban {
    /// What it said so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap()).into_owned()
    }

    /// Waits until it says this.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        eventually(&format!("edgeban says {text:?}"), || self.log().contains(text).then_some(()));
    }

    /// Waits until it holds its table.
    ///
    /// # Panics
    /// If it ends instead.
    #[track_caller]
    pub fn wait_until_ready(&mut self) {
        eventually("edgeban is ready", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "edgeban ended: {ended:?}");
            self.log().contains("edgeban: info: ready: ").then_some(())
        });
    }

    /// Whether it runs still.
    #[must_use]
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// What it has counted. What was written to a watched log before this is read when it returns (up to a chunk of a
    /// file), but perhaps not counted yet.
    ///
    /// # Panics
    /// If it does not say.
    #[track_caller]
    pub fn counters(&self) -> Counters {
        let before = self.log();
        self.signal(Signal::USR1);
        eventually("edgeban says what it counted", || Counters::parse(&self.log()[before.len()..], files(&before)))
    }

    /// Waits until it has read this many lines.
    ///
    /// # Panics
    /// If it never has, or has read more.
    #[track_caller]
    pub fn wait_for_lines(&self, lines: u64) {
        let start = Instant::now();
        loop {
            let counters = self.counters();
            if counters.lines == lines {
                return;
            }
            assert!(counters.lines < lines, "edgeban read more than the {lines} lines that there are: {counters:?}");
            assert!(start.elapsed() < DEADLINE, "edgeban did not read {lines} lines: {counters:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until it ends by itself and returns its exit code.
    ///
    /// # Panics
    /// If it does not end, or by a signal.
    #[track_caller]
    pub fn exit_code(&mut self) -> i32 {
        let status = eventually("edgeban ends", || self.child.try_wait().unwrap());
        self.ended = Some(status);
        status.code().unwrap_or_else(|| panic!("edgeban was ended by signal {:?}", status.signal()))
    }

    /// Ends it by SIGTERM and returns all that it counted.
    ///
    /// # Panics
    /// If it does not end well.
    #[track_caller]
    pub fn stop(mut self) -> Counters {
        let before = self.log();
        self.signal(Signal::TERM);
        assert_eq!(self.exit_code(), 0);
        let said = &self.log()[before.len()..];
        Counters::parse(said, files(&before)).unwrap_or_else(|| panic!("no counters at the end: {said}"))
    }

    /// Ends it by SIGKILL.
    pub fn kill(self) {
        let _ = self.last_words();
    }

    /// Ends it by SIGKILL and returns all that it said.
    ///
    /// # Panics
    /// If it cannot be killed.
    #[must_use]
    pub fn last_words(mut self) -> String {
        self.signal(Signal::KILL);
        self.ended = Some(self.child.wait().unwrap());
        self.log()
    }
}

impl Drop for Edgeban {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if thread::panicking() {
            // Through the macro, which the test harness shows with the test.
            eprintln!("--- what edgeban said:\n{}---", self.log());
        }
    }
}

/// How many files the daemon follows, as it said when it was ready or went on with another configuration.
fn files(log: &str) -> usize {
    let said = |line: &str| {
        let line = line.strip_prefix("edgeban: info: ")?;
        match line.strip_prefix("ready: ") {
            Some(ready) => Some(numbers(ready)[1]),
            None => line.strip_prefix("reloaded: ").map(|reloaded| numbers(reloaded)[3]),
        }
    };
    usize::try_from(log.lines().rev().find_map(said).expect("edgeban is not ready")).unwrap()
}

/// A log that a test writes, with the messages of `sshd`.
pub struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// Opens a log to append to, and makes it if it is not there.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn open(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        let file = File::options().append(true).create(true).open(&path).unwrap();
        Self { path, file }
    }

    /// Opens its path again, as a daemon does after its log was rotated.
    pub fn reopen(&mut self) {
        *self = Self::open(&self.path);
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its path as text, for a configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// Writes these bytes, at once.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.file.write_all(bytes.as_ref()).unwrap();
    }

    /// Writes that a password from this address was wrong.
    pub fn failure(&mut self, addr: IpAddr) {
        self.write(failure(addr));
    }

    /// Writes a failure from each address.
    pub fn failures(&mut self, addrs: impl IntoIterator<Item = IpAddr>) {
        addrs.into_iter().for_each(|addr| self.failure(addr));
    }
}

/// The line that `sshd` logs for a wrong password.
#[must_use]
pub fn failure(addr: IpAddr) -> String {
    format!("Nov 24 20:34:47 router sshd[4711]: Failed password for root from {addr} port 50022 ssh2\n")
}

/// The `number`-th of many addresses, alternately IPv4 and IPv6.
#[must_use]
pub fn numbered(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    if number.is_multiple_of(2) {
        Ipv4Addr::new(10, 9, high, low).into()
    } else {
        Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, number).into()
    }
}

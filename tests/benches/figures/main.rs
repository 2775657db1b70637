//! edgeban's figures, each beside the least that the job can cost on the same machine in the same run.
//!
//! `sh tests/bench` builds everything and starts this as `figures EDGEBAN FLOOR LOG [--peers | --scale]`. Machines are
//! noisy, so both sides of a ratio take turns: the table has the best of each over the best of the other, and the median
//! over the median. Figures are printed and not judged; that the work was done right is asserted.

mod process;
mod scale;
mod watch;

use edgeban_tests::netlink::{enter_new_namespace, nft};
use process::{Daemon, config, finish, run};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use watch::{Notice, Watch};

const ROUNDS: usize = 7;
/// Bans of one round of the latency bench, and of a burst.
const SINGLE: usize = 200;
const BURST: usize = 20_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [edgeban, floor, log, options @ ..] = arguments.as_slice() else {
        panic!("usage: figures EDGEBAN FLOOR LOG [--peers]");
    };
    enter_new_namespace();
    let dir = std::env::temp_dir().join(format!("edgeban-bench-{}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    let bench = Bench { edgeban: edgeban.into(), floor: floor.into(), log: log.into(), dir };

    if options.iter().any(|option| option == "--scale") {
        scale::curve(&bench);
        return fs::remove_dir_all(&bench.dir).unwrap();
    }
    println!("{:48} {:>11} {:>11} {:>7} {:>7}  goal", "", "edgeban", "floor", "best", "median");
    bench.whole_log();
    bench.parser();
    bench.start();
    bench.latency();
    bench.bursts();
    if options.iter().any(|option| option == "--peers") {
        bench.peers();
    }
    fs::remove_dir_all(&bench.dir).unwrap();
}

struct Bench {
    edgeban: PathBuf,
    floor: PathBuf,
    log: PathBuf,
    dir: PathBuf,
}

impl Bench {
    fn grep(&self, log: &Path) -> (String, Duration) {
        let mut grep = Command::new("grep");
        let output = self.dir.join("grep");
        run(grep.env("LC_ALL", "C").args(["-cE", "Failed password|Invalid user"]).arg(log), &output)
    }

    fn test(&self, log: &Path) -> Duration {
        let mut test = Command::new(&self.edgeban);
        run(test.args(["test", "--quiet", "--filter", "sshd"]).arg(log), &self.dir.join("test")).1
    }

    /// No log and no bans.
    fn clear(&self) {
        remove_table("edgeban");
        let _ = fs::remove_file(self.dir.join("auth.log"));
    }

    /// The daemon reads a whole log and bans; grep counts the same lines.
    fn whole_log(&self) {
        let (matches, want) = expected(&self.log, 3);
        let (mut ours, mut grep) = (Samples::default(), Samples::default());
        let (mut idle, mut loaded) = (0, 0);
        for _ in 0..ROUNDS {
            self.clear();
            let config = config(&self.dir, "edgeban", 3, "keep");
            let daemon = Daemon::start(&self.edgeban, &self.dir, &config);
            idle = daemon.resident().max(idle);
            let appears = self.dir.join("auth.log");
            fs::hard_link(&self.log, &appears).or_else(|_| fs::copy(&self.log, &appears).map(drop)).unwrap();
            daemon.wait_until_idle();
            loaded = daemon.resident().max(loaded);
            let (cpu, said) = daemon.stop();
            ours.push(cpu);
            assert!(said.contains(&format!("{matches} failed attempts")), "{said}");
            assert_eq!(banned(), want, "the addresses in the kernel are those of the log");

            let (count, cpu) = self.grep(&self.log);
            assert_eq!(count.trim(), matches.to_string());
            grep.push(cpu);
        }
        self.clear();
        row("log read, counted, banned; grep -c: CPU", &ours, &grep, "2");
        alone(&format!("  failed attempts: {matches}; banned, exactly: {}", want.len()), "", "");
        alone("resident when ready, KiB", &(idle / 1024).to_string(), "512");
        alone("resident after that log, KiB", &(loaded / 1024).to_string(), "6144");
        alone("size of the program, bytes", &fs::metadata(&self.edgeban).unwrap().len().to_string(), "204800");
    }

    /// `edgeban test` on the same file: no daemon, no kernel.
    fn parser(&self) {
        let (mut ours, mut grep) = (Samples::default(), Samples::default());
        for _ in 0..ROUNDS {
            ours.push(self.test(&self.log));
            grep.push(self.grep(&self.log).1);
        }
        row("edgeban test --quiet; grep -c: CPU", &ours, &grep, "");
    }

    /// From fork to the committed scaffold, and to the word that says so.
    fn start(&self) {
        let config = config(&self.dir, "edgeban", 1, "remove");
        let mut watch = Watch::new();
        let (mut committed, mut ready) = (Samples::default(), Samples::default());
        for _ in 0..20 {
            let start = Instant::now();
            let mut daemon = Command::new(&self.edgeban)
                .args(["run".as_ref(), "--config".as_ref(), config.as_os_str()])
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            watch.until(|notice| *notice == Notice::Committed);
            committed.push(start.elapsed());
            let mut said = BufReader::new(daemon.stderr.take().unwrap());
            let mut line = String::new();
            while !line.contains("ready") {
                assert_ne!(said.read_line(&mut line).unwrap(), 0, "{line}");
            }
            ready.push(start.elapsed());
            process::terminate(&daemon);
            said.read_to_string(&mut line).unwrap();
            finish(daemon);
            watch.clear();
        }
        alone("fork to the rules in the kernel, p50", &show(committed.at(0.5)), "");
        alone("fork to \"ready\", p50", &show(ready.at(0.5)), "5 ms");
    }

    /// One failing line, one ban. The floor is told by a pipe, and does nothing but ban: both wake up, both are timed from
    /// outside, from before the write to the kernel's notice.
    fn latency(&self) {
        File::create(self.dir.join("auth.log")).unwrap();
        let daemon = Daemon::start(&self.edgeban, &self.dir, &config(&self.dir, "edgeban", 1, "keep"));
        let floor_daemon = self.floor_table();
        let mut log = File::options().append(true).open(self.dir.join("auth.log")).unwrap();
        let mut pipe = Command::new(&self.floor).args(["floor", "pipe"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe_in = pipe.stdin.take().unwrap();

        let mut addresses = (0u32..).map(|n| Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + n));
        // Of each round the median and the 99th percentile.
        let mut sums: [[Samples; 3]; 2] = Default::default();
        for _ in 0..ROUNDS {
            let (mut ours, mut piped, mut looped) = (Samples::default(), Samples::default(), Samples::default());
            let mut watch = Watch::new();
            for address in addresses.by_ref().take(SINGLE) {
                for (samples, to, bytes) in [
                    (&mut ours, &mut log as &mut dyn std::io::Write, line(address).as_bytes()),
                    (&mut piped, &mut pipe_in, &address.octets()),
                ] {
                    std::thread::sleep(Duration::from_millis(1));
                    watch.clear();
                    let start = Instant::now();
                    to.write_all(bytes).unwrap();
                    watch.until(|notice| *notice == Notice::Element(address.into()));
                    samples.push(start.elapsed());
                }
            }
            drop(watch);
            looped.extend(self.floor_loop(10 * SINGLE, 1).1);
            flush_floor();
            for (sums, share) in sums.iter_mut().zip([0.5, 0.99]) {
                for (sum, samples) in sums.iter_mut().zip([&ours, &piped, &looped]) {
                    sum.push(samples.at(share));
                }
            }
        }
        drop(pipe_in);
        finish(pipe);
        daemon.stop();
        floor_daemon.stop();
        for ([ours, piped, looped], (name, goal)) in sums.iter().zip([("p50", "3"), ("p99", "")]) {
            row(&format!("line to ban, {name}; C, told by a pipe"), ours, piped, "");
            row(&format!("line to ban, {name}; C, in a loop, never asleep"), ours, looped, goal);
        }
        self.clear();
        remove_table("floor");
    }

    /// Many new attackers at once, until the kernel has all. The same listener costs both sides the same.
    fn bursts(&self) {
        let floor_daemon = self.floor_table();
        let config = config(&self.dir, "edgeban", 1, "keep");
        let first = u32::from(Ipv4Addr::new(198, 18, 0, 1));
        let text: String = (0..BURST as u32).map(|n| line(Ipv4Addr::from(first + n))).collect();
        let (mut ours, mut many, mut single) = (Samples::default(), Samples::default(), Samples::default());
        for _ in 0..ROUNDS {
            self.clear();
            File::create(self.dir.join("auth.log")).unwrap();
            let daemon = Daemon::start(&self.edgeban, &self.dir, &config);
            let mut log = File::options().append(true).open(self.dir.join("auth.log")).unwrap();
            let mut watch = Watch::new();
            let start = Instant::now();
            log.write_all(text.as_bytes()).unwrap();
            let mut left = BURST;
            watch.until(|notice| {
                left -= usize::from(matches!(notice, Notice::Element(_)));
                left == 0
            });
            ours.push(start.elapsed());
            daemon.stop();
            for (samples, per_message) in [(&mut many, 256), (&mut single, 1)] {
                flush_floor();
                watch.clear();
                samples.push(self.floor_loop(BURST, per_message).0);
            }
        }
        floor_daemon.stop();
        row(&format!("{BURST} lines to bans; C, 256 a message"), &ours, &many, "");
        row(&format!("{BURST} lines to bans; C, one a batch"), &ours, &single, "");
        let rate = |samples: &Samples| format!("{:.0}", BURST as f64 / samples.at(0.5).as_secs_f64());
        println!(
            "  bans/s, median: {}; C, 256 a message: {}; C, one a batch: {}",
            rate(&ours),
            rate(&many),
            rate(&single)
        );
        self.clear();
        remove_table("floor");
    }

    /// Others' parsers on the first tenth of the log.
    fn peers(&self) {
        let log = self.dir.join("tenth.log");
        let whole = fs::read(&self.log).unwrap();
        let tenth = whole.split_inclusive(|byte| *byte == b'\n').count() / 10;
        let part: Vec<u8> = whole.split_inclusive(|byte| *byte == b'\n').take(tenth).flatten().copied().collect();
        fs::write(&log, part).unwrap();
        let (mut ours, mut sshguard) = (Samples::default(), Samples::default());
        for _ in 0..ROUNDS {
            ours.push(self.test(&log));
            let mut parser = Command::new("/usr/libexec/sshguard/sshg-parser");
            let output = self.dir.join("sshguard");
            sshguard.push(run(parser.stdin(File::open(&log).unwrap()), &output).1);
        }
        println!("on the first {tenth} lines, edgeban as floor of the others:");
        row("  sshguard's parser; edgeban test: CPU", &sshguard, &ours, "");
        let mut fail2ban = Samples::default();
        let mut regex = Command::new("fail2ban-regex");
        fail2ban.push(run(regex.arg(&log).arg("sshd"), &self.dir.join("fail2ban")).1);
        row("  fail2ban-regex; edgeban test: CPU", &fail2ban, &ours, "");
    }

    /// The same table, sets and rules as edgeban's under the name `floor`. The daemon that made them sleeps meanwhile.
    fn floor_table(&self) -> Daemon {
        let dir = self.dir.join("floor");
        let _ = fs::create_dir(&dir);
        remove_table("floor");
        Daemon::start(&self.edgeban, &dir, &config(&dir, "floor", 1, "keep"))
    }

    /// Seconds for all, and those of each batch.
    fn floor_loop(&self, bans: usize, per_message: usize) -> (Duration, Vec<Duration>) {
        let output = self.dir.join("loop");
        let mut floor = Command::new(&self.floor);
        let (text, _) = run(floor.args(["floor", "loop", &bans.to_string(), &per_message.to_string()]), &output);
        let (total, each) = text.split_once('\n').expect("the floor's figures");
        let each = each.lines().map(|nanos| Duration::from_nanos(nanos.parse().unwrap())).collect();
        (Duration::from_secs_f64(total.parse().unwrap()), each)
    }
}

/// An address that is in the set already makes no notice.
fn flush_floor() {
    let _ = nft(&["-f", "-"], "flush set inet floor banned_ipv4\n");
}

fn remove_table(table: &str) {
    let _ = nft(&["-f", "-"], &format!("table inet {table} {{}}\ndelete table inet {table}\n"));
}

fn line(address: Ipv4Addr) -> String {
    format!("Nov 24 12:00:00 edge sshd[4711]: Failed password for root from {address} port 4711 ssh2\n")
}

/// How many lines of the log are failures, and whose addresses have at least `maxretry`: worked out without edgeban.
fn expected(log: &Path, maxretry: u32) -> (u32, BTreeSet<IpAddr>) {
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        if line.contains(": Failed password for ") || line.contains(": Invalid user ") {
            let address = line.split(" from ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
            *counts.entry(address.parse().unwrap()).or_insert(0) += 1;
        }
    }
    let all = counts.values().sum();
    counts.retain(|_, count| *count >= maxretry);
    (all, counts.into_keys().collect())
}

/// The addresses in the kernel's sets, as nft tells them.
fn banned() -> BTreeSet<IpAddr> {
    let mut all = BTreeSet::new();
    for set in ["banned_ipv4", "banned_ipv6"] {
        let json: serde_json::Value =
            serde_json::from_str(&nft(&["-j", "list", "set", "inet", "edgeban", set], "")).unwrap();
        let items = json["nftables"].as_array().unwrap();
        let elements = items.iter().find_map(|item| item["set"]["elem"].as_array());
        all.extend(
            elements.into_iter().flatten().map(|e| e["elem"]["val"].as_str().unwrap().parse::<IpAddr>().unwrap()),
        );
    }
    all
}

/// Times of one thing.
#[derive(Default)]
struct Samples(Vec<Duration>);

impl Samples {
    fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    fn extend(&mut self, samples: impl IntoIterator<Item = Duration>) {
        self.0.extend(samples);
    }

    /// The sample below which this share of all lies; 0 is the best.
    fn at(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[((sorted.len() - 1) as f64 * share).round() as usize]
    }
}

fn show(time: Duration) -> String {
    let us = time.as_secs_f64() * 1e6;
    if us < 1000.0 { format!("{us:.1} us") } else { format!("{:.1} ms", us / 1e3) }
}

fn row(what: &str, ours: &Samples, floor: &Samples, goal: &str) {
    let ratio = |share| ours.at(share).as_secs_f64() / floor.at(share).as_secs_f64();
    let (best, median) = (ratio(0.0), ratio(0.5));
    println!("{what:48} {:>11} {:>11} {best:>7.2} {median:>7.2}  {goal}", show(ours.at(0.0)), show(floor.at(0.0)));
}

fn alone(what: &str, ours: &str, goal: &str) {
    println!("{what:48} {ours:>11} {:>11} {:>7} {:>7}  {goal}", "", "", "");
}

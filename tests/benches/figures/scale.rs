//! What few bans and many cost: memory, time to ban, to put back what somebody flushed, and to adopt at a restart.

use super::process::{self, Daemon, config, run};
use super::{Bench, Samples, line, remove_table};
use edgeban_core::firewall::nft::BATCH;
use edgeban_core::wire::buf::Writer;
use edgeban_core::wire::nft::generation::GetGen;
use edgeban_core::wire::nl::Tag;
use edgeban_core::wire::reply::{Replies, Reply};
use edgeban_tests::netlink::nft;
use rustix::fd::OwnedFd;
use rustix::net::netlink::NETFILTER;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::fs::{self, File};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Bans, and how often each thing is measured.
const CURVE: [(u32, usize); 4] = [(1_000, 5), (10_000, 5), (100_000, 3), (1_000_000, 2)];

/// When nothing changed for this long, all is done.
const QUIET: Duration = Duration::from_millis(500);

/// What one number of bans cost.
#[derive(Default)]
struct Row {
    floor: Cost,
    ban: Cost,
    restore: Cost,
    /// From the kernel's notice, by edgeban's own account.
    told: Samples,
    adopt: Samples,
    resident: u64,
    kernel: [u64; 2],
}

/// Times by the clock, and of the processor. Where others are busy, only the latter are to be compared.
#[derive(Default)]
struct Cost {
    wall: Samples,
    cpu: Samples,
}

impl Cost {
    fn push(&mut self, wall: Duration, cpu: Duration) {
        self.wall.push(wall);
        self.cpu.push(cpu);
    }
}

/// Prints the table.
pub fn curve(bench: &Bench) {
    let generation = Generation::new();
    println!(
        "us and CPU us are of each ban; medians; sets: KiB of slab and of vmalloc; floor: C, {BATCH} bans a batch"
    );
    println!(
        "{:>8} {:>8} {:>14} {:>12} {:>12} {:>12} {:>10} {:>10} {:>7} {:>10}",
        "", "edgeban", "sets", "floor", "line to ban", "put back", "whole", "by notice", "floor", "adopted"
    );
    println!(
        "{:>8} {:>8} {:>14} {:>12} {:>12} {:>12} {:>10} {:>10} {:>7} {:>10}",
        "bans", "KiB", "KiB", "us   CPU", "us   CPU", "us   CPU", "ms", "ms", "of CPU", "ms"
    );
    for (bans, rounds) in CURVE {
        let mut row = Row::default();
        for number in 0..rounds {
            floor(bench, bans, &mut row);
            round(bench, &generation, bans, &mut row);
            if number == 0 {
                adopt(bench, bans, &mut row);
            }
            bench.clear();
        }
        let each = |samples: &Samples| samples.at(0.5).as_secs_f64() * 1e6 / f64::from(bans);
        let both = |cost: &Cost| format!("{:>6.2}{:>6.2}", each(&cost.wall), each(&cost.cpu));
        let ms = |samples: &Samples| format!("{:.1}", samples.at(0.5).as_secs_f64() * 1e3);
        println!(
            "{bans:>8} {:>8} {:>7} {:>6} {:>12} {:>12} {:>12} {:>10} {:>10} {:>6.0}% {:>10}",
            row.resident / 1024,
            row.kernel[0],
            row.kernel[1],
            both(&row.floor),
            both(&row.ban),
            both(&row.restore),
            ms(&row.restore.wall),
            ms(&row.told),
            100.0 * each(&row.floor.cpu) / each(&row.restore.cpu),
            ms(&row.adopt),
        );
    }
}

/// The same elements in batches of the same size by C, into a set as edgeban makes it.
fn floor(bench: &Bench, bans: u32, row: &mut Row) {
    bench.floor_table().stop();
    settle();
    let mut program = Command::new(&bench.floor);
    program.args(["floor", "loop", &bans.to_string(), &BATCH.to_string()]);
    let (text, cpu) = run(&mut program, &bench.dir.join("loop"));
    row.floor.push(Duration::from_secs_f64(text.lines().next().unwrap().parse().unwrap()), cpu);
    remove_table("floor");
    settle();
}

fn round(bench: &Bench, generation: &Generation, bans: u32, row: &mut Row) {
    bench.clear();
    let path = bench.dir.join("auth.log");
    File::create(&path).unwrap();
    let config = config(&bench.dir, "edgeban", 1, "keep");
    let (elements, buckets) = kernel_memory();
    let daemon = Daemon::start(&bench.edgeban, &bench.dir, &config);
    let mut log = File::options().append(true).open(&path).unwrap();
    let first = u32::from(Ipv4Addr::new(198, 18, 0, 0));
    let text: String = (0..bans).map(|n| line(Ipv4Addr::from(first + n))).collect();
    let before = process::cpu(&daemon.child);
    let wall = generation.after(|| log.write_all(text.as_bytes()).unwrap());
    row.ban.push(wall, process::cpu(&daemon.child) - before);
    row.resident = row.resident.max(daemon.resident());
    let (more_elements, more_buckets) = kernel_memory();
    row.kernel = [more_elements.saturating_sub(elements), more_buckets.saturating_sub(buckets)];
    drop(text);

    let before = process::cpu(&daemon.child);
    let wall = generation.after(|| drop(nft(&["flush", "ruleset"], "")));
    row.restore.push(wall, process::cpu(&daemon.child) - before);
    row.told.push(restored(&daemon, bans));
    let (_, said) = daemon.stop();
    assert!(said.contains(&format!("now {bans} banned")), "{bans} bans are not what it says");
}

/// A restart: all elements are in the kernel, and nobody there. Once, since the kernel begins the list of a set anew for
/// each piece of 32 KiB: its time grows with the square of the elements.
fn adopt(bench: &Bench, bans: u32, row: &mut Row) {
    let fork = Instant::now();
    let daemon = Daemon::start(&bench.edgeban, &bench.dir, &config(&bench.dir, "edgeban", 1, "keep"));
    row.adopt.push(daemon.ready.duration_since(fork));
    let (_, said) = daemon.stop();
    assert!(said.contains(&format!("now {bans} banned")), "{bans} bans were not adopted: {said}");
}

/// How long it took by edgeban's own account: from the kernel's notice to the kernel's word for the last ban.
fn restored(daemon: &Daemon, bans: u32) -> Duration {
    let said = daemon.said();
    let line = said.lines().rev().find(|line| line.contains("is as it should be again")).expect("it says so");
    assert!(line.ends_with(&format!("with {bans} bans")), "{line}");
    let took = line.split_once("again, ").unwrap().1.split_once(" after").unwrap().0;
    let (number, unit) = took.split_at(took.find(|c: char| c.is_ascii_alphabetic()).unwrap());
    let number: f64 = number.trim().parse().unwrap();
    Duration::from_secs_f64(if unit == "ms" { number / 1e3 } else { number })
}

/// The kernel frees the elements of a set that went behind our back.
fn settle() {
    let mut last = (kernel_memory(), Instant::now());
    while last.1.elapsed() < Duration::from_millis(200) {
        sleep(Duration::from_millis(20));
        let now = kernel_memory();
        if now.0.abs_diff(last.0.0) > 256 {
            last = (now, Instant::now());
        }
    }
}

/// KiB of the machine's unreclaimable slab, where elements lie, and of vmalloc, where large hash tables do.
fn kernel_memory() -> (u64, u64) {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    (value("SUnreclaim:"), value("VmallocUsed:"))
}

/// Asks the kernel how often the ruleset changed, which costs it less than telling somebody of each element.
struct Generation(OwnedFd);

impl Generation {
    fn new() -> Self {
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(NETFILTER));
        Self(socket.expect("a netlink socket"))
    }

    fn get(&self) -> u32 {
        let mut request = [0; 64];
        let mut w = Writer::new(&mut request);
        GetGen.emit(Tag::silent(1), &mut w).unwrap();
        let len = w.len();
        rustix::net::send(&self.0, &request[..len], SendFlags::empty()).unwrap();
        let mut answer = [0; 512];
        let (len, _) = rustix::net::recv(&self.0, &mut answer[..], RecvFlags::empty()).unwrap();
        match Replies::new(&answer[..len]).next() {
            Some(Ok(Reply::NewGen { id, .. })) => id,
            other => panic!("not a generation: {other:?}"),
        }
    }

    /// The time from before `act` to the last change that followed.
    fn after(&self, act: impl FnOnce()) -> Duration {
        let start = Instant::now();
        let mut last = (self.get(), start);
        act();
        loop {
            let now = Instant::now();
            let id = self.get();
            if id != last.0 {
                last = (id, now);
            } else if last.1 != start && now - last.1 > QUIET {
                return last.1 - start;
            }
            assert!(now - start < Duration::from_secs(120), "nothing changes");
            sleep(Duration::from_micros(500));
        }
    }
}

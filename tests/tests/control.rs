//! The lock and the control socket, with the real binary on the real kernel.

use edgeban_tests::lab::{Edgeban, Lab, LogFile, Signal, binary, eventually, numbered};
use edgeban_tests::said::{Said, say};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, connect, recv, send, socket};
use serde_json::Value;
use std::fs;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::Command;

/// A daemon, its configuration and its log file.
struct World {
    edgeban: Edgeban,
    log: LogFile,
    config: String,
    // Dropped last: what the others say lies in its directory.
    lab: Lab,
}

impl World {
    fn new() -> Self {
        let lab = Lab::new();
        let log = LogFile::open(lab.dir().join("auth.log"));
        let text = format!(
            "[jails.sshd]\nmaxretry = 1\nbantime = \"1h\"\nignoreip = [\"198.51.100.0/24\"]\nlogpath = {:?}\n[defaults]\nbantime = \"2h\"\n",
            log.path()
        );
        let config = lab.config(&text);
        let edgeban = lab.start_file(&config);
        Self { lab, config, edgeban, log }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.lab.edgeban(&[arguments, &["--config", &self.config]].concat())
    }

    fn say(&self, arguments: &[&str]) -> Said {
        say(self.command(arguments), "")
    }

    /// Runs a verb that must end well, and returns what it printed.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        self.say(arguments).ok(arguments)
    }

    /// Runs a verb that must not.
    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32, err: &str) {
        self.say(arguments).fails(arguments, code, err);
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.ok(&["status", "--json"])).unwrap()
    }

    fn file(&self, end: &str) -> PathBuf {
        let directory = self.lab.inside("/run/edgeban");
        let mut names = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        names
            .find(|path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.starts_with("edgeban-") && name.ends_with(end)
            })
            .unwrap()
    }

    fn client(&self) -> OwnedFd {
        let fd = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        connect(&fd, &SocketAddrUnix::new(self.file(".sock")).unwrap()).unwrap();
        fd
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_second_start_touches_nothing_of_the_first() {
    let mut world = World::new();
    world.ok(&["ban", "203.0.113.9"]);
    let marks = |world: &World| {
        let lock = fs::metadata(world.file(".lock")).unwrap();
        let sock = fs::metadata(world.file(".sock")).unwrap();
        let pid = fs::read_to_string(world.file(".lock")).unwrap();
        (
            lock.ino(),
            sock.ino(),
            pid,
            world.lab.nft(&["-a", "-t", "list", "table", "inet", "edgeban"]).unwrap(),
            world.lab.banned(),
        )
    };
    let before = marks(&world);
    assert_eq!(fs::metadata(world.file(".sock")).unwrap().permissions().mode() & 0o777, 0o600);
    let pid = world.status()["pid"].as_u64().unwrap().to_string();
    assert_eq!(before.2.trim(), pid);
    // Not waited for without end: it must not come up.
    let mut second = world.lab.spawn(world.command(&["run"]));
    assert_eq!(second.exit_code(), 5);
    let why = format!("already running for table edgeban, pid {pid}, lock /run/edgeban/edgeban-");
    assert!(second.log().contains(&why), "{}", second.log());
    let bad = world.lab.config("[global]\nrun_dir = 5\n");
    assert_eq!(say(world.lab.edgeban(&["run", "--config", &bad]), "").code, Some(1));
    assert_eq!(say(world.lab.edgeban(&["run", "--config", "/nonexistent"]), "").code, Some(4));
    let nowhere = world.lab.config("[global]\nrun_dir = '/nonexistent/x'\n");
    let said = say(world.lab.edgeban(&["run", "--config", &nowhere]), "");
    assert_eq!(said.code, Some(4));
    assert!(said.err.contains("no lock on /nonexistent/x/edgeban-"), "{}", said.err);
    assert_eq!(marks(&world), before);
    assert!(world.edgeban.runs());

    // Another table is another daemon.
    let other = world.lab.config("[global]\ntable = 'other'\n");
    let second = world.lab.start_file(&other);
    second.stop();
    assert_eq!(marks(&world).0, before.0);
}

#[test]
fn after_a_kill_the_next_start_takes_over() {
    let mut world = World::new();
    world.ok(&["ban", "203.0.113.9", "--for", "permanent"]);
    world.edgeban.signal(Signal::KILL);
    eventually("it is gone", || (!world.edgeban.runs()).then_some(()));
    world.fails(&["status"], 6, "no edgeban runs");
    assert!(world.file(".sock").exists(), "a stale socket is there");
    world.fails(&["ban", "203.0.113.10"], 6, "no edgeban runs for table edgeban in this network namespace");
    let next = world.lab.start_file(&world.config);
    assert!(world.ok(&["status"]).contains("pid "));
    next.stop();
    world.fails(&["stop"], 6, "no edgeban runs");
    let names = fs::read_dir(world.lab.inside("/run/edgeban")).unwrap().count();
    assert_eq!(names, 1, "the socket is gone, the lock's file stays");
}

#[test]
fn bans_by_hand_are_in_the_kernel_when_they_are_said_to_be() {
    let mut world = World::new();
    assert_eq!(world.ok(&["ban", "203.0.113.9", "--for", "10m"]), "203.0.113.9 is banned for 600s\n");
    assert!(world.lab.bans()[&ip("203.0.113.9")].lasts(600));
    assert_eq!(world.ok(&["ban", "2001:db8:5::1/128", "--for=permanent"]), "2001:db8:5::1 is banned for good\n");
    assert_eq!(world.lab.bans()[&ip("2001:db8:5::1")].timeout, None);
    assert!(world.ok(&["ban", "203.0.113.9", "--for", "5m"]).starts_with("203.0.113.9 was banned already, for "));
    assert_eq!(world.ok(&["ban", "203.0.113.10"]), "203.0.113.10 is banned for 7200s\n");
    assert_eq!(world.ok(&["ban", "203.0.113.11", "--jail", "sshd"]), "203.0.113.11 is banned for 3600s\n");
    world.fails(&["ban", "203.0.113.12", "--jail", "nginx"], 1, "there is no such jail");

    world.fails(&["ban", "198.51.100.7"], 1, "--force");
    assert!(!world.lab.banned().contains(&ip("198.51.100.7")));
    world.ok(&["ban", "198.51.100.7", "--force"]);
    assert!(world.lab.banned().contains(&ip("198.51.100.7")));

    world.log.failure(numbered(1));
    eventually("the log's ban", || world.lab.banned().contains(&numbered(1)).then_some(()));
    let status = world.status();
    let jail = |name: &str| {
        let jails = status["jails"].as_array().unwrap();
        jails.iter().find(|jail| jail["jail"] == name).unwrap()["banned"].as_u64()
    };
    assert_eq!((jail("sshd"), jail("manual"), status["banned"].as_u64()), (Some(2), Some(4), Some(6)));
    assert_eq!((status["table"].as_str(), status["backend"].as_str()), (Some("edgeban"), Some("nftables")));
    assert_eq!(status["files"][0]["file"].as_str(), world.log.path().to_str());
    assert!(world.ok(&["status"]).contains("\njail manual, "));

    assert_eq!(world.ok(&["unban", "203.0.113.9"]), "203.0.113.9 is not banned any more\n");
    assert!(!world.lab.banned().contains(&ip("203.0.113.9")));
    world.fails(&["unban", "203.0.113.9"], 1, "not banned");
    assert_eq!(world.ok(&["unban", "--all"]), "5 addresses are not banned any more\n");
    assert!(world.lab.banned().is_empty());
    let pid = status["pid"].as_u64().unwrap();
    assert_eq!(world.ok(&["stop"]), format!("edgeban has ended (pid {pid})\n"));
    assert_eq!(world.edgeban.exit_code(), 0);
    assert!(world.lab.table("edgeban").is_some());
}

#[test]
fn unban_all_lifts_2000_bans() {
    let mut world = World::new();
    world.log.failures((0..2000).map(numbered));
    eventually("all are banned", || (world.status()["banned"] == 2000).then_some(()));
    assert_eq!(world.lab.banned().len(), 2000);
    assert_eq!(world.ok(&["unban", "--all"]), "2000 addresses are not banned any more\n");
    assert!(world.lab.banned().is_empty());
}

#[test]
fn users_without_rights_are_refused() {
    let world = World::new();
    let status = || {
        let mut command = world.lab.router("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary());
        command.args(["status", "--config", "/run/config"]);
        say(command, "")
    };
    fs::write(world.lab.inside("/run/config"), "").unwrap();
    let said = status();
    assert_eq!(said.code, Some(4));
    assert!(said.err.contains("EACCES (13)"), "the file's mode keeps them out: {}", said.err);
    fs::set_permissions(world.file(".sock"), fs::Permissions::from_mode(0o666)).unwrap();
    let said = status();
    assert_eq!((said.code, &*said.out), (Some(4), ""));
    assert!(said.err.contains("only root"), "and so does the daemon: {}", said.err);
    world.edgeban.signal(Signal::USR1);
    world.edgeban.wait_for_log("1 not permitted");
}

#[test]
fn idle_clients_lock_nobody_out() {
    let world = World::new();
    let clients: Vec<OwnedFd> = (0..100).map(|_| world.client()).collect();
    assert_eq!(world.ok(&["ban", "203.0.113.9", "--for", "10m"]), "203.0.113.9 is banned for 600s\n");
    world.edgeban.signal(Signal::USR1);
    world.edgeban.wait_for_log(" made room for others");
    assert!(world.edgeban.log().contains("control: 101 clients (limit 16), 1 requests"), "{}", world.edgeban.log());
    drop(clients);
    world.ok(&["status"]);
}

#[test]
fn garbage_is_answered_and_who_does_not_read_is_sent_away() {
    let world = World::new();
    let client = world.client();
    let mut answer = [0; 400];
    let mut ask = |packet: &[u8]| {
        send(&client, packet, SendFlags::empty()).unwrap();
        let (len, _) = recv(&client, &mut answer, RecvFlags::empty()).unwrap();
        assert_eq!((len, &answer[..4]), (20, &[1, 4, 2, 0][..]));
        answer[11]
    };
    assert_eq!(ask(&[7, 4, 0, 0]), 1, "another version");
    assert_eq!(ask(b"\x01status"), 2, "malformed");
    assert_eq!(ask(&[0xff; 5000]), 2, "too long");
    let mut sent = 0;
    let slow = world.client();
    while send(&slow, &[1, 4, 0, 0], SendFlags::NOSIGNAL).is_ok() && sent < 100_000 {
        sent += 1;
    }
    assert!(sent < 100_000, "the daemon kept all answers");
    world.ok(&["ban", "203.0.113.9"]);
    world.edgeban.signal(Signal::USR1);
    world.edgeban.wait_for_log("3 malformed");
    world.edgeban.wait_for_log("1 did not read");
}

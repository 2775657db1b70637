//! From a wrong password to the silence after it, with nothing made up: real SSH servers, the loggers that routers have,
//! real clients, the kernel's own packet filter.

use edgeban_tests::lab::{Lab, eventually};
use edgeban_tests::ssh::{Answer, Logger, Login, PASSWORD, Server, Servers, USER, attackers};
use std::thread;

/// Long enough that a client gives up (2 s) in it on a busy machine.
const BANTIME: u64 = 8;

const WRONG: Login<'static> = Login::Password(USER, "letmein");

fn config(jail: &str, log: &str) -> String {
    format!(
        "[defaults]\nmaxretry = 3\nfindtime = \"10m\"\nbantime = \"{BANTIME}s\"\n[jails.{jail}]\nlogpath = \"{log}\"\n"
    )
}

/// Both families at once, against one daemon.
fn attack(server: Server, logger: Logger) {
    let lab = Lab::new();
    let servers = Servers::start(&lab, server, logger);
    let jail = if server == Server::OpenSsh { "sshd" } else { "dropbear" };
    let edgeban = lab.start(&config(jail, servers.log));
    thread::scope(|scope| {
        for ipv6 in [false, true] {
            let (lab, servers) = (&lab, &servers);
            scope.spawn(move || attack_over(lab, servers, ipv6));
        }
    });
    let counters = edgeban.stop();
    assert_eq!((counters.failed, counters.bans, counters.unbans), (10, 2, 2), "{counters:?}\n{}", servers.logged());
}

fn attack_over(lab: &Lab, servers: &Servers<'_>, ipv6: bool) {
    let [attacker, other, owner] = attackers(ipv6);
    let banned = || lab.banned().into_iter().filter(|addr| addr.is_ipv6() == ipv6).collect::<Vec<_>>();

    // Two are not three, and who else fails does not count.
    assert_eq!(servers.connect(other, WRONG), Answer::Denied);
    assert_eq!(servers.connect(other, WRONG), Answer::Denied);
    for round in 1..=3 {
        assert!(banned().is_empty(), "before round {round}");
        assert_eq!(servers.connect(attacker, WRONG), Answer::Denied, "round {round}");
    }
    eventually("the attacker is banned", || (banned() == [attacker]).then_some(()));
    assert!(lab.bans()[&attacker].lasts(BANTIME));

    assert_eq!(servers.connect(attacker, WRONG), Answer::Silence, "the fourth");
    assert_eq!(banned(), [attacker], "the ban ended too early to prove anything");
    assert_eq!(servers.connect(owner, Login::Password(USER, PASSWORD)), Answer::Welcome);
    assert_eq!(servers.connect(other, Login::Key), Answer::Welcome);

    eventually("the ban ends", || banned().is_empty().then_some(()));
    assert_eq!(servers.connect(attacker, Login::Password(USER, PASSWORD)), Answer::Welcome);
}

#[test]
fn openssh_through_rsyslog() {
    attack(Server::OpenSsh, Logger::Rsyslog("RSYSLOG_TraditionalFileFormat"));
}

#[test]
fn openssh_through_rsyslog_with_iso_dates() {
    attack(Server::OpenSsh, Logger::Rsyslog("RSYSLOG_FileFormat"));
}

#[test]
fn openssh_through_rsyslog_as_rfc5424() {
    attack(Server::OpenSsh, Logger::Rsyslog("RSYSLOG_SyslogProtocol23Format"));
}

#[test]
fn openssh_through_journald() {
    attack(Server::OpenSsh, Logger::Journald);
}

#[test]
fn dropbear_through_busybox() {
    attack(Server::Dropbear, Logger::Busybox);
}

/// Who logs in again and again is never banned, not even for the keys that a client offers first.
fn owner_logs_in(server: Server, logger: Logger) {
    let lab = Lab::new();
    let servers = Servers::start(&lab, server, logger);
    let log = servers.log;
    // One failed attempt would be enough, in whatever mode.
    let edgeban = lab.start(&format!(
        "[defaults]\nmaxretry = 1\nmode = \"aggressive\"\nlogpath = \"{log}\"\n[jails.sshd]\n[jails.dropbear]\n"
    ));
    for ipv6 in [false, true] {
        let [_, _, owner] = attackers(ipv6);
        for login in [Login::Key, Login::Password(USER, PASSWORD)] {
            for round in 1..=6 {
                assert_eq!(servers.connect(owner, login), Answer::Welcome, "{owner} {login:?} {round}");
            }
        }
    }
    let accepted = |log: &str| {
        log.lines().filter(|line| line.contains(": Accepted p") || line.contains("auth succeeded for ")).count()
    };
    eventually("all logins are in the log", || (accepted(&servers.logged()) == 24).then_some(()));
    eventually("edgeban has read them", || (edgeban.counters().lines >= 24).then_some(()));
    assert!(lab.banned().is_empty(), "{:?}\n{}", lab.banned(), servers.logged());
    let counters = edgeban.stop();
    assert_eq!((counters.failed, counters.bans), (0, 0), "{}", servers.logged());
}

#[test]
fn logins_to_openssh_never_ban() {
    owner_logs_in(Server::OpenSsh, Logger::Rsyslog("RSYSLOG_TraditionalFileFormat"));
}

#[test]
fn logins_to_openssh_through_journald_never_ban() {
    owner_logs_in(Server::OpenSsh, Logger::Journald);
}

#[test]
fn logins_to_dropbear_never_ban() {
    owner_logs_in(Server::Dropbear, Logger::Busybox);
}

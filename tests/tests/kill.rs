//! `kill_connections` with the real binary: an attacker who is logged in already, and goes on guessing.

use edgeban_tests::lab::{Lab, Signal, eventually};
use edgeban_tests::ssh::{Answer, Logger, Login, Server, Servers, USER, attackers, router};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

const WRONG: Login<'static> = Login::Password(USER, "letmein");

fn config(log: &str, kill: bool) -> String {
    format!(
        "[global]\nkill_connections = {kill}\n[defaults]\nmaxretry = 3\nbantime = \"1h\"\n[jails.sshd]\nlogpath = \"{log}\"\n"
    )
}

/// An open session that sends back what it is told.
struct Session {
    client: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Session {
    fn open(lab: &Lab, servers: &Servers<'_>, from: IpAddr) -> Self {
        let mut ssh = lab.attackers("ssh");
        ssh.args(["-F", "none", "-b", &from.to_string(), "-o", "IdentitiesOnly=yes", "-i"]).arg(servers.key());
        ssh.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]);
        ssh.arg(format!("{USER}@{}", router(from))).arg("cat");
        let mut client = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (client.stdin.take().unwrap(), BufReader::new(client.stdout.take().unwrap()));
        let mut session = Self { client, stdin, stdout };
        assert!(session.answers("hello"), "{from} is not logged in");
        session
    }

    fn answers(&mut self, word: &str) -> bool {
        let mut answer = String::new();
        writeln!(self.stdin, "{word}").is_ok()
            && self.stdout.read_line(&mut answer).is_ok()
            && answer == format!("{word}\n")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// Connections to the router's SSH server from this address, as `ss` and `conntrack` know them.
fn open(lab: &Lab, from: IpAddr) -> [usize; 2] {
    let run = |program: &str, arguments: &[&str]| {
        let output = lab.router(program).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let from = from.to_string();
    let family = if from.contains(':') { "ipv6" } else { "ipv4" };
    let established = run("ss", &["-tnH", "state", "established", "dst", &format!("[{from}]")]);
    let tracked = run("conntrack", &["-L", "-f", family, "-p", "tcp", "-s", &from, "--state", "ESTABLISHED"]);
    [established.lines().count(), tracked.lines().count()]
}

fn guess_while_logged_in(kill: bool) {
    let lab = Lab::new();
    let servers = Servers::start(&lab, Server::OpenSsh, Logger::Rsyslog("RSYSLOG_TraditionalFileFormat"));
    // So that connections are tracked, as on a router that does NAT.
    let tracking = "add table inet t; add chain inet t c { type filter hook input priority 0; }; \
                    add rule inet t c ct state established accept";
    lab.nft(&[tracking]).unwrap();
    let edgeban = lab.start(&config(servers.log, kill));
    for ipv6 in [false, true] {
        let [attacker, other, _] = attackers(ipv6);
        let mut sessions = [attacker, other].map(|from| Session::open(&lab, &servers, from));
        assert_eq!([open(&lab, attacker), open(&lab, other)], [[1, 1]; 2]);
        for guess in 1..=3 {
            assert!(sessions[0].answers("still here"));
            let answer = servers.connect(attacker, WRONG);
            // The third is what bans, and its own connection may be cut before the answer is out.
            let cut = kill && guess == 3 && matches!(answer, Answer::Other(_));
            assert!(cut || answer == Answer::Denied, "{guess}: {answer:?}");
        }
        eventually("the attacker is banned", || lab.banned().contains(&attacker).then_some(()));
        let [dead, alive] = &mut sessions;
        if kill {
            // The server's end is closed, and tells the client.
            eventually("the session ends", || dead.client.try_wait().unwrap());
            assert!(!dead.answers("and now?"));
            eventually("nothing is left of it", || (open(&lab, attacker) == [0, 0]).then_some(()));
        } else {
            // Its packets are dropped, but the server does not know.
            edgeban.wait_for_log(&format!("banned {attacker} "));
            assert!(dead.client.try_wait().unwrap().is_none());
            assert!(open(&lab, attacker)[0] >= 1);
        }
        assert!(alive.answers("me too?"));
        assert_eq!(open(&lab, other), [1, 1]);
    }
    let said = edgeban.log();
    for what in ["local", "tracked"] {
        // The last guess may be among them.
        assert_eq!(said.contains(&format!(" {what} connections of banned addresses")), kill, "{said}");
    }
    edgeban.signal(Signal::USR1);
    eventually("edgeban says what it cut", || {
        (edgeban.log().contains(" local connections cut in ") == kill).then_some(())
    });
    edgeban.stop();
}

#[test]
fn an_open_session_dies_with_the_ban() {
    guess_while_logged_in(true);
}

#[test]
fn a_banned_prefix_cuts_the_sessions_of_its_addresses() {
    let lab = Lab::new();
    let servers = Servers::start(&lab, Server::OpenSsh, Logger::Rsyslog("RSYSLOG_TraditionalFileFormat"));
    let config = lab.config(&config(servers.log, true));
    let edgeban = lab.start_file(&config);
    let [first, second, other] = attackers(false);
    let [mut first, mut second, mut other] = [first, second, other].map(|from| Session::open(&lab, &servers, from));
    // 192.0.2.66 and 192.0.2.77, but neither 192.0.2.100 nor the router.
    assert!(lab.edgeban(&["ban", "192.0.2.64/28", "--config", &config]).output().unwrap().status.success());
    for dead in [&mut first, &mut second] {
        eventually("the session ends", || dead.client.try_wait().unwrap());
    }
    assert!(other.answers("me too?"));
    edgeban.stop();
}

#[test]
fn without_the_setting_it_is_left_alone() {
    guess_while_logged_in(false);
}

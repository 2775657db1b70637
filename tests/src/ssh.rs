//! Real SSH servers with real system loggers in a [`Lab`], and real clients that attack them.

use crate::journald::Journald;
use crate::lab::{ATTACKERS_V4, ATTACKERS_V6, Lab, ROUTER_V4, ROUTER_V6, eventually, text};
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// The only user of the router that may log in: by her password, or by [`Servers::key`].
pub const USER: &str = "alice";

/// Her password.
pub const PASSWORD: &str = "correct horse";

/// `busybox mkpasswd -m sha512 -S edgeban "correct horse"`
const HASH: &str = "$6$edgeban$kXffuuJLzXLlRHASbQyIVxRN1FwCt/A.nIEHdKVSQEmUmKmuR2qNjXBmD42qg.qGnVSuPL0yv8il460AZt9eo.";

/// How the logger writes its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Logger {
    /// rsyslog with one of its templates.
    Rsyslog(&'static str),
    /// BusyBox's syslogd.
    Busybox,
    /// systemd's journald.
    Journald,
}

/// Which SSH server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Server {
    /// OpenSSH's sshd.
    OpenSsh,
    /// dropbear, which ends a connection after one wrong password here.
    Dropbear,
}

/// An SSH server at port 22 of the router, with its logger.
pub struct Servers<'l> {
    lab: &'l Lab,
    journald: Option<Journald<'l>>,
    /// Where the logger writes, as the configuration names it.
    pub log: &'static str,
    key: PathBuf,
}

/// What became of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Logged in.
    Welcome,
    /// The server did not accept the password, or not the key.
    Denied,
    /// Nothing came back, not even that the port is closed.
    Silence,
    /// Something else; the client's words.
    Other(String),
}

/// How a client wants to log in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Login<'a> {
    /// As this user with this password.
    Password(&'a str, &'a str),
    /// As [`USER`] with her key, after she offered one that the server does not know.
    Key,
}

impl<'l> Servers<'l> {
    /// Starts the logger, then the server, and waits until the server answers.
    ///
    /// # Panics
    /// If one of them does not start.
    #[must_use]
    pub fn start(lab: &'l Lab, server: Server, logger: Logger) -> Self {
        let log = if logger == Logger::Journald { "journal" } else { "/var/log/auth.log" };
        let mut journald = None;
        match logger {
            Logger::Rsyslog(template) => {
                let config = lab.dir().join("rsyslog.conf");
                let lines = format!(
                    "module(load=\"imuxsock\")\n*.* action(type=\"omfile\" file=\"{log}\" template=\"{template}\")\n"
                );
                fs::write(&config, lines).unwrap();
                lab.service("rsyslogd", &["-n", "-i", "NONE", "-f", config.to_str().unwrap()]);
            }
            Logger::Busybox => lab.service("busybox", &["syslogd", "-n", "-O", log]),
            Logger::Journald => journald = Some(Journald::start(lab, "Storage=volatile")),
        }
        eventually("the logger listens", || fs::symlink_metadata(lab.inside("/dev/log")).ok());

        let key = lab.dir().join("alice");
        for name in ["host", "alice", "stranger"] {
            let path = lab.dir().join(name);
            text(lab.router("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path)).unwrap();
        }
        let home = "/run/alice";
        fs::create_dir_all(lab.inside("/run/alice/.ssh")).unwrap();
        fs::copy(lab.dir().join("alice.pub"), lab.inside("/run/alice/.ssh/authorized_keys")).unwrap();
        text(lab.router("chown").args(["-R", "4711:4711", home])).unwrap();
        append(lab, "/etc/passwd", &format!("{USER}:x:4711:4711::{home}:/bin/sh\n"));
        append(lab, "/etc/group", &format!("{USER}:x:4711:\n"));
        append(lab, "/etc/shadow", &format!("{USER}:{HASH}:20000:0:99999:7:::\n"));

        match server {
            Server::OpenSsh => sshd(lab),
            Server::Dropbear => {
                let key = lab.dir().join("dropbear");
                text(lab.router("dropbearkey").args(["-t", "ed25519", "-f"]).arg(&key)).unwrap();
                lab.service("dropbear", &["-F", "-r", key.to_str().unwrap(), "-P", "/run/dropbear.pid", "-T", "1"]);
            }
        }
        let servers = Self { lab, journald, log, key };
        // From the router's side, so that no attacker has made a connection yet.
        for router in [IpAddr::from(ROUTER_V4), ROUTER_V6.into()] {
            eventually("the SSH server listens", || {
                let mut client = lab.router("busybox");
                client.args(["nc", "-w", "1", &router.to_string(), "22"]);
                text(&mut client).ok().filter(|banner| banner.starts_with("SSH-2.0-"))
            });
        }
        servers
    }

    /// Her private key.
    #[must_use]
    pub fn key(&self) -> &std::path::Path {
        &self.key
    }

    /// What the logger has written so far.
    ///
    /// # Panics
    /// If there is no log.
    #[must_use]
    pub fn logged(&self) -> String {
        if let Some(journald) = &self.journald {
            return journald.lines();
        }
        String::from_utf8_lossy(&fs::read(self.lab.inside(self.log)).unwrap()).into_owned()
    }

    /// One connection from this address to the router's address of the same family.
    ///
    /// # Panics
    /// If there is no client.
    #[must_use]
    pub fn connect(&self, from: IpAddr, login: Login<'_>) -> Answer {
        let (router, user) = (router(from), if let Login::Password(user, _) = login { user } else { USER });
        let mut client = self.lab.attackers("sshpass");
        if let Login::Password(_, password) = login {
            client.args(["-p", password]);
        }
        client.args(["ssh", "-F", "none", "-b", &from.to_string(), "-o", "ConnectTimeout=2"]);
        client.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=INFO"]);
        match login {
            Login::Password(..) => {
                client.args(["-o", "PreferredAuthentications=password", "-o", "PubkeyAuthentication=no"]);
                client.args(["-o", "NumberOfPasswordPrompts=1"]);
            }
            Login::Key => {
                client.args(["-o", "PreferredAuthentications=publickey", "-o", "IdentitiesOnly=yes", "-i"]);
                client.arg(self.lab.dir().join("stranger")).arg("-i").arg(&self.key);
            }
        }
        client.arg(format!("{user}@{router}")).arg("echo welcome");
        match text(&mut client) {
            Ok(said) if said.trim() == "welcome" => Answer::Welcome,
            Ok(said) => Answer::Other(said),
            Err(said) if said.contains("Permission denied") || said.contains("Too many authentication failures") => {
                Answer::Denied
            }
            // dropbear hangs up, after the password and not before.
            Err(said) if said.contains("Connection closed by") && said.contains("assword") => Answer::Denied,
            Err(said) if said.contains("Connection timed out") && said.contains("connect to host") => Answer::Silence,
            Err(said) => Answer::Other(said),
        }
    }
}

/// The router's address of the family of `of`.
#[must_use]
pub fn router(of: IpAddr) -> IpAddr {
    if of.is_ipv4() { ROUTER_V4.into() } else { ROUTER_V6.into() }
}

/// The attackers of one family.
#[must_use]
pub fn attackers(ipv6: bool) -> [IpAddr; 3] {
    if ipv6 { ATTACKERS_V6.map(IpAddr::from) } else { ATTACKERS_V4.map(IpAddr::from) }
}

fn append(lab: &Lab, path: &str, line: &str) {
    let path = lab.inside(path);
    let before = fs::read_to_string(&path).unwrap();
    fs::write(&path, before + line).unwrap();
}

fn sshd(lab: &Lab) {
    let config = lab.dir().join("sshd_config");
    let host_key = lab.dir().join("host");
    fs::set_permissions(&host_key, fs::Permissions::from_mode(0o600)).unwrap();
    // VERBOSE, so that every key that is offered is a line in the log.
    let lines = format!("HostKey {}\nPidFile none\nUsePAM no\nLogLevel VERBOSE\n", host_key.display());
    // From 9.8 on the server itself turns clients away that fail; here, only edgeban may.
    fs::write(&config, lines.clone() + "PerSourcePenalties no\n").unwrap();
    if text(lab.router("/usr/sbin/sshd").arg("-t").arg("-f").arg(&config)).is_err() {
        fs::write(&config, lines).unwrap();
    }
    lab.service("/usr/sbin/sshd", &["-D", "-f", config.to_str().unwrap()]);
}

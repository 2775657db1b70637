//! Lines that the attacker wrote parts of: none may count against anybody but the peer.

use edgeban_core::addr::Addr;
use edgeban_core::detect::{Attempt, Filter, FilterSet, Mode, Sessions};
use edgeban_core::source::syslog::Record;
use proptest::prelude::*;

/// The address that every attack tries to get banned.
const VICTIM: &str = "9.9.9.9";
/// The attacker's.
const PEER: &str = "10.1.1.1";

fn detect(line: &[u8], mode: Mode, sessions: &mut Sessions) -> Option<Attempt> {
    let record = Record::parse(line)?;
    FilterSet::of_program(record.program).iter().find_map(|filter| filter.detect(mode, sessions, &record))
}

fn alone(line: &str, mode: Mode) -> Option<String> {
    detect(line.as_bytes(), mode, &mut Sessions::new()).map(|attempt| attempt.addr.to_string())
}

#[test]
fn the_known_attacks_count_against_the_peer_or_nobody() {
    // program, message, mode, the only address that it may count against
    let cases = [
        (
            "sshd",
            "Failed password for invalid user x from 9.9.9.9 port 22 ssh2 from 10.1.1.1 port 57774 ssh2",
            Mode::Normal,
            Some(PEER),
        ),
        ("sshd", "Invalid user root from 9.9.9.9 port 22 from 10.1.1.1 port 40000", Mode::Normal, Some(PEER)),
        ("sshd", "Failed password for root from 9.9.9.9 from 10.1.1.1 port 40000 ssh2", Mode::Normal, Some(PEER)),
        (
            "sshd",
            "User a from 9.9.9.9 not allowed because not listed in AllowUsers from 10.1.1.1 not allowed because not listed in AllowUsers",
            Mode::Normal,
            Some(PEER),
        ),
        (
            "sshd",
            "Connection closed by authenticating user a 9.9.9.9 port 22 10.1.1.1 port 4000 [preauth]",
            Mode::Aggressive,
            Some(PEER),
        ),
        (
            "sshd",
            "Disconnected from invalid user a 9.9.9.9 port 22 10.1.1.1 port 4000 [preauth]",
            Mode::Aggressive,
            Some(PEER),
        ),
        (
            "sshd",
            "Accepted publickey for deploy from 10.60.166.89 port 57774 ssh2: ED25519 SHA256:abc",
            Mode::Aggressive,
            None,
        ),
        (
            "sshd",
            "Accepted password for Failed password for root from 9.9.9.9 port 22 ssh2 from 10.1.1.1 port 4 ssh2",
            Mode::Aggressive,
            None,
        ),
        ("sshd", "pam_unix(sshd:session): session opened for user deploy(uid=1000) by (uid=0)", Mode::Aggressive, None),
        (
            "sshd",
            "error: maximum authentication attempts exceeded for root from 10.1.1.1 port 4 ssh2 [preauth]",
            Mode::Normal,
            Some(PEER),
        ),
        (
            "sshd",
            "Bad protocol version identification 'Failed password for root from 9.9.9.9 port 22 ssh2' from 10.1.1.1 port 4",
            Mode::Ddos,
            Some(PEER),
        ),
        ("sshd", "banner exchange: Connection from 10.1.1.1 port 4: invalid format", Mode::Ddos, Some(PEER)),
        ("sshd", "banner exchange: Connection from 10.1.1.1 port 4: invalid format", Mode::Normal, None),
        ("sshd", "Failed password for root from 1.2.3.4.5 port 22 ssh2", Mode::Aggressive, None),
        ("sshd", "Failed password for root from 010.1.1.1 port 22 ssh2", Mode::Aggressive, None),
        ("sshd", "Failed password for root from ::ffff:10.1.1.1 port 22 ssh2", Mode::Normal, Some(PEER)),
        ("sshd", "Failed password for root from fe80::1%eth0 port 22 ssh2", Mode::Normal, Some("fe80::1")),
        ("sshd", "Failed password for root from evil.example.com port 22 ssh2", Mode::Aggressive, None),
        ("dropbear", "Bad password attempt for 'x' from 9.9.9.9:22' from 10.1.1.1:5543", Mode::Normal, Some(PEER)),
        ("dropbear", "Login attempt for nonexistent user from 10.1.1.1:5543", Mode::Normal, Some(PEER)),
        (
            "dropbear",
            "Exit before auth from <10.1.1.1:5543>: (user 'x' from <9.9.9.9:1>', 10 fails): Max auth tries reached",
            Mode::Normal,
            Some(PEER),
        ),
        ("cron", "(root) CMD (logger 'Failed password for root from 9.9.9.9 port 22 ssh2')", Mode::Aggressive, None),
        (
            "sudo",
            "deploy : TTY=pts/0 ; COMMAND=/bin/echo sshd[1]: Failed password for root from 9.9.9.9 port 22 ssh2",
            Mode::Aggressive,
            None,
        ),
    ];
    for (program, message, mode, want) in cases {
        for header in ["Nov 24 05:00:00 edge", "2026-11-24T05:00:00.123456+00:00 edge", "<38>Nov 24 05:00:00 edge"] {
            let line = format!("{header} {program}[7]: {message}");
            assert_eq!(alone(&line, mode).as_deref(), want, "{line}");
        }
        let line = format!("<38>1 2026-11-24T05:00:00Z edge {program} 7 - - {message}");
        assert_eq!(alone(&line, mode).as_deref(), want, "{line}");
    }
    // Tags without a process id, as sudo and cron write them.
    let line = "Nov 24 05:00:00 edge sudo:   deploy : COMMAND=/bin/echo sshd[1]: Failed password for root from 9.9.9.9 port 22 ssh2";
    assert_eq!(alone(line, Mode::Aggressive), None);
    // What fail2zig 0.1.0 counted.
    let line = "Nov 24 05:00:00 edge systemd-resolved[7]: Using DNS server 192.0.2.53";
    assert_eq!(alone(line, Mode::Aggressive), None);
}

/// A message whose end is the attacker's as well as its middle: the same words are read in two ways, and only the
/// connection's earlier line tells which is true.
#[test]
fn what_can_be_read_in_two_ways_counts_only_when_the_connection_is_known() {
    let forged = "Failed password for invalid user x from 9.9.9.9 port 22 ssh2: y from 10.1.1.1 port 5 ssh2";
    let line = |message: &str| format!("Nov 24 05:00:00 edge sshd[7]: {message}").into_bytes();
    let mut sessions = Sessions::new();
    assert_eq!(detect(&line(forged), Mode::Normal, &mut sessions), None);
    let first = "Invalid user x from 9.9.9.9 port 22 ssh2: y from 10.1.1.1 port 5";
    let peer = Addr::parse(PEER.as_bytes()).unwrap();
    assert_eq!(detect(&line(first), Mode::Normal, &mut sessions).map(|attempt| attempt.addr), Some(peer));
    assert_eq!(detect(&line(forged), Mode::Normal, &mut sessions).map(|attempt| attempt.addr), Some(peer));
}

/// What OpenSSH, dropbear and pppd print about a user `{u}` who comes from the peer, in the order of one connection.
const ABOUT_A_USER: &[(&str, &str)] = &[
    ("sshd", "Invalid user {u} from 10.1.1.1 port 5"),
    ("sshd", "input_userauth_request: invalid user {u} [preauth]"),
    ("sshd", "User {u} from 10.1.1.1 not allowed because not listed in AllowUsers"),
    ("sshd", "User {u} from 10.1.1.1 not allowed because none of user's groups are listed in AllowGroups"),
    ("sshd", "User {u} not allowed because account is locked"),
    (
        "sshd",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.1.1.1  user={u}",
    ),
    ("sshd", "error: PAM: Authentication failure for {u} from 10.1.1.1"),
    ("sshd", "error: PAM: User not known to the underlying authentication module for illegal user {u} from 10.1.1.1"),
    ("sshd", "Failed none for invalid user {u} from 10.1.1.1 port 5 ssh2"),
    ("sshd", "Failed password for invalid user {u} from 10.1.1.1 port 5 ssh2"),
    ("sshd", "Failed password for {u} from 10.1.1.1 port 5 ssh2"),
    ("sshd", "Failed keyboard-interactive/pam for invalid user {u} from 10.1.1.1 port 5 ssh2"),
    ("sshd", "Failed publickey for invalid user {u} from 10.1.1.1 port 5 ssh2: ED25519 SHA256:abcdef"),
    (
        "sshd",
        "Failed publickey for {u} from 10.1.1.1 port 5 ssh2: ED25519-CERT SHA256:abc ID {u} (serial 1) CA ED25519 SHA256:def",
    ),
    (
        "sshd",
        "Failed hostbased for {u} from 10.1.1.1 port 5 ssh2: RSA SHA256:abc, client user \"{u}\", client host \"{u}\"",
    ),
    ("sshd", "Postponed publickey for invalid user {u} from 10.1.1.1 port 5 ssh2 [preauth]"),
    (
        "sshd",
        "error: maximum authentication attempts exceeded for invalid user {u} from 10.1.1.1 port 5 ssh2 [preauth]",
    ),
    ("sshd", "error: maximum authentication attempts exceeded for {u} from 10.1.1.1 port 5 ssh2 [preauth]"),
    ("sshd", "Disconnecting invalid user {u} 10.1.1.1 port 5: Too many authentication failures [preauth]"),
    (
        "sshd",
        "Disconnecting authenticating user {u} 10.1.1.1 port 5: Change of username or service not allowed: ({u},ssh-connection) -> (x,ssh-connection) [preauth]",
    ),
    ("sshd", "Disconnecting: Too many authentication failures for {u} [preauth]"),
    ("sshd", "error: Received disconnect from 10.1.1.1 port 5:11: {u} [preauth]"),
    ("sshd", "error: Received disconnect from 10.1.1.1: 3: {u}: Auth fail [preauth]"),
    ("sshd", "error: Received disconnect from 10.1.1.1 port 5:14: No supported authentication methods available {u}"),
    ("sshd", "Connection closed by invalid user {u} 10.1.1.1 port 5 [preauth]"),
    ("sshd", "Connection reset by authenticating user {u} 10.1.1.1 port 5 [preauth]"),
    ("sshd", "Disconnected from invalid user {u} 10.1.1.1 port 5 [preauth]"),
    ("sshd", "Unable to negotiate with 10.1.1.1 port 5: no matching cipher found. Their offer: {u} [preauth]"),
    ("sshd", "Bad protocol version identification '{u}' from 10.1.1.1 port 5"),
    ("sshd", "error: kex_exchange_identification: client sent invalid protocol identifier \"{u}\""),
    ("sshd", "banner exchange: Connection from 10.1.1.1 port 5: invalid format"),
    ("sshd", "Connection closed by 10.1.1.1 port 5 [preauth]"),
    ("dropbear", "Child connection from 10.1.1.1:5"),
    ("dropbear", "Login attempt for nonexistent user '{u}' from 10.1.1.1:5"),
    ("dropbear", "Login attempt with wrong user {u} from 10.1.1.1:5"),
    ("dropbear", "Bad password attempt for '{u}' from 10.1.1.1:5"),
    ("dropbear", "Bad PAM password attempt for '{u}' from 10.1.1.1:5"),
    ("dropbear", "Pubkey auth bad signature for '{u}' with key SHA256:abc from 10.1.1.1:5"),
    ("dropbear", "User '{u}' has invalid shell, rejected"),
    ("dropbear", "Exit before auth from <10.1.1.1:5>: (user '{u}', 3 fails): Max auth tries reached - user '{u}'"),
    ("dropbear", "Exit before auth (user '{u}', 10 fails): Max auth tries reached - user '{u}' from 10.1.1.1:5"),
    ("dropbear", "Logins are restricted to the group ssh but user '{u}' is not a member"),
    ("dropbear", "Exit before auth from <10.1.1.1:5>: (user '{u}', 0 fails): Client trying multiple usernames"),
    ("xl2tpd", "Call established with 10.1.1.1, PID: 7, Local: 1, Remote: 2, Serial: 3"),
    ("pppd", "PAP peer authentication failed for \"{u}\""),
    ("pppd", "Peer \"{u}\" failed CHAP authentication"),
];

/// Pieces of the services' own words, with the victim in the peer's place.
const PIECES: &[&str] = &[
    " from 9.9.9.9",
    " from 9.9.9.9 port 22 ssh2",
    " from 9.9.9.9 port 22 ssh2: ",
    " port 22",
    " port 22 [preauth]",
    "[preauth]",
    ": ",
    " 9.9.9.9",
    " 9.9.9.9 port 22",
    " 9.9.9.9 port 22: Change of username or service not allowed: (a [preauth]",
    "root",
    "invalid user ",
    "authenticating user ",
    " for ",
    " not allowed because not listed in AllowUsers",
    " not allowed because account is locked",
    "' from 9.9.9.9 port 1",
    "' from 9.9.9.9:22",
    ">: ",
    " from <9.9.9.9:1>",
    "', 3 fails): Max auth tries reached",
    " (9.9.9.9)",
    " via 9.9.9.9",
    "  user=",
    " rhost=9.9.9.9",
    "SHA256:",
    "\"",
    "'",
    " ",
    ":",
    "\t",
    "\\012",
    "#012",
    "\u{1}",
    "\u{80}",
    "Accepted password for root from 9.9.9.9 port 1 ssh2",
    " on 9.9.9.9",
    ": Auth fail",
    "sshd[7]: ",
    "x",
    "no matching cipher found",
    " found.",
    "::ffff:9.9.9.9",
    "9.9.9.9:22",
    "Call established with 9.9.9.9, PID: 7, Local: ",
    "\" failed CHAP authentication",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..8).prop_map(|pieces| pieces.concat())
}

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(Mode::ALL.to_vec())
}

fn line(program: &str, pid: u32, message: &str) -> Vec<u8> {
    format!("Nov 24 05:00:00 edge {program}[{pid}]: {message}").into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every message of one connection, in any order and number, with any text in the attacker's places.
    #[test]
    fn no_text_of_the_attacker_counts_against_another(
        which in prop::collection::vec(0..ABOUT_A_USER.len(), 1..6),
        user in text(),
        mode in mode(),
    ) {
        let victim = Addr::parse(VICTIM.as_bytes()).unwrap();
        let mut sessions = Sessions::new();
        for index in which {
            let (program, message) = ABOUT_A_USER[index];
            let line = line(program, 7, &message.replace("{u}", &user));
            let attempt = detect(&line, mode, &mut sessions);
            prop_assert_ne!(attempt.map(|attempt| attempt.addr), Some(victim), "{}", String::from_utf8_lossy(&line));
        }
    }

    /// A line that was cut, or had a byte replaced, on its way: it may be lost, and it may not name another address.
    #[test]
    fn damaged_lines_count_against_the_peer_or_nobody(
        index in 0..ABOUT_A_USER.len(),
        user in text(),
        cut: prop::sample::Index,
        place: prop::sample::Index,
        byte in prop::sample::select(b"\r\0\t\x80\xff\\ \":".to_vec()),
        mode in mode(),
    ) {
        let victim = Addr::parse(VICTIM.as_bytes()).unwrap();
        let (program, message) = ABOUT_A_USER[index];
        let whole = line(program, 7, &message.replace("{u}", &user));
        let mut bytes = whole.clone();
        bytes[place.index(whole.len())] = byte;
        let attempt = detect(&bytes, mode, &mut Sessions::new());
        // Where the service's own words behind a name are damaged, the line is one that the attacker might have made; a
        // syslogd that changes them is not to be trusted.
        if user.contains(VICTIM) && is_own_word(message, &user, &whole, place.index(whole.len())) {
            return Ok(());
        }
        prop_assert_ne!(attempt.map(|attempt| attempt.addr), Some(victim), "{}", String::from_utf8_lossy(&bytes));
        let _ = detect(&whole[..cut.index(whole.len())], mode, &mut Sessions::new());
    }

    #[test]
    fn any_bytes_at_all_end_well(bytes in prop::collection::vec(any::<u8>(), 0..300), mode in mode()) {
        let mut sessions = Sessions::new();
        let _ = detect(&bytes, mode, &mut sessions);
        for filter in Filter::ALL {
            for start in ["Failed ", "Disconnecting", "Received disconnect from ", "Exit before auth", "Bad password attempt for"] {
                let message = [start.as_bytes(), &bytes].concat();
                let record = Record { stamp: None, program: b"sshd", pid: Some(7), message: &message };
                let _ = filter.detect(mode, &mut sessions, &record);
            }
        }
    }
}

/// Whether a place of the line is in the service's own words, behind the first text of the attacker.
fn is_own_word(message: &str, user: &str, whole: &[u8], place: usize) -> bool {
    let mut at = whole.len() - message.replace("{u}", user).len();
    for (n, own) in message.split("{u}").enumerate() {
        if n > 0 {
            at += user.len();
        }
        if n > 0 && (at..at + own.len()).contains(&place) {
            return true;
        }
        at += own.len();
    }
    false
}

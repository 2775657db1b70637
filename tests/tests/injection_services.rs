//! As `injection.rs`, of the services that tell an attempt on one line: whatever the peer writes where it can, no line
//! counts against anybody else.

use edgeban_core::addr::Addr;
use edgeban_core::detect::{Filter, Mode, Sessions};
use edgeban_tests::detect::detect;
use proptest::prelude::*;

/// The address that every attack tries to get banned.
const VICTIM: &str = "9.9.9.9";

/// What each service logs about the peer 10.1.1.1 that chooses `{u}` and `{v}`.
const LINES: &[(Filter, &[&str])] = &[
    (
        Filter::Postfix,
        &[
            "Nov 24 05:00:00 mx postfix/smtpd[7]: warning: unknown[10.1.1.1]: SASL LOGIN authentication failed: {u}",
            "Nov 24 05:00:00 mx postfix/smtpd[7]: warning: a.example[10.1.1.1]: SASL PLAIN authentication failed: (reason unavailable), sasl_username={u}",
            "Nov 24 05:00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[10.1.1.1]: 554 5.7.1 <{u}>: Relay access denied; from=<{u}> to=<{v}> proto=ESMTP helo=<{v}>",
            "Nov 24 05:00:00 mx postfix/smtpd[7]: NOQUEUE: reject: EHLO from unknown[10.1.1.1]: 504 5.5.2 <{u}>: Helo command rejected: need fully-qualified hostname; proto=SMTP helo=<{u}>",
            "Nov 24 05:00:00 mx postfix/smtpd[7]: improper command pipelining after EHLO from unknown[10.1.1.1]: {u}",
            "Nov 24 05:00:00 mx postfix/postscreen[7]: PREGREET 9 after 0.1 from [10.1.1.1]:5: {u}",
            "Nov 24 05:00:00 mx postfix/cleanup[7]: 00ADB3C0899: warning: header Subject: {u} from unknown[10.1.1.1]; from=<{v}>",
            "Nov 24 05:00:00 mx postfix/smtp[7]: 00ADB3C0899: host a.example[10.1.1.1] said: 550 {u}",
        ],
    ),
    (
        Filter::Dovecot,
        &[
            "Nov 24 05:00:00 mx dovecot: imap-login: Disconnected (auth failed, 1 attempts): user=<{u}>, method=PLAIN, rip=10.1.1.1, lip=10.0.0.1, TLS, session=<abc>",
            "Nov 24 05:00:00 mx dovecot[7]: pop3-login: Login aborted: Logged out (auth failed, 1 attempts in 10 secs) (auth_failed): user=<{u}>, method=PLAIN, rip=10.1.1.1, lip=10.0.0.1",
            "Nov 24 05:00:00 imap-login: Info: Disconnected (no auth attempts in 0 secs): user=<{u}>, rip=10.1.1.1, lip=10.0.0.1",
            "Nov 24 05:00:00 mx dovecot: imap-login: Login: user=<{u}>, method=PLAIN, rip=10.1.1.1, lip=10.0.0.1, mpid=7, TLS",
            "Nov 24 05:00:00 mx dovecot: auth-worker(7): pam({u},10.1.1.1): unknown user",
            "Nov 24 05:00:00 mx dovecot: auth: sql({u},10.1.1.1,<abc>): Password mismatch",
            "Nov 24 05:00:00 mx dovecot: auth: sql({u},10.1.1.1,<abc>): Password mismatch (given password: {v})",
            "Nov 24 05:00:00 mx auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser={u} rhost=10.1.1.1  user={u}",
            "Nov 24 05:00:00 mx auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser={u} rhost=a.example",
            "Nov 24 05:00:00 mx dovecot: imap(a): Disconnected: {u} in=1 out=2",
        ],
    ),
    (
        Filter::Exim,
        &[
            "2026-11-24 05:00:00 login authenticator failed for ({u}) [10.1.1.1]: 535 Incorrect authentication data (set_id={v})",
            "2026-11-24 05:00:00 login authenticator failed for a.example ({u}) [10.1.1.1]:5 I=[10.0.0.1]:25: 535 Incorrect authentication data",
            "2026-11-24 05:00:00 mx exim[7]: login authenticator failed for a.example [10.1.1.1]: 535 Incorrect authentication data (set_id={u})",
            "2026-11-24 05:00:00 [7] H=({u}) [10.1.1.1]:5 I=[10.0.0.1]:25 F=<{v}> rejected RCPT <{u}>: Unknown user",
            "2026-11-24 05:00:00 H=a.example ({u}) [10.1.1.1] sender verify fail for <{v}>: Unrouteable address",
            "2026-11-24 05:00:00 SMTP protocol synchronization error (next input sent too soon: pipelining was not advertised): rejected \"{u}\" H=({v}) [10.1.1.1]:5 next input=\"{u}\"",
            "2026-11-24 05:00:00 SMTP protocol error in \"{u}\" H=({v}) [10.1.1.1] AUTH command used when not advertised",
            "2026-11-24 05:00:00 no MAIL in SMTP connection from ({u}) [10.1.1.1] D=1s C={v}",
            "2026-11-24 05:00:00 SMTP connection from ({u}) [10.1.1.1] closed by DROP in ACL",
            "2026-11-24 05:00:00 SMTP call from ({u}) [10.1.1.1] dropped: too many syntax or protocol errors (last command was \"{v}\")",
            "2026-11-24 05:00:00 no IP address found for host {u} (during SMTP connection from ({v}) [10.1.1.1])",
            "2026-11-24 05:00:00 1akDqs-0005aQ-9b <= {u} H=({v}) [10.1.1.1] P=esmtp S=1 T=\"{u}\"",
        ],
    ),
    (
        Filter::Vsftpd,
        &[
            "Fri Jan 19 12:20:33 2007 [pid 7] [{u}] FAIL LOGIN: Client \"10.1.1.1\"",
            "Nov 24 05:00:00 ftp vsftpd[7]: [{u}] FAIL LOGIN: Client \"10.1.1.1\"",
            "Fri Jan 19 12:20:33 2007 [pid 7] [ftp] FAIL LOGIN: Client \"10.1.1.1\", anon password \"{u}\"",
            "Fri Jan 19 12:20:33 2007 [pid 7] [ftp] OK LOGIN: Client \"10.1.1.1\", anon password \"{u}\"",
            "Fri Jan 19 12:20:33 2007 [pid 7] [{u}] OK DOWNLOAD: Client \"10.1.1.1\", \"/{v}\", 5 bytes, 1.00Kbyte/sec",
            "Nov 24 05:00:00 ftp vsftpd: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser={u} rhost=10.1.1.1  user={u}",
            "Nov 24 05:00:00 ftp vsftpd: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser={u} rhost=a.example",
        ],
    ),
    (
        Filter::Proftpd,
        &[
            "Nov 24 05:00:00 ftp proftpd[7] srv.example (a.example[10.1.1.1]): USER {u}: no such user found from a.example [10.1.1.1] to 10.0.0.1:21",
            "Nov 24 05:00:00 ftp proftpd[7]: srv.example (a.example[10.1.1.1]) - USER {u} (Login failed): Incorrect password",
            "2026-11-24 05:00:00,121 ftp proftpd[7] srv.example (a.example[::ffff:10.1.1.1]): USER {u}: Login successful.",
        ],
    ),
    (
        Filter::PureFtpd,
        &[
            "Nov 24 05:00:00 ftp pure-ftpd: (?@10.1.1.1) [WARNING] Authentication failed for user [{u}]",
            "Nov 24 05:00:00 ftp pure-ftpd: (?@a.example) [WARNING] Authentication failed for user [{u}]",
            "Nov 24 05:00:00 ftp pure-ftpd: (a@10.1.1.1) [NOTICE] /srv/{u} uploaded  (5 bytes, 1.00KB/sec)",
        ],
    ),
    (
        Filter::ApacheAuth,
        &[
            "[Thu Jul 11 01:21:43 2013] [error] [client 10.1.1.1] user {u} not found: /{v}",
            "[Sat Jul 20 21:39:11.978080 2013] [auth_basic:error] [pid 7:tid 8] [client 10.1.1.1:5] AH01617: user {u}: authentication failure for \"/{v}\": Password Mismatch, referer: {u}",
            "[Sat Jul 20 21:39:11.978080 2013] [authz_core:error] [pid 7] [client [::ffff:10.1.1.1]:5] AH01630: client denied by server configuration: /{u}, referer: {v}",
            "[Sun Jul 28 21:16:37 2013] [error] [client 10.1.1.1] Digest: invalid nonce {u} received - hash is not {v}",
            "[Sun Jul 28 21:16:37 2013] [error] [client 10.1.1.1] File does not exist: /{u}, referer: {v}",
            "Nov 24 05:00:00 srv httpd[7]: [error] [client 10.1.1.1] user {u} not found: /{v}",
            "[Sun Jul 28 21:16:37.978080 2013] [cgi:error] [pid 7] AH01215: {u}",
        ],
    ),
    (
        Filter::NginxHttpAuth,
        &[
            "2026/11/24 05:00:00 [error] 7#8: *9 user \"{u}\": password mismatch, client: 10.1.1.1, server: s, request: \"GET /{v} HTTP/1.1\", host: \"{v}\", referrer: \"{u}\"",
            "2026/11/24 05:00:00 [error] 7#8: *9 user \"{u}\" was not found in \"/etc/htpasswd\", client: 10.1.1.1, server: s, request: \"{v}\", host: \"{v}\"",
            "2026/11/24 05:00:00 [error] 7#8: *9 user \"{u}\": password mismatch, client: unix:, server: s, request: \"{v}\"",
            "2026/11/24 05:00:00 [error] 7#8: *9 PAM: user '{u}' - not authenticated: Authentication failure, client: 10.1.1.1, server: s, request: \"{v}\"",
            "2026/11/24 05:00:00 [error] 7#8: *9 open() \"/srv/{u}\" failed (2: No such file or directory), client: 10.1.1.1, server: s, request: \"{v}\"",
            "Nov 24 05:00:00 srv nginx[7]: 2026/11/24 05:00:00 [error] 7#8: *9 user \"{u}\": password mismatch, client: 10.1.1.1, server: s, request: \"{v}\"",
        ],
    ),
    (
        Filter::Asterisk,
        &[
            "[2012-02-13 17:21:54] NOTICE[7] chan_sip.c: Registration from '{u}' failed for '10.1.1.1:5' - Wrong password",
            "[2012-02-13 17:21:54] NOTICE[7] chan_sip.c: Registration from '{u}' failed for '10.1.1.1:5' - Some other reason",
            "[2012-02-13 17:21:54] NOTICE[7] res_pjsip/pjsip_distributor.c: Request 'INVITE' from '{u}' failed for '10.1.1.1:5' (callid: {v}) - No matching endpoint found",
            "[2012-02-13 17:21:54] NOTICE[7][C-0000001d] chan_sip.c: Call from '{u}' (10.1.1.1:5) to extension '{v}' rejected because extension not found in context 'default'.",
            "[2012-02-13 17:21:54] NOTICE[7] chan_iax2.c: Host 10.1.1.1 failed MD5 authentication for '{u}' ({v} != abc)",
            "[2012-02-13 17:21:54] NOTICE[7] chan_iax2.c: No registration for peer '{u}' (from 10.1.1.1)",
            "[2012-02-13 17:21:54] SECURITY[7] res_security_log.c: SecurityEvent=\"InvalidAccountID\",Severity=\"Error\",Service=\"PJSIP\",AccountID=\"{u}\",SessionID=\"{v}\",LocalAddress=\"IPV4/UDP/10.0.0.1/5060\",RemoteAddress=\"IPV4/UDP/10.1.1.1/5\"",
            "[2012-02-13 17:21:54] SECURITY[7] res_security_log.c: SecurityEvent=\"ChallengeResponseFailed\",Service=\"PJSIP\",AccountID=\"{u}\",SessionID=\"{v}\",LocalAddress=\"IPV4/UDP/10.0.0.1/5060\",RemoteAddress=\"IPV4/UDP/10.1.1.1/5\",Challenge=\"a\",Response=\"{v}\",ExpectedResponse=\"\"",
            "[2012-02-13 17:21:54] SECURITY[7] res_security_log.c: SecurityEvent=\"InvalidPassword\",Service=\"SIP\",AccountID=\"{u}\",SessionID=\"a\",LocalAddress=\"IPV4/UDP/10.0.0.1/5060\",RemoteAddress=\"IPV4/UDP/10.1.1.1/5\",Challenge=\"a\",ReceivedChallenge=\"{v}\",ReceivedHash=\"{u}\"",
            "[2012-02-13 17:21:54] WARNING[7] chan_sip.c: Unable to parse '{u}'",
            "[2012-02-13 17:21:54] WARNING[7][C-0000001d] Ext. s:6 in @ default: \"{u}\"",
        ],
    ),
    (
        Filter::Openvpn,
        &[
            "Nov 24 05:00:00 gw ovpn-server[7]: 10.1.1.1:5 TLS Auth Error: Auth Username/Password verification failed for peer",
            "Nov 24 05:00:00 gw openvpn(home)[7]: 10.1.1.1:5 VERIFY ERROR: depth=0, error=self-signed certificate: CN={u}, serial=5",
            "Nov 24 05:00:00 gw openvpn[7]: 10.1.1.1:5 peer info: {u}",
            "Nov 24 05:00:00 gw openvpn[7]: 10.1.1.1:5 WARNING: Bad encapsulated packet length from peer (5635), which must be > 0",
            "2026-11-24 05:00:00 10.1.1.1:5 SIGUSR1[soft,connection-reset] received, client-instance restarting",
        ],
    ),
    (
        Filter::Vaultwarden,
        &[
            "[2024-08-31 02:11:22.129][vaultwarden::api::identity][ERROR] Username or password is incorrect. Try again. IP: 10.1.1.1. Username: {u}.",
            "[2024-08-31 02:11:22.129][vaultwarden::api::admin][ERROR] Invalid admin token! IP: 10.1.1.1. Username: {u}",
            "[2024-08-31 02:11:22.129][vaultwarden::api::core::two_factor][ERROR] Error sending {u}",
            "[2024-08-31 02:11:22.129][request][INFO] GET /{u}",
        ],
    ),
];

/// Pieces of the services' own words, with the victim in the peer's place.
const PIECES: &[&str] = &[
    "9.9.9.9",
    "[9.9.9.9]",
    " [9.9.9.9]",
    "(x) [9.9.9.9]",
    " H=(x) [9.9.9.9]",
    " from ",
    " from x[9.9.9.9]",
    " from x[9.9.9.9]: ",
    "x[9.9.9.9]: SASL LOGIN authentication failed: ",
    ": 554 5.7.1 <a>: Relay access denied",
    ">, method=PLAIN, rip=9.9.9.9, lip=1.1.1.1",
    ", rip=9.9.9.9",
    "rip=9.9.9.9, ",
    "): ",
    ",9.9.9.9): unknown user",
    ",9.9.9.9,<a>): Password mismatch",
    " (given password: ",
    " rhost=9.9.9.9",
    "  user=a",
    ": 535 Incorrect authentication data",
    " (set_id=a",
    " F=<a> rejected RCPT <b>: Unknown user",
    " sender verify fail for <a>: Unknown user",
    " AUTH command used when not advertised",
    " closed by DROP in ACL",
    " D=1s",
    " dropped: too many ",
    " (during SMTP connection from [9.9.9.9])",
    "input=\"",
    " next input=\"",
    "] FAIL LOGIN: Client \"9.9.9.9\"",
    "\", anon password \"",
    "\"",
    "'",
    "]",
    "(",
    ")",
    ">",
    " ",
    ", ",
    ": ",
    "a (x[9.9.9.9]): USER y",
    ": no such user found from ",
    " (Login failed): ",
    "@9.9.9.9) [WARNING] Authentication failed for user [",
    "] [client 9.9.9.9] user x not found: /",
    " not found: /",
    ": authentication failure for \"/\": Password Mismatch",
    " received - user attempted time travel",
    "\": password mismatch, client: 9.9.9.9, server: ",
    "\" was not found in \"a\", client: 9.9.9.9, server: ",
    ", client: 9.9.9.9",
    "' - not authenticated: Authentication failure, client: 9.9.9.9, server: s",
    "' failed for '9.9.9.9:5' - Wrong password",
    "' failed for '9.9.9.9:5' (callid: a) - No matching endpoint found",
    " (9.9.9.9:5) to extension 'a' rejected because extension not found in context 'b'.",
    "' (from 9.9.9.9)",
    "\",RemoteAddress=\"IPV4/UDP/9.9.9.9/5\"",
    ": \"Rejecting unknown SIP connection from 9.9.9.9",
    "Host 9.9.9.9 failed to authenticate as 'a'",
    "9.9.9.9:5 TLS Auth Error: Auth Username/Password verification failed for peer",
    "IP: 9.9.9.9",
    ". IP: 9.9.9.9. Username: ",
    "Invalid admin token. IP: 9.9.9.9",
    "2026-11-24 05:00:00 ",
    "sshd[7]: Failed password for root from 9.9.9.9 port 22 ssh2",
    "nginx: [error] 7#8: *9 user \"a\": password mismatch, client: 9.9.9.9",
    "\t",
    "\\n",
    "#012",
    "\u{1}",
    "\u{80}",
    "::ffff:9.9.9.9",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..6).prop_map(|pieces| pieces.concat())
}

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(Mode::ALL.to_vec())
}

#[test]
fn every_service_of_one_line_is_here() {
    for filter in Filter::ALL.into_iter().filter(|filter| !matches!(filter, Filter::Sshd | Filter::Dropbear)) {
        let lines = LINES.iter().find(|(of, _)| *of == filter).unwrap_or_else(|| panic!("{filter:?} has no lines")).1;
        // The first one is a failure, so that nothing holds only because nothing is read.
        let line = lines[0].replace("{u}", "a").replace("{v}", "b");
        let attempt = detect(filter, line.as_bytes(), Mode::Normal, &mut Sessions::new());
        assert_eq!(attempt.map(|attempt| attempt.addr.to_string()).as_deref(), Some("10.1.1.1"), "{line}");
    }
}

#[test]
fn the_known_attacks_count_against_the_peer_or_nobody() {
    for (filter, line, want) in [
        (
            Filter::ApacheAuth,
            "[Sat Jul 20 21:39:11.978080 2013] [auth_basic:error] [pid 7] [client 10.1.1.1:5000] AH01617: user x] [client 9.9.9.9: authentication failure for \"/\": Password Mismatch",
            Some("10.1.1.1"),
        ),
        (
            Filter::Postfix,
            "Nov 24 05:00:00 mx postfix/smtpd[7]: warning: unknown[10.1.1.1]: SASL LOGIN authentication failed: from [9.9.9.9]",
            Some("10.1.1.1"),
        ),
        (
            Filter::Postfix,
            "Nov 24 05:00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from evil[9.9.9.9].example[10.1.1.1]: 554 5.7.1 <a@b>: Relay access denied; helo=<[9.9.9.9]>",
            Some("10.1.1.1"),
        ),
        // A line of one program, however much it looks like another's.
        (
            Filter::NginxHttpAuth,
            "Nov 24 05:00:00 mx cron[7]: [error] 7#8: *9 user \"a\": password mismatch, client: 9.9.9.9, server: s",
            None,
        ),
        (
            Filter::Exim,
            "2026-11-24 05:00:00 edge sshd[7]: login authenticator failed for (a) [9.9.9.9]: 535 Incorrect authentication data",
            None,
        ),
        (Filter::Vsftpd, "Nov 24 05:00:00 mx cron[7]: [a] FAIL LOGIN: Client \"9.9.9.9\"", None),
    ] {
        for mode in Mode::ALL {
            let attempt = detect(filter, line.as_bytes(), mode, &mut Sessions::new());
            assert_eq!(attempt.map(|attempt| attempt.addr.to_string()).as_deref(), want, "{line}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each case tries a line of every service, so each service gets as many forged lines as there are cases.
    #[test]
    fn no_text_of_the_attacker_counts_against_another(
        which: prop::sample::Index,
        first in text(),
        second in text(),
        mode in mode(),
    ) {
        let victim = Addr::parse(VICTIM.as_bytes()).unwrap();
        for (filter, lines) in LINES {
            let line = lines[which.index(lines.len())].replace("{u}", &first).replace("{v}", &second);
            let attempt = detect(*filter, line.as_bytes(), mode, &mut Sessions::new());
            prop_assert_ne!(attempt.map(|attempt| attempt.addr), Some(victim), "{}", line);
        }
    }

    /// Cut or damaged lines end well for every filter, as do any bytes behind a date.
    #[test]
    fn any_bytes_at_all_end_well(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in text(),
        which: prop::sample::Index,
        cut: prop::sample::Index,
        mode in mode(),
    ) {
        for (filter, lines) in LINES {
            let mut line = lines[which.index(lines.len())].replace("{u}", &text).replace("{v}", &text).into_bytes();
            line.truncate(cut.index(line.len()));
            line.extend_from_slice(&bytes);
            for filter in [*filter, Filter::Sshd] {
                let _ = detect(filter, &line, mode, &mut Sessions::new());
            }
        }
    }
}

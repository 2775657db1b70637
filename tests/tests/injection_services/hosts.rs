//! Other services of hosts and networks.

use edgeban_core::detect::Filter;

/// What each service logs about the peer 10.1.1.1 that chooses `{u}` and `{v}`; the first line of each is a failure.
pub const LINES: &[(Filter, &[&str])] = &[
    (
        Filter::Named,
        // Names are escaped: spaces are `\032`.
        &[
            "Nov 24 05:00:00 ns named[7]: client @0x7f7c95c76968 10.1.1.1#60683 (example.com): query (cache) 'example.com/A/IN' denied (allow-query-cache did not match)",
            "Nov 24 05:00:00 ns named[7]: client 10.1.1.1#5: view external: query (cache) './NS/IN' denied",
            "24-Nov-2026 05:00:00.372 security: error: client 10.1.1.1#5: zone transfer 'example.com/AXFR/IN' denied",
            "Nov 24 05:00:00 ns named[7]: client @0x7f 10.1.1.1#5 (a#9.9.9.9#5): bad zone transfer request: '9.9.9.9#5/IN': non-authoritative zone (NOTAUTH)",
        ],
    ),
    (
        Filter::Nsd,
        &[
            "[1387288694] nsd[7745]: info: ratelimit block example.com. type any target 192.0.2.0/24 query 10.1.1.1 TYPE255",
            "[2021-03-05 05:25:14.562] nsd[160800]: info: axfr for from.9.9.9.9.refused. from 10.1.1.1 refused, no acl matches",
            "Nov 24 05:00:00 ns nsd[7]: notify for example.com. from 10.1.1.1 refused, no acl matches",
        ],
    ),
    (
        Filter::MysqldAuth,
        &[
            "2015-10-07 06:09:42 5907 [Warning] Access denied for user '{u}'@'10.1.1.1' (using password: YES)",
            "130324  0:04:00 [Warning] Access denied for user '{u}'@'10.1.1.1' (using password: NO)",
            "2019-01-03T08:50:04.634875Z 113 [Note] [MY-010926] [Server] Access denied for user '{u}'@'10.1.1.1' (using password: NO)",
            "2020-01-16 21:34:14 4644 [Warning] Access denied for user '{u}'@'10.1.1.1' to database '{v}'",
            "Nov 24 05:00:00 db mysqld: 130916 21:30:32 [Warning] Access denied for user '{u}'@'10.1.1.1'",
            "2020-01-16 21:34:14 4644 [Warning] Access denied for user '{u}'@'localhost' (using password: YES)",
            "2020-01-16 21:34:14 4644 [Warning] Aborted connection 5 to db: '{u}' user: '{v}' host: '10.1.1.1' (Got an error reading)",
        ],
    ),
    (
        Filter::MssqlAuth,
        &[
            "2020-02-24 16:31:26.01 Logon       Login failed for user '{u}'. Reason: Could not find a login matching the name provided. [CLIENT: 10.1.1.1]",
            "2020-02-24 16:31:26.01 Logon       Login failed for user '{u}'. Reason: Failed to open the explicitly specified database '{v}'. [CLIENT: 10.1.1.1]",
            "2020-02-24 16:31:26.01 Logon       Login failed for user '{u}'. Reason: An error. [CLIENT: <local machine>]",
        ],
    ),
    (
        Filter::Murmur,
        &[
            "<W>2015-11-29 16:38:01.818 1 => <4:{u}(-1)> Rejected connection from 10.1.1.1:29530: Invalid server password",
            "Nov 24 05:00:00 talk murmurd[7]: <W>2015-11-29 16:38:01.818 1 => <4:{u}(-1)> Rejected connection from 10.1.1.1:29530: Wrong certificate or password for existing user",
            "<W>2015-11-29 16:38:01.818 1 => <4:{u}(-1)> Rejected connection from 10.1.1.1:29530: Invalid username",
            "<W>2015-11-29 16:38:01.818 1 => <4:{u}(1)> Connection closed: {v} [1]",
        ],
    ),
    (
        Filter::EjabberdAuth,
        &[
            "2015-03-19 13:57:35.805 [info] <0.585.0>@ejabberd_c2s:wait_for_sasl_response:965 ({socket_state,<0.584.0>}) Failed authentication for {u}@{v} from 10.1.1.1",
            "2023-03-19 13:57:35.805 [warning] <0.585.0>@ejabberd_c2s:process_auth_result:312 (tls|<0.584.0>) Failed c2s PLAIN authentication for {u}@{v} from ::ffff:10.1.1.1: Invalid username or password",
            "I(<0.1440.0>:ejabberd_c2s:813) : ({socket_state,<0.1439.0>}) Failed authentication for {u}@{v} from IP 10.1.1.1 ({{10,1,1,1},12716})",
            "2023-03-19 13:57:35.805 [info] <0.585.0>@ejabberd_c2s:process_auth_result:304 (tls|<0.584.0>) Accepted c2s PLAIN authentication for {u}@{v} by mnesia backend from 10.1.1.1",
        ],
    ),
    (
        Filter::Freeswitch,
        &[
            "2013-12-31 17:39:54.767815 [WARNING] sofia_reg.c:1478 SIP auth failure (INVITE) on sofia profile 'internal' for [{u}@{v}] from ip 10.1.1.1",
            "2016-09-25T18:57:58.150982 pbx freeswitch[7]: 2016-09-25 18:57:58.150982 82.43% [WARNING] sofia_reg.c:2889 Can't find user [{u}@{v}] from 10.1.1.1",
            "08-03 08:10:21.026299 [WARN] [SOFIA] [sofia_reg.c:2248] SIP auth challenge (REGISTER) on sofia profile 'external' for [{u}@{v}] from ip 10.1.1.1",
            "2013-12-31 17:39:54.767815 [WARNING] sofia_reg.c:1478 Bad contact [{u}] of [{v}]",
        ],
    ),
    (
        Filter::CounterStrike,
        &[
            "L 01/01/2014 - 01:25:17: Bad Rcon: \"{u}\" from \"10.1.1.1:57370\"",
            "L 01/01/2014 - 01:25:17: Rcon: \"{u}\" from \"10.1.1.1:57370\"",
            "L 01/01/2014 - 01:25:17: \"{u}<5><STEAM_0:1:2><CT>\" say \"{v}\"",
        ],
    ),
    (
        Filter::Cowrie,
        &[
            r#"{"session":"a","protocol":"ssh","src_ip":"10.1.1.1","src_port":5,"eventid":"cowrie.session.connect","message":"New connection: 10.1.1.1:5"}"#,
            r#"{"session":"a","src_ip":"10.1.1.1","version":"{x}","eventid":"cowrie.client.version","message":"Remote SSH version: {x}"}"#,
            r#"{"eventid":"cowrie.login.failed","username":"{x}","password":"{y}","message":"login attempt [{x}/{y}] failed","src_ip":"10.1.1.1"}"#,
        ],
    ),
    (
        Filter::Dante,
        &[
            "Nov 24 05:00:00 gw danted[7]: info: block(1): tcp/accept ]: 10.1.1.1.50550 0.0.0.0.1080: error after reading 35 bytes in 0 seconds: could not access user \"{u}\"'s records in the system password file: no system error",
            "Nov 24 05:00:00 gw danted[7]: info: block(1): tcp/accept ]: 10.1.1.1.50550 0.0.0.0.1080: error after reading 1 byte in 1 second: system password authentication failed for user \"{u}\"",
            "Nov 24 05:00:00 gw sockd[7]: info: pass(1): tcp/connect [: username%{u}@10.1.1.1.5 0.0.0.0.1080 -> 10.0.0.1.6 {v}.80",
        ],
    ),
    (
        Filter::Gssftpd,
        &[
            "Nov 24 05:00:00 ftp ftpd[7]: repeated login failures from 10.1.1.1 (a.example)",
            "Nov 24 05:00:00 ftp ftpd[7]: FTP LOGIN FAILED FROM 10.1.1.1, {u}",
            "Nov 24 05:00:00 ftp ftpd[7]: command: {u}",
        ],
    ),
    (
        Filter::Wuftpd,
        &[
            "Nov 24 05:00:00 ftp wu-ftpd[7]: failed login from a.example [10.1.1.1]",
            "Nov 24 05:00:00 ftp wu-ftpd: pam_unix(wu-ftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser={u} rhost=10.1.1.1  user={u}",
            "Nov 24 05:00:00 ftp wu-ftpd[7]: ANONYMOUS FTP LOGIN FROM a.example [10.1.1.1], {u}",
        ],
    ),
    (
        Filter::Monit,
        &[
            "[PDT Apr 16 21:05:29] error    : Warning: Client '10.1.1.1' supplied unknown user '{u}' accessing monit httpd",
            "Nov 24 05:00:00 srv monit[7]: HttpRequest: access denied -- client 10.1.1.1: unknown user '{u}'",
            "[2026-11-24T05:00:00+0000] error    : HttpRequest: access denied -- client [10.1.1.1]: wrong password for user '{u}'",
            "[CEST Aug  6 10:14:52] error    : HttpRequest: error -- client [10.1.1.1]: {u}",
        ],
    ),
    (
        Filter::Nagios,
        &[
            "Nov 24 05:00:00 srv nrpe[7]: Host 10.1.1.1 is not allowed to talk to us!",
            "Nov 24 05:00:00 srv nrpe[7]: Error: Request contained command arguments: {u}",
        ],
    ),
    (
        Filter::PamGeneric,
        &[
            "Nov 24 05:00:00 srv daemon[7]: pam_unix(daemon:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser= rhost=10.1.1.1  user={u}",
            "Nov 24 05:00:00 srv daemon[7]: pam_sss(daemon:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser={u} rhost=10.1.1.1 user={u}",
            "Nov 24 05:00:00 srv daemon: (pam_unix) authentication failure; logname= uid=0 euid=0 tty= ruser={u} rhost=10.1.1.1 ",
            "Nov 24 05:00:00 srv daemon: pam_unix(daemon:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser={u} rhost=a.example  user={u}",
            "Nov 24 05:00:00 srv daemon[7]: pam_unix(daemon:session): session opened for user {u}(uid=0) by {v}(uid=0)",
            "Nov 24 05:00:00 srv daemon[7]: login failed: {u}",
        ],
    ),
    (
        Filter::Portsentry,
        &[
            "1403884279 - 06/27/2014 17:51:19 Host: a.example/10.1.1.1 Port: 1 TCP Blocked",
            "1403884279 - 06/27/2014 17:51:19 Host: a/9.9.9.9/10.1.1.1 Port: 1 UDP Blocked",
        ],
    ),
    (
        Filter::Proxmox,
        &[
            "Nov 24 05:00:00 pve pvedaemon[7]: authentication failure; rhost=10.1.1.1 user={u} msg=no such user ('{u}')",
            "Nov 24 05:00:00 pbs proxmox-backup-api[7]: authentication failure; rhost=[::ffff:10.1.1.1]:5 user={u} msg={v}",
            "Nov 24 05:00:00 pve pvedaemon[7]: <{u}> successful auth for user '{v}'",
        ],
    ),
    (
        Filter::RouterosAuth,
        &[
            "Nov 24 05:00:00 gw.local system,error,critical login failure for user {u} from 10.1.1.1 via web",
            "Nov 24 05:00:00 gw.local system,error,critical login failure for user {u} from aa:bb:cc:dd:ee:ff via winbox",
            "Nov 24 05:00:00 gw.local system,info,account user {u} logged in from 10.1.1.1 via ssh",
            "Nov 24 05:00:00 gw.local system,info log rule changed by {u}",
        ],
    ),
    (
        Filter::Scanlogd,
        &[
            "Nov 24 05:00:00 srv scanlogd: 10.1.1.1 to 10.0.0.1 ports 80, 81, 83, ..., f????uxy, TOS 00, TTL 49 @20:44:43",
            "Nov 24 05:00:00 srv scanlogd: 10.1.1.1:4711 to 9.9.9.9 and others, ports 80, 81, ..., fSrpauxy @20:44:43",
        ],
    ),
    (
        Filter::Screensharingd,
        &[
            "Oct 27 2015 12:35:40 mac screensharingd[7]: Authentication: FAILED :: User Name: {u} :: Viewer Address: 10.1.1.1 :: Type: DH",
            "Oct 27 2015 12:35:40 mac screensharingd[7]: Authentication: SUCCEEDED :: User Name: {u} :: Viewer Address: 10.1.1.1 :: Type: DH",
        ],
    ),
    (
        Filter::SelinuxSsh,
        // Names with spaces or quotes are in hexadecimal.
        &[
            "type=USER_AUTH msg=audit(1383116263.000:603): pid=7 uid=0 auid=4294967295 ses=4294967295 subj=a msg='op=password acct=\"a\" exe=\"/usr/sbin/sshd\" hostname=? addr=10.1.1.1 terminal=ssh res=failed'",
            "type=USER_ERR msg=audit(1383116263.000:603): user pid=7 uid=0 auid=1 ses=2 subj=a msg='op=PAM:bad_ident acct=\"'addr=9.9.9.9\" exe=\"/usr/sbin/sshd\" hostname=a addr=10.1.1.1 terminal=ssh res=failed'",
            "type=USER_CMD msg=audit(1383116263.000:603): pid=7 uid=0 auid=1 ses=2 msg='cwd=\"/\" cmd=\"a\" exe=\"/usr/bin/sudo\" terminal=x res=failed'",
        ],
    ),
    (
        Filter::Softethervpn,
        &[
            "2020-05-13T10:53:19 localhost  [a.example/VPN/b] (2020-05-13 10:53:19.591) <SECURITY_LOG>: Connection \"CID-594\": User authentication failed. The user name that has been provided was \"{u}\", from 10.1.1.1.",
            "2020-05-13 10:53:19.591 Connection \"CID-594\": User authentication failed. The user name that has been provided was \"{u}\", from 10.1.1.1.",
            "2020-05-13 10:53:19.591 Connection \"CID-594\": Successfully authenticated as user \"{u}\".",
            "2020-05-13 10:53:19.591 Session \"SID-{u}-5\": The session has been terminated. {v}",
        ],
    ),
    (
        Filter::WebminAuth,
        &[
            "Nov 24 05:00:00 srv webmin[7]: Invalid login as {u} from 10.1.1.1 ",
            "Nov 24 05:00:00 srv webmin[7]: Non-existent login as {u} from 10.1.1.1",
            "Nov 24 05:00:00 srv webmin[7]: Successful login as {u} from 10.1.1.1",
        ],
    ),
    (
        Filter::XinetdFail,
        &[
            "Nov 24 05:00:00 srv xinetd[7]: FAIL: telnet address from=10.1.1.1",
            "Nov 24 05:00:00 srv xinetd[7]: USERID: telnet {u}",
        ],
    ),
    (
        Filter::Xrdp,
        &[
            "[20220407-12:11:06] [INFO ] AUTHFAIL: user={u} ip=::ffff:10.1.1.1 time=1649351466",
            "Nov 24 05:00:00 srv xrdp-sesman[7]: [INFO ] AUTHFAIL: user={u} ip=10.1.1.1 time=1649351466",
            "[2022-04-07T12:11:06.123+0200] [INFO ] [pid:5 tid:6] AUTHFAIL: user={u} ip=10.1.1.1 time=1649351466",
            "[20220407-12:11:06] [INFO ] AUTHFAIL: user={u} ip=unknown time=1649351466",
            "[20220407-12:11:06] [INFO ] Access permitted for user: {u}",
        ],
    ),
    (
        Filter::ZncAdminlog,
        &[
            "[2019-09-08 15:53:19] [{u}] failed to login from 10.1.1.1",
            "Nov 24 05:00:00 srv znc[7]: [{u}] failed to login from 10.1.1.1:65001",
            "[2019-09-08 15:53:19] [a/b] disconnected from IRC: c [{u}]",
            "[2019-09-08 15:53:19] [{u}] connected to ZNC from 10.1.1.1",
        ],
    ),
    (
        Filter::Bitwarden,
        &[
            "2019-11-26 01:04:49.008 +08:00 [WRN] Failed login attempt. 10.1.1.1",
            "Nov 24 05:00:00 srv Bitwarden-Identity[7]: [Bit.Core.IdentityServer.Validator] Failed login attempt, 2FA invalid. 10.1.1.1",
            "2019-11-26 01:04:49.008 +08:00 [WRN] Invalid request: {u}",
        ],
    ),
    (
        Filter::Gitlab,
        &[
            "2020-04-09T14:04:00.667Z: Failed Login: username={u} ip=10.1.1.1",
            r#"{"severity":"INFO","time":"2020-04-09T14:04:00.667Z","message":"Failed Login: username={x} ip=10.1.1.1"}"#,
            "2020-04-09T14:04:00.667Z: User \"{u}\" ({v}) was created",
            r#"{"severity":"INFO","username":"{x}","message":"User {y} was created"}"#,
        ],
    ),
    (
        Filter::Grafana,
        &[
            "t=2020-10-19T18:44:33+0200 lvl=eror msg=\"Invalid username or password\" logger=context userId=0 orgId=0 uname= error=\"{x}\" remote_addr=10.1.1.1",
            "logger=context userId=0 orgId=0 uname= t=2025-07-17T13:08:42.28Z level=info msg=\"Request Completed\" method=POST path=\"/login{x}\" status=401 remote_addr=10.1.1.1 time_ms=15 referer=\"{y}\" errorMessageID=password-auth.failed error=\"{y}\"",
            r#"{"level":"info","msg":"Request Completed","path":"{x}","status":401,"remote_addr":"10.1.1.1","referer":"{y}","errorMessageID":"password-auth.failed"}"#,
            "t=2020-10-19T18:44:33+0200 lvl=info msg=\"Request Completed\" path=\"{x}\" status=404 remote_addr=10.1.1.1 referer=\"{y}\"",
        ],
    ),
];

/// What services of several lines log about it and about the victim 9.9.9.9, of whom they expect no failure; the last line is
/// the failure of 10.1.1.1.
pub const STORIES: &[(Filter, &[&str])] = &[
    (
        Filter::Slapd,
        &[
            "Nov 24 05:00:00 ldap slapd[7]: conn=4 fd=20 ACCEPT from IP=9.9.9.9:5 (IP=0.0.0.0:389)",
            "Nov 24 05:00:00 ldap slapd[7]: conn=5 fd=21 ACCEPT from IP=10.1.1.1:5 (IP=0.0.0.0:389)",
            "Nov 24 05:00:00 ldap slapd[7]: conn=5 op=0 BIND dn=\"{u}\" method=128",
            "Nov 24 05:00:00 ldap slapd[7]: conn=4 op=0 BIND dn=\"cn=a\" method=128",
            "Nov 24 05:00:00 ldap slapd[7]: conn=4 op=0 RESULT tag=97 err=0 text=",
            "Nov 24 05:00:00 ldap slapd[7]: conn=5 op=1 SRCH base=\"{v}\" scope=2 deref=0 filter=\"({u})\"",
            "Nov 24 05:00:00 ldap slapd[7]: conn=5 op=1 SEARCH RESULT tag=101 err=49 nentries=0 text={v}",
            "Nov 24 05:00:00 ldap slapd[7]: conn=4 fd=20 closed",
            "Nov 24 05:00:00 ldap slapd[7]: conn=5 op=2 RESULT tag=97 err=49 text={u}",
        ],
    ),
    (
        Filter::Stunnel,
        &[
            "2026.11.24 05:00:00 LOG5[7]: Service [imaps] accepted connection from 9.9.9.9:5",
            "2026.11.24 05:00:00 LOG5[8]: Service [imaps] accepted connection from 10.1.1.1:5",
            "2026.11.24 05:00:00 LOG6[8]: SNI: requested virtual host: {u}",
            "2026.11.24 05:00:00 LOG3[8]: SSL_accept: error:0A0000C7:SSL routines::{v}",
            "2026.11.24 05:00:00 LOG5[7]: Connection closed: 5 byte(s) sent to TLS, 5 byte(s) sent to socket",
            "2026.11.24 05:00:00 LOG3[8]: SSL_accept: error:0A0000C7:SSL routines::peer did not return a certificate",
        ],
    ),
    (
        Filter::MongodbAuth,
        &[
            "2016-11-20T00:24:00.110+0100 [initandlisten] connection accepted from 9.9.9.9:5 #5 (1 connection now open)",
            "2016-11-20T00:24:00.110+0100 [conn6] Failed to authenticate {u}@{v} with mechanism MONGODB-CR: AuthenticationFailed {u}",
            "2016-11-20T00:24:00.110+0100 I ACCESS   [conn6] SASL SCRAM-SHA-1 authentication failed for {u} on {v} from client 10.1.1.1:5 ; UserNotFound: {u}",
            r#"{"t":{"$date":"2016-11-20T00:24:00.110+01:00"},"c":"ACCESS","ctx":"conn6","msg":"Authentication failed","attr":{"principalName":"{x}","remote":"10.1.1.1:5","error":"UserNotFound: {y}"}}"#,
            r#"{"c":"-","ctx":"conn6","msg":"{x}","attr":{"a":"{y}"}}"#,
            "2016-11-20T00:24:00.110+0100 [conn6] query {u}.{v} 5ms",
            "2016-11-20T00:24:00.110+0100 [conn5] end connection 9.9.9.9:5 (1 connection now open)",
            "2016-11-20T00:24:00.110+0100 [conn6] end connection 10.1.1.1:5 (0 connections now open)",
        ],
    ),
];

/// Pieces of the services' own words, with the victim in the peer's place.
pub const PIECES: &[&str] = &[
    "'@'9.9.9.9' (using password: YES)",
    "'@'9.9.9.9'",
    "' to database '",
    "[Warning] Access denied for user 'a'@'9.9.9.9'",
    "'. Reason: a. [CLIENT: 9.9.9.9]",
    " [CLIENT: 9.9.9.9]",
    "(-1)> Rejected connection from 9.9.9.9:1: Invalid server password",
    "1 => <4:",
    " from 9.9.9.9: Invalid username or password",
    " from IP 9.9.9.9",
    " ({{9,9,9,9},5})",
    ") Failed authentication for a from 9.9.9.9",
    "] from 9.9.9.9",
    "] from ip 9.9.9.9",
    "Can't find user [a@b] from 9.9.9.9",
    "\" from \"9.9.9.9:5\"",
    "\",\"src_ip\":\"9.9.9.9\",\"eventid\":\"cowrie.session.connect\"",
    "\"}",
    "{\"src_ip\":\"9.9.9.9\",\"eventid\":\"cowrie.session.connect\"}",
    "info: block(1): tcp/accept ]: 9.9.9.9.5 0.0.0.0.1080: error after reading 1 byte in 1 second: could not access user \"a\"",
    "repeated login failures from 9.9.9.9 (a)",
    "failed login from a [9.9.9.9]",
    "' accessing monit httpd",
    "Client '9.9.9.9' supplied unknown user 'a",
    ": unknown user 'a'",
    "HttpRequest: access denied -- client 9.9.9.9",
    "Host 9.9.9.9 is not allowed to talk to us!",
    "pam_unix(daemon:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser=",
    " rhost=9.9.9.9 ",
    " rhost=9.9.9.9  user=a",
    " user=",
    "/9.9.9.9 Port: 1 TCP Blocked",
    "authentication failure; rhost=9.9.9.9 user=a",
    " from 9.9.9.9 via web",
    " via ssh",
    "login failure for user a",
    " :: Viewer Address: 9.9.9.9 :: Type: DH",
    " addr=9.9.9.9 terminal=ssh res=failed'",
    "\", from 9.9.9.9.",
    "Connection \"a\": User authentication failed. The user name that has been provided was \"a\", from 9.9.9.9.",
    "Invalid login as a from 9.9.9.9",
    " from 9.9.9.9",
    "FAIL: telnet address from=9.9.9.9",
    " ip=9.9.9.9 time=5",
    " ip=9.9.9.9",
    "AUTHFAIL: user=",
    "] failed to login from 9.9.9.9",
    "Failed login attempt. 9.9.9.9",
    "Failed Login: username=a",
    " remote_addr=9.9.9.9",
    "\" remote_addr=9.9.9.9 error=\"",
    "msg=\"Invalid username or password\"",
    "client 9.9.9.9#5: query 'a/A/IN' denied",
    "conn=5 fd=21 ACCEPT from IP=9.9.9.9:5 (",
    "conn=4 op=0 RESULT tag=97 err=49 text=",
    " err=49 ",
    ":peer did not return a certificate",
    "LOG3[7]: SSL_accept: ",
    " accepted connection from 9.9.9.9:5",
    "[conn5] Failed to authenticate a@b with mechanism c",
    "[conn6] end connection 9.9.9.9:5 (",
    " on b from client 9.9.9.9:5 ; c",
];
